//! `status`: the server, who is served what, and the connected services.

use mycelia_flags_proto::v1;

use crate::command::guard;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::inventory;
use crate::plans;
use crate::session::{self, Session};
use crate::view::moment::Now;
use crate::view::status::{StatusParts, StatusView};

pub(crate) async fn run(session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let status = session::status(&connection).await?;
    let environment = session.settings.environment.clone();
    if !environment.is_empty() && !status.environments.contains(&environment) {
        let known = status.environments.join(", ");
        return Err(Failure::not_found(format!("no environment `{environment}` (environments: {known})")));
    }
    let request = v1::ListSubscribersRequest::default();
    let subscribers = connection.answer(connection.admin().list_subscribers(request)).await?;
    let features = connection.answer(connection.admin().list_features(v1::ListFeaturesRequest {})).await?;
    let request = v1::ListIncidentsRequest::default();
    let incidents = connection.answer(connection.promotions().list_incidents(request)).await?.incidents;
    let latched = guard::latched(&connection, "").await?;
    let parts = StatusParts {
        latched,
        incidents,
        status,
        subscribers: subscribers.subscribers,
        features: features.features,
        flags: inventory::flags(&connection).await?.flags,
        plans: plans::under_way(&connection).await?,
        environment,
    };
    session.show(&StatusView::of(connection.url(), parts, Now::of_system()))?;
    Ok(Exit::Done)
}
