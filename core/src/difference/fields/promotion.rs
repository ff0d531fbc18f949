//! The fields of incidents, promotion rules, promotions and drills.

use super::super::Fields;
use super::fields;
use crate::incident::Incident;
use crate::plan::duration_text::Length;
use crate::plan::progress::Deed;
use crate::promotion::{Drill, Promotion, PromotionRules};

fn deed(deed: &Deed) -> String {
    format!("{} at {} (revision {})", deed.by, deed.at, deed.revision)
}

pub(super) fn incident_fields(incident: &Incident) -> Fields {
    let flags: Vec<&str> = incident.flags.iter().map(|flag| flag.as_str()).collect();
    fields([
        ("environment", incident.environment.to_string()),
        ("flags", flags.join(", ")),
        ("severity", incident.severity.as_str().to_owned()),
        ("what", incident.what.to_string()),
        ("opened", deed(&incident.opened)),
        ("closed", incident.closed.as_ref().map(deed).unwrap_or_default()),
    ])
}

pub(super) fn rules_fields(rules: &PromotionRules) -> Fields {
    let length = |seconds: u64| if seconds == 0 { String::new() } else { Length(seconds).to_string() };
    fields([
        ("from", rules.from.to_string()),
        ("soak", length(rules.soak_seconds)),
        ("incident_free", length(rules.incident_free_seconds)),
        ("approvals", rules.approvals.to_string()),
        ("checklist", rules.checklist.join("; ")),
        ("drill_within", rules.drill_within_seconds.map(length).unwrap_or_default()),
        ("allow_force", if rules.allow_force { "yes" } else { "no" }.to_owned()),
    ])
}

pub(super) fn promotion_fields(collected: &Promotion) -> Fields {
    let approvals: Vec<String> = collected.approvals.iter().map(deed).collect();
    let ticks: Vec<String> =
        collected.ticks.iter().map(|tick| format!("{} ({})", tick.item, tick.deed.by)).collect();
    fields([("approvals", approvals.join(", ")), ("ticked", ticks.join("; "))])
}

pub(super) fn drill_fields(drill: &Drill) -> Fields {
    let services: Vec<String> =
        drill.services.iter().map(|(service, micros)| format!("{service} {micros} µs")).collect();
    fields([
        ("flag", drill.flag.to_string()),
        ("by", deed(&drill.deed)),
        ("services", services.join(", ")),
        ("total", format!("{} µs", drill.total_micros)),
    ])
}
