//! Tells one target what happens: follows the log with a cursor of its own, in order, and waits for nobody else.
//!
//! There is no queue: a target that is slow or down is simply further behind in the log.

use std::sync::Arc;
use std::time::Duration;

use mycelia_flags_core::event::events_of;
use mycelia_flags_core::record::Record;
use mycelia_flags_core::revision::Revision;
use mycelia_flags_core::snapshot::Snapshot;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::alarms::Alarms;
use super::backoff::Backoff;
use super::desk::{Desk, Trying};
use super::digest;
use super::notice::Notice;
use crate::clock::SharedClock;
use crate::control::measured::Measured;
use crate::state::{HistoryQuery, ReadError, Store};

/// Records that are read at once from the log.
const PAGE: usize = 256;

/// A ledger that has only moved past records that say nothing is written this often: reading them again is cheap.
const UNTOLD_RECORDS_MAX: u64 = 1_000;

/// Tells one target what happens.
#[derive(Debug)]
pub struct Courier {
    pub(super) desk: Arc<Desk>,
    pub(super) alarms: Arc<Alarms>,
    pub(super) store: Store,
    pub(super) clock: SharedClock,
    pub(super) measured: Measured,
    /// How often the clock is looked at.
    pub(super) pace: Duration,
    pub(super) backoff: Backoff,
    /// The state at the ledger's revision.
    pub(super) before: Arc<Snapshot>,
    /// The last alarm that it has told.
    pub(super) heard: u64,
    /// The revision that was written to the file last.
    pub(super) saved: u64,
}

impl Courier {
    /// Goes on until it is told to stop. What was begun then and not finished is told again after the next start.
    pub async fn run(mut self, stopping: CancellationToken) {
        stopping.run_until_cancelled(self.follow()).await;
        self.desk.save().await;
    }

    async fn follow(&mut self) {
        let (mut head, mut alarms) = (self.store.head(), self.alarms.newest());
        let has_digest = self.desk.target.digest_minute.is_some();
        loop {
            head.borrow_and_update();
            alarms.borrow_and_update();
            let mut waits = has_digest;
            if let Err(error) = self.tell_all().await {
                warn!(target = self.desk.target.name, %error, "the log cannot be read for notifications");
                waits = true;
            }
            let looked = async {
                match waits {
                    true => tokio::time::sleep(self.pace).await,
                    false => std::future::pending().await,
                }
            };
            tokio::select! {
                moved = head.changed() => if moved.is_err() { return },
                raised = alarms.changed() => if raised.is_err() { return },
                () = looked => {}
            }
        }
    }

    async fn tell_all(&mut self) -> Result<(), ReadError> {
        self.tell_log().await?;
        let (raised, newest) = self.alarms.after(self.heard);
        self.heard = newest;
        for alarm in raised {
            if self.desk.target.hears(&alarm.0) {
                self.deliver(&alarm.1).await;
                self.save().await;
            }
        }
        self.tell_digest().await
    }

    async fn tell_log(&mut self) -> Result<(), ReadError> {
        loop {
            let position = Revision::new(self.desk.ledger().revision);
            let records = match self.store.records_after(position) {
                Some(records) => records,
                None => {
                    let query = HistoryQuery { after: position, limit: PAGE, ..HistoryQuery::default() };
                    let page = self.store.history(query).await?;
                    page.records.into_iter().map(|(record, _)| record).collect()
                }
            };
            if records.is_empty() {
                break;
            }
            for record in records {
                self.tell(&record).await?;
            }
        }
        let now = self.store.snapshot();
        if now.revision() == self.before.revision() {
            // Shares what all others share, too.
            self.before = now;
        }
        Ok(())
    }

    async fn tell(&mut self, record: &Record) -> Result<(), ReadError> {
        if self.before.revision().next() != record.revision {
            let before = Revision::new(record.revision.get().saturating_sub(1));
            self.before = self.store.snapshot_at(before).await?.unwrap_or_default();
        }
        let told = self.desk.ledger().told;
        for (place, event) in events_of(record, &self.before).into_iter().enumerate().skip(told) {
            if self.desk.target.hears(&event) {
                let notice = Notice::of_record(self.store.epoch(), record, place, event);
                self.deliver(&notice).await;
                self.desk.ledger().told = place.saturating_add(1);
                self.save().await;
            }
        }
        {
            let mut ledger = self.desk.ledger();
            ledger.revision = record.revision.get();
            ledger.told = 0;
        }
        if Arc::make_mut(&mut self.before).fold(record).is_err() {
            // Cannot be: the revision before it was compared above. The next record reads the state anew.
            debug_assert!(false, "a record that follows its state folds");
        }
        if record.revision.get().saturating_sub(self.saved) >= UNTOLD_RECORDS_MAX {
            self.save().await;
        }
        Ok(())
    }

    async fn tell_digest(&mut self) -> Result<(), ReadError> {
        let Some(minute) = self.desk.target.digest_minute else {
            return Ok(());
        };
        let now = self.clock.now();
        let done = self.desk.ledger().digest_day;
        let Some(day) = digest::due(now, minute, done) else {
            return Ok(());
        };
        for notice in digest::notices(&self.store, &self.measured, now).await? {
            let is_there = |environment: &String| {
                let wanted = &self.desk.target.filter.environments;
                wanted.is_empty() || wanted.iter().any(|wanted| wanted.as_str() == *environment)
            };
            if notice.environments.iter().any(is_there) {
                self.deliver(&notice).await;
            }
        }
        self.desk.ledger().digest_day = day;
        self.save().await;
        Ok(())
    }

    async fn save(&mut self) {
        self.saved = self.desk.ledger().revision;
        self.desk.save().await;
    }

    /// Tries until the target has taken the notice, or it is put aside.
    async fn deliver(&self, notice: &Notice) {
        let (target, mut failed) = (&self.desk.target, 0_u32);
        loop {
            let Err(refusal) = self.desk.attempt(notice, self.clock.now()).await else {
                debug!(target = target.name, id = notice.id, "notified");
                let mut ledger = self.desk.ledger();
                ledger.delivered = ledger.delivered.saturating_add(1);
                break;
            };
            failed = failed.saturating_add(1);
            if !refusal.is_passing || failed >= target.attempts {
                warn!(
                    target = target.name,
                    id = notice.id,
                    attempts = failed,
                    error = refusal.why,
                    "a notification is put aside: it could not be delivered"
                );
                self.desk.bury(notice, failed, &refusal, self.clock.now());
                break;
            }
            let wait = self.backoff.wait(failed, fastrand::f64(), refusal.retry_after);
            let until = self.clock.elapsed().saturating_add(wait);
            self.desk.set_trying(Some(Trying { id: notice.id.clone(), failed, error: refusal.why }));
            self.rest(until).await;
        }
        self.desk.set_trying(None);
    }

    /// Waits by the server's clock, which a test may move.
    async fn rest(&self, until: Duration) {
        loop {
            let left = until.saturating_sub(self.clock.elapsed());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(self.pace)).await;
        }
    }
}
