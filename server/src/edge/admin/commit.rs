//! Apply: from the wire to the store and back.

use mycelia_flags_core::change::{Change, ChangeSet};
use mycelia_flags_core::check::Origin;
use mycelia_flags_core::key::FoldedKey;
use mycelia_flags_core::limits::IDEMPOTENCY_KEY_BYTES_MAX;
use mycelia_flags_core::rejection::{Reason, Rejection, Violation};
use mycelia_flags_core::request::meant;
use mycelia_flags_core::revision::Revision;
use mycelia_flags_proto::convert;
use mycelia_flags_proto::v1;
use tonic::Status;
use tracing::info;

use super::AdminEdge;
use crate::distribution::registry::Entry;
use crate::edge::status;
use crate::state::CommitRequest;

impl AdminEdge {
    pub(super) async fn commit(&self, request: v1::ApplyRequest) -> Result<v1::ApplyResponse, Status> {
        let wire = request.change_set.unwrap_or_default();
        let mut change_set =
            convert::change_set_from_wire(&wire).map_err(|rejection| status::rejected(&rejection))?;
        self.fill_in_environment(&mut change_set.changes);
        check_idempotency_key(&request.idempotency_key).map_err(|rejection| status::rejected(&rejection))?;
        self.check_contracts(&change_set).map_err(|rejection| status::rejected(&rejection))?;
        let (actor, changes) = (change_set.actor.clone(), change_set.changes.len());
        let commit = CommitRequest {
            change_set,
            expected_revision: request.expected_revision.map(Revision::new),
            idempotency_key: request.idempotency_key.into(),
            dry_run: request.dry_run,
            origin: Origin::Caller,
        };
        let committed = self.store.commit(commit).await.map_err(|failure| status::commit_failed(&failure))?;
        if !request.dry_run && !committed.replayed && !committed.writes.is_empty() {
            info!(revision = %committed.revision, changes, actor, "committed");
        }
        let is_in_the_log = committed.replayed || !(request.dry_run || committed.writes.is_empty());
        let mut answer = v1::ApplyResponse {
            revision: committed.revision.get(),
            writes: committed.writes.iter().map(convert::write_to_wire).collect(),
            warnings: committed.warnings.clone(),
            replayed: committed.replayed,
            committed_at: is_in_the_log.then(|| convert::timestamp_to_wire(committed.committed_at)),
            ..v1::ApplyResponse::default()
        };
        if request.dry_run {
            self.say_what_it_means(&committed, &mut answer);
        }
        Ok(answer)
    }

    /// A flag that a connected instance has declared goes only by force, also when its going was requested before.
    fn check_contracts(&self, change_set: &ChangeSet) -> Result<(), Rejection> {
        let mut violations = Vec::new();
        let mut connected = None;
        let snapshot = self.store.snapshot();
        for (field, change) in meant(change_set, &snapshot) {
            let (Change::DeleteFlag { flag, force: false } | Change::ArchiveFlag { flag, force: false }) =
                change
            else {
                continue;
            };
            let folded = FoldedKey::of(flag);
            let declares = |entry: &Entry| {
                entry.identity.declared.iter().any(|declared| declared.flag.folded() == folded)
            };
            let connected = connected.get_or_insert_with(|| self.hub.registry().list());
            if let Some(entry) = connected.iter().find(|entry| declares(entry)) {
                let service = entry.scope.service.as_ref().map_or("", |service| service.as_str());
                let instance = &entry.identity.instance;
                violations.push(Violation {
                    reason: Reason::FlagDeclared,
                    field: if field.ends_with(".request") { field } else { format!("{field}.flag") },
                    value: flag.clone(),
                    allowed: format!(
                        "a flag that no connected instance has declared; {service} {instance} needs it, say force"
                    ),
                });
            }
        }
        if violations.is_empty() { Ok(()) } else { Err(Rejection { violations }) }
    }

    /// An empty environment means the default one. Filled in before the check, so that the log says what was meant.
    fn fill_in_environment(&self, changes: &mut [Change]) {
        for change in changes {
            if let Change::RequestApproval { changes } = change {
                self.fill_in_environment(changes);
            }
            if let Some(environment) = change.environment_mut()
                && environment.is_empty()
            {
                *environment = self.default_environment.to_string();
            }
        }
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
