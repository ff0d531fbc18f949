//! Conditions, test by test. Every part is looked at, also where one of them has settled it: people want to know what
//! else stands in the way.

use super::{Step, StepKind, audience, yes};
use crate::condition::{Condition, Operator, Test};
use crate::context::{Context, Found, Path};
use crate::key::EnvironmentKey;
use crate::matcher::Matcher;
use crate::snapshot::Snapshot;
use crate::text;

/// How many operands of a test are shown.
const OPERANDS_SHOWN: usize = 10;

/// How many characters of an attribute's value, or of what is wanted of it, are shown.
const SHOWN_CHARS_MAX: usize = 120;

/// Who is looked at, and where the segments are.
#[derive(Clone, Copy)]
pub(super) struct Subject<'q> {
    pub(super) snapshot: &'q Snapshot,
    pub(super) environment: &'q EnvironmentKey,
    pub(super) context: &'q Context,
}

/// Whether a condition holds, and why. The step does not say yet whether anything rests on it.
pub(super) fn condition(subject: Subject<'_>, condition: &Condition) -> (bool, Step) {
    match condition {
        Condition::Test(test) => self::test(subject.context, test),
        Condition::Segment(segment) => audience::segment(subject, segment),
        Condition::Not(inner) => {
            let (holds, mut step) = self::condition(subject, inner);
            step.decided = true;
            (!holds, named(!holds, "the opposite of").around(vec![step]))
        }
        Condition::All(inner) => {
            let (parts, mut steps) = parts(subject, inner);
            let holds = parts.iter().all(|holds| *holds);
            mark(&mut steps, &parts, false);
            let name = if inner.is_empty() { "always" } else { "all of these" };
            (holds, named(holds, name).around(steps))
        }
        Condition::Any(inner) => {
            let (parts, mut steps) = parts(subject, inner);
            let holds = parts.iter().any(|holds| *holds);
            mark(&mut steps, &parts, true);
            let name = if inner.is_empty() { "never" } else { "one of these" };
            (holds, named(holds, name).around(steps))
        }
    }
}

fn named(holds: bool, name: &str) -> Step {
    Step::new(StepKind::Condition, false, format!("{name}: {}", yes(holds)))
}

fn parts(subject: Subject<'_>, conditions: &[Condition]) -> (Vec<bool>, Vec<Step>) {
    conditions.iter().map(|part| condition(subject, part)).unzip()
}

/// The first part that settles it, or all of them where none does.
fn mark(steps: &mut [Step], parts: &[bool], settles: bool) {
    let settled = parts.iter().position(|holds| *holds == settles);
    for (at, step) in steps.iter_mut().enumerate() {
        step.decided = settled.is_none_or(|settled| settled == at);
    }
}

fn test(context: &Context, test: &Test) -> (bool, Step) {
    let found = Path::parse(&test.attribute).find(context);
    // No store holds operands that do not fit, and a flag that had some would not be explained.
    let matcher = Matcher::compile(test.operator, &test.operands);
    let matches = found.is_some_and(|found| matcher.is_ok_and(|matcher| matcher.matches(found)));
    let holds = matches != test.negated;
    let text = format!("{} {}: {}", test.attribute, finding(test, found, matches), yes(holds));
    (holds, Step::new(StepKind::Condition, false, text))
}

/// What was found beside what is wanted: `is "AT", not "DE"`.
fn finding(test: &Test, found: Option<Found<'_>>, matches: bool) -> String {
    let Some(found) = found else {
        return "is missing".to_owned();
    };
    let found = match found {
        Found::Text(text) => text::quoted(text),
        Found::Value(value) => text::value(value),
    };
    let phrase = text::phrase(test.operator, &test.operands, OPERANDS_SHOWN);
    let (found, phrase) =
        (text::shortened(&found, SHOWN_CHARS_MAX), text::shortened(&phrase, SHOWN_CHARS_MAX));
    match (test.operator, matches, test.negated) {
        (Operator::Exists, _, _) => format!("is there, as {found}"),
        (Operator::Equals, true, false) if found == phrase => format!("is {found}"),
        (Operator::Equals, true, true) if found == phrase => format!("is {found}, which it must not be"),
        (_, true, false) => format!("is {found}, {phrase}"),
        (_, true, true) => format!("is {found}, {phrase}, which it must not be"),
        (_, false, _) => format!("is {found}, not {phrase}"),
    }
}
