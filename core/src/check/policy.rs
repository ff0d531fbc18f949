//! Changes of what an environment allows. Whether somebody may change it is asked with everything else, in `kept.rs`.

use std::sync::Arc;

use super::Draft;
use super::configurations::exact_weight;
use crate::entity::{Entity, EntityId};
use crate::key::FlagKey;
use crate::limits::{
    APPROVALS_MAX, FREEZE_WINDOWS_MAX, INTERVAL_SECONDS_MAX, PROTECTED_FLAGS_MAX, TEXT_BYTES_MAX,
    UTC_OFFSET_MINUTES_MAX,
};
use crate::policy::freeze::{DAY_MINUTES, FreezePeriod, FreezeWindow, WEEK_MINUTES, WeeklyPeriod};
use crate::policy::{AskedPolicy, Policy};
use crate::rejection::Reason;

impl Draft<'_> {
    pub(super) fn set_policy(&mut self, field: &str, environment: &str, asked: &AskedPolicy) {
        let environment = self.environment(&format!("{field}.environment"), environment);
        let field = format!("{field}.policy");
        let largest_step = asked
            .largest_step_percent
            .and_then(|percent| self.step(&format!("{field}.largest_step_percent"), percent));
        self.interval(&format!("{field}.smallest_interval_seconds"), asked.smallest_interval_seconds);
        self.freeze_windows(&format!("{field}.freeze_windows"), &asked.freeze_windows);
        if asked.approvals > APPROVALS_MAX {
            let allowed = format!("0 to {APPROVALS_MAX} people");
            let field = format!("{field}.approvals");
            self.findings.note(Reason::OutOfRange, &field, &asked.approvals.to_string(), allowed);
        }
        let protected_flags =
            self.protected_flags(&format!("{field}.protected_flags"), &asked.protected_flags);
        let Some(environment) = environment else {
            return;
        };
        let policy = Policy {
            reason_required: asked.reason_required,
            largest_step,
            smallest_interval_seconds: asked.smallest_interval_seconds,
            freeze_windows: asked.freeze_windows.clone(),
            approvals: asked.approvals,
            protected_flags,
            drift: asked.drift,
            break_glass: asked.break_glass,
        };
        let demands = policy != Policy::default();
        self.write(EntityId::Policy(environment), demands.then(|| Entity::Policy(Arc::new(policy))));
    }

    fn step(&mut self, field: &str, percent: f64) -> Option<u32> {
        let step = exact_weight(percent).filter(|step| *step > 0);
        if step.is_none() {
            let allowed = "more than 0, up to 100, with at most three decimals";
            self.findings.note(Reason::OutOfRange, field, &percent.to_string(), allowed);
        }
        step
    }

    fn interval(&mut self, field: &str, seconds: Option<u64>) {
        if let Some(seconds) = seconds.filter(|seconds| !(1..=INTERVAL_SECONDS_MAX).contains(seconds)) {
            let allowed = format!("1 to {INTERVAL_SECONDS_MAX} seconds (90 days)");
            self.findings.note(Reason::OutOfRange, field, &seconds.to_string(), allowed);
        }
    }

    fn freeze_windows(&mut self, field: &str, windows: &[FreezeWindow]) {
        if !self.findings.count(field, windows.len(), FREEZE_WINDOWS_MAX) {
            return;
        }
        for (index, window) in windows.iter().enumerate() {
            let field = format!("{field}[{index}]");
            let name = format!("{field}.name");
            self.findings.text(&name, &window.name, TEXT_BYTES_MAX);
            if window.name.trim().is_empty() {
                self.findings.note(Reason::Required, &name, &window.name, "why the environment is frozen");
            }
            match &window.period {
                FreezePeriod::Weekly(weekly) => self.weekly(&format!("{field}.weekly"), weekly),
                FreezePeriod::Once { from, to } if from >= to => {
                    let allowed = format!("later than `from`, which is {from}");
                    let field = format!("{field}.once.to");
                    self.findings.note(Reason::OutOfRange, &field, &to.to_string(), allowed);
                }
                FreezePeriod::Once { .. } => {}
            }
        }
    }

    fn weekly(&mut self, field: &str, weekly: &WeeklyPeriod) {
        let weekdays = format!("{field}.weekdays");
        if weekly.weekdays.is_empty() {
            self.findings.note(Reason::Required, &weekdays, "0", "1 to 7 days on which it begins");
        }
        for (index, weekday) in weekly.weekdays.iter().enumerate() {
            if weekly.weekdays.iter().take(index).any(|known| known == weekday) {
                let field = format!("{weekdays}[{index}]");
                self.findings.note(Reason::Duplicate, &field, weekday.as_str(), "each day once");
            }
        }
        let bounds = [
            ("from_minute", weekly.from_minute, 0..=DAY_MINUTES - 1, "minutes since midnight"),
            ("lasts_minutes", weekly.lasts_minutes, 1..=WEEK_MINUTES, "minutes, which is a week"),
        ];
        for (name, minutes, range, what) in bounds {
            if !range.contains(&minutes) {
                let allowed = format!("{} to {} {what}", range.start(), range.end());
                let field = format!("{field}.{name}");
                self.findings.note(Reason::OutOfRange, &field, &minutes.to_string(), allowed);
            }
        }
        if weekly.utc_offset_minutes.unsigned_abs() > UTC_OFFSET_MINUTES_MAX {
            let allowed = format!("-{UTC_OFFSET_MINUTES_MAX} to {UTC_OFFSET_MINUTES_MAX} minutes");
            let (field, value) =
                (format!("{field}.utc_offset_minutes"), weekly.utc_offset_minutes.to_string());
            self.findings.note(Reason::OutOfRange, &field, &value, allowed);
        }
    }

    /// A flag may be protected before it is there; whoever misspells one is told.
    fn protected_flags(&mut self, field: &str, flags: &[String]) -> Vec<FlagKey> {
        if !self.findings.count(field, flags.len(), PROTECTED_FLAGS_MAX) {
            return Vec::new();
        }
        let mut keys: Vec<FlagKey> = Vec::new();
        for (index, flag) in flags.iter().enumerate() {
            let field = format!("{field}[{index}]");
            let Some(key) = self.findings.name(&field, flag, FlagKey::parse) else {
                continue;
            };
            if keys.iter().any(|known| known.folded() == key.folded()) {
                let allowed = "each flag once, in one of its spellings";
                self.findings.note(Reason::Duplicate, &field, flag, allowed);
                continue;
            }
            if self.work.flag(&key.folded()).is_none() {
                self.findings
                    .warnings
                    .push(format!("flag {key}, which is to be protected, does not exist yet"));
            }
            keys.push(key);
        }
        keys
    }
}
