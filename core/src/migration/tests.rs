//! What comes of other products' documents.

mod launchdarkly;
mod laws;
mod unleash;

use super::{Format, Grade, Migration, Source, UnknownEnvironment, detect};
use crate::check::tests::Store;
use crate::compiled::of_snapshot::compiled;
use crate::compiled::{Around, Now, Slot};
use crate::context::Context;
use crate::json;
use crate::key::EnvironmentKey;
use crate::value::Value;

fn read(store: &Store, text: &str, from_environment: &str) -> Result<Migration, UnknownEnvironment> {
    let (document, places) = json::parse_with_places(text).unwrap();
    let source = Source {
        document: &document,
        places: &places,
        from_environment,
        environment: &EnvironmentKey::new("production"),
        existing: &store.snapshot,
    };
    match detect(&document).unwrap() {
        Format::Unleash => super::unleash(&source),
        Format::LaunchDarkly => super::launchdarkly(&source),
        Format::Flagd => panic!("flagd's documents are flagd's"),
    }
}

fn migrated(store: &Store, text: &str) -> Migration {
    read(store, text, "").unwrap()
}

/// A store with the flags of a document, and the lines of the report.
fn imported(text: &str) -> (Store, Vec<String>) {
    let mut store = Store::new();
    let migration = migrated(&store, text);
    if !migration.changes.is_empty() {
        store.submit(&migration.changes).unwrap();
    }
    (store, lines(&migration))
}

/// `line:column grade flag path: text`.
fn lines(migration: &Migration) -> Vec<String> {
    let line = |line: &super::Line| {
        let place = line.place.map_or_else(String::new, |place| format!("{}:{}", place.line, place.column));
        format!("{place} {:?} {} {}: {}", line.grade, line.flag, line.path, line.text)
    };
    migration.report.iter().map(line).collect()
}

fn grades(migration: &Migration, grade: Grade) -> usize {
    migration.report.iter().filter(|line| line.grade == grade).count()
}

/// Nothing comes of the document, and the report says why.
#[track_caller]
fn check_unmapped(document: &str, why: &str) {
    let migration = migrated(&Store::new(), document);
    assert!(migration.changes.is_empty(), "{:?}", migration.changes);
    let found = lines(&migration);
    assert!(grades(&migration, Grade::Unmapped) > 0 && found.join("\n").contains(why), "{found:?}");
}

/// The variant that a flag serves to a context.
#[track_caller]
fn served(store: &Store, flag: &str, context: &Context) -> String {
    let set = compiled(&store.snapshot, &EnvironmentKey::new("production"), None);
    let Slot::Flag(found) = &**set.get(flag).unwrap() else { panic!("{flag} is broken") };
    found.evaluate(Around::new(&set, "", Now::At(1_795_251_600)), context).variant.name.to_string()
}

fn ana() -> Context {
    Context::new("ana")
}

fn somebody(attributes: &[(&str, Value)]) -> Context {
    attributes.iter().fold(Context::new("user-1"), |context, (name, value)| context.with(name, value.clone()))
}

#[test]
fn the_reports_are_those_that_were_reviewed() {
    let mut different = String::new();
    macro_rules! golden {
        ($name:literal) => {
            let document = include_str!(concat!("../../../tests/vectors/migration/", $name, ".json"));
            let expected = include_str!(concat!("../../../tests/vectors/migration/", $name, ".report.txt"));
            let found = lines(&migrated(&Store::new(), document)).join("\n") + "\n";
            if found != expected {
                different += &format!("=== {}\n{found}", $name);
            }
        };
    }
    golden!("unleash-client");
    golden!("unleash-export");
    golden!("launchdarkly");
    assert!(different.is_empty(), "reports are different now\n{different}");
}

#[test]
fn which_environment_is_read_is_never_guessed() {
    let document = r#"{"items": [{"key": "a", "variations": [{"value": true}, {"value": false}],
        "environments": {"dev": {"fallthrough": {"variation": 0}}, "live": {"fallthrough": {"variation": 1}}}}]}"#;
    let store = Store::new();
    let refused = read(&store, document, "").unwrap_err();
    assert_eq!((refused.asked.as_str(), refused.known.as_str()), ("", "dev, live"));
    assert_eq!(read(&store, document, "prod").unwrap_err().asked, "prod");
    assert_eq!(grades(&read(&store, document, "live").unwrap(), Grade::Unmapped), 0);
}
