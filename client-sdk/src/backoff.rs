//! How long to wait before the next attempt. Pure: the random number and the times are arguments.
//!
//! Full jitter: anything between nothing and a ceiling that doubles with each failure, so that a restarted server does
//! not meet all its clients at once. There is no last attempt.

use std::time::Duration;

/// How long a client waits between attempts to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backoff {
    /// The ceiling of the first wait. It doubles with each failure.
    pub base: Duration,
    /// The highest ceiling.
    pub cap: Duration,
    /// How long a stream must have been healthy for the ceiling to start at `base` again. A server that accepts and
    /// closes at once is not healthy.
    pub healthy_after: Duration,
    /// The least wait when the server refuses the client's credentials: nothing but a person will change that soon.
    pub denied: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            base: Duration::from_millis(500),
            cap: Duration::from_secs(30),
            healthy_after: Duration::from_secs(60),
            denied: Duration::from_secs(60),
        }
    }
}

impl Backoff {
    /// The same with other bounds for the wait after an ordinary failure.
    #[must_use]
    pub const fn between(mut self, base: Duration, cap: Duration) -> Self {
        self.base = base;
        self.cap = cap;
        self
    }

    /// The same with another wait after a refusal of credentials.
    #[must_use]
    pub const fn denied(mut self, least: Duration) -> Self {
        self.denied = least;
        self
    }

    /// The same with another measure of health.
    #[must_use]
    pub const fn healthy_after(mut self, time: Duration) -> Self {
        self.healthy_after = time;
        self
    }
}

/// How an attempt or a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The server said goodbye, and how long to stay away: already different for each client.
    Goodbye(Duration),
    /// It failed; the server may have said how long to stay away, perhaps the same to everybody.
    Failed(Option<Duration>),
    /// The server refuses the credentials.
    Denied,
}

/// No hint makes a client wait longer: it never gives up.
const HINT_MAX: Duration = Duration::from_secs(300);

/// Counts failures.
#[derive(Debug)]
pub(crate) struct Retry {
    backoff: Backoff,
    failures: u32,
}

impl Retry {
    pub(crate) const fn new(backoff: Backoff) -> Self {
        Self { backoff, failures: 0 }
    }

    /// How long to wait now. `healthy` is how long the stream that ended had been in order, `random` any number.
    pub(crate) fn wait(&mut self, ending: Ending, healthy: Duration, random: u32) -> Duration {
        if healthy >= self.backoff.healthy_after {
            self.failures = 0;
        }
        let ceiling = self.ceiling();
        let first = self.failures == 0;
        self.failures = self.failures.saturating_add(1);
        match ending {
            Ending::Goodbye(hint) if first => hint.min(HINT_MAX),
            Ending::Goodbye(hint) | Ending::Failed(Some(hint)) => {
                hint.min(HINT_MAX).saturating_add(share(ceiling, random))
            }
            Ending::Failed(None) => share(ceiling, random),
            Ending::Denied => self.backoff.denied.saturating_add(share(self.backoff.denied / 2, random)),
        }
    }

    fn ceiling(&self) -> Duration {
        let factor = 1_u32.checked_shl(self.failures.min(31)).unwrap_or(u32::MAX);
        self.backoff.base.saturating_mul(factor).min(self.backoff.cap)
    }
}

/// `random` of 2^32 parts of a duration.
fn share(whole: Duration, random: u32) -> Duration {
    let nanos = (whole.as_nanos() * u128::from(random)) >> 32;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NONE: Duration = Duration::ZERO;

    fn any_ending() -> impl Strategy<Value = Ending> {
        let hint = (0_u64..1_000_000).prop_map(Duration::from_millis);
        prop_oneof![
            hint.clone().prop_map(Ending::Goodbye),
            proptest::option::of(hint).prop_map(Ending::Failed),
            Just(Ending::Denied),
        ]
    }

    #[test]
    fn the_ceiling_doubles_up_to_the_cap_and_starts_again_only_after_health() {
        let mut retry = Retry::new(Backoff::default());
        let mut waits =
            |healthy| retry.wait(Ending::Failed(None), healthy, u32::MAX).as_millis().div_ceil(100);
        let climb: Vec<u128> = (0..9).map(|_| waits(NONE)).collect();
        assert_eq!(climb, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
        assert_eq!(waits(Duration::from_secs(59)), 300);
        assert_eq!(waits(Duration::from_secs(60)), 5);
        assert_eq!(waits(NONE), 10);
    }

    #[test]
    fn a_goodbye_after_health_is_taken_at_its_word() {
        let mut retry = Retry::new(Backoff::default());
        let hint = Duration::from_millis(1_234);
        for _ in 0..3 {
            assert_eq!(retry.wait(Ending::Goodbye(hint), Duration::from_secs(60), u32::MAX), hint);
        }
    }

    #[test]
    fn goodbyes_without_end_are_no_tight_loop() {
        let mut retry = Retry::new(Backoff::default());
        let total: Duration = (0..10).map(|_| retry.wait(Ending::Goodbye(NONE), NONE, u32::MAX / 2)).sum();
        assert!(total > Duration::from_secs(60), "{total:?}");
    }

    proptest! {
        #[test]
        fn a_wait_is_within_its_bounds(
            endings in proptest::collection::vec((any_ending(), 0_u64..120, any::<u32>()), 1..60),
        ) {
            let backoff = Backoff::default();
            let mut retry = Retry::new(backoff);
            for (ending, healthy, random) in endings {
                let wait = retry.wait(ending, Duration::from_secs(healthy), random);
                let (least, most) = match ending {
                    Ending::Goodbye(hint) => (hint.min(HINT_MAX), hint.min(HINT_MAX) + backoff.cap),
                    Ending::Failed(hint) => {
                        let hint = hint.unwrap_or_default().min(HINT_MAX);
                        (hint, hint + backoff.cap)
                    }
                    Ending::Denied => (backoff.denied, backoff.denied * 3 / 2),
                };
                prop_assert!(wait >= least && wait <= most, "{ending:?}: {wait:?}");
            }
        }
    }

    #[test]
    fn clients_that_fail_together_come_back_spread() {
        let wait = |random| {
            let mut retry = Retry::new(Backoff::default());
            for _ in 0..6 {
                retry.wait(Ending::Failed(None), NONE, 0);
            }
            retry.wait(Ending::Failed(None), NONE, random)
        };
        let waits: Vec<Duration> = (0_u32..64).map(|part| wait(part << 26)).collect();
        assert!(waits.is_sorted_by(|earlier, later| earlier < later), "{waits:?}");
        assert_eq!(waits[0], NONE);
        assert!(waits[63] > Duration::from_secs(29), "{waits:?}");
    }
}
