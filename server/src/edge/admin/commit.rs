//! Apply: from the wire to the store and back.

use mycelia_flags_core::change::{Change, ChangeSet, Place};
use mycelia_flags_core::limits::IDEMPOTENCY_KEY_BYTES_MAX;
use mycelia_flags_core::rejection::{Reason, Rejection, Violation};
use mycelia_flags_core::revision::Revision;
use mycelia_flags_proto::convert;
use mycelia_flags_proto::v1;
use tonic::Status;
use tracing::info;

use super::AdminEdge;
use crate::edge::status;
use crate::state::CommitRequest;

impl AdminEdge {
    pub(super) async fn commit(&self, request: v1::ApplyRequest) -> Result<v1::ApplyResponse, Status> {
        let wire = request.change_set.unwrap_or_default();
        let mut change_set =
            convert::change_set_from_wire(&wire).map_err(|rejection| status::rejected(&rejection))?;
        self.fill_in_environment(&mut change_set);
        check_idempotency_key(&request.idempotency_key).map_err(|rejection| status::rejected(&rejection))?;
        let (actor, changes) = (change_set.actor.clone(), change_set.changes.len());
        let commit = CommitRequest {
            change_set,
            expected_revision: request.expected_revision.map(Revision::new),
            idempotency_key: request.idempotency_key.into(),
            dry_run: request.dry_run,
        };
        let committed = self.store.commit(commit).await.map_err(|failure| status::commit_failed(&failure))?;
        if !request.dry_run && !committed.replayed && !committed.writes.is_empty() {
            info!(revision = %committed.revision, changes, actor, "committed");
        }
        let is_in_the_log = committed.replayed || !(request.dry_run || committed.writes.is_empty());
        Ok(v1::ApplyResponse {
            revision: committed.revision.get(),
            writes: committed.writes.iter().map(convert::write_to_wire).collect(),
            warnings: committed.warnings,
            replayed: committed.replayed,
            committed_at: is_in_the_log.then(|| convert::timestamp_to_wire(committed.committed_at)),
        })
    }

    /// An empty environment means the default one. Filled in before the check, so that the log says what was meant.
    fn fill_in_environment(&self, change_set: &mut ChangeSet) {
        for change in &mut change_set.changes {
            if let Some(place) = place(change)
                && place.environment.is_empty()
            {
                place.environment = self.default_environment.to_string();
            }
        }
    }
}

fn place(change: &mut Change) -> Option<&mut Place> {
    match change {
        Change::Enable(place)
        | Change::Disable(place)
        | Change::Rollout { place, .. }
        | Change::SetDefaultServe { place, .. }
        | Change::SetRules { place, .. }
        | Change::SetOffVariant { place, .. }
        | Change::SetSalt { place, .. } => Some(place),
        Change::CreateFlag(_)
        | Change::DeleteFlag { .. }
        | Change::UpdateFlag(_)
        | Change::SetVariants { .. }
        | Change::CreateStore { .. }
        | Change::RestoreStore { .. } => None,
    }
}

fn check_idempotency_key(key: &str) -> Result<(), Rejection> {
    if key.len() <= IDEMPOTENCY_KEY_BYTES_MAX {
        return Ok(());
    }
    Err(Rejection::one(Violation {
        reason: Reason::TooLarge,
        field: "idempotency_key".to_owned(),
        value: key.len().to_string(),
        allowed: format!("at most {IDEMPOTENCY_KEY_BYTES_MAX} bytes"),
    }))
}
