//! Records: what was asked, and the writes that it caused.

use mycelia_flags_core::record as core;
use mycelia_flags_core::revision::{Revision, Timestamp};

use super::change::ChangeSet;
use super::write::{Write, packed, unpacked};
use super::{FormError, required};

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Record {
    #[prost(uint64, tag = "1")]
    pub(super) revision: u64,
    #[prost(sint64, tag = "2")]
    pub(super) committed_at_micros: i64,
    #[prost(string, tag = "3")]
    pub(super) idempotency_key: String,
    #[prost(message, optional, tag = "4")]
    pub(super) change_set: Option<ChangeSet>,
    #[prost(message, repeated, tag = "5")]
    pub(super) writes: Vec<Write>,
}

impl From<&core::Record> for Record {
    fn from(record: &core::Record) -> Self {
        Self {
            revision: record.revision.get(),
            committed_at_micros: record.committed_at.unix_micros(),
            idempotency_key: record.idempotency_key.to_string(),
            change_set: Some(ChangeSet::from(&record.change_set)),
            writes: packed(&record.writes),
        }
    }
}

impl TryFrom<Record> for core::Record {
    type Error = FormError;

    fn try_from(record: Record) -> Result<Self, FormError> {
        Ok(Self {
            revision: Revision::new(record.revision),
            committed_at: Timestamp::from_unix_micros(record.committed_at_micros),
            change_set: required("a change set", record.change_set)?.try_into()?,
            writes: unpacked(record.writes)?,
            idempotency_key: record.idempotency_key.into(),
        })
    }
}

/// The first fields of a record, for whoever looks for a moment in a long log and needs nothing else of it.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Stamp {
    #[prost(uint64, tag = "1")]
    pub(super) revision: u64,
    #[prost(sint64, tag = "2")]
    pub(super) committed_at_micros: i64,
}
