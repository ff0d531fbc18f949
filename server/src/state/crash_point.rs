//! Places where a crash test can end the process. Debug builds only; elsewhere this is nothing at all.
//!
//! `MYCELIA_CRASH_AT=<name>[:N]` aborts at the Nth time that the place is reached, the first by default. It is read once,
//! when the store is opened. Only committing counts, so that N is a number of groups; creating a store has names of its
//! own.

/// Counts down to the crash that was asked for, if any.
#[derive(Debug, Clone, Default)]
pub(super) struct CrashPoints {
    #[cfg(debug_assertions)]
    left: Option<(String, std::cell::Cell<u32>)>,
}

#[cfg(debug_assertions)]
impl CrashPoints {
    pub(super) fn from_environment() -> Self {
        std::env::var("MYCELIA_CRASH_AT").map_or_else(|_| Self::default(), |text| Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let (name, count) = text.split_once(':').unwrap_or((text, "1"));
        let count = count.parse().unwrap_or(1);
        Self { left: Some((name.to_owned(), std::cell::Cell::new(count))) }
    }

    /// Ends the process if this is the place and the time.
    pub(super) fn reach(&self, name: &str) {
        if self.counts_down(name) {
            std::process::abort();
        }
    }

    fn counts_down(&self, name: &str) -> bool {
        let Some((wanted, left)) = &self.left else {
            return false;
        };
        if wanted != name {
            return false;
        }
        left.set(left.get().saturating_sub(1));
        left.get() == 0
    }
}

#[cfg(not(debug_assertions))]
impl CrashPoints {
    pub(super) fn from_environment() -> Self {
        Self::default()
    }

    #[expect(clippy::unused_self, reason = "the same call as in a debug build")]
    pub(super) const fn reach(&self, _name: &str) {}
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: [bool; 3]) {
        let points = CrashPoints::parse(text);
        assert!(!points.counts_down("another_place"));
        assert_eq!(expected.map(|_| points.counts_down("before_append")), expected, "{text}");
    }

    #[test]
    fn a_crash_comes_at_the_time_that_was_asked_for() {
        check("before_append", [true, true, true]);
        check("before_append:2", [false, true, true]);
        check("before_append:x", [true, true, true]);
        check("after_append", [false, false, false]);
        assert!(!CrashPoints::default().counts_down("before_append"));
    }
}
