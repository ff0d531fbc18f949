//! The daily digest: the report of the day that ended, for each plan that runs.

use mycelia_flags_core::event::{Event, EventKind};
use mycelia_flags_core::incident::Severity;
use mycelia_flags_core::plan::progress::Progress;
use mycelia_flags_core::revision::Timestamp;

use super::notice::{Notice, Origin};
use crate::control::measured::Measured;
use crate::control::plan_report::{ReportError, report};
use crate::state::{ReadError, Store};

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// The day of a moment, in days since 1970, and its minute.
fn day_and_minute(now: Timestamp) -> (i64, i64) {
    let seconds = now.unix_seconds();
    (seconds.div_euclid(DAY_SECONDS), seconds.rem_euclid(DAY_SECONDS) / 60)
}

/// The day whose digest is to be sent now; none while today's time has not come, and when it is sent. Of several days
/// that the server was down only the last one's is sent.
pub(super) fn due(now: Timestamp, minute: u32, done: i64) -> Option<i64> {
    let (day, minute_now) = day_and_minute(now);
    (minute_now >= i64::from(minute) && done < day).then_some(day)
}

/// The day that counts as sent when a target is new: nothing is sent for a time that has passed already.
pub(super) fn done_at_first(now: Timestamp, minute: u32) -> i64 {
    let (day, minute_now) = day_and_minute(now);
    if minute_now >= i64::from(minute) { day } else { day - 1 }
}

/// Whether a plan has something to say of the day before: it runs, or has come to its end since.
fn is_told(progress: &Progress, now: Timestamp) -> bool {
    let since = now.micros_since(progress.since) / 1_000_000;
    progress.state.is_active()
        || (progress.state.is_over() && i64::try_from(since).is_ok_and(|since| since < DAY_SECONDS))
}

/// The reports of the day that ended last, for each plan.
pub(super) async fn notices(
    store: &Store,
    measured: &Measured,
    now: Timestamp,
) -> Result<Vec<Notice>, ReadError> {
    let (snapshot, mut notices) = (store.snapshot(), Vec::new());
    for (plan, progress) in snapshot.plans().filter(|(_, progress)| is_told(progress, now)) {
        let Some(started) = &progress.started else {
            continue;
        };
        let today = plan.day_at(started.at, now);
        let Some(day) = today.checked_sub(1).filter(|day| *day >= plan.first_day) else {
            continue;
        };
        let reported = match report(store, measured, &plan.key, Some(day), now).await {
            Ok(reported) => reported,
            Err(ReportError::Read(error)) => return Err(error),
            // It was there a moment ago.
            Err(ReportError::Unknown | ReportError::NotStarted | ReportError::Day { .. }) => continue,
        };
        let environment = plan.environment_of_progress(progress);
        let event = Event {
            kind: EventKind::PlanDigest,
            severity: Severity::Info,
            environments: vec![environment.clone()],
            flags: plan.flags_in(environment).into_iter().cloned().collect(),
            plan: Some(plan.key.clone()),
            words: format!("day {day} of plan {}: {}", plan.key, progress.state.as_str()),
            evidence: Vec::new(),
            notify: Vec::new(),
        };
        let origin = Origin {
            id: format!("{}-digest-{}-{day}", store.epoch(), plan.key),
            at: now,
            revision: reported.revision,
            actor: "mycelia",
            reason: "",
        };
        let notice = Notice::of(origin, event);
        notices.push(Notice { markdown: Some(reported.markdown), ..notice });
    }
    Ok(notices)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64, minute: i64) -> Timestamp {
        Timestamp::from_unix_micros((day * DAY_SECONDS + minute * 60) * 1_000_000)
    }

    #[test]
    fn a_digest_is_due_once_a_day_from_its_minute_on() {
        assert_eq!(due(at(100, 479), 480, 99), None);
        assert_eq!(due(at(100, 480), 480, 99), Some(100));
        assert_eq!(due(at(100, 900), 480, 100), None);
        assert_eq!(due(at(107, 480), 480, 100), Some(107), "of days that were missed, only the last");
    }

    #[test]
    fn a_new_target_gets_nothing_for_a_time_that_has_passed() {
        assert_eq!(due(at(100, 900), 480, done_at_first(at(100, 900), 480)), None);
        assert_eq!(due(at(100, 480), 480, done_at_first(at(100, 100), 480)), Some(100));
    }
}
