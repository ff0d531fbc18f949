//! Writes to guards, and to what came of them.

use std::sync::Arc;

use mycelia_flags_core::entity::{self, Entity, EntityId};
use mycelia_flags_core::guard::state;
use mycelia_flags_core::key::GuardKey;

use super::super::FormError;
use super::super::standing_guard::{GuardState, StandingGuard};
use super::{Kind, stored};

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct GuardWrite {
    #[prost(string, tag = "1")]
    guard: String,
    #[prost(message, optional, tag = "2")]
    value: Option<StandingGuard>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::state::form) struct GuardStateWrite {
    #[prost(string, tag = "1")]
    guard: String,
    #[prost(message, optional, tag = "2")]
    value: Option<GuardState>,
}

/// A write to a guard.
pub(super) fn kind(guard: &GuardKey, write: &entity::Write) -> Kind {
    Kind::Guard(Box::new(GuardWrite {
        guard: guard.to_string(),
        value: stored(write, |value| match value {
            Entity::Guard(guard) => Some(StandingGuard::from(&**guard)),
            _ => None,
        }),
    }))
}

/// A write to what came of a guard.
pub(super) fn state_kind(guard: &GuardKey, write: &entity::Write) -> Kind {
    Kind::GuardState(Box::new(GuardStateWrite {
        guard: guard.to_string(),
        value: stored(write, |value| match value {
            Entity::GuardState(state) => Some(GuardState::from(&**state)),
            _ => None,
        }),
    }))
}

/// The write again.
pub(super) fn write_of(kind: Kind) -> Result<entity::Write, FormError> {
    let (id, value) = match kind {
        Kind::Guard(write) => {
            let key = GuardKey::new(&write.guard);
            let guard = write.value.map(|value| value.guard(key.clone())).transpose()?;
            (EntityId::Guard(key), guard.map(|guard| Entity::Guard(Arc::new(guard))))
        }
        Kind::GuardState(write) => {
            let state = write.value.map(state::GuardState::try_from).transpose()?;
            let id = EntityId::GuardState(GuardKey::new(&write.guard));
            (id, state.map(|state| Entity::GuardState(Arc::new(state))))
        }
        _ => return Err(FormError::Missing { what: "a guard" }),
    };
    Ok(entity::Write { id, value })
}
