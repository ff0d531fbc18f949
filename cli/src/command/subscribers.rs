//! `subscribers`: the connected instances, one by one.

use mycelia_flags_proto::v1;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::view::subscriber::{SubscriberView, SubscribersView};

pub(crate) async fn run(session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let request = v1::ListSubscribersRequest {
        environment: session.settings.environment.clone(),
        service: String::new(),
    };
    let answer = connection.answer(connection.admin().list_subscribers(request)).await?;
    session.show(&SubscribersView {
        head_revision: answer.head_revision,
        subscribers: answer.subscribers.into_iter().map(SubscriberView::of).collect(),
    })?;
    Ok(Exit::Done)
}
