//! Who did something last, and when.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::view::moment;

/// Who, when, and in which revision.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct SwitchedView {
    pub(crate) actor: String,
    pub(crate) at: Option<String>,
    pub(crate) revision: u64,
    #[serde(skip)]
    at_briefly: String,
}

impl SwitchedView {
    pub(crate) fn of(switched: &v1::Switched) -> Self {
        Self {
            actor: switched.actor.clone(),
            at: moment::exactly(switched.at.as_ref()),
            revision: switched.revision,
            at_briefly: moment::briefly(switched.at.as_ref()),
        }
    }

    /// `by ada at 2026-11-21T09:02:19.658Z (revision 5)`.
    pub(crate) fn words(&self) -> String {
        format!("by {} at {} (revision {})", self.actor, self.at_briefly, self.revision)
    }
}
