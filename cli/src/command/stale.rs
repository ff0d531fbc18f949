//! `stale`: flags that have outlived their rollout.

use mycelia_flags_proto::v1;

use crate::args::inspect::StaleArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::view::stale::StaleView;

pub(crate) async fn run(args: StaleArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let settled_for = args.settled_for.map(|settled| prost_types::Duration {
        seconds: i64::try_from(settled.as_secs()).unwrap_or(i64::MAX),
        nanos: 0,
    });
    let request = v1::ListStaleRequest { environment: session.settings.environment.clone(), settled_for };
    let connection = session.connection()?;
    let answer = connection.answer(connection.admin().list_stale(request)).await?;
    session.show(&StaleView::of(answer))?;
    Ok(Exit::Done)
}
