//! One subscriber's stream of frames: a cursor over its scope's feed.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use mycelia_flags_core::revision::Revision;
use tokio::sync::watch;
use tokio::time::Sleep;
use tokio_stream::wrappers::WatchStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::encode::{Encode, EndReason};
use super::feed::Cursor;
use super::hub::{FeedCell, HubOptions};
use super::registry::{Entry, Registry};

/// When a stream speaks and ends. Drawn once for each stream, so that a thousand streams do not speak at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    first_heartbeat: Duration,
    heartbeat: Duration,
    age_max: Duration,
    reconnect_after_ms: u32,
}

impl Timing {
    pub(super) fn draw(options: &HubOptions, streams: usize) -> Self {
        let spread_ms = u64::try_from(streams).unwrap_or(u64::MAX).saturating_mul(1_000)
            / u64::from(options.reconnects_per_second.max(1));
        let spread_ms = u32::try_from(spread_ms).unwrap_or(u32::MAX).max(250);
        Self {
            first_heartbeat: options.heartbeat.mul_f64(0.5 + fastrand::f64() / 2.0),
            heartbeat: options.heartbeat,
            age_max: options.stream_age_max.mul_f64(0.8 + fastrand::f64() * 0.4),
            reconnect_after_ms: fastrand::u32(0..=spread_ms),
        }
    }
}

/// What a stream hands to its connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// The bytes of a frame.
    Frame(Bytes),
    /// The stream ends, and why. Nothing follows.
    End(EndReason),
}

/// A stream of frames. Dropping it ends the subscription.
#[derive(Debug)]
pub struct Subscription {
    cell: Arc<FeedCell>,
    changed: WatchStream<Revision>,
    entry: Arc<Entry>,
    registry: Arc<Registry>,
    encode: Arc<dyn Encode>,
    cursor: Cursor,
    welcome: Option<Bytes>,
    timing: Timing,
    timer: Pin<Box<Sleep>>,
    /// When the timer fires next it is for this.
    expires: Expiry,
    age_left: Duration,
    draining: Pin<Box<WaitForCancellationFutureOwned>>,
    ending: Option<EndReason>,
    ended: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expiry {
    Heartbeat,
    Age,
}

impl Subscription {
    #[expect(clippy::too_many_arguments, reason = "called by the hub alone, which names every one of them")]
    pub(super) fn new(
        cell: Arc<FeedCell>,
        changed: watch::Receiver<Revision>,
        entry: Arc<Entry>,
        registry: Arc<Registry>,
        encode: Arc<dyn Encode>,
        cursor: Cursor,
        welcome: Bytes,
        timing: Timing,
        draining: CancellationToken,
    ) -> Self {
        if let Cursor::At(revision) = cursor {
            entry.note_sent(revision);
        }
        let first = timing.first_heartbeat.min(timing.age_max);
        Self {
            cell,
            changed: WatchStream::new(changed),
            entry,
            registry,
            encode,
            cursor,
            welcome: Some(welcome),
            timer: Box::pin(tokio::time::sleep(first)),
            expires: if first == timing.age_max { Expiry::Age } else { Expiry::Heartbeat },
            age_left: timing.age_max.saturating_sub(first),
            timing,
            draining: Box::pin(draining.cancelled_owned()),
            ending: None,
            ended: false,
        }
    }

    /// The stream's entry in the registry.
    #[must_use]
    pub const fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }

    /// Says goodbye now; the end follows.
    fn say_goodbye(&mut self, reason: EndReason) -> Poll<Option<Item>> {
        self.ending = Some(reason);
        Poll::Ready(Some(Item::Frame(self.encode.goodbye(reason, self.timing.reconnect_after_ms))))
    }

    fn next_frame(&mut self) -> Option<Bytes> {
        let (frame, cursor) = self.cell.feed().next(self.cursor, &*self.encode)?;
        self.move_to(cursor);
        Some(frame)
    }

    /// Says that nothing changed; or, when something has in this very moment, what. Both under one lock: a heartbeat
    /// never names a revision that was not sent.
    fn heartbeat(&mut self) -> Bytes {
        let mut feed = self.cell.feed();
        match feed.next(self.cursor, &*self.encode) {
            Some((frame, cursor)) => {
                drop(feed);
                self.move_to(cursor);
                frame
            }
            None => self.encode.heartbeat(feed.revision(), feed.digest()),
        }
    }

    fn move_to(&mut self, cursor: Cursor) {
        self.cursor = cursor;
        if let Cursor::At(revision) = cursor {
            self.entry.note_sent(revision);
        }
    }

    /// Sets the timer for the next heartbeat, or for the end when that comes first.
    fn rearm(&mut self) {
        let next = self.timing.heartbeat.min(self.age_left);
        self.expires = if next == self.age_left { Expiry::Age } else { Expiry::Heartbeat };
        self.age_left = self.age_left.saturating_sub(next);
        let deadline = self.timer.deadline() + next;
        self.timer.as_mut().reset(deadline);
    }
}

impl Stream for Subscription {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Item>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        if let Some(reason) = this.ending.take() {
            this.ended = true;
            return Poll::Ready(Some(Item::End(reason)));
        }
        this.entry.note_poll();
        if let Some(welcome) = this.welcome.take() {
            return Poll::Ready(Some(Item::Frame(welcome)));
        }
        if this.entry.is_evicted() {
            return this.say_goodbye(EndReason::SlowConsumer);
        }
        if this.draining.as_mut().poll(context).is_ready() {
            return this.say_goodbye(EndReason::Draining);
        }
        loop {
            if let Some(frame) = this.next_frame() {
                return Poll::Ready(Some(Item::Frame(frame)));
            }
            match Pin::new(&mut this.changed).poll_next(context) {
                Poll::Ready(Some(_)) => {}
                Poll::Ready(None) => return this.say_goodbye(EndReason::Draining),
                Poll::Pending => break,
            }
        }
        if this.timer.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        if this.expires == Expiry::Age {
            return this.say_goodbye(EndReason::MaxAge);
        }
        this.rearm();
        Poll::Ready(Some(Item::Frame(this.heartbeat())))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.registry.remove(self.entry.stream);
    }
}
