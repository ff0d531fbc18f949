//! Points in time: RFC 3339 in UTC, everywhere.

use jiff::Timestamp;
use mycelia_flags_server::clock::SystemClock;

use crate::duration_text::print_seconds;

/// The moment at which an answer is shown, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Now(i64);

impl Now {
    /// By the clock of this machine: good enough to say how long something still lasts.
    pub(crate) fn of_system() -> Self {
        Self(SystemClock::shared().now().unix_micros().div_euclid(1_000_000))
    }

    /// The moment that lies so far back, in seconds since 1970.
    pub(crate) fn ago(self, back: std::time::Duration) -> i64 {
        self.0.saturating_sub(i64::try_from(back.as_secs()).unwrap_or(i64::MAX))
    }

    /// Seconds until a moment; none when it is not to come.
    pub(crate) fn until(self, moment: Option<&prost_types::Timestamp>) -> Option<u64> {
        u64::try_from(moment?.seconds.saturating_sub(self.0)).ok().filter(|seconds| *seconds > 0)
    }

    /// Seconds since a moment; none when it is still to come.
    pub(crate) fn since(self, moment: Option<&prost_types::Timestamp>) -> Option<u64> {
        u64::try_from(self.0.saturating_sub(moment?.seconds)).ok()
    }

    #[cfg(test)]
    pub(crate) const fn of_seconds(seconds: i64) -> Self {
        Self(seconds)
    }
}

/// `42m left`, or `over` when the moment has come and nobody has acted on it yet.
pub(crate) fn left(until: Option<&prost_types::Timestamp>, now: Now) -> String {
    let seconds = until.map_or(0, |until| until.seconds.saturating_sub(now.0));
    match u64::try_from(seconds) {
        Ok(seconds) if seconds > 0 => format!("{} left", print_seconds(seconds)),
        _ => "over".to_owned(),
    }
}

/// Reads `2026-12-31` (midnight in UTC) or RFC 3339.
pub(crate) fn parse(text: &str) -> Result<prost_types::Timestamp, String> {
    let complaint = || format!("expected a date such as 2026-12-31 or 2026-12-31T18:00:00Z, not `{text}`");
    let date = text.parse::<jiff::civil::Date>().ok().filter(|_date| text.len() == "2026-12-31".len());
    let timestamp: Timestamp = match date {
        Some(_date) => format!("{text}T00:00:00Z").parse().map_err(|_error| complaint())?,
        None => text.parse().map_err(|_error| complaint())?,
    };
    Ok(prost_types::Timestamp { seconds: timestamp.as_second(), nanos: timestamp.subsec_nanosecond() })
}

/// To the microsecond, for programs.
pub(crate) fn exactly(moment: Option<&prost_types::Timestamp>) -> Option<String> {
    Some(format!("{:.6}", parsed(moment?)?))
}

/// To the millisecond, for people; `-` when it is not known.
pub(crate) fn briefly(moment: Option<&prost_types::Timestamp>) -> String {
    moment.and_then(parsed).map_or_else(|| "-".to_owned(), |timestamp| format!("{timestamp:.3}"))
}

/// To the minute, where a plan's days are told; `-` when it is not known.
pub(crate) fn to_the_minute(moment: Option<&prost_types::Timestamp>) -> String {
    let timestamp = moment.and_then(parsed);
    timestamp.map_or_else(|| "-".to_owned(), |timestamp| timestamp.strftime("%Y-%m-%d %H:%MZ").to_string())
}

fn parsed(moment: &prost_types::Timestamp) -> Option<Timestamp> {
    Timestamp::new(moment.seconds, moment.nanos).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_rfc_3339_in_utc() {
        let moment = prost_types::Timestamp { seconds: 1_763_710_759, nanos: 123_456_789 };
        assert_eq!(exactly(Some(&moment)).as_deref(), Some("2025-11-21T07:39:19.123456Z"));
        assert_eq!(briefly(Some(&moment)), "2025-11-21T07:39:19.123Z");
        assert_eq!(briefly(None), "-");
        assert_eq!(to_the_minute(Some(&moment)), "2025-11-21 07:39Z");
        assert_eq!(to_the_minute(None), "-");
        assert_eq!(exactly(Some(&prost_types::Timestamp { seconds: i64::MAX, nanos: 0 })), None);
    }

    #[test]
    fn a_date_is_its_midnight() {
        let seconds = |text: &str| parse(text).ok().map(|moment| moment.seconds);
        assert_eq!(seconds("1970-01-02"), Some(86_400));
        assert_eq!(seconds("1970-01-01T01:00:00+01:00"), Some(0));
        for bad in ["", "tomorrow", "1970-13-01", "1970-01-01T00:00:00"] {
            assert_eq!(seconds(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn what_is_left_is_said_roughly() {
        let until = prost_types::Timestamp { seconds: 10_000, nanos: 0 };
        let check = |now, expected: &str| assert_eq!(left(Some(&until), Now::of_seconds(now)), expected);
        check(9_999, "1s left");
        check(9_910, "1m 30s left");
        check(2_800, "2h left");
        check(10_000, "over");
        check(20_000, "over");
        assert_eq!(left(None, Now::of_seconds(0)), "over");
        let now = Now::of_seconds(9_000);
        assert_eq!((now.until(Some(&until)), now.since(Some(&until))), (Some(1_000), None));
        let now = Now::of_seconds(11_000);
        assert_eq!((now.until(Some(&until)), now.since(Some(&until))), (None, Some(1_000)));
    }
}
