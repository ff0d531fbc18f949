//! What it costs to tell everybody: one message of 1 KiB to many subscribers, until the last one has it.
//!
//! Servers, each in a process of its own, take turns: raw TCP, the naive tonic broadcast, ours, and ours once more with
//! subscribers of flagd's protocol, who get all flags at every change. All clients are in this process and count messages;
//! their cost is in the times of all of them.

mod naive;
mod side;

use anyhow::{Context as _, Result, bail};
use mycelia_flags_benches::crowd::{Shape, raise_file_limit};
use mycelia_flags_benches::median::median;
use mycelia_flags_benches::table::{Table, figure, ratio};
use mycelia_flags_benches::{child, mode};
use mycelia_flags_benches::{our_server, raw_tcp};

use side::Side;

fn main() -> Result<()> {
    match child::role() {
        None => measure_all(),
        Some((role, arguments)) => match role.as_str() {
            our_server::ROLE => our_server::play(),
            naive::ROLE => naive::play(),
            raw_tcp::ROLE => raw_tcp::play(&arguments),
            _ => bail!("no role: {role}"),
        },
    }
}

/// A shape and how many flags our server holds.
const SHAPES: [(Shape, usize); 4] = [
    (Shape { connections: 1_000, streams: 1 }, 10),
    (Shape { connections: 1_000, streams: 1 }, 5_000),
    (Shape { connections: 10, streams: 100 }, 10),
    (Shape { connections: 100, streams: 100 }, 10),
];

/// With more flags than this, flagd's subscribers are left out: each change would be gigabytes.
const SYNC_FLAGS_MAX: usize = 100;

const QUICK_SHAPES: [(Shape, usize); 2] =
    [(Shape { connections: 50, streams: 1 }, 10), (Shape { connections: 5, streams: 20 }, 10)];

fn measure_all() -> Result<()> {
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let columns = [
        "last has it, ms",
        "× raw TCP",
        "× naive",
        "× ours",
        "server CPU each, µs",
        "× naive",
        "× ours",
        "KiB each, idle",
    ];
    let mut table = Table::new(
        "Push: one message of 1 KiB to all subscribers",
        std::iter::once("subscribers on connections").chain(columns),
    );
    for (shape, flags) in mode::pick(&QUICK_SHAPES[..], &SHAPES[..]) {
        if mode::wants(&format!("{shape}, {flags} flags")) {
            runtime.block_on(measure(*shape, *flags, &mut table))?;
        }
    }
    table.print()?;
    Ok(())
}

async fn measure(shape: Shape, flags: usize, table: &mut Table) -> Result<()> {
    let mut sides = vec![Side::raw(shape).await?, Side::naive(shape).await?, Side::ours(shape, flags).await?];
    if flags <= SYNC_FLAGS_MAX {
        sides.push(Side::flagd_sync(shape, flags).await?);
    }
    let rounds = mode::pick(5, 41);
    for round in 0..=rounds {
        for turn in 0..sides.len() {
            let next = (round + turn) % sides.len();
            if let Some(side) = sides.get_mut(next) {
                // The first round only warms up.
                side.push(round > 0).await.with_context(|| side.name)?;
            }
        }
    }
    let [raw, naive, ours, ..] = sides.as_slice() else { bail!("a side is missing") };
    let against = |side: &Side, other: &Side, of: fn(&Side) -> &[f64]| {
        let ratios: Vec<f64> = of(side).iter().zip(of(other)).map(|(a, b)| a / b).collect();
        ratio(median(&ratios))
    };
    for side in &sides {
        let of_flags =
            if side.name.starts_with("ours") { format!(" ({flags} flags)") } else { String::new() };
        table.row([
            format!("{shape}: {}{of_flags}", side.name),
            figure(median(&side.times_ms)),
            against(side, raw, |side| &side.times_ms),
            against(side, naive, |side| &side.times_ms),
            against(side, ours, |side| &side.times_ms),
            figure(median(&side.cpu_us)),
            against(side, naive, |side| &side.cpu_us),
            against(side, ours, |side| &side.cpu_us),
            side.idle_kib.map(figure).unwrap_or_default(),
        ]);
    }
    for side in sides {
        side.end()?;
    }
    Ok(())
}
