//! What was typed: the whole command line, from which help, completions and the man page are made.
//!
//! Nothing is interpreted here beyond the shape of a single value; `settings` says what it all means.

pub(crate) mod canary;
pub(crate) mod client;
pub(crate) mod configure;
pub(crate) mod feature;
pub(crate) mod follow;
pub(crate) mod guard;
pub(crate) mod inspect;
pub(crate) mod manual;
pub(crate) mod notify;
pub(crate) mod plan;
pub(crate) mod plan_file;
pub(crate) mod policy;
pub(crate) mod promotion;
pub(crate) mod ramp;
pub(crate) mod read;
pub(crate) mod rollback;
pub(crate) mod segment;
pub(crate) mod store;
pub(crate) mod usage;
pub(crate) mod write;

use std::mem;

use clap::{Command as Program, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::args::canary::{CanaryArgs, CanaryVariantArgs, KeysArgs};
use crate::args::client::ClientArgs;
use crate::args::configure::{
    FlagArgs, OverrideCommand, PrerequisiteCommand, SaltArgs, SetDefaultArgs, SetOffArgs, TargetingCommand,
    UpdateArgs, VariantsArgs,
};
use crate::args::feature::FeatureCommand;
use crate::args::follow::{WaitArgs, WatchArgs};
use crate::args::guard::GuardCommand;
use crate::args::inspect::{
    AuditCommand, BucketArgs, DiffArgs, ExplainArgs, ExportArgs, ImportArgs, StaleArgs, UndoArgs,
};
use crate::args::manual::{CompletionsArgs, ManArgs};
use crate::args::notify::NotifyCommand;
use crate::args::plan::PlanCommand;
use crate::args::policy::{PolicyCommand, RequestCommand};
use crate::args::promotion::{DrillCommand, IncidentCommand, PromoteArgs, PromotionCommand};
use crate::args::ramp::RampArgs;
use crate::args::read::{EvalArgs, GetArgs, HistoryArgs, ListArgs};
use crate::args::rollback::RollbackArgs;
use crate::args::segment::{MatrixArgs, RuleCommand, SegmentCommand};
use crate::args::store::{BackupArgs, RestoreArgs, ServeArgs};
use crate::args::usage::{MetricsArgs, UsageArgs};
use crate::args::write::{CreateArgs, RetireArgs, RolloutArgs, SwitchArgs};
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
    Serve(Box<ServeArgs>),
    /// Create a flag, disabled in every environment
    Create(CreateArgs),
    /// Show one flag with its configuration in every environment
    Get(GetArgs),
    /// Show all flags and their state in every environment
    List(ListArgs),
    /// Switch a flag on
    Enable(SwitchArgs),
    /// Switch a flag off: everybody gets its off variant
    Disable(SwitchArgs),
    /// Serve a boolean flag to a share of the subjects
    Rollout(RolloutArgs),
    /// Change what is said about a flag
    Update(UpdateArgs),
    /// Replace the variants of a flag
    Variants(VariantsArgs),
    /// Take a flag out of use in every environment, and keep it
    Archive(RetireArgs),
    /// Bring an archived flag back, as it was
    Unarchive(FlagArgs),
    /// Remove a flag from every environment
    Delete(RetireArgs),
    /// Set what is served when no rule matches
    SetDefault(SetDefaultArgs),
    /// Set what is served while a flag is disabled
    SetOff(SetOffArgs),
    /// Set the text that buckets are computed from; it moves subjects between buckets
    Salt(SaltArgs),
    /// Show and change the rules of a flag
    #[command(subcommand)]
    Rule(RuleCommand),
    /// Serve a boolean flag to a share of each of several segments, or show the shares
    Matrix(MatrixArgs),
    /// Show and change the flagd targeting expression of a flag
    #[command(subcommand)]
    Targeting(TargetingCommand),
    /// Say which other flags must serve what before a flag decides anything
    #[command(subcommand)]
    Prerequisite(PrerequisiteCommand),
    /// Detach a service from a flag for a while
    #[command(subcommand)]
    Override(OverrideCommand),
    /// Show and change segments: reusable audiences
    #[command(subcommand)]
    Segment(SegmentCommand),
    /// Switch canary mode, or show it
    Canary(CanaryArgs),
    /// Put users on the canary allowlist
    CanaryAdd(KeysArgs),
    /// Take users off the canary allowlist
    CanaryRemove(KeysArgs),
    /// Show who is on the canary allowlist
    CanaryList,
    /// Say what a flag serves to whoever is on the canary allowlist
    CanaryVariant(CanaryVariantArgs),
    /// Show, switch and compare several flags as one
    #[command(subcommand)]
    Feature(FeatureCommand),
    /// Show and change what an environment allows
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Show and answer changes that wait for approval
    #[command(subcommand)]
    Request(RequestCommand),
    /// Check, simulate and apply rollout plans, decide about them, and follow them
    #[command(subcommand)]
    Plan(PlanCommand),
    /// Roll a boolean flag out step by step: a plan without a file
    Ramp(RampArgs),
    /// Take flags back: at once, step by step, or for some segments
    Rollback(RollbackArgs),
    /// Let the services' own numbers take flags back: set, show, test and acknowledge guards
    #[command(subcommand)]
    Guard(GuardCommand),
    /// Let an environment take over what another one serves of a flag, when it is ready
    Promote(PromoteArgs),
    /// What an environment asks for before it takes a flag over, and how far flags are
    #[command(subcommand)]
    Promotion(PromotionCommand),
    /// Say that something went wrong with flags, and that it is over
    #[command(subcommand)]
    Incident(IncidentCommand),
    /// Try out a rollback: how long does every service take?
    #[command(subcommand)]
    Drill(DrillCommand),
    /// Show who is told what happens, and deliver what could not be delivered
    #[command(subcommand)]
    Notify(NotifyCommand),
    /// Show the server, who is served what, and the connected services
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
    /// Walk through a decision step by step, now or at any past moment
    Explain(ExplainArgs),
    /// Show which bucket of a flag a user is in
    Bucket(BucketArgs),
    /// Show what differs between two revisions, or between two environments
    Diff(DiffArgs),
    /// Take a revision back: everything that it changed is again as it was before
    Undo(UndoArgs),
    /// Show the flags that have outlived their rollout, and why
    Stale(StaleArgs),
    /// Show how much flags are used: evaluations, users, requests, what was shown and taken up
    Usage(UsageArgs),
    /// Show the metrics of a flag over time, with the limits that plans set to them
    Metrics(MetricsArgs),
    /// Hold the server against what it should have
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Take over the flags of a flagd document
    Import(ImportArgs),
    /// Write an environment as a flagd document
    Export(ExportArgs),
    /// Write the whole log to a file
    Backup(BackupArgs),
    /// Make a new data directory from a backup (the server must not be running on it)
    Restore(RestoreArgs),
    /// Print the completions of a shell
    Completions(CompletionsArgs),
    /// Print the man page of the program or of one command
    Man(ManArgs),
}

/// Commands that talk to no server.
const LOCAL_COMMANDS: [&str; 4] = ["serve", "restore", "completions", "man"];

/// Commands of `plan` that talk to no server.
const LOCAL_PLAN_COMMANDS: [&str; 2] = ["validate", "simulate"];

/// The definition from which help, completions and the man page are made.
pub(crate) fn program() -> Program {
    let mut program = Cli::command();
    // Only a program that was built has handed its options down.
    program.build();
    for command in program.get_subcommands_mut() {
        if LOCAL_COMMANDS.contains(&command.get_name()) {
            hide_client_options(command, &[]);
        } else if command.get_name() == "plan" {
            let mut local = command.get_subcommands_mut();
            let local = local.by_ref().filter(|command| LOCAL_PLAN_COMMANDS.contains(&command.get_name()));
            local.for_each(|command| hide_client_options(command, &["json"]));
        }
    }
    program
}

/// A command without a server would take the client's options for nothing: they are not offered, but for some.
fn hide_client_options(command: &mut Program, but: &[&str]) {
    *command = mem::take(command).mut_args(|arg| {
        let is_hidden = arg.is_global_set() && !but.contains(&arg.get_id().as_str());
        if is_hidden { arg.hide(true) } else { arg }
    });
}

impl Cli {
    /// Reads the process's own command line; answers help and usage errors itself.
    pub(crate) fn of_process() -> Self {
        Self::from_arg_matches(&program().get_matches()).unwrap_or_else(|error| error.exit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        program().debug_assert();
    }

    #[test]
    fn client_options_are_offered_where_there_is_a_server_to_talk_to() {
        for command in program().get_subcommands_mut() {
            let is_local = LOCAL_COMMANDS.contains(&command.get_name());
            let is_offered = command.render_long_help().to_string().contains("--server");
            assert!(command.get_name() == "help" || is_local != is_offered, "{}", command.get_name());
        }
    }

    #[test]
    fn client_options_stand_before_or_after_the_command() {
        for line in
            [["mycelia-flags", "--env", "staging", "list"], ["mycelia-flags", "list", "--env", "staging"]]
        {
            let cli = Cli::try_parse_from(line).unwrap();
            assert_eq!(cli.client.env.as_deref(), Some("staging"), "{line:?}");
        }
    }
}
