//! WaitConverged and Backup: answers that come in parts.

use std::collections::BTreeMap;

use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_core::rejection::Reason;
use mycelia_flags_core::revision::{Revision, Timestamp};
use mycelia_flags_proto::v1;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tracing::warn;

use super::AdminEdge;
use super::reads::refused;
use crate::distribution::convergence::{Goal, Progress, ServiceProgress};
use crate::edge::status;

/// A stream of answers, made by a task that ends when nobody listens.
pub(super) type Answers<T> = ReceiverStream<Result<T, Status>>;

/// Parts that wait for a slow reader before the task that makes them waits too.
const PARTS_MAX: usize = 4;

impl AdminEdge {
    pub(super) fn progress(
        &self,
        request: v1::WaitConvergedRequest,
    ) -> Result<Answers<v1::WaitConvergedResponse>, Status> {
        let goal = self.goal(&request)?;
        let (sender, receiver) = mpsc::channel(PARTS_MAX);
        let hub = std::sync::Arc::clone(&self.hub);
        let draining = self.hub.draining().clone();
        let revision = if request.revision == 0 {
            self.store.snapshot().revision()
        } else {
            Revision::new(request.revision)
        };
        self.tasks.spawn(async move {
            let tell = async {
                if !hub.wait_taken_in(revision).await {
                    return;
                }
                let mut before: Option<Progress> = None;
                while let Some(progress) = hub.next_progress(&goal, before.as_ref()).await {
                    let message = progress_to_wire(revision, goal.committed_at, &progress);
                    let converged = progress.converged;
                    before = Some(progress);
                    if sender.send(Ok(message)).await.is_err() || converged {
                        return;
                    }
                }
            };
            tokio::select! {
                () = tell => {}
                () = sender.closed() => {}
                () = draining.cancelled() => {
                    // Whoever waits is told that it was not an end. Nobody may be listening any more.
                    let _gone = sender.send(Err(status::draining())).await;
                }
            }
        });
        Ok(ReceiverStream::new(receiver))
    }

    fn goal(&self, request: &v1::WaitConvergedRequest) -> Result<Goal, Status> {
        let snapshot = self.store.snapshot();
        if request.revision > snapshot.revision().get() {
            let allowed = format!("0 (everything so far) to {}", snapshot.revision());
            return Err(refused(Reason::OutOfRange, "revision", &request.revision.to_string(), allowed));
        }
        let environment =
            (!request.environment.is_empty()).then(|| EnvironmentKey::new(&request.environment));
        if let Some(environment) =
            environment.as_ref().filter(|environment| !snapshot.has_environment(environment))
        {
            let names: Vec<&str> = snapshot.environments().map(EnvironmentKey::as_str).collect();
            let allowed = format!("one of {}", names.join(", "));
            return Err(refused(Reason::UnknownEnvironment, "environment", environment.as_str(), allowed));
        }
        let revision = (request.revision > 0).then(|| Revision::new(request.revision));
        let before = revision.map(|revision| Revision::new(revision.get().saturating_sub(1)));
        let record = before.and_then(|before| self.store.records_after(before)?.into_iter().next());
        Ok(Goal {
            revision,
            committed_at: record.map(|record| record.committed_at),
            environment,
            instances_min: usize::try_from(request.min_instances).unwrap_or(usize::MAX),
        })
    }

    pub(super) fn backup_chunks(&self) -> Answers<v1::BackupResponse> {
        let (sender, receiver) = mpsc::channel(PARTS_MAX);
        let (chunks, mut incoming) = mpsc::channel(PARTS_MAX);
        let store = self.store.clone();
        self.tasks.spawn(async move {
            let forward = async {
                while let Some(chunk) = incoming.recv().await {
                    if sender.send(Ok(v1::BackupResponse { chunk })).await.is_err() {
                        return;
                    }
                }
            };
            let (outcome, ()) = tokio::join!(store.backup(chunks), forward);
            if let Err(failure) = outcome {
                warn!(error = %failure, "a backup failed");
                // Whoever listens must not take a part for the whole; nobody may be listening any more.
                let _gone = sender.send(Err(status::read_failed(&failure))).await;
            }
        });
        ReceiverStream::new(receiver)
    }
}

fn progress_to_wire(
    revision: Revision,
    committed_at: Option<Timestamp>,
    progress: &Progress,
) -> v1::WaitConvergedResponse {
    let since = |at: Option<Timestamp>| Some(at?.micros_since(committed_at?));
    let service = |(name, service): (&String, &ServiceProgress)| v1::ServiceProgress {
        service: name.clone(),
        converged: u32::try_from(service.converged).unwrap_or(u32::MAX),
        live: u32::try_from(service.live).unwrap_or(u32::MAX),
        first_after_micros: since(service.first),
        last_after_micros: since(service.last),
    };
    let services: &BTreeMap<String, ServiceProgress> = &progress.services;
    v1::WaitConvergedResponse {
        revision: revision.get(),
        converged: progress.converged,
        services: services.iter().map(service).collect(),
        slowest: progress.slowest.clone(),
        spread_micros: progress.spread_micros,
    }
}
