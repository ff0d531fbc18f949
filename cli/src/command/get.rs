//! `get`: one flag in full.

use mycelia_flags_proto::v1;

use crate::args::read::GetArgs;
use crate::command::guard;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plans;
use crate::session::{self, Session};
use crate::view::flag::{FlagView, GetView};
use crate::view::moment::Now;
use crate::view::plan::list::DrivingView;

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
    let under_way = plans::under_way(&connection).await?;
    let key = flag.definition.key.as_str();
    let places = flag.environments.keys().flat_map(|environment| {
        let driving =
            under_way.iter().filter_map(|plan| Some((plan, plans::drives(plan, environment, key)?)));
        driving.collect::<Vec<_>>()
    });
    let plans = places.map(|(plan, driven)| DrivingView::of(plan, driven)).collect();
    let mut latched = guard::latched(&connection, key).await?;
    latched.retain(|guard| guard.holds(key));
    session.show(&GetView {
        flag,
        plans,
        latched,
        revision: answer.revision,
        order,
        now: Now::of_system(),
    })?;
    Ok(Exit::Done)
}
