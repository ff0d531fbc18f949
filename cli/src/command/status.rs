//! `status`: the server, its store, and the connected services.

use mycelia_flags_proto::v1;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::{self, Session};
use crate::view::status::StatusView;

pub(crate) async fn run(session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let status = session::status(&connection).await?;
    let request = v1::ListSubscribersRequest::default();
    let subscribers = connection.answer(connection.admin().list_subscribers(request)).await?;
    session.show(&StatusView::of(connection.url(), status, subscribers.subscribers))?;
    Ok(Exit::Done)
}
