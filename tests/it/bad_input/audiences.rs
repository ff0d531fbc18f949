//! Segments, lists, canary mode and features.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change as Kind;
use mycelia_flags_proto::v1::change_feature::Action;
use tonic::Code;

use super::rules::{all, equals, test, within};
use super::stage::{Stage, edit_list, segment_condition, set_feature, set_segment, text};
use super::{A_FLAG, Case, NAME, PERCENT, Violation, cut, invalid, not_found, precondition, too_long};
use crate::server::apply_request;

const ENVIRONMENTS: &str = "one of development, staging, production";
const A_SEGMENT: &str = "the key of a segment of production";

pub(super) fn cases(stage: &Stage) -> Vec<Case> {
    [segments(), shares(), lists(), canary(), features(stage), changed_features(stage)]
        .into_iter()
        .flatten()
        .collect()
}

fn segments() -> Vec<Case> {
    let set = |edit: &dyn Fn(&mut v1::SetSegment)| {
        let mut set = set_segment("new");
        edit(&mut set);
        Kind::SetSegment(set)
    };
    let with = |condition: v1::Condition| set(&move |set| set.condition = Some(condition.clone()));
    let delete = |environment: &str, segment: &str| {
        let (environment, segment) = (environment.to_owned(), segment.to_owned());
        Kind::DeleteSegment(v1::DeleteSegment { environment, segment })
    };
    let long = "d".repeat(2049);
    let condition = "set_segment.condition";
    let other = "tests of attributes: a segment names no other segment";
    vec![
        invalid(Kind::SetSegment(set_segment("")), "REQUIRED", "set_segment.segment", "", NAME),
        invalid(Kind::SetSegment(set_segment("a/b")), "INVALID_NAME", "set_segment.segment", "a/b", NAME),
        not_found(
            set(&|set| set.environment = "mars".to_owned()),
            "UNKNOWN_ENVIRONMENT",
            "set_segment.environment",
            "mars",
            ENVIRONMENTS,
        ),
        invalid(
            set(&|set| set.description = "d".repeat(2049)),
            "TOO_LARGE",
            "set_segment.description",
            cut(&long),
            too_long(2048, 2049),
        ),
        invalid(
            with(v1::Condition::default()),
            "REQUIRED",
            condition,
            "",
            "one of test, all, any, not and segment",
        ),
        invalid(
            with(segment_condition("beta")),
            "NOT_APPLICABLE",
            "set_segment.condition.segment",
            "beta",
            other,
        ),
        invalid(
            with(all(vec![equals("a", text("b")), segment_condition("beta")])),
            "NOT_APPLICABLE",
            "set_segment.condition.all[1].segment",
            "beta",
            other,
        ),
        invalid(
            with(within(11)),
            "TOO_LARGE",
            &format!("{condition}{}", ".not".repeat(10)),
            "more than 10",
            "at most 10 levels of nesting",
        ),
        invalid(
            with(test("a", v1::Operator::Less.into(), vec![text("b")])),
            "INVALID_OPERAND",
            "set_segment.condition.test.operands[0]",
            "\"b\"",
            "a number",
        ),
        not_found(
            delete("production", "nobody"),
            "UNKNOWN_SEGMENT",
            "delete_segment.segment",
            "nobody",
            A_SEGMENT,
        ),
        not_found(
            delete("staging", "beta"),
            "UNKNOWN_SEGMENT",
            "delete_segment.segment",
            "beta",
            "the key of a segment of staging",
        ),
        precondition(
            delete("production", "beta"),
            "SEGMENT_IN_USE",
            "delete_segment",
            "beta",
            "a segment that no rule names; ruled in production do",
        ),
    ]
}

fn shares() -> Vec<Case> {
    let share = |salt: &str, from_percent: f64, to_percent: f64| {
        let share = v1::SegmentShare { salt: salt.to_owned(), from_percent, to_percent };
        Kind::SetSegment(v1::SetSegment { share: Some(share), ..set_segment("new") })
    };
    let (from, to) = ("set_segment.share.from_percent", "set_segment.share.to_percent");
    let long = "s".repeat(257);
    vec![
        invalid(share("", 0.0, 100.5), "OUT_OF_RANGE", to, "100.5", PERCENT),
        invalid(share("", -1.0, 10.0), "OUT_OF_RANGE", from, "-1", PERCENT),
        invalid(share("", 0.0001, 10.0), "OUT_OF_RANGE", from, "0.0001", PERCENT),
        invalid(share("", f64::NAN, f64::INFINITY), "OUT_OF_RANGE", from, "NaN", PERCENT).and(
            "OUT_OF_RANGE",
            to,
            "inf",
            PERCENT,
        ),
        invalid(share("", 10.0, 10.0), "OUT_OF_RANGE", to, "10", "more than from_percent, which is 10"),
        invalid(share("", 20.5, 10.0), "OUT_OF_RANGE", to, "10", "more than from_percent, which is 20.5"),
        invalid(share("", 0.0, 0.0), "OUT_OF_RANGE", to, "0", "more than from_percent, which is 0"),
        invalid(
            share(&long, 0.0, 1.0),
            "TOO_LARGE",
            "set_segment.share.salt",
            cut(&long),
            too_long(256, 257),
        ),
    ]
}

fn lists() -> Vec<Case> {
    let names = "`canary`, `segment/KEY/included` or `segment/KEY/excluded`";
    let mut cases: Vec<Case> =
        ["", "Canary", "segment", "segment/staff", "segment/staff/members", "segment/a b/included"]
            .into_iter()
            .map(|list| {
                invalid(edit_list(list, &["ada"], &[]), "INVALID_NAME", "edit_list.list", list, names)
            })
            .collect();
    let staff = "segment/staff/included";
    let long = "k".repeat(257);
    let many: Vec<String> = (0..10_001).map(|number| format!("u{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let both = "keys that are not added as well";
    let some = "1 to 10000 keys to add or remove";
    let mut elsewhere = edit_list("canary", &["ada"], &[]);
    if let Kind::EditList(edit) = &mut elsewhere {
        edit.environment = "mars".to_owned();
    }
    cases.extend([
        not_found(
            edit_list("segment/nobody/included", &["ada"], &[]),
            "UNKNOWN_SEGMENT",
            "edit_list.list",
            "nobody",
            A_SEGMENT,
        ),
        not_found(elsewhere, "UNKNOWN_ENVIRONMENT", "edit_list.environment", "mars", ENVIRONMENTS),
        invalid(edit_list("canary", &[], &[]), "REQUIRED", "edit_list.add", "0", some),
        invalid(edit_list("canary", &many, &[]), "TOO_LARGE", "edit_list.add", "10001", "at most 10000"),
        invalid(edit_list(staff, &[], &many), "TOO_LARGE", "edit_list.remove", "10001", "at most 10000"),
        invalid(
            edit_list("canary", &["ada", ""], &[]),
            "REQUIRED",
            "edit_list.add[1]",
            "",
            "a targeting key",
        ),
        invalid(edit_list(staff, &[], &[""]), "REQUIRED", "edit_list.remove[0]", "", "a targeting key"),
        invalid(
            edit_list("canary", &[&long], &[]),
            "TOO_LARGE",
            "edit_list.add[0]",
            cut(&long),
            too_long(256, 257),
        ),
        invalid(
            edit_list("canary", &["a\0b"], &[]),
            "INVALID_TEXT",
            "edit_list.add[0]",
            "a\u{fffd}b",
            "text without control characters",
        ),
        invalid(
            edit_list("canary", &["ada"], &["bob", "ada"]),
            "DUPLICATE",
            "edit_list.remove[1]",
            "ada",
            both,
        ),
    ]);
    cases
}

fn canary() -> Vec<Case> {
    let switch = |environment: &str| {
        Kind::SwitchCanary(v1::SwitchCanary { environment: environment.to_owned(), on: true })
    };
    let field = "switch_canary.environment";
    vec![
        not_found(switch("mars"), "UNKNOWN_ENVIRONMENT", field, "mars", ENVIRONMENTS),
        invalid(switch("a b"), "INVALID_NAME", field, "a b", NAME),
    ]
}

fn features(stage: &Stage) -> Vec<Case> {
    let (key, flags) = ("set_feature.feature.key", "set_feature.feature.flags");
    let delete = |feature: &str| Kind::DeleteFeature(v1::DeleteFeature { feature: feature.to_owned() });
    let long = "d".repeat(2049);
    let feature =
        v1::Feature { key: "day".to_owned(), description: long.clone(), flags: vec!["dreams".to_owned()] };
    let described = Kind::SetFeature(v1::SetFeature { feature: Some(feature) });
    let many: Vec<&str> = std::iter::repeat_n("dreams", 201).collect();
    let a_feature = "a feature with a key and at least one flag";
    vec![
        invalid(
            Kind::SetFeature(v1::SetFeature::default()),
            "REQUIRED",
            "set_feature.feature",
            "",
            a_feature,
        ),
        invalid(set_feature("", &["dreams"]), "REQUIRED", key, "", NAME),
        invalid(set_feature("a b", &["dreams"]), "INVALID_NAME", key, "a b", NAME),
        invalid(set_feature("day", &[]), "REQUIRED", flags, "0", "1 to 200 flags"),
        invalid(set_feature("day", &many), "TOO_LARGE", flags, "201", "at most 200"),
        not_found(
            set_feature("day", &["dreams", "nowhere"]),
            "UNKNOWN_FLAG",
            &format!("{flags}[1]"),
            "nowhere",
            A_FLAG,
        ),
        precondition(
            set_feature("day", &["archived"]),
            "FLAG_ARCHIVED",
            &format!("{flags}[0]"),
            "archived",
            stage.archived(),
        ),
        invalid(
            set_feature("day", &["oracle.chat", "oracle-chat"]),
            "DUPLICATE",
            &format!("{flags}[1]"),
            "oracle-chat",
            "each flag once, in one of its spellings",
        ),
        invalid(described, "TOO_LARGE", "set_feature.feature.description", cut(&long), too_long(2048, 2049)),
        not_found(
            delete("day"),
            "UNKNOWN_FEATURE",
            "delete_feature.feature",
            "day",
            "the key of a feature that exists",
        ),
    ]
}

fn changed_features(stage: &Stage) -> Vec<Case> {
    let change = |environment: &str, feature: &str, action: Option<Action>| {
        let (environment, feature) = (environment.to_owned(), feature.to_owned());
        Kind::ChangeFeature(v1::ChangeFeature { environment, feature, action })
    };
    let rollout = |percent: f64| Some(Action::Rollout(v1::RolloutFeature { percent, enable: false }));
    let enable = || Some(Action::Enable(v1::EnableFeature {}));
    let known = "the key of a feature that exists";
    let pair = "a boolean flag with a true and a false variant; use a default serve with a split";
    vec![
        invalid(
            change("production", "night", None),
            "REQUIRED",
            "change_feature",
            "",
            "one of enable, disable or rollout",
        ),
        not_found(
            change("production", "day", enable()),
            "UNKNOWN_FEATURE",
            "change_feature.feature",
            "day",
            known,
        ),
        not_found(
            change("mars", "night", enable()),
            "UNKNOWN_ENVIRONMENT",
            "change_feature.environment",
            "mars",
            ENVIRONMENTS,
        ),
        invalid(
            change("production", "night", rollout(101.0)),
            "OUT_OF_RANGE",
            "change_feature.rollout.percent",
            "101",
            PERCENT,
        ),
        precondition(
            change("production", "night", rollout(10.0)),
            "FLAG_DISABLED",
            "change_feature.feature",
            "whispers",
            stage.disabled(),
        ),
        Case::of(
            Code::InvalidArgument,
            apply_request(vec![set_feature("day", &["mode"]), change("production", "day", rollout(10.0))]),
            vec![Violation::new("NOT_APPLICABLE", "changes[1].change_feature.feature", "mode", pair)],
        ),
    ]
}
