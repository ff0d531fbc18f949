//! The state floor: one writer, one log, one snapshot.
//!
//! A change set goes in at [`Store::commit`] and comes out as a record that is checked, durable, visible and
//! announced, in this order. Everybody else reads: the [snapshot](Store::snapshot) of now, the
//! [recent records](Store::records_after), the whole [history](Store::history), the [past](Store::snapshot_at).
//!
//! What this floor deliberately does not know: who listens, why a change is made, gRPC. What nobody above it may
//! know: sled, and the form in which records lie on disk.
//!
//! How it is arranged: `store` is the handle and `writer` the one thread behind it, with the change sets of one `group`
//! in its hands. The writer stands on the trait in `log`, which `memory_log` and `sled_log` implement. `opening` and
//! `data_dir` decide whether a directory may be used, `replay` reads a log back and trusts nothing in it. `form` and
//! `envelope` say what the bytes are. `schemas` judges values for the check; `undone` and `past` read in the log what was
//! there before, on the side of whoever asks.

mod backup;
mod commit;
mod crash_point;
mod data_dir;
mod envelope;
mod epoch;
#[cfg(test)]
mod fixture;
mod form;
mod group;
mod head_file;
mod history;
mod limits;
mod log;
mod memory_log;
mod open_error;
mod opening;
mod past;
mod read;
mod recent;
mod remembered;
mod replay;
mod restore;
mod schemas;
mod sled_log;
mod stats;
mod store;
mod undone;
mod writer;

pub use backup::BackupSummary;
pub use commit::{CommitError, CommitRequest, Committed, WriterHealth};
pub use envelope::ChainHash;
pub use epoch::{Epoch, EpochError};
pub use history::{HistoryPage, HistoryQuery};
pub use open_error::OpenError;
pub use opening::{LogChoice, StoreOptions};
pub use read::ReadError;
pub use restore::{RestoreError, RestoreSummary, restore};
pub use stats::StoreStats;
pub use store::Store;
