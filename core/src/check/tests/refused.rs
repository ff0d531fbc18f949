//! What is refused as a whole: by what is there already, by what is not, and everything at once.

use std::collections::BTreeSet;

use super::{
    Store, change_set, check_fault, check_refused, create, create_store, create_text, default_serve, delete,
    disable, enable, in_environment, nowhere, operand, place, rollout, rule, serve, set_off_variant,
    set_rules, set_salt, set_variants, split, texts,
};
use crate::bucketing::Generation;
use crate::change::{Change, CreateFlag, UpdateFlag};
use crate::check::{Origin, check};
use crate::condition::{Condition, Operator};
use crate::key::NAME_GRAMMAR;
use crate::rejection::{Reason, RejectionKind};
use crate::value::Value;

const A_FLAG: &str = "the key of a flag that exists";
const RESERVED: &str = "only the server itself may ask for this";

#[test]
fn a_flag_that_is_not_there_is_named() {
    let update = UpdateFlag { flag: "x".to_owned(), ..UpdateFlag::default() };
    let unknown = Reason::UnknownFlag;
    check_fault(delete("x"), unknown, ".delete_flag.flag", "x", A_FLAG);
    check_fault(Change::UpdateFlag(update), unknown, ".update_flag.flag", "x", A_FLAG);
    check_fault(set_variants("x", texts(&["a"])), unknown, ".set_variants.flag", "x", A_FLAG);
    check_fault(enable("x"), unknown, ".enable_flag.flag", "x", A_FLAG);
    check_fault(disable("x"), unknown, ".disable_flag.flag", "x", A_FLAG);
    check_fault(rollout("x", 1.0), unknown, ".rollout.flag", "x", A_FLAG);
    check_fault(default_serve("x", serve("on")), unknown, ".set_default_serve.flag", "x", A_FLAG);
    check_fault(set_rules("x", vec![]), unknown, ".set_rules.flag", "x", A_FLAG);
    check_fault(set_off_variant("x", "on"), unknown, ".set_off_variant.flag", "x", A_FLAG);
    check_fault(set_salt("x", "y"), unknown, ".set_salt.flag", "x", A_FLAG);
}

#[test]
fn a_second_spelling_of_a_flag_is_refused() {
    let there = [create("oracle.chat")];
    let allowed = "a key that is not taken; flag oracle.chat is the same key";
    let field = "changes[0].create_flag.definition.key";
    for spelling in ["oracle.chat", "oracle-chat", "oracle_chat"] {
        check_refused(&there, &[create(spelling)], &[(Reason::FlagExists, field, spelling, allowed)]);
    }
    let field = "changes[1].create_flag.definition.key";
    let twice = [create("oracle.chat"), create("oracle-chat")];
    check_refused(&[], &twice, &[(Reason::FlagExists, field, "oracle-chat", allowed)]);
    assert!(Store::with(&there).check(&[create("Oracle.chat")]).is_ok());
}

#[test]
fn a_variant_that_is_served_somewhere_stays() {
    let mut voice = place("voice");
    voice.environment = "staging".to_owned();
    let before = [
        create_text("voice", &["a", "b", "c", "d"]),
        Change::SetRules {
            place: voice,
            rules: vec![
                rule(Condition::always(), serve("a")),
                rule(Condition::always(), split(&[("a", 50_000), ("b", 50_000)])),
            ],
        },
    ];
    let used = |name, allowed| (Reason::VariantInUse, "changes[0].set_variants.variants", name, allowed);
    let without_b = [set_variants("voice", texts(&["a", "d"]))];
    let allowed = "a list that keeps it: rules[1].serve in staging names it";
    check_refused(&before, &without_b, &[used("b", allowed)]);
    let expected = [
        used("d", "a list that keeps it: off_variant in development names it"),
        used("d", "a list that keeps it: off_variant in production names it"),
        used("d", "a list that keeps it: off_variant in staging names it"),
    ];
    check_refused(&before, &[set_variants("voice", texts(&["a", "b", "c"]))], &expected);
    let changes =
        [default_serve("voice", split(&[("b", 100_000)])), set_variants("voice", texts(&["b", "d"]))];
    // The split names a no more, and still it stands in for it.
    let rejection = Store::with(&before).check(&changes).unwrap_err();
    let allowed = "a list that keeps it: default_variant in production names it";
    assert!(rejection.violations.iter().any(|violation| violation.allowed == allowed));
}

#[test]
fn somebody_asks_for_something() {
    let snapshot = Store::new().snapshot;
    let asked = change_set(" ", &[]);
    let rejection = check(&snapshot, &asked, nowhere()).unwrap_err();
    let expected =
        "actor: \" \" (REQUIRED): who asks for the change; changes: \"0\" (REQUIRED): 1 to 1000 changes";
    assert_eq!(rejection.to_string(), expected);
}

#[test]
fn what_is_reserved_for_the_server_is_refused_to_callers() {
    let created = create_store(Generation::V2, &["production"]);
    let restored = Change::RestoreStore { from_epoch: "e1".to_owned() };
    check_fault(created.clone(), Reason::Reserved, ".create_store", "", RESERVED);
    check_fault(restored, Reason::Reserved, ".restore_store", "", RESERVED);
    let empty = Store::default();
    let rejection = empty.check(&[created]).unwrap_err();
    assert_eq!(rejection.violations[0].reason, Reason::Reserved);
}

/// Otherwise its bucketing would change, and everybody with it.
#[test]
fn a_store_is_created_once() {
    let created = create_store(Generation::V2, &["moon"]);
    let mut store = Store::new();
    let held = store.clone();
    let rejection = store.submit_as("mycelia", Origin::Store, std::slice::from_ref(&created)).unwrap_err();
    let expected = "changes[0].create_store: \"\" (RESERVED): only as the first change of a store";
    assert_eq!(rejection.to_string(), expected);
    assert_eq!(store, held);
    let twice = [created, create_store(Generation::V3, &["sun"])];
    let rejection = Store::default().submit_as("mycelia", Origin::Store, &twice).unwrap_err();
    assert_eq!(rejection.violations[0].field, "changes[1].create_store");
}

#[test]
fn a_new_store_has_environments_and_each_once() {
    let refused = |environments: &[&str]| {
        let asked = [create_store(Generation::V3, environments)];
        let rejection = Store::default().submit_as("mycelia", Origin::Store, &asked).unwrap_err();
        rejection.to_string()
    };
    let field = "changes[0].create_store.environments";
    assert_eq!(refused(&[]), format!("{field}: \"0\" (REQUIRED): 1 to 32 environments"));
    assert_eq!(refused(&["a", "a"]), format!("{field}[1]: \"a\" (DUPLICATE): each environment once"));
    assert_eq!(refused(&["a", "/"]), format!("{field}[1]: \"/\" (INVALID_NAME): {NAME_GRAMMAR}"));
}

#[test]
fn everything_that_is_wrong_is_said_at_once_and_in_order() {
    let before = [create("dreams"), create_text("voice", &["a", "b"])];
    let mut rolled_out = place("voice");
    rolled_out.environment = "moon".to_owned();
    let changes = [
        create("a b"),
        enable("dreams"),
        rollout("dreams", 101.0),
        set_off_variant("voice", "z"),
        Change::Enable(rolled_out),
        delete("whispers"),
    ];
    let allowed = "0 to 100 with at most three decimals";
    let environments = "one of development, production, staging";
    let expected = [
        (Reason::InvalidName, "changes[0].create_flag.definition.key", "a b", NAME_GRAMMAR),
        (Reason::OutOfRange, "changes[2].rollout.percent", "101", allowed),
        (Reason::UnknownVariant, "changes[3].set_off_variant.variant", "z", "one of a, b of flag voice"),
        (Reason::UnknownEnvironment, "changes[4].enable_flag.environment", "moon", environments),
        (Reason::UnknownFlag, "changes[5].delete_flag.flag", "whispers", A_FLAG),
    ];
    check_refused(&before, &changes, &expected);
}

#[test]
fn everything_that_is_wrong_with_one_change_is_said_at_once() {
    let mut nowhere = place("x");
    nowhere.environment = "moon".to_owned();
    let change = Change::Rollout { place: nowhere, percent: -1.0, enable: false };
    let allowed = "0 to 100 with at most three decimals";
    let environments = "one of development, production, staging";
    let expected = [
        (Reason::OutOfRange, "changes[0].rollout.percent", "-1", allowed),
        (Reason::UnknownEnvironment, "changes[0].rollout.environment", "moon", environments),
        (Reason::UnknownFlag, "changes[0].rollout.flag", "x", A_FLAG),
    ];
    check_refused(&[], &[change], &expected);
}

#[test]
fn what_follows_from_a_fault_is_not_a_second_one() {
    let mut failed = CreateFlag::boolean("oracle.chat");
    failed.off_variant = "no".to_owned();
    let allowed = "one of on, off of flag oracle.chat";
    let expected = [(Reason::UnknownVariant, "changes[0].create_flag.off_variant", "no", allowed)];
    let cascade = [
        Change::CreateFlag(failed),
        rollout("oracle_chat", 10.0),
        set_rules("oracle-chat", vec![]),
        delete("oracle.chat"),
    ];
    check_refused(&[], &cascade, &expected);
    let emptied = [set_variants("dreams", vec![]), rollout("dreams", 10.0), set_off_variant("dreams", "off")];
    let allowed = "1 to 64 variants of type boolean";
    let expected = [(Reason::Required, "changes[0].set_variants.variants", "", allowed)];
    check_refused(&[create("dreams")], &emptied, &expected);
}

#[test]
fn a_deleted_flag_is_gone_for_the_changes_after_it() {
    let changes = [delete("dreams"), enable("dreams")];
    let expected = [(Reason::UnknownFlag, "changes[1].enable_flag.flag", "dreams", A_FLAG)];
    check_refused(&[create("dreams")], &changes, &expected);
}

#[test]
fn the_gravest_fault_gives_the_kind() {
    let store = Store::with(&[create("dreams"), disable("dreams")]);
    let kind = |changes: &[Change]| store.check(changes).unwrap_err().kind();
    assert_eq!(kind(&[rollout("dreams", 1.0)]), RejectionKind::Precondition);
    assert_eq!(kind(&[rollout("dreams", 1.0), create("dreams")]), RejectionKind::AlreadyExists);
    assert_eq!(kind(&[rollout("dreams", 1.0), enable("x")]), RejectionKind::NotFound);
    assert_eq!(kind(&[enable("x"), rollout("dreams", -1.0)]), RejectionKind::Invalid);
}

/// What `tests/it/bad_input` and `tests/it/contracts.rs` are refused with, by a real server, and what `policies.rs` and
/// `requests.rs` beside this file and the tests of plans are.
const OVER_THE_WIRE: [Reason; 26] = [
    Reason::UnknownPlan,
    Reason::PlanState,
    Reason::PlanConflict,
    Reason::FlagUnderPlan,
    Reason::InvalidTargeting,
    Reason::InvalidSchema,
    Reason::SchemaViolation,
    Reason::UnknownSegment,
    Reason::UnknownFeature,
    Reason::UnknownRevision,
    Reason::UnknownOverride,
    Reason::FlagArchived,
    Reason::FlagInUse,
    Reason::SegmentInUse,
    Reason::FlagDeclared,
    Reason::PrerequisiteCycle,
    Reason::ChangedSince,
    Reason::UnknownRequest,
    Reason::ReasonRequired,
    Reason::StepTooLarge,
    Reason::StepTooSoon,
    Reason::Frozen,
    Reason::ApprovalRequired,
    Reason::FlagProtected,
    Reason::RequestClosed,
    Reason::WrongPerson,
];

/// `promotions.rs` and `promotion_faults.rs` say these.
const SAID_OF_PROMOTIONS: [Reason; 2] = [Reason::UnknownIncident, Reason::PromotionNotReady];

/// The tests of guards say these.
const SAID_OF_GUARDS: [Reason; 4] =
    [Reason::UnknownGuard, Reason::FlagLatched, Reason::GuardState, Reason::FeatureInUse];

#[test]
fn a_check_says_every_word_but_the_two_of_the_store_and_those_asked_for_over_the_wire() {
    let store = Store::with(&[create("dreams"), create_text("voice", &["a"]), disable("dreams")]);
    let faults = [
        enable(""),
        enable("a b"),
        set_salt("dreams", "\0"),
        set_salt("dreams", &"x".repeat(257)),
        set_variants("voice", vec![("a".to_owned(), Value::Null)]),
        rollout("dreams", 101.0),
        set_variants("voice", texts(&["a", "a"])),
        set_off_variant("voice", "z"),
        operand(Operator::Equals, &[]),
        default_serve("dreams", split(&[])),
        create_store(Generation::V3, &[]),
        rollout("voice", 1.0),
        enable("x"),
        in_environment("moon"),
        create("dreams"),
        rollout("dreams", 1.0),
        set_variants("voice", texts(&["b"])),
    ];
    let said: BTreeSet<Reason> = faults
        .iter()
        .flat_map(|fault| store.check(std::slice::from_ref(fault)).unwrap_err().violations)
        .map(|violation| violation.reason)
        .chain([Reason::IdempotencyKeyReused, Reason::RevisionMismatch])
        .chain(OVER_THE_WIRE)
        .chain(SAID_OF_PROMOTIONS)
        .chain(SAID_OF_GUARDS)
        .collect();
    assert_eq!(said, Reason::ALL.iter().copied().collect());
}
