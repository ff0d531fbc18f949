//! What one evaluation costs in process, beside a floor written by hand.
//!
//! For each number of loaded flags and each kind of flag: all flags of the kind in random order, each asked for by one
//! of sixteen people, in thread processor time. Memory is that of a process that loads the flags and nothing else.

mod floor;
mod load;
mod ours;
mod population;

use std::sync::Arc;

use anyhow::Result;
use arc_swap::{ArcSwap, Cache};
use mycelia_flags_benches::interleave::{Contender, Outcome, interleave};
use mycelia_flags_benches::table::{Table, figure, ratio};
use mycelia_flags_benches::{child, mode, stopwatch};

use population::{Flag, Kind};

/// The place of the floor that all ratios are to: the one whose snapshot comes through a cached load.
const FLOOR: usize = 1;

/// Evaluations in one batch, at least.
const BATCH: usize = 20_000;

struct Column {
    name: &'static str,
    has: fn(&Kind) -> bool,
}

const COLUMNS: [Column; 5] = [
    Column { name: "boolean, no rules", has: |kind| *kind == Kind::Boolean },
    Column { name: "25% rollout", has: |kind| *kind == Kind::Rollout },
    Column { name: "allowlist 1,000 + rollout", has: |kind| *kind == Kind::Allowlist(population::ALLOWLIST) },
    Column { name: "10 attribute rules", has: |kind| *kind == Kind::TenRules },
    Column { name: "allowlist 100,000", has: |kind| *kind == Kind::Allowlist(population::LONG_ALLOWLIST) },
];

fn main() -> Result<()> {
    if let Some((_, arguments)) = child::role() {
        return load::play(&arguments);
    }
    for count in mode::pick(vec![10, 1_000], vec![10, 1_000, 10_000, 100_000]) {
        measure(count)?;
    }
    if mode::wants("memory") { load::print() } else { Ok(()) }
}

fn measure(count: usize) -> Result<()> {
    let mut flags = population::flags(count);
    flags.push(population::long_allowlist());
    let people = population::people();
    let bench = Loaded {
        floor: ArcSwap::from_pointee(floor::load(&flags)),
        floor_contexts: people.iter().map(floor::FloorContext::of).collect(),
        ours: ArcSwap::from_pointee(ours::load(&flags)?),
        contexts: people.iter().map(ours::context).collect(),
    };
    let wanted: Vec<&Column> = COLUMNS.iter().filter(|column| mode::wants(column.name)).collect();
    let columns = wanted.iter().map(|column| bench.column(&flags, column)).collect::<Result<Vec<_>>>()?;
    let names = wanted.iter().map(|column| column.name);
    let title = format!("{count} flags loaded: ns for each evaluation (× the cached floor)");
    let mut table = Table::new(title, std::iter::once("").chain(names));
    let contenders = columns.first().map(Vec::len).unwrap_or_default();
    for place in 0..contenders {
        let outcomes: Vec<&Outcome> = columns.iter().filter_map(|column| column.get(place)).collect();
        let name = outcomes.first().map(|outcome| outcome.name.to_owned());
        let cells = outcomes
            .iter()
            .map(|outcome| format!("{} ({})", figure(outcome.nanoseconds), ratio(outcome.ratio)));
        table.row(name.into_iter().chain(cells));
    }
    table.print()?;
    Ok(())
}

struct Loaded {
    floor: ArcSwap<floor::FloorSet>,
    floor_contexts: Vec<floor::FloorContext>,
    ours: ArcSwap<mycelia_flags_core::compiled::CompiledSet>,
    contexts: Vec<mycelia_flags_core::context::Context>,
}

impl Loaded {
    fn column(&self, flags: &[Flag], column: &Column) -> Result<Vec<Outcome>> {
        let calls = population::calls(flags, column.has);
        let passes = (BATCH / calls.len()).max(1);
        let rounds = mode::pick(5, if calls.len() > BATCH { 61 } else { 201 });
        let mut floor_cache = Cache::new(&self.floor);
        let mut our_cache = Cache::new(&self.ours);
        let (floors, ours) = (&self.floor_contexts, &self.contexts);
        let mut contenders = [
            Contender::new("floor", || {
                repeat(passes, &calls, floors, |key, context| {
                    self.floor.load().get(key).is_some_and(|flag| flag.evaluate(context))
                })
            }),
            Contender::new("floor (Cache)", || {
                repeat(passes, &calls, floors, |key, context| {
                    let set: &Arc<floor::FloorSet> = floor_cache.load();
                    set.get(key).is_some_and(|flag| flag.evaluate(context))
                })
            }),
            Contender::new("ours: core (Cache)", || {
                repeat(passes, &calls, ours, |key, context| ours::evaluate(our_cache.load(), key, context))
            }),
        ];
        interleave(&mut contenders, FLOOR, passes * calls.len(), rounds, stopwatch::thread_cpu)
    }
}

/// Asks for all flags of a column, several times, and counts how often the answer was yes.
#[inline]
fn repeat<C>(
    passes: usize,
    calls: &[(Box<str>, usize)],
    contexts: &[C],
    mut evaluate: impl FnMut(&str, &C) -> bool,
) -> u64 {
    let mut yes = 0;
    for _ in 0..passes {
        for (key, person) in calls {
            let Some(context) = contexts.get(*person) else {
                continue;
            };
            yes += u64::from(evaluate(std::hint::black_box(key), context));
        }
    }
    yes
}
