//! Freeze windows as people type and read them.

use mycelia_flags_core::policy::freeze::{DAY_MINUTES, FreezePeriod, WEEK_MINUTES, Weekday, WeeklyPeriod};
use mycelia_flags_core::revision::Timestamp;
use mycelia_flags_proto::convert::{timestamp_from_wire, weekday_from_wire, weekday_to_wire};
use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::freeze_window::Window;

/// Reads `fri 16:00-mon 08:00 +01:00 weekend`, `mon,tue,wed 22:00-06:00 nights`: the days on which it begins, from when
/// until when, by which clock (UTC unless it is said), and a name.
pub(crate) fn parse_freeze(text: &str) -> Result<v1::FreezeWindow, String> {
    parsed(text).ok_or_else(|| {
        format!(
            "expected days, times, an offset from UTC and a name, such as `fri 16:00-mon 08:00 +01:00 weekend` or \
             `mon,tue 22:00-06:00 nights`, not `{text}`"
        )
    })
}

fn parsed(text: &str) -> Option<v1::FreezeWindow> {
    let text = text.trim();
    let (days, rest) = text.split_once(char::is_whitespace)?;
    let weekdays: Vec<Weekday> = days.split(',').map(weekday).collect::<Option<_>>()?;
    let (from, rest) = rest.trim_start().split_once('-')?;
    let from_minute = minute(from.trim_end())?;
    let (word, after) = word(rest);
    let (last_day, to, rest) = match weekday(word) {
        Some(day) => {
            let (time, rest) = self::word(after);
            (Some(day), time, rest)
        }
        None => (None, word, after),
    };
    let to_minute = minute(to)?;
    let (word, after) = self::word(rest);
    let (utc_offset_minutes, name) = match offset(word) {
        Some(offset) => (offset, after),
        None => (0, rest),
    };
    let lasts_minutes = match (last_day, weekdays.as_slice()) {
        (Some(last), [first]) => {
            let begin = first.days_since_monday() * DAY_MINUTES + from_minute;
            let end = last.days_since_monday() * DAY_MINUTES + to_minute;
            span(begin, end, WEEK_MINUTES)
        }
        // Of several days each has an end of its own, on the same or the next one.
        (Some(_), _) => return None,
        (None, _) => span(from_minute, to_minute, DAY_MINUTES),
    };
    let weekdays = weekdays.into_iter().map(|day| weekday_to_wire(day).into()).collect();
    let weekly = v1::WeeklyWindow { weekdays, from_minute, lasts_minutes, utc_offset_minutes };
    let name = name.trim();
    (!name.is_empty())
        .then(|| v1::FreezeWindow { name: name.to_owned(), window: Some(Window::Weekly(weekly)) })
}

/// The next word, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_once(char::is_whitespace).unwrap_or((text, ""))
}

fn weekday(text: &str) -> Option<Weekday> {
    let text = text.to_lowercase();
    Weekday::ALL.into_iter().find(|day| day.as_str() == text)
}

/// Minutes since midnight.
fn minute(text: &str) -> Option<u32> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str| text.parse::<u32>().ok().filter(|_| text.len() <= 2);
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

/// Minutes east of UTC.
fn offset(text: &str) -> Option<i32> {
    let (sign, clock) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(clock), _) => (1, clock),
        (_, Some(clock)) => (-1, clock),
        _ => return None,
    };
    Some(sign * i32::try_from(minute(clock)?).ok()?)
}

/// From one time to the next time that it is another; the same time is a whole round later.
fn span(begin: u32, end: u32, round: u32) -> u32 {
    if end > begin { end - begin } else { end + round - begin }
}

/// When a window is on.
pub(crate) fn words(window: &v1::FreezeWindow) -> String {
    match window.window.as_ref().and_then(period) {
        Some(period) => period.to_string(),
        None => "a time that this program does not know".to_owned(),
    }
}

fn period(window: &Window) -> Option<FreezePeriod> {
    match window {
        Window::Weekly(weekly) => Some(FreezePeriod::Weekly(WeeklyPeriod {
            weekdays: weekly
                .weekdays
                .iter()
                .map(|day| weekday_from_wire("weekday", *day).ok().flatten())
                .collect::<Option<_>>()?,
            from_minute: weekly.from_minute,
            lasts_minutes: weekly.lasts_minutes,
            utc_offset_minutes: weekly.utc_offset_minutes,
        })),
        Window::Once(once) => {
            let moment = |at: &Option<prost_types::Timestamp>| -> Option<Timestamp> {
                timestamp_from_wire("at", at.as_ref()?).ok()
            };
            Some(FreezePeriod::Once { from: moment(&once.from)?, to: moment(&once.to)? })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let window = parse_freeze(text).unwrap();
        assert_eq!(format!("{}: {}", window.name, words(&window)), expected);
    }

    #[test]
    fn windows_are_typed_as_they_are_said() {
        check("fri 16:00-mon 08:00 +01:00 weekend", "weekend: fri 16:00 to mon 08:00 +01:00");
        check("Fri 16:00 - Mon 08:00 no work", "no work: fri 16:00 to mon 08:00 +00:00");
        check("mon,tue 22:00-06:00 -05:30 nights", "nights: mon,tue 22:00 to 06:00 1 day later -05:30");
        check("wed 9:00-17:30 office hours", "office hours: wed 09:00 to 17:30 +00:00");
        check("sun 00:00-00:00 sunday", "sunday: sun 00:00 to mon 00:00 +00:00");
        check("sun 23:00-sun 22:00 nearly always", "nearly always: sun 23:00 to sun 22:00 +00:00");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "fri",
            "fri 16:00",
            "fri 16:00-mon 08:00",
            "fri 16:00-mon 08:00 +01:00",
            "fry 16:00-mon 08:00 x",
            "fri 24:00-mon 08:00 x",
            "fri 16:60-mon 08:00 x",
            "mon,tue 16:00-fri 08:00 x",
            "fri 16-18 x",
        ] {
            assert!(parse_freeze(text).is_err(), "{text:?}");
        }
    }
}
