//! All who evaluate the same calls: the floor in its two forms, our evaluator behind the same two, and the SDK.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use arc_swap::{ArcSwap, Cache};
use mycelia_flags_benches::interleave::{Contender, Outcome, interleave};
use mycelia_flags_benches::{mode, stopwatch};
use mycelia_flags_core::compiled::CompiledSet;
use mycelia_flags_core::context::Context;

use crate::floor::{self, FloorContext, FloorSet};
use crate::ours;
use crate::population::{self, Call, Flag};
use crate::sdk::{Sdk, Served};

/// The place of the floor that all ratios are to: the one whose snapshot comes through a cached load.
const FLOOR: usize = 1;

/// Evaluations in one batch, at least.
const BATCH: usize = 20_000;

/// The same flags and people for everybody.
pub(crate) struct Loaded {
    floor: ArcSwap<FloorSet>,
    floor_contexts: Vec<FloorContext>,
    ours: ArcSwap<CompiledSet>,
    contexts: Vec<Context>,
    sdk: Sdk,
}

impl Loaded {
    pub(crate) fn with(flags: &[Flag]) -> Result<Self> {
        let people = population::people();
        Ok(Self {
            floor: ArcSwap::from_pointee(floor::load(flags)),
            floor_contexts: people.iter().map(FloorContext::of).collect(),
            ours: ArcSwap::from_pointee(ours::load(flags)?),
            contexts: people.iter().map(ours::context).collect(),
            sdk: Served::begin(flags)?.follow()?,
        })
    }

    /// Each call in its turn.
    pub(crate) fn all(&self, calls: &[Call]) -> Result<Vec<Outcome>> {
        let passes = (BATCH / calls.len()).max(1);
        let rounds = mode::pick(5, if calls.len() > BATCH { 61 } else { 201 });
        self.measure(calls, passes, rounds, false)
    }

    /// One call, as often as that.
    pub(crate) fn hot(&self, call: &[Call], passes: usize) -> Result<Vec<Outcome>> {
        self.measure(call, passes, mode::pick(5, 201), true)
    }

    fn measure(&self, calls: &[Call], passes: usize, rounds: usize, is_hot: bool) -> Result<Vec<Outcome>> {
        let mut floor_cache = Cache::new(&self.floor);
        let mut our_cache = Cache::new(&self.ours);
        let (client, floors, contexts) = (&self.sdk.client, &self.floor_contexts, &self.contexts);
        let (hot, _) = calls.first().context("no flag of this kind")?;
        let uncounted = &self.sdk.uncounted;
        let (handle, uncounted_handle) = (client.flag(hot), uncounted.flag(hot));
        let mut contenders = vec![
            Contender::new("floor", || {
                repeat(passes, calls, floors, |key, context| {
                    self.floor.load().get(key).is_some_and(|flag| flag.evaluate(context))
                })
            }),
            Contender::new("floor (Cache)", || {
                repeat(passes, calls, floors, |key, context| {
                    let set: &Arc<FloorSet> = floor_cache.load();
                    set.get(key).is_some_and(|flag| flag.evaluate(context))
                })
            }),
            Contender::new("ours: core (Cache)", || {
                repeat(passes, calls, contexts, |key, context| ours::evaluate(our_cache.load(), key, context))
            }),
            Contender::new("ours: SDK, bool_value", || {
                repeat(passes, calls, contexts, |key, context| client.bool_value(key, false, context))
            }),
            Contender::new("ours: SDK, bool_value, uncounted", || {
                repeat(passes, calls, contexts, |key, context| uncounted.bool_value(key, false, context))
            }),
        ];
        if is_hot {
            contenders.push(Contender::new("ours: SDK, FlagHandle", || {
                repeat(passes, calls, contexts, |_, context| handle.bool(false, context))
            }));
            contenders.push(Contender::new("ours: SDK, FlagHandle, uncounted", || {
                repeat(passes, calls, contexts, |_, context| uncounted_handle.bool(false, context))
            }));
        }
        interleave(&mut contenders, FLOOR, passes * calls.len(), rounds, stopwatch::thread_cpu)
    }

    pub(crate) fn end(self) {
        self.sdk.end();
    }
}

/// Makes all calls, several times, and counts how often the answer was yes.
#[inline]
fn repeat<C>(
    passes: usize,
    calls: &[Call],
    contexts: &[C],
    mut evaluate: impl FnMut(&str, &C) -> bool,
) -> u64 {
    let mut yes = 0;
    for _ in 0..passes {
        for (key, person) in calls {
            let Some(context) = contexts.get(*person) else { continue };
            yes += u64::from(evaluate(std::hint::black_box(key), context));
        }
    }
    yes
}
