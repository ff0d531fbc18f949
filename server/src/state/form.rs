//! The form in which records lie on disk: versioned protobuf messages, written by hand.
//!
//! Private to the state floor, and neither the wire's messages nor the core's types: the API may change without
//! touching a disk, and the disk without touching an SDK. Field numbers never change and are never used again.
//!
//! A record that holds anything this program does not know is refused. Dropping it would fold into a state that nobody
//! has asked for.

mod change;
mod condition;
mod flag;
mod number;
mod record;
mod value;

#[cfg(test)]
pub(super) mod samples;

use bytes::Bytes;
use mycelia_flags_core::change::ChangeSet;
use mycelia_flags_core::record::Record;
use prost::Message;
use sha2::{Digest, Sha256};

use super::remembered::IntentHash;

/// Why stored bytes are no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FormError {
    #[error("not a message: {0}")]
    Message(#[from] prost::DecodeError),
    #[error("{what} is missing, or of a kind that only a newer program knows")]
    Missing { what: &'static str },
    #[error("{what} has number {found}, which only a newer program knows")]
    Number { what: &'static str, found: u32 },
    #[error("it has {unknown} bytes in fields that only a newer program knows")]
    UnknownFields { unknown: usize },
    #[error("an object has {names} names and {values} values")]
    Uneven { names: usize, values: usize },
    #[error("a value of another kind was written to {id}")]
    Mismatch { id: String },
}

/// Encodes a record.
pub(super) fn encode_record(record: &Record) -> Vec<u8> {
    record::Record::from(record).encode_to_vec()
}

/// Decodes what [`encode_record`] wrote, now or in an earlier release.
pub(super) fn decode_record(payload: Bytes) -> Result<Record, FormError> {
    let found = payload.len();
    let message = record::Record::decode(payload)?;
    // prost skips fields that it does not know; what it kept is then shorter than what it read.
    match found.checked_sub(message.encoded_len()) {
        Some(0) => Record::try_from(message),
        unknown => Err(FormError::UnknownFields {
            unknown: unknown.unwrap_or(0),
        }),
    }
}

/// Identifies what is asked for, to tell a repeated request from another one under the same key.
pub(super) fn hash_intent(change_set: &ChangeSet) -> IntentHash {
    IntentHash(Sha256::digest(change::ChangeSet::from(change_set).encode_to_vec()).into())
}

/// Reads a part that must be there.
fn required<T>(what: &'static str, part: Option<T>) -> Result<T, FormError> {
    part.ok_or(FormError::Missing { what })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn what_is_encoded_is_decoded(record in samples::record()) {
            let decoded = decode_record(encode_record(&record).into());
            prop_assert_eq!(decoded, Ok(record));
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            decode_record(bytes.into()).ok();
        }
    }
}
