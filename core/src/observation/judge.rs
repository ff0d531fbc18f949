//! The verdict on a condition, and what it rests on.
//!
//! * A window without enough samples is no data, and no data is neither healthy nor sick.
//! * A condition that says that something is low (`<`, `<=`) speaks of its whole window: it is no data until the
//!   environment was heard of without a break since the window began. One that says that something is high may be true of
//!   less: what fails after ten seconds fails.
//! * `for LENGTH`: true of the window that ends now and of each that ended within that length.
//! * `versus`: a difference is claimed only with evidence (`sequential.rs`). That there is none worth
//!   speaking of (`< 20%`) needs no evidence, only samples.

use std::sync::Arc;

use super::bucket::{Bucket, Spread};
use super::measurement::{INSTANCES_MAX, InstanceShare, Measurement, Reference};
use super::metric::{Metric, Reading, Statistic};
use super::question::{Control, Gathered, Purpose, lengths, sum};
use super::sequential::{self, EVIDENCE_MIN, Stratum};
use super::sketch::{Sketch, float};
use super::window::Windows;
use crate::plan::metric_check::{Asked, Comparison, MetricCheck, Verdict, Versus};
use crate::revision::Timestamp;

/// Windows that are looked at for a condition that must stay true: of a long time not every bucket's.
const LOOKS_MAX: i64 = 60;

impl Windows {
    /// What is known of a condition.
    #[must_use]
    pub fn judge(&mut self, check: &MetricCheck, asked: &Asked<'_>, control: Control<'_>) -> Verdict {
        self.gather(check, asked, control, Purpose::Verdict).judge()
    }

    /// What the verdict rests on; none when nothing was observed.
    #[must_use]
    pub fn measure(
        &mut self,
        check: &MetricCheck,
        asked: &Asked<'_>,
        control: Control<'_>,
    ) -> Option<Measurement> {
        self.gather(check, asked, control, Purpose::Measurement).measure()
    }
}

/// A window's value.
#[derive(Debug, Clone, Copy)]
struct Found {
    value: f64,
    samples: u64,
    reference: Option<Reference>,
}

impl Gathered {
    /// The verdict.
    #[must_use]
    pub fn judge(&self) -> Verdict {
        let last = self.pace.index_of(self.now);
        let Some(latest) = self.look(last).filter(|found| self.suffices(last, found)) else {
            return Verdict::InsufficientData;
        };
        let value = latest.value;
        if !self.check.is_true_of(value) || !self.has_evidence() {
            return Verdict::NotMet { value };
        }
        let stride = (self.sustained_steps / LOOKS_MAX).max(1);
        let mut missing = false;
        let mut back = stride;
        while self.sustained_steps > 0 && back < self.sustained_steps.saturating_add(stride) {
            let index = last.saturating_sub(back.min(self.sustained_steps));
            match self.look(index).filter(|found| self.suffices(index, found)) {
                Some(found) if self.check.is_true_of(found.value) => {}
                Some(_) => return Verdict::NotMet { value },
                None => missing = true,
            }
            back = back.saturating_add(stride);
        }
        if missing { Verdict::InsufficientData } else { Verdict::Met { value } }
    }

    /// The newest window's value, with what it rests on.
    #[must_use]
    pub fn measure(&self) -> Option<Measurement> {
        let last = self.pace.index_of(self.now);
        let found = self.look(last)?;
        let from = self.pace.begin_of(last.saturating_sub(self.window_steps));
        Some(Measurement {
            value: found.value,
            samples: found.samples,
            from: self.not_before.map_or(from, |changed_at| from.max(changed_at)),
            until: self.now,
            reference: found.reference,
            instances: self.shares(),
        })
    }

    fn window(&self, side: &super::question::Steps, last: i64) -> Bucket {
        let first = last.saturating_sub(self.window_steps);
        sum(side.range(first..=last).map(|(_, bucket)| bucket))
    }

    /// The value of the window that ends with a bucket; none when nothing was observed in it.
    fn look(&self, last: i64) -> Option<Found> {
        if self.metric == Metric::UnavailableSeconds {
            let (now, _) = self.silence.as_ref()?;
            let back =
                self.pace.index_of(self.now).saturating_sub(last).saturating_mul(self.pace.step_seconds);
            let value = (now - float(u64::try_from(back).unwrap_or(0))).max(0.0);
            return Some(Found { value, samples: 1, reference: None });
        }
        if self.metric == Metric::Uptime {
            return self.uptime(last).filter(|_| self.check.versus == Versus::Threshold);
        }
        if self.is_forgotten {
            return None;
        }
        let compared = self.read(&self.window(&self.compared, last), last)?;
        let reference = match self.check.versus {
            Versus::Threshold => {
                let Reading { value, samples } = compared;
                return Some(Found { value, samples, reference: None });
            }
            Versus::Control => self.metric.read(&self.window(&self.reference, last))?,
            Versus::Baseline => self.metric.read(&self.baseline)?,
        };
        if !self.metric.is_comparable() {
            return None;
        }
        let reference =
            Reference { value: reference.value, compared: compared.value, samples: reference.samples };
        Some(Found {
            value: more_in_percent(reference),
            samples: compared.samples,
            reference: Some(reference),
        })
    }

    /// The least that any of the services was there, in the window that ends with a bucket.
    fn uptime(&self, last: i64) -> Option<Found> {
        let (begin, end) = self.span(last);
        let here = self.presences.iter().filter(|presence| presence.since <= end);
        let value =
            here.map(|presence| presence.uptime(begin, end, self.listening_since)).reduce(f64::min)?;
        Some(Found { value, samples: 1, reference: None })
    }

    /// From when to when the window that ends with a bucket is, to the microsecond.
    fn span(&self, last: i64) -> (Timestamp, Timestamp) {
        let end = self.pace.begin_of(last.saturating_add(1)).min(self.now);
        let micros = lengths(&self.check).0.saturating_mul(1_000_000);
        (Timestamp::from_unix_micros(end.unix_micros().saturating_sub(micros)), end)
    }

    fn read(&self, window: &Bucket, last: i64) -> Option<Reading> {
        let nothing = || {
            let begin = self.pace.begin_of(last.saturating_sub(self.window_steps));
            let was_heard = self.heard.is_some_and(|heard| heard.last >= begin);
            (self.is_counted && was_heard).then_some(Reading { value: 0.0, samples: 0 })
        };
        match self.metric {
            // Nobody has ever counted the one or the other: a name that is mistyped is no 0 %.
            Metric::Ratio { .. } => self.metric.read(window).filter(|_| self.is_counted),
            _ => self.metric.read(window).or_else(nothing),
        }
    }

    /// Whether a window's value may be spoken of.
    fn suffices(&self, last: i64, found: &Found) -> bool {
        let needed = match self.check.samples_min {
            0 => self.metric.samples_min(),
            samples_min => samples_min,
        };
        let reference_suffices = found.reference.is_none_or(|reference| reference.samples >= needed);
        found.samples >= needed && reference_suffices && self.is_watched(last)
    }

    /// Whether enough of the window was watched for what is said of it.
    fn is_watched(&self, last: i64) -> bool {
        let says_low = matches!(self.check.comparison, Comparison::Less | Comparison::AtMost);
        match self.metric {
            Metric::UnavailableSeconds => true,
            // What was away for long enough already is, whatever was before.
            Metric::Uptime if says_low => true,
            Metric::Uptime => {
                let (begin, _) = self.span(last);
                self.presences.iter().all(|presence| presence.since <= begin)
            }
            _ => !says_low || self.is_whole(last),
        }
    }

    /// Whether the environment was heard of all through the window.
    fn is_whole(&self, last: i64) -> bool {
        // One bucket is more than the window: the one that is not over.
        let begin = self.pace.begin_of(last.saturating_sub(self.window_steps).saturating_add(1));
        let begin = self.not_before.map_or(begin, |changed_at| begin.max(changed_at));
        let until = self.pace.begin_of(last);
        self.heard.is_some_and(|heard| heard.since <= begin && !is_broken(heard.last, until))
    }

    /// Whether a difference that the condition claims is more than chance.
    fn has_evidence(&self) -> bool {
        let claims_more = matches!(self.check.comparison, Comparison::Greater | Comparison::AtLeast)
            && self.check.threshold >= 0.0;
        let claims_less = matches!(self.check.comparison, Comparison::Less | Comparison::AtMost)
            && self.check.threshold <= 0.0;
        if self.check.versus == Versus::Threshold || !(claims_more || claims_less) {
            return true;
        }
        self.evidence(claims_less) >= EVIDENCE_MIN
    }

    /// How much speaks for a difference since the change.
    #[must_use]
    pub fn evidence(&self, is_less: bool) -> f64 {
        let spread = |bucket: &Bucket| self.metric.spread(bucket).map(|(spread, _)| spread.clone());
        let statistic = self.strata.iter().find_map(|(compared, _)| self.metric.spread(compared));
        match statistic.map(|(_, statistic)| statistic) {
            Some(Statistic::Mean) => {
                let sum_of = |side: fn(&(Bucket, Bucket)) -> &Bucket| {
                    let mut all = Spread::default();
                    self.strata
                        .iter()
                        .filter_map(|both| spread(side(both)))
                        .for_each(|more| all.merge(&more));
                    all
                };
                let (compared, reference) = (sum_of(|both| &both.0), sum_of(|both| &both.1));
                if is_less {
                    sequential::means(&reference, &compared)
                } else {
                    sequential::means(&compared, &reference)
                }
            }
            Some(Statistic::Quantile(share)) => {
                let mut all = Sketch::default();
                for bucket in self.strata.iter().flat_map(|(compared, reference)| [compared, reference]) {
                    spread(bucket).iter().for_each(|more| all.merge(&more.sketch));
                }
                let Some(bin) = all.quantile_bin(share) else { return 0.0 };
                let above = |bucket: &Bucket| {
                    spread(bucket).map(|spread| (spread.sketch.count_above(bin), spread.sketch.count()))
                };
                self.rates(is_less, above)
            }
            Some(Statistic::Sum | Statistic::Count) => 0.0,
            None => self.rates(is_less, |bucket| self.metric.rate(bucket)),
        }
    }

    fn rates(&self, is_less: bool, rate: impl Fn(&Bucket) -> Option<(u64, u64)>) -> f64 {
        let strata = self.strata.iter().filter_map(|(compared, reference)| {
            let stratum = Stratum { compared: rate(compared)?, reference: rate(reference)? };
            Some(if is_less { stratum.turned() } else { stratum })
        });
        sequential::rates(strata.collect::<Vec<_>>().into_iter())
    }

    fn shares(&self) -> Vec<InstanceShare> {
        let share = |((service, instance), bucket): (&(_, Arc<str>), &Bucket)| {
            let Reading { value, samples } = self.metric.read(bucket)?;
            Some(InstanceShare {
                service: Clone::clone(service),
                instance: Box::from(&**instance),
                value,
                samples,
            })
        };
        let mut shares: Vec<InstanceShare> = self.instances.iter().filter_map(share).collect();
        let high_is_bad =
            matches!(self.check.comparison, Comparison::Greater | Comparison::AtLeast) != self.is_gate();
        shares.sort_by(|one, other| {
            let order = one.value.total_cmp(&other.value);
            if high_is_bad { order.reverse() } else { order }
        });
        shares.truncate(INSTANCES_MAX);
        shares
    }

    /// `<` of something that is bad when it is high is a gate's way of asking.
    fn is_gate(&self) -> bool {
        let bad_when_high = matches!(
            self.metric,
            Metric::ErrorRate | Metric::CrashRate | Metric::FallbackRate | Metric::Latency(_)
        );
        bad_when_high && matches!(self.check.comparison, Comparison::Less | Comparison::AtMost)
    }
}

impl Metric {
    /// Whether two groups of different size can be compared by it: a rate, a mean or a quantile, but no number of things.
    fn is_comparable(&self) -> bool {
        match self {
            Self::ErrorRate
            | Self::CrashRate
            | Self::FallbackRate
            | Self::ClickThroughRate
            | Self::Ratio { .. } => true,
            Self::Latency(statistic) | Self::Custom { statistic, .. } => {
                !matches!(statistic, Statistic::Sum | Statistic::Count)
            }
            _ => false,
        }
    }
}

fn is_broken(last: Timestamp, until: Timestamp) -> bool {
    until.unix_seconds().saturating_sub(last.unix_seconds()) > super::window::BREAK_SECONDS
}

/// How many percent more the compared value is. Where the reference is 0, half an observation stands in for none.
fn more_in_percent(reference: Reference) -> f64 {
    let Reference { value, compared, samples } = reference;
    if compared.total_cmp(&value).is_eq() {
        return 0.0;
    }
    let value = if value > 0.0 { value } else { 100.0 * 0.5 / float(samples.max(1)) };
    100.0 * (compared / value - 1.0)
}
