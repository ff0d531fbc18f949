//! How long a rollback takes, beside how long its stage allows.
//!
//! It begins when somebody asked for it or a guard tripped, and it is over when the flags were at their final place: at
//! once for everything but a ladder, and at a ladder's end. The log knows no more. When the last instance acknowledged it
//! knows whoever counts acknowledgements, and [`RollbackLength::longer_by`] adds that.

use std::fmt;

use super::duration_text::Length;
use super::progress::{PlanState, Progress};
use crate::revision::Timestamp;

/// The length of the last rollback of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollbackLength {
    /// How long it took, or has taken so far. Microseconds.
    pub taken_micros: u64,
    /// Whether the flags are at their final place.
    pub is_over: bool,
    /// How many seconds the stage allows that it began in.
    pub within_seconds: Option<u64>,
}

impl RollbackLength {
    /// Of the last rollback; none when there was none, or when it was given up on its way.
    #[must_use]
    pub fn of(progress: &Progress, now: Timestamp) -> Option<Self> {
        let rollback = progress.rollback.as_ref()?;
        let is_under_way = progress.state == PlanState::RollingBack;
        let until = rollback.ended_at.or(is_under_way.then_some(now))?;
        Some(Self {
            taken_micros: until.micros_since(rollback.deed.at),
            is_over: rollback.ended_at.is_some(),
            within_seconds: rollback.within_seconds,
        })
    }

    /// The same, over so much later.
    #[must_use]
    pub const fn longer_by(self, micros: u64) -> Self {
        Self { taken_micros: self.taken_micros.saturating_add(micros), ..self }
    }

    /// Whether it took no longer than its stage allows; none when the stage says nothing, or while it may still.
    #[must_use]
    pub const fn is_kept(&self) -> Option<bool> {
        let Some(within) = self.within_seconds else {
            return None;
        };
        let is_within = self.taken_micros <= within.saturating_mul(1_000_000);
        if self.is_over || !is_within { Some(is_within) } else { None }
    }

    /// What the stage allows and whether that was kept: `; the plan allows 5m: kept`. Nothing when it says nothing.
    #[must_use]
    pub fn allowance(&self) -> String {
        let Some(within) = self.within_seconds else {
            return String::new();
        };
        let kept = match self.is_kept() {
            Some(true) => ": kept",
            Some(false) => ": NOT kept",
            None => "",
        };
        format!("; the plan allows {}{kept}", Length(within))
    }

    /// How long it took: `20m`, `0.012 s`.
    #[must_use]
    pub fn taken(&self) -> String {
        let seconds = self.taken_micros / 1_000_000;
        match seconds {
            0..60 => format!("{seconds}.{:03} s", self.taken_micros % 1_000_000 / 1_000),
            _ => Length(seconds).to_string(),
        }
    }
}

impl fmt::Display for RollbackLength {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_over, self.taken_micros) {
            (true, 0) => formatter.write_str("rolled back at once")?,
            (true, _) => write!(formatter, "rolled back in {}", self.taken())?,
            (false, _) => write!(formatter, "on its way down for {}", self.taken())?,
        }
        formatter.write_str(&self.allowance())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(taken_micros: u64, is_over: bool, within_seconds: Option<u64>, expected: &str) {
        let length = RollbackLength { taken_micros, is_over, within_seconds };
        assert_eq!(length.to_string(), expected);
    }

    #[test]
    fn a_rollback_is_held_against_what_its_stage_allows() {
        check(0, true, Some(300), "rolled back at once; the plan allows 5m: kept");
        check(12_345, true, Some(300), "rolled back in 0.012 s; the plan allows 5m: kept");
        check(300_000_000, true, Some(300), "rolled back in 5m; the plan allows 5m: kept");
        check(300_000_001, true, Some(300), "rolled back in 5m; the plan allows 5m: NOT kept");
        check(1_200_000_000, true, None, "rolled back in 20m");
        check(60_000_000, false, Some(300), "on its way down for 1m; the plan allows 5m");
        check(301_000_000, false, Some(300), "on its way down for 5m 1s; the plan allows 5m: NOT kept");
    }

    #[test]
    fn acknowledgements_come_on_top() {
        let length = RollbackLength { taken_micros: 0, is_over: true, within_seconds: Some(1) };
        assert_eq!(length.longer_by(1_000_000).is_kept(), Some(true));
        assert_eq!(length.longer_by(1_000_001).is_kept(), Some(false));
    }
}
