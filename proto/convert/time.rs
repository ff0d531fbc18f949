//! Points in time: microseconds here, seconds and nanoseconds there.

use std::fmt;

use mycelia_flags_core::revision::Timestamp;
use prost_types::Timestamp as WireTimestamp;

use super::fault::{Faults, Noted, Path, WireError};

const MICROS_PER_SECOND: i64 = 1_000_000;
const NANOS_PER_MICRO: i32 = 1_000;
const NANOS_PER_SECOND: i32 = 1_000_000_000;

/// The wire's timestamp.
#[must_use]
pub fn timestamp_to_wire(at: Timestamp) -> WireTimestamp {
    let micros = at.unix_micros();
    // Less than a million, always: the fallback is never taken.
    let fraction = i32::try_from(micros.rem_euclid(MICROS_PER_SECOND)).unwrap_or(0);
    WireTimestamp {
        seconds: micros.div_euclid(MICROS_PER_SECOND),
        nanos: fraction.saturating_mul(NANOS_PER_MICRO),
    }
}

/// The core's timestamp. What is finer than a microsecond is cut off.
///
/// # Errors
/// When it does not fit 64 bits of microseconds, or its nanoseconds are no fraction of a second.
pub fn timestamp_from_wire(field: impl fmt::Display, wire: &WireTimestamp) -> Result<Timestamp, WireError> {
    micros(wire).map(Timestamp::from_unix_micros).ok_or_else(|| WireError::InvalidTime {
        field: field.to_string(),
        seconds: wire.seconds,
        nanos: wire.nanos,
    })
}

/// Converts a point in time that must be there.
pub(super) fn timestamp(
    path: &Path<'_>,
    wire: Option<&WireTimestamp>,
    faults: &mut Faults,
) -> Result<Timestamp, Noted> {
    match wire {
        Some(at) => faults.or_note(timestamp_from_wire(path, at)),
        None => Err(faults.missing(path, "a point in time")),
    }
}

fn micros(wire: &WireTimestamp) -> Option<i64> {
    let fraction =
        (0..NANOS_PER_SECOND).contains(&wire.nanos).then(|| i64::from(wire.nanos / NANOS_PER_MICRO))?;
    // In 128 bits, because the smallest timestamp's seconds alone are beyond 64 bits of microseconds.
    let micros = i128::from(wire.seconds) * i128::from(MICROS_PER_SECOND) + i128::from(fraction);
    i64::try_from(micros).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(micros: i64, seconds: i64, nanos: i32) {
        let wire = WireTimestamp { seconds, nanos };
        assert_eq!(timestamp_to_wire(Timestamp::from_unix_micros(micros)), wire);
        assert_eq!(timestamp_from_wire("at", &wire), Ok(Timestamp::from_unix_micros(micros)));
    }

    #[test]
    fn timestamps_survive_also_before_1970_and_at_the_ends() {
        check(0, 0, 0);
        check(1_500_001, 1, 500_001_000);
        check(-1, -1, 999_999_000);
        check(i64::MAX, 9_223_372_036_854, 775_807_000);
        check(i64::MIN, -9_223_372_036_855, 224_192_000);
    }

    #[test]
    fn what_is_no_point_in_time_is_refused() {
        for (seconds, nanos) in
            [(i64::MAX, 0), (i64::MIN, 0), (9_223_372_036_854, 775_808_000), (0, -1), (0, NANOS_PER_SECOND)]
        {
            let field = "at".to_owned();
            assert_eq!(
                timestamp_from_wire("at", &WireTimestamp { seconds, nanos }),
                Err(WireError::InvalidTime { field, seconds, nanos })
            );
        }
    }
}
