//! `stale`: the flags that have outlived their rollout.

use mycelia_flags_proto::v1;

use crate::args::inspect::StaleArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::view::stale::StaleView;

pub(crate) async fn run(args: StaleArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let settled_for = prost_types::Duration::try_from(args.settled_for)
        .map_err(|_too_long| Failure::Usage("--settled-for: that is too long".to_owned()))?;
    let request = v1::ListStaleRequest {
        environment: session.settings.environment.clone(),
        settled_for: Some(settled_for),
    };
    let connection = session.connection()?;
    let answer = connection.answer(connection.admin().list_stale(request)).await?;
    session.show(&StaleView::of(&answer))?;
    Ok(Exit::Done)
}
