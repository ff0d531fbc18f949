//! What is wrong with audiences, and with what stands before a flag's rules.

use mycelia_flags_core::change::Change;
use mycelia_flags_core::condition::Condition;
use mycelia_flags_core::flag::CanaryPart;
use mycelia_flags_core::key::SegmentKey;
use mycelia_flags_core::limits::CONDITION_DEPTH_MAX;
use mycelia_flags_core::rejection::{Reason, Violation};

use super::{
    all, check_one, check_unreadable, check_violations, check_words, condition, converted, on, test,
};
use crate::convert::{
    WireError, canary_from_wire, condition_from_wire, configuration_from_wire, definition_from_wire,
    feature_from_wire, key_list_from_wire, list_edit_from_wire, segment_from_wire,
};
use crate::v1;
use crate::v1::change::Change as WireChange;
use crate::v1::condition::Condition as WireCondition;

/// No point in time: a second has fewer nanoseconds.
const NEVER: prost_types::Timestamp = prost_types::Timestamp { seconds: 1, nanos: 1_000_000_000 };

const POINT: &str = "a point in time in microseconds of 64 bits, with 0 to 999999999 nanoseconds";

#[test]
fn a_feature_is_changed_in_one_of_three_ways() {
    check_words(
        WireChange::ChangeFeature(v1::ChangeFeature::default()),
        (Reason::Required, "changes[0].change_feature", ""),
        "one of enable, disable or rollout",
    );
}

#[test]
fn a_feature_that_is_set_is_there() {
    check_words(
        WireChange::SetFeature(v1::SetFeature { feature: None }),
        (Reason::Required, "changes[0].set_feature.feature", ""),
        "a feature with a key and at least one flag",
    );
}

#[test]
fn an_end_is_set_or_cleared_but_not_both() {
    let update = |expected_end, clear_expected_end| {
        WireChange::UpdateFlag(v1::UpdateFlag {
            expected_end,
            clear_expected_end,
            ..v1::UpdateFlag::default()
        })
    };
    check_words(
        update(Some(prost_types::Timestamp::default()), true),
        (Reason::Duplicate, "changes[0].update_flag.clear_expected_end", "set"),
        "not set beside expected_end",
    );
    check_words(
        update(Some(NEVER), false),
        (Reason::OutOfRange, "changes[0].update_flag.expected_end", "1 s and 1000000000 ns"),
        POINT,
    );
    let field = "clear_expected_end".to_owned();
    assert_eq!(
        WireError::Contradiction { field, other: "expected_end" }.to_string(),
        "clear_expected_end is set beside expected_end: expected only one of them"
    );
}

#[test]
fn the_end_of_a_flag_is_a_fault_beside_the_others() {
    let definition =
        v1::FlagDefinition { lifetime: 3, expected_end: Some(NEVER), ..v1::FlagDefinition::default() };
    check_one(
        WireChange::CreateFlag(v1::CreateFlag { definition: Some(definition), ..v1::CreateFlag::default() }),
        &[
            (Reason::OutOfRange, "changes[0].create_flag.definition.lifetime", "3"),
            (Reason::OutOfRange, "changes[0].create_flag.definition.expected_end", "1 s and 1000000000 ns"),
        ],
    );
    check_one(
        WireChange::UpdateFlag(v1::UpdateFlag {
            lifetime: 3,
            expected_end: Some(NEVER),
            ..v1::UpdateFlag::default()
        }),
        &[
            (Reason::OutOfRange, "changes[0].update_flag.lifetime", "3"),
            (Reason::OutOfRange, "changes[0].update_flag.expected_end", "1 s and 1000000000 ns"),
        ],
    );
}

fn set_segment(condition: Option<v1::Condition>) -> WireChange {
    WireChange::SetSegment(v1::SetSegment { condition, ..v1::SetSegment::default() })
}

fn members_of(segment: &str) -> v1::Condition {
    condition(WireCondition::Segment(segment.to_owned()))
}

#[test]
fn the_condition_of_a_segment_is_looked_at_like_that_of_a_rule() {
    let empty = v1::Condition { condition: None };
    check_words(
        set_segment(Some(empty.clone())),
        (Reason::Required, "changes[0].set_segment.condition", ""),
        "one of test, all, any, not and segment",
    );
    check_one(
        set_segment(Some(all(vec![test(18, vec![]), members_of("beta"), empty]))),
        &[
            (Reason::InvalidOperand, "changes[0].set_segment.condition.all[0].test.operator", "18"),
            (Reason::Required, "changes[0].set_segment.condition.all[2]", ""),
        ],
    );
    let Change::SetSegment(set) = converted(set_segment(None)) else { panic!("another change") };
    assert_eq!((set.condition, set.share), (None, None));
}

#[test]
fn a_segment_may_stand_below_the_last_group_and_keeps_its_text() {
    let nested = |groups: usize| (0..groups).fold(members_of("no name"), |inner, _| all(vec![inner]));
    let Change::SetSegment(set) = converted(set_segment(Some(nested(CONDITION_DEPTH_MAX)))) else {
        panic!("another change")
    };
    assert_eq!(set.condition.unwrap().segments(), [&SegmentKey::new("no name")]);
    let at = format!("changes[0].set_segment.condition{}", ".all[0]".repeat(CONDITION_DEPTH_MAX));
    check_one(set_segment(Some(nested(CONDITION_DEPTH_MAX + 1))), &[(Reason::TooLarge, &at, "more than 10")]);
    let empty = condition_from_wire("condition", &members_of(""));
    assert_eq!(empty, Ok(Condition::Segment(SegmentKey::new(""))), "the core says what is no name");
}

#[test]
fn a_part_in_the_canary_that_says_nothing_is_left_to_the_type() {
    for part in [None, Some(v1::CanaryPart { part: None })] {
        let wire = v1::SetCanaryPart { part, ..v1::SetCanaryPart::default() };
        let Change::SetCanaryPart { part, .. } = converted(WireChange::SetCanaryPart(wire)) else {
            panic!("another change")
        };
        assert_eq!(part, CanaryPart::ByType);
    }
}

#[test]
fn a_stored_definition_says_everything_that_is_wrong() {
    let wire = v1::FlagDefinition {
        expected_end: Some(NEVER),
        archived: Some(v1::Switched::default()),
        ..v1::FlagDefinition::default()
    };
    check_violations(
        &definition_from_wire("flag", &wire).unwrap_err(),
        &[
            (Reason::Required, "flag.key", ""),
            (Reason::Required, "flag.type", ""),
            (Reason::OutOfRange, "flag.expected_end", "1 s and 1000000000 ns"),
            (Reason::Required, "flag.archived.at", ""),
        ],
    );
}

#[test]
fn a_stored_configuration_says_everything_that_is_wrong() {
    let detached = v1::ServiceOverride {
        service: "chat".to_owned(),
        variant: "on".to_owned(),
        expires_at: Some(NEVER),
        set: Some(v1::Switched::default()),
    };
    let wire = v1::FlagConfiguration {
        off_variant: "off".to_owned(),
        default_variant: "on".to_owned(),
        default_serve: Some(on()),
        prerequisites: vec![v1::Prerequisite::default()],
        overrides: vec![v1::ServiceOverride::default(), detached],
        ..v1::FlagConfiguration::default()
    };
    let violations = configuration_from_wire("", &wire).unwrap_err();
    let found: Vec<_> = violations.iter().map(words).collect();
    assert_eq!(
        found,
        [
            ("prerequisites[0].flag", "a name"),
            ("overrides[0].service", "a name"),
            ("overrides[0].variant", "a name"),
            ("overrides[0].expires_at", "a point in time"),
            ("overrides[0].set", "who set it"),
            ("overrides[1].expires_at", POINT),
            ("overrides[1].set.at", "a point in time"),
        ]
    );
}

fn words(violation: &Violation) -> (&str, &str) {
    (&violation.field, &violation.allowed)
}

#[test]
fn an_unreadable_prerequisite_or_override_makes_a_flag_unreadable() {
    check_unreadable("prerequisites[1].flag is not set or of a kind unknown here: expected a name", |flag| {
        let other = v1::Prerequisite { flag: "other".to_owned(), variants: Vec::new() };
        flag.prerequisites = vec![other, v1::Prerequisite::default()];
    });
    check_unreadable("overrides[0].service is not set or of a kind unknown here: expected a name", |flag| {
        flag.overrides = vec![v1::EffectiveOverride::default()];
    });
    check_unreadable("overrides[0].variant is not set or of a kind unknown here: expected a name", |flag| {
        let service = "chat".to_owned();
        flag.overrides = vec![v1::EffectiveOverride { service, variant: String::new() }];
    });
}

#[track_caller]
fn check_error<T: std::fmt::Debug>(converted: Result<T, WireError>, expected: &str) {
    assert_eq!(converted.unwrap_err().to_string(), expected);
}

#[test]
fn an_unreadable_segment_says_why() {
    check_error(
        segment_from_wire(&v1::Segment::default()),
        "key is not set or of a kind unknown here: expected a name",
    );
    let wire = v1::Segment {
        key: "beta".to_owned(),
        condition: Some(all(vec![test(99, vec![])])),
        ..v1::Segment::default()
    };
    check_error(segment_from_wire(&wire), "condition.all[0].test.operator is 99, which is no known operator");
}

#[test]
fn an_unreadable_canary_switch_or_feature_says_why() {
    let wire = v1::Canary { on: true, switched: Some(v1::Switched::default()) };
    check_error(
        canary_from_wire(&wire),
        "switched.at is not set or of a kind unknown here: expected a point in time",
    );
    let violations = feature_from_wire("feature", &v1::Feature::default()).unwrap_err();
    check_violations(&violations, &[(Reason::Required, "feature.key", "")]);
}

#[test]
fn an_unknown_list_is_refused() {
    let words =
        "list is \"segment/beta\": expected `canary`, `segment/KEY/included` or `segment/KEY/excluded`";
    let list = "segment/beta".to_owned();
    check_error(key_list_from_wire(&v1::KeyList { list: list.clone(), keys: Vec::new() }), words);
    check_error(list_edit_from_wire(&v1::ListEdit { list: list.clone(), ..v1::ListEdit::default() }), words);
    let violation = Violation::from(WireError::UnknownList { field: "list".to_owned(), list });
    check_violations(&[violation], &[(Reason::InvalidName, "list", "segment/beta")]);
}

#[test]
fn a_key_that_is_added_and_removed_is_removed() {
    let both = vec!["anna".to_owned()];
    let wire = v1::ListEdit { list: "canary".to_owned(), cleared: false, added: both.clone(), removed: both };
    let (_, edit) = list_edit_from_wire(&wire).unwrap();
    assert!(edit.keys.iter().eq([(&"anna".into(), &false)]));
}
