//! When a condition would have been true, by metrics that somebody wrote down: no server, and time as fast as it goes.

use crate::plan::metric_check::{MetricCheck, Verdict};
use crate::plan::simulation::Trace;
use crate::revision::Timestamp;

/// A time in which a condition was true without a break.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Firing {
    /// From when on.
    pub from: Timestamp,
    /// Until when; none when it still was at the end of the trace.
    pub until: Option<Timestamp>,
    /// The value that made it true.
    pub value: f64,
}

/// Looks at a condition all along a trace. Not knowing ends nothing and begins nothing, as it does on a server.
#[must_use]
pub fn firings(when: &MetricCheck, trace: &Trace) -> Vec<Firing> {
    let mut firings: Vec<Firing> = Vec::new();
    let mut moment = trace.first();
    while let Some(now) = moment {
        let last = firings.last_mut().filter(|firing| firing.until.is_none());
        match (trace.judge_at(when, now, None), last) {
            (Verdict::Met { value }, None) => firings.push(Firing { from: now, until: None, value }),
            (Verdict::NotMet { .. }, Some(firing)) => firing.until = Some(now),
            _ => {}
        }
        let looks = [trace.next_change(now), trace.next_look(when, now, None)];
        moment = looks.into_iter().flatten().min();
    }
    firings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_unix_micros(minutes * 60_000_000)
    }

    #[track_caller]
    fn check(when: &str, rows: &[(i64, f64)], expected: &[(i64, Option<i64>, f64)]) {
        let mut trace = Trace::default();
        for (minute, value) in rows {
            trace.note(at(*minute), "error_rate", *value);
        }
        let expected: Vec<Firing> = expected
            .iter()
            .map(|(from, until, value)| Firing { from: at(*from), until: until.map(at), value: *value })
            .collect();
        assert_eq!(firings(&MetricCheck::parse(when).unwrap(), &trace), expected, "{when}");
    }

    #[test]
    fn a_condition_is_true_from_when_its_window_says_so_until_it_does_not() {
        let rows = [(0, 0.0), (10, 20.0), (20, 0.0), (30, 20.0)];
        check("error_rate > 5% for 5m", &rows, &[(15, Some(20), 20.0), (35, None, 20.0)]);
        check("error_rate > 5%", &rows, &[(10, Some(20), 20.0), (30, None, 20.0)]);
        check("latency.mean > 5ms", &rows, &[]);
        check("error_rate > 5%", &[], &[]);
    }

    #[test]
    fn a_mean_crosses_between_two_rows() {
        let mut trace = Trace::default();
        trace.note(at(0), "error_rate", 0.0);
        trace.note(at(10), "error_rate", 20.0);
        let found = firings(&MetricCheck::parse("error_rate > 10% over 5m").unwrap(), &trace);
        let [firing] = found.as_slice() else {
            panic!("{found:?}");
        };
        // Half of the window at 20: two and a half minutes after it began, and one look of five seconds.
        let seconds = firing.from.micros_since(at(10)) / 1_000_000;
        assert!((150..=160).contains(&seconds), "{seconds}");
        assert_eq!(firing.until, None);
    }

    #[test]
    fn a_ratio_is_looked_at_whenever_one_of_its_parts_changes() {
        let mut trace = Trace::default();
        for (minute, metric, value) in
            [(0, "loads", 100.0), (0, "fallbacks", 1.0), (10, "fallbacks", 9.0), (20, "loads", 900.0)]
        {
            trace.note(at(minute), metric, value);
        }
        let found = firings(&MetricCheck::parse("ratio(fallbacks, loads) > 5% for 5m").unwrap(), &trace);
        assert_eq!(found, [Firing { from: at(15), until: Some(at(20)), value: 9.0 }]);
    }
}
