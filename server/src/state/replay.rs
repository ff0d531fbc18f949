//! Reads a log back from its first record and trusts nothing in it.
//!
//! Each record's checksum, its place in the chain of hashes and its revision are verified, and the end is held against
//! what was confirmed as durable. A log that goes further than that is fine: a crash came between two syncs. One that
//! does not go as far has lost something, and is refused.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use mycelia_flags_core::revision::Revision;
use mycelia_flags_core::snapshot::Snapshot;

use super::envelope::{Chain, Position, RecordFault};
use super::form::hash_intent;
use super::limits::{IDEMPOTENCY_KEYS_MAX, RECENT_BYTES_MAX, RECENT_RECORDS_MAX};
use super::log::{Log, LogError};
use super::open_error::OpenError;
use super::recent::Recent;
use super::remembered::{Earlier, Remembered};

/// What a log amounts to.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) snapshot: Snapshot,
    pub(super) position: Position,
    pub(super) recent: Recent,
    pub(super) remembered: Remembered,
}

/// Reads and verifies everything.
pub(super) fn load(log: &mut dyn Log) -> Result<Loaded, OpenError> {
    let mut fold = Fold::new(log.confirmed());
    let outcome = log.replay(&mut |revision, bytes| match fold.take(revision, &bytes) {
        Ok(()) => ControlFlow::Continue(()),
        Err(what) => {
            fold.damage = Some(what);
            ControlFlow::Break(())
        }
    });
    let damage = match (fold.damage, outcome) {
        // The engine cannot read on: the damage lies behind the last record that it gave us.
        (None, Err(LogError::Engine { cause, .. })) => Some(cause),
        (None, Err(error)) => return Err(refusal(log.dir(), error)),
        (damage, _) => damage,
    };
    if let Some(what) = damage {
        return Err(OpenError::Damaged {
            revision: fold.chain.position().revision.next(),
            what,
            dir: log.dir().to_owned(),
        });
    }
    let position = fold.chain.position();
    if position.revision < fold.confirmed.revision {
        return Err(OpenError::RolledBack {
            head: fold.confirmed.revision,
            found: position.revision,
            dir: log.dir().to_owned(),
        });
    }
    Ok(Loaded { snapshot: fold.snapshot, position, recent: fold.recent, remembered: fold.remembered })
}

/// What a log's error means while a store is being opened.
pub(super) fn refusal(dir: &Path, error: LogError) -> OpenError {
    let dir = dir.to_owned();
    match error {
        LogError::Full { .. } => OpenError::Full { dir },
        LogError::Io { action, cause } => OpenError::Io { action, path: dir, cause },
        LogError::Damaged { revision, fault } => {
            OpenError::Damaged { revision, what: fault.to_string(), dir }
        }
        LogError::NotNext { head, found } => {
            let what = RecordFault::Gap { expected: head.next(), found }.to_string();
            OpenError::Damaged { revision: head.next(), what, dir }
        }
        LogError::Engine { cause, .. } => OpenError::Unopenable { dir, what: cause },
    }
}

struct Fold {
    confirmed: Position,
    chain: Chain,
    snapshot: Snapshot,
    recent: Recent,
    remembered: Remembered,
    damage: Option<String>,
}

impl Fold {
    fn new(confirmed: Position) -> Self {
        Self {
            confirmed,
            chain: Chain::default(),
            snapshot: Snapshot::default(),
            recent: Recent::new(RECENT_RECORDS_MAX, RECENT_BYTES_MAX),
            remembered: Remembered::new(IDEMPOTENCY_KEYS_MAX),
            damage: None,
        }
    }

    fn take(&mut self, kept_under: Revision, bytes: &Bytes) -> Result<(), String> {
        let expected = self.chain.position().revision.next();
        if kept_under != expected {
            return Err(RecordFault::Gap { expected, found: kept_under }.to_string());
        }
        let before = self.chain.position();
        let record = self.chain.follow(bytes).map_err(|fault| fault.to_string())?;
        let position = self.chain.position();
        if position.revision == self.confirmed.revision && position.hash != self.confirmed.hash {
            // The position must stay before the record that is not good.
            self.chain = Chain::at(before);
            return Err("it is another record than the one that was acknowledged".to_owned());
        }
        self.snapshot.fold(&record).map_err(|gap| gap.to_string())?;
        if !record.idempotency_key.is_empty() {
            let intent = hash_intent(&record.change_set);
            let earlier = Earlier { revision: record.revision, intent, warnings: Vec::new() };
            self.remembered.insert(&record.idempotency_key, earlier);
        }
        self.recent.push(Arc::new(record), bytes.len());
        Ok(())
    }
}
