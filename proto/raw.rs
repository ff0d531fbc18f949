//! The frames of `SyncService.Subscribe` with each flag, each segment and the canary switch as the bytes that they were
//! serialized to.
//!
//! On the wire they are the same frames: an embedded message and a field of bytes are written alike. The server puts
//! into frames what it has encoded once, and the digest covers exactly these bytes. The SDK hashes exactly the bytes
//! that it received, and decodes one by one, so that a flag which it cannot read does not spoil the others. Lists are
//! no such bytes: they travel, and are hashed, key by key.
//!
//! What is deliberately absent: any look into these bytes. That is [`crate::convert`]'s.

use bytes::{BufMut as _, Bytes, BytesMut};
use prost::Message;

use crate::v1;

/// `SubscribeResponse`: one message of a subscription.
#[derive(Clone, PartialEq, Message)]
pub struct Frame {
    /// What it brings; none when it is of a kind that this version does not know.
    #[prost(oneof = "Body", tags = "1, 2, 3, 4, 5")]
    pub body: Option<Body>,
}

/// What a frame brings.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Body {
    /// Always first, and only first.
    #[prost(message, tag = "1")]
    Welcome(v1::Welcome),
    /// The whole state of the scope.
    #[prost(message, tag = "2")]
    Snapshot(RawSnapshot),
    /// A change of the state.
    #[prost(message, tag = "3")]
    Delta(RawDelta),
    /// Nothing changed.
    #[prost(message, tag = "4")]
    Heartbeat(v1::Heartbeat),
    /// The stream is about to end as planned.
    #[prost(message, tag = "5")]
    Goodbye(v1::Goodbye),
}

/// `Snapshot`: the whole state of a scope.
#[derive(Clone, PartialEq, Message)]
pub struct RawSnapshot {
    /// The store's identity.
    #[prost(string, tag = "1")]
    pub epoch: String,
    /// The newest revision of the scope.
    #[prost(uint64, tag = "2")]
    pub revision: u64,
    /// All flags of the scope, each a serialized [`v1::EffectiveFlag`].
    #[prost(bytes = "bytes", repeated, tag = "3")]
    pub flags: Vec<Bytes>,
    /// The digest of the state, with the revision.
    #[prost(bytes = "bytes", tag = "4")]
    pub digest: Bytes,
    /// How subjects are assigned to buckets: the number of a [`v1::BucketingGeneration`].
    #[prost(int32, tag = "5")]
    pub bucketing: i32,
    /// The segments that the flags name, each a serialized [`v1::Segment`].
    #[prost(bytes = "bytes", repeated, tag = "6")]
    pub segments: Vec<Bytes>,
    /// The switch of canary mode, a serialized [`v1::Canary`].
    #[prost(bytes = "bytes", optional, tag = "7")]
    pub canary: Option<Bytes>,
    /// The lists of the segments, and the canary allowlist.
    #[prost(message, repeated, tag = "8")]
    pub lists: Vec<v1::KeyList>,
}

/// `Delta`: a change of a scope's state.
#[derive(Clone, PartialEq, Message)]
pub struct RawDelta {
    /// The revision that the subscriber must hold for this delta to apply.
    #[prost(uint64, tag = "1")]
    pub previous_revision: u64,
    /// The revision that it holds afterwards.
    #[prost(uint64, tag = "2")]
    pub revision: u64,
    /// New or changed flags, each a serialized [`v1::EffectiveFlag`].
    #[prost(bytes = "bytes", repeated, tag = "3")]
    pub flags: Vec<Bytes>,
    /// Keys of the flags that left the scope.
    #[prost(string, repeated, tag = "4")]
    pub removed: Vec<String>,
    /// The digest of the state afterwards.
    #[prost(bytes = "bytes", tag = "5")]
    pub digest: Bytes,
    /// When the newest revision in it was committed, by the server's clock.
    #[prost(message, optional, tag = "6")]
    pub committed_at: Option<prost_types::Timestamp>,
    /// New or changed segments, each a serialized [`v1::Segment`].
    #[prost(bytes = "bytes", repeated, tag = "7")]
    pub segments: Vec<Bytes>,
    /// Keys of the segments that left the scope.
    #[prost(string, repeated, tag = "8")]
    pub removed_segments: Vec<String>,
    /// The switch of canary mode, when it was switched: a serialized [`v1::Canary`].
    #[prost(bytes = "bytes", optional, tag = "9")]
    pub canary: Option<Bytes>,
    /// Changed lists.
    #[prost(message, repeated, tag = "10")]
    pub lists: Vec<v1::ListEdit>,
}

impl From<Body> for Frame {
    fn from(body: Body) -> Self {
        Self { body: Some(body) }
    }
}

/// A message cannot be framed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrpcFrameError {
    /// gRPC's length has 32 bits.
    #[error("a message of {bytes} bytes does not fit a gRPC frame")]
    TooLarge {
        /// How many bytes the message has.
        bytes: usize,
    },
    /// The message is longer than it said.
    #[error("a message could not be encoded")]
    Encode(#[from] prost::EncodeError),
}

/// Flag 0 (not compressed) and the length, before each message of a gRPC stream.
const GRPC_HEADER_BYTES: usize = 5;

/// A message as it stands in the body of a gRPC stream, uncompressed, in one allocation.
///
/// # Errors
/// When the message is too large for gRPC.
pub fn grpc_frame(message: &impl Message) -> Result<Bytes, GrpcFrameError> {
    let bytes = message.encoded_len();
    let (Ok(length), Some(capacity)) = (u32::try_from(bytes), bytes.checked_add(GRPC_HEADER_BYTES)) else {
        return Err(GrpcFrameError::TooLarge { bytes });
    };
    let mut frame = BytesMut::with_capacity(capacity);
    frame.put_u8(0);
    frame.put_u32(length);
    message.encode(&mut frame)?;
    Ok(frame.freeze())
}

#[cfg(test)]
mod tests {
    use prost::DecodeError;
    use prost::bytes::{Buf, BufMut};
    use prost::encoding::{DecodeContext, WireType};

    use super::*;

    fn flag(key: &str) -> v1::EffectiveFlag {
        v1::EffectiveFlag {
            key: key.to_owned(),
            r#type: v1::FlagType::Boolean.into(),
            enabled: true,
            off_variant: "off".to_owned(),
            ..v1::EffectiveFlag::default()
        }
    }

    fn segment(key: &str) -> v1::Segment {
        let share = Some(v1::Share { salt: "salt".to_owned(), from: 0, to: 10_000 });
        v1::Segment { key: key.to_owned(), share, ..v1::Segment::default() }
    }

    /// Both forms of a frame are the same bytes, and each decodes the other.
    #[track_caller]
    fn check(raw: Body, known: v1::subscribe_response::Frame) {
        let raw = Frame::from(raw);
        let known = v1::SubscribeResponse { frame: Some(known) };
        assert_eq!(raw.encode_to_vec(), known.encode_to_vec());
        assert_eq!(v1::SubscribeResponse::decode(Bytes::from(raw.encode_to_vec())), Ok(known.clone()));
        assert_eq!(Frame::decode(Bytes::from(known.encode_to_vec())), Ok(raw));
    }

    #[test]
    fn a_snapshot_is_the_same_in_both_forms() {
        let flags = [flag("a"), v1::EffectiveFlag::default(), flag("b")];
        let segments = [segment("beta"), v1::Segment::default()];
        let canary = v1::Canary { on: true, switched: None };
        let lists = [
            v1::KeyList { list: "canary".to_owned(), keys: vec!["anna".to_owned(), String::new()] },
            v1::KeyList::default(),
        ];
        check(
            Body::Snapshot(RawSnapshot {
                epoch: "epoch-1".to_owned(),
                revision: 7,
                flags: flags.iter().map(|flag| flag.encode_to_vec().into()).collect(),
                digest: Bytes::from_static(&[9; 16]),
                bucketing: v1::BucketingGeneration::V2.into(),
                segments: segments.iter().map(|segment| segment.encode_to_vec().into()).collect(),
                canary: Some(canary.encode_to_vec().into()),
                lists: lists.to_vec(),
            }),
            v1::subscribe_response::Frame::Snapshot(v1::Snapshot {
                epoch: "epoch-1".to_owned(),
                revision: 7,
                flags: flags.to_vec(),
                digest: Bytes::from_static(&[9; 16]),
                bucketing: v1::BucketingGeneration::V2.into(),
                segments: segments.to_vec(),
                canary: Some(canary),
                lists: lists.to_vec(),
            }),
        );
    }

    #[test]
    fn a_delta_is_the_same_in_both_forms() {
        let committed_at = Some(prost_types::Timestamp { seconds: -1, nanos: 5 });
        let removed_segments = vec!["old".to_owned(), String::new()];
        let switched = v1::Switched { actor: "anna".to_owned(), ..v1::Switched::default() };
        let canary = v1::Canary { on: false, switched: Some(switched) };
        let lists = [
            v1::ListEdit {
                list: "segment/beta/excluded".to_owned(),
                cleared: true,
                added: vec!["anna".to_owned()],
                removed: vec!["bert".to_owned(), String::new()],
            },
            v1::ListEdit::default(),
        ];
        check(
            Body::Delta(RawDelta {
                previous_revision: 7,
                revision: u64::MAX,
                flags: vec![flag("a").encode_to_vec().into()],
                removed: vec!["b".to_owned(), String::new()],
                digest: Bytes::from_static(&[1; 16]),
                committed_at,
                segments: vec![segment("beta").encode_to_vec().into()],
                removed_segments: removed_segments.clone(),
                canary: Some(canary.encode_to_vec().into()),
                lists: lists.to_vec(),
            }),
            v1::subscribe_response::Frame::Delta(v1::Delta {
                previous_revision: 7,
                revision: u64::MAX,
                flags: vec![flag("a")],
                removed: vec!["b".to_owned(), String::new()],
                digest: Bytes::from_static(&[1; 16]),
                committed_at,
                segments: vec![segment("beta")],
                removed_segments,
                canary: Some(canary),
                lists: lists.to_vec(),
            }),
        );
    }

    /// An embedded message that says nothing is there all the same: canary mode is off, and that is what was switched.
    #[test]
    fn an_empty_canary_switch_is_not_none() {
        for (raw, known) in [(None, None), (Some(Bytes::new()), Some(v1::Canary::default()))] {
            check(
                Body::Snapshot(RawSnapshot { canary: raw.clone(), ..RawSnapshot::default() }),
                v1::subscribe_response::Frame::Snapshot(v1::Snapshot {
                    canary: known.clone(),
                    ..v1::Snapshot::default()
                }),
            );
            check(
                Body::Delta(RawDelta { canary: raw, ..RawDelta::default() }),
                v1::subscribe_response::Frame::Delta(v1::Delta { canary: known, ..v1::Delta::default() }),
            );
        }
    }

    #[test]
    fn frames_without_flags_are_the_same_in_both_forms() {
        let welcome = v1::Welcome {
            stream_id: 3,
            epoch: "epoch-1".to_owned(),
            heartbeat_interval_ms: 5_000,
            bucketing: v1::BucketingGeneration::V3.into(),
            ..v1::Welcome::default()
        };
        check(Body::Welcome(welcome.clone()), v1::subscribe_response::Frame::Welcome(welcome));
        let heartbeat = v1::Heartbeat { revision: 9, digest: Bytes::from_static(b"digest") };
        check(Body::Heartbeat(heartbeat.clone()), v1::subscribe_response::Frame::Heartbeat(heartbeat));
        let goodbye = v1::Goodbye { reason: v1::GoodbyeReason::MaxAge.into(), reconnect_after_ms: 250 };
        check(Body::Goodbye(goodbye), v1::subscribe_response::Frame::Goodbye(goodbye));
    }

    #[test]
    fn one_undecodable_flag_does_not_spoil_the_others() {
        let flags = vec![Bytes::from_static(&[0xff; 4]), Bytes::from(flag("a").encode_to_vec())];
        let frame = Frame::from(Body::Delta(RawDelta { flags, ..RawDelta::default() }));
        let bytes = Bytes::from(frame.encode_to_vec());
        assert!(v1::SubscribeResponse::decode(bytes.clone()).is_err());
        let Ok(Frame { body: Some(Body::Delta(delta)) }) = Frame::decode(bytes) else {
            panic!("the frame is readable")
        };
        let decoded: Vec<_> = delta.flags.into_iter().map(v1::EffectiveFlag::decode).collect();
        assert!(decoded[0].is_err());
        assert_eq!(decoded[1], Ok(flag("a")));
    }

    #[test]
    fn a_frame_of_an_unknown_kind_is_empty() {
        // Field 6, no bytes.
        assert_eq!(Frame::decode(Bytes::from_static(&[0x32, 0])), Ok(Frame { body: None }));
    }

    #[test]
    fn a_grpc_frame_says_how_long_it_is() {
        let message = v1::Goodbye { reason: v1::GoodbyeReason::Draining.into(), reconnect_after_ms: 300 };
        assert_eq!(grpc_frame(&message).unwrap(), Bytes::from_static(&[0, 0, 0, 0, 5, 8, 1, 16, 0xac, 2]));
        assert_eq!(grpc_frame(&v1::Goodbye::default()).unwrap(), Bytes::from_static(&[0; 5]));
    }

    /// Claims more than 32 bits of bytes, and would have none.
    struct Huge;

    impl Message for Huge {
        fn encode_raw(&self, _: &mut impl BufMut) {}

        fn merge_field(
            &mut self,
            _: u32,
            _: WireType,
            _: &mut impl Buf,
            _: DecodeContext,
        ) -> Result<(), DecodeError> {
            Ok(())
        }

        fn encoded_len(&self) -> usize {
            1 << 32
        }

        fn clear(&mut self) {}
    }

    #[test]
    fn a_message_too_large_for_grpc_is_refused() {
        assert_eq!(grpc_frame(&Huge), Err(GrpcFrameError::TooLarge { bytes: 1 << 32 }));
    }
}
