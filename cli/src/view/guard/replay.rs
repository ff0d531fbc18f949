//! When a guard would have acted, by what was recorded.

use mycelia_flags_core::guard::state::rounded;
use mycelia_flags_core::plan::metric_check::MetricCheck;
use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::duration_text::print_seconds;
use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::moment;

/// The answer of `guard replay`.
#[derive(Debug, Serialize)]
pub(crate) struct ReplayView {
    pub(crate) guard: String,
    pub(crate) environment: String,
    pub(crate) flags: Vec<String>,
    pub(crate) when: String,
    pub(crate) from: Option<String>,
    pub(crate) until: Option<String>,
    /// Since when windows as long as the condition's are kept; null when nobody has reported.
    pub(crate) held_from: Option<String>,
    /// How often the condition was asked, and how often of these nobody had measured enough.
    pub(crate) looks: u64,
    pub(crate) unknown: u64,
    pub(crate) fired: usize,
    pub(crate) confirmed: usize,
    pub(crate) false_alarms: usize,
    pub(crate) open: usize,
    /// How often it was true while nobody had the feature.
    pub(crate) nobody_had_it: usize,
    /// Firings that are not told one by one.
    pub(crate) untold: u64,
    pub(crate) confirm_within_seconds: u64,
    pub(crate) firings: Vec<FiringView>,
    #[serde(skip)]
    is_held: bool,
}

/// A time in which it would have been true.
#[derive(Debug, Serialize)]
pub(crate) struct FiringView {
    pub(crate) from: Option<String>,
    pub(crate) until: Option<String>,
    pub(crate) value: f64,
    /// How many observations it rests on.
    pub(crate) samples: u64,
    pub(crate) judgement: &'static str,
    pub(crate) because: String,
    #[serde(skip)]
    words: String,
}

impl ReplayView {
    pub(crate) fn of(guard: String, answer: &v1::ReplayGuardResponse) -> Self {
        use v1::GuardFiringJudgement as Judgement;
        let count = |judgement: Judgement| {
            answer.firings.iter().filter(|firing| firing.judgement() == judgement).count()
        };
        let nobody_had_it = count(Judgement::NobodyHadIt);
        let seconds = |at: &Option<prost_types::Timestamp>| at.as_ref().map_or(0, |at| at.seconds);
        Self {
            guard,
            environment: answer.environment.clone(),
            flags: answer.flags.clone(),
            when: answer.when.clone(),
            from: moment::exactly(answer.from.as_ref()),
            until: moment::exactly(answer.until.as_ref()),
            held_from: moment::exactly(answer.held_from.as_ref()),
            looks: answer.looks,
            unknown: answer.unknown,
            fired: answer.firings.len() - nobody_had_it,
            confirmed: count(Judgement::Confirmed),
            false_alarms: count(Judgement::FalseAlarm),
            open: count(Judgement::Open),
            nobody_had_it,
            untold: answer.untold,
            confirm_within_seconds: answer.confirm_within_seconds,
            firings: answer.firings.iter().map(|firing| FiringView::of(&answer.when, firing)).collect(),
            is_held: answer.held_from.is_some() && seconds(&answer.held_from) <= seconds(&answer.from),
        }
    }
}

impl FiringView {
    fn of(when: &str, firing: &v1::GuardFiring) -> Self {
        use v1::GuardFiringJudgement as Judgement;
        let judgement = match firing.judgement() {
            Judgement::Confirmed => "confirmed",
            Judgement::FalseAlarm => "false alarm",
            Judgement::Open => "open",
            Judgement::NobodyHadIt => "nobody had it",
            Judgement::Unspecified => "unknown",
        };
        let observed = firing.observed.clone().unwrap_or_default();
        let value = rounded(observed.value);
        let shown = MetricCheck::parse(when).map_or_else(|_newer| value.to_string(), |when| when.show(value));
        let from = moment::exactly(firing.from.as_ref());
        let length = match (&firing.from, &firing.until) {
            (Some(from), Some(until)) => {
                let seconds = u64::try_from(until.seconds.saturating_sub(from.seconds)).unwrap_or(0);
                format!("for {}", print_seconds(seconds))
            }
            _ => "until the end".to_owned(),
        };
        let samples = observed.measurement.map_or(0, |measured| measured.samples);
        let because = if firing.because.is_empty() { String::new() } else { format!(": {}", firing.because) };
        let at = from.as_deref().unwrap_or_default();
        let words = format!("  {at}  {shown} of {samples} samples, {length}  {judgement}{because}");
        let until = moment::exactly(firing.until.as_ref());
        let because = firing.because.clone();
        Self { from, until, value: observed.value, samples, judgement, because, words }
    }
}

impl View for ReplayView {
    fn page(&self) -> Page {
        let word = |text: &Option<String>| text.clone().unwrap_or_default();
        let mut page = Page::default();
        page.line([Span::from(format!("{} in {}: {}", self.guard, self.environment, self.when))]);
        page.line([Span::from(format!("  over       {}", self.flags.join(", ")))]);
        page.line([Span::from(format!("  from       {} until {}", word(&self.from), word(&self.until)))]);
        match &self.held_from {
            None => page.line([Span::new("  recorded   nothing of this metric's flags", Tone::Loud)]),
            Some(from) if !self.is_held => {
                let words = format!("  recorded   from {from} on, as finely as this condition needs");
                page.line([Span::new(&words, Tone::Loud)]);
            }
            Some(_) => {}
        }
        let unknown = format!("  asked      {} times, {} without enough data", self.looks, self.unknown);
        page.line([Span::from(unknown)]);
        let counts = format!(
            "would have fired {} times: {} confirmed, {} false alarms, {} open; true {} times while nobody had it",
            self.fired, self.confirmed, self.false_alarms, self.open, self.nobody_had_it
        );
        let tone = if self.false_alarms > 0 { Tone::Loud } else { Tone::Plain };
        page.line([Span::new(&counts, tone)]);
        for firing in &self.firings {
            page.line([Span::from(firing.words.clone())]);
        }
        if self.untold > 0 {
            page.line([Span::from(format!("  and {} further times", self.untold))]);
        }
        let within = print_seconds(self.confirm_within_seconds);
        let words = format!(
            "a firing is confirmed when within {within} somebody lowered a flag, opened an incident, or named the cause of \
             what a guard took back, or that helped; a false alarm when nobody did"
        );
        page.line([Span::new(&words, Tone::Faint)]);
        page
    }
}
