//! The fields of each kind of entity, as text.

mod guard;
mod plan;
mod promotion;

use super::Fields;
use crate::entity::Entity;
use crate::flag::{CanaryPart, FlagConfiguration, FlagDefinition, Lifetime};
use crate::policy::{DriftPolicy, Policy};
use crate::request::ChangeRequest;
use crate::segment::Segment;
use crate::text;

pub(super) fn fields<const N: usize>(of: [(&str, String); N]) -> Fields {
    of.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name.to_owned(), text)).collect()
}

pub(super) fn entity_fields(entity: &Entity) -> Fields {
    match entity {
        Entity::Settings(settings) => fields([("bucketing", settings.bucketing.as_str().to_owned())]),
        Entity::Environment(environment) => fields([("position", environment.position.to_string())]),
        Entity::Flag(definition) => definition_fields(definition),
        Entity::Configuration(configuration) => configuration_fields(configuration),
        Entity::Segment(segment) => segment_fields(segment),
        Entity::Canary(canary) => fields([("canary", if canary.on { "on" } else { "off" }.to_owned())]),
        Entity::Listed => fields([("listed", "yes".to_owned())]),
        Entity::Feature(feature) => {
            let flags: Vec<&str> = feature.flags.iter().map(|flag| flag.as_str()).collect();
            fields([("description", feature.description.to_string()), ("flags", flags.join(", "))])
        }
        Entity::Plan(definition) => plan::definition_fields(definition),
        Entity::Progress(progress) => plan::progress_fields(progress),
        Entity::Policy(policy) => policy_fields(policy),
        Entity::ChangeRequest(request) => request_fields(request),
        Entity::Incident(incident) => promotion::incident_fields(incident),
        Entity::PromotionRules(rules) => promotion::rules_fields(rules),
        Entity::Promotion(collected) => promotion::promotion_fields(collected),
        Entity::Drill(drill) => promotion::drill_fields(drill),
        Entity::Guard(guard) => guard::guard_fields(guard),
        Entity::GuardState(state) => guard::state_fields(state),
    }
}

fn policy_fields(policy: &Policy) -> Fields {
    let yes = |is_so: bool| if is_so { "yes" } else { "" }.to_owned();
    let protected: Vec<&str> = policy.protected_flags.iter().map(|flag| flag.as_str()).collect();
    let interval = policy.smallest_interval_seconds.map(|seconds| format!("{seconds} s"));
    let drift = if policy.drift == DriftPolicy::Refuse { policy.drift.as_str() } else { "" };
    let approvals = if policy.approvals > 0 { policy.approvals.to_string() } else { String::new() };
    let mut all = fields([
        ("reason_required", yes(policy.reason_required)),
        ("largest_step", policy.largest_step.map(text::percent).unwrap_or_default()),
        ("smallest_interval", interval.unwrap_or_default()),
        ("approvals", approvals),
        ("protected_flags", protected.join(", ")),
        ("drift", drift.to_owned()),
        ("break_glass", yes(policy.break_glass)),
    ]);
    for (index, window) in policy.freeze_windows.iter().enumerate() {
        all.insert(format!("freeze_windows[{index}]"), format!("{}: {}", window.name, window.period));
    }
    all
}

fn request_fields(request: &ChangeRequest) -> Fields {
    let changes: Vec<&str> = request.changes.iter().map(|change| change.name()).collect();
    let approvals: Vec<&str> = request.approvals.iter().map(|approval| &*approval.by).collect();
    fields([
        ("author", request.author.to_string()),
        ("reason", request.reason.to_string()),
        ("changes", changes.join(", ")),
        ("approvals", format!("{} of {}", approvals.len(), request.needed)),
        ("approved_by", approvals.join(", ")),
        ("state", request.state.as_str().to_owned()),
    ])
}

fn definition_fields(definition: &FlagDefinition) -> Fields {
    let services: Vec<&str> = definition.services.iter().map(|service| service.as_str()).collect();
    let lifetime = match definition.lifetime {
        Lifetime::Temporary => "temporary",
        Lifetime::Permanent => "permanent",
    };
    fields([
        ("key", definition.key.to_string()),
        ("type", definition.flag_type.to_string()),
        ("variants", text::variants(&definition.variants)),
        ("description", definition.description.to_string()),
        ("owner", definition.owner.to_string()),
        ("tags", definition.tags.join(", ")),
        ("services", services.join(", ")),
        ("lifetime", lifetime.to_owned()),
        ("expected_end", definition.expected_end.map(|end| end.to_string()).unwrap_or_default()),
        ("schema", definition.schema.as_deref().unwrap_or_default().to_owned()),
        ("client_visible", if definition.client_visible { "yes" } else { "" }.to_owned()),
        ("archived", definition.archived.as_ref().map(text::switched).unwrap_or_default()),
    ])
}

pub(super) fn configuration_fields(configuration: &FlagConfiguration) -> Fields {
    let canary = match &configuration.canary {
        CanaryPart::ByType => String::new(),
        CanaryPart::Variant(variant) => variant.to_string(),
        CanaryPart::Out => "takes no part".to_owned(),
    };
    let prerequisites: Vec<String> = configuration
        .prerequisites
        .iter()
        .map(|needed| {
            let variants: Vec<&str> = needed.variants.iter().map(|variant| variant.as_str()).collect();
            format!("{} serves {}", needed.flag, variants.join(" or "))
        })
        .collect();
    let mut all = fields([
        ("enabled", if configuration.enabled { "yes" } else { "no" }.to_owned()),
        ("off_variant", configuration.off_variant.to_string()),
        ("default_variant", configuration.default_variant.to_string()),
        ("default_serve", text::serve(&configuration.default_serve)),
        ("salt", configuration.salt.as_deref().unwrap_or_default().to_owned()),
        ("prerequisites", prerequisites.join(", ")),
        ("canary", canary),
        ("targeting", configuration.targeting.as_deref().unwrap_or_default().to_owned()),
    ]);
    for (index, rule) in configuration.rules.iter().enumerate() {
        let name = if rule.name.is_empty() { String::new() } else { format!("{}: ", rule.name) };
        let rule =
            format!("{name}when {} serve {}", text::condition(&rule.condition), text::serve(&rule.serve));
        all.insert(format!("rules[{index}]"), rule);
    }
    for detached in &configuration.overrides {
        let until = format!("{} until {}", detached.variant, detached.expires_at);
        all.insert(format!("overrides.{}", detached.service), until);
    }
    all
}

pub(super) fn segment_fields(segment: &Segment) -> Fields {
    fields([
        ("description", segment.description.to_string()),
        ("condition", segment.condition.as_ref().map(text::condition).unwrap_or_default()),
        ("share", segment.share.as_ref().map(text::share).unwrap_or_default()),
    ])
}
