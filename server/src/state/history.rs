//! Pages of the log, for audits and for people.
//!
//! Reading is the writer's work, decoding and filtering the caller's. A page does a bounded amount of both; where it
//! ends before the log does, it says where to go on.

use std::sync::Arc;

use bytes::Bytes;
use mycelia_flags_core::key::FoldedKey;
use mycelia_flags_core::record::Record;
use mycelia_flags_core::revision::Revision;
use tokio::sync::mpsc;

use super::envelope::{ChainHash, read_record};
use super::limits::{PAGE_BYTES_MAX, PAGE_RECORDS_MAX, PAGE_SCANNED_MAX, READ_RECORDS_MAX};
use super::read::{ReadError, read_piece};
use super::writer::Command;

/// Which part of the history.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HistoryQuery {
    /// Only records after this revision.
    pub after: Revision,
    /// Only records before this revision.
    pub before: Option<Revision>,
    /// At most so many records; a page has at most 1,000.
    pub limit: usize,
    /// Only records that wrote something of this flag.
    pub flag: Option<FoldedKey>,
    /// Begin with the newest.
    pub newest_first: bool,
}

/// A part of the history.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HistoryPage {
    /// In the order that was asked for, each with the hash of the history up to it.
    pub records: Vec<(Arc<Record>, ChainHash)>,
    /// There may be further records.
    pub more: bool,
    /// The last revision that was looked at. To go on, ask for what comes after it, or before it when the newest come
    /// first. A page can be empty and have more: a filter that seldom matches must not read the whole log in one call.
    pub scanned: Revision,
}

/// What is still to be looked at: the revisions after the one and before the other.
struct Range {
    after: Revision,
    before: Revision,
}

impl Range {
    const fn is_empty(&self) -> bool {
        self.after.get().saturating_add(1) >= self.before.get()
    }
}

/// Reads a page of what is visible.
pub(super) async fn history(
    commands: &mpsc::Sender<Command>,
    query: &HistoryQuery,
    head: Revision,
) -> Result<HistoryPage, ReadError> {
    let before = query.before.map_or(head.next(), |before| before.min(head.next()));
    let mut range = Range { after: query.after, before };
    let limit = query.limit.min(PAGE_RECORDS_MAX);
    let mut page = HistoryPage {
        scanned: if query.newest_first { before } else { query.after },
        ..HistoryPage::default()
    };
    let (mut scanned, mut bytes) = (0, 0);
    while !range.is_empty() {
        if page.records.len() >= limit || scanned >= PAGE_SCANNED_MAX || bytes >= PAGE_BYTES_MAX {
            page.more = true;
            break;
        }
        // Without a filter every record counts, so that nothing needs to be read that is not shown.
        let wanted = if query.flag.is_some() { READ_RECORDS_MAX } else { limit - page.records.len() };
        for sealed in read_next(commands, &range, query.newest_first, wanted).await? {
            if page.records.len() >= limit {
                break;
            }
            let next = if query.newest_first { range.before.get() - 1 } else { range.after.get() + 1 };
            let (record, hash) =
                read_record(&sealed).map_err(|fault| ReadError::damaged(Revision::new(next), &fault))?;
            page.scanned = record.revision;
            if query.newest_first {
                range.before = record.revision;
            } else {
                range.after = record.revision;
            }
            scanned += 1;
            bytes += sealed.len();
            if query.flag.as_ref().is_none_or(|flag| touches(&record, flag)) {
                page.records.push((Arc::new(record), hash));
            }
        }
    }
    Ok(page)
}

/// The next records of a range, in the order of reading; at least one of a range that is not empty.
async fn read_next(
    commands: &mpsc::Sender<Command>,
    range: &Range,
    newest_first: bool,
    wanted: usize,
) -> Result<Vec<Bytes>, ReadError> {
    let last = Revision::new(range.before.get() - 1);
    let wanted = u64::try_from(wanted.min(READ_RECORDS_MAX)).unwrap_or(u64::MAX);
    let mut after = if newest_first {
        range.after.max(Revision::new(last.get().saturating_sub(wanted)))
    } else {
        range.after
    };
    let mut records = Vec::new();
    loop {
        let piece = read_piece(commands, after, last).await?;
        if piece.is_empty() {
            return Err(ReadError::Log { what: format!("nothing follows revision {after}") });
        }
        after = Revision::new(after.get() + u64::try_from(piece.len()).unwrap_or(u64::MAX));
        records.extend(piece);
        // A piece ends early when its records are large. Read backwards, the newest of them are still missing then.
        if !newest_first || after >= last {
            break;
        }
    }
    if newest_first {
        records.reverse();
    }
    Ok(records)
}

fn touches(record: &Record, flag: &FoldedKey) -> bool {
    record.writes.iter().any(|write| write.id.flag() == Some(flag))
}
