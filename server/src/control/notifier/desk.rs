//! What is known of one target: shared by the courier that delivers, and by whoever asks.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mycelia_flags_core::revision::Timestamp;
use tokio::sync::Mutex as Turn;
use tracing::warn;

use super::delivery::{Refusal, attempt};
use super::ledger::{self, DeadLetter, Ledger};
use super::notice::Notice;
use super::targets::Target;
use crate::outbound::tls::Trust;

/// What a courier is trying to deliver, and has failed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trying {
    /// The notice.
    pub id: String,
    /// How often it was tried.
    pub failed: u32,
    /// Why it was not taken, the last time.
    pub error: String,
}

/// A target and how far the server is with it.
#[derive(Debug)]
pub struct Desk {
    /// The target.
    pub target: Target,
    trust: Trust,
    folder: PathBuf,
    ledger: Mutex<Ledger>,
    trying: Mutex<Option<Trying>>,
    /// One writer of the file at a time, and it ends even when whoever asked for it does not wait.
    saving: Arc<Turn<()>>,
}

impl Desk {
    pub(super) fn new(target: Target, trust: Trust, folder: PathBuf, ledger: Ledger) -> Self {
        let (ledger, trying, saving) = (Mutex::new(ledger), Mutex::default(), Arc::default());
        Self { target, trust, folder, ledger, trying, saving }
    }

    /// Tells the target something, once.
    pub(super) async fn attempt(&self, notice: &Notice, now: Timestamp) -> Result<(), Refusal> {
        attempt(&self.trust, &self.target, notice, now).await
    }

    /// How far the server is. Held for a few lines at most.
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the server is.
    #[must_use]
    pub fn known(&self) -> Ledger {
        self.ledger().clone()
    }

    /// What does not get through right now.
    #[must_use]
    pub fn trying(&self) -> Option<Trying> {
        self.trying.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_trying(&self, trying: Option<Trying>) {
        *self.trying.lock().unwrap_or_else(PoisonError::into_inner) = trying;
    }

    /// Writes the ledger. A disk that does not take it costs a repetition after the next start, and no more.
    pub(super) async fn save(&self) {
        let turn = Arc::clone(&self.saving).lock_owned().await;
        let (bytes, folder, name) = (self.ledger().bytes(), self.folder.clone(), self.target.name.clone());
        let written = tokio::task::spawn_blocking(move || {
            let written = ledger::write(&folder, &name, &bytes);
            drop(turn);
            written
        });
        if let Ok(Err(error)) = written.await {
            warn!(target = self.target.name, %error, "how far a notification target is cannot be written");
        }
    }

    /// Tries a dead letter once more; none when there is none of this id.
    pub(super) async fn retry(&self, id: &str, now: Timestamp) -> Option<Result<(), Refusal>> {
        let letter = self.ledger().dead.iter().find(|letter| letter.notice.id == id).cloned()?;
        let outcome = self.attempt(&letter.notice, now).await;
        {
            let mut ledger = self.ledger();
            match &outcome {
                Ok(()) => {
                    ledger.dead.retain(|known| known.notice.id != id);
                    ledger.delivered = ledger.delivered.saturating_add(1);
                }
                Err(refusal) => {
                    if let Some(known) = ledger.dead.iter_mut().find(|known| known.notice.id == id) {
                        known.attempts = known.attempts.saturating_add(1);
                        known.failed_at_micros = now.unix_micros();
                        known.error.clone_from(&refusal.why);
                    }
                }
            }
        }
        self.save().await;
        Some(outcome)
    }

    pub(super) fn bury(&self, notice: &Notice, attempts: u32, refusal: &Refusal, now: Timestamp) {
        let letter = DeadLetter {
            notice: notice.clone(),
            attempts,
            failed_at_micros: now.unix_micros(),
            error: refusal.why.clone(),
        };
        self.ledger().bury(letter);
    }
}
