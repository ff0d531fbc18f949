//! The only file that reads the system's clocks.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// For people and for comparing processes of one machine: may jump.
#[must_use]
pub fn wall() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "this file is where the clock is read")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

/// For intervals: never goes back.
#[must_use]
pub fn monotonic() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "this file is where the clock is read")]
    Instant::now()
}
