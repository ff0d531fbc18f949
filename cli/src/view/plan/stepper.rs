//! The stages of a plan under each other: what is done, what is now with the time that is left, what is to come and when,
//! and who is waited for.

use mycelia_flags_proto::v1;

use super::{alert_in_words, apart, apart_in_words, drift_in_words, state_span};
use crate::duration_text::print_seconds;
use crate::page::{Page, Span, Tone};
use crate::plans::{self, FoundPlan};
use crate::view::moment::{self, Now};

/// So many flags of a stage are named; of more, the number is said.
const FLAGS_NAMED_MAX: usize = 3;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// Adds the plan.
pub(crate) fn describe(found: &FoundPlan, now: Now, page: &mut Page) {
    heading(found, now, page);
    let is_over = plans::is_over(found.status.state());
    let stages: Vec<_> = (0..).zip(&found.status.stages).collect();
    page.table(0, stages.iter().flat_map(|(index, stage)| rows(found, *index, stage, now)).collect());
    page.blank();
    page.table(0, flags(&found.status));
    for drift in found.status.drift.iter().filter(|_| !is_over) {
        page.line([Span::new(&drift_in_words(drift), Tone::Loud)]);
    }
    for flag in apart(&found.status) {
        page.line([Span::new(&apart_in_words(flag), Tone::Loud)]);
    }
    rollback(&found.status, page);
    for alert in &found.status.alerts {
        page.line([Span::new(&alert_in_words(alert), Tone::Loud)]);
    }
    if !found.status.blocked.is_empty() {
        page.line([Span::new(&format!("blocked: {}", found.status.blocked), Tone::Loud)]);
    }
    if is_over && let Some(end) = &found.plan.on_complete {
        for note in end.notes.iter().filter(|_| found.status.state() == v1::PlanState::Completed) {
            page.line([Span::new("then  ", Tone::Faint), Span::from(note.as_str())]);
        }
    }
}

fn heading(found: &FoundPlan, now: Now, page: &mut Page) {
    let status = &found.status;
    let mut line = vec![Span::from(format!("{}  {}", status.plan, status.environment))];
    if let Some(day) = status.day.filter(|_| !plans::is_over(status.state())) {
        line.push(Span::from(format!("  day {day}")));
    }
    line.push(Span::from("  "));
    line.push(state_span(status, now));
    page.line(line);
    if !status.description.is_empty() {
        page.line([Span::new(&status.description, Tone::Faint)]);
    }
}

/// The stage's own row, and one for each thing that its gate waits for.
fn rows(found: &FoundPlan, index: usize, stage: &v1::StageStatus, now: Now) -> Vec<Vec<Span>> {
    let is_elsewhere = stage.environment != found.status.environment;
    let (mark, tone) = match stage.state() {
        v1::StageState::Done => ("✔", Tone::Good),
        v1::StageState::Now => ("●", super::tone_of(found.status.state())),
        v1::StageState::Later | v1::StageState::Unspecified => ("○", Tone::Faint),
    };
    let name_tone = if stage.state() == v1::StageState::Now { tone } else { Tone::Plain };
    let day = day_of(found, index, stage).map(|day| format!("day {day}")).unwrap_or_default();
    let environment = if is_elsewhere { stage.environment.as_str() } else { "" };
    let mut rows = vec![vec![
        Span::new(mark, tone),
        Span::new(&stage.name, name_tone),
        Span::from(environment),
        Span::from(day),
        detail(found, index, stage, now),
        Span::new(&targets(stage), Tone::Faint),
    ]];
    if stage.state() == v1::StageState::Now {
        let tone = match found.status.state() {
            v1::PlanState::WaitingForGate => Tone::Partial,
            _ => Tone::Faint,
        };
        let missing = found.status.missing.iter();
        rows.extend(missing.map(|missing| {
            let mut row = vec![Span::from(""); 4];
            row.push(Span::new(&format!("- {missing}"), tone));
            row
        }));
    }
    rows
}

/// What the stage sets, and how soon it can be taken back: `dreams 25%, whispers.max 6; back within 5m`.
fn targets(stage: &v1::StageStatus) -> String {
    let mut words = match stage.set.len() {
        0..=FLAGS_NAMED_MAX => {
            let set = stage.set.iter().map(|set| format!("{} {}", set.flag, set.target));
            set.collect::<Vec<_>>().join(", ")
        }
        many => format!("{many} flags"),
    };
    if let Some(seconds) = stage.rollback_within_seconds {
        let and = if words.is_empty() { "" } else { "; " };
        words.push_str(&format!("{and}back within {}", print_seconds(seconds)));
    }
    words
}

/// How long the rollback took that the plan stands after.
fn rollback(status: &v1::PlanStatus, page: &mut Page) {
    let is_back = matches!(status.state(), v1::PlanState::Latched | v1::PlanState::RollingBack);
    if let Some(length) = super::rollback_length(status).filter(|_| is_back) {
        let tone = if length.is_kept() == Some(false) { Tone::Loud } else { Tone::Faint };
        page.line([Span::new(&length.to_string(), tone)]);
    }
}

fn detail(found: &FoundPlan, index: usize, stage: &v1::StageStatus, now: Now) -> Span {
    match stage.state() {
        v1::StageState::Done => {
            let left = found.status.stages.get(index + 1).and_then(|next| next.entered_at);
            let stayed = match (stage.entered_at, left) {
                (Some(from), Some(to)) => u64::try_from(to.seconds.saturating_sub(from.seconds)).ok(),
                _ => None,
            };
            let stayed = stayed.filter(|seconds| *seconds > 0);
            let stayed =
                stayed.map(|seconds| format!(", for {}", print_seconds(seconds))).unwrap_or_default();
            Span::from(format!("{}{stayed}", moment::to_the_minute(stage.entered_at.as_ref())))
        }
        v1::StageState::Now => present(found, stage, now),
        v1::StageState::Later | v1::StageState::Unspecified => Span::from(to_come(stage.due.as_ref(), now)),
    }
}

/// `in 22h (2026-12-11 09:00)`.
fn to_come(due: Option<&prost_types::Timestamp>, now: Now) -> String {
    match (due, now.until(due)) {
        (None, _) => String::new(),
        (Some(_), Some(seconds)) => {
            format!("in {} ({})", print_seconds(seconds), moment::to_the_minute(due))
        }
        (Some(_), None) => "as soon as it may".to_owned(),
    }
}

fn present(found: &FoundPlan, stage: &v1::StageStatus, now: Now) -> Span {
    let status = &found.status;
    let left = now.until(stage.held_until.as_ref()).map(|seconds| {
        let until = moment::to_the_minute(stage.held_until.as_ref());
        format!("{} left (until {until})", print_seconds(seconds))
    });
    let words = match status.state() {
        v1::PlanState::Holding => left.unwrap_or_else(|| "the stay is over".to_owned()),
        v1::PlanState::WaitingForGate if stage.held_until.is_some() => {
            "the stay is over, it waits for".to_owned()
        }
        v1::PlanState::WaitingForGate => "it waits for".to_owned(),
        v1::PlanState::Running => "through, until the next one's date".to_owned(),
        v1::PlanState::RollingBack => rung(found, now),
        v1::PlanState::Latched => format!("taken back: {}", status.reason),
        _ => status.reason.clone(),
    };
    Span::new(&words, super::tone_of(status.state()))
}

/// `rung 1 of 3: 50%, the next in 8m`.
fn rung(found: &FoundPlan, now: Now) -> String {
    let Some(v1::rollback::Kind::Gradual(ladder)) = found
        .progress
        .rollback
        .as_ref()
        .and_then(|rollback| rollback.rollback.as_ref())
        .and_then(|rollback| rollback.kind.as_ref())
    else {
        return found.status.reason.clone();
    };
    let rung = found.progress.rollback.as_ref().map_or(0, |rollback| rollback.rung);
    let percent =
        usize::try_from(rung).ok().and_then(|rung| ladder.percents.get(rung)).copied().unwrap_or(0.0);
    let next = match now.until(found.status.rung_until.as_ref()) {
        Some(seconds) => format!(", the next in {}", print_seconds(seconds)),
        None => String::new(),
    };
    format!("rung {} of {}: {percent}%{next}", rung.saturating_add(1), ladder.percents.len())
}

/// The day on which a stage was entered, is due, or was planned.
fn day_of(found: &FoundPlan, index: usize, stage: &v1::StageStatus) -> Option<i64> {
    let first = i64::from(found.plan.first_day);
    let started = found.progress.started.as_ref().and_then(|deed| deed.at);
    let started = started.or_else(|| found.status.stages.first().and_then(|stage| stage.due));
    let date = stage.entered_at.or(stage.due);
    if let (Some(started), Some(date)) = (started, date) {
        return Some(first + (date.seconds - started.seconds).div_euclid(DAY_SECONDS));
    }
    match found.plan.stages.get(index)?.start {
        Some(v1::stage::Start::Day(day)) => Some(i64::from(day)),
        _ => None,
    }
}

fn flags(status: &v1::PlanStatus) -> Vec<Vec<Span>> {
    let elsewhere = status.flags.iter().any(|flag| flag.environment != status.environment);
    let mut headings = vec!["FLAG"];
    headings.extend(elsewhere.then_some("ENVIRONMENT"));
    headings.extend(["TARGET", "NOW"]);
    let mut rows: Vec<Vec<Span>> =
        vec![headings.into_iter().map(|heading| Span::new(heading, Tone::Faint)).collect()];
    for flag in &status.flags {
        let mut row = vec![Span::from(flag.flag.as_str())];
        row.extend(elsewhere.then(|| Span::from(flag.environment.as_str())));
        row.push(match &flag.target {
            Some(target) => Span::from(target.as_str()),
            None => Span::new("-", Tone::Faint),
        });
        row.push(Span::from(flag.actual.as_str()));
        row.push(match (&flag.target, flag.agrees, status.state()) {
            // What was given up wants nothing any more.
            (None, ..) | (_, _, v1::PlanState::Cancelled) => Span::from(""),
            (Some(_), true, _) => Span::new("✔", Tone::Good),
            (Some(_), false, v1::PlanState::RollingBack | v1::PlanState::Latched) => {
                Span::new("taken back", Tone::Partial)
            }
            (Some(_), false, _) => Span::new("✘", Tone::Loud),
        });
        rows.push(row);
    }
    rows
}
