//! A change in words, without the place: what the history prints.

pub(crate) mod guard;
mod plan;
pub(crate) mod promotion;

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::canary_part::Part;
use mycelia_flags_proto::v1::change::Change;
use mycelia_flags_proto::v1::change_feature::Action;

use super::{ChangeView, created_key};
use crate::duration_text::print_seconds;
use crate::view::condition::ConditionView;
use crate::view::configuration::PrerequisiteView;
use crate::view::plan::stages_in_words;
use crate::view::policy::PolicyView;
use crate::view::serve::{ServeView, words_of};

/// So many keys are named; of more, the number is said.
const KEYS_NAMED_MAX: usize = 3;

/// What was asked.
pub(super) fn of(change: &Change) -> String {
    match change {
        Change::CreateFlag(create) => format!("create {}", created_key(create)),
        Change::DeleteFlag(delete) => format!("delete {}{}", delete.flag, by_force(delete.force)),
        Change::ArchiveFlag(archive) => format!("archive {}{}", archive.flag, by_force(archive.force)),
        Change::UnarchiveFlag(unarchive) => format!("bring {} back from the archive", unarchive.flag),
        Change::UpdateFlag(update) => of_update(update),
        Change::SetVariants(set) => {
            let names: Vec<_> = set.variants.iter().map(|variant| variant.name.as_str()).collect();
            format!("set the variants of {} to {}", set.flag, names.join(", "))
        }
        Change::SetSegment(set) => of_segment(set),
        Change::DeleteSegment(delete) => format!("delete segment {}", delete.segment),
        Change::EditList(edit) => of_edit(edit),
        Change::SwitchCanary(switch) => format!("switch canary mode {}", on_or_off(switch.on)),
        Change::SetFeature(set) => {
            let feature = set.feature.clone().unwrap_or_default();
            format!("set feature {} to {}", feature.key, feature.flags.join(", "))
        }
        Change::DeleteFeature(delete) => format!("delete feature {}", delete.feature),
        Change::ChangeFeature(change) => of_feature(change),
        Change::SetPlan(set) => {
            let plan = set.plan.clone().unwrap_or_default();
            format!("apply plan {} of {}", plan.key, stages_in_words(plan.stages.len()))
        }
        Change::DeletePlan(delete) => format!("delete plan {}", delete.plan),
        Change::ActOnPlan(act) => plan::of_act(act),
        Change::RollBack(back) => plan::of_roll_back(back),
        Change::Undo(undo) => format!("undo revision {}", undo.revision),
        Change::SetPolicy(set) => of_policy(set),
        Change::RequestApproval(request) => {
            let asked = request.changes.iter().map(|change| ChangeView::of(change, None).words);
            format!("ask for approval to {}", asked.collect::<Vec<_>>().join(", "))
        }
        Change::ApproveRequest(approve) => format!("approve request {}", approve.request),
        Change::RejectRequest(reject) => format!("reject request {}", reject.request),
        Change::WithdrawRequest(withdraw) => format!("withdraw request {}", withdraw.request),
        Change::CreateStore(create) => format!("create the store with {}", create.environments.join(", ")),
        Change::RestoreStore(restore) => format!("restore from store {}", restore.from_epoch),
        other => promotion::of(other).or_else(|| guard::of(other)).unwrap_or_else(|| in_environment(other)),
    }
}

fn of_policy(set: &v1::SetPolicy) -> String {
    match set.policy.as_ref().filter(|policy| **policy != nothing_demanded()) {
        Some(policy) => format!("set the policy to {}", PolicyView::of(policy).words()),
        None => "remove the policy".to_owned(),
    }
}

/// As the log gives it back.
fn nothing_demanded() -> v1::Policy {
    v1::Policy { drift: v1::DriftPolicy::Accept.into(), ..v1::Policy::default() }
}

/// What a flag does in one environment.
fn in_environment(change: &Change) -> String {
    match change {
        Change::EnableFlag(enable) => format!("enable {}", enable.flag),
        Change::DisableFlag(disable) => format!("disable {}", disable.flag),
        Change::Rollout(rollout) => {
            format!("{}roll out {} to {}%", enabling(rollout.enable), rollout.flag, rollout.percent)
        }
        Change::SetMatrix(set) => of_matrix(set),
        Change::SetDefaultServe(set) => {
            format!("serve {} for {}", words_of(ServeView::of(set.serve.as_ref()).as_ref()), set.flag)
        }
        Change::SetRules(set) if set.rules.is_empty() => format!("remove the rules of {}", set.flag),
        Change::SetRules(set) => format!("set {} rules for {}", set.rules.len(), set.flag),
        Change::SetTargeting(set) if set.targeting.is_empty() => {
            format!("remove the targeting of {}", set.flag)
        }
        Change::SetTargeting(set) => format!("set the targeting of {}", set.flag),
        Change::SetPrerequisites(set) if set.prerequisites.is_empty() => {
            format!("let {} need no other flag", set.flag)
        }
        Change::SetPrerequisites(set) => {
            let needs = set.prerequisites.iter().map(|needed| PrerequisiteView::of(needed).words());
            format!("let {} need {}", set.flag, needs.collect::<Vec<_>>().join(" and "))
        }
        Change::SetOffVariant(set) => format!("serve {} for {} while it is off", set.variant, set.flag),
        Change::SetSalt(set) if set.salt.is_empty() => format!("bucket {} by its key", set.flag),
        Change::SetSalt(set) => format!("bucket {} by {}", set.flag, set.salt),
        Change::SetCanaryPart(set) => match set.part.as_ref().and_then(|part| part.part.as_ref()) {
            Some(Part::Variant(variant)) => format!("serve {variant} for {} to the canary", set.flag),
            Some(Part::Out(_)) => format!("take {} out of the canary", set.flag),
            None => format!("let the type of {} say what the canary gets", set.flag),
        },
        Change::SetOverride(set) => {
            let long = print_seconds(set.seconds);
            format!("override {} for {} with {} for {long}", set.flag, set.service, set.variant)
        }
        Change::RemoveOverride(remove) => {
            format!("end the override of {} for {}", remove.flag, remove.service)
        }
        other => format!("{other:?}"),
    }
}

fn of_update(update: &v1::UpdateFlag) -> String {
    let fields = [
        (update.description.is_some(), "description"),
        (update.owner.is_some(), "owner"),
        (update.tags.is_some(), "tags"),
        (update.services.is_some(), "services"),
        (update.lifetime != 0, "lifetime"),
        (update.expected_end.is_some() || update.clear_expected_end, "expected end"),
        (update.schema.is_some(), "schema"),
        (update.client_visible.is_some(), "client visibility"),
    ];
    let fields: Vec<_> = fields.into_iter().filter_map(|(is_set, name)| is_set.then_some(name)).collect();
    match fields.as_slice() {
        [] => format!("change nothing about {}", update.flag),
        fields => format!("change {} of {}", fields.join(", "), update.flag),
    }
}

fn of_matrix(set: &v1::SetMatrix) -> String {
    let rest = set.rest_percent.map(|percent| format!("everybody else {percent}%"));
    let shares = set.shares.iter().map(|share| format!("{} {}%", share.segment, share.percent));
    let shares: Vec<_> = shares.chain(rest).collect();
    if shares.is_empty() {
        return format!("{}remove the matrix of {}", enabling(set.enable), set.flag);
    }
    format!("{}roll out {} to {}", enabling(set.enable), set.flag, shares.join(", "))
}

fn of_segment(set: &v1::SetSegment) -> String {
    let condition = ConditionView::of(set.condition.as_ref()).map(|condition| condition.words());
    let share = set.share.as_ref().map(|share| {
        let salt = if share.salt.is_empty() { String::new() } else { format!(" by {}", share.salt) };
        format!("{}% to {}%{salt}", share.from_percent, share.to_percent)
    });
    let parts: Vec<_> = condition.into_iter().chain(share).collect();
    match parts.as_slice() {
        [] => format!("set segment {} to its lists", set.segment),
        parts => format!("set segment {} to {}", set.segment, parts.join(", ")),
    }
}

fn of_edit(edit: &v1::EditList) -> String {
    let (add, remove) = match (segment_of(&edit.list), edit.list.ends_with("/excluded")) {
        (Some(segment), true) => (
            ("exclude", format!("from segment {segment}")),
            ("no longer exclude", format!("from segment {segment}")),
        ),
        (Some(segment), false) => (
            ("include", format!("in segment {segment}")),
            ("no longer include", format!("in segment {segment}")),
        ),
        (None, _) => (
            ("add", "to the canary allowlist".to_owned()),
            ("remove", "from the canary allowlist".to_owned()),
        ),
    };
    let part = |listed: &[String], (verb, place): (&str, String)| {
        (!listed.is_empty()).then(|| format!("{verb} {} {place}", keys(listed)))
    };
    let parts = [part(&edit.add, add), part(&edit.remove, remove)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" and ")
}

/// The segment in `segment/KEY/included`.
pub(super) fn segment_of(list: &str) -> Option<&str> {
    list.strip_prefix("segment/")?.rsplit_once('/').map(|(segment, _list)| segment)
}

fn keys(keys: &[String]) -> String {
    if keys.len() > KEYS_NAMED_MAX { format!("{} keys", keys.len()) } else { keys.join(", ") }
}

fn of_feature(change: &v1::ChangeFeature) -> String {
    let feature = &change.feature;
    match &change.action {
        Some(Action::Enable(_)) => format!("enable feature {feature}"),
        Some(Action::Disable(_)) => format!("disable feature {feature}"),
        Some(Action::Rollout(rollout)) => {
            format!("{}roll out feature {feature} to {}%", enabling(rollout.enable), rollout.percent)
        }
        None => format!("change feature {feature}"),
    }
}

const fn enabling(enable: bool) -> &'static str {
    if enable { "enable and " } else { "" }
}

const fn by_force(force: bool) -> &'static str {
    if force { " by force" } else { "" }
}

const fn on_or_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::condition::tests::test;

    fn text(text: &str) -> String {
        text.to_owned()
    }

    #[track_caller]
    fn check(change: Change, expected: &str) {
        assert_eq!(of(&change), expected);
    }

    #[test]
    fn changes_of_a_flag_read_as_words() {
        let flag = || text("dreams");
        check(Change::ArchiveFlag(v1::ArchiveFlag { flag: flag(), force: true }), "archive dreams by force");
        check(
            Change::UnarchiveFlag(v1::UnarchiveFlag { flag: flag() }),
            "bring dreams back from the archive",
        );
        let update = v1::UpdateFlag { flag: flag(), ..v1::UpdateFlag::default() };
        check(Change::UpdateFlag(update.clone()), "change nothing about dreams");
        let update = v1::UpdateFlag { owner: Some(text("mara")), schema: Some(text("")), ..update };
        check(Change::UpdateFlag(update), "change owner, schema of dreams");
        let share = |segment: &str, percent| v1::SegmentPercent { segment: text(segment), percent };
        let matrix = v1::SetMatrix { flag: flag(), enable: true, ..v1::SetMatrix::default() };
        check(Change::SetMatrix(matrix.clone()), "enable and remove the matrix of dreams");
        let shares = vec![share("A", 100.0), share("B", 12.5)];
        let matrix = v1::SetMatrix { shares, rest_percent: Some(0.0), enable: false, ..matrix };
        check(Change::SetMatrix(matrix), "roll out dreams to A 100%, B 12.5%, everybody else 0%");
        let targeting = v1::SetTargeting { flag: flag(), ..v1::SetTargeting::default() };
        check(Change::SetTargeting(targeting), "remove the targeting of dreams");
        let needed = v1::Prerequisite { flag: text("oracle"), variants: vec![text("a"), text("b")] };
        let needs = v1::SetPrerequisites {
            flag: flag(),
            prerequisites: vec![needed],
            ..v1::SetPrerequisites::default()
        };
        check(Change::SetPrerequisites(needs), "let dreams need oracle = a or b");
        let part = |part: Option<Part>| {
            Change::SetCanaryPart(v1::SetCanaryPart {
                environment: text(""),
                flag: flag(),
                part: part.map(|part| v1::CanaryPart { part: Some(part) }),
            })
        };
        check(part(Some(Part::Out(v1::NoCanary {}))), "take dreams out of the canary");
        check(part(Some(Part::Variant(text("on")))), "serve on for dreams to the canary");
        check(part(None), "let the type of dreams say what the canary gets");
        let detach = v1::SetOverride {
            environment: text(""),
            flag: flag(),
            service: text("runner"),
            variant: text("off"),
            seconds: 5_400,
        };
        check(Change::SetOverride(detach), "override dreams for runner with off for 1h 30m");
        let end = v1::RemoveOverride { environment: text(""), flag: flag(), service: text("runner") };
        check(Change::RemoveOverride(end), "end the override of dreams for runner");
    }

    #[test]
    fn changes_of_audiences_read_as_words() {
        let segment = v1::SetSegment { segment: text("A"), ..v1::SetSegment::default() };
        check(Change::SetSegment(segment.clone()), "set segment A to its lists");
        let segment = v1::SetSegment {
            condition: Some(test("plan", v1::Operator::Equals, &["pro"], false)),
            share: Some(v1::SegmentShare { salt: text("s"), from_percent: 10.0, to_percent: 70.0 }),
            ..segment
        };
        check(Change::SetSegment(segment), r#"set segment A to plan equals "pro", 10% to 70% by s"#);
        let edit = |list: &str, add: &[&str], remove: &[&str]| {
            let keys = |keys: &[&str]| keys.iter().map(|&key| text(key)).collect();
            Change::EditList(v1::EditList {
                environment: text(""),
                list: text(list),
                add: keys(add),
                remove: keys(remove),
            })
        };
        check(edit("canary", &["user123"], &[]), "add user123 to the canary allowlist");
        check(edit("canary", &[], &["a", "b", "c", "d"]), "remove 4 keys from the canary allowlist");
        check(
            edit("segment/A/included", &["a"], &["b"]),
            "include a in segment A and no longer include b in segment A",
        );
        check(edit("segment/A/excluded", &[], &["b"]), "no longer exclude b from segment A");
        check(
            Change::SwitchCanary(v1::SwitchCanary { environment: text(""), on: true }),
            "switch canary mode on",
        );
    }

    #[test]
    fn changes_of_features_and_undoing_read_as_words() {
        let feature = |action| {
            Change::ChangeFeature(v1::ChangeFeature {
                environment: text(""),
                feature: text("voice"),
                action: Some(action),
            })
        };
        check(feature(Action::Disable(v1::DisableFeature {})), "disable feature voice");
        let rollout = v1::RolloutFeature { percent: 10.0, enable: true };
        check(feature(Action::Rollout(rollout)), "enable and roll out feature voice to 10%");
        let set =
            v1::Feature { key: text("voice"), description: String::new(), flags: vec![text("a"), text("b")] };
        check(Change::SetFeature(v1::SetFeature { feature: Some(set) }), "set feature voice to a, b");
        check(Change::Undo(v1::Undo { revision: 12 }), "undo revision 12");
    }
}
