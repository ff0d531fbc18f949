//! flagd's gRPC protocols, wire-compatible: its providers connect as they are.
//!
//! `flagd.evaluation` (v1 and v2) evaluates here; `flagd.sync` hands out every flag in flagd's format, for providers that
//! evaluate in process. A set of flags is an environment. What is answered where the two products differ stands in
//! `docs/openfeature.md`.

pub(super) mod before;
mod changes;
mod documents;
mod evaluation;
mod resolve;
mod structs;
mod sync;

use std::sync::Arc;

use mycelia_flags_core::key::{EnvironmentKey, NAME_GRAMMAR, ServiceName};
use mycelia_flags_core::snapshot::Snapshot;
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use self::documents::Documents;
pub(super) use self::resolve::settled;
use super::compiled_sets::CompiledEnvironment;
use super::evaluation::EvaluationEdge;
use super::selector::{self, SELECTOR, SERVICE, agreed, flag_set};
use crate::distribution::hub::Hub;
use crate::state::Store;
use crate::tasks::Tasks;

/// What flagd's services call.
#[derive(Debug, Clone)]
pub struct FlagdEdge {
    evaluation: EvaluationEdge,
    store: Store,
    /// Among whose subscribers the followers of `flagd.sync` stand.
    hub: Arc<Hub>,
    documents: Arc<Documents>,
    tasks: Tasks,
    /// Cancelled when streams are to end.
    draining: CancellationToken,
}

impl FlagdEdge {
    /// Over compiled flags, the log, and those who follow it.
    #[must_use]
    pub fn new(evaluation: EvaluationEdge, store: Store, hub: Arc<Hub>, tasks: Tasks) -> Self {
        let documents = Arc::new(Documents::new(store.clone()));
        let draining = hub.draining().clone();
        Self { evaluation, store, hub, documents, tasks, draining }
    }

    /// The environment that a call means: by its metadata or the field of its message, else the default one.
    fn environment_key(&self, metadata: &MetadataMap, field: &str) -> Result<EnvironmentKey, Status> {
        let said = metadata.get(SELECTOR).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let named = flag_set(said).and_then(|said| agreed(said, flag_set(field)?, "the field selector"));
        let Some(name) = named.map_err(Status::invalid_argument)? else {
            return Ok(self.evaluation.default_environment.clone());
        };
        let snapshot = self.store.snapshot();
        let key = EnvironmentKey::parse(name).ok().filter(|key| self.has_environment(&snapshot, key));
        // A provider that asks for what is not there would wait for it for ever, and not say so.
        key.ok_or_else(|| {
            Status::invalid_argument(selector::unknown(name, &snapshot, &self.evaluation.callers))
        })
    }

    /// The service that says that it asks; empty for whoever says nothing, and sees all flags.
    fn service(metadata: &MetadataMap) -> Result<&str, Status> {
        let said = metadata.get(SERVICE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match said.is_empty() || ServiceName::parse(said).is_ok() {
            true => Ok(said),
            false => Err(Status::invalid_argument(format!("{SERVICE} {said:?}: {NAME_GRAMMAR}"))),
        }
    }

    fn has_environment(&self, snapshot: &Snapshot, key: &EnvironmentKey) -> bool {
        snapshot.has_environment(key) && self.evaluation.callers.may_ask_in(key)
    }

    fn compiled(&self, metadata: &MetadataMap) -> Result<CompiledEnvironment, Status> {
        let key = self.environment_key(metadata, "")?;
        let found = self.evaluation.compiled(&key);
        found.ok_or_else(|| {
            Status::new(Code::InvalidArgument, format!("there is no environment {key} any more"))
        })
    }
}
