//! When a service was there: since when it is known, and when it was silent.
//!
//! A service that reports every few seconds and misses one report is not away: a silence is longer than
//! [`SILENCE_SECONDS`]. Nobody is silent while nobody listens.

use std::collections::VecDeque;

use super::sketch::float;
use crate::revision::Timestamp;

/// What is no longer than this between two reports is no silence: three reports of the SDK.
pub const SILENCE_SECONDS: i64 = 15;

/// Silences that are remembered of a service. Of one more the oldest is forgotten, and what is known begins after it.
pub const SILENCES_MAX: usize = 128;

/// Nothing was heard from one moment to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// The last report before it.
    pub from: Timestamp,
    /// The first one after it.
    pub until: Timestamp,
}

/// What is known of a service's presence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// Since when.
    pub since: Timestamp,
    /// When it was heard of last.
    pub last: Timestamp,
    /// When it was silent, in order; not the silence that is not over.
    pub silences: VecDeque<Silence>,
}

impl Silence {
    /// How much of it, in microseconds, lies between two moments, as it was known at the later one.
    fn within(self, begin: Timestamp, end: Timestamp) -> u64 {
        let until = self.until.min(end);
        let is_silence = until.micros_since(self.from) > micros(SILENCE_SECONDS);
        if is_silence { until.micros_since(self.from.max(begin)) } else { 0 }
    }
}

impl Presence {
    /// Heard of for the first time.
    #[must_use]
    pub const fn begin(now: Timestamp) -> Self {
        Self { since: now, last: now, silences: VecDeque::new() }
    }

    /// It has reported.
    pub(super) fn hear(&mut self, now: Timestamp, listening_since: Timestamp) {
        let from = self.last.max(listening_since);
        if now.micros_since(from) > micros(SILENCE_SECONDS) {
            self.silences.push_back(Silence { from, until: now });
        }
        if self.silences.len() > SILENCES_MAX
            && let Some(oldest) = self.silences.pop_front()
        {
            self.since = oldest.until;
        }
        self.last = now;
    }

    /// The clock was wrong: what it put after a moment is forgotten.
    pub(super) fn forget_future(&mut self, now: Timestamp) {
        self.silences.retain(|silence| silence.from < now);
        if let Some(newest) = self.silences.back_mut() {
            newest.until = newest.until.min(now);
        }
        self.since = self.since.min(now);
        self.last = self.last.min(now);
    }

    /// The share of the time between two moments in which it was there, in percent. The time before it was known counts
    /// as if it had been.
    #[must_use]
    pub fn uptime(&self, begin: Timestamp, end: Timestamp, listening_since: Timestamp) -> f64 {
        let now = Silence { from: self.last.max(listening_since), until: end };
        let silences = self.silences.iter().copied().chain([now]);
        let silent: u64 = silences.map(|silence| silence.within(begin, end)).sum();
        100.0 * (1.0 - float(silent) / float(end.micros_since(begin).max(1)))
    }
}

const fn micros(seconds: i64) -> u64 {
    seconds.unsigned_abs().saturating_mul(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_micros(seconds * 1_000_000)
    }

    #[track_caller]
    fn check(presence: &Presence, (begin, end): (i64, i64), percent: f64) {
        let found = presence.uptime(at(begin), at(end), at(0));
        assert!((found - percent).abs() < 1e-9, "{found}");
    }

    #[test]
    fn what_is_silent_within_the_window_counts_and_nothing_else() {
        let mut presence = Presence::begin(at(0));
        for moment in [10, 25, 125, 130] {
            presence.hear(at(moment), at(0));
        }
        assert_eq!(presence.silences, [Silence { from: at(25), until: at(125) }]);
        check(&presence, (0, 130), 100.0 * 30.0 / 130.0);
        check(&presence, (75, 175), 5.0);
        check(&presence, (30, 41), 0.0);
        check(&presence, (125, 145), 100.0);
        check(&presence, (130, 146), 0.0);
        // At 40 nobody knew yet that it was silent.
        check(&presence, (10, 40), 100.0);
        check(&presence, (11, 41), 100.0 * 14.0 / 30.0);
    }

    #[test]
    fn nobody_is_silent_while_nobody_listens() {
        let mut presence = Presence::begin(at(0));
        presence.hear(at(1_000), at(990));
        assert_eq!(presence.silences, []);
        assert!((presence.uptime(at(0), at(1_010), at(990)) - 100.0).abs() < 1e-9);
    }

    #[test]
    fn a_bounded_number_is_remembered_and_what_is_forgotten_is_not_known() {
        let mut presence = Presence::begin(at(0));
        for moment in 1..=200 {
            presence.hear(at(moment * 20), at(0));
        }
        assert_eq!(presence.silences.len(), SILENCES_MAX);
        assert_eq!(presence.since, at((200 - 128) * 20));
        presence.forget_future(at(3_990));
        assert_eq!((presence.last, presence.silences.back().unwrap().until), (at(3_990), at(3_990)));
    }
}
