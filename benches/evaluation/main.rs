//! What one evaluation costs in process, beside a floor written by hand.
//!
//! For each number of loaded flags and each kind of flag: all flags of the kind in random order, each asked for by one
//! of sixteen people, in thread processor time. Then one flag again and again, which is where a handle pays. Then what the
//! rarer paths cost (canary, segments, prerequisites, targeting expressions) beside a plain rollout. Memory is that of a
//! process that loads the flags and nothing else.

mod beyond;
mod contenders;
mod floor;
mod load;
mod ours;
mod population;
mod sdk;

use anyhow::Result;
use mycelia_flags_benches::interleave::Outcome;
use mycelia_flags_benches::table::{Table, figure, ratio};
use mycelia_flags_benches::{child, mode};

use contenders::Loaded;
use population::{Call, Kind};

/// Evaluations of a hot flag in one batch.
const HOT: usize = 20_000;

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
    if mode::wants("beyond") {
        beyond::print()?;
    }
    if mode::wants("memory") { load::print() } else { Ok(()) }
}

fn measure(count: usize) -> Result<()> {
    let wanted: Vec<&Column> = COLUMNS.iter().filter(|column| mode::wants(column.name)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let mut flags = population::flags(count);
    flags.push(population::long_allowlist());
    let loaded = Loaded::with(&flags)?;
    let calls = |column: &Column| population::calls(&flags, column.has);
    let columns = wanted.iter().map(|column| loaded.all(&calls(column))).collect::<Result<Vec<_>>>()?;
    print(&format!("{count} flags loaded: ns for each evaluation (× the cached floor)"), &wanted, &columns)?;
    if count == 1_000 {
        let hot = |column: &Column| -> Vec<Call> { calls(column).into_iter().take(1).collect() };
        let columns =
            wanted.iter().map(|column| loaded.hot(&hot(column), HOT)).collect::<Result<Vec<_>>>()?;
        print(&format!("One flag of {count}, again and again: ns (× the cached floor)"), &wanted, &columns)?;
    }
    loaded.end();
    Ok(())
}

fn print(title: &str, wanted: &[&Column], columns: &[Vec<Outcome>]) -> Result<()> {
    let names = wanted.iter().map(|column| column.name);
    let mut table = Table::new(title, std::iter::once("").chain(names));
    for place in 0..columns.first().map(Vec::len).unwrap_or_default() {
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
