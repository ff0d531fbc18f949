//! Which flags of an environment change: what providers must hear, because they keep what is STATIC.

use std::collections::BTreeMap;

use mycelia_flags_core::key::{EnvironmentKey, FoldedKey};
use mycelia_flags_core::snapshot::Snapshot;
use mycelia_flags_core::value::Value;
use prost_types::Struct;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::FlagdEdge;
use super::structs::{fields, theirs};
use crate::edge::callers::Callers;
use crate::edge::status;
use crate::edge::touched::Touched;

/// Events that wait for a slow reader before the task that makes them waits too. What changes meanwhile becomes one.
const EVENTS_MAX: usize = 4;

/// An event of either version.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) kind: &'static str,
    pub(super) data: Option<Struct>,
}

impl FlagdEdge {
    /// Events of an environment, until nobody listens, the stream is old enough or the server drains.
    pub(super) fn events<T: Send + 'static>(
        &self,
        metadata: &MetadataMap,
        told: impl Fn(Told) -> T + Send + Sync + 'static,
    ) -> Result<ReceiverStream<Result<T, Status>>, Status> {
        let environment = self.environment_key(metadata, "")?;
        let (sender, receiver) = mpsc::channel(EVENTS_MAX);
        let (edge, draining) = (self.clone(), self.draining.clone());
        let following = &self.evaluation.following;
        let (age, open) = (following.age(), following.open.begin());
        self.tasks.spawn(async move {
            let _open = open;
            let tell = edge.tell(&environment, &sender, &told);
            tokio::select! {
                () = tell => {}
                () = sender.closed() => {}
                // A stream that ends well is never opened again by some providers.
                () = age => drop(sender.send(Err(status::too_old())).await),
                () = draining.cancelled() => {
                    let _gone = sender.send(Ok(told(Told { kind: "provider_shutdown", data: None }))).await;
                    let _gone = sender.send(Err(status::draining())).await;
                }
            }
        });
        Ok(ReceiverStream::new(receiver))
    }

    async fn tell<T>(
        &self,
        environment: &EnvironmentKey,
        sender: &mpsc::Sender<Result<T, Status>>,
        told: &(impl Fn(Told) -> T + Sync),
    ) {
        let mut head = self.store.head();
        let mut before = self.store.snapshot();
        let ready = Told { kind: "provider_ready", data: Some(Struct::default()) };
        if sender.send(Ok(told(ready))).await.is_err() {
            return;
        }
        // Some providers keep what they know while they connect again, and it may have changed meanwhile.
        let callers = &self.evaluation.callers;
        let all = changed(environment, callers, (&before, &before), Touched::All);
        if !all.is_empty() {
            let event = Told { kind: "configuration_change", data: Some(data(&all)) };
            if sender.send(Ok(told(event))).await.is_err() {
                return;
            }
        }
        loop {
            let quiet = self.evaluation.following.heartbeat;
            let event = match tokio::time::timeout(quiet, head.changed()).await {
                Err(_quiet) => Told { kind: "keep_alive", data: None },
                Ok(Err(_closed)) => return,
                Ok(Ok(())) => {
                    let now = self.store.snapshot();
                    let touched = callers.touched(&self.store, environment, &before, &now);
                    let changed = changed(environment, callers, (&before, &now), touched);
                    before = now;
                    if changed.is_empty() {
                        continue;
                    }
                    Told { kind: "configuration_change", data: Some(data(&changed)) }
                }
            };
            if sender.send(Ok(told(event))).await.is_err() {
                return;
            }
        }
    }
}

/// How each of the touched flags changed, by its key as it is or was spelled; and those that ask one of them.
fn changed(
    environment: &EnvironmentKey,
    callers: &Callers,
    (before, now): (&Snapshot, &Snapshot),
    touched: Touched,
) -> BTreeMap<String, &'static str> {
    let mut keys = match touched {
        Touched::All => before.flags().chain(now.flags()).map(|(key, _)| key.clone()).collect(),
        Touched::These(keys) => keys,
    };
    loop {
        let asks = |flag: &FoldedKey| {
            let configuration = now.configuration(environment, flag);
            configuration.is_some_and(|found| {
                found.prerequisites.iter().any(|needed| keys.contains(&needed.flag.folded()))
            })
        };
        let more = now.flags().map(|(key, _)| key.clone()).filter(|flag| !keys.contains(flag));
        let more: Vec<FoldedKey> = more.filter(asks).collect();
        if more.is_empty() {
            break;
        }
        keys.extend(more);
    }
    let lives = |snapshot: &Snapshot, key: &FoldedKey| {
        callers.may_know(snapshot, key) && snapshot.effective(environment, key).is_some()
    };
    let spelled = |key: &FoldedKey| {
        let known = |snapshot: &&Snapshot| callers.may_know(snapshot, key);
        let mut flags = [now, before].into_iter().filter(known).filter_map(|snapshot| snapshot.flag(key));
        flags.next().map(|flag| flag.key.to_string())
    };
    let how = |key: FoldedKey| {
        let how = match (lives(before, &key), lives(now, &key)) {
            (false, false) => return None,
            (false, true) => "write",
            (true, true) => "update",
            (true, false) => "delete",
        };
        Some((spelled(&key)?, how))
    };
    keys.into_iter().filter_map(how).collect()
}

fn data(changed: &BTreeMap<String, &'static str>) -> Struct {
    let how = |how: &str| Value::Object(BTreeMap::from([(Box::from("type"), Value::string(how))]));
    let flags = changed.iter().map(|(key, said)| (Box::from(key.as_str()), how(said))).collect();
    fields([("flags", theirs(&Value::Object(flags)))])
}
