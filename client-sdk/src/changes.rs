//! Listening to changes. Listeners pull: whoever sleeps gets one event for everything that happened meanwhile.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Waker, Poll};

use futures_core::Stream;
use mycelia_flags_core::digest::Digest;
use mycelia_flags_core::key::{FlagKey, FoldedKey};
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;

use crate::change_log::Missed;
use crate::shared::{Head, Shared};

/// What kind of change it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// Some flags changed.
    Update,
    /// The whole state was replaced: at the first contact, after a gap, or because the server's store is another one.
    Replacement,
}

/// Which flags changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangedKeys {
    /// These did, and no others.
    These(Vec<FlagKey>),
    /// Any flag may have changed: there were too many to name.
    Any,
}

/// One or several changes of the state in force.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangeEvent {
    /// The revision in force now.
    pub revision: u64,
    /// What happened. Several changes are a replacement when one of them was.
    pub kind: ChangeKind,
    /// Which flags differ, or may differ: one that was changed back is still named.
    pub keys: ChangedKeys,
}

impl ChangeEvent {
    /// Whether a flag is concerned, in any of its spellings.
    #[must_use]
    pub fn concerns(&self, key: &str) -> bool {
        match &self.keys {
            ChangedKeys::Any => true,
            ChangedKeys::These(keys) => {
                let folded = FoldedKey::of(key);
                keys.iter().any(|changed| changed.folded() == folded)
            }
        }
    }
}

/// The changes of a client's state, from [`Client::changes`](crate::Client::changes). Ends when the client is closed.
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Changes {
    shared: Arc<Shared>,
    heads: WatchStream<Head>,
    cursor: u64,
    ended: bool,
}

impl Changes {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let receiver = shared.watch_head();
        let cursor = receiver.borrow().generation;
        Self {
            // The present head is delivered first, so that a client which is closed already ends the stream.
            heads: WatchStream::new(receiver),
            shared,
            cursor,
            ended: false,
        }
    }

    /// The next change; none when the client is closed.
    pub async fn next(&mut self) -> Option<ChangeEvent> {
        std::future::poll_fn(|waker| Pin::new(&mut *self).poll_next(waker)).await
    }

    fn take(&mut self) -> Option<ChangeEvent> {
        let missed = self.shared.missed(self.cursor)?;
        self.cursor = missed.generation;
        Some(event(self.shared.state().revision().get(), missed))
    }
}

impl Stream for Changes {
    type Item = ChangeEvent;

    fn poll_next(self: Pin<&mut Self>, waker: &mut Waker<'_>) -> Poll<Option<ChangeEvent>> {
        let this = self.get_mut();
        loop {
            if let Some(event) = this.take() {
                return Poll::Ready(Some(event));
            }
            if this.ended {
                return Poll::Ready(None);
            }
            match Pin::new(&mut this.heads).poll_next(waker) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(head)) => this.ended = head.closed,
                Poll::Ready(None) => this.ended = true,
            }
        }
    }
}

fn event(revision: u64, missed: Missed) -> ChangeEvent {
    let Some(changes) = missed.changes else {
        return ChangeEvent { revision, kind: ChangeKind::Replacement, keys: ChangedKeys::Any };
    };
    let whole = changes.iter().any(|changed| changed.whole);
    let mut keys = BTreeMap::new();
    for key in changes.iter().flat_map(|changed| changed.keys.iter()) {
        keys.insert(key.folded(), key.clone());
    }
    ChangeEvent {
        revision,
        kind: if whole { ChangeKind::Replacement } else { ChangeKind::Update },
        keys: ChangedKeys::These(keys.into_values().collect()),
    }
}

/// The client was closed: nothing will change any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client is closed: nothing will change any more")]
pub struct ClosedError;

/// Watches one flag's definition, from [`Client::watch`](crate::Client::watch).
#[derive(Debug)]
pub struct FlagWatch {
    shared: Arc<Shared>,
    head: watch::Receiver<Head>,
    key: FoldedKey,
    seen: Option<Digest>,
    revision: u64,
}

impl FlagWatch {
    pub(crate) fn new(shared: Arc<Shared>, key: &str) -> Self {
        let head = shared.watch_head();
        let mut watch = Self { shared, head, key: FoldedKey::of(key), seen: None, revision: 0 };
        watch.look();
        watch
    }

    /// The revision at which the flag was last seen to change; at first the one that was in force at the beginning.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether there is such a flag now.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.shared.state().set.get(self.key.as_str()).is_some()
    }

    /// Waits until the flag's definition differs from the one that was seen last: it changed, came or went, or whom it is
    /// about did: its segments, its prerequisites, the canary. Answers
    /// with the revision in force then. Changes that were undone before anybody looked are not reported.
    ///
    /// # Errors
    /// When the client is closed.
    pub async fn changed(&mut self) -> Result<u64, ClosedError> {
        loop {
            let closed = self.head.borrow_and_update().closed;
            if self.look() {
                return Ok(self.revision);
            }
            if closed || self.head.changed().await.is_err() {
                return Err(ClosedError);
            }
        }
    }

    fn look(&mut self) -> bool {
        let state = self.shared.state();
        let hash = state.hash_of(&self.key);
        let first = self.revision == 0 && self.seen.is_none();
        let differs = hash != self.seen;
        if differs || first {
            self.seen = hash;
            self.revision = state.revision().get();
        }
        differs
    }
}
