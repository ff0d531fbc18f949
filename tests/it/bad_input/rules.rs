//! Rules: conditions, operators and their operands.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::Operator;
use mycelia_flags_proto::v1::condition::Condition as Kind;
use mycelia_flags_proto::v1::value::Kind as Value;

use super::definitions::nested;
use super::stage::{rule, segment_condition, set_rules, text, variant_serve};
use super::{Case, NAME, cut, invalid, not_found, too_long};

const CONDITION: &str = "set_rules.rules[0].condition";
const OPERANDS: &str = "set_rules.rules[0].condition.test.operands";
const CONDITIONS: &str = "one of test, all, any, not and segment";

pub(super) fn condition(kind: Kind) -> v1::Condition {
    v1::Condition { condition: Some(kind) }
}

pub(super) fn test(attribute: &str, operator: i32, operands: Vec<Value>) -> v1::Condition {
    let operands = operands.into_iter().map(|kind| v1::Value { kind: Some(kind) }).collect();
    condition(Kind::Test(v1::Test { attribute: attribute.to_owned(), operator, operands, negated: false }))
}

pub(super) fn equals(attribute: &str, operand: Value) -> v1::Condition {
    test(attribute, Operator::Equals.into(), vec![operand])
}

pub(super) fn all(conditions: Vec<v1::Condition>) -> v1::Condition {
    condition(Kind::All(v1::ConditionList { conditions }))
}

/// A condition within so many groups.
pub(super) fn within(levels: usize) -> v1::Condition {
    (0..levels).fold(equals("a", text("b")), |inner, _| condition(Kind::Not(Box::new(inner))))
}

fn on(condition: v1::Condition) -> v1::change::Change {
    set_rules("dreams", vec![rule(condition, variant_serve("on"))])
}

pub(super) fn cases() -> Vec<Case> {
    [shapes(), operators(), operands(), attributes(), groups(), segments()].into_iter().flatten().collect()
}

fn shapes() -> Vec<Case> {
    let always = || Some(all(Vec::new()));
    let bare =
        |condition, serve| set_rules("dreams", vec![v1::Rule { name: String::new(), condition, serve }]);
    let named = |name: &str| {
        let named = v1::Rule { name: name.to_owned(), ..rule(all(Vec::new()), variant_serve("on")) };
        set_rules("dreams", vec![named])
    };
    let many = vec![rule(all(Vec::new()), variant_serve("on")); 201];
    let long = "n".repeat(257);
    // Each rule keeps within its own bounds, and all of them together do not.
    let heavy = vec![equals("a", text(&"x".repeat(250))); 49];
    let heavy = vec![rule(all(heavy), variant_serve("on")); 25];
    let wrong = "one of on, off of flag dreams";
    vec![
        invalid(bare(None, Some(variant_serve("on"))), "REQUIRED", CONDITION, "", CONDITIONS),
        invalid(
            bare(Some(v1::Condition::default()), Some(variant_serve("on"))),
            "REQUIRED",
            CONDITION,
            "",
            CONDITIONS,
        ),
        invalid(bare(always(), None), "REQUIRED", "set_rules.rules[0].serve", "", "a variant or a split"),
        invalid(bare(None, None), "REQUIRED", CONDITION, "", CONDITIONS).and(
            "REQUIRED",
            "set_rules.rules[0].serve",
            "",
            "a variant or a split",
        ),
        invalid(
            bare(always(), Some(variant_serve("maybe"))),
            "UNKNOWN_VARIANT",
            "set_rules.rules[0].serve.variant",
            "maybe",
            wrong,
        ),
        invalid(named(&long), "TOO_LARGE", "set_rules.rules[0].name", cut(&long), too_long(256, 257)),
        invalid(
            named("a\u{1b}"),
            "INVALID_TEXT",
            "set_rules.rules[0].name",
            "a\u{fffd}",
            "text without control characters",
        ),
        invalid(set_rules("dreams", many), "TOO_LARGE", "set_rules.rules", "201", "at most 200"),
        invalid(
            set_rules("dreams", heavy),
            "TOO_LARGE",
            "set_rules.rules",
            "308900",
            "at most 262144 bytes of names, attributes and operands together",
        ),
        invalid(
            set_rules("targeted", vec![rule(all(Vec::new()), variant_serve("on"))]),
            "NOT_APPLICABLE",
            "set_rules.flag",
            "targeted",
            "a flag without a targeting expression, which decides in place of rules; clear it first",
        ),
    ]
}

/// Each operator with operands that do not fit it.
fn operators() -> Vec<Case> {
    let (one, some) = ("exactly one operand", "at least one operand");
    let number = Value::IntegerValue;
    let bad = |operator: Operator, operands: Vec<Value>, at: Option<usize>, value: &str, allowed: &str| {
        let field = at.map_or(OPERANDS.to_owned(), |at| format!("{OPERANDS}[{at}]"));
        invalid(on(test("a", operator.into(), operands)), "INVALID_OPERAND", &field, value, allowed)
    };
    let mut cases = vec![
        bad(Operator::Equals, Vec::new(), None, "0", one),
        bad(Operator::Equals, vec![number(1), number(2)], None, "2", one),
        bad(Operator::In, Vec::new(), None, "0", some),
        bad(Operator::Contains, Vec::new(), None, "0", some),
        bad(Operator::StartsWith, Vec::new(), None, "0", some),
        bad(Operator::EndsWith, Vec::new(), None, "0", some),
        bad(Operator::StartsWith, vec![text("a"), number(1)], Some(1), "1", "text"),
        bad(Operator::EndsWith, vec![Value::BooleanValue(true)], Some(0), "true", "text"),
        bad(Operator::Exists, vec![number(1)], None, "1", "no operand for `exists`"),
    ];
    for operator in [Operator::Less, Operator::LessOrEqual, Operator::Greater, Operator::GreaterOrEqual] {
        cases.push(bad(operator, vec![text("18")], Some(0), "\"18\"", "a number"));
        cases.push(bad(operator, vec![number(1), number(2)], None, "2", one));
    }
    for operator in [
        Operator::VersionEquals,
        Operator::VersionLess,
        Operator::VersionLessOrEqual,
        Operator::VersionGreater,
        Operator::VersionGreaterOrEqual,
    ] {
        let version = "a semantic version such as 2.10.0, as text";
        cases.push(bad(operator, vec![text("latest")], Some(0), "\"latest\"", version));
        cases.push(bad(operator, vec![number(2)], Some(0), "2", version));
    }
    for operator in [Operator::Before, Operator::After] {
        let moment =
            "a date and time such as 2026-11-21T09:00:00Z (RFC 3339), or a date such as 2026-11-21, as text";
        cases.push(bad(operator, vec![text("tomorrow")], Some(0), "\"tomorrow\"", moment));
        cases.push(bad(
            operator,
            vec![text("2026-11-21T09:00:00")],
            Some(0),
            "\"2026-11-21T09:00:00\"",
            moment,
        ));
        cases.push(bad(operator, vec![number(0)], Some(0), "0", moment));
    }
    let operator = format!("{CONDITION}.test.operator");
    let unset = on(test("a", 0, vec![text("b")]));
    cases.push(invalid(unset, "REQUIRED", &operator, "", "an operator"));
    for number in [18, -1, i32::MAX] {
        let unknown = on(test("a", number, vec![text("b")]));
        let known = "a known operator, 1 to 17";
        cases.push(invalid(unknown, "INVALID_OPERAND", &operator, number.to_string(), known));
    }
    cases
}

fn operands() -> Vec<Case> {
    let first = format!("{OPERANDS}[0]");
    let (finite, plain) = ("a finite number", "text, a number or a boolean");
    let second = format!("{OPERANDS}[1]");
    let mut nothing = test("a", Operator::In.into(), vec![text("b"), text("c")]);
    if let Some(Kind::Test(test)) = &mut nothing.condition {
        test.operands[1].kind = None;
    }
    let many = (0..10_001).map(Value::IntegerValue).collect();
    let list = Value::ListValue(v1::ValueList {
        values: vec![v1::Value { kind: Some(Value::FloatValue(f64::NAN)) }],
    });
    vec![
        invalid(on(equals("a", text(&"x".repeat(257)))), "TOO_LARGE", &first, "257", "at most 256 bytes"),
        invalid(
            on(equals("a", Value::FloatValue(f64::NAN))),
            "OUT_OF_RANGE",
            &first,
            "NaN or infinite",
            finite,
        ),
        invalid(
            on(test("a", Operator::Less.into(), vec![Value::FloatValue(f64::INFINITY)])),
            "OUT_OF_RANGE",
            &first,
            "NaN or infinite",
            finite,
        ),
        invalid(on(equals("a", list)), "INVALID_OPERAND", &first, "[NaN]", plain).and(
            "OUT_OF_RANGE",
            &first,
            "NaN or infinite",
            finite,
        ),
        invalid(on(equals("a", nested(2))), "INVALID_OPERAND", &first, "[[true]]", plain),
        invalid(on(nothing), "INVALID_OPERAND", &second, "null", plain),
        invalid(
            on(equals("a", nested(21))),
            "TOO_LARGE",
            &first,
            "more than 20",
            "at most 20 levels of nesting",
        ),
        invalid(on(test("a", Operator::In.into(), many)), "TOO_LARGE", OPERANDS, "10001", "at most 10000"),
    ]
}

fn attributes() -> Vec<Case> {
    let field = format!("{CONDITION}.test.attribute");
    let long = "a".repeat(257);
    let name = "an attribute name, or several joined by dots";
    let mut cases: Vec<Case> = ["", ".", "a.", ".a", "a..b"]
        .into_iter()
        .map(|attribute| invalid(on(equals(attribute, text("b"))), "REQUIRED", &field, attribute, name))
        .collect();
    cases.extend([
        invalid(on(equals(&long, text("b"))), "TOO_LARGE", &field, cut(&long), too_long(256, 257)),
        invalid(
            on(equals("a\0", text("b"))),
            "INVALID_TEXT",
            &field,
            "a\u{fffd}",
            "text without control characters",
        ),
    ]);
    cases
}

fn groups() -> Vec<Case> {
    let tests = "at most 50 tests in one condition";
    let within_it = format!("{CONDITION}{}", ".not".repeat(10));
    let empty = all(vec![all(vec![equals("a", text("b")), v1::Condition::default()])]);
    vec![
        invalid(on(all(vec![equals("a", text("b")); 51])), "TOO_LARGE", CONDITION, "51", tests),
        invalid(on(all(vec![all(Vec::new()); 51])), "TOO_LARGE", CONDITION, "51", tests),
        invalid(on(within(11)), "TOO_LARGE", &within_it, "more than 10", "at most 10 levels of nesting"),
        invalid(on(within(20)), "TOO_LARGE", &within_it, "more than 10", "at most 10 levels of nesting"),
        invalid(on(empty), "REQUIRED", &format!("{CONDITION}.all[0].all[1]"), "", CONDITIONS),
    ]
}

fn segments() -> Vec<Case> {
    let (field, known) = (format!("{CONDITION}.segment"), "the key of a segment of production");
    let deep = all(vec![
        equals("a", text("b")),
        condition(Kind::Not(Box::new(all(vec![segment_condition("beta"), segment_condition("nobody")])))),
    ]);
    vec![
        not_found(on(segment_condition("nobody")), "UNKNOWN_SEGMENT", &field, "nobody", known),
        invalid(on(segment_condition("no name")), "INVALID_NAME", &field, "no name", NAME),
        invalid(on(segment_condition("")), "REQUIRED", &field, "", NAME),
        not_found(
            on(deep),
            "UNKNOWN_SEGMENT",
            &format!("{CONDITION}.all[1].not.all[1].segment"),
            "nobody",
            known,
        ),
    ]
}
