//! `list`: all flags at a glance.

use crate::args::read::ListArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::inventory;
use crate::session::Session;
use crate::view::flag::ListView;
use crate::view::moment::Now;

pub(crate) async fn run(args: ListArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let flags = inventory::flags(&connection).await?;
    session.show(&ListView::of(&flags, args.archived, Now::of_system()))?;
    Ok(Exit::Done)
}
