//! Follows the flag and says when it does something else than before.

use std::time::Duration;

use mycelia_flags_sdk::{Client, Context, Reason};

use crate::event::{Announcer, Event};
use crate::flag::{FLAG, FlagState, why};

/// How long the first word may wait for the server's newest state. The service does not wait for it.
const FIRST_STATE_PATIENCE: Duration = Duration::from_secs(2);

/// Runs until the client is closed.
pub(crate) async fn follow(flags: Client, announcer: Announcer) {
    // Listen before the first look, so that nothing can happen in between.
    let mut changes = flags.changes();
    let _else_what_is_known = flags.ready(FIRST_STATE_PATIENCE).await;
    let mut said = None;
    loop {
        let details = flags.bool_details(FLAG, false, &Context::anonymous());
        let state = FlagState::of(&details);
        if said != Some(state) {
            said = Some(state);
            let why = match state {
                FlagState::Partly => Reason::Split.as_str(),
                FlagState::Off | FlagState::On => why(&details),
            };
            let revision = details.revision;
            announcer.say(&Event::Flag { state, revision, why });
        }
        // Any change is looked at, not only one of this flag: a prerequisite of it may have changed.
        if changes.next().await.is_none() {
            return;
        }
    }
}
