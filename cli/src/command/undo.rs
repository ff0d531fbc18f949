//! `undo`: a revision taken back.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change;

use crate::args::inspect::UndoArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::submission::{Submission, Told, submit};
use crate::view::applied::Subject;

pub(crate) async fn run(args: UndoArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let deed = format!("undid revision {}", args.revision);
    let told = Told::everywhere(Subject::Undone(args.revision), "undo", deed);
    let change = Change::Undo(v1::Undo { revision: args.revision });
    submit(Submission::of(change, told), args.write, session).await
}
