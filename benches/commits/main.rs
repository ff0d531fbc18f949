//! What a durable commit costs, beside the disk's own price for a durable write.
//!
//! Ours is the whole way of a change set: queue, check, record, sled, sync, HEAD, answer; each switches a flag of the
//! writer that asks. The disk's price is what `fdatasync` costs in a file beside it, in turns with ours.

mod disk;
mod writers;

use std::cell::RefCell;

use anyhow::{Result, bail};
use mycelia_flags_benches::interleave::{Contender, interleave};
use mycelia_flags_benches::table::{Table, figure, ratio};
use mycelia_flags_benches::{mode, stopwatch};

use disk::{SyncedFile, Way};
use writers::Writers;

/// Bytes of an append: a page, as sled's flush of a small commit.
const APPEND_BYTES: usize = 4 * 1024;

/// Bytes of an overwrite: a slot of HEAD.
const OVERWRITE_BYTES: usize = 512;

/// Writers who ask at the same time.
const MANY: usize = 64;

fn main() -> Result<()> {
    let operations = mode::pick(256, 512);
    let rounds = mode::pick(3, 31);
    let directory = tempfile::tempdir()?;
    let append = RefCell::new(SyncedFile::create(directory.path().join("append"), Way::Append)?);
    let overwrite = RefCell::new(SyncedFile::create(directory.path().join("overwrite"), Way::Overwrite)?);
    let writers = Writers::open(&directory.path().join("store"), MANY)?;
    let trouble = RefCell::new(Vec::new());
    // A contender answers how many it did; what went wrong is told at the end.
    let count = |done: Result<u64>| {
        done.unwrap_or_else(|error| {
            trouble.borrow_mut().push(error);
            0
        })
    };
    let mut contenders = [
        Contender::new("fdatasync of a 4 KiB append", || {
            count(disk::repeat(operations, || append.borrow_mut().write(APPEND_BYTES)))
        }),
        Contender::new("fdatasync of a 512 B overwrite", || {
            count(disk::repeat(operations, || overwrite.borrow_mut().write(OVERWRITE_BYTES)))
        }),
        Contender::new("both, one after the other", || {
            count(disk::repeat(operations, || {
                append.borrow_mut().write(APPEND_BYTES)?;
                overwrite.borrow_mut().write(OVERWRITE_BYTES)
            }))
        }),
        Contender::new("ours, 1 writer", || count(writers.commit(1, operations))),
        Contender::new("ours, 64 writers", || count(writers.commit(MANY, operations))),
    ];
    let outcomes = interleave(&mut contenders, 0, operations, rounds, stopwatch::wall)?;
    drop(contenders);
    if let Some(error) = trouble.borrow_mut().pop() {
        bail!(error.context("a write failed, so the figures mean nothing"));
    }
    let title = format!("Durable commits: {operations} in a turn, {rounds} turns each, median");
    let mut table = Table::new(title, ["", "µs for each", "in a second", "rate to the append's"]);
    for outcome in outcomes {
        table.row([
            outcome.name.to_owned(),
            figure(outcome.nanoseconds / 1e3),
            figure(1e9 / outcome.nanoseconds),
            ratio(1.0 / outcome.ratio),
        ]);
    }
    table.print()?;
    writers.close()
}
