//! What an import proposes always passes the check, and what it reports has a place.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{lines, migrated};
use crate::check::tests::Store;
use crate::key::FoldedKey;
use crate::migration::{Grade, Line};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("a"),
        Just("country"),
        Just("userId"),
        Just("5"),
        Just("-1.5"),
        Just("true"),
        Just("2026-01-01"),
        Just("1.2.3"),
        Just(""),
        Just("a.b"),
        Just("Ü b"),
        Just("__proto__"),
    ]
    .prop_map(str::to_owned)
}

fn word(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(words).prop_map(str::to_owned)
}

const OPERATORS: &[&str] = &[
    "IN",
    "NOT_IN",
    "STR_CONTAINS",
    "STR_ENDS_WITH",
    "NUM_GT",
    "NUM_EQ",
    "DATE_AFTER",
    "SEMVER_LT",
    "REGEX",
];

fn constraint() -> impl Strategy<Value = String> {
    (text(), word(OPERATORS), vec(text(), 0..3), text(), any::<(bool, bool)>()).prop_map(
        |(name, operator, values, value, (inverted, ignores_case))| {
            format!(
                r#"{{"contextName": {name:?}, "operator": {operator:?}, "values": {values:?}, "value": {value:?},
                    "inverted": {inverted}, "caseInsensitive": {ignores_case}}}"#
            )
        },
    )
}

fn variant() -> impl Strategy<Value = String> {
    (text(), 0..3_u32, word(&["string", "json", "number", "csv"]), text(), text()).prop_map(
        |(name, weight, kind, payload, stickiness)| {
            format!(
                r#"{{"name": {name:?}, "weight": {weight}, "payload": {{"type": {kind:?}, "value": {payload:?}}},
                    "stickiness": {stickiness:?}, "overrides": [{{"contextName": "userId", "values": [{payload:?}]}}]}}"#
            )
        },
    )
}

fn strategy() -> impl Strategy<Value = String> {
    let names =
        &["default", "flexibleRollout", "userWithId", "gradualRolloutRandom", "remoteAddress", "mine"];
    (word(names), 0..=101_u32, text(), vec(constraint(), 0..3), vec(variant(), 0..2), 0..3_u32).prop_map(
        |(name, share, text, constraints, variants, segment)| {
            let segments = if segment == 0 { String::new() } else { segment.to_string() };
            format!(
                r#"{{"name": {name:?}, "parameters": {{"rollout": "{share}", "percentage": "{share}",
                    "stickiness": {text:?}, "groupId": {text:?}, "userIds": {text:?}, "IPs": {text:?}}},
                    "constraints": [{}], "variants": [{}], "segments": [{segments}]}}"#,
                constraints.join(","),
                variants.join(",")
            )
        },
    )
}

fn unleash() -> impl Strategy<Value = String> {
    let feature =
        (word(&["a", "b", "c", "a-a", "a.a", "no name"]), vec(strategy(), 0..4), vec(variant(), 0..3));
    let feature = (feature, word(&["a", "b", "c"]), any::<(bool, bool)>()).prop_map(
        |((name, strategies, variants), needed, (enabled, needs))| {
            let needs = if needs { format!(r#"{{"feature": {needed:?}}}"#) } else { String::new() };
            format!(
                r#"{{"name": {name:?}, "enabled": {enabled}, "strategies": [{}], "variants": [{}],
                    "dependencies": [{needs}]}}"#,
                strategies.join(","),
                variants.join(",")
            )
        },
    );
    (vec(feature, 0..5), vec(constraint(), 0..2)).prop_map(|(features, constraints)| {
        format!(
            r#"{{"features": [{}], "segments": [{{"id": 1, "name": "s", "constraints": [{}]}},
                {{"id": 2, "name": "t"}}]}}"#,
            features.join(","),
            constraints.join(",")
        )
    })
}

fn launchdarkly() -> impl Strategy<Value = String> {
    let ops = &["in", "contains", "lessThan", "before", "semVerEqual", "matches", "segmentMatch"];
    let value = prop_oneof![
        Just("1"),
        Just("2.5"),
        Just("true"),
        Just("\"x\""),
        Just("null"),
        Just("[1]"),
        Just("{}")
    ];
    let clause = (text(), word(ops), vec(value.clone(), 0..3), any::<bool>(), word(&["", "user", "org"]));
    let clause = clause.prop_map(|(attribute, op, values, negate, kind)| {
        format!(
            r#"{{"attribute": {attribute:?}, "op": {op:?}, "values": [{}], "negate": {negate}, "contextKind": {kind:?}}}"#,
            values.join(",")
        )
    });
    let serve = (0..4_usize, 0..3_u32, any::<bool>()).prop_map(|(variation, weight, is_rollout)| {
        if is_rollout {
            format!(r#""rollout": {{"variations": [{{"variation": {variation}, "weight": {weight}}}, {{"variation": 0, "weight": 1}}]}}"#)
        } else {
            format!(r#""variation": {variation}"#)
        }
    });
    let rule = (vec(clause, 0..3), serve.clone());
    let rule =
        rule.prop_map(|(clauses, serve)| format!(r#"{{"clauses": [{}], {serve}}}"#, clauses.join(",")));
    let flag = (
        word(&["a", "b", "c", "?"]),
        vec((value, text()), 1..4),
        vec(rule, 0..3),
        serve,
        0..3_usize,
        word(&["a", "b"]),
    );
    let flag = flag.prop_map(|(key, variations, rules, serve, index, needed)| {
        let variations: Vec<String> = variations
            .iter()
            .map(|(value, name)| format!(r#"{{"value": {value}, "name": {name:?}}}"#))
            .collect();
        format!(
            r#"{{"key": {key:?}, "variations": [{}], "environments": {{"production": {{"on": true, "rules": [{}],
                "fallthrough": {{{serve}}}, "offVariation": 0, "targets": [{{"values": ["u"], "variation": {index}}}],
                "prerequisites": [{{"key": {needed:?}, "variation": {index}}}]}}}}}}"#,
            variations.join(","),
            rules.join(",")
        )
    });
    vec(flag, 1..5).prop_map(|flags| format!(r#"{{"items": [{}]}}"#, flags.join(",")))
}

fn check(document: &str) -> Result<(), TestCaseError> {
    let mut store = Store::new();
    let migration = migrated(&store, document);
    let said = lines(&migration).join("\n");
    if !migration.changes.is_empty() {
        let refused = store.submit(&migration.changes).err();
        prop_assert!(refused.is_none(), "{refused:?}\n{document}\n{said}");
    }
    prop_assert!(migration.report.iter().all(|line| line.place.is_some()), "{said}");
    let is_twice = |line: &&Line| line.text.contains("has the flag already");
    let twice: Vec<FoldedKey> =
        migration.report.iter().filter(is_twice).map(|line| FoldedKey::of(&line.flag)).collect();
    for line in migration.report.iter().filter(|line| line.grade == Grade::Unmapped) {
        let folded = FoldedKey::of(&line.flag);
        let is_here = store.snapshot.flag(&folded).is_some() && !twice.contains(&folded);
        prop_assert!(!is_here, "{} is left out and here all the same\n{said}", line.flag);
    }
    Ok(())
}

proptest! {
    #[test]
    fn what_is_made_of_unleash_passes_the_check(document in unleash()) {
        check(&document)?;
    }

    #[test]
    fn what_is_made_of_launchdarkly_passes_the_check(document in launchdarkly()) {
        check(&document)?;
    }
}
