//! What each change writes, and that asking again writes nothing.

use super::{
    ENVIRONMENTS, Store, check_writes, create, create_store, create_text, default_serve, delete, disable,
    enable, ids, place, rollout, rule, serve, set_off_variant, set_rules, set_salt, set_variants, split,
    texts,
};
use crate::bucketing::Generation;
use crate::change::{Change, CreateFlag, UpdateFlag};
use crate::check::Origin;
use crate::condition::Condition;
use crate::entity::Settings;
use crate::flag::{Lifetime, Serve};
use crate::key::{EnvironmentKey, FoldedKey, ServiceName};
use crate::value::{FlagType, Value};

fn update() -> UpdateFlag {
    UpdateFlag { flag: "dreams".to_owned(), ..UpdateFlag::default() }
}

#[test]
fn a_change_writes_exactly_what_it_touches() {
    let there = [create("dreams"), create_text("voice", &["a", "b", "c"])];
    let of_dreams = [
        "flag/dreams",
        "configuration/development/dreams",
        "configuration/production/dreams",
        "configuration/staging/dreams",
    ];
    let removed = of_dreams.map(|id| format!("-{id}"));
    let in_production = ["configuration/production/dreams"];
    let always_off = vec![rule(Condition::always(), serve("off"))];
    check_writes(&[], &[create("dreams")], &of_dreams);
    check_writes(&there, &[delete("dreams")], &removed.each_ref().map(String::as_str));
    check_writes(&there, &[enable("dreams")], &in_production);
    check_writes(&there, &[disable("dreams")], &in_production);
    check_writes(&there, &[rollout("dreams", 10.0)], &in_production);
    check_writes(&there, &[default_serve("dreams", serve("off"))], &in_production);
    check_writes(&there, &[set_rules("dreams", always_off)], &in_production);
    check_writes(&there, &[set_off_variant("dreams", "on")], &in_production);
    check_writes(&there, &[set_salt("dreams", "beta")], &in_production);
    check_writes(&there, &[set_variants("voice", texts(&["a", "b", "c", "d"]))], &["flag/voice"]);
    let described = UpdateFlag { description: Some("sleep well".to_owned()), ..update() };
    check_writes(&there, &[Change::UpdateFlag(described)], &["flag/dreams"]);
    check_writes(&there, &[Change::UpdateFlag(update())], &[]);
}

#[test]
fn many_changes_write_each_entity_once_and_in_order() {
    let there = [create("dreams"), create("whispers")];
    let both = ["configuration/production/dreams", "configuration/production/whispers"];
    check_writes(&there, &[enable("whispers"), rollout("dreams", 1.0), rollout("dreams", 2.0)], &both);
}

#[test]
fn what_was_undone_within_the_set_is_not_written() {
    check_writes(&[create("dreams")], &[set_salt("dreams", "x"), set_salt("dreams", "")], &[]);
    check_writes(&[], &[create("dreams"), delete("dreams")], &[]);
    check_writes(&[create("dreams")], &[delete("dreams"), create("dreams")], &[]);
}

#[test]
fn asking_for_what_is_so_already_writes_nothing() {
    let flags = [create("dreams"), create_text("voice", &["a", "b", "c"])];
    let asked = [
        enable("dreams"),
        enable("voice"),
        rollout("dreams", 12.5),
        default_serve("voice", split(&[("a", 30_000), ("b", 70_000)])),
        set_rules("voice", vec![rule(Condition::always(), serve("b"))]),
        set_off_variant("voice", "b"),
        set_salt("voice", "beta"),
        set_variants("voice", texts(&["a", "b", "c", "d"])),
        Change::UpdateFlag(UpdateFlag {
            owner: Some("ana".to_owned()),
            services: Some(vec!["ui".to_owned()]),
            ..update()
        }),
    ];
    let mut store = Store::with(&flags);
    assert_eq!(store.submit(&asked).unwrap().writes.len(), 4);
    for change in &asked {
        assert_eq!(store.check(std::slice::from_ref(change)).unwrap().writes, []);
    }
    assert_eq!(store.check(&asked).unwrap().writes, []);
    store.submit(&[disable("dreams")]).unwrap();
    assert_eq!(store.check(&[disable("dreams")]).unwrap().writes, []);
}

#[test]
fn a_created_flag_is_dark_everywhere() {
    let store = Store::with(&[create("dreams")]);
    for environment in ENVIRONMENTS {
        let flag = store.flag(environment, "dreams");
        assert!(!flag.enabled);
        assert_eq!(flag.off_variant.as_str(), "off");
        assert_eq!(flag.default_variant.as_str(), "on");
        assert_eq!(flag.default_serve, serve("on"));
        assert_eq!(store.configuration(environment, "dreams").switched, None);
    }
    let dreams = store.snapshot.flag(&FoldedKey::of("dreams")).unwrap();
    let values: Vec<&Value> = dreams.variants.iter().map(|variant| &variant.value).collect();
    assert_eq!(values, [&Value::Boolean(true), &Value::Boolean(false)]);
}

#[test]
fn everything_that_is_said_about_a_flag_is_kept() {
    let mut store = Store::new();
    let asked = CreateFlag {
        description: "sleep\twell\n".to_owned(),
        owner: "ana".to_owned(),
        tags: vec!["beta".to_owned()],
        services: vec!["ui".to_owned(), "runner".to_owned()],
        lifetime: Lifetime::Permanent,
        client_visible: true,
        ..CreateFlag::boolean("maya.dreams")
    };
    store.submit(&[Change::CreateFlag(asked)]).unwrap();
    let key = FoldedKey::of("maya-dreams");
    let held = store.snapshot.flag(&key).unwrap().clone();
    assert_eq!(held.key.as_str(), "maya.dreams");
    assert_eq!((&*held.description, &*held.owner), ("sleep\twell\n", "ana"));
    assert_eq!(held.tags, [Box::from("beta")]);
    assert!(held.client_visible);
    assert!(held.is_visible_to(&ServiceName::new("ui")) && !held.is_visible_to(&ServiceName::new("agent")));
    let update = UpdateFlag {
        flag: "maya_dreams".to_owned(),
        tags: Some(Vec::new()),
        services: Some(Vec::new()),
        lifetime: Some(Lifetime::Temporary),
        ..UpdateFlag::default()
    };
    store.submit(&[Change::UpdateFlag(update)]).unwrap();
    let updated = store.snapshot.flag(&key).unwrap();
    assert_eq!((&updated.key, &updated.owner), (&held.key, &held.owner));
    assert!(updated.client_visible, "what is not said stays");
    assert!(updated.tags.is_empty() && updated.is_visible_to(&ServiceName::new("agent")));
    assert_eq!(updated.lifetime, Lifetime::Temporary);
}

#[test]
fn the_only_variant_is_the_default_one_and_the_off_one() {
    let only = CreateFlag {
        flag_type: FlagType::Integer,
        variants: vec![("five".to_owned(), Value::Integer(5))],
        ..CreateFlag::boolean("limit")
    };
    let flag = Store::with(&[Change::CreateFlag(only)]).flag("staging", "limit");
    assert_eq!((flag.default_variant.as_str(), flag.off_variant.as_str()), ("five", "five"));
}

#[test]
fn environments_are_configured_apart() {
    let mut store = Store::with(&[create("dreams"), rollout("dreams", 10.0)]);
    let mut staging = place("dreams");
    staging.environment = "staging".to_owned();
    store.submit(&[Change::Enable(staging)]).unwrap();
    assert_eq!(store.flag("staging", "dreams").default_serve, serve("on"));
    assert!(matches!(store.flag("production", "dreams").default_serve, Serve::Split(_)));
    assert!(!store.flag("development", "dreams").enabled);
}

#[test]
fn any_spelling_reaches_a_flag_and_the_first_one_is_kept() {
    let store = Store::with(&[create("oracle.chat"), rollout("oracle_chat", 10.0), enable("oracle-chat")]);
    assert_eq!(store.flag("production", "oracle-chat").key.as_str(), "oracle.chat");
    assert_eq!(store.snapshot.flag_count(), 1);
    let id = "configuration/production/oracle_chat";
    check_writes(&[create("oracle.chat")], &[enable("oracle-chat")], &[id]);
}

#[test]
fn a_flag_that_is_created_again_is_dark_again() {
    let store = Store::with(&[
        create("oracle.chat"),
        rollout("oracle.chat", 50.0),
        delete("oracle-chat"),
        create("oracle_chat"),
    ]);
    let flag = store.flag("production", "oracle.chat");
    assert_eq!((flag.key.as_str(), flag.enabled), ("oracle_chat", false));
    assert_eq!(flag.default_serve, serve("on"));
}

#[test]
fn a_deleted_flag_leaves_nothing_behind() {
    let before = Store::new();
    let after = Store::with(&[create("dreams"), enable("dreams"), delete("dreams")]);
    assert_eq!(after.snapshot.flag_count(), 0);
    for environment in ENVIRONMENTS {
        let environment = EnvironmentKey::new(environment);
        assert_eq!(after.snapshot.configuration(&environment, &FoldedKey::of("dreams")), None);
    }
    assert!(before.snapshot.environments().eq(after.snapshot.environments()));
}

#[test]
fn a_variant_can_go_when_nothing_serves_it_any_more() {
    let mut store = Store::with(&[create_text("voice", &["a", "b", "c"])]);
    let moved = ENVIRONMENTS.map(|environment| Change::SetDefaultServe {
        place: crate::change::Place { environment: environment.to_owned(), flag: "voice".to_owned() },
        serve: serve("b"),
    });
    store.submit(&moved).unwrap();
    store.submit(&[set_variants("voice", texts(&["c", "b"]))]).unwrap();
    assert_eq!(store.flag("staging", "voice").default_variant.as_str(), "b");
}

#[test]
fn a_split_leaves_the_variant_that_stands_in_for_it() {
    let split = default_serve("dreams", split(&[("off", 100_000)]));
    let store = Store::with(&[create("dreams"), split]);
    assert_eq!(store.flag("production", "dreams").default_variant.as_str(), "on");
}

/// Setting this salt for `dreams` after these changes warns of exactly this.
#[track_caller]
fn check_salt_warnings(before: &[Change], salt: &str, expected: &[&str]) {
    let mut store = Store::with(&[create("dreams")]);
    for change in before {
        store.submit(std::slice::from_ref(change)).unwrap();
    }
    let checked = store.check(&[set_salt("dreams", salt)]).unwrap();
    assert_eq!(checked.warnings, expected);
}

#[test]
fn another_salt_is_warned_about_where_it_moves_somebody() {
    let warning = ["another salt moves subjects between the buckets of dreams in production"];
    let half = || split(&[("on", 50_000), ("off", 50_000)]);
    let whole = || split(&[("on", 100_000), ("off", 0)]);
    let ruled = |serve| set_rules("dreams", vec![rule(Condition::always(), serve)]);
    check_salt_warnings(&[rollout("dreams", 10.0)], "beta", &warning);
    check_salt_warnings(&[rollout("dreams", 10.0), set_salt("dreams", "beta")], "", &warning);
    check_salt_warnings(&[rollout("dreams", 10.0), set_salt("dreams", "beta")], "beta", &[]);
    check_salt_warnings(&[ruled(half())], "beta", &warning);
    check_salt_warnings(&[], "beta", &[]);
    check_salt_warnings(&[rollout("dreams", 0.0)], "beta", &[]);
    check_salt_warnings(&[rollout("dreams", 100.0)], "beta", &[]);
    check_salt_warnings(&[ruled(whole()), default_serve("dreams", whole())], "beta", &[]);
}

#[test]
fn a_new_store_writes_its_settings_and_environments() {
    for bucketing in [Generation::V2, Generation::V3] {
        let mut store = Store::default();
        let asked = [create_store(bucketing, &["production", "staging"]), create("dreams")];
        let checked = store.submit_as("mycelia", Origin::Store, &asked).unwrap();
        let expected = [
            "settings",
            "environment/production",
            "environment/staging",
            "flag/dreams",
            "configuration/production/dreams",
            "configuration/staging/dreams",
        ];
        assert_eq!(ids(&checked.writes), expected);
        assert_eq!(store.snapshot.settings(), &Settings { bucketing });
    }
}

#[test]
fn a_new_store_does_not_write_what_came_and_went() {
    let mut store = Store::default();
    let created = create_store(Generation::V3, &["production"]);
    let asked = [created, create("dreams"), delete("dreams")];
    let checked = store.submit_as("mycelia", Origin::Store, &asked).unwrap();
    assert_eq!(ids(&checked.writes), ["settings", "environment/production"]);
}

#[test]
fn a_restored_store_is_what_it_was() {
    let mut store = Store::with(&[create("dreams")]);
    let held = store.snapshot.entity(&crate::entity::EntityId::Settings);
    let restored = Change::RestoreStore { from_epoch: "e1".to_owned() };
    let checked = store.submit_as("restore", Origin::Store, &[restored]).unwrap();
    assert_eq!(checked.writes, []);
    assert_eq!(store.snapshot.entity(&crate::entity::EntityId::Settings), held);
}
