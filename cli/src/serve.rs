//! `serve`: runs the server until it is told to stop.

use std::process::ExitCode;

use crate::args::store::ServeArgs;

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    Err(anyhow::anyhow!("not linked yet: {args:?}"))
}
