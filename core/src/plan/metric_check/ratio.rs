//! The ratio of two counts where the name of a metric stands: `ratio(weight_fallbacks, weight_loads) > 5%`.
//!
//! It is in percent, as every rate is, and says so: a bare `0.05` would be read as five percent by some and as a twentieth
//! of one by others.

use super::MetricCheckError;
use crate::observation::metric::{COUNT_NAME_GRAMMAR, is_count_name};

const GRAMMAR: &str = "ratio(PART, WHOLE), two names of counts, such as ratio(clicks, requests)";
pub(super) const UNIT: &str = "a number with %: a ratio is in percent";

/// Reads a ratio at the beginning of a text; none when there is another metric. Answers the metric as it is printed, and the
/// rest of the text.
pub(super) fn read(text: &str) -> Option<Result<(String, &str), MetricCheckError>> {
    let inner = text.trim_start().strip_prefix("ratio")?.trim_start().strip_prefix('(')?;
    let fault = |found: &str, allowed| MetricCheckError { found: found.to_owned(), allowed };
    let Some((names, rest)) = inner.split_once(')') else { return Some(Err(fault(text, GRAMMAR))) };
    let Some((part, whole)) = names.split_once(',') else { return Some(Err(fault(names, GRAMMAR))) };
    let (part, whole) = (part.trim(), whole.trim());
    let wrong = [part, whole].into_iter().find(|name| !is_count_name(name));
    Some(match wrong {
        Some(name) => Err(fault(name, COUNT_NAME_GRAMMAR)),
        None => Ok((format!("ratio({part}, {whole})"), rest)),
    })
}

#[cfg(test)]
mod tests {
    use crate::plan::metric_check::MetricCheck;
    use crate::plan::metric_check::tests::check;

    #[test]
    fn a_ratio_is_read_with_every_clause() {
        check("ratio(clicks,requests)>5%", "ratio(clicks, requests) > 5%");
        check(
            " ratio ( weight_fallbacks , weight_loads ) >= 20% of dreams in ui over 600s for 1m versus control min_samples 9",
            "ratio(weight_fallbacks, weight_loads) >= 20% of dreams in ui over 10m for 1m versus control min_samples 9",
        );
        let subject = MetricCheck::parse("ratio(a, b) < 1% of dreams in ui").unwrap().subject();
        assert_eq!(subject, "ratio(a, b) of dreams in ui");
        check("ratio > 5", "ratio > 5");
    }

    #[track_caller]
    fn refuse(text: &str, found: &str, allowed: &str) {
        let error = MetricCheck::parse(text).unwrap_err();
        assert_eq!(error.found, found, "{text}");
        assert!(error.allowed.contains(allowed), "{text}: {}", error.allowed);
    }

    #[test]
    fn what_is_no_ratio_of_two_counts_is_refused_with_the_part_that_is_wrong() {
        refuse("ratio(a, b", "ratio(a, b", "ratio(PART, WHOLE)");
        refuse("ratio(a) > 5%", "a", "ratio(PART, WHOLE)");
        refuse("ratio(a, b, c) > 5%", "b, c", "counter");
        refuse("ratio(, b) > 5%", "", "counter");
        refuse("ratio(a, error_rate) > 5%", "error_rate", "counter");
        refuse("ratio(a, load.p95) > 5%", "load.p95", "counter");
        refuse("ratio(a, b) 5%", "ratio(a, b) 5%", "a condition");
        refuse("ratio(a, b) > 0.05", "0.05", "in percent");
        refuse("ratio(a, b) > 5ms over 1h", "5ms over 1h", "in percent");
        refuse("ratio(a, b) > many", "many", "a number");
    }
}
