//! Environments in flagd's format: translated once for each revision, and shared by all who follow.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use mycelia_flags_core::flagd::{Audiences, Source, document};
use mycelia_flags_core::json::print;
use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_core::revision::Revision;
use tonic::Status;
use tracing::warn;

use crate::state::Store;

/// Bytes of a document that providers take: gRPC's own bound of 4 MiB, less what is around it.
const DOCUMENT_BYTES_MAX: usize = 4 * 1024 * 1024 - 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct Documents {
    store: Store,
    known: Mutex<BTreeMap<EnvironmentKey, (Revision, Arc<str>)>>,
}

impl Documents {
    pub(super) fn new(store: Store) -> Self {
        Self { store, known: Mutex::default() }
    }

    /// The flags of an environment as they are now, and the revision that they are of. The same text is the same allocation.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` when it is larger than providers take.
    pub(super) fn of(&self, environment: &EnvironmentKey) -> Result<(Revision, Arc<str>), Status> {
        let snapshot = self.store.snapshot();
        // Held while it translates: others would translate the same.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let held = known.get(environment);
        if let Some((revision, text)) = held
            && *revision >= snapshot.revision()
        {
            return Ok((*revision, Arc::clone(text)));
        }
        let source = Source { snapshot: &snapshot, environment, service: None };
        let translated = document(&source, Audiences::Inlined);
        for (flag, why) in &translated.untranslatable {
            warn!(%flag, %environment, why, "a flag is not in what flagd's providers get");
        }
        let text = print(&translated.json);
        if text.len() > DOCUMENT_BYTES_MAX {
            let words = format!(
                "the flags of {environment} are {} bytes in flagd's format, and its providers take at most \
                 {DOCUMENT_BYTES_MAX}",
                text.len()
            );
            return Err(Status::resource_exhausted(words));
        }
        let text = match held {
            Some((_, before)) if **before == *text => Arc::clone(before),
            _ => Arc::from(text),
        };
        known.insert(environment.clone(), (snapshot.revision(), Arc::clone(&text)));
        Ok((snapshot.revision(), text))
    }
}
