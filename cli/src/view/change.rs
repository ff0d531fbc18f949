//! One intent of the history.

pub(crate) mod words;

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change;
use serde::Serialize;

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ChangeView {
    /// The name of the change on the wire, such as `rollout`.
    pub(crate) kind: &'static str,
    /// Null when the change is about something else.
    pub(crate) flag: Option<String>,
    /// The key of the segment that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) segment: Option<String>,
    /// The key of the feature that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) feature: Option<String>,
    /// The key of the rollout plan that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) plan: Option<String>,
    /// Null when the change concerns all environments.
    pub(crate) environment: Option<String>,
    /// The same in words.
    pub(crate) words: String,
}

/// What a change is about.
enum About<'a> {
    Flag(&'a str),
    Segment(&'a str),
    Feature(&'a str),
    Plan(&'a str),
    Other,
}

impl ChangeView {
    /// Of an intent; `environment` names the one that was meant by those that name none.
    pub(crate) fn of(change: &v1::Change, environment: Option<&str>) -> Self {
        let Some(change) = &change.change else {
            return Self {
                kind: "unknown",
                flag: None,
                segment: None,
                feature: None,
                plan: None,
                environment: None,
                words: "a change that this program does not know".to_owned(),
            };
        };
        let (kind, about, named) = subject(change);
        let environment = match named {
            Some("") => environment,
            named => named,
        };
        let words = words::of(change);
        let preposition = words::promotion::preposition(change);
        let words = match (named, environment) {
            (None, _) => words,
            (Some(_), Some(environment)) => format!("{words} {preposition} {environment}"),
            (Some(_), None) => format!("{words} {preposition} the default environment"),
        };
        let (mut flag, mut segment, mut feature, mut plan) = (None, None, None, None);
        match about {
            About::Flag(key) => flag = Some(key.to_owned()),
            About::Segment(key) => segment = Some(key.to_owned()),
            About::Feature(key) => feature = Some(key.to_owned()),
            About::Plan(key) => plan = Some(key.to_owned()),
            About::Other => {}
        }
        Self { kind, flag, segment, feature, plan, environment: environment.map(str::to_owned), words }
    }
}

/// The kind, what it is about, and the environment if it happens in one.
fn subject(change: &Change) -> (&'static str, About<'_>, Option<&str>) {
    use About::{Feature, Flag, Other, Plan, Segment};
    match change {
        Change::CreateFlag(create) => ("create_flag", Flag(created_key(create)), None),
        Change::DeleteFlag(delete) => ("delete_flag", Flag(&delete.flag), None),
        Change::ArchiveFlag(archive) => ("archive_flag", Flag(&archive.flag), None),
        Change::UnarchiveFlag(unarchive) => ("unarchive_flag", Flag(&unarchive.flag), None),
        Change::UpdateFlag(update) => ("update_flag", Flag(&update.flag), None),
        Change::SetVariants(set) => ("set_variants", Flag(&set.flag), None),
        Change::EnableFlag(enable) => ("enable_flag", Flag(&enable.flag), Some(&enable.environment)),
        Change::DisableFlag(disable) => ("disable_flag", Flag(&disable.flag), Some(&disable.environment)),
        Change::Rollout(rollout) => ("rollout", Flag(&rollout.flag), Some(&rollout.environment)),
        Change::SetMatrix(set) => ("set_matrix", Flag(&set.flag), Some(&set.environment)),
        Change::SetDefaultServe(set) => ("set_default_serve", Flag(&set.flag), Some(&set.environment)),
        Change::SetRules(set) => ("set_rules", Flag(&set.flag), Some(&set.environment)),
        Change::SetTargeting(set) => ("set_targeting", Flag(&set.flag), Some(&set.environment)),
        Change::SetPrerequisites(set) => ("set_prerequisites", Flag(&set.flag), Some(&set.environment)),
        Change::SetOffVariant(set) => ("set_off_variant", Flag(&set.flag), Some(&set.environment)),
        Change::SetSalt(set) => ("set_salt", Flag(&set.flag), Some(&set.environment)),
        Change::SetCanaryPart(set) => ("set_canary_part", Flag(&set.flag), Some(&set.environment)),
        Change::SetOverride(set) => ("set_override", Flag(&set.flag), Some(&set.environment)),
        Change::RemoveOverride(remove) => ("remove_override", Flag(&remove.flag), Some(&remove.environment)),
        Change::SetSegment(set) => ("set_segment", Segment(&set.segment), Some(&set.environment)),
        Change::DeleteSegment(delete) => {
            ("delete_segment", Segment(&delete.segment), Some(&delete.environment))
        }
        Change::EditList(edit) => {
            let about = words::segment_of(&edit.list).map_or(Other, Segment);
            ("edit_list", about, Some(&edit.environment))
        }
        Change::SwitchCanary(switch) => ("switch_canary", Other, Some(&switch.environment)),
        Change::SetFeature(set) => {
            let key = set.feature.as_ref().map_or("", |feature| feature.key.as_str());
            ("set_feature", Feature(key), None)
        }
        Change::DeleteFeature(delete) => ("delete_feature", Feature(&delete.feature), None),
        Change::ChangeFeature(change) => {
            ("change_feature", Feature(&change.feature), Some(&change.environment))
        }
        Change::Undo(_) => ("undo", Other, None),
        Change::SetPlan(set) => {
            ("set_plan", Plan(set.plan.as_ref().map_or("", |plan| plan.key.as_str())), None)
        }
        Change::DeletePlan(delete) => ("delete_plan", Plan(&delete.plan), None),
        Change::ActOnPlan(act) => ("act_on_plan", Plan(&act.plan), None),
        Change::RollBack(back) => ("roll_back", Other, Some(&back.environment)),
        Change::SetPolicy(set) => ("set_policy", Other, Some(&set.environment)),
        Change::RequestApproval(_) => ("request_approval", Other, None),
        Change::ApproveRequest(_) => ("approve_request", Other, None),
        Change::RejectRequest(_) => ("reject_request", Other, None),
        Change::WithdrawRequest(_) => ("withdraw_request", Other, None),
        Change::OpenIncident(_)
        | Change::CloseIncident(_)
        | Change::SetPromotionRules(_)
        | Change::ApprovePromotion(_)
        | Change::TickPromotion(_)
        | Change::Promote(_)
        | Change::RecordDrill(_) => {
            let (kind, flag, environment) =
                words::promotion::subject(change).unwrap_or(("unknown", None, None));
            (kind, flag.map_or(Other, Flag), environment)
        }
        Change::SetGuard(_) | Change::DeleteGuard(_) | Change::AcknowledgeGuard(_) | Change::StepGuard(_) => {
            let (kind, flag, environment) = words::guard::subject(change).unwrap_or(("unknown", None, None));
            (kind, flag.map_or(Other, Flag), environment)
        }
        Change::CreateStore(_) => ("create_store", Other, None),
        Change::RestoreStore(_) => ("restore_store", Other, None),
    }
}

fn created_key(create: &v1::CreateFlag) -> &str {
    create.definition.as_ref().map_or("", |definition| definition.key.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(change: Change, meant: Option<&str>, expected: &str) {
        assert_eq!(ChangeView::of(&v1::Change { change: Some(change) }, meant).words, expected);
    }

    #[test]
    fn changes_name_their_environment() {
        let rollout = |environment: &str| {
            Change::Rollout(v1::Rollout {
                environment: environment.to_owned(),
                flag: "dreams".to_owned(),
                percent: 12.5,
                enable: false,
            })
        };
        check(rollout("staging"), Some("production"), "roll out dreams to 12.5% in staging");
        check(rollout(""), Some("production"), "roll out dreams to 12.5% in production");
        check(rollout(""), None, "roll out dreams to 12.5% in the default environment");
        let delete = v1::DeleteFlag { flag: "dreams".to_owned(), force: false };
        check(Change::DeleteFlag(delete), None, "delete dreams");
    }

    #[test]
    fn a_promotion_by_force_cannot_be_missed() {
        let promote = |force| {
            let (flag, from) = ("voice".to_owned(), "staging".to_owned());
            Change::Promote(v1::Promote { flag, from, to: "production".to_owned(), force })
        };
        check(promote(false), None, "promote voice from staging to production");
        check(promote(true), None, "BREAK GLASS: promote voice from staging to production");
        let close = v1::CloseIncident { what: Some(v1::close_incident::What::Incident(7)) };
        check(Change::CloseIncident(close), None, "close incident #7");
    }

    #[test]
    fn the_document_says_what_a_change_is_about() {
        let edit = v1::EditList {
            environment: "staging".to_owned(),
            list: "segment/beta/excluded".to_owned(),
            add: vec!["ada".to_owned()],
            remove: Vec::new(),
        };
        let view = ChangeView::of(&v1::Change { change: Some(Change::EditList(edit)) }, None);
        assert_eq!(
            serde_json::to_value(&view).unwrap(),
            serde_json::json!({
                "kind": "edit_list", "flag": null, "segment": "beta", "environment": "staging",
                "words": "exclude ada from segment beta in staging"
            })
        );
    }
}
