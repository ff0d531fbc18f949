//! When the stages of a plan are due.
//!
//! A dated stage keeps its distance from the one before it: a plan that is late, because a gate was held or because the
//! server was down over a boundary, is late to the end, and never makes up for it by rushing two stages through. A clock
//! that jumps ahead therefore moves a plan by one stage at most, and each stage after it has all of its time.

use super::progress::Progress;
use super::{PlanDefinition, StageStart};
use crate::revision::Timestamp;

const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// A moment so many seconds after another.
#[must_use]
pub fn after(moment: Timestamp, seconds: u64) -> Timestamp {
    let micros = i64::try_from(seconds.saturating_mul(1_000_000)).unwrap_or(i64::MAX);
    Timestamp::from_unix_micros(moment.unix_micros().saturating_add(micros))
}

impl PlanDefinition {
    /// The date that a stage has in a plan that started at a moment; none for a stage without a date.
    #[must_use]
    pub fn date_of(&self, stage: usize, started: Timestamp) -> Option<Timestamp> {
        match self.stages.get(stage)?.start {
            StageStart::Next => None,
            StageStart::At(moment) => Some(moment),
            StageStart::Day(day) => {
                let days = i64::from(day.saturating_sub(self.first_day));
                let micros = days.saturating_mul(DAY_MICROS);
                Some(Timestamp::from_unix_micros(started.unix_micros().saturating_add(micros)))
            }
        }
    }

    /// The day of the plan at a moment.
    #[must_use]
    pub fn day_at(&self, started: Timestamp, now: Timestamp) -> u32 {
        let days = now.unix_micros().saturating_sub(started.unix_micros()).div_euclid(DAY_MICROS);
        u32::try_from(days).unwrap_or(0).saturating_add(self.first_day)
    }

    /// When the stay in the present stage is over.
    #[must_use]
    pub fn held_until(&self, progress: &Progress) -> Timestamp {
        let seconds = self.stages.get(progress.stage_index()).map_or(0, |stage| stage.hold_seconds);
        after(progress.hold_from, seconds)
    }

    /// When the stage after the present one may begin, gates aside: after the present stage's stay, on its own date,
    /// and in its distance from the present stage's date. None when there is no further stage.
    #[must_use]
    pub fn next_due(&self, progress: &Progress) -> Option<Timestamp> {
        let next = progress.stage_index().checked_add(1)?;
        self.stages.get(next)?;
        let held = self.held_until(progress);
        let Some(started) = progress.started.as_ref().map(|deed| deed.at) else {
            return Some(held);
        };
        let Some(date) = self.date_of(next, started) else {
            return Some(held);
        };
        let planned = self.date_of(progress.stage_index(), started);
        let distance = planned.map_or(0, |planned| date.micros_since(planned));
        let in_distance = after_micros(progress.hold_from, distance);
        Some(held.max(date).max(in_distance))
    }
}

fn after_micros(moment: Timestamp, micros: u64) -> Timestamp {
    let micros = i64::try_from(micros).unwrap_or(i64::MAX);
    Timestamp::from_unix_micros(moment.unix_micros().saturating_add(micros))
}
