//! What streams of answers follow, when they speak and when they end, and how many of them there are: WatchEvaluations, the
//! events of `flagd.evaluation`, and OFREP's.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;

use crate::distribution::hub::{Hub, HubOptions};
use crate::state::Store;

/// What streams of answers follow, and when they speak and end.
#[derive(Debug, Clone)]
pub struct Following {
    /// Whose head moves.
    pub store: Store,
    /// The longest silence.
    pub heartbeat: Duration,
    /// A stream ends when it is this old, give or take a fifth.
    pub age_max: Duration,
    /// Cancelled when streams are to end.
    pub draining: CancellationToken,
    /// Those of this listener.
    pub open: OpenStreams,
}

impl Following {
    /// Timed as those of the hub are, and ended with them; none is open yet.
    #[must_use]
    pub fn new(store: Store, hub: &Hub, options: HubOptions) -> Self {
        Self {
            store,
            heartbeat: options.heartbeat,
            age_max: options.stream_age_max,
            draining: hub.draining().clone(),
            open: OpenStreams::default(),
        }
    }

    /// Ends when a stream that begins now is old enough. Streams that began together do not end together.
    pub(super) fn age(&self) -> Pin<Box<Sleep>> {
        Box::pin(tokio::time::sleep(self.age_max.mul_f64(0.8 + fastrand::f64() * 0.4)))
    }
}

/// Counts streams that are open.
#[derive(Debug, Clone, Default)]
pub struct OpenStreams(Arc<AtomicUsize>);

impl OpenStreams {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// One more, until it is dropped.
    #[must_use]
    pub(super) fn begin(&self) -> OpenStream {
        self.0.fetch_add(1, Ordering::Relaxed);
        OpenStream(Arc::clone(&self.0))
    }
}

/// A stream that is open.
#[derive(Debug)]
pub(super) struct OpenStream(Arc<AtomicUsize>);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
