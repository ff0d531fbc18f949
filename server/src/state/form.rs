//! The form in which records lie on disk: versioned protobuf messages, written by hand.
//!
//! Private to the state floor, and neither the wire's messages nor the core's types: the API may change without
//! touching a disk, and the disk without touching an SDK. Field numbers never change and are never used again.
//!
//! A record that holds anything this program does not know is refused. Dropping it would fold into a state that nobody
//! has asked for.

mod audience;
mod change;
mod condition;
mod flag;
mod guard;
mod keys;
mod measurement;
mod number;
mod plan;
mod policy;
mod progress;
mod promotion;
mod record;
mod request;
mod standing_guard;
mod value;
mod write;

#[cfg(test)]
pub(super) mod samples;

use bytes::Bytes;
use mycelia_flags_core::change::ChangeSet;
use mycelia_flags_core::entity::Write;
use mycelia_flags_core::record::Record;
use mycelia_flags_core::revision::{Revision, Timestamp};
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
    #[error("a list has {keys} keys, and says of {told} whether they were added or removed")]
    Runs { keys: usize, told: u64 },
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
        unknown => Err(FormError::UnknownFields { unknown: unknown.unwrap_or(0) }),
    }
}

/// The revision and the moment of an encoded record, without a look at the rest of it.
pub(super) fn decode_stamp(payload: Bytes) -> Result<(Revision, Timestamp), FormError> {
    let record::Stamp { revision, committed_at_micros } = record::Stamp::decode(payload)?;
    Ok((Revision::new(revision), Timestamp::from_unix_micros(committed_at_micros)))
}

/// How many bytes one write takes when it is stored by itself.
pub(super) fn write_bytes(write: &Write) -> usize {
    write::packed(std::slice::from_ref(write)).iter().map(Message::encoded_len).sum()
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
    use std::sync::Arc;

    use mycelia_flags_core::change::{Change, Place, SetSegment};
    use mycelia_flags_core::condition::{self, Condition, Operator};
    use mycelia_flags_core::entity::{Entity, EntityId};
    use mycelia_flags_core::flag::{FlagConfiguration, Rule, Serve};
    use mycelia_flags_core::key::{EnvironmentKey, FoldedKey, SegmentKey, VariantName};
    use mycelia_flags_core::limits::{CONDITION_DEPTH_MAX, VALUE_DEPTH_MAX};
    use mycelia_flags_core::request::{ChangeRequest, RequestState};
    use mycelia_flags_core::segment::Segment;
    use mycelia_flags_core::value::Value;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn what_is_encoded_is_decoded(record in samples::record()) {
            let encoded = Bytes::from(encode_record(&record));
            prop_assert_eq!(decode_stamp(encoded.clone()), Ok((record.revision, record.committed_at)));
            prop_assert_eq!(decode_record(encoded), Ok(record));
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            decode_record(bytes.into()).ok();
        }
    }

    /// The value and the condition at every place where one can be.
    fn record(value: Value, condition: Condition) -> Record {
        let on = VariantName::new("on");
        let rule =
            Rule { name: Box::default(), condition: condition.clone(), serve: Serve::Variant(on.clone()) };
        let place = Place::default();
        let variants = vec![("on".to_owned(), value)];
        let changes = vec![
            Change::SetVariants { flag: "deep".to_owned(), variants },
            Change::SetRules { place, rules: vec![rule.clone()] },
            Change::SetSegment(SetSegment { condition: Some(condition.clone()), ..SetSegment::default() }),
        ];
        let (environment, key) = (EnvironmentKey::new("production"), SegmentKey::new("deep"));
        let configuration =
            FlagConfiguration { rules: vec![rule], ..FlagConfiguration::dark(on.clone(), on) };
        let segment = Segment {
            key: key.clone(),
            description: Box::default(),
            condition: Some(condition),
            share: None,
        };
        let write = |id, value| Write { id, value: Some(value) };
        let request = ChangeRequest {
            id: Revision::new(1),
            author: Box::default(),
            reason: Box::default(),
            requested_at: Timestamp::default(),
            changes: changes.clone().into(),
            environments: Vec::new(),
            needed: 1,
            approvals: Vec::new(),
            state: RequestState::Open,
        };
        let changes = vec![Change::RequestApproval { changes }];
        let configured = EntityId::Configuration(environment.clone(), FoldedKey::of("deep"));
        let writes = vec![
            write(configured, Entity::Configuration(Arc::new(configuration))),
            write(EntityId::Segment(environment, key), Entity::Segment(Arc::new(segment))),
            write(EntityId::ChangeRequest(request.id), Entity::ChangeRequest(Arc::new(request))),
        ];
        Record {
            revision: Revision::new(1),
            committed_at: Timestamp::default(),
            change_set: ChangeSet { changes, ..ChangeSet::default() },
            writes,
            idempotency_key: Box::default(),
        }
    }

    #[test]
    fn the_deepest_value_in_the_deepest_condition_is_decoded() {
        let deepest = || {
            let nest = |value, level| match level % 2 {
                0 => Value::List(vec![value]),
                _ => Value::Object([(Box::from("name"), value)].into()),
            };
            (0..VALUE_DEPTH_MAX).fold(Value::Null, nest)
        };
        let test = Condition::Test(condition::Test {
            attribute: Box::from("plan"),
            operator: Operator::In,
            operands: vec![deepest()],
            negated: false,
        });
        let nest = |condition, level| match level % 2 {
            0 => Condition::All(vec![condition]),
            _ => Condition::Not(Box::new(condition)),
        };
        let record = record(deepest(), (0..CONDITION_DEPTH_MAX).fold(test, nest));
        assert_eq!(decode_record(encode_record(&record).into()), Ok(record));
    }

    #[test]
    fn what_only_a_newer_program_knows_is_refused() {
        let intact = encode_record(&record(Value::Null, Condition::always()));
        // Field 15 of the record: one byte for its number, one for its value.
        let unknown_field = [&intact[..], &[15 << 3, 1]].concat();
        let error = FormError::UnknownFields { unknown: 2 };
        assert_eq!(decode_record(unknown_field.into()), Err(error));
        // A change set with one change of kind 100.
        let unknown_change = [4 << 3 | 2, 6, 3 << 3 | 2, 4, 0xa2, 0x06, 1, b'x'];
        let error = FormError::UnknownFields { unknown: 4 };
        assert_eq!(decode_record(unknown_change.to_vec().into()), Err(error));
        // An entity without a kind.
        let unknown_entity = [4 << 3 | 2, 0, 5 << 3 | 2, 0];
        let error = FormError::Missing { what: "an entity" };
        assert_eq!(decode_record(unknown_entity.to_vec().into()), Err(error));
    }
}
