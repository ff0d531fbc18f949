//! What people are told: explanations, differences, impacts. It only leaves the server, so there is no way back.

use mycelia_flags_core::difference::FieldChange;
use mycelia_flags_core::explain::{Bucket, Explanation, Step, StepKind};
use mycelia_flags_core::flagd::{Line, Outcome};
use mycelia_flags_core::impact::FlagImpact;
use mycelia_flags_core::key::{EnvironmentKey, VariantName};
use mycelia_flags_core::migration::{self, Format, Grade};
use mycelia_flags_core::stale::{StaleFlag, StaleReason};

use super::time::timestamp_to_wire;
use super::value::value_to_wire;
use crate::v1;

/// The wire's explanation, of no revision yet.
#[must_use]
pub fn explanation_to_wire(explanation: &Explanation) -> v1::ExplainResponse {
    let variant = explanation.variant.as_ref();
    v1::ExplainResponse {
        flag: explanation.flag.clone(),
        value: variant.map(|variant| value_to_wire(&variant.value)),
        variant: variant.map(|variant| variant.name.to_string()).unwrap_or_default(),
        reason: explanation.reason.map_or("ERROR", |reason| reason.as_str()).to_owned(),
        error_code: explanation.error.map(|code| code.as_str().to_owned()).unwrap_or_default(),
        steps: explanation.steps.iter().map(step_to_wire).collect(),
        bucket: explanation.bucket.as_ref().map(bucket_to_wire),
        ..v1::ExplainResponse::default()
    }
}

/// The wire's step.
#[must_use]
pub fn step_to_wire(step: &Step) -> v1::ExplainStep {
    let kind = match step.kind {
        StepKind::Flag => v1::StepKind::Flag,
        StepKind::Override => v1::StepKind::Override,
        StepKind::Switch => v1::StepKind::Switch,
        StepKind::Prerequisite => v1::StepKind::Prerequisite,
        StepKind::Canary => v1::StepKind::Canary,
        StepKind::Rule => v1::StepKind::Rule,
        StepKind::Targeting => v1::StepKind::Targeting,
        StepKind::Default => v1::StepKind::Default,
        StepKind::Condition | StepKind::Segment | StepKind::List | StepKind::Share => v1::StepKind::Detail,
    };
    v1::ExplainStep {
        kind: kind.into(),
        decided: step.decided,
        text: step.text.clone(),
        inner: step.inner.iter().map(step_to_wire).collect(),
    }
}

/// The wire's bucket.
#[must_use]
pub fn bucket_to_wire(bucket: &Bucket) -> v1::Bucket {
    let end = |(variant, end): &(VariantName, u32)| v1::BucketEnd { variant: variant.to_string(), end: *end };
    v1::Bucket {
        hash: bucket.hash,
        bucket: bucket.bucket,
        hashed: bucket.hashed.clone(),
        ends: bucket.ends.iter().map(end).collect(),
    }
}

/// The wire's difference.
#[must_use]
pub fn field_change_to_wire(change: &FieldChange) -> v1::FieldChange {
    v1::FieldChange {
        entity: change.entity.clone(),
        field: change.field.clone(),
        before: change.before.clone(),
        after: change.after.clone(),
    }
}

/// The wire's impact, in an environment.
#[must_use]
pub fn impact_to_wire(environment: &EnvironmentKey, impact: &FlagImpact) -> v1::FlagImpact {
    let name = |variant: &Option<VariantName>| variant.as_ref().map(ToString::to_string).unwrap_or_default();
    v1::FlagImpact {
        environment: environment.to_string(),
        flag: impact.flag.to_string(),
        seen: count(impact.seen),
        changed: count(impact.changed),
        moves: impact
            .moves
            .iter()
            .map(|((before, after), contexts)| v1::VariantMove {
                before: name(before),
                after: name(after),
                contexts: count(*contexts),
            })
            .collect(),
        services: impact
            .services
            .iter()
            .map(|(service, contexts)| v1::ServiceCount {
                service: service.to_string(),
                contexts: count(*contexts),
            })
            .collect(),
        dependents: impact.dependents.iter().map(ToString::to_string).collect(),
    }
}

/// The wire's stale flag.
#[must_use]
pub fn stale_to_wire(stale: &StaleFlag) -> v1::StaleFlag {
    let reason = |reason: &StaleReason| {
        let (kind, since) = match *reason {
            StaleReason::FullyOn(since) => (v1::StaleKind::FullyOn, since),
            StaleReason::FullyOff(since) => (v1::StaleKind::FullyOff, since),
            StaleReason::NeverEvaluated(since) => (v1::StaleKind::NeverEvaluated, since),
            StaleReason::PastItsEnd(end) => (v1::StaleKind::PastItsEnd, end),
        };
        let since = Some(timestamp_to_wire(since));
        v1::StaleReason { kind: kind.into(), since, text: reason.in_words() }
    };
    v1::StaleFlag {
        flag: stale.flag.to_string(),
        owner: stale.owner.to_string(),
        reasons: stale.reasons.iter().map(reason).collect(),
    }
}

/// The wire's line of an import's report.
#[must_use]
pub fn import_line_to_wire(line: &Line) -> v1::ImportLine {
    let outcome = match line.outcome {
        Outcome::Imported => v1::ImportOutcome::Imported,
        Outcome::Changed => v1::ImportOutcome::Changed,
        Outcome::Skipped => v1::ImportOutcome::Skipped,
    };
    v1::ImportLine {
        flag: line.flag.clone(),
        outcome: outcome.into(),
        text: line.text.clone(),
        ..v1::ImportLine::default()
    }
}

/// What became of a part of another product's document.
#[must_use]
pub fn migration_line_to_wire(line: &migration::Line) -> v1::ImportLine {
    let outcome = match line.grade {
        Grade::Exact => v1::ImportOutcome::Imported,
        Grade::Approximate => v1::ImportOutcome::Approximate,
        Grade::Changed => v1::ImportOutcome::Changed,
        Grade::Noted => v1::ImportOutcome::Noted,
        Grade::Unmapped => v1::ImportOutcome::Skipped,
    };
    v1::ImportLine {
        flag: line.flag.clone(),
        outcome: outcome.into(),
        text: line.text.clone(),
        path: line.path.clone(),
        line: line.place.map(|place| count(place.line)),
        column: line.place.map(|place| count(place.column)),
    }
}

/// Whose document it is; none when that is to be found out.
#[must_use]
pub const fn import_format_from_wire(format: v1::ImportFormat) -> Option<Format> {
    match format {
        v1::ImportFormat::Unspecified => None,
        v1::ImportFormat::Flagd => Some(Format::Flagd),
        v1::ImportFormat::Unleash => Some(Format::Unleash),
        v1::ImportFormat::Launchdarkly => Some(Format::LaunchDarkly),
    }
}

/// Whose document it was.
#[must_use]
pub const fn import_format_to_wire(format: Format) -> v1::ImportFormat {
    match format {
        Format::Flagd => v1::ImportFormat::Flagd,
        Format::Unleash => v1::ImportFormat::Unleash,
        Format::LaunchDarkly => v1::ImportFormat::Launchdarkly,
    }
}

fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
