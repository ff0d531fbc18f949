//! Middles and tails of what was measured.

/// The middle one; of an even number the lower of the two. Zero when there is none.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 1, 2)
}

/// The value below which `numerator` of `denominator` parts of all values lie.
#[must_use]
pub fn quantile(values: &[f64], numerator: usize, denominator: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * numerator / denominator.max(1)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_tail() {
        let values = [5.0, 1.0, 3.0, 2.0, 4.0];
        assert!((median(&values) - 3.0).abs() < f64::EPSILON);
        assert!((quantile(&values, 99, 100) - 4.0).abs() < f64::EPSILON);
        assert!(median(&[]).abs() < f64::EPSILON);
    }
}
