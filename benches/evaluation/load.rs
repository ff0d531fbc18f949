//! The memory of a loaded set: of a process that builds it and does nothing else.

use std::hint::black_box;

use anyhow::{Context as _, Result, bail};
use mycelia_flags_benches::child::Player;
use mycelia_flags_benches::memory::resident;
use mycelia_flags_benches::mode;
use mycelia_flags_benches::table::{Table, figure, ratio, say};

use crate::population::{self, Flag};
use crate::sdk::Served;
use crate::{floor, ours};

/// Who loads.
const LOADERS: [&str; 3] = ["floor", "ours: core", "ours: SDK"];

/// Builds a set in a process of its own and says by how many KiB it grew.
pub(crate) fn play(arguments: &[String]) -> Result<()> {
    let [who, count] = arguments else { bail!("expected who and how many flags, got {arguments:?}") };
    let flags: Vec<Flag> = population::flags(count.parse()?);
    let grown = match who.as_str() {
        "floor" => grown(|| Ok(floor::load(&flags)))?,
        "ours: core" => grown(|| ours::load(&flags))?,
        "ours: SDK" => {
            let served = Served::begin(&flags)?;
            grown(|| served.follow())?
        }
        _ => bail!("nobody is called {who}"),
    };
    say(&grown.to_string())?;
    Ok(())
}

fn grown<T>(load: impl FnOnce() -> Result<T>) -> Result<f64> {
    let before = resident("self")?.now_kib;
    let loaded = black_box(load()?);
    let after = resident("self")?.now_kib;
    drop(loaded);
    Ok(after - before)
}

/// The table of all.
pub(crate) fn print() -> Result<()> {
    let columns = ["flags"].into_iter().chain(LOADERS).chain(["core to floor", "SDK to floor"]);
    let mut table = Table::new("Memory of a loaded set, MiB", columns);
    for count in mode::pick(vec![1_000], vec![1_000, 100_000]) {
        let grown = |who: &str| -> Result<f64> {
            let mut player = Player::start("load", &[who.to_owned(), count.to_string()])?;
            let grown = player.hear()?.parse::<f64>().context("not a number")?;
            player.end()?;
            Ok(grown / 1024.0)
        };
        let [floor, core, sdk] = LOADERS.map(grown);
        let (floor, core, sdk) = (floor?, core?, sdk?);
        let ratios = [ratio(core / floor), ratio(sdk / floor)];
        let figures = [floor, core, sdk].map(figure);
        table.row(std::iter::once(count.to_string()).chain(figures).chain(ratios));
    }
    table.print()?;
    Ok(())
}
