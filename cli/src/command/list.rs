//! `list`: all flags at a glance.

use mycelia_flags_proto::v1;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::view::flag::{FlagView, ListView};

/// Flags for each request: large values may make the answer large.
const PAGE_SIZE: i32 = 500;

pub(crate) async fn run(session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let mut list = ListView { revision: 0, environments: Vec::new(), flags: Vec::new() };
    let mut page_token = String::new();
    loop {
        let request = v1::ListFlagsRequest { page_size: PAGE_SIZE, page_token };
        let answer = connection.answer(connection.admin().list_flags(request)).await?;
        list.revision = answer.revision;
        list.environments = answer.environments;
        list.flags.extend(answer.flags.iter().map(FlagView::of));
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    session.show(&list)?;
    Ok(Exit::Done)
}
