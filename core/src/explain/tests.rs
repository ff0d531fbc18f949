//! Explanations against the evaluator, the order of precedence, and the words.

mod agreement;
pub(crate) mod histories;
mod precedence;
mod words;

use super::{Explanation, Question, Step, StepKind, explain};
use crate::change::{Change, SegmentShare, SetSegment};
use crate::check::tests::{Store, place};
use crate::condition::{Condition, Operator};
use crate::context::Context;
use crate::key::{EnvironmentKey, SegmentKey};
use crate::value::Value;

pub(crate) fn production() -> EnvironmentKey {
    EnvironmentKey::new("production")
}

/// What production decides for a service at the time when the store was made.
pub(crate) fn explained(store: &Store, flag: &str, service: &str, context: &Context) -> Explanation {
    let question = Question { environment: &production(), flag, service, context, now_unix_s: 1_795_251_600 };
    explain(&store.snapshot, &question)
}

pub(crate) fn need(flag: &str, other: &str, variants: &[&str]) -> Change {
    let variants = variants.iter().map(ToString::to_string).collect();
    Change::SetPrerequisites { place: place(flag), prerequisites: vec![(other.to_owned(), variants)] }
}

pub(crate) fn detach(flag: &str, service: &str, variant: &str) -> Change {
    Change::SetOverride {
        place: place(flag),
        service: service.to_owned(),
        variant: variant.to_owned(),
        seconds: 3_600,
    }
}

pub(crate) fn canary(on: bool) -> Change {
    Change::SwitchCanary { environment: "production".to_owned(), on }
}

pub(crate) fn list(list: &str, add: &[&str], remove: &[&str]) -> Change {
    let owned = |keys: &[&str]| keys.iter().map(ToString::to_string).collect();
    Change::EditList {
        environment: "production".to_owned(),
        list: list.to_owned(),
        add: owned(add),
        remove: owned(remove),
    }
}

pub(crate) fn segment(key: &str, condition: Option<Condition>, share: Option<(f64, f64)>) -> Change {
    Change::SetSegment(SetSegment {
        environment: "production".to_owned(),
        segment: key.to_owned(),
        description: String::new(),
        condition,
        share: share.map(|(from_percent, to_percent)| SegmentShare {
            salt: String::new(),
            from_percent,
            to_percent,
        }),
    })
}

pub(crate) fn in_segment(key: &str) -> Condition {
    Condition::Segment(SegmentKey::new(key))
}

pub(crate) fn country(name: &str) -> Condition {
    crate::check::tests::test("country", Operator::Equals, &[Value::string(name)])
}

pub(crate) fn from(country: &str) -> Context {
    Context::new("alice").with("country", Value::string(country))
}

/// The steps as people see them: what rests on a step is marked, and inner steps stand further in.
fn shown(steps: &[Step]) -> Vec<String> {
    let line = |step: &Step| {
        let mark = if step.decided { "*" } else { "-" };
        let mut lines = vec![format!("{mark} {}: {}", step.kind.as_str(), step.text)];
        lines.extend(shown(&step.inner).into_iter().map(|inner| format!("  {inner}")));
        lines
    };
    steps.iter().flat_map(line).collect()
}

/// The only step that decided, among the outer ones.
fn decider(explanation: &Explanation) -> StepKind {
    let mut deciders = explanation.steps.iter().filter(|step| step.decided);
    let decider = deciders.next().unwrap();
    assert_eq!(deciders.next(), None, "{:?}", shown(&explanation.steps));
    assert_eq!(explanation.steps.last(), Some(decider), "nothing is looked at after what decided");
    decider.kind
}
