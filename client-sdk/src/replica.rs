//! The protocol of a subscription as a state machine: frames in, actions out. No I/O, no clock, no task.
//!
//! What it holds, always: the state in force is one that the server had at that revision; within a lineage (the store's
//! epoch and the environment) the revision never goes back; a change is in force as a whole or not at all. "Your flags
//! changed" and "the stream is unwell" are different things: whatever is wrong with a stream, the last good state stays
//! in force, and the next subscription asks for everything.

mod answer;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::digest::Digest;
use mycelia_flags_core::key::{FoldedKey, SegmentKey};
use mycelia_flags_core::key_set::KeySet;
use mycelia_flags_core::list::ListKey;
use mycelia_flags_core::revision::Revision;
use mycelia_flags_core::update::{EntryKey, ListEdit, Member, MisfitError, Update, View};
use mycelia_flags_proto::raw::{Body, RawDelta, RawSnapshot};
use mycelia_flags_proto::{convert, v1};

pub(crate) use self::answer::{Action, Distrust, Event, Known, Report};
use crate::decode;
use crate::limits::{HEARTBEAT_DEFAULT, HEARTBEAT_MAX, HEARTBEAT_MIN, REFUSED_BYTES_MAX};
use crate::state::{Changed, Content, Lineage, State};

/// What a Welcome said.
#[derive(Debug)]
struct Stream {
    id: u64,
    lineage: Lineage,
    bucketing: Generation,
    head: Revision,
    heartbeat: Duration,
    mismatches: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Replica {
    held: Option<Arc<State>>,
    generation: u64,
    keep_raw: bool,
    service: Arc<str>,
    stream: Option<Stream>,
    goodbye: Option<Duration>,
    /// What is held is not to be built upon: the next subscription asks for everything.
    everything: bool,
    /// The stream is to be given up: nothing on it counts any more.
    abandoned: bool,
}

impl Replica {
    /// Starts from a state that is held already, or from none. `keep_raw`: states keep the flags' bytes.
    pub(crate) const fn new(
        held: Option<Arc<State>>,
        generation: u64,
        keep_raw: bool,
        service: Arc<str>,
    ) -> Self {
        Self {
            held,
            generation,
            keep_raw,
            service,
            stream: None,
            goodbye: None,
            everything: false,
            abandoned: false,
        }
    }

    /// What the next subscription says is known.
    pub(crate) fn known(&self) -> Known {
        match &self.held {
            Some(held) if self.everything => {
                Known { epoch: Arc::clone(&held.lineage.epoch), ..Known::default() }
            }
            Some(held) => Known {
                epoch: Arc::clone(&held.lineage.epoch),
                revision: held.revision().get(),
                digest: Bytes::copy_from_slice(&held.view.digest().to_bytes()),
            },
            None => Known::default(),
        }
    }

    /// How often the server said that it would be heard; none before the Welcome.
    pub(crate) fn heartbeat(&self) -> Option<Duration> {
        self.stream.as_ref().map(|stream| stream.heartbeat)
    }

    /// The goodbye that the stream has brought: how long to stay away.
    pub(crate) const fn goodbye(&self) -> Option<Duration> {
        self.goodbye
    }

    /// Takes what happened, and says what is to be done, in order.
    pub(crate) fn on(&mut self, event: Event) -> Vec<Action> {
        let done = match event {
            Event::Ended => return self.ended(),
            _ if self.abandoned => return Vec::new(),
            Event::Undecodable(why) => Err(Distrust::Undecodable(why)),
            Event::Frame(frame) => match frame.body {
                // A kind that this version does not know.
                None => Ok(Vec::new()),
                Some(Body::Welcome(welcome)) => self.welcome(&welcome),
                Some(Body::Snapshot(snapshot)) => self.snapshot(&snapshot),
                Some(Body::Delta(delta)) => self.delta(&delta),
                Some(Body::Heartbeat(heartbeat)) => self.compare(&heartbeat),
                Some(Body::Goodbye(goodbye)) => {
                    self.goodbye = Some(Duration::from_millis(goodbye.reconnect_after_ms.into()));
                    Ok(Vec::new())
                }
            },
        };
        done.unwrap_or_else(|distrust| self.give_up(distrust))
    }

    fn ended(&mut self) -> Vec<Action> {
        self.stream = None;
        self.abandoned = false;
        match self.goodbye.take() {
            Some(_) => Vec::new(),
            None => vec![Action::Stale],
        }
    }

    fn give_up(&mut self, distrust: Distrust) -> Vec<Action> {
        self.abandoned = true;
        self.everything = true;
        self.goodbye = None;
        if let (Distrust::Diverged(_), Some(stream)) = (&distrust, &mut self.stream) {
            stream.mismatches = stream.mismatches.saturating_add(1);
        }
        let report = self.report(distrust.to_string());
        report.into_iter().map(Action::Acknowledge).chain([Action::Resubscribe(distrust)]).collect()
    }

    fn welcome(&mut self, welcome: &v1::Welcome) -> Result<Vec<Action>, Distrust> {
        if self.stream.is_some() {
            return Err(Distrust::Protocol("a second welcome"));
        }
        let lineage =
            Lineage { epoch: Arc::from(&*welcome.epoch), environment: Arc::from(&*welcome.environment) };
        let bucketing = bucketing(welcome.bucketing)?;
        let head = Revision::new(welcome.revision);
        self.goodbye = None;
        self.stream = Some(Stream {
            id: welcome.stream_id,
            lineage: lineage.clone(),
            bucketing,
            head,
            heartbeat: match Duration::from_millis(welcome.heartbeat_interval_ms.into()) {
                Duration::ZERO => HEARTBEAT_DEFAULT,
                interval => interval.clamp(HEARTBEAT_MIN, HEARTBEAT_MAX),
            },
            mismatches: 0,
        });
        let Some(held) =
            self.held.as_ref().filter(|held| !self.everything && held.lineage.epoch == lineage.epoch)
        else {
            // Nothing to build upon: a snapshot follows.
            return if welcome.up_to_date {
                Err(Distrust::Protocol("up to date, though nothing of use was said to be held"))
            } else {
                Ok(Vec::new())
            };
        };
        // The server cannot know that these differ, and would send what builds upon another state.
        if held.lineage.environment != lineage.environment {
            return Err(Distrust::Protocol("another environment than before"));
        }
        if held.bucketing != bucketing {
            return Err(Distrust::Protocol("another bucketing than before"));
        }
        if welcome.up_to_date && Some(held.view.digest().sealed(head)) != Digest::from_bytes(&welcome.digest)
        {
            return Err(Distrust::Diverged(head));
        }
        match (welcome.up_to_date, head.cmp(&held.revision())) {
            (true, Ordering::Greater) => self.rename(head),
            (true, Ordering::Equal) => Ok(self.settled()),
            // Changes follow, or a snapshot; or the server is behind. Nothing was sent on this stream yet, so there is
            // nothing to acknowledge on it.
            (true, Ordering::Less) | (false, _) => Ok(Vec::new()),
        }
    }

    /// What is held is the state of a later revision as well: nothing in between touched it, or all of it was undone.
    fn rename(&mut self, revision: Revision) -> Result<Vec<Action>, Distrust> {
        let Some(held) = self.in_lineage().map(Arc::clone) else {
            return Ok(Vec::new());
        };
        let update = Update {
            previous: held.revision(),
            revision,
            members: BTreeMap::new(),
            lists: BTreeMap::new(),
            digest: held.view.digest(),
        };
        self.apply(&held, &update)
    }

    fn snapshot(&mut self, snapshot: &RawSnapshot) -> Result<Vec<Action>, Distrust> {
        let stream = self.stream()?;
        if *snapshot.epoch != *stream.lineage.epoch {
            return Err(Distrust::Protocol("a snapshot of another store than the stream's"));
        }
        let lineage = stream.lineage.clone();
        let bucketing = bucketing(snapshot.bucketing)?;
        let revision = Revision::new(snapshot.revision);
        if self.in_lineage().is_some_and(|held| revision < held.revision()) {
            // The server is behind what it told us before: another replica, perhaps. It will catch up.
            return Ok(Vec::new());
        }
        let view = View::of(revision, members(snapshot, bucketing, self.keep_raw), lists(snapshot)?);
        if Some(view.digest().sealed(revision)) != Digest::from_bytes(&snapshot.digest) {
            return Err(Distrust::Diverged(revision));
        }
        self.everything = false;
        let same = self.in_lineage().is_some_and(|held| {
            held.revision() == revision && held.view.digest() == view.digest() && held.bucketing == bucketing
        });
        if same {
            return Ok(self.settled());
        }
        Ok(self.install(State::of(lineage, bucketing, Arc::clone(&self.service), view), None))
    }

    fn delta(&mut self, delta: &RawDelta) -> Result<Vec<Action>, Distrust> {
        let stream = self.stream()?;
        let bucketing = stream.bucketing;
        let revision = Revision::new(delta.revision);
        let previous = Revision::new(delta.previous_revision);
        let Some(held) = self.in_lineage().map(Arc::clone) else {
            return Err(Distrust::Gap {
                held: Revision::ZERO,
                what: format!("a change of revision {previous}"),
            });
        };
        if revision <= held.revision() {
            // Sent again.
            return Ok(Vec::new());
        }
        let update = Update {
            previous,
            revision,
            members: changed_members(delta, bucketing, self.keep_raw),
            lists: changed_lists(delta)?,
            digest: Digest::from_bytes(&delta.digest).ok_or(Distrust::Diverged(revision))?.unsealed(revision),
        };
        self.apply(&held, &update)
    }

    fn apply(&mut self, held: &State, update: &Update<Content>) -> Result<Vec<Action>, Distrust> {
        let mut view = held.view.clone();
        view.apply(update).map_err(|misfit| match misfit {
            MisfitError::Gap { previous, held } => {
                Distrust::Gap { held, what: format!("a change of revision {previous}") }
            }
            MisfitError::Diverged { revision } => Distrust::Diverged(revision),
        })?;
        self.everything = false;
        let next = held.after(update, view);
        Ok(self.install(next, Some(update)))
    }

    fn compare(&mut self, heartbeat: &v1::Heartbeat) -> Result<Vec<Action>, Distrust> {
        self.stream()?;
        let revision = Revision::new(heartbeat.revision);
        let held = self.in_lineage();
        let at = held.map_or(Revision::ZERO, |held| held.revision());
        if held.is_none() || revision > at {
            return Err(Distrust::Gap { held: at, what: format!("a heartbeat of revision {revision}") });
        }
        let digest = held.map(|held| held.view.digest().sealed(held.revision()));
        if revision < at {
            return Ok(Vec::new());
        }
        if digest != Digest::from_bytes(&heartbeat.digest) {
            return Err(Distrust::Diverged(revision));
        }
        self.everything = false;
        Ok(vec![Action::Live])
    }

    /// Puts a state into force. `update`: what led to it; none when it replaces everything.
    fn install(&mut self, mut next: State, update: Option<&Update<Content>>) -> Vec<Action> {
        self.generation = self.generation.saturating_add(1);
        next.generation = self.generation;
        let nothing = View::default();
        let before = self.held.as_ref().map_or(&nothing, |held| &held.view);
        let changed = match update {
            Some(update) => Changed::of(before, update, &next, false),
            None => Changed::of(before, &before.diff(&next.view), &next, true),
        };
        let next = Arc::new(next);
        self.held = Some(Arc::clone(&next));
        let mut actions = vec![Action::Install(next, changed)];
        actions.extend(self.settled());
        actions
    }

    /// What follows when the state in force is in order.
    fn settled(&self) -> Vec<Action> {
        let reached = match (&self.stream, &self.held) {
            (Some(stream), Some(held)) => held.revision() >= stream.head,
            _ => false,
        };
        let report = self.report(self.broken()).map(Action::Acknowledge);
        report.into_iter().chain(reached.then_some(Action::Live)).collect()
    }

    fn report(&self, mut refused: String) -> Option<Report> {
        let stream = self.stream.as_ref()?;
        let end = refused.floor_char_boundary(REFUSED_BYTES_MAX);
        refused.truncate(end);
        Some(Report {
            stream_id: stream.id,
            applied: self.in_lineage().map_or(Revision::ZERO, |held| held.revision()),
            refused,
            mismatches: stream.mismatches,
        })
    }

    /// Which flags and segments this version cannot evaluate. All of them, not only new ones: reports are coalesced.
    fn broken(&self) -> String {
        let mut text = String::new();
        for member in self.held.iter().flat_map(|held| held.view.members()) {
            if let Some((kind, key, why)) = member.content.broken()
                && text.len() < REFUSED_BYTES_MAX
            {
                let separator = if text.is_empty() { "" } else { "; " };
                text.extend([separator, kind, " ", key, ": ", why]);
            }
        }
        text
    }

    fn stream(&self) -> Result<&Stream, Distrust> {
        self.stream.as_ref().ok_or(Distrust::Protocol("the first frame is no welcome"))
    }

    /// What is held, when it belongs where the stream does.
    fn in_lineage(&self) -> Option<&Arc<State>> {
        let stream = self.stream.as_ref()?;
        self.held.as_ref().filter(|held| held.lineage == stream.lineage)
    }
}

fn bucketing(number: i32) -> Result<Generation, Distrust> {
    convert::generation_from_wire("bucketing", number)
        .map_err(|error| Distrust::Undecodable(error.to_string()))
}

fn members(snapshot: &RawSnapshot, bucketing: Generation, keep_raw: bool) -> Vec<Member<Content>> {
    let flags = snapshot.flags.iter().map(|raw| decode::flag(raw, bucketing, keep_raw));
    let segments = snapshot.segments.iter().map(|raw| decode::segment(raw, bucketing, keep_raw));
    let canary = snapshot.canary.iter().map(|raw| decode::canary(raw, keep_raw));
    flags.chain(segments).chain(canary).collect()
}

fn lists(snapshot: &RawSnapshot) -> Result<Vec<(ListKey, KeySet)>, Distrust> {
    let lists = snapshot.lists.iter().map(convert::key_list_from_wire).collect::<Result<_, _>>();
    lists.map_err(|error| Distrust::Undecodable(error.to_string()))
}

fn changed_members(
    delta: &RawDelta,
    bucketing: Generation,
    keep_raw: bool,
) -> BTreeMap<EntryKey, Option<Member<Content>>> {
    let removed = delta.removed.iter().map(|key| (EntryKey::Flag(FoldedKey::of(key)), None));
    let segments = delta.removed_segments.iter().map(|key| (EntryKey::Segment(SegmentKey::new(key)), None));
    let flags = delta.flags.iter().map(|raw: &Bytes| decode::flag(raw, bucketing, keep_raw));
    let changed = flags
        .chain(delta.segments.iter().map(|raw| decode::segment(raw, bucketing, keep_raw)))
        .chain(delta.canary.iter().map(|raw| decode::canary(raw, keep_raw)))
        .map(|member| (member.key.clone(), Some(member)));
    removed.chain(segments).chain(changed).collect()
}

fn changed_lists(delta: &RawDelta) -> Result<BTreeMap<ListKey, ListEdit>, Distrust> {
    let lists = delta.lists.iter().map(convert::list_edit_from_wire).collect::<Result<_, _>>();
    lists.map_err(|error| Distrust::Undecodable(error.to_string()))
}

#[cfg(test)]
mod tests;
