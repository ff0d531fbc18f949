//! Both forms of a flag serve the same variant to everybody.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::check_agreement;
use super::random::{SERVICES, any_context, any_store};
use crate::key::ServiceName;

/// Repeats a run of the test of many evaluations.
const SEED: &str = "FLAGD_SEED";

fn service() -> impl Strategy<Value = Option<ServiceName>> {
    let known = proptest::sample::select(&SERVICES[..]).prop_map(|name| Some(ServiceName::new(name)));
    prop_oneof![1 => Just(None), 2 => known]
}

fn runner(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

#[test]
fn ten_thousand_evaluations_are_the_same() {
    let seed =
        std::env::var(SEED).ok().map_or_else(|| RandomState::new().hash_one(0), |seed| seed.parse().unwrap());
    println!("{SEED}={seed}");
    let pairs_wanted = std::env::var("FLAGD_PAIRS").map_or(10_000, |pairs| pairs.parse().unwrap());
    let mut runner = runner(seed);
    let case = (any_store(), service(), vec(any_context(), 30));
    let (mut pairs, mut targeted, mut constant, mut stores) = (0, 0, 0, 0);
    let mut untranslatable: BTreeMap<String, usize> = BTreeMap::new();
    while pairs < pairs_wanted {
        let (store, service, contexts) = case.new_tree(&mut runner).unwrap().current();
        let agreement = check_agreement(&store, service.as_ref(), &contexts);
        pairs += agreement.pairs;
        targeted += agreement.targeted;
        constant += agreement.constant;
        stores += 1;
        for (_, why) in agreement.untranslatable {
            *untranslatable.entry(why).or_default() += 1;
        }
    }
    println!(
        "{stores} stores, {constant} constant flags, {targeted} flags with targeting: {pairs} evaluations of"
    );
    println!("these in two forms; left out: {untranslatable:#?}");
    // Otherwise the agreement would be about little.
    let left_out: usize = untranslatable.values().sum();
    assert!(targeted > constant, "most flags have a targeting");
    assert!(targeted > 3 * left_out, "few flags are left out");
}

proptest! {
    #![proptest_config(Config::with_cases(48))]

    #[test]
    fn an_evaluation_is_the_same_in_both_forms(
        store in any_store(),
        service in service(),
        contexts in vec(any_context(), 1..12),
    ) {
        check_agreement(&store, service.as_ref(), &contexts);
    }
}
