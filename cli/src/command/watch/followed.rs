//! What `watch` knows of the environment: a state machine that frames go into and events come out of.

use std::collections::BTreeMap;

use mycelia_flags_core::key::FoldedKey;
use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::subscribe_response::Frame;

use crate::view::event::EventView;

/// What to do after a frame.
#[derive(Debug)]
pub(crate) enum Step {
    Nothing,
    /// The state is confirmed.
    Acknowledge,
    /// Something changed; show it, then acknowledge.
    Show(Box<EventView>),
    /// The state is not to be trusted any more: connect again and get all of it.
    StartOver(String),
}

/// The state of the environment, as far as it was sent.
#[derive(Debug, Default)]
pub(crate) struct Followed {
    stream_id: u64,
    epoch: String,
    environment: String,
    revision: u64,
    flags: BTreeMap<String, v1::EffectiveFlag>,
    frames: u64,
}

impl Followed {
    pub(crate) const fn stream_id(&self) -> u64 {
        self.stream_id
    }

    pub(crate) fn epoch(&self) -> &str {
        &self.epoch
    }

    pub(crate) const fn revision(&self) -> u64 {
        self.revision
    }

    /// How many frames were taken, over all streams.
    pub(crate) const fn frames(&self) -> u64 {
        self.frames
    }

    /// Takes the next frame.
    pub(crate) fn take(&mut self, frame: Frame) -> Step {
        self.frames += 1;
        match frame {
            Frame::Welcome(welcome) => self.welcome(welcome),
            Frame::Snapshot(snapshot) => self.snapshot(snapshot),
            Frame::Delta(delta) => self.delta(delta),
            Frame::Heartbeat(_) | Frame::Goodbye(_) => Step::Nothing,
        }
    }

    fn welcome(&mut self, welcome: v1::Welcome) -> Step {
        let nothing_new =
            self.revision > 0 && welcome.epoch == self.epoch && welcome.revision == self.revision;
        self.stream_id = welcome.stream_id;
        self.environment = welcome.environment;
        if nothing_new { Step::Acknowledge } else { Step::Nothing }
    }

    fn snapshot(&mut self, snapshot: v1::Snapshot) -> Step {
        let before = (!self.epoch.is_empty()).then_some(&self.flags);
        let event = EventView::of_snapshot(&self.environment, &snapshot, before);
        self.epoch = snapshot.epoch;
        self.revision = snapshot.revision;
        self.flags = snapshot.flags.into_iter().map(|flag| (flag.key.clone(), flag)).collect();
        Step::Show(Box::new(event))
    }

    fn delta(&mut self, delta: v1::Delta) -> Step {
        if delta.revision <= self.revision {
            return Step::Nothing;
        }
        if delta.previous_revision != self.revision {
            let why = format!(
                "a gap: revision {} builds on {}, not on {}",
                delta.revision, delta.previous_revision, self.revision
            );
            self.revision = 0;
            return Step::StartOver(why);
        }
        let mut delta = delta;
        // What left travels under its folded key; people know it by the spelling that it was shown with.
        for removed in &mut delta.removed {
            let folded = FoldedKey::of(removed);
            if let Some(spelled) = self.flags.keys().find(|key| FoldedKey::of(key) == folded) {
                removed.clone_from(spelled);
            }
        }
        let event = EventView::of_delta(&self.environment, &delta);
        self.revision = delta.revision;
        for key in &delta.removed {
            self.flags.remove(key);
        }
        self.flags.extend(delta.flags.into_iter().map(|flag| (flag.key.clone(), flag)));
        Step::Show(Box::new(event))
    }
}
