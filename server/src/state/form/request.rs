//! Change requests: changes that wait for approval, and who has said what to them.

use std::sync::Arc;

use mycelia_flags_core::change as core_change;
use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_core::request as core;
use mycelia_flags_core::revision::{Revision, Timestamp};

use super::change::Change;
use super::flag::Switched;
use super::{FormError, required};

/// A request beside its id.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RequestValue {
    #[prost(string, tag = "1")]
    pub(super) author: String,
    #[prost(string, tag = "2")]
    pub(super) reason: String,
    #[prost(sint64, tag = "3")]
    pub(super) requested_at_micros: i64,
    #[prost(message, repeated, tag = "4")]
    pub(super) changes: Vec<Change>,
    #[prost(string, repeated, tag = "5")]
    pub(super) environments: Vec<String>,
    #[prost(uint32, tag = "6")]
    pub(super) needed: u32,
    #[prost(message, repeated, tag = "7")]
    pub(super) approvals: Vec<Switched>,
    #[prost(oneof = "State", tags = "8, 9, 10, 11")]
    pub(super) state: Option<State>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum State {
    /// Always true.
    #[prost(bool, tag = "8")]
    Open(bool),
    #[prost(message, tag = "9")]
    Applied(Switched),
    #[prost(message, tag = "10")]
    Rejected(Switched),
    #[prost(message, tag = "11")]
    Withdrawn(Switched),
}

impl From<&core::ChangeRequest> for RequestValue {
    fn from(request: &core::ChangeRequest) -> Self {
        let state = match &request.state {
            core::RequestState::Open => State::Open(true),
            core::RequestState::Applied(by) => State::Applied(by.into()),
            core::RequestState::Rejected(by) => State::Rejected(by.into()),
            core::RequestState::Withdrawn(by) => State::Withdrawn(by.into()),
        };
        Self {
            author: request.author.to_string(),
            reason: request.reason.to_string(),
            requested_at_micros: request.requested_at.unix_micros(),
            changes: request.changes.iter().map(Change::from).collect(),
            environments: request.environments.iter().map(ToString::to_string).collect(),
            needed: request.needed,
            approvals: request.approvals.iter().map(Switched::from).collect(),
            state: Some(state),
        }
    }
}

impl RequestValue {
    pub(super) fn request(self, id: Revision) -> Result<core::ChangeRequest, FormError> {
        let state = match required("the state of a change request", self.state)? {
            State::Open(_) => core::RequestState::Open,
            State::Applied(by) => core::RequestState::Applied(by.into()),
            State::Rejected(by) => core::RequestState::Rejected(by.into()),
            State::Withdrawn(by) => core::RequestState::Withdrawn(by.into()),
        };
        let changes = self.changes.into_iter().map(core_change::Change::try_from);
        Ok(core::ChangeRequest {
            id,
            author: self.author.into(),
            reason: self.reason.into(),
            requested_at: Timestamp::from_unix_micros(self.requested_at_micros),
            changes: Arc::from(changes.collect::<Result<Vec<_>, _>>()?),
            environments: self.environments.iter().map(|key| EnvironmentKey::new(key)).collect(),
            needed: self.needed,
            approvals: self.approvals.into_iter().map(Into::into).collect(),
            state,
        })
    }
}
