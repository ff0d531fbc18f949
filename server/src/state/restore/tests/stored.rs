//! Backups that earlier formats wrote: they open, and nothing in them has become anything else.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use mycelia_flags_core::change::{CreateFlag, FeatureAction, Place, SegmentShare, SetSegment, UpdateFlag};
use mycelia_flags_core::condition::{Condition, Operator, Test};
use mycelia_flags_core::flag::{CanaryPart, Rule, Serve, Split, WeightedVariant};
use mycelia_flags_core::key::{
    EnvironmentKey, FeatureKey, FlagKey, FoldedKey, SegmentKey, ServiceName, VariantName,
};
use mycelia_flags_core::list::ListKey;
use mycelia_flags_core::revision::Timestamp;
use mycelia_flags_core::snapshot::Snapshot;
use mycelia_flags_core::value::{FlagType, Value};

use super::*;
use crate::state::CommitRequest;
use crate::state::fixture::request;

/// Restores one of the files in `tests/stored`, and says which changes it holds.
async fn opened(name: &str) -> (Arc<Snapshot>, BTreeSet<&'static str>) {
    let stored = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/stored").join(name);
    let backup = fs::read(stored).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let restored = restore(&backup[..], &dir.path().join("new"), clock()).unwrap();
    let store = sled(&dir.path().join("new"));
    assert_eq!(head(&store), restored.restored.next());
    let all = HistoryQuery { limit: 1_000, ..HistoryQuery::default() };
    let records = store.history(all).await.unwrap().records;
    let changes = records.iter().flat_map(|(record, _)| &record.change_set.changes);
    (store.snapshot(), changes.map(Change::name).collect())
}

fn keys(keys: &[&str]) -> Vec<String> {
    keys.iter().map(ToString::to_string).collect()
}

fn place(environment: &str, flag: &str) -> Place {
    Place { environment: environment.to_owned(), flag: flag.to_owned() }
}

fn live(flag: &str) -> Place {
    place("production", flag)
}

fn in_segment(segment: &str) -> Condition {
    Condition::Segment(SegmentKey::new(segment))
}

fn test(attribute: &str, operator: Operator, operand: &str) -> Condition {
    let operands = vec![Value::string(operand)];
    Condition::Test(Test { attribute: attribute.into(), operator, operands, negated: false })
}

fn edit(list: &str, add: &[&str], remove: &[&str]) -> Change {
    let (add, remove) = (keys(add), keys(remove));
    Change::EditList { environment: "production".to_owned(), list: list.to_owned(), add, remove }
}

/// Flags: one that is rolled out, one with a schema, and some that come and go.
fn flags() -> Vec<Vec<Change>> {
    let retries = CreateFlag {
        flag_type: FlagType::Integer,
        variants: vec![("few".to_owned(), Value::Integer(2)), ("many".to_owned(), Value::Integer(9))],
        default_variant: "many".to_owned(),
        off_variant: "few".to_owned(),
        expected_end: Some(Timestamp::from_unix_micros(1_900_000_000_000_000)),
        schema: r#"{"type": "integer", "minimum": 1}"#.to_owned(),
        ..CreateFlag::boolean("retries")
    };
    let said = UpdateFlag {
        flag: "dreams".to_owned(),
        description: Some("what the oracle sees at night".to_owned()),
        expected_end: Some(Some(Timestamp::from_unix_micros(1_950_000_000_000_000))),
        ..UpdateFlag::default()
    };
    let deleted = |flag: &str, force| Change::DeleteFlag { flag: flag.to_owned(), force };
    let archived = |flag: &str, force| Change::ArchiveFlag { flag: flag.to_owned(), force };
    let boolean = |flag| Change::CreateFlag(CreateFlag::boolean(flag));
    let more = vec![("few".to_owned(), Value::Integer(3)), ("many".to_owned(), Value::Integer(30))];
    vec![
        ["dreams", "oracle.chat", "whispers", "old", "older", "oldest"].map(boolean).to_vec(),
        vec![Change::CreateFlag(retries), Change::UpdateFlag(said)],
        vec![Change::SetVariants { flag: "retries".to_owned(), variants: more }],
        vec![deleted("old", false), deleted("older", true)],
        vec![archived("oldest", false), archived("whispers", true)],
        vec![Change::UnarchiveFlag { flag: "whispers".to_owned() }],
    ]
}

/// Who somebody is.
fn audiences() -> Vec<Vec<Change>> {
    let segment = |segment: &str, condition, share| {
        Change::SetSegment(SetSegment {
            environment: "production".to_owned(),
            segment: segment.to_owned(),
            description: format!("the {segment} ones"),
            condition,
            share,
        })
    };
    let inner = Condition::Not(Box::new(test("plan", Operator::Equals, "free")));
    let paying = Condition::All(vec![inner, test("mail", Operator::EndsWith, "@example.com")]);
    let share = SegmentShare { salt: "night".to_owned(), from_percent: 10.0, to_percent: 12.5 };
    let canary = |on| Change::SwitchCanary { environment: "production".to_owned(), on };
    let many: Vec<String> = (0..1_000).map(|number| format!("user-{number:04}")).collect();
    let large = Change::EditList {
        environment: "production".to_owned(),
        list: "segment/trusted/included".to_owned(),
        add: many,
        remove: Vec::new(),
    };
    vec![
        vec![segment("trusted", Some(paying), None), segment("tenth", None, Some(share))],
        vec![segment("gone", None, None), edit("segment/gone/included", &["zoe"], &[])],
        vec![
            large,
            edit("segment/trusted/excluded", &["mallory"], &[]),
            edit("canary", &["ann", "bob"], &[]),
        ],
        vec![edit("segment/trusted/included", &["ann", "zoe"], &["user-0001", "user-0500"])],
        vec![Change::DeleteSegment { environment: "production".to_owned(), segment: "gone".to_owned() }],
        vec![canary(true)],
        vec![canary(false)],
        vec![canary(true), edit("canary", &["cid"], &["bob"])],
    ]
}

/// What flags do with it.
fn decisions() -> Vec<Vec<Change>> {
    let on = || VariantName::new("on");
    let weight = |variant: &str, weight| WeightedVariant { variant: VariantName::new(variant), weight };
    let split = Split {
        weights: vec![weight("few", 25_000), weight("many", 75_000)],
        bucket_by: Some("team".into()),
    };
    let rule =
        Rule { name: "trusted first".into(), condition: in_segment("trusted"), serve: Serve::Variant(on()) };
    let overridden = |service: &str, variant: &str| Change::SetOverride {
        place: live("whispers"),
        service: service.to_owned(),
        variant: variant.to_owned(),
        seconds: 3_600,
    };
    let shares = vec![("trusted".to_owned(), 50.0), ("tenth".to_owned(), 100.0)];
    let feature = |feature: &str, flags: &[&str]| Change::SetFeature {
        feature: feature.to_owned(),
        description: "what comes at night".to_owned(),
        flags: keys(flags),
    };
    let together = |action| Change::ChangeFeature {
        environment: "staging".to_owned(),
        feature: "night".to_owned(),
        action,
    };
    vec![
        vec![
            Change::Enable(live("dreams")),
            Change::SetRules { place: live("dreams"), rules: vec![rule] },
            Change::SetSalt { place: live("dreams"), salt: "night".to_owned() },
        ],
        vec![Change::Rollout { place: live("oracle.chat"), percent: 12.5, enable: false }],
        vec![Change::SetMatrix { place: live("oracle.chat"), shares, rest: Some(1.0), enable: false }],
        vec![Change::SetDefaultServe { place: live("retries"), serve: Serve::Split(split) }],
        vec![Change::SetOffVariant { place: live("retries"), variant: "many".to_owned() }],
        vec![Change::SetPrerequisites {
            place: live("whispers"),
            prerequisites: vec![("oracle.chat".to_owned(), keys(&["on"]))],
        }],
        vec![
            Change::SetCanaryPart {
                place: live("retries"),
                part: CanaryPart::Variant(VariantName::new("many")),
            },
            Change::SetCanaryPart { place: live("dreams"), part: CanaryPart::Out },
        ],
        vec![overridden("agent", "on"), overridden("runner", "on")],
        vec![Change::RemoveOverride { place: live("whispers"), service: "runner".to_owned() }],
        vec![Change::SetTargeting {
            place: place("staging", "whispers"),
            targeting: r#"{"if": [{"==": [{"var": "plan"}, "pro"]}, "on", "off"]}"#.to_owned(),
        }],
        vec![feature("night", &["dreams", "oracle.chat"]), feature("day", &["retries"])],
        vec![Change::DeleteFeature { feature: "day".to_owned() }],
        vec![together(FeatureAction::Enable)],
        vec![together(FeatureAction::Disable)],
        vec![together(FeatureAction::Rollout { percent: 33.333, enable: true })],
        vec![Change::Disable(live("dreams"))],
    ]
}

/// Commits all of it. Everything that can be asked for is in it.
async fn told(store: &Store) {
    for changes in [flags(), audiences(), decisions()].concat() {
        if let Err(error) = store.commit(request(changes.clone())).await {
            panic!("{changes:?}: {error:?}");
        }
    }
    let revision = head(store);
    let keyed = CommitRequest { idempotency_key: "key".into(), ..request(vec![Change::Undo { revision }]) };
    store.commit(keyed).await.unwrap();
}

/// Makes the file anew: by hand, once, when a format has come to its end.
#[tokio::test]
#[ignore = "writes a file; a stored format is written once and never again"]
async fn write_a_backup() {
    let store = memory();
    told(&store).await;
    let path = std::env::temp_dir().join("backup-of-this-format");
    fs::write(&path, backed_up(&store).await.0).unwrap();
    println!("{}", path.display());
}

#[tokio::test]
async fn a_backup_of_the_first_format_opens() {
    let (snapshot, changes) = opened("backup-1").await;
    let flags: Vec<&str> = snapshot.flags().map(|(_, definition)| definition.key.as_str()).collect();
    assert_eq!(flags, ["dreams", "oracle.chat", "whispers.max"]);
    assert!(changes.contains("delete_flag") && changes.contains("restore_store"), "{changes:?}");
    let environment = EnvironmentKey::new("production");
    for (_, configuration) in snapshot.configurations(&environment) {
        assert_eq!(configuration.canary, CanaryPart::ByType);
        assert!(configuration.prerequisites.is_empty() && configuration.overrides.is_empty());
    }
    assert_eq!(snapshot.lists(&environment).count() + snapshot.features().count(), 0);
}

#[tokio::test]
async fn a_backup_of_the_second_format_opens() {
    let (snapshot, changes) = opened("backup-2").await;
    assert_eq!(changes.len(), 29, "every kind of change is in it: {changes:?}");
    let production = EnvironmentKey::new("production");
    let flag = |key: &str| snapshot.flag(&FoldedKey::of(key)).cloned().unwrap();
    let of = |key: &str| snapshot.configuration(&production, &FoldedKey::of(key)).cloned().unwrap();
    let flags: Vec<&str> = snapshot.flags().map(|(key, _)| key.as_str()).collect();
    assert_eq!(flags, ["dreams", "oldest", "oracle_chat", "retries", "whispers"]);
    assert_eq!(flag("oldest").archived.as_ref().map(|archived| &*archived.by), Some("ann"));
    assert_eq!(flag("retries").schema.as_deref(), Some(r#"{"type": "integer", "minimum": 1}"#));
    assert_eq!(flag("dreams").expected_end, Some(Timestamp::from_unix_micros(1_950_000_000_000_000)));

    assert!(of("dreams").enabled, "its disabling was undone");
    assert_eq!((of("dreams").canary.clone(), of("dreams").salt.as_deref()), (CanaryPart::Out, Some("night")));
    assert_eq!(of("dreams").rules[0].condition, in_segment("trusted"));
    assert_eq!(
        of("oracle.chat").segments().map(SegmentKey::as_str).collect::<Vec<_>>(),
        ["trusted", "tenth"]
    );
    assert_eq!(of("retries").canary, CanaryPart::Variant(VariantName::new("many")));
    assert_eq!(of("whispers").prerequisites[0].flag, FlagKey::new("oracle.chat"));
    let [detached] = &of("whispers").overrides[..] else { panic!("one override") };
    assert_eq!(
        (&detached.service, detached.expires_at.unix_micros()),
        (&ServiceName::new("agent"), 3_601_000_000)
    );
    let staging =
        snapshot.configuration(&EnvironmentKey::new("staging"), &FoldedKey::of("whispers")).unwrap();
    assert!(staging.targeting.as_deref().unwrap().contains("plan"));

    let segments: Vec<&str> = snapshot.segments(&production).map(|segment| segment.key.as_str()).collect();
    assert_eq!(segments, ["tenth", "trusted"]);
    let tenth = snapshot.segment(&production, &SegmentKey::new("tenth")).unwrap().share.clone().unwrap();
    assert_eq!((&*tenth.salt, tenth.from, tenth.to), ("night", 10_000, 12_500));
    let trusted = SegmentKey::new("trusted");
    let included = snapshot.list(&production, &ListKey::Included(trusted.clone()));
    assert_eq!(
        (included.len(), included.contains("user-0500"), included.contains("zoe")),
        (1_000, false, true)
    );
    assert_eq!(snapshot.list(&production, &ListKey::Excluded(trusted)).len(), 1);
    assert_eq!(snapshot.list(&production, &ListKey::Canary), ["ann", "cid"].into_iter().collect());
    assert!(snapshot.canary(&production).on);
    let features: Vec<_> =
        snapshot.features().map(|feature| (feature.key.clone(), feature.flags.len())).collect();
    assert_eq!(features, [(FeatureKey::new("night"), 2)]);
}

/// What is asked for then is what this program writes now: the file is not the only place where it is tried.
#[tokio::test]
async fn the_whole_story_survives_a_backup() {
    let store = memory();
    told(&store).await;
    let (backup, _) = backed_up(&store).await;
    let dir = tempfile::tempdir().unwrap();
    restore(&backup[..], &dir.path().join("new"), clock()).unwrap();
    let again = sled(&dir.path().join("new"));
    assert_eq!(again.snapshot_at(head(&store)).await.unwrap().unwrap(), store.snapshot());
}
