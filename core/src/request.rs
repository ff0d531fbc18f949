//! Change requests: change sets that wait until other people have approved them.

use std::sync::Arc;

use crate::change::{Change, ChangeSet};
use crate::flag::Switched;
use crate::key::EnvironmentKey;
use crate::revision::{Revision, Timestamp};
use crate::snapshot::Snapshot;

/// What has become of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestState {
    /// It waits for approvals.
    Open,
    /// It was approved, and its changes were made.
    Applied(Switched),
    /// Somebody has said no.
    Rejected(Switched),
    /// Its author has taken it back.
    Withdrawn(Switched),
}

impl RequestState {
    /// The word for it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Applied(_) => "applied",
            Self::Rejected(_) => "rejected",
            Self::Withdrawn(_) => "withdrawn",
        }
    }

    /// Who has closed it, when and in which revision; none while it is open.
    #[must_use]
    pub const fn closed(&self) -> Option<&Switched> {
        match self {
            Self::Open => None,
            Self::Applied(by) | Self::Rejected(by) | Self::Withdrawn(by) => Some(by),
        }
    }
}

/// Changes that wait for approval, as they were asked.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeRequest {
    /// The revision in which it was requested.
    pub id: Revision,
    /// Who asks.
    pub author: Box<str>,
    /// Why.
    pub reason: Box<str>,
    /// When it was requested.
    pub requested_at: Timestamp,
    /// They happen together or not at all. Shared, because each approval writes the request anew.
    pub changes: Arc<[Change]>,
    /// Where it changes something; none when it concerns what all environments share.
    pub environments: Vec<EnvironmentKey>,
    /// How many approvals it needed when it was last looked at.
    pub needed: u32,
    /// Who has approved it so far, the first one first.
    pub approvals: Vec<Switched>,
    /// What has become of it.
    pub state: RequestState,
}

/// Whether two names are those of one person. Whoever may approve only once must not be somebody else by a capital.
#[must_use]
pub fn is_same_person(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// Everything that a change set may come to do, each with the field at which it stands: what it asks for itself, what it
/// requests, and what was requested before and is approved by it.
#[must_use]
pub fn meant<'c>(change_set: &'c ChangeSet, snapshot: &'c Snapshot) -> Vec<(String, &'c Change)> {
    let mut all = Vec::new();
    for (index, change) in change_set.changes.iter().enumerate() {
        let field = format!("changes[{index}].{}", change.name());
        match change {
            Change::RequestApproval { changes } => {
                let inner = changes.iter().enumerate();
                all.extend(
                    inner.map(|(index, inner)| (format!("{field}.changes[{index}].{}", inner.name()), inner)),
                );
            }
            Change::ApproveRequest { request } => {
                let changes = snapshot.request(*request).map_or(&[][..], |request| &*request.changes);
                all.extend(changes.iter().map(|inner| (format!("{field}.request"), inner)));
            }
            _ => {}
        }
        all.push((field, change));
    }
    all
}
