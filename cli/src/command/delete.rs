//! `delete`: removes a flag from every environment.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change;

use crate::args::write::DeleteArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::submission::{Reach, Submission, submit};

pub(crate) async fn run(args: DeleteArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let submission = Submission {
        change: Change::DeleteFlag(v1::DeleteFlag { flag: args.flag.clone() }),
        reach: Reach::Everywhere,
        action: "delete",
        deed: format!("deleted {} in every environment", args.flag),
        flag: args.flag,
    };
    submit(submission, args.write, session).await
}
