//! `get`: one flag in full.

use mycelia_flags_proto::v1;

use crate::args::read::GetArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::{self, Session};
use crate::view::flag::{FlagView, GetView};
use crate::view::moment::Now;

pub(crate) async fn run(args: GetArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let request = v1::GetFlagRequest { flag: args.flag };
    let answer = connection.answer(connection.admin().get_flag(request)).await?;
    // The configurations come by name; only people care in which order they are shown.
    let order = match session.terminal.is_for_people() {
        true => session::status(&connection).await?.environments,
        false => Vec::new(),
    };
    let flag = FlagView::of(&answer.flag.unwrap_or_default());
    session.show(&GetView { flag, revision: answer.revision, order, now: Now::of_system() })?;
    Ok(Exit::Done)
}
