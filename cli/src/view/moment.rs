//! Points in time: RFC 3339 in UTC, everywhere.

use jiff::Timestamp;

/// To the microsecond, for programs.
pub(crate) fn exactly(moment: Option<&prost_types::Timestamp>) -> Option<String> {
    Some(format!("{:.6}", parsed(moment?)?))
}

/// To the millisecond, for people; `-` when it is not known.
pub(crate) fn briefly(moment: Option<&prost_types::Timestamp>) -> String {
    moment.and_then(parsed).map_or_else(|| "-".to_owned(), |timestamp| format!("{timestamp:.3}"))
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
        assert_eq!(exactly(Some(&prost_types::Timestamp { seconds: i64::MAX, nanos: 0 })), None);
    }
}
