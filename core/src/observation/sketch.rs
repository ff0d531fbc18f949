//! A sketch of how values are spread: what quantiles are computed from, mergeable without loss.
//!
//! The method is `DDSketch` (Masson, Rim and Lee, VLDB 2019): a value falls into the bin whose bounds are powers of
//! [`GAMMA`], so that each quantile is known with a relative error of at most [`RELATIVE_ERROR`], whatever is merged in
//! whatever order. Bins are sparse and counted exactly. Why it is not a crate's: docs/adr/0016.

/// A quantile is at most this far from the value that has it, relative to that value.
pub const RELATIVE_ERROR: f64 = 0.01;

/// From one bin to the next; a little less than `(1 + e) / (1 - e)`, so that rounding stays within the promise.
pub const GAMMA: f64 = 1.02;

/// Values below this count as 0. Of milliseconds it is a nanosecond.
pub const VALUE_MIN: f64 = 1e-6;

/// Values above this count as this.
pub const VALUE_MAX: f64 = 1e12;

/// The bin of [`VALUE_MIN`], and the first that there is.
pub const BIN_MIN: i32 = -698;

/// The bin of [`VALUE_MAX`], and the last that there is.
pub const BIN_MAX: i32 = 1_396;

/// As many as there are.
pub const BINS_MAX: usize = (BIN_MAX - BIN_MIN + 1).unsigned_abs() as usize;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sketch {
    zeros: u64,
    /// Bins that are not empty, in order.
    bins: Vec<(i32, u64)>,
}

impl Sketch {
    /// Takes a value. One that is negative or no number counts as 0.
    pub fn add(&mut self, value: f64) {
        match bin_of(value) {
            Some(bin) => self.add_bin(bin, 1),
            None => self.zeros = self.zeros.saturating_add(1),
        }
    }

    /// Takes a bin that somebody else has filled. One that does not exist is put to the nearest that does.
    pub fn add_bin(&mut self, bin: i32, count: u64) {
        if count == 0 {
            return;
        }
        let bin = bin.clamp(BIN_MIN, BIN_MAX);
        // Whoever hands over a sketch hands its bins over in order.
        if self.bins.last().is_none_or(|(last, _)| *last < bin) {
            return self.bins.push((bin, count));
        }
        match self.bins.binary_search_by_key(&bin, |(known, _)| *known) {
            Ok(place) => {
                if let Some((_, held)) = self.bins.get_mut(place) {
                    *held = held.saturating_add(count);
                }
            }
            Err(place) => self.bins.insert(place, (bin, count)),
        }
    }

    /// Makes room for so many bins at once.
    pub fn reserve(&mut self, bins: usize) {
        self.bins.reserve(bins);
    }

    /// Takes values that count as 0.
    pub const fn add_zeros(&mut self, count: u64) {
        self.zeros = self.zeros.saturating_add(count);
    }

    /// Many at once, which is cheaper than one after the other.
    #[must_use]
    pub fn sum<'s>(all: impl Iterator<Item = &'s Self> + Clone) -> Self {
        let zeros = all.clone().fold(0, |sum: u64, sketch| sum.saturating_add(sketch.zeros));
        let mut bins: Vec<(i32, u64)> = all.flat_map(|sketch| sketch.bins.iter().copied()).collect();
        bins.sort_unstable_by_key(|(bin, _)| *bin);
        bins.dedup_by(|(bin, count), (kept, sum)| {
            let is_same = bin == kept;
            if is_same {
                *sum = sum.saturating_add(*count);
            }
            is_same
        });
        Self { zeros, bins }
    }

    /// Takes everything that another one holds.
    pub fn merge(&mut self, other: &Self) {
        self.zeros = self.zeros.saturating_add(other.zeros);
        // Both are in order: what is looked for next lies behind what was found last.
        let mut behind = 0;
        let held = self.bins.len();
        for (bin, count) in &other.bins {
            let rest = self.bins.get_mut(behind..held).unwrap_or_default();
            let skipped = rest.partition_point(|(known, _)| known < bin);
            behind += skipped;
            match rest.get_mut(skipped) {
                Some((known, sum)) if known == bin => *sum = sum.saturating_add(*count),
                _ => self.bins.push((*bin, *count)),
            }
        }
        if self.bins.len() > held {
            self.bins.sort_by_key(|(bin, _)| *bin);
        }
    }

    /// How many values it holds.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.bins.iter().fold(self.zeros, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// Values that count as 0.
    #[must_use]
    pub const fn zeros(&self) -> u64 {
        self.zeros
    }

    /// The bins that are not empty, in order: value `v` is in bin `ceil(ln v / ln GAMMA)`.
    #[must_use]
    pub fn bins(&self) -> &[(i32, u64)] {
        &self.bins
    }

    /// The value that a share of the values does not exceed; none when there are no values. `share` is from 0 to 1.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        self.quantile_bin(share).map(|bin| bin.map_or(0.0, value_of))
    }

    /// The bin of a quantile; the inner none is the values that count as 0.
    #[must_use]
    pub fn quantile_bin(&self, share: f64) -> Option<Option<i32>> {
        let count = self.count();
        // The rank counts from 0, as in the paper: floor(q (n - 1)).
        let rank = whole(share.clamp(0.0, 1.0) * float(count.checked_sub(1)?));
        let mut seen = self.zeros;
        if rank < seen {
            return Some(None);
        }
        for (bin, held) in &self.bins {
            seen = seen.saturating_add(*held);
            if rank < seen {
                return Some(Some(*bin));
            }
        }
        self.bins.last().map(|(bin, _)| Some(*bin))
    }

    /// How many values lie above a bin; none is the values that count as 0.
    #[must_use]
    pub fn count_above(&self, bin: Option<i32>) -> u64 {
        let is_above = |(known, _): &&(i32, u64)| bin.is_none_or(|bin| *known > bin);
        self.bins.iter().filter(is_above).fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }
}

fn bin_of(value: f64) -> Option<i32> {
    if !value.is_finite() || value < VALUE_MIN {
        return (value == f64::INFINITY).then_some(BIN_MAX);
    }
    let bin = (value.min(VALUE_MAX).ln() / GAMMA.ln()).ceil();
    Some(small(bin).clamp(BIN_MIN, BIN_MAX))
}

/// The value that stands for a bin: as far from its lower bound as from its upper one, relative to each.
fn value_of(bin: i32) -> f64 {
    2.0 * GAMMA.powi(bin) / (GAMMA + 1.0)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "bins lie between BIN_MIN and BIN_MAX, far within an i32"
)]
fn small(bin: f64) -> i32 {
    bin as i32
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank is at most a count, and not negative"
)]
fn whole(rank: f64) -> u64 {
    rank as u64
}

/// A count as a number to compute with. Above 2^53 the last digits go, which no ratio shows.
#[expect(clippy::cast_precision_loss, reason = "what is lost is one part in 2^53")]
#[must_use]
pub const fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[f64]) -> Sketch {
        let mut sketch = Sketch::default();
        values.iter().for_each(|value| sketch.add(*value));
        sketch
    }

    #[test]
    fn nothing_has_no_quantile_and_zeros_count() {
        assert_eq!(Sketch::default().quantile(0.5), None);
        let sketch = of(&[0.0, -3.0, f64::NAN, 8.0]);
        assert_eq!((sketch.count(), sketch.zeros()), (4, 3));
        assert_eq!(sketch.quantile(0.5), Some(0.0));
        assert!((sketch.quantile(1.0).unwrap() / 8.0 - 1.0).abs() <= RELATIVE_ERROR);
        assert_eq!(sketch.count_above(None), 1);
    }

    #[test]
    fn what_is_out_of_range_is_put_to_its_end() {
        let sketch = of(&[1e-9, 1e300, f64::INFINITY]);
        assert_eq!((sketch.zeros(), sketch.bins()), (1, &[(BIN_MAX, 2)][..]));
        assert_eq!((bin_of(VALUE_MIN), bin_of(VALUE_MAX)), (Some(BIN_MIN + 1), Some(BIN_MAX)));
        let mut sketch = Sketch::default();
        sketch.add_bin(i32::MAX, 2);
        sketch.add_bin(3, 0);
        assert_eq!(sketch.bins(), [(BIN_MAX, 2)]);
    }

    proptest! {
        #[test]
        fn a_quantile_is_within_one_percent_of_the_value_that_has_it(
            mut values in prop::collection::vec(prop::num::f64::POSITIVE.prop_map(|value| 10f64.powf(value.log10().rem_euclid(17.0) - 5.5)), 1..300),
            share in 0.0..=1.0f64,
        ) {
            let sketch = of(&values);
            values.sort_by(f64::total_cmp);
            let rank = whole(share * float(u64::try_from(values.len()).unwrap() - 1));
            let exact = values[usize::try_from(rank).unwrap()];
            let found = sketch.quantile(share).unwrap();
            prop_assert!((found - exact).abs() <= exact * RELATIVE_ERROR, "{found} for {exact}");
        }

        #[test]
        fn merged_sketches_are_the_sketch_of_all_values(
            one in prop::collection::vec(0.0..1e6f64, 0..100),
            other in prop::collection::vec(0.0..1e6f64, 0..100),
        ) {
            let mut merged = of(&one);
            merged.merge(&of(&other));
            prop_assert_eq!(&merged, &Sketch::sum([of(&one), of(&other)].iter()));
            let all: Vec<f64> = one.into_iter().chain(other).collect();
            prop_assert_eq!(merged, of(&all));
        }
    }
}
