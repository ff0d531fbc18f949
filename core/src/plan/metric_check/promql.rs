//! Metrics that somebody else keeps: a query in PromQL where the name of a metric stands.
//!
//! `promql("sum(rate(http_errors[5m]))")`: the query in quotation marks, on one line, with `\"` for a quotation mark and
//! `\\` for a backslash. The query is not understood here, and says itself what it is of and over which window; of the
//! clauses only `for LENGTH` may follow.

use super::MetricCheckError;

/// What stands before the query.
const BEGIN: &str = "promql(";

/// How long a query may be, in bytes.
const QUERY_BYTES_MAX: usize = 2_048;

const GRAMMAR: &str =
    "promql(\"QUERY\"), on one line, with \\\" and \\\\ for a quotation mark and a backslash in the query";
const LENGTH: &str = "a query of 1 to 2048 bytes";

/// Reads a query at the beginning of a text; none when there is another metric. Answers the metric as it is printed, and
/// the rest of the text.
pub(super) fn read(text: &str) -> Option<Result<(String, &str), MetricCheckError>> {
    let quoted = text.trim_start().strip_prefix(BEGIN)?;
    Some(unquoted(quoted, text).map(|(query, rest)| (printed(&query), rest)))
}

fn unquoted<'t>(quoted: &'t str, text: &str) -> Result<(String, &'t str), MetricCheckError> {
    let fault = |allowed| MetricCheckError { found: text.to_owned(), allowed };
    let inner = quoted.trim_start().strip_prefix('"').ok_or_else(|| fault(GRAMMAR))?;
    let mut query = String::new();
    let mut letters = inner.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => {
                let rest = inner.get(at.saturating_add(1)..).unwrap_or_default();
                let rest = rest.trim_start().strip_prefix(')').ok_or_else(|| fault(GRAMMAR))?;
                if query.trim().is_empty() || query.len() > QUERY_BYTES_MAX {
                    return Err(fault(LENGTH));
                }
                return Ok((query, rest));
            }
            '\\' => match letters.next() {
                Some((_, escaped @ ('"' | '\\'))) => query.push(escaped),
                _ => return Err(fault(GRAMMAR)),
            },
            control if control.is_control() => return Err(fault(GRAMMAR)),
            other => query.push(other),
        }
    }
    Err(fault(GRAMMAR))
}

/// A query as it stands in a condition.
fn printed(query: &str) -> String {
    format!("{BEGIN}\"{}\")", query.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The query of a metric that is one; none of any other.
#[must_use]
pub(super) fn query(metric: &str) -> Option<String> {
    let quoted = metric.strip_prefix(BEGIN)?;
    unquoted(quoted, metric).ok().map(|(query, _)| query)
}

#[cfg(test)]
mod tests {
    use crate::plan::metric_check::{MetricCheck, Unit};

    #[track_caller]
    fn check(text: &str, printed: &str, query: &str) {
        let check = MetricCheck::parse(text).unwrap();
        assert_eq!(check.to_string(), printed);
        assert_eq!(MetricCheck::parse(printed).as_ref(), Ok(&check), "what is printed is read again");
        assert_eq!(check.query().as_deref(), Some(query));
    }

    #[test]
    fn a_query_is_read_and_printed_as_it_is() {
        check("promql(\"up\") < 1", "promql(\"up\") < 1", "up");
        check(
            r#"promql( "sum(rate(e[5m])) / sum(rate(r[5m]))" )>5% for 600s"#,
            r#"promql("sum(rate(e[5m])) / sum(rate(r[5m]))") > 5% for 10m"#,
            "sum(rate(e[5m])) / sum(rate(r[5m]))",
        );
        check(
            r#"promql("rate(e{job=\"a > b\", path=~\"\\\\d+\"}[5m])") > 2s"#,
            r#"promql("rate(e{job=\"a > b\", path=~\"\\\\d+\"}[5m])") > 2000ms"#,
            r#"rate(e{job="a > b", path=~"\\d+"}[5m])"#,
        );
        let check = MetricCheck::parse("promql(\"a <= b\") >= 5%").unwrap();
        assert_eq!((check.threshold, check.unit), (5.0, Unit::Percent));
        assert_eq!(check.subject(), "promql(\"a <= b\")");
        assert_eq!(MetricCheck::parse("error_rate < 2%").unwrap().query(), None);
    }

    #[track_caller]
    fn refuse(text: &str, allowed: &str) {
        let error = MetricCheck::parse(text).unwrap_err();
        assert!(error.allowed.contains(allowed), "{text}: {}", error.allowed);
    }

    #[test]
    fn what_is_no_query_is_refused() {
        refuse("promql(up) > 1", "promql(\"QUERY\")");
        refuse("promql(\"up > 1", "promql(\"QUERY\")");
        refuse("promql(\"up\" > 1", "promql(\"QUERY\")");
        refuse(r#"promql("a\d") > 1"#, "promql(\"QUERY\")");
        refuse("promql(\"a\nb\") > 1", "promql(\"QUERY\")");
        refuse("promql(\" \") > 1", "1 to 2048 bytes");
        refuse(&format!("promql(\"{}\") > 1", "x".repeat(2_049)), "1 to 2048 bytes");
        refuse("promql(\"up\")", "a condition");
        refuse("promql(\"up\") 1", "a condition");
        refuse("promql(\"up\") > many", "a number");
    }

    #[test]
    fn a_query_says_itself_what_it_is_of() {
        for clause in ["of dreams", "in ui", "over 5m", "versus control", "min_samples 5"] {
            refuse(&format!("promql(\"up\") > 1 {clause}"), "only for LENGTH");
        }
    }
}
