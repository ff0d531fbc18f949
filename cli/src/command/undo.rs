//! `undo`: what a revision wrote becomes what it was before.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change;

use crate::args::inspect::UndoArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::submission::{Submission, Told, submit};
use crate::view::applied::Subject;

pub(crate) async fn run(args: UndoArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let revision = args.revision;
    let change = Change::Undo(v1::Undo { revision });
    let told = Told::everywhere(Subject::Revision(revision), "undo", format!("undone revision {revision}"));
    submit(Submission::of(change, told), args.write, session).await
}
