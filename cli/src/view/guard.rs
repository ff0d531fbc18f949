//! Guards: what they say, what came of them, and on what evidence.

pub(crate) mod rehearsal;
pub(crate) mod replay;

use mycelia_flags_core::guard::state::rounded;
use mycelia_flags_core::plan::metric_check::MetricCheck;
use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::duration_text::print_seconds;
use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::moment;

/// The answer of `guard list`.
#[derive(Debug, Serialize)]
pub(crate) struct GuardsView {
    /// Those that hold something down first.
    pub(crate) guards: Vec<GuardView>,
    /// The revision that was read.
    pub(crate) revision: u64,
}

/// The answer of `guard status`.
#[derive(Debug, Serialize)]
pub(crate) struct GuardStatusView {
    pub(crate) guards: Vec<GuardView>,
    /// The revision that was read.
    pub(crate) revision: u64,
}

/// One guard.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct GuardView {
    pub(crate) guard: String,
    pub(crate) environment: String,
    /// Null when it watches over flags that it names.
    pub(crate) feature: Option<String>,
    /// The flags that it watches over now.
    pub(crate) flags: Vec<String>,
    pub(crate) when: String,
    /// As plan files write it.
    #[serde(rename = "do")]
    pub(crate) action: String,
    /// `critical`, `warning` or `info`.
    pub(crate) severity: &'static str,
    pub(crate) recovery_after_seconds: u64,
    pub(crate) description: String,
    pub(crate) owner: String,
    pub(crate) notify: Vec<String>,
    /// `quiet`, `firing`, `latched` or `acknowledged`.
    pub(crate) state: &'static str,
    /// Since when; null when it has done nothing yet.
    pub(crate) since: Option<String>,
    /// How often it has acted.
    pub(crate) trips: u64,
    /// `met`, `not_met` or `insufficient_data`, now.
    pub(crate) verdict: &'static str,
    /// In the unit of the condition; null when nobody has measured enough.
    pub(crate) value: Option<f64>,
    /// What it did last; null when it has done nothing.
    pub(crate) trip: Option<TripView>,
    /// Null while nobody has.
    pub(crate) acknowledged_by: Option<String>,
    pub(crate) cause: Option<String>,
    /// `recovered`, `not_caused` or `insufficient_data`; null while nothing is said.
    pub(crate) recovery: Option<&'static str>,
    pub(crate) recovery_value: Option<f64>,
    pub(crate) recovery_baseline: Option<f64>,
    /// When it will be said what became of the last trip.
    pub(crate) recovery_due: Option<String>,
    /// Why it cannot act; empty when it can.
    pub(crate) blocked: String,
    #[serde(skip)]
    recovery_due_briefly: String,
}

/// What a guard did, and why.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TripView {
    pub(crate) at: Option<String>,
    pub(crate) revision: u64,
    /// The condition, as it was then.
    pub(crate) condition: String,
    pub(crate) value: f64,
    /// Null when whoever measured does not say.
    pub(crate) samples: Option<u64>,
    pub(crate) from: Option<String>,
    pub(crate) until: Option<String>,
    /// What it was compared with, in the metric's own unit.
    pub(crate) reference: Option<f64>,
    /// The worst first.
    pub(crate) instances: Vec<InstanceView>,
    pub(crate) taken: Vec<TakenView>,
    pub(crate) plans: Vec<String>,
    #[serde(skip)]
    at_briefly: String,
    #[serde(skip)]
    window: String,
}

/// What one instance contributed.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct InstanceView {
    pub(crate) service: String,
    pub(crate) instance: String,
    pub(crate) value: f64,
    pub(crate) samples: u64,
}

/// A flag that was taken back.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TakenView {
    pub(crate) flag: String,
    /// What it served, in words.
    pub(crate) before: String,
}

impl GuardView {
    pub(crate) fn of(report: &v1::GuardReport) -> Self {
        let guard = report.guard.clone().unwrap_or_default();
        let state = report.state.clone().unwrap_or_default();
        let recovery = state.recovery;
        Self {
            severity: match guard.severity() {
                v1::IncidentSeverity::Critical => "critical",
                v1::IncidentSeverity::Info => "info",
                v1::IncidentSeverity::Warning | v1::IncidentSeverity::Unspecified => "warning",
            },
            action: action_in_words(guard.action.as_ref()),
            guard: guard.key,
            environment: guard.environment,
            feature: Some(guard.feature).filter(|feature| !feature.is_empty()),
            flags: report.flags.clone(),
            when: guard.when,
            recovery_after_seconds: guard.recovery_after_seconds,
            description: guard.description,
            owner: guard.owner,
            notify: guard.notify,
            state: match state.phase() {
                v1::GuardPhase::Firing => "firing",
                v1::GuardPhase::Latched => "latched",
                v1::GuardPhase::Acknowledged => "acknowledged",
                v1::GuardPhase::Quiet | v1::GuardPhase::Unspecified => "quiet",
            },
            since: moment::exactly(state.since.as_ref()).filter(|_| state.trips > 0),
            trips: state.trips,
            verdict: match report.verdict() {
                v1::GuardVerdict::Met => "met",
                v1::GuardVerdict::NotMet => "not_met",
                v1::GuardVerdict::InsufficientData | v1::GuardVerdict::Unspecified => "insufficient_data",
            },
            value: report.observed.as_ref().map(|observed| observed.value),
            trip: state.trip.as_ref().map(TripView::of),
            acknowledged_by: state.acknowledged.as_ref().map(|deed| deed.by.clone()),
            cause: state.acknowledged.map(|deed| deed.note),
            recovery: recovery.as_ref().map(|said| match said.verdict() {
                v1::RecoveryVerdict::Recovered => "recovered",
                v1::RecoveryVerdict::NotCaused => "not_caused",
                v1::RecoveryVerdict::InsufficientData | v1::RecoveryVerdict::Unspecified => {
                    "insufficient_data"
                }
            }),
            recovery_value: recovery.as_ref().and_then(|said| said.value),
            recovery_baseline: recovery.as_ref().and_then(|said| said.baseline),
            recovery_due: moment::exactly(state.recovery_due.as_ref()),
            recovery_due_briefly: moment::briefly(state.recovery_due.as_ref()),
            blocked: state.blocked,
        }
    }

    /// Whether it holds something down.
    pub(crate) fn is_latched(&self) -> bool {
        self.state == "latched"
    }

    fn tone(&self) -> Tone {
        match self.state {
            "latched" => Tone::Loud,
            "firing" => Tone::Partial,
            _ => Tone::Plain,
        }
    }

    fn shown(&self, value: f64) -> String {
        show(&self.when, value)
    }

    /// What is known of the condition now.
    fn now_in_words(&self) -> String {
        match (self.verdict, self.value) {
            ("met", Some(value)) => format!("true: {}", self.shown(value)),
            (_, Some(value)) => format!("not true: {}", self.shown(value)),
            (_, None) => "not enough data".to_owned(),
        }
    }

    /// What it holds down, why, and what to do: one line that cannot be missed.
    pub(crate) fn latch_in_words(&self) -> String {
        let trip = self.trip.as_ref();
        let why = trip.map(TripView::why).unwrap_or_default();
        let at = trip.map(|trip| trip.at_briefly.clone()).unwrap_or_default();
        format!(
            "LATCHED in {}: guard {} took {} back at {at}: {why}; mycelia-flags guard ack {} --cause ...",
            self.environment,
            self.guard,
            self.taken().join(", "),
            self.guard
        )
    }

    fn taken(&self) -> Vec<String> {
        self.trip.iter().flat_map(|trip| &trip.taken).map(|taken| taken.flag.clone()).collect()
    }

    /// Whether it holds a flag down, and where.
    pub(crate) fn holds(&self, flag: &str) -> bool {
        let folded = mycelia_flags_core::key::FoldedKey::of(flag);
        self.is_latched()
            && self.taken().iter().any(|taken| mycelia_flags_core::key::FoldedKey::of(taken) == folded)
    }

    fn describe(&self, page: &mut Page) {
        let fact = |label: &str, text: String| vec![Span::new(label, Tone::Faint), Span::from(text)];
        let over = match &self.feature {
            Some(feature) => format!("{feature} ({})", self.flags.join(", ")),
            None => self.flags.join(", "),
        };
        page.line([
            Span::new(&self.guard, self.tone()),
            Span::from(format!(" in {}: ", self.environment)),
            Span::new(&self.state.to_uppercase(), self.tone()),
        ]);
        let mut facts = vec![
            fact("over", over),
            fact("when", self.when.clone()),
            fact("do", self.action.clone()),
            fact("severity", self.severity.to_owned()),
            fact("now", self.now_in_words()),
        ];
        if let Some(trip) = &self.trip {
            trip.facts(&mut facts, self.is_latched());
        }
        if let (Some(by), Some(cause)) = (&self.acknowledged_by, &self.cause) {
            facts.push(fact("acknowledged", format!("{by}: {cause}")));
        }
        if let Some(words) = self.recovery_in_words() {
            facts.push(fact("recovery", words));
        }
        for (label, text) in [("owner", &self.owner), ("description", &self.description)] {
            if !text.is_empty() {
                facts.push(fact(label, text.clone()));
            }
        }
        page.table(2, facts);
        if !self.blocked.is_empty() {
            page.line([Span::new(&format!("  ! it cannot act: {}", self.blocked), Tone::Loud)]);
        }
        if self.is_latched() {
            let words = format!("  nothing raises it: mycelia-flags guard ack {} --cause ...", self.guard);
            page.line([Span::new(&words, Tone::Loud)]);
        }
    }

    fn recovery_in_words(&self) -> Option<String> {
        let Some(recovery) = self.recovery else {
            return self.recovery_due.as_ref().map(|_| format!("said at {}", self.recovery_due_briefly));
        };
        let mut words = match recovery {
            "recovered" => "recovered".to_owned(),
            "not_caused" => "not caused by this flag".to_owned(),
            _ => "not enough data to say".to_owned(),
        };
        if let Some(value) = self.recovery_value {
            words.push_str(&format!(", {}", self.shown(value)));
        }
        if let Some(baseline) = self.recovery_baseline {
            words.push_str(&format!(", {} before the change", rounded(baseline)));
        }
        Some(words)
    }
}

impl TripView {
    fn of(deed: &v1::GuardDeed) -> Self {
        let evidence = deed.evidence.clone().unwrap_or_default();
        let observed = evidence.observed.unwrap_or_default();
        let measurement = observed.measurement.as_ref();
        let when = deed.deed.as_ref();
        let length = measurement.and_then(|measured| {
            let seconds = measured.until?.seconds.saturating_sub(measured.from?.seconds);
            u64::try_from(seconds).ok()
        });
        Self {
            at: moment::exactly(when.and_then(|deed| deed.at.as_ref())),
            at_briefly: moment::briefly(when.and_then(|deed| deed.at.as_ref())),
            revision: when.map_or(0, |deed| deed.revision),
            condition: evidence.condition,
            value: observed.value,
            samples: measurement.map(|measured| measured.samples),
            from: moment::exactly(measurement.and_then(|measured| measured.from.as_ref())),
            until: moment::exactly(measurement.and_then(|measured| measured.until.as_ref())),
            window: length.map(print_seconds).unwrap_or_default(),
            reference: measurement.and_then(|measured| Some(measured.reference.as_ref()?.value)),
            instances: measurement
                .iter()
                .flat_map(|measured| &measured.instances)
                .map(|share| InstanceView {
                    service: share.service.clone(),
                    instance: share.instance.clone(),
                    value: share.value,
                    samples: share.samples,
                })
                .collect(),
            taken: deed
                .taken
                .iter()
                .map(|taken| TakenView { flag: taken.flag.clone(), before: taken.before.clone() })
                .collect(),
            plans: deed.plans.clone(),
        }
    }

    fn why(&self) -> String {
        format!("{} ({})", self.condition, show(&self.condition, self.value))
    }

    fn facts(&self, facts: &mut Vec<Vec<Span>>, is_loud: bool) {
        let tone = if is_loud { Tone::Loud } else { Tone::Plain };
        let mut fact = |label: &str, text: String, tone: Tone| {
            facts.push(vec![Span::new(label, Tone::Faint), Span::new(&text, tone)]);
        };
        fact("tripped", format!("{} (revision {})", self.at_briefly, self.revision), tone);
        fact("because", self.why(), tone);
        if let Some(samples) = self.samples {
            let mut words = format!("{samples} samples over {}", self.window);
            if let Some(reference) = self.reference {
                words.push_str(&format!(", against {}", rounded(reference)));
            }
            fact("evidence", words, Tone::Plain);
        }
        for share in &self.instances {
            let value = show(&self.condition, share.value);
            let words = format!("{}/{}: {value} of {} samples", share.service, share.instance, share.samples);
            fact("", words, Tone::Plain);
        }
        for taken in &self.taken {
            fact("took back", format!("{}, which served {}", taken.flag, taken.before), Tone::Plain);
        }
        if !self.plans.is_empty() {
            fact("plans", self.plans.join(", "), Tone::Plain);
        }
    }
}

/// A value in the unit of a condition.
fn show(condition: &str, value: f64) -> String {
    match MetricCheck::parse(condition) {
        Ok(check) => check.show(rounded(value)),
        Err(_newer_than_this_program) => rounded(value).to_string(),
    }
}

/// What a guard does, as plan files write it.
pub(crate) fn action_in_words(action: Option<&v1::guard::Action>) -> String {
    use v1::guard::Action;
    use v1::rollback::Kind;
    let kind = match action {
        None => return String::new(),
        Some(Action::Alert(_)) => return "alert".to_owned(),
        Some(Action::Pause(_)) => return "pause".to_owned(),
        Some(Action::Rollback(rollback)) => rollback.kind.as_ref(),
    };
    match kind {
        None | Some(Kind::Disable(_)) => "rollback".to_owned(),
        Some(Kind::ToZero(_)) => "rollback to 0%".to_owned(),
        Some(Kind::Gradual(ladder)) => {
            let rungs: Vec<String> = ladder.percents.iter().map(|percent| format!("{percent}%")).collect();
            format!("rollback gradually {} every {}", rungs.join(" "), print_seconds(ladder.every_seconds))
        }
        Some(Kind::Segments(segments)) => format!("rollback segments [{}]", segments.segments.join(", ")),
        Some(Kind::CanaryOff(_)) => "canary off".to_owned(),
    }
}

/// Adds a loud line for each guard that holds something down.
pub(crate) fn describe_latches(latched: &[GuardView], page: &mut Page) {
    for guard in latched {
        page.line([Span::new(&format!("! {}", guard.latch_in_words()), Tone::Loud)]);
    }
}

impl View for GuardsView {
    fn page(&self) -> Page {
        if self.guards.is_empty() {
            return Page::of_line(
                "no guards yet (mycelia-flags guard set GUARD --flag FLAG --when … --do …)",
            );
        }
        let headings = ["GUARD", "ENVIRONMENT", "STATE", "OVER", "WHEN", "DO", "NOW"];
        let mut rows: Vec<Vec<Span>> = vec![headings.map(|text| Span::new(text, Tone::Faint)).into()];
        rows.extend(self.guards.iter().map(|guard| {
            vec![
                Span::from(guard.guard.as_str()),
                Span::from(guard.environment.as_str()),
                Span::new(guard.state, guard.tone()),
                Span::from(guard.feature.clone().unwrap_or_else(|| guard.flags.join(", "))),
                Span::from(guard.when.as_str()),
                Span::from(guard.action.as_str()),
                Span::from(guard.now_in_words()),
            ]
        }));
        let mut page = Page::default();
        page.table(0, rows);
        let latched: Vec<GuardView> =
            self.guards.iter().filter(|guard| guard.is_latched()).cloned().collect();
        describe_latches(&latched, &mut page);
        page
    }
}

impl View for GuardStatusView {
    fn page(&self) -> Page {
        if self.guards.is_empty() {
            return Page::of_line("no guard holds anything down, and none alerts");
        }
        let mut page = Page::default();
        for (index, guard) in self.guards.iter().enumerate() {
            if index > 0 {
                page.blank();
            }
            guard.describe(&mut page);
        }
        page
    }
}

#[cfg(test)]
mod tests;
