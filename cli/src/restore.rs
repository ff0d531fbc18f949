//! `restore`: makes a data directory from a backup.

use std::process::ExitCode;

use crate::args::store::RestoreArgs;

/// Reads and verifies the backup, and writes a new store with a new epoch.
pub(crate) fn run(args: RestoreArgs) -> anyhow::Result<ExitCode> {
    Err(anyhow::anyhow!("not linked yet: {args:?}"))
}
