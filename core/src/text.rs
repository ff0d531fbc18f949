//! Values, serves and conditions as people read them, in explanations and differences alike.
//!
//! Nothing here is read back: what machines need travels as itself.

use crate::condition::{Condition, Operator, Test};
use crate::flag::{Serve, Split, Switched, Variant};
use crate::plan::duration_text::Exact;
use crate::plan::{GuardAction, RollbackKind};
use crate::segment::Share;
use crate::value::Value;

/// A value as JSON writes it, except that a float always shows that it is one.
#[must_use]
pub fn value(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Boolean(value) => value.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => format!("{number:?}"),
        Value::String(text) => quoted(text),
        Value::List(values) => format!("[{}]", listed(values.iter().map(self::value))),
        Value::Object(fields) => {
            let fields =
                fields.iter().map(|(name, field)| format!("{}: {}", quoted(name), self::value(field)));
            format!("{{{}}}", listed(fields))
        }
    }
}

/// Text in quotation marks, on one line.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut shown = String::with_capacity(text.len() + 2);
    shown.push('"');
    for letter in text.chars() {
        match letter {
            '"' => shown.push_str("\\\""),
            '\\' => shown.push_str("\\\\"),
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            control if control.is_control() => shown.push_str(&format!("\\u{:04x}", u32::from(control))),
            plain => shown.push(plain),
        }
    }
    shown.push('"');
    shown
}

/// So many characters of a text, and `…` where there are more.
#[must_use]
pub fn shortened(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some((end, _)) => text.get(..end).unwrap_or_default().chars().chain(['…']).collect(),
    }
}

/// Thousandths of a percent as a percentage: `25%`, `0.5%`.
#[must_use]
pub fn percent(weight: u32) -> String {
    let exact = thousandths(weight);
    let shown = exact.trim_end_matches('0').trim_end_matches('.');
    format!("{shown}%")
}

/// Thousandths as a number with three decimals: `37.412`.
#[must_use]
pub fn thousandths(number: u32) -> String {
    format!("{}.{:03}", number / 1_000, number % 1_000)
}

/// What is served: a variant, or `25% on, 75% off`.
#[must_use]
pub fn serve(serve: &Serve) -> String {
    match serve {
        Serve::Variant(variant) => variant.to_string(),
        Serve::Split(split) => self::split(split),
    }
}

/// The shares of a split, and the attribute that it buckets by unless that is the targeting key.
#[must_use]
pub fn split(split: &Split) -> String {
    let shares = split.weights.iter();
    let shares = listed(shares.map(|share| format!("{} {}", percent(share.weight), share.variant)));
    match &split.bucket_by {
        None => shares,
        Some(attribute) => format!("{shares}, by {attribute}"),
    }
}

/// Names and values: `on = true, off = false`.
#[must_use]
pub fn variants(variants: &[Variant]) -> String {
    listed(variants.iter().map(|variant| format!("{} = {}", variant.name, value(&variant.value))))
}

/// A segment's share: `buckets 0.000 to 10.000 of "beta"`.
#[must_use]
pub fn share(share: &Share) -> String {
    format!("buckets {} to {} of {}", thousandths(share.from), thousandths(share.to), quoted(&share.salt))
}

/// Who did something, when and in which revision.
#[must_use]
pub fn switched(switched: &Switched) -> String {
    format!("{} at {} (revision {})", switched.by, switched.at, switched.revision)
}

/// What a guard does, as plan files and the command line write it.
#[must_use]
pub fn guard_action(action: &GuardAction) -> String {
    let kind = match action {
        GuardAction::Alert => return "alert".to_owned(),
        GuardAction::Pause => return "pause".to_owned(),
        GuardAction::Rollback(kind) => kind,
    };
    match kind {
        RollbackKind::Disable => "rollback".to_owned(),
        RollbackKind::ToZero => "rollback to 0%".to_owned(),
        RollbackKind::Gradual(ladder) => {
            let rungs: Vec<String> = ladder.percents.iter().map(|percent| format!("{percent}%")).collect();
            format!("rollback gradually {} every {}", rungs.join(" "), Exact(ladder.every_seconds))
        }
        RollbackKind::Segments(segments) => {
            let segments: Vec<&str> = segments.iter().map(|segment| segment.as_str()).collect();
            format!("rollback segments [{}]", segments.join(", "))
        }
        RollbackKind::CanaryOff => "canary off".to_owned(),
    }
}

/// A condition: `country in "DE", "AT" and in segment beta`.
#[must_use]
pub fn condition(condition: &Condition) -> String {
    match condition {
        Condition::Test(test) => self::test(test),
        Condition::Segment(segment) => format!("in segment {segment}"),
        Condition::Not(inner) => format!("not {}", within(inner)),
        Condition::All(inner) => match inner.as_slice() {
            [] => "always".to_owned(),
            [only] => self::condition(only),
            all => all.iter().map(within).collect::<Vec<_>>().join(" and "),
        },
        Condition::Any(inner) => match inner.as_slice() {
            [] => "never".to_owned(),
            [only] => self::condition(only),
            any => any.iter().map(within).collect::<Vec<_>>().join(" or "),
        },
    }
}

/// In parentheses when it is made of several.
fn within(inner: &Condition) -> String {
    match inner {
        Condition::All(several) | Condition::Any(several) if several.len() > 1 => {
            format!("({})", condition(inner))
        }
        _ => condition(inner),
    }
}

fn test(test: &Test) -> String {
    let Test { attribute, operator, operands, negated } = test;
    let phrase = || phrase(*operator, operands, usize::MAX);
    match (operator, negated) {
        (Operator::Exists, false) => format!("{attribute} is there"),
        (Operator::Exists, true) => format!("{attribute} is missing"),
        (Operator::Equals, false) => format!("{attribute} is {}", phrase()),
        (Operator::Equals, true) => format!("{attribute} is not {}", phrase()),
        (_, false) => format!("{attribute} {}", phrase()),
        (_, true) => format!("{attribute} not {}", phrase()),
    }
}

/// What a test wants of its attribute, with at most so many operands: `in "DE", "AT"`, `at least 18`.
#[must_use]
pub fn phrase(operator: Operator, operands: &[Value], operands_max: usize) -> String {
    let mut shown = listed(operands.iter().take(operands_max).map(value));
    let more = operands.len().saturating_sub(operands_max);
    if more > 0 {
        shown = format!("{shown} and {more} more");
    }
    match operator {
        Operator::Equals => shown,
        Operator::In => format!("in {shown}"),
        Operator::Contains => format!("containing {shown}"),
        Operator::StartsWith => format!("starting with {shown}"),
        Operator::EndsWith => format!("ending with {shown}"),
        Operator::Less => format!("below {shown}"),
        Operator::LessOrEqual => format!("at most {shown}"),
        Operator::Greater => format!("above {shown}"),
        Operator::GreaterOrEqual => format!("at least {shown}"),
        Operator::VersionEquals => format!("version {shown}"),
        Operator::VersionLess => format!("before version {shown}"),
        Operator::VersionLessOrEqual => format!("at or before version {shown}"),
        Operator::VersionGreater => format!("after version {shown}"),
        Operator::VersionGreaterOrEqual => format!("at or after version {shown}"),
        Operator::Before => format!("before {shown}"),
        Operator::After => format!("after {shown}"),
        Operator::Exists => "there".to_owned(),
    }
}

/// One after the other, with commas.
pub(crate) fn listed(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::check::tests::{serve as variant, split as weights, split_by, test};
    use crate::key::SegmentKey;

    #[test]
    fn values_are_written_as_json_writes_them() {
        let object = Value::Object(BTreeMap::from([
            (Box::from("a"), Value::List(vec![Value::Integer(1), Value::Float(1.0), Value::Null])),
            (Box::from("b"), Value::string("say \"hi\"\n\\\u{7}")),
        ]));
        assert_eq!(value(&object), r#"{"a": [1, 1.0, null], "b": "say \"hi\"\n\\\u0007"}"#);
        assert_eq!(value(&Value::Boolean(true)), "true");
    }

    #[test]
    fn percentages_show_the_decimals_that_they_have() {
        for (weight, expected) in
            [(0, "0%"), (1, "0.001%"), (500, "0.5%"), (25_000, "25%"), (12_340, "12.34%"), (100_000, "100%")]
        {
            assert_eq!(percent(weight), expected);
        }
        assert_eq!((thousandths(37_412), thousandths(5)), ("37.412".to_owned(), "0.005".to_owned()));
    }

    #[test]
    fn serves_say_who_gets_what() {
        assert_eq!(serve(&variant("on")), "on");
        assert_eq!(serve(&weights(&[("on", 25_000), ("off", 75_000)])), "25% on, 75% off");
        let by_company = split_by(Some("company"), &[("on", 500), ("off", 99_500)]);
        assert_eq!(serve(&by_company), "0.5% on, 99.5% off, by company");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(shortened("grün", 4), "grün");
        assert_eq!(shortened("grün", 3), "grü…");
        assert_eq!(shortened("", 0), "");
    }

    fn not(condition: Condition) -> Condition {
        let Condition::Test(test) = condition else { return Condition::Not(Box::new(condition)) };
        Condition::Test(Test { negated: true, ..test })
    }

    #[track_caller]
    fn check(condition: &Condition, expected: &str) {
        assert_eq!(super::condition(condition), expected);
    }

    #[test]
    fn conditions_are_sentences() {
        let countries = || test("country", Operator::In, &[Value::string("DE"), Value::string("AT")]);
        let german = || test("country", Operator::Equals, &[Value::string("DE")]);
        let adult = || test("age", Operator::GreaterOrEqual, &[Value::Integer(18)]);
        let beta = || Condition::Segment(SegmentKey::new("beta"));
        check(&german(), r#"country is "DE""#);
        check(&not(german()), r#"country is not "DE""#);
        check(&not(countries()), r#"country not in "DE", "AT""#);
        check(&adult(), "age at least 18");
        check(&test("age", Operator::Exists, &[]), "age is there");
        check(&not(test("age", Operator::Exists, &[])), "age is missing");
        check(&Condition::All(vec![countries(), beta()]), r#"country in "DE", "AT" and in segment beta"#);
        let either = || Condition::Any(vec![german(), adult()]);
        check(
            &Condition::All(vec![either(), beta()]),
            r#"(country is "DE" or age at least 18) and in segment beta"#,
        );
        check(&not(either()), r#"not (country is "DE" or age at least 18)"#);
        check(&Condition::All(vec![beta()]), "in segment beta");
        check(&Condition::always(), "always");
        check(&Condition::Any(Vec::new()), "never");
    }

    #[test]
    fn every_operator_has_words() {
        let mut seen = std::collections::BTreeSet::new();
        for operator in Operator::ALL {
            assert!(seen.insert(phrase(operator, &[Value::Integer(1)], 10)), "{operator:?}");
        }
        let many: Vec<Value> = (0..12).map(Value::Integer).collect();
        assert_eq!(phrase(Operator::In, &many, 3), "in 0, 1, 2 and 9 more");
    }
}
