//! Durations as people type and read them.

use std::time::Duration;

use jiff::SignedDuration;

/// Reads `500ms`, `10s`, `2m`, `1m30s`, `30d`; a plain number means seconds, a day has 24 hours.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let complaint = || format!("expected a duration such as 500ms, 10s or 2m, not `{text}`");
    if let Ok(seconds) = text.parse::<u32>() {
        return Ok(Duration::from_secs(u64::from(seconds)));
    }
    if let Some(days) = text.strip_suffix('d').and_then(|days| days.trim_end().parse::<u32>().ok()) {
        return Ok(Duration::from_secs(u64::from(days) * 86_400));
    }
    let signed: SignedDuration = text.parse().map_err(|_error| complaint())?;
    Duration::try_from(signed).map_err(|_error| complaint())
}

/// Prints a time that is measured in microseconds with the unit that reads best.
pub(crate) fn print_micros(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..10_000_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        _ => format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000),
    }
}

/// Prints a time that is measured in seconds, to its two largest units.
pub(crate) fn print_seconds(seconds: u64) -> String {
    let parts = [
        (seconds / 86_400, "d"),
        (seconds % 86_400 / 3_600, "h"),
        (seconds % 3_600 / 60, "m"),
        (seconds % 60, "s"),
    ];
    let parts = parts.into_iter().skip_while(|(count, _)| *count == 0).take(2);
    let parts = parts.filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}"));
    let text = parts.collect::<Vec<_>>().join(" ");
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected_millis: Option<u64>) {
        assert_eq!(parse_duration(text).ok(), expected_millis.map(Duration::from_millis), "{text:?}");
    }

    #[test]
    fn durations_have_units_or_are_seconds() {
        check("500ms", Some(500));
        check("30s", Some(30_000));
        check("2m", Some(120_000));
        check("1m30s", Some(90_000));
        check("30", Some(30_000));
        check("30d", Some(30 * 86_400_000));
        check("0", Some(0));
        for bad in ["", "s", "-5s", "-5", "1 parsec", "99999999999", "d", "-1d"] {
            check(bad, None);
        }
    }

    #[test]
    fn microseconds_are_printed_with_the_unit_that_reads_best() {
        assert_eq!(print_micros(850), "850 µs");
        assert_eq!(print_micros(12_345), "12.3 ms");
        assert_eq!(print_micros(1_250_000), "1250.0 ms");
        assert_eq!(print_micros(61_250_000), "61.2 s");
    }

    #[test]
    fn seconds_are_printed_to_the_two_largest_units() {
        for (seconds, expected) in
            [(0, "0s"), (59, "59s"), (3_600, "1h"), (3_661, "1h 1m"), (90_000, "1d 1h"), (86_460, "1d")]
        {
            assert_eq!(print_seconds(seconds), expected);
        }
    }
}
