//! `restore`: makes a data directory from a backup.

use std::fs::File;
use std::io::BufReader;
use std::process::ExitCode;

use anyhow::Context as _;
use mycelia_flags_server::clock::SystemClock;
use mycelia_flags_server::state::restore;
use serde::Serialize;

use crate::args::store::RestoreArgs;
use crate::page::Page;
use crate::terminal::{Terminal, View};

/// What was restored.
#[derive(Debug, Serialize)]
struct Restored {
    data_dir: String,
    from_epoch: String,
    epoch: String,
    restored_revision: u64,
    revision: u64,
    flags: usize,
}

impl View for Restored {
    fn page(&self) -> Page {
        let Self { data_dir, from_epoch, epoch, restored_revision, revision, flags } = self;
        let mut page = Page::of_line(format!(
            "restored {flags} flags up to revision {restored_revision} into {data_dir}"
        ));
        let line = format!(
            "epoch {from_epoch} is now epoch {epoch}, at revision {revision}: SDKs start over by themselves"
        );
        page.line([line.into()]);
        page
    }
}

/// Reads and verifies the backup, and writes a new store with a new epoch.
pub(crate) fn run(args: &RestoreArgs, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let file = File::open(&args.file).with_context(|| format!("cannot open {}", args.file.display()))?;
    let summary = restore(BufReader::new(file), &args.data_dir, SystemClock::shared())?;
    let restored = Restored {
        data_dir: args.data_dir.display().to_string(),
        from_epoch: summary.from_epoch.to_string(),
        epoch: summary.epoch.to_string(),
        restored_revision: summary.restored.get(),
        revision: summary.revision.get(),
        flags: summary.flags,
    };
    terminal.show(&restored).map_err(|_closed| anyhow::anyhow!("the standard output is closed"))?;
    Ok(ExitCode::SUCCESS)
}
