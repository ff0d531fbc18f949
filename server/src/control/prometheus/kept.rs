//! The answers to one query that are kept, and what can be said by them.

use std::collections::VecDeque;
use std::time::Duration;

use mycelia_flags_core::observation::measurement::Measurement;
use mycelia_flags_core::plan::metric_check::{MetricCheck, Unit, Verdict};
use mycelia_flags_core::revision::Timestamp;

/// An answer this many rhythms old says nothing any more, and a gap this long has not been looked into.
const RHYTHMS_MAX: u32 = 3;

/// How many answers are kept at most: a day of the usual rhythm.
const ANSWERS_MAX: usize = 17_280;

/// The answers to one query.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// When it was answered, and what; none when there was no usable answer. The oldest first.
    kept: VecDeque<(Timestamp, Option<f64>)>,
    /// For how long conditions need them.
    needed: Duration,
    why: Option<String>,
}

fn micros(length: Duration) -> u64 {
    u64::try_from(length.as_micros()).unwrap_or(u64::MAX)
}

impl Answers {
    pub(super) fn keep_for(&mut self, needed: Duration) {
        self.needed = needed;
    }

    /// Why the last answer is not usable; none when it is.
    pub(super) fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }

    pub(super) fn add(&mut self, now: Timestamp, answer: Result<f64, String>) {
        let (value, why) = match answer {
            Ok(value) => (Some(value), None),
            Err(why) => (None, Some(why)),
        };
        self.why = why;
        // A clock that was set back makes answers of the future: nobody can say when they were true.
        self.kept.retain(|(at, _)| *at <= now);
        self.kept.push_back((now, value));
        let needed = micros(self.needed);
        // One from before the length that is needed stays: it says what held at its beginning.
        while self.kept.get(1).is_some_and(|(at, _)| now.micros_since(*at) >= needed)
            || self.kept.len() > ANSWERS_MAX
        {
            self.kept.pop_front();
        }
    }

    /// The last value in the unit of a condition, if it is fresh.
    fn fresh(&self, check: &MetricCheck, now: Timestamp, rhythm: Duration) -> Option<f64> {
        let (at, value) = self.kept.back()?;
        let age_max = micros(rhythm.saturating_mul(RHYTHMS_MAX));
        let is_fresh = *at <= now && now.micros_since(*at) <= age_max;
        value.filter(|_| is_fresh).map(|value| in_unit(check, value))
    }

    pub(super) fn judge(&self, check: &MetricCheck, now: Timestamp, rhythm: Duration) -> Verdict {
        let Some(value) = self.fresh(check, now, rhythm) else {
            return Verdict::InsufficientData;
        };
        let length = micros(Duration::from_secs(check.sustained_seconds));
        let gap_max = micros(rhythm.saturating_mul(RHYTHMS_MAX));
        let (mut later, mut is_covered, mut holds) = (now, true, true);
        for (at, answer) in self.kept.iter().rev() {
            is_covered &= later.micros_since(*at) <= gap_max;
            // The one that held at the beginning of the length counts, and none before it.
            match answer {
                Some(answer) => holds &= check.is_true_of(in_unit(check, *answer)),
                None => is_covered = false,
            }
            later = *at;
            if now.micros_since(*at) >= length {
                break;
            }
        }
        is_covered &= now.micros_since(later) >= length;
        match (holds, is_covered) {
            (false, _) => Verdict::NotMet { value },
            (true, true) => Verdict::Met { value },
            (true, false) => Verdict::InsufficientData,
        }
    }

    pub(super) fn measure(
        &self,
        check: &MetricCheck,
        now: Timestamp,
        rhythm: Duration,
    ) -> Option<Measurement> {
        let value = self.fresh(check, now, rhythm)?;
        let length = micros(Duration::from_secs(check.sustained_seconds));
        let in_window = self
            .kept
            .iter()
            .filter(|(at, answer)| answer.is_some() && now.micros_since(*at) <= length.max(1));
        let times: Vec<Timestamp> = in_window.map(|(at, _)| *at).collect();
        let last = self.kept.back().map(|(at, _)| *at)?;
        Some(Measurement {
            value,
            samples: u64::try_from(times.len().max(1)).unwrap_or(u64::MAX),
            from: times.first().copied().unwrap_or(last),
            until: last,
            reference: None,
            instances: Vec::new(),
        })
    }
}

/// Queries answer in the base units of Prometheus: ratios, and seconds. Conditions are in percent and milliseconds.
fn in_unit(check: &MetricCheck, value: f64) -> f64 {
    match check.unit {
        Unit::Plain => value,
        Unit::Percent => value * 100.0,
        Unit::Milliseconds => value * 1_000.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RHYTHM: Duration = Duration::from_secs(5);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_micros(seconds * 1_000_000)
    }

    /// Answers at these seconds; none is an error.
    fn answers(kept_for: u64, given: &[(i64, Option<f64>)]) -> Answers {
        let mut answers = Answers::default();
        answers.keep_for(Duration::from_secs(kept_for));
        for (second, value) in given {
            answers.add(at(*second), value.ok_or_else(|| "no".to_owned()));
        }
        answers
    }

    /// The verdict of a condition at a second.
    #[track_caller]
    fn check(clause: &str, given: &[(i64, Option<f64>)], now: i64, expected: Verdict) {
        let check = MetricCheck::parse(&format!("promql(\"q\") {clause}")).unwrap();
        let answers = answers(check.sustained_seconds, given);
        assert_eq!(answers.judge(&check, at(now), RHYTHM), expected, "{clause} {given:?} at {now}");
    }

    #[test]
    fn a_query_answers_in_base_units() {
        check("> 5%", &[(0, Some(0.075))], 1, Verdict::Met { value: 7.5 });
        check("< 300ms", &[(0, Some(0.5))], 1, Verdict::NotMet { value: 500.0 });
        check("< 2s", &[(0, Some(0.5))], 1, Verdict::Met { value: 500.0 });
        check("> 5", &[(0, Some(7.0))], 1, Verdict::Met { value: 7.0 });
    }

    #[test]
    fn what_is_not_known_is_neither_true_nor_false() {
        check("> 5", &[], 1, Verdict::InsufficientData);
        check("> 5", &[(0, None)], 1, Verdict::InsufficientData);
        check("> 5", &[(0, Some(7.0)), (5, None)], 6, Verdict::InsufficientData);
        check("> 5", &[(0, Some(7.0))], 15, Verdict::Met { value: 7.0 });
        check("> 5", &[(0, Some(7.0))], 16, Verdict::InsufficientData);
        check("> 5", &[(100, Some(7.0))], 50, Verdict::InsufficientData);
    }

    #[test]
    fn sustained_is_judged_over_the_whole_length() {
        let always: Vec<(i64, Option<f64>)> = (0..=12).map(|step| (step * 5, Some(7.0))).collect();
        check("> 5 for 1m", &always, 60, Verdict::Met { value: 7.0 });
        check("> 5 for 1m", &always[1..], 60, Verdict::InsufficientData);
        check("> 5 for 1m", &always[1..], 64, Verdict::InsufficientData);
        check("> 5 for 1m", &always[1..], 65, Verdict::Met { value: 7.0 });
        let mut once = always.clone();
        once[6].1 = Some(1.0);
        check("> 5 for 1m", &once, 60, Verdict::NotMet { value: 7.0 });
        once[6].1 = None;
        check("> 5 for 1m", &once, 60, Verdict::InsufficientData);
        let gap: Vec<_> = always.iter().copied().filter(|(second, _)| !(20..=35).contains(second)).collect();
        check("> 5 for 1m", &gap, 60, Verdict::InsufficientData);
        check("> 5 for 1m", &[(55, Some(1.0))], 60, Verdict::NotMet { value: 1.0 });
    }

    #[test]
    fn a_clock_that_goes_back_forgets_the_future() {
        let answers = answers(60, &[(100, Some(7.0)), (105, Some(7.0)), (50, Some(7.0))]);
        assert_eq!(answers.kept, [(at(50), Some(7.0))]);
    }

    #[test]
    fn no_more_is_kept_than_is_needed() {
        let given: Vec<(i64, Option<f64>)> = (0..100).map(|step| (step * 5, Some(1.0))).collect();
        assert_eq!(answers(0, &given).kept.len(), 1);
        assert_eq!(answers(60, &given).kept.len(), 13);
        let check = MetricCheck::parse("promql(\"q\") > 5% for 1m").unwrap();
        let measured = answers(60, &given).measure(&check, at(495), RHYTHM).unwrap();
        assert_eq!((measured.value, measured.samples), (100.0, 13));
        assert_eq!((measured.from, measured.until), (at(435), at(495)));
    }
}
