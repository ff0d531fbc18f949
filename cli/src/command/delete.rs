//! `delete`: removes a flag from every environment.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change;

use crate::args::write::RetireArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::submission::{Submission, Told, submit};
use crate::view::applied::Subject;

pub(crate) async fn run(args: RetireArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let submission = Submission {
        changes: vec![Change::DeleteFlag(v1::DeleteFlag { flag: args.flag.clone(), force: args.force })],
        told: Told::everywhere(
            Subject::Flag(args.flag.clone()),
            "delete",
            format!("deleted {} in every environment", args.flag),
        ),
    };
    submit(submission, args.write, session).await
}
