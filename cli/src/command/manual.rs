//! `completions` and `man`: made from the same definition as `--help`.

use anyhow::Context as _;

use crate::args::manual::{CompletionsArgs, ManArgs};
use crate::args::program;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Terminal;

pub(crate) fn completions(args: &CompletionsArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    let mut command = program();
    let name = command.get_name().to_owned();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    terminal.print_bytes(&script)?;
    Ok(Exit::Done)
}

pub(crate) fn man(args: &ManArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let program = program();
    let command = match &args.command {
        None => program,
        // Since the program was built, the command knows the name that other pages refer to: mycelia-flags-rollout(1).
        Some(name) => program
            .find_subcommand(name)
            .cloned()
            .ok_or_else(|| Failure::Usage(format!("there is no command `{name}`")))?,
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page).context("cannot write the man page")?;
    terminal.print_bytes(&page)?;
    Ok(Exit::Done)
}
