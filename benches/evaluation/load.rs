//! The memory of a loaded set: of a process that builds it and does nothing else.

use std::hint::black_box;

use anyhow::{Context as _, Result, bail};
use mycelia_flags_benches::child::Player;
use mycelia_flags_benches::memory::resident;
use mycelia_flags_benches::mode;
use mycelia_flags_benches::table::{Table, figure, ratio, say};

use crate::population::{self, Flag};
use crate::{floor, ours};

/// Builds a set in a process of its own and says by how many KiB it grew.
pub(crate) fn play(arguments: &[String]) -> Result<()> {
    let [who, count] = arguments else { bail!("expected who and how many flags, got {arguments:?}") };
    let flags: Vec<Flag> = population::flags(count.parse()?);
    let before = resident("self")?.now_kib;
    let after = match who.as_str() {
        "floor" => {
            let set = black_box(floor::load(&flags));
            let after = resident("self")?.now_kib;
            black_box(set.len());
            after
        }
        _ => {
            let set = black_box(ours::load(&flags)?);
            let after = resident("self")?.now_kib;
            black_box(set.len());
            after
        }
    };
    say(&(after - before).to_string())?;
    Ok(())
}

/// The table of both.
pub(crate) fn print() -> Result<()> {
    let mut table = Table::new("Memory of a loaded set, MiB", ["flags", "floor", "ours: core", "ratio"]);
    for count in mode::pick(vec![1_000], vec![1_000, 100_000]) {
        let grown = |who: &str| -> Result<f64> {
            let mut player = Player::start("load", &[who.to_owned(), count.to_string()])?;
            let grown = player.hear()?.parse::<f64>().context("not a number")?;
            player.end()?;
            Ok(grown / 1024.0)
        };
        let (floor, ours) = (grown("floor")?, grown("ours")?);
        table.row([count.to_string(), figure(floor), figure(ours), ratio(ours / floor)]);
    }
    table.print()?;
    Ok(())
}
