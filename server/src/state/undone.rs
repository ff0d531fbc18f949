//! What a change set undoes, read back from the log before the writer hears of it.
//!
//! Each entity that a revision wrote had the value before that the newest earlier write gave it. One walk back through
//! the log finds these for all revisions of a change set, and who has written to the same entities since. It ends as
//! soon as everything is known; that an entity was not there before is known at the first record only.

use std::collections::{BTreeMap, BTreeSet};

use mycelia_flags_core::change::{Change, ChangeSet};
use mycelia_flags_core::check::Undone;
use mycelia_flags_core::entity::{Entity, EntityId, Write};
use mycelia_flags_core::limits::CHANGES_MAX;
use mycelia_flags_core::record::Record;
use mycelia_flags_core::rejection::{Reason, Rejection, Violation};
use mycelia_flags_core::request::meant;
use mycelia_flags_core::revision::Revision;
use mycelia_flags_core::snapshot::Snapshot;
use tokio::sync::mpsc;

use super::commit::CommitError;
use super::envelope::read_record;
use super::form::write_bytes;
use super::limits::UNDONE_BYTES_MAX;
use super::read::{Backwards, ReadError, read_piece};
use super::writer::Command;

/// Whether anything has to be read for a change set.
pub(super) fn undoes(change_set: &ChangeSet, snapshot: &Snapshot) -> bool {
    meant(change_set, snapshot).iter().any(|(_, change)| matches!(change, Change::Undo { .. }))
}

/// Reads everything that a change set undoes, as far as it is there: what is not there, and a change set that is too
/// long, is for the check to refuse.
pub(super) async fn read(
    commands: &mpsc::Sender<Command>,
    change_set: &ChangeSet,
    snapshot: &Snapshot,
    head: Revision,
) -> Result<Vec<Undone>, CommitError> {
    if change_set.changes.len() > CHANGES_MAX {
        return Ok(Vec::new());
    }
    let asked = meant(change_set, snapshot).into_iter().filter_map(|(_, change)| match change {
        Change::Undo { revision } if (Revision::new(1)..=head).contains(revision) => Some(*revision),
        _ => None,
    });
    let mut search = Search::default();
    for revision in asked.collect::<BTreeSet<_>>() {
        let before = Revision::new(revision.get() - 1);
        let piece =
            read_piece(commands, before, revision).await.map_err(|error| unreadable(error, revision))?;
        let record = piece.first().and_then(|sealed| read_record(sealed).ok());
        let (record, _) = record.ok_or(CommitError::Unreadable { revision })?;
        search.add(record)?;
    }
    let mut log = Backwards::from(commands, head);
    let mut expected = head;
    while search.goes_on(expected) {
        let piece = log.piece().await.map_err(|error| unreadable(error, expected))?;
        if piece.is_empty() {
            break;
        }
        for sealed in piece {
            let (record, _) = read_record(&sealed).or(Err(CommitError::Unreadable { revision: expected }))?;
            search.look_at(&record)?;
            expected = Revision::new(record.revision.get().saturating_sub(1));
        }
    }
    Ok(search.targets.into_iter().map(Target::finish).collect())
}

fn unreadable(error: ReadError, revision: Revision) -> CommitError {
    match error {
        ReadError::Unavailable => CommitError::Unavailable,
        ReadError::Damaged { revision, .. } => CommitError::Unreadable { revision },
        ReadError::Log { .. } | ReadError::SinkClosed => CommitError::Unreadable { revision },
    }
}

/// A revision to undo, and what is known of it so far.
#[derive(Debug)]
struct Target {
    revision: Revision,
    writes: Vec<Write>,
    /// For each write; none while it is not known.
    before: Vec<Option<Write>>,
    since: BTreeMap<EntityId, (Revision, Box<str>)>,
}

impl Target {
    fn finish(self) -> Undone {
        // What was never written before was not there.
        let absent = |write: &Write| Write { id: write.id.clone(), value: None };
        let pairs = self.writes.iter().zip(self.before);
        let before = pairs.map(|(write, before)| before.unwrap_or_else(|| absent(write))).collect();
        Undone { revision: self.revision, writes: self.writes, before, since: self.since }
    }
}

#[derive(Debug, Default)]
struct Search {
    targets: Vec<Target>,
    /// Which writes of which targets are about an entity.
    places: BTreeMap<EntityId, Vec<(usize, usize)>>,
    /// How many values are not known yet.
    unknown: usize,
    /// The oldest revision to undo. Who has written since is known when the walk has come down to it.
    oldest: Option<Revision>,
    bytes: usize,
}

impl Search {
    fn add(&mut self, record: Record) -> Result<(), CommitError> {
        let target = self.targets.len();
        for (index, write) in record.writes.iter().enumerate() {
            self.hold(write)?;
            self.places.entry(write.id.clone()).or_default().push((target, index));
        }
        let before: Vec<Option<Write>> = record.writes.iter().map(opposite).collect();
        self.unknown += before.iter().filter(|before| before.is_none()).count();
        self.oldest = Some(self.oldest.map_or(record.revision, |oldest| oldest.min(record.revision)));
        let Record { revision, writes, .. } = record;
        self.targets.push(Target { revision, writes, before, since: BTreeMap::new() });
        Ok(())
    }

    /// Whether a record and those before it can tell anything.
    fn goes_on(&self, next: Revision) -> bool {
        self.oldest.is_some_and(|oldest| self.unknown > 0 || next > oldest)
    }

    fn look_at(&mut self, record: &Record) -> Result<(), CommitError> {
        for write in &record.writes {
            let Some(places) = self.places.get(&write.id) else {
                continue;
            };
            for (target, index) in places.clone() {
                let Some(target) = self.targets.get_mut(target) else {
                    continue;
                };
                if record.revision > target.revision {
                    // The walk goes back, so whoever is met first was the last.
                    let by = || (record.revision, Box::from(record.change_set.actor.as_str()));
                    target.since.entry(write.id.clone()).or_insert_with(by);
                } else if record.revision < target.revision
                    && let Some(before) = target.before.get_mut(index).filter(|before| before.is_none())
                {
                    *before = Some(write.clone());
                    self.unknown -= 1;
                    self.hold(write)?;
                }
            }
        }
        Ok(())
    }

    /// Counts what is kept in memory.
    fn hold(&mut self, write: &Write) -> Result<(), CommitError> {
        self.bytes = self.bytes.saturating_add(write_bytes(write));
        if self.bytes <= UNDONE_BYTES_MAX {
            return Ok(());
        }
        Err(Rejection::one(Violation {
            reason: Reason::TooLarge,
            field: "changes".to_owned(),
            value: format!("revisions of more than {UNDONE_BYTES_MAX} bytes to undo"),
            allowed: format!("at most {UNDONE_BYTES_MAX} bytes; undo fewer revisions at a time"),
        })
        .into())
    }
}

/// What a key of a list was before: a record only holds what really changed, so it was the other of the two.
fn opposite(write: &Write) -> Option<Write> {
    let EntityId::Listed(..) = &write.id else {
        return None;
    };
    let value = if write.value.is_some() { None } else { Some(Entity::Listed) };
    Some(Write { id: write.id.clone(), value })
}

#[cfg(test)]
mod tests {
    use mycelia_flags_core::key::FoldedKey;
    use mycelia_flags_core::revision::Timestamp;

    use super::*;

    #[test]
    fn more_than_memory_should_hold_is_refused() {
        let record = Record {
            revision: Revision::new(2),
            committed_at: Timestamp::default(),
            change_set: ChangeSet::default(),
            writes: vec![Write { id: EntityId::Flag(FoldedKey::of("dreams")), value: None }],
            idempotency_key: Box::default(),
        };
        let bytes = write_bytes(&record.writes[0]);
        let mut search = Search { bytes: UNDONE_BYTES_MAX - bytes, ..Search::default() };
        assert_eq!(search.add(record.clone()), Ok(()));
        let Err(CommitError::Rejected(rejection)) = search.add(record) else { panic!("kept") };
        assert_eq!(rejection.violations[0].reason, Reason::TooLarge);
    }
}
