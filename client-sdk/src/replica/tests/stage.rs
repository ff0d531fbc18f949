//! A replica, frames for it, and what it is told to do in short words.

use mycelia_flags_core::digest::MemberHash;
use mycelia_flags_core::key::FlagKey;
use mycelia_flags_proto::raw::Frame;
use mycelia_flags_proto::v1::{
    EffectiveFlag, FlagType, Heartbeat, Serve, Split, Variant, WeightedVariant, Welcome, serve, value,
};
use prost::Message as _;

use super::super::*;

/// A boolean flag that serves `on`, with a salt that makes its bytes differ.
pub(super) fn flag(key: &str, salt: u8) -> Bytes {
    let variant = |name: &str, value| Variant {
        name: name.to_owned(),
        value: Some(v1::Value { kind: Some(value::Kind::BooleanValue(value)) }),
    };
    let flag = EffectiveFlag {
        key: key.to_owned(),
        r#type: FlagType::Boolean.into(),
        variants: vec![variant("on", true), variant("off", false)],
        enabled: true,
        off_variant: "off".to_owned(),
        default_serve: Some(Serve {
            serve: Some(serve::Serve::Split(Split {
                weights: vec![WeightedVariant { variant: "on".to_owned(), weight: 100_000 }],
                bucket_by: String::new(),
            })),
        }),
        salt: format!("s{salt}"),
        default_variant: "off".to_owned(),
        ..EffectiveFlag::default()
    };
    flag.encode_to_vec().into()
}

/// What a server holds.
pub(super) type Flags = BTreeMap<&'static str, Bytes>;

pub(super) fn flags(of: &[(&'static str, u8)]) -> Flags {
    of.iter().map(|(key, salt)| (*key, flag(key, *salt))).collect()
}

/// The digest of flags alone.
pub(super) fn flags_digest<'b>(flags: impl IntoIterator<Item = &'b Bytes>) -> Digest {
    flags.into_iter().fold(Digest::default(), |digest, raw| digest.with(MemberHash::of(raw)))
}

/// The digest of flags at a revision, as frames carry it.
pub(super) fn digest<'b>(revision: u64, flags: impl IntoIterator<Item = &'b Bytes>) -> Bytes {
    Bytes::copy_from_slice(&flags_digest(flags).sealed(Revision::new(revision)).to_bytes())
}

pub(super) fn greeting(epoch: &str, revision: u64) -> Welcome {
    Welcome {
        stream_id: 7,
        epoch: epoch.to_owned(),
        revision,
        heartbeat_interval_ms: 5_000,
        environment: "production".to_owned(),
        ..Welcome::default()
    }
}

/// Something follows.
pub(super) fn welcome(epoch: &str, revision: u64) -> Body {
    Body::Welcome(greeting(epoch, revision))
}

/// Nothing follows: these flags are what is held already.
pub(super) fn welcome_back(epoch: &str, revision: u64, flags: &Flags) -> Body {
    Body::Welcome(Welcome {
        up_to_date: true,
        digest: digest(revision, flags.values()),
        ..greeting(epoch, revision)
    })
}

pub(super) fn snapshot(epoch: &str, revision: u64, flags: &Flags) -> Body {
    Body::Snapshot(RawSnapshot {
        epoch: epoch.to_owned(),
        revision,
        flags: flags.values().cloned().collect(),
        digest: digest(revision, flags.values()),
        ..RawSnapshot::default()
    })
}

pub(super) fn delta(previous: u64, revision: u64, before: &Flags, after: &Flags) -> Body {
    let changed = after.iter().filter(|(key, raw)| before.get(*key) != Some(raw));
    let removed = before.keys().filter(|key| !after.contains_key(*key));
    Body::Delta(RawDelta {
        previous_revision: previous,
        revision,
        flags: changed.map(|(_, raw)| raw.clone()).collect(),
        removed: removed.map(|key| (*key).to_owned()).collect(),
        digest: digest(revision, after.values()),
        ..RawDelta::default()
    })
}

pub(super) fn heartbeat(revision: u64, flags: &Flags) -> Body {
    Body::Heartbeat(Heartbeat { revision, digest: digest(revision, flags.values()) })
}

/// A replica and what it was told to do, in short words.
pub(super) struct Stage(pub(super) Replica);

impl Stage {
    pub(super) fn new() -> Self {
        Self(Replica::new(None, 0, true, Arc::from("ui")))
    }

    /// One that holds `flags` at a revision of epoch `e`, its stream over.
    pub(super) fn holding(revision: u64, flags: &Flags) -> Self {
        let mut stage = Self::new();
        stage.take(welcome("e", revision));
        stage.take(snapshot("e", revision, flags));
        stage.on(Event::Ended);
        stage
    }

    pub(super) fn on(&mut self, event: Event) -> String {
        let words = self.0.on(event).into_iter().map(|action| match action {
            Action::Install(state, changed) => {
                let keys: Vec<_> = changed.keys.iter().map(FlagKey::as_str).collect();
                format!("install {} [{}]", state.revision(), keys.join(" "))
            }
            Action::Acknowledge(report) if report.refused.is_empty() => format!("ack {}", report.applied),
            Action::Acknowledge(report) => format!("refuse at {}", report.applied),
            Action::Live => "live".to_owned(),
            Action::Stale => "stale".to_owned(),
            Action::Resubscribe(_) => "resubscribe".to_owned(),
        });
        words.collect::<Vec<_>>().join(", ")
    }

    pub(super) fn take(&mut self, body: Body) -> String {
        self.on(Event::Frame(Frame::from(body)))
    }

    pub(super) fn known(&self) -> (String, u64, bool) {
        let known = self.0.known();
        (known.epoch.to_string(), known.revision, !known.digest.is_empty())
    }
}
