//! Whether taking a feature back has helped.

use super::Guard;
use super::state::{RecoveryVerdict, Statement, Trip};
use crate::plan::metric_check::{Asked, Comparison, MetricCheck, Metrics, Verdict, Versus};

/// What is asked some time after a trip: the guard's own condition over the same length of time, whether it was
/// sustained or not. Nobody has the feature any more, so whoever was compared with control is compared with before.
fn question(when: &MetricCheck) -> MetricCheck {
    let versus = match when.versus {
        Versus::Threshold => Versus::Threshold,
        Versus::Control | Versus::Baseline => Versus::Baseline,
    };
    MetricCheck {
        window_seconds: when.window_seconds.max(when.sustained_seconds),
        sustained_seconds: 0,
        versus,
        ..when.clone()
    }
}

/// States what became of a trip. `asked` carries the change that was taken back, so that the baseline is what was before
/// it.
#[must_use]
pub fn state(guard: &Guard, trip: &Trip, metrics: &dyn Metrics, asked: &Asked<'_>) -> Statement {
    let check = question(&guard.when);
    let (is_bad, value) = match metrics.judge(&check, asked) {
        Verdict::Met { value } => (true, value),
        Verdict::NotMet { value } => (false, value),
        Verdict::InsufficientData => {
            return Statement { verdict: RecoveryVerdict::InsufficientData, value: None, baseline: None };
        }
    };
    let against = MetricCheck { versus: Versus::Baseline, ..check.clone() };
    let reference = metrics.measure(&against, asked).and_then(|measured| measured.reference);
    let baseline = reference.map(|reference| reference.value);
    let is_halfway = match (check.versus, baseline) {
        // What is compared with the baseline anyway says all of it.
        (Versus::Control | Versus::Baseline, _) | (Versus::Threshold, None) => true,
        (Versus::Threshold, Some(baseline)) => {
            is_nearer(&check, value, baseline, trip.evidence.observed.value)
        }
    };
    let verdict = if is_bad || !is_halfway { RecoveryVerdict::NotCaused } else { RecoveryVerdict::Recovered };
    Statement { verdict, value: Some(value), baseline }
}

/// Whether a value is at most half of the way from how it was before to how bad it became. Below the threshold alone is
/// not well: 9 % errors are no recovery from 12 % where there was one before.
fn is_nearer(check: &MetricCheck, value: f64, baseline: f64, worst: f64) -> bool {
    let middle = f64::midpoint(baseline, worst);
    match check.comparison {
        Comparison::Greater | Comparison::AtLeast => value <= middle.max(baseline),
        Comparison::Less | Comparison::AtMost => value >= middle.min(baseline),
    }
}
