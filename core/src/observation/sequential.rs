//! Whether one group really is worse than another, asked again and again.
//!
//! A guard looks every second. A test that is right 95 times of 100 when it is asked once cries wolf sooner or later when it
//! is asked for ever. What is computed here is evidence (an "e-value") that, when there is no difference, reaches
//! [`EVIDENCE_MIN`] at any time at all in at most [`FALSE_ALARMS`] of all comparisons (Ville's inequality, 1939), however
//! often somebody looks. A comparison begins when a flag changes.
//!
//! * **Rates.** Within a short span of time the shares of the two groups in all requests are known. When there is no
//!   difference, a failure falls on a group with that share. The evidence is the likelihood of what happened if failures
//!   were `ODDS` times as likely in one group, mixed over these numbers (the method of mixtures, Robbins 1970), over
//!   that if they were not, multiplied over all spans. Of a fixed number of failures among requests that are as likely as
//!   each other the count in a group is hypergeometric, which is less spread than the binomial that stands in for it
//!   (Hoeffding 1963, theorem 4): so the evidence errs on the quiet side. Rates that go up and down with the hour of the
//!   day, and shares that change, do no harm: each span is compared with itself.
//! * **Quantiles.** The rate of values above the common quantile of both groups.
//! * **Means.** The mixture sequential probability ratio test of Johari, Pekelis and Walsh ("Always valid inference",
//!   Operations Research 2022), with variances as they were measured, and not before [`MEAN_SAMPLES_MIN`] values.
//!
//! What none of it can know: requests of one user are more like each other than those of two.

use super::bucket::Spread;
use super::sketch::float;

/// The share of comparisons without a difference in which it is claimed at any time.
pub const FALSE_ALARMS: f64 = 0.05;

/// Evidence from here on is enough.
pub const EVIDENCE_MIN: f64 = 1.0 / FALSE_ALARMS;

/// How many times as likely a failure may be in the group that is worse.
const ODDS: [f64; 7] = [1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0];

/// Values that each group must have before means are compared: before, the measured variances say too little.
pub const MEAN_SAMPLES_MIN: u64 = 100;

/// The differences of means that are looked for, as a share of the reference: small ones and large ones about this.
const MEAN_SCALE: f64 = 0.1;

/// Failures and requests of two groups within the same span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stratum {
    /// Failures and requests of the group that may be worse.
    pub compared: (u64, u64),
    /// Those of the group that it is compared with.
    pub reference: (u64, u64),
}

impl Stratum {
    /// With the groups changed about.
    #[must_use]
    pub const fn turned(self) -> Self {
        Self { compared: self.reference, reference: self.compared }
    }
}

/// The evidence that the rate of the compared group is higher.
#[must_use]
pub fn rates(strata: impl Iterator<Item = Stratum> + Clone) -> f64 {
    let logs =
        ODDS.map(|odds| strata.clone().map(|stratum| log_likelihood_ratio(stratum, odds)).sum::<f64>());
    let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logs.iter().map(|log| (log - largest).exp()).sum();
    (largest + (sum / 7.0).ln()).exp()
}

fn log_likelihood_ratio(stratum: Stratum, odds: f64) -> f64 {
    let Stratum { compared: (failures, requests), reference: (others, other_requests) } = stratum;
    if requests == 0 || other_requests == 0 {
        // Where one group is missing nothing can be compared.
        return 0.0;
    }
    let share = float(requests) / (float(requests) + float(other_requests));
    float(failures) * odds.ln() - float(failures.saturating_add(others)) * (share * (odds - 1.0)).ln_1p()
}

/// The evidence that the mean of the compared group is higher.
#[must_use]
pub fn means(compared: &Spread, reference: &Spread) -> f64 {
    let enough = compared.count.min(reference.count) >= MEAN_SAMPLES_MIN;
    let moments = |spread: &Spread| Some((spread.mean()?, spread.variance()? / float(spread.count)));
    let (Some((mean, variance)), Some((other_mean, other_variance)), true) =
        (moments(compared), moments(reference), enough)
    else {
        return 0.0;
    };
    let difference = mean - other_mean;
    let variance = variance + other_variance;
    let scale = (MEAN_SCALE * other_mean).powi(2);
    if difference <= 0.0 || scale <= 0.0 {
        return 0.0;
    }
    if variance <= 0.0 {
        return f64::INFINITY;
    }
    let shrink = variance / (variance + scale);
    shrink.sqrt() * (difference * difference * scale / (2.0 * variance * (variance + scale))).exp()
}
