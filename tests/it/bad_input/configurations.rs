//! What a flag does in one environment, apart from its rules: shares, serves, salts, targeting, matrices.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change as Kind;
use tonic::Code;

use super::stage::{Stage, long_names, production, set_targeting, variant_serve};
use super::{A_FLAG, Case, NAME, PERCENT, Violation, cut, invalid, not_found, precondition, too_long};
use crate::server::{apply_request, create, rollout};

const PAIR: &str = "a boolean flag with a true and a false variant; use a default serve with a split";
const SUM: &str = "weights in thousandths of a percent that add up to 100000";
const SPLIT: &str = "set_default_serve.serve.split";

pub(super) fn cases(stage: &Stage) -> Vec<Case> {
    [rollouts(stage), serves(), texts(), targeting(), matrices(stage)].into_iter().flatten().collect()
}

fn rollouts(stage: &Stage) -> Vec<Case> {
    let big = format!("1{}", "0".repeat(300));
    let percents = [
        (100.001, "100.001"),
        (-0.001, "-0.001"),
        (0.0001, "0.0001"),
        (33.333_333, "33.333333"),
        (1e300, &big),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
    ];
    let mut cases: Vec<Case> = percents
        .into_iter()
        .map(|(percent, shown)| {
            let shown = if shown.len() > 80 { cut(shown) } else { shown.to_owned() };
            invalid(rollout("dreams", percent), "OUT_OF_RANGE", "rollout.percent", shown, PERCENT)
        })
        .collect();
    cases.extend([
        invalid(rollout("mode", 1.0), "NOT_APPLICABLE", "rollout.flag", "mode", PAIR),
        invalid(rollout("lone", 1.0), "NOT_APPLICABLE", "rollout.flag", "lone", PAIR),
        precondition(rollout("whispers", 1.0), "FLAG_DISABLED", "rollout.flag", "whispers", stage.disabled()),
        invalid(rollout("whispers", 200.0), "OUT_OF_RANGE", "rollout.percent", "200", PERCENT).and(
            "FLAG_DISABLED",
            "rollout.flag",
            "whispers",
            stage.disabled(),
        ),
        invalid(rollout("nowhere", -1.0), "OUT_OF_RANGE", "rollout.percent", "-1", PERCENT).and(
            "UNKNOWN_FLAG",
            "rollout.flag",
            "nowhere",
            A_FLAG,
        ),
    ]);
    cases
}

fn default_serve(flag: &str, serve: Option<v1::Serve>) -> Kind {
    let (environment, flag) = production(flag);
    Kind::SetDefaultServe(v1::SetDefaultServe { environment, flag, serve })
}

fn split(flag: &str, weights: &[(&str, u32)], bucket_by: &str) -> Kind {
    let weights = weights
        .iter()
        .map(|(variant, weight)| v1::WeightedVariant { variant: (*variant).to_owned(), weight: *weight })
        .collect();
    let split = v1::Split { weights, bucket_by: bucket_by.to_owned() };
    default_serve(flag, Some(v1::Serve { serve: Some(v1::serve::Serve::Split(split)) }))
}

fn serves() -> Vec<Case> {
    let field = "set_default_serve.serve";
    let weights = format!("{SPLIT}.weights");
    let by = format!("{SPLIT}.bucket_by");
    let third = format!("{SPLIT}.weights[2].variant");
    let names = "one of a, b, c of flag mode";
    let long = "x".repeat(257);
    let halves = [("a", 50_000), ("b", 50_000)];
    let many: Vec<String> = (0..65).map(|number| format!("v{number}")).collect();
    let many: Vec<(&str, u32)> = many.iter().map(|name| (name.as_str(), 1)).collect();
    let unknown: Vec<String> = (0..20).map(|number| format!("v{number}")).collect();
    let wordy: Vec<(&str, u32)> = unknown.iter().map(|name| (name.as_str(), 5_000)).collect();
    let an_attribute = "an attribute name, or several joined by dots";
    let mut cases = vec![
        invalid(default_serve("mode", None), "REQUIRED", field, "", "a variant or a split"),
        invalid(
            default_serve("mode", Some(v1::Serve::default())),
            "REQUIRED",
            field,
            "",
            "a variant or a split",
        ),
        invalid(
            default_serve("mode", Some(variant_serve("d"))),
            "UNKNOWN_VARIANT",
            "set_default_serve.serve.variant",
            "d",
            names,
        ),
        invalid(
            default_serve("mode", Some(variant_serve(""))),
            "UNKNOWN_VARIANT",
            "set_default_serve.serve.variant",
            "",
            names,
        ),
        invalid(split("mode", &[], ""), "INVALID_WEIGHTS", &weights, "0", SUM),
        invalid(split("mode", &[("a", 0), ("b", 0)], ""), "INVALID_WEIGHTS", &weights, "0", SUM),
        invalid(
            split("mode", &[("a", 50_000), ("b", 49_999)], ""),
            "INVALID_WEIGHTS",
            &weights,
            "99999",
            SUM,
        ),
        invalid(
            split("mode", &[("a", u32::MAX), ("b", u32::MAX)], ""),
            "INVALID_WEIGHTS",
            &weights,
            "8589934590",
            SUM,
        ),
        invalid(
            split("mode", &[("a", 50_000), ("b", 25_000), ("a", 25_000)], ""),
            "DUPLICATE",
            &third,
            "a",
            "each variant once",
        ),
        invalid(
            split("mode", &[("a", 50_000), ("b", 25_000), ("d", 25_000)], ""),
            "UNKNOWN_VARIANT",
            &third,
            "d",
            names,
        ),
        invalid(split("mode", &many, ""), "TOO_LARGE", &weights, "65", "at most 64"),
        invalid(split("mode", &halves, "a..b"), "REQUIRED", &by, "a..b", an_attribute),
        invalid(split("mode", &halves, ".a"), "REQUIRED", &by, ".a", an_attribute),
        invalid(split("mode", &halves, &long), "TOO_LARGE", &by, cut(&long), too_long(256, 257)),
        invalid(
            split("mode", &halves, "a\0"),
            "INVALID_TEXT",
            &by,
            "a\u{fffd}",
            "text without control characters",
        ),
    ];
    // All that a caller would have to choose from is more than an answer can carry, and so are all of the faults.
    let all = format!("one of {} of flag wordy", long_names().join(", "));
    let all = format!("{}…", &all[..300]);
    let mut absurd =
        Case::of(Code::InvalidArgument, apply_request(vec![split("wordy", &wordy, "")]), Vec::new());
    for (index, name) in unknown.iter().take(7).enumerate() {
        absurd = absurd.and("UNKNOWN_VARIANT", &format!("{SPLIT}.weights[{index}].variant"), name, &all);
    }
    cases.push(absurd);
    cases
}

fn texts() -> Vec<Case> {
    let off = |variant: &str| {
        let (environment, flag) = production("mode");
        Kind::SetOffVariant(v1::SetOffVariant { environment, flag, variant: variant.to_owned() })
    };
    let salt = |salt: &str| {
        let (environment, flag) = production("mode");
        Kind::SetSalt(v1::SetSalt { environment, flag, salt: salt.to_owned() })
    };
    let part = |variant: &str| {
        let (environment, flag) = production("mode");
        let part = Some(v1::canary_part::Part::Variant(variant.to_owned()));
        Kind::SetCanaryPart(v1::SetCanaryPart { environment, flag, part: Some(v1::CanaryPart { part }) })
    };
    let names = "one of a, b, c of flag mode";
    let long = "s".repeat(257);
    vec![
        invalid(off("d"), "UNKNOWN_VARIANT", "set_off_variant.variant", "d", names),
        invalid(off(""), "UNKNOWN_VARIANT", "set_off_variant.variant", "", names),
        invalid(salt(&long), "TOO_LARGE", "set_salt.salt", cut(&long), too_long(256, 257)),
        invalid(
            salt("a\0b"),
            "INVALID_TEXT",
            "set_salt.salt",
            "a\u{fffd}b",
            "text without control characters",
        ),
        invalid(part("A"), "UNKNOWN_VARIANT", "set_canary_part.part.variant", "A", names),
        invalid(part(""), "UNKNOWN_VARIANT", "set_canary_part.part.variant", "", names),
    ]
}

fn targeting() -> Vec<Case> {
    let field = "set_targeting.targeting";
    let bad = |targeting: &str, at: &str, allowed: &str| {
        let shown = if targeting.chars().count() > 80 { cut(targeting) } else { targeting.to_owned() };
        let at = if at.is_empty() { field.to_owned() } else { format!("{field}.{at}") };
        invalid(set_targeting("dreams", targeting), "INVALID_TARGETING", &at, shown, allowed)
    };
    let an_object = "a JSON object with an operator";
    let long = format!("{{\"var\": \"{}\"}}", "x".repeat(64 * 1024));
    let deep = (0..21).fold("true".to_owned(), |inner, _| format!("{{\"!\": [{inner}]}}"));
    let abyss = format!("{}true{}", "{\"!\":[".repeat(2_000), "]}".repeat(2_000));
    let operators = concat!(
        "one of the operators var, missing, missing_some, if, ==, ===, !=, !==, !, !!, or, and, >, >=, <, <=, max, ",
        "min, +, -, *, /, %, map, reduce, filter, all, none, some, merge, in, cat, substr, fractional, starts_with, ",
        "ends_with, sem_ver"
    );
    let unknown = r#"{"if": [{"frobnicate": [1]}, "on"]}"#;
    let other = r#"{"if": [true, "on", "maybe"]}"#;
    vec![
        bad("{", "", "JSON (json parse error at byte 1: unexpected end of input)"),
        bad("on", "", "JSON (json parse error at byte 0: unexpected byte 0x6f ('o'))"),
        bad("[1]", "", an_object),
        bad("\"on\"", "", an_object),
        bad("7", "", an_object),
        bad(unknown, "if[0].frobnicate", operators),
        bad(r#"{"$ref": "emails"}"#, "$ref", "an evaluator's expression in place of a $ref"),
        bad(r#"{"if": [true, "on"], "==": [1, 1]}"#, "", "an object with one operator"),
        bad(&long, "", &format!("at most 65536 bytes, not {}", long.len())),
        bad(&deep, &vec!["![0]"; 20].join("."), "at most 20 levels of operators and lists"),
        bad(&abyss, "", "JSON (json parse error at byte 773: nesting depth limit exceeded)"),
        bad(r#"{"var": 1e999}"#, "var", "a finite number"),
        invalid(
            set_targeting("dreams", other),
            "UNKNOWN_VARIANT",
            field,
            "maybe",
            "one of on, off of flag dreams",
        ),
        invalid(
            set_targeting("ruled", r#"{"if": [true, "on"]}"#),
            "NOT_APPLICABLE",
            "set_targeting.flag",
            "ruled",
            "a flag without rules: targeting decides in place of them",
        ),
    ]
}

fn matrices(stage: &Stage) -> Vec<Case> {
    let matrix = |flag: &str, shares: &[(&str, f64)], rest: Option<f64>| {
        let (environment, flag) = production(flag);
        let share = |(segment, percent): &(&str, f64)| v1::SegmentPercent {
            segment: (*segment).to_owned(),
            percent: *percent,
        };
        let shares = shares.iter().map(share).collect();
        Kind::SetMatrix(v1::SetMatrix { environment, flag, shares, rest_percent: rest, enable: false })
    };
    let beta = "the key of a segment of production";
    let many: Vec<String> = (0..201).map(|number| format!("s{number}")).collect();
    let many: Vec<(&str, f64)> = many.iter().map(|name| (name.as_str(), 1.0)).collect();
    let share = |name: &str| format!("set_matrix.shares[0].{name}");
    let excluded = "a flag without a targeting expression, which decides in place of rules; clear it first";
    vec![
        not_found(
            matrix("dreams", &[("nobody", 1.0)], None),
            "UNKNOWN_SEGMENT",
            &share("segment"),
            "nobody",
            beta,
        ),
        invalid(matrix("dreams", &[("", 1.0)], None), "REQUIRED", &share("segment"), "", NAME),
        invalid(
            matrix("dreams", &[("beta", 101.0)], None),
            "OUT_OF_RANGE",
            &share("percent"),
            "101",
            PERCENT,
        ),
        invalid(
            matrix("dreams", &[("beta", f64::NAN)], None),
            "OUT_OF_RANGE",
            &share("percent"),
            "NaN",
            PERCENT,
        ),
        invalid(
            matrix("dreams", &[("beta", 1.0), ("staff", 2.0), ("beta", 3.0)], None),
            "DUPLICATE",
            "set_matrix.shares[2].segment",
            "beta",
            "each segment once",
        ),
        invalid(matrix("dreams", &[], Some(-1.0)), "OUT_OF_RANGE", "set_matrix.rest_percent", "-1", PERCENT),
        invalid(matrix("dreams", &many, None), "TOO_LARGE", "set_matrix.shares", "201", "at most 200"),
        invalid(matrix("mode", &[("beta", 1.0)], None), "NOT_APPLICABLE", "set_matrix.flag", "mode", PAIR),
        invalid(
            matrix("targeted", &[("beta", 1.0)], None),
            "NOT_APPLICABLE",
            "set_matrix.flag",
            "targeted",
            excluded,
        ),
        precondition(
            matrix("whispers", &[("beta", 1.0)], None),
            "FLAG_DISABLED",
            "set_matrix.flag",
            "whispers",
            stage.disabled(),
        ),
        Case::of(
            Code::NotFound,
            apply_request(vec![create("fresh"), matrix("fresh", &[("nobody", 1.0)], None)]),
            vec![Violation::new(
                "UNKNOWN_SEGMENT",
                "changes[1].set_matrix.shares[0].segment",
                "nobody",
                beta,
            )],
        ),
    ]
}
