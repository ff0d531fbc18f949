//! `archive` and `unarchive`: out of use, and kept.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change;

use crate::args::configure::FlagArgs;
use crate::args::write::RetireArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::submission::{Submission, Told, submit};
use crate::view::applied::Subject;

pub(crate) async fn archive(args: RetireArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let change = v1::ArchiveFlag { flag: args.flag.clone(), force: args.force };
    let deed = format!("archived {} in every environment", args.flag);
    let told = Told::everywhere(Subject::Flag(args.flag), "archive", deed);
    submit(Submission::of(Change::ArchiveFlag(change), told), args.write, session).await
}

pub(crate) async fn unarchive(args: FlagArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let change = v1::UnarchiveFlag { flag: args.flag.clone() };
    let deed = format!("brought {} back, as it was,", args.flag);
    let told = Told::everywhere(Subject::Flag(args.flag), "unarchive", deed);
    submit(Submission::of(Change::UnarchiveFlag(change), told), args.write, session).await
}
