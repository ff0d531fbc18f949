//! Weights of others as splits of ours.

use crate::flag::{Serve, Split, WeightedVariant};
use crate::key::VariantName;
use crate::limits::WEIGHT_TOTAL;

/// Everybody gets one variant.
pub(super) fn one(variant: &str) -> Serve {
    Serve::Variant(VariantName::new(variant))
}

/// Splits a share of everybody over variants by weights of any unit; the others get `rest`. The largest remainders are
/// rounded up, so that the weights add up. None when nothing has a weight.
pub(super) fn split(
    weights: &[(String, u64)],
    share: u32,
    rest: &str,
    bucket_by: Option<&str>,
) -> Option<Serve> {
    let total: u64 = weights.iter().map(|(_, weight)| *weight).sum();
    if total == 0 {
        return None;
    }
    let share = share.min(WEIGHT_TOTAL);
    let mut exact: Vec<(usize, u64, u64)> = Vec::new();
    for (index, (_, weight)) in weights.iter().enumerate() {
        let scaled = u128::from(*weight) * u128::from(share);
        let whole = u64::try_from(scaled / u128::from(total)).ok()?;
        let remainder = u64::try_from(scaled % u128::from(total)).ok()?;
        exact.push((index, whole, remainder));
    }
    let given: u64 = exact.iter().map(|(_, whole, _)| *whole).sum();
    let mut missing = u64::from(share).saturating_sub(given);
    exact.sort_by_key(|(index, _, remainder)| (std::cmp::Reverse(*remainder), *index));
    for (_, whole, _) in &mut exact {
        if missing == 0 {
            break;
        }
        *whole += 1;
        missing -= 1;
    }
    exact.sort_unstable();
    let mut merged: Vec<WeightedVariant> = Vec::new();
    let found = weights.iter().zip(&exact).map(|((name, _), (_, whole, _))| (name.as_str(), *whole));
    let others = (share < WEIGHT_TOTAL).then(|| (rest, u64::from(WEIGHT_TOTAL - share)));
    for (name, weight) in found.chain(others) {
        let weight = u32::try_from(weight).ok()?;
        match merged.iter_mut().find(|known| known.variant.as_str() == name) {
            Some(known) => known.weight += weight,
            None => merged.push(WeightedVariant { variant: VariantName::new(name), weight }),
        }
    }
    let split = Split { weights: merged, bucket_by: bucket_by.map(Box::from) };
    Some(match split.sole_variant() {
        Some(sole) => Serve::Variant(sole.clone()),
        None => Serve::Split(split),
    })
}

/// In words, such as `25 %`.
pub(super) fn percent(weight: u32) -> String {
    let (whole, thousandths) = (weight / 1_000, weight % 1_000);
    if thousandths == 0 {
        return format!("{whole} %");
    }
    format!("{} %", format!("{whole}.{thousandths:03}").trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(weights: &[(&str, u64)], share: u32, expected: &[(&str, u32)]) {
        let weights: Vec<(String, u64)> =
            weights.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect();
        let Some(Serve::Split(split)) = split(&weights, share, "off", None) else { panic!("no split") };
        let found = split.weights.iter().map(|weighted| (weighted.variant.as_str(), weighted.weight));
        assert_eq!(found.collect::<Vec<_>>(), expected);
        assert_eq!(split.weights.iter().map(|weighted| weighted.weight).sum::<u32>(), WEIGHT_TOTAL);
    }

    #[test]
    fn weights_of_any_unit_add_up() {
        check(&[("a", 1), ("b", 1), ("c", 1)], 100_000, &[("a", 33_334), ("b", 33_333), ("c", 33_333)]);
        check(&[("a", 500), ("b", 500)], 20_000, &[("a", 10_000), ("b", 10_000), ("off", 80_000)]);
        check(&[("a", 60_000), ("off", 40_000)], 50_000, &[("a", 30_000), ("off", 70_000)]);
    }

    #[test]
    fn what_everybody_gets_is_no_split() {
        let all = [("a".to_owned(), 1000), ("b".to_owned(), 0)];
        assert_eq!(split(&all, 100_000, "off", None), Some(one("a")));
        assert_eq!(split(&all, 0, "off", None), Some(one("off")));
        assert_eq!(split(&[("a".to_owned(), 0)], 100_000, "off", None), None);
    }

    #[test]
    fn shares_are_said_in_percent() {
        assert_eq!([percent(25_000), percent(12_500), percent(1)], ["25 %", "12.5 %", "0.001 %"]);
    }
}
