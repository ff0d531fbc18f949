//! An explanation says what the evaluator does. This is also what holds the order of precedence: the two walk through
//! it apart from each other.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::histories::{FLAGS, SERVICES, context, history};
use super::{decider, explained, production};
use crate::check::tests::Store;
use crate::compiled::of_snapshot::compiled;
use crate::compiled::{Around, CompiledSet, Now, Slot};
use crate::context::Context;
use crate::evaluation::{ErrorCode, ResolutionReason};
use crate::explain::bucket;

type Outcome = (Option<String>, Option<ResolutionReason>, Option<ErrorCode>);

/// What the evaluator says, as a caller sees it.
fn evaluated(set: &CompiledSet, flag: &str, service: &str, context: &Context) -> Outcome {
    match set.get(flag).map(|slot| &**slot) {
        None => (None, None, Some(ErrorCode::FlagNotFound)),
        Some(Slot::Broken { .. }) => (None, None, Some(ErrorCode::ParseError)),
        Some(Slot::Flag(flag)) => {
            let around = Around::new(set, service, Now::At(1_795_251_600));
            let served = flag.evaluate(around, context);
            (Some(served.variant.name.to_string()), Some(served.reason), served.error)
        }
    }
}

fn check(store: &Store, contexts: &[Context]) -> Result<(), TestCaseError> {
    for service in SERVICES {
        let whose = (!service.is_empty()).then_some(service);
        let set = compiled(&store.snapshot, &production(), whose);
        for context in contexts {
            for flag in FLAGS.into_iter().chain(["oracle_chat", "nothing"]) {
                let found = explained(store, flag, service, context);
                let name = found.variant.as_ref().map(|variant| variant.name.to_string());
                let outcome = (name, found.reason, found.error);
                prop_assert_eq!(evaluated(&set, flag, service, context), outcome, "{:#?}", found);
                decider(&found);
                prop_assert_eq!(found.bucket.is_some(), found.reason == Some(ResolutionReason::Split));
                if let Some(fallen) = &found.bucket {
                    prop_assert_eq!(fallen.variant(), found.variant.as_ref().map(|variant| &variant.name));
                }
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn an_explanation_says_what_the_evaluator_does(store in history(), contexts in vec(context(), 1..4)) {
        check(&store, &contexts)?;
    }

    #[test]
    fn the_bucket_of_a_default_split_is_the_one_that_decides(store in history(), context in context()) {
        for flag in FLAGS {
            let found = explained(&store, flag, "", &context);
            let by_default = found.steps.last().is_some_and(|step| step.kind == super::StepKind::Default);
            if let (true, Some(decided)) = (by_default, &found.bucket) {
                let bucket = bucket(&store.snapshot, &production(), flag, &context);
                prop_assert_eq!(bucket.as_ref(), Some(decided));
            }
        }
    }
}

/// Otherwise the laws above would be about less than they say.
#[test]
fn the_random_stores_decide_in_every_way() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..400 {
        let store = history().new_tree(&mut runner).unwrap().current();
        let contexts = vec(context(), 8).new_tree(&mut runner).unwrap().current();
        for (flag, context) in
            FLAGS.into_iter().flat_map(|flag| contexts.iter().map(move |context| (flag, context)))
        {
            let found = explained(&store, flag, "ui", context);
            seen.insert((decider(&found).as_str(), found.reason, found.error));
        }
    }
    let missing = Some(ErrorCode::TargetingKeyMissing);
    for wanted in [
        ("flag", None, Some(ErrorCode::FlagNotFound)),
        ("override", Some(ResolutionReason::TargetingMatch), None),
        ("switch", Some(ResolutionReason::Disabled), None),
        ("prerequisite", Some(ResolutionReason::PrerequisiteFailed), None),
        ("canary", Some(ResolutionReason::TargetingMatch), None),
        ("rule", Some(ResolutionReason::TargetingMatch), None),
        ("rule", Some(ResolutionReason::Split), None),
        ("rule", Some(ResolutionReason::Default), missing),
        ("default", Some(ResolutionReason::Default), None),
        ("default", Some(ResolutionReason::Static), None),
        ("default", Some(ResolutionReason::Split), None),
        ("default", Some(ResolutionReason::Default), missing),
    ] {
        assert!(seen.contains(&wanted), "{wanted:?} is not among {seen:#?}");
    }
}
