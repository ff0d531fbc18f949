//! The one way in for change sets, by whatever API they come: `Apply` and the HTTP commands differ in how they are
//! written down, and in nothing else.

use std::sync::Arc;

use mycelia_flags_core::change::{Change, ChangeSet};
use mycelia_flags_core::key::{EnvironmentKey, FoldedKey};
use mycelia_flags_core::limits::IDEMPOTENCY_KEY_BYTES_MAX;
use mycelia_flags_core::rejection::{Reason, Rejection, Violation};
use mycelia_flags_core::request::meant;
use tracing::info;

use crate::distribution::hub::Hub;
use crate::distribution::registry::Entry;
use crate::state::{CommitError, CommitRequest, Committed, Store};

/// What a change set goes through before the store sees it.
#[derive(Debug, Clone)]
pub struct Intake {
    /// The log and the snapshot.
    pub store: Store,
    /// Who is connected, and what they have declared.
    pub hub: Arc<Hub>,
    /// The environment that an empty name means.
    pub default_environment: EnvironmentKey,
}

impl Intake {
    /// Commits a change set.
    ///
    /// # Errors
    /// When it was not committed; nothing of it has happened then, except as [`CommitError::Poisoned`] says.
    pub async fn commit(&self, mut request: CommitRequest) -> Result<Committed, CommitError> {
        self.fill_in_environment(&mut request.change_set.changes);
        check_idempotency_key(&request.idempotency_key)?;
        self.check_contracts(&request.change_set)?;
        let (actor, changes) = (request.change_set.actor.clone(), request.change_set.changes.len());
        let dry_run = request.dry_run;
        let committed = self.store.commit(request).await?;
        if !dry_run && !committed.replayed && !committed.writes.is_empty() {
            info!(revision = %committed.revision, changes, actor, "committed");
        }
        Ok(committed)
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
            if let Change::SetPlan(plan) = change
                && plan.environment.as_str().is_empty()
            {
                plan.environment = self.default_environment.clone();
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
