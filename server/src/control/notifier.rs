//! Tells others what happens: webhooks, Slack-compatible messages, mails.
//!
//! Events are read from the log ([`mycelia_flags_core::event`]), by one courier for each target with a cursor of its own:
//! whoever is slow or down holds nobody else up, and a restart neither loses anything nor sends it under another name.
//! What is deliberately absent: any say in what happens. Whoever answers a notice does so by a change set of their own.

mod alarms;
pub mod backoff;
mod courier;
mod delivery;
mod desk;
mod digest;
mod ledger;
pub mod notice;
pub mod signature;
pub mod skews;
pub mod targets;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mycelia_flags_core::event::Event;
use mycelia_flags_core::revision::Revision;
use tracing::{info, warn};

use alarms::Alarms;
use backoff::Backoff;
pub use courier::Courier;
pub use delivery::Refusal;
pub use desk::{Desk, Trying};
pub use ledger::{DEAD_LETTERS_MAX, DeadLetter, Ledger, LedgerError};
use notice::Notice;
use skews::ToldSkews;
use targets::Target;

use super::measured::Measured;
use crate::clock::SharedClock;
use crate::outbound::tls::Trust;
use crate::state::{Epoch, ReadError, Store};

/// Whom to tell, and where the server remembers how far it is.
#[derive(Debug, Clone)]
pub struct NotifyOptions {
    /// The targets; none tells nobody.
    pub targets: Vec<Target>,
    /// The folder of the ledgers, beside the store.
    pub folder: PathBuf,
    /// Whose certificates are trusted.
    pub trust: Trust,
    /// How long to wait between attempts.
    pub backoff: Backoff,
    /// How long live instances have to acknowledge a revision before it is told that they did not.
    pub convergence_bound: Duration,
    /// How long live instances of an environment may serve different states before that is told.
    pub skew_bound: Duration,
}

/// How long live instances have to acknowledge a revision, unless somebody says otherwise.
pub const CONVERGENCE_BOUND: Duration = Duration::from_secs(30);

/// How long live instances may serve different states, unless somebody says otherwise.
pub const SKEW_BOUND: Duration = Duration::from_secs(60);

impl Default for NotifyOptions {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            folder: PathBuf::new(),
            trust: Trust::default(),
            backoff: Backoff::default(),
            convergence_bound: CONVERGENCE_BOUND,
            skew_bound: SKEW_BOUND,
        }
    }
}

/// The notifier cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// What it remembers cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A target names an environment that the store does not have.
    #[error("notification target `{target}`: environments: the store has no environment `{environment}`")]
    Environment {
        /// The target.
        target: String,
        /// The environment.
        environment: String,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// What the notifier works with.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The log.
    pub store: Store,
    /// The time.
    pub clock: SharedClock,
    /// What metrics say, for digests.
    pub measured: Measured,
    /// How often the clock is looked at.
    pub pace: Duration,
}

/// All targets, for whoever asks about them.
#[derive(Debug)]
pub struct Notifier {
    desks: Vec<Arc<Desk>>,
    alarms: Arc<Alarms>,
    store: Store,
    clock: SharedClock,
    folder: PathBuf,
}

impl Notifier {
    /// Reads how far the server is with each target; answers the couriers that go on from there. A target that is new
    /// begins at the newest revision.
    ///
    /// # Errors
    /// When a target cannot be told. A notifier that does not work must be noticed at the start.
    pub async fn open(
        options: NotifyOptions,
        around: Surroundings,
    ) -> Result<(Arc<Self>, Vec<Courier>), NotifyError> {
        let Surroundings { store, clock, measured, pace } = around;
        let (snapshot, epoch, now) = (store.snapshot(), store.epoch(), clock.now());
        let alarms = Arc::new(Alarms::default());
        let (mut desks, mut couriers) = (Vec::new(), Vec::new());
        for target in options.targets {
            let unknown =
                target.filter.environments.iter().find(|environment| !snapshot.has_environment(environment));
            if let Some(environment) = unknown {
                let (target, environment) = (target.name.clone(), environment.to_string());
                return Err(NotifyError::Environment { target, environment });
            }
            let known = Ledger::read(&options.folder, &target.name)?;
            let is_new = known.is_none();
            let mut ledger = known.unwrap_or_else(|| Ledger::begin(epoch, snapshot.revision()));
            if ledger.epoch != epoch.to_string() || ledger.revision > snapshot.revision().get() {
                warn!(
                    target = target.name,
                    revision = ledger.revision,
                    "the store is another one than before: this target is told what happens from now on"
                );
                (ledger.epoch, ledger.revision, ledger.told) =
                    (epoch.to_string(), snapshot.revision().get(), 0);
            }
            if let (Some(minute), 0) = (target.digest_minute, ledger.digest_day) {
                ledger.digest_day = digest::done_at_first(now, minute);
            }
            let before = store.snapshot_at(Revision::new(ledger.revision)).await?.unwrap_or_default();
            info!(
                target = target.name,
                kind = target.channel.kind(),
                to = target.channel.shown(),
                revision = ledger.revision,
                dead = ledger.dead.len(),
                "notifies"
            );
            let saved = ledger.revision;
            let desk = Arc::new(Desk::new(target, options.trust.clone(), options.folder.clone(), ledger));
            if is_new {
                desk.save().await;
            }
            desks.push(Arc::clone(&desk));
            couriers.push(Courier {
                desk,
                alarms: Arc::clone(&alarms),
                store: store.clone(),
                clock: Arc::clone(&clock),
                measured: measured.clone(),
                pace,
                backoff: options.backoff,
                before,
                heard: 0,
                saved,
            });
        }
        Ok((Arc::new(Self { desks, alarms, store, clock, folder: options.folder }), couriers))
    }

    /// The newest revision of the store.
    #[must_use]
    pub fn head(&self) -> Revision {
        self.store.snapshot().revision()
    }

    /// The identity of the store, which the names of all notices begin with.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.store.epoch()
    }

    /// All targets, as they were configured.
    #[must_use]
    pub fn desks(&self) -> &[Arc<Desk>] {
        &self.desks
    }

    /// A target by its name.
    #[must_use]
    pub fn desk(&self, name: &str) -> Option<&Arc<Desk>> {
        self.desks.iter().find(|desk| desk.target.name == name)
    }

    /// Tries a dead letter once more, of one target or of all that have it. Answers each that has it with what came of
    /// it.
    pub async fn retry(&self, id: &str, target: Option<&str>) -> Vec<(String, Result<(), Refusal>)> {
        let mut outcomes = Vec::new();
        for desk in self.desks.iter().filter(|desk| target.is_none_or(|name| desk.target.name == name)) {
            if let Some(outcome) = desk.retry(id, self.clock.now()).await {
                outcomes.push((desk.target.name.clone(), outcome));
            }
        }
        outcomes
    }

    /// Sends a test to a target, past its filter and its order; none when there is no such target.
    pub async fn test(&self, name: &str) -> Option<Result<(), Refusal>> {
        let desk = self.desk(name)?;
        let now = self.clock.now();
        let notice = Notice::test(self.store.epoch(), name, now);
        Some(desk.attempt(&notice, now).await)
    }

    /// Which skews were told before this start, and are not known to be over.
    pub async fn told_skews(&self) -> ToldSkews {
        let (folder, epoch) = (self.folder.clone(), self.store.epoch());
        let read = tokio::task::spawn_blocking(move || skews::read(&folder, epoch));
        read.await.unwrap_or_default()
    }

    /// Remembers which skews are told and not over, beyond a restart.
    pub async fn keep_told_skews(&self, told: ToldSkews) {
        let (folder, epoch) = (self.folder.clone(), self.store.epoch());
        let written = tokio::task::spawn_blocking(move || skews::write(&folder, epoch, &told));
        if let Ok(Err(error)) = written.await {
            warn!(%error, "which skews are told cannot be written: a restart would not tell their end");
        }
    }

    /// Tells all targets what is in no record.
    pub fn raise(&self, event: Event, notice: Notice) {
        if !self.desks.is_empty() {
            self.alarms.raise(event, notice);
        }
    }
}
