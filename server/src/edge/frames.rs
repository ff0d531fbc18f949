//! Frames as `mycelia.flags.v1` has them: with each flag encoded once, and the gRPC prefix in front, so that a frame's
//! bytes can be the body of any number of responses.

use bytes::Bytes;
use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::digest::Digest;
use mycelia_flags_core::flag::EffectiveFlag;
use mycelia_flags_core::revision::{Revision, Timestamp};
use mycelia_flags_core::segment::Segment;
use mycelia_flags_core::update::{EntryKey, Member, Update, View};
use mycelia_flags_proto::convert;
use mycelia_flags_proto::raw::{Body, Frame, RawDelta, RawSnapshot, grpc_frame};
use mycelia_flags_proto::v1;
use prost::Message as _;

use crate::distribution::contract::{Breach, Fault};
use crate::distribution::encode::{Encode, EndReason, Welcome};
use crate::state::Epoch;

/// Encodes frames for gRPC.
#[derive(Debug, Clone, Copy, Default)]
pub struct GrpcFrames;

impl Encode for GrpcFrames {
    fn flag(&self, flag: &EffectiveFlag) -> Bytes {
        convert::effective_flag_to_wire(flag).encode_to_vec().into()
    }

    fn segment(&self, segment: &Segment) -> Bytes {
        convert::segment_to_wire(segment, false).encode_to_vec().into()
    }

    fn canary(&self, on: bool) -> Bytes {
        v1::Canary { on, switched: None }.encode_to_vec().into()
    }

    fn welcome(&self, welcome: &Welcome) -> Bytes {
        framed(Body::Welcome(v1::Welcome {
            stream_id: welcome.stream.0,
            epoch: welcome.epoch.to_string(),
            revision: welcome.revision.get(),
            heartbeat_interval_ms: welcome.heartbeat_ms,
            server: env!("CARGO_PKG_VERSION").to_owned(),
            bucketing: convert::generation_to_wire(welcome.bucketing).into(),
            environment: welcome.environment.clone(),
            up_to_date: welcome.up_to_date,
            digest: digest_bytes(welcome.digest.sealed(welcome.revision)),
            breaches: welcome.breaches.iter().map(breach).collect(),
        }))
    }

    fn snapshot(&self, epoch: Epoch, bucketing: Generation, view: &View<Bytes>) -> Bytes {
        framed(Body::Snapshot(RawSnapshot {
            epoch: epoch.to_string(),
            revision: view.revision().get(),
            flags: flags(view.members()),
            digest: digest_bytes(view.digest().sealed(view.revision())),
            bucketing: convert::generation_to_wire(bucketing).into(),
            segments: segments(view.members()),
            canary: canary(view.members()),
            lists: view.lists().map(|(list, keys)| convert::key_list_to_wire(list, keys)).collect(),
        }))
    }

    fn delta(&self, update: &Update<Bytes>, committed_at: Timestamp) -> Bytes {
        let mut removed = Vec::new();
        let mut removed_segments = Vec::new();
        for key in update.members.iter().filter(|(_, member)| member.is_none()).map(|(key, _)| key) {
            match key {
                EntryKey::Flag(flag) => removed.push(flag.to_string()),
                EntryKey::Segment(segment) => removed_segments.push(segment.to_string()),
                // It is always there.
                EntryKey::Canary => {}
            }
        }
        framed(Body::Delta(RawDelta {
            previous_revision: update.previous.get(),
            revision: update.revision.get(),
            flags: flags(update.members.values().flatten()),
            removed,
            digest: digest_bytes(update.digest.sealed(update.revision)),
            committed_at: Some(convert::timestamp_to_wire(committed_at)),
            segments: segments(update.members.values().flatten()),
            removed_segments,
            canary: canary(update.members.values().flatten()),
            lists: update.lists.iter().map(|(list, edit)| convert::list_edit_to_wire(list, edit)).collect(),
        }))
    }

    fn heartbeat(&self, revision: Revision, digest: Digest) -> Bytes {
        framed(Body::Heartbeat(v1::Heartbeat {
            revision: revision.get(),
            digest: digest_bytes(digest.sealed(revision)),
        }))
    }

    fn goodbye(&self, reason: EndReason, reconnect_after_ms: u32) -> Bytes {
        let reason = match reason {
            EndReason::Draining => v1::GoodbyeReason::Draining,
            EndReason::MaxAge => v1::GoodbyeReason::MaxAge,
            EndReason::SlowConsumer => v1::GoodbyeReason::SlowConsumer,
        };
        framed(Body::Goodbye(v1::Goodbye { reason: reason.into(), reconnect_after_ms }))
    }
}

fn flags<'m>(members: impl Iterator<Item = &'m Member<Bytes>>) -> Vec<Bytes> {
    let flags = members.filter(|member| matches!(member.key, EntryKey::Flag(_)));
    flags.map(|member| Bytes::clone(&member.content)).collect()
}

fn segments<'m>(members: impl Iterator<Item = &'m Member<Bytes>>) -> Vec<Bytes> {
    let segments = members.filter(|member| matches!(member.key, EntryKey::Segment(_)));
    segments.map(|member| Bytes::clone(&member.content)).collect()
}

fn canary<'m>(mut members: impl Iterator<Item = &'m Member<Bytes>>) -> Option<Bytes> {
    let canary = members.find(|member| member.key == EntryKey::Canary);
    canary.map(|member| Bytes::clone(&member.content))
}

fn breach(breach: &Breach) -> v1::ContractBreach {
    let fault = match breach.fault {
        Fault::Missing => v1::ContractFault::Missing,
        Fault::Mistyped(_) => v1::ContractFault::Mistyped,
        Fault::Archived => v1::ContractFault::Archived,
    };
    v1::ContractBreach {
        flag: breach.declared.flag.to_string(),
        fault: fault.into(),
        message: breach.in_words(),
    }
}

fn digest_bytes(digest: Digest) -> Bytes {
    Bytes::copy_from_slice(&digest.to_bytes())
}

fn framed(body: Body) -> Bytes {
    // A frame of 4 GiB cannot be: the limits of the model end at a few hundred MiB. An empty body is no frame, so the
    // subscriber would notice the gap at the next one.
    grpc_frame(&Frame { body: Some(body) }).unwrap_or_default()
}
