//! What lies beyond rules and splits, beside a plain rollout: canary, segments, prerequisites, targeting expressions.

use std::sync::Arc;

use anyhow::Result;
use mycelia_flags_benches::interleave::{Contender, interleave};
use mycelia_flags_benches::table::{Table, figure, ratio};
use mycelia_flags_benches::{mode, stopwatch};
use mycelia_flags_core::audiences::CompiledSegment;
use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::compiled::{CompiledFlag, CompiledSet, Slot};
use mycelia_flags_core::condition::Condition;
use mycelia_flags_core::context::Context;
use mycelia_flags_core::flag::{EffectiveFlag, Prerequisite};
use mycelia_flags_core::key::{FlagKey, SegmentKey};
use mycelia_flags_core::key_set::KeySet;
use mycelia_flags_core::list::ListKey;
use mycelia_flags_core::segment::Segment;
use mycelia_flags_core::value::FlagType;

use crate::ours;
use crate::population::{self, member};

/// Flags in each set.
const FLAGS: usize = 1_000;

/// The flag that others have as a prerequisite.
const NEEDED: &str = "checkout.engine";

fn key(number: usize) -> String {
    format!("checkout.flow-{number:06}")
}

fn keys(count: usize) -> KeySet {
    (0..count).map(member).collect()
}

/// A quarter of the people, after whatever `change` adds.
fn set(change: impl Fn(&mut EffectiveFlag)) -> Result<CompiledSet> {
    let plain = |key: &str| EffectiveFlag {
        default_serve: ours::quarter(),
        canary_variant: Some(ours::on()),
        ..EffectiveFlag::constant(FlagKey::new(key), FlagType::Boolean, ours::variants(), &ours::off())
    };
    let slot = |flag: &EffectiveFlag| -> Result<Arc<Slot>> {
        Ok(Arc::new(Slot::Flag(CompiledFlag::compile(flag, Generation::V3)?)))
    };
    let mut set = CompiledSet::of([slot(&plain(NEEDED))?]);
    for number in 0..FLAGS {
        let mut flag = plain(&key(number));
        change(&mut flag);
        set.insert(slot(&flag)?);
    }
    Ok(set)
}

fn canary(count: usize) -> Result<CompiledSet> {
    let mut set = set(|_| {})?;
    set.audiences_mut().set_list(&ListKey::Canary, keys(count));
    set.audiences_mut().switch_canary(true);
    Ok(set)
}

fn segment(count: usize) -> Result<CompiledSet> {
    let beta = SegmentKey::new("beta");
    let mut set = set(|flag| flag.rules.push(ours::rule(Condition::Segment(beta.clone()))))?;
    let segment = Segment { key: beta.clone(), description: Box::from(""), condition: None, share: None };
    let compiled = CompiledSegment::compile(&segment, Generation::V3)?;
    set.audiences_mut().set_segment(Arc::new(compiled));
    set.audiences_mut().set_list(&ListKey::Included(beta), keys(count));
    Ok(set)
}

/// Prints what each path costs.
pub(crate) fn print() -> Result<()> {
    let needed = Prerequisite { flag: FlagKey::new(NEEDED), variants: vec![ours::on(), ours::off()] };
    let targeting = r#"{"if": [{"===": [{"var": "country"}, "X"]}, "on", null]}"#;
    let sets = [
        ("25% rollout", set(|_| {})?),
        ("a disabled flag", set(|flag| flag.enabled = false)?),
        ("canary on, 1,000 keys", canary(1_000)?),
        ("canary on, 100,000 keys", canary(100_000)?),
        ("a segment of 1,000 keys", segment(1_000)?),
        ("a segment of 100,000 keys", segment(100_000)?),
        ("one prerequisite (a rollout)", set(|flag| flag.prerequisites.push(needed.clone()))?),
        ("a targeting expression", set(|flag| flag.targeting = Some(Box::from(targeting)))?),
    ];
    let contexts: Vec<Context> = population::people().iter().map(ours::context).collect();
    let keys: Vec<String> = (0..FLAGS).map(key).collect();
    let passes = mode::pick(1, 20);
    let calls = keys.len() * passes;
    let mut contenders: Vec<Contender<'_>> = sets
        .iter()
        .map(|(name, set)| {
            Contender::new(name, || {
                let people = contexts.iter().cycle();
                let asked = keys.iter().cycle().take(calls).zip(people);
                let yes = asked.map(|(key, context)| u64::from(ours::evaluate(set, key, context)));
                std::hint::black_box(yes.sum::<u64>());
                // Each decides for other people: there is no answer that all could agree on.
                0
            })
        })
        .collect();
    let outcomes = interleave(&mut contenders, 0, calls, mode::pick(5, 201), stopwatch::thread_cpu)?;
    let mut table = Table::new("Beyond rules and splits, 1,000 flags loaded", ["", "ns", "to a rollout"]);
    for outcome in outcomes {
        table.row([outcome.name.to_owned(), figure(outcome.nanoseconds), ratio(outcome.ratio)]);
    }
    table.print()?;
    Ok(())
}
