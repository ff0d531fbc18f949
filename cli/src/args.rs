//! What was typed: the whole command line, from which help, completions and the man page are made.
//!
//! Nothing is interpreted here beyond the shape of a single value; `settings` says what it all means.

pub(crate) mod client;
pub(crate) mod follow;
pub(crate) mod manual;
pub(crate) mod read;
pub(crate) mod store;
pub(crate) mod write;

use clap::{Parser, Subcommand};

use crate::args::client::ClientArgs;
use crate::args::follow::{WaitArgs, WatchArgs};
use crate::args::manual::{CompletionsArgs, ManArgs};
use crate::args::read::{EvalArgs, GetArgs, HistoryArgs};
use crate::args::store::{BackupArgs, RestoreArgs, ServeArgs};
use crate::args::write::{CreateArgs, DeleteArgs, RolloutArgs, SwitchArgs};
use crate::exit::EXIT_CODES;

/// Feature flags for many services: change a flag once, all of them follow, and prove it
#[derive(Debug, Parser)]
#[command(name = "mycelia-flags", version, after_help = EXIT_CODES, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands, in the order of the help text.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server
    Serve(ServeArgs),
    /// Create a flag, disabled in every environment
    Create(CreateArgs),
    /// Show one flag with its configuration in every environment
    Get(GetArgs),
    /// Show all flags and their state in every environment
    List,
    /// Switch a flag on
    Enable(SwitchArgs),
    /// Switch a flag off: everybody gets its off variant
    Disable(SwitchArgs),
    /// Serve a boolean flag to a share of the subjects
    Rollout(RolloutArgs),
    /// Remove a flag from every environment
    Delete(DeleteArgs),
    /// Show the server, its store, and the connected services
    Status,
    /// Show what was changed, by whom, when and why
    History(HistoryArgs),
    /// Show the connected instances and what each of them has applied
    Subscribers,
    /// Follow an environment live and print each change as it arrives
    Watch(WatchArgs),
    /// Wait until every connected instance has applied a revision
    Wait(WaitArgs),
    /// Evaluate a flag on the server
    Eval(EvalArgs),
    /// Write the whole log to a file
    Backup(BackupArgs),
    /// Make a new data directory from a backup (the server must not be running on it)
    Restore(RestoreArgs),
    /// Print the completions of a shell
    Completions(CompletionsArgs),
    /// Print the man page of the program or of one command
    Man(ManArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn client_options_stand_before_or_after_the_command() {
        for line in [["mycelia-flags", "--env", "staging", "list"], ["mycelia-flags", "list", "--env", "staging"]] {
            let cli = Cli::try_parse_from(line).unwrap();
            assert_eq!(cli.client.env.as_deref(), Some("staging"), "{line:?}");
        }
    }
}
