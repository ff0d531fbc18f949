//! Metrics as CSV, for a simulation to go by: `at,metric,value`.
//!
//! `at` is a time since the plan's start, or a date and time; the metric is named as a check names it, with the flag and
//! the service that it is said of, and with `versus control` or `versus baseline` when the value is how many percent more
//! it is than there. A value holds until the next one of the same metric.

use std::collections::BTreeSet;
use std::path::Path;

use mycelia_flags_core::plan::metric_check::{MetricCheck, parse_value};
use mycelia_flags_core::plan::simulation::Trace;
use mycelia_flags_core::plan::{duration_text, timetable};
use mycelia_flags_core::revision::Timestamp;

use crate::failure::{Failure, Violation};
use crate::plan_file;
use crate::plan_text;
use crate::text_file;

const HEADER: &str = "at,metric,value";
const AT: &str = "a time since the start such as 90s, 10m or 2d3h, or a date and time with a zone";
const METRIC: &str = "a metric such as error_rate, error_rate of dreams, latency.p95 of dreams in ui, ratio(clicks, requests) or latency.p95 versus baseline";
const VALUE: &str = "a number, with %, ms or s if it is one of them";

/// Rows that are read: a month of minutes of four metrics. The simulation looks at each.
const ROWS_MAX: usize = 200_000;

/// Faults that are shown.
const FAULTS_MAX: usize = 1_000;

/// Reads a file.
pub(crate) fn read(path: &Path, start: Timestamp) -> Result<Trace, Failure> {
    let text = text_file::read(path)?;
    parse(&text, start).map_err(|faults| {
        let file = path.display().to_string();
        let violations = faults.into_iter().map(|fault| Violation {
            field: format!("{file}:{}", fault.line),
            description: format!("{}: {:?}: {}", fault.column, fault.value, fault.allowed),
        });
        plan_text::invalid(&file, violations.collect())
    })
}

/// What is wrong with a line.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    line: usize,
    column: &'static str,
    value: String,
    allowed: String,
}

fn parse(text: &str, start: Timestamp) -> Result<Trace, Vec<Fault>> {
    let (mut trace, mut faults, mut rows) = (Trace::default(), Vec::new(), BTreeSet::new());
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim_end()));
    let mut lines = lines.filter(|(_, line)| !line.is_empty());
    let mut fault = |line, column, value: &str, allowed: &str| {
        if faults.len() < FAULTS_MAX {
            faults.push(Fault { line, column, value: value.to_owned(), allowed: allowed.to_owned() });
        }
    };
    match lines.next() {
        Some((_, header)) if header.trim_start_matches('\u{feff}') == HEADER => {}
        Some((line, header)) => fault(line, "header", header, HEADER),
        None => fault(1, "header", "", HEADER),
    }
    for (count, (line, row)) in lines.enumerate() {
        if count >= ROWS_MAX {
            fault(line, "rows", row, &format!("at most {ROWS_MAX} rows"));
            break;
        }
        let cells = cells(row);
        let [at, metric, value] = cells.as_slice() else {
            fault(line, "row", row, "three cells: at, metric, value");
            continue;
        };
        let moment = moment(at, start);
        if moment.is_none() {
            fault(line, "at", at, AT);
        }
        let subject = subject(metric);
        if let Err(allowed) = &subject {
            fault(line, "metric", metric, allowed);
        }
        let number = parse_value(value);
        if number.is_none() {
            fault(line, "value", value, VALUE);
        }
        if let (Some(moment), Ok(subject), Some((number, _))) = (moment, subject, number) {
            if !rows.insert((moment, subject.clone())) {
                fault(line, "at", at, "each metric once at a moment");
            }
            trace.note(moment, &subject, number);
        }
    }
    if faults.is_empty() { Ok(trace) } else { Err(faults) }
}

/// The cells of a row as RFC 4180 has them: what stands in quotation marks may hold commas, and two of them for one.
fn cells(row: &str) -> Vec<String> {
    let (mut cells, mut cell) = (Vec::new(), String::new());
    let (mut is_quoted, mut letters) = (false, row.chars().peekable());
    while let Some(letter) = letters.next() {
        match letter {
            '"' if is_quoted && letters.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' if is_quoted => is_quoted = false,
            '"' if cell.trim().is_empty() => {
                cell.clear();
                is_quoted = true;
            }
            ',' if !is_quoted => cells.push(std::mem::take(&mut cell).trim().to_owned()),
            other => cell.push(other),
        }
    }
    cells.push(cell.trim().to_owned());
    cells
}

fn moment(text: &str, start: Timestamp) -> Option<Timestamp> {
    let offset = match text {
        "0" => Some(0),
        _ => duration_text::parse(text),
    };
    offset.map(|seconds| timetable::after(start, seconds)).or_else(|| plan_file::moment(text))
}

/// The metric as a check names it: `METRIC [of FLAG] [in SERVICE] [versus control|baseline]`, or a query.
fn subject(text: &str) -> Result<String, String> {
    let query = MetricCheck::parse(&format!("{text} > 0%")).ok().filter(|check| check.query().is_some());
    if let Some(check) = query {
        return Ok(check.subject());
    }
    // A ratio of two counts may have blanks within.
    let end = text.find(')').map_or_else(|| text.find(' '), |end| Some(end.saturating_add(1)));
    let (metric, clauses) = text.split_at_checked(end.unwrap_or(text.len())).unwrap_or((text, ""));
    let check = MetricCheck::parse(&format!("{metric} > 0% {clauses}"))
        .map_err(|error| format!("{METRIC}; {:?} is no part of one", error.found))?;
    if check.subject().split_whitespace().count() == text.split_whitespace().count() {
        return Ok(check.subject());
    }
    Err(METRIC.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        let faults = parse(text, Timestamp::default()).expect_err(text);
        let said =
            |fault: &Fault| format!("{} {} {:?}: {}", fault.line, fault.column, fault.value, fault.allowed);
        faults.iter().map(said).collect()
    }

    #[test]
    fn a_trace_is_read_in_any_order() {
        let text = "at,metric,value\n2d3h,error_rate of dreams in ui,5%\n0,\"ratio(saves, requests) of dreams\",7%\n\n0,error_rate,0.5\n1970-01-01T01:00:00Z,latency.p95,2s\n0,latency.p95 versus control of dreams,12%\n";
        let mut expected = Trace::default();
        let hour = 3_600_000_000;
        expected.note(Timestamp::from_unix_micros(51 * hour), "error_rate of dreams in ui", 5.0);
        expected.note(Timestamp::default(), "error_rate", 0.5);
        expected.note(Timestamp::default(), "ratio(saves, requests) of dreams", 7.0);
        expected.note(Timestamp::from_unix_micros(hour), "latency.p95", 2_000.0);
        expected.note(Timestamp::default(), "latency.p95 of dreams versus control", 12.0);
        assert_eq!(parse(text, Timestamp::default()), Ok(expected));
    }

    #[test]
    fn a_query_stands_in_quotation_marks_and_may_hold_commas() {
        let query = r#"promql("sum by (a, b) (e > 1)")"#;
        let mut expected = Trace::default();
        expected.note(Timestamp::default(), query, 5.0);
        let text = format!("at,metric,value\n0,\"{}\",5%\n", query.replace('"', "\"\""));
        assert_eq!(parse(&text, Timestamp::default()), Ok(expected));
        assert_eq!(cells(r#" 1 , "a, ""b""" ,, c"d" "#), ["1", r#"a, "b""#, "", r#"c"d""#]);
    }

    #[test]
    fn each_fault_has_its_line() {
        assert_eq!(faults(""), ["1 header \"\": at,metric,value"]);
        assert_eq!(faults("time,value\n"), ["1 header \"time,value\": at,metric,value"]);
        assert_eq!(
            faults(
                "at,metric,value\nsoon,Error Rate,high\n1h,a\n1h,a,1\n60m,a,2\n1h,a over 5m,1\n1h,a of b/c,1\n"
            ),
            [
                format!("2 at \"soon\": {AT}"),
                format!("2 metric \"Error Rate\": {METRIC}; \"Error\" is no part of one"),
                format!("2 value \"high\": {VALUE}"),
                "3 row \"1h,a\": three cells: at, metric, value".to_owned(),
                "5 at \"60m\": each metric once at a moment".to_owned(),
                format!("6 metric \"a over 5m\": {METRIC}"),
                format!("7 metric \"a of b/c\": {METRIC}; \"b/c\" is no part of one"),
            ]
        );
    }
}
