//! What stands before what. Each line of a table adds what stands one further ahead.

use super::{StepKind, canary, country, decider, detach, explained, from, in_segment, list, need, segment};
use crate::change::Change;
use crate::check::tests::{
    Store, create, create_text, default_serve, disable, enable, rule, serve, set_rules,
};
use crate::evaluation::ResolutionReason;
use crate::flag::CanaryPart;
use crate::key::VariantName;

/// After these changes `voice` decides so for Alice from Germany and the service `ui`.
#[track_caller]
fn check(changes: &[Change], kind: StepKind, variant: &str, reason: ResolutionReason) {
    let found = explained(&Store::with(changes), "voice", "ui", &from("DE"));
    assert_eq!(
        (decider(&found), found.variant.unwrap().name.as_str(), found.reason),
        (kind, variant, Some(reason))
    );
}

#[test]
fn override_beats_switch_beats_prerequisite_beats_canary_beats_rules_beats_default() {
    let part = CanaryPart::Variant(VariantName::new("canary"));
    let variants = ["default", "rule", "canary", "override", "off"];
    let mut changes = vec![create("dreams"), create_text("voice", &variants), enable("voice")];
    changes.push(default_serve("voice", serve("default")));
    check(&changes, StepKind::Default, "default", ResolutionReason::Static);
    changes.push(set_rules("voice", vec![rule(country("DE"), serve("rule"))]));
    check(&changes, StepKind::Rule, "rule", ResolutionReason::TargetingMatch);
    changes.push(Change::SetCanaryPart { place: crate::check::tests::place("voice"), part });
    changes.push(list("canary", &["alice"], &[]));
    check(&changes, StepKind::Rule, "rule", ResolutionReason::TargetingMatch);
    changes.push(canary(true));
    check(&changes, StepKind::Canary, "canary", ResolutionReason::TargetingMatch);
    changes.push(need("voice", "dreams", &["on"]));
    check(&changes, StepKind::Prerequisite, "off", ResolutionReason::PrerequisiteFailed);
    changes.push(disable("voice"));
    check(&changes, StepKind::Switch, "off", ResolutionReason::Disabled);
    changes.push(detach("voice", "ui", "override"));
    check(&changes, StepKind::Override, "override", ResolutionReason::TargetingMatch);
}

#[test]
fn a_prerequisite_that_is_met_decides_nothing() {
    let before = [create("dreams"), enable("dreams"), create_text("voice", &["a", "off"]), enable("voice")];
    let changes: Vec<Change> = before.into_iter().chain([need("voice", "dreams", &["on"])]).collect();
    check(&changes, StepKind::Default, "a", ResolutionReason::Default);
}

#[test]
fn the_first_rule_that_matches_beats_the_others() {
    let rules = vec![
        rule(country("AT"), serve("a")),
        rule(country("DE"), serve("b")),
        rule(country("DE"), serve("c")),
    ];
    let changes = [create_text("voice", &["a", "b", "c"]), enable("voice"), set_rules("voice", rules)];
    check(&changes, StepKind::Rule, "b", ResolutionReason::TargetingMatch);
}

/// Whether Alice from Germany is in a segment.
#[track_caller]
fn check_member(changes: &[Change], expected: bool) {
    let before =
        [create_text("voice", &["in", "out"]), enable("voice"), default_serve("voice", serve("out"))];
    let rules = [set_rules("voice", vec![rule(in_segment("beta"), serve("in"))])];
    let changes: Vec<Change> = before.iter().chain(changes).chain(&rules).cloned().collect();
    let found = explained(&Store::with(&changes), "voice", "ui", &from("DE"));
    assert_eq!(found.variant.unwrap().name.as_str(), if expected { "in" } else { "out" });
}

#[test]
fn excluded_beats_included_beats_condition() {
    let included = || list("segment/beta/included", &["alice"], &[]);
    let excluded = || list("segment/beta/excluded", &["alice"], &[]);
    let austrians = || segment("beta", Some(country("AT")), None);
    let germans = || segment("beta", Some(country("DE")), None);
    check_member(&[austrians()], false);
    check_member(&[austrians(), included()], true);
    check_member(&[austrians(), included(), excluded()], false);
    check_member(&[germans()], true);
    check_member(&[germans(), excluded()], false);
    check_member(&[segment("beta", None, None)], false);
    check_member(&[segment("beta", None, None), included()], true);
}

#[test]
fn condition_and_share_must_both_be_met() {
    let everybody = Some((0.0, 100.0));
    let nearly_nobody = Some((99.999, 100.0));
    check_member(&[segment("beta", Some(country("DE")), everybody)], true);
    check_member(&[segment("beta", Some(country("AT")), everybody)], false);
    check_member(&[segment("beta", Some(country("DE")), nearly_nobody)], false);
    check_member(&[segment("beta", None, everybody)], true);
}
