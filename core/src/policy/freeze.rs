//! Freeze windows: times at which an environment only becomes safer.
//!
//! A window that comes every week has a fixed offset from UTC: core knows no time zones, and a window that moved by an
//! hour twice a year without a record of it would make a replay answer differently.

use std::fmt;

use crate::revision::Timestamp;

/// Minutes of a day.
pub const DAY_MINUTES: u32 = 24 * 60;

/// Minutes of a week.
pub const WEEK_MINUTES: u32 = 7 * DAY_MINUTES;

const MINUTE_MICROS: i64 = 60 * 1_000_000;
const WEEK_MICROS: i64 = WEEK_MINUTES as i64 * MINUTE_MICROS;

/// 1970 began on a Thursday.
const MONDAY_TO_EPOCH_MICROS: i64 = 3 * DAY_MINUTES as i64 * MINUTE_MICROS;

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weekday {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

impl Weekday {
    /// All of them, from Monday on.
    pub const ALL: [Self; 7] = [
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];

    /// Three letters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Monday => "mon",
            Self::Tuesday => "tue",
            Self::Wednesday => "wed",
            Self::Thursday => "thu",
            Self::Friday => "fri",
            Self::Saturday => "sat",
            Self::Sunday => "sun",
        }
    }

    /// Days since Monday.
    #[must_use]
    pub const fn days_since_monday(self) -> u32 {
        self as u32
    }
}

/// A window that comes every week: it begins on each of some days at a time of day, and lasts for so long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeeklyPeriod {
    /// The days on which it begins; at least one.
    pub weekdays: Vec<Weekday>,
    /// The minute of the day at which it begins, below [`DAY_MINUTES`].
    pub from_minute: u32,
    /// Up to [`WEEK_MINUTES`]: beyond midnight, and beyond Sunday as well.
    pub lasts_minutes: u32,
    /// What days and times are told by: minutes east of UTC.
    pub utc_offset_minutes: i32,
}

/// When a window is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FreezePeriod {
    /// Every week.
    Weekly(WeeklyPeriod),
    /// Once.
    Once {
        /// From here on.
        from: Timestamp,
        /// Until just before here.
        to: Timestamp,
    },
}

/// A time at which only what makes things safer is allowed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreezeWindow {
    /// What it is for, such as `weekend`.
    pub name: Box<str>,
    /// When it is on.
    pub period: FreezePeriod,
}

impl FreezeWindow {
    /// When the window that is on now ends; none when it is not on.
    #[must_use]
    pub fn ends(&self, now: Timestamp) -> Option<Timestamp> {
        match &self.period {
            FreezePeriod::Once { from, to } => (*from <= now && now < *to).then_some(*to),
            FreezePeriod::Weekly(weekly) => {
                let mut end = weekly.ends_once(now)?;
                // A window that begins again as it ends goes on. No more than a week is looked ahead.
                for _ in Weekday::ALL {
                    match weekly.ends_once(end) {
                        Some(later) => end = later,
                        None => break,
                    }
                }
                Some(end)
            }
        }
    }
}

impl WeeklyPeriod {
    fn ends_once(&self, now: Timestamp) -> Option<Timestamp> {
        let minutes = |minutes: u32| i64::from(minutes).saturating_mul(MINUTE_MICROS);
        let local = now
            .unix_micros()
            .saturating_add(i64::from(self.utc_offset_minutes).saturating_mul(MINUTE_MICROS))
            .saturating_add(MONDAY_TO_EPOCH_MICROS);
        let lasts = minutes(self.lasts_minutes);
        let left = self.weekdays.iter().filter_map(|weekday| {
            let begin =
                minutes(weekday.days_since_monday() * DAY_MINUTES).saturating_add(minutes(self.from_minute));
            let elapsed = local.saturating_sub(begin).rem_euclid(WEEK_MICROS);
            (elapsed < lasts).then_some(lasts.saturating_sub(elapsed))
        });
        let left = left.max()?;
        Some(Timestamp::from_unix_micros(now.unix_micros().saturating_add(left)))
    }
}

impl fmt::Display for FreezePeriod {
    /// `fri 16:00 to mon 08:00 +01:00`, or `2026-12-20T00:00:00Z to 2027-01-04T00:00:00Z`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Once { from, to } => write!(formatter, "{from} to {to}"),
            Self::Weekly(weekly) => fmt::Display::fmt(weekly, formatter),
        }
    }
}

impl fmt::Display for WeeklyPeriod {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days: Vec<&str> = self.weekdays.iter().map(|weekday| weekday.as_str()).collect();
        let end = self.from_minute.saturating_add(self.lasts_minutes);
        let (later, end_minute) = (end / DAY_MINUTES, end % DAY_MINUTES);
        let clock = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
        write!(formatter, "{} {} to ", days.join(","), clock(self.from_minute))?;
        // Of one day the day of the end can be named; of several, how many days later it comes.
        match self.weekdays.as_slice() {
            [day] if later > 0 => {
                let days = day.days_since_monday().saturating_add(later) % 7;
                let day = Weekday::ALL.into_iter().find(|day| day.days_since_monday() == days);
                write!(formatter, "{} ", day.map_or("", Weekday::as_str))?;
            }
            _ => {}
        }
        write!(formatter, "{}", clock(end_minute))?;
        if self.weekdays.len() > 1 && later > 0 {
            write!(formatter, " {later} day{} later", if later == 1 { "" } else { "s" })?;
        }
        let offset = self.utc_offset_minutes.unsigned_abs();
        let sign = if self.utc_offset_minutes < 0 { '-' } else { '+' };
        write!(formatter, " {sign}{}", clock(offset))
    }
}
