//! The only place that reads the system's clocks. Everything else is given the time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mycelia_flags_core::revision::Timestamp;

/// For intervals: never goes back.
pub(crate) fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "this file is where the clock is read")]
    Instant::now()
}

/// For people and other processes: may jump.
pub(crate) fn wall() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "this file is where the clock is read")]
    let now = SystemTime::now();
    timestamp_of(now)
}

/// The same in whole seconds since 1970.
pub(crate) fn unix_seconds() -> i64 {
    wall().unix_seconds()
}

/// A point of the system's clock, such as a file's time of change.
pub(crate) fn timestamp_of(time: SystemTime) -> Timestamp {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_unix_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
