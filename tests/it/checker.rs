//! A subscriber that believes nothing: after etcd's watch checks, for our frames.
//!
//! *Ordered*: revisions only grow within an epoch. *Unique*: none comes twice. *Contiguous*: each delta builds on the
//! revision that is held. *Atomic*: a revision comes in one frame. *Resumable*: a stream that begins at a known
//! revision brings the same state as one that begins at nothing. *Digest equal*: what the server says of the state is
//! true of it. *Bookmarks*: a heartbeat never runs ahead of what was sent.

use std::collections::{BTreeMap, BTreeSet};

use mycelia_flags_core::digest::{Digest, MemberHash};
use mycelia_flags_core::key::FoldedKey;
use mycelia_flags_core::revision::Revision;
use mycelia_flags_proto::raw::{Body, Frame, RawDelta, RawSnapshot};
use mycelia_flags_proto::v1;
use prost::Message as _;
use prost::bytes::Bytes;
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};

use crate::patience::within;
use crate::server::channel;

/// What a subscriber holds: flags and segments as they were serialized, by their keys, and the keys on each list.
#[derive(Clone, Default, Debug, PartialEq)]
pub(crate) struct Held {
    pub(crate) epoch: String,
    pub(crate) revision: u64,
    pub(crate) flags: BTreeMap<FoldedKey, Bytes>,
    pub(crate) segments: BTreeMap<String, Bytes>,
    pub(crate) canary: Option<Bytes>,
    pub(crate) lists: BTreeMap<String, BTreeSet<String>>,
}

impl Held {
    pub(crate) fn digest(&self) -> Digest {
        let serialized = self.flags.values().chain(self.segments.values()).chain(&self.canary);
        let digest = serialized.fold(Digest::default(), |digest, bytes| digest.with(MemberHash::of(bytes)));
        let keys =
            self.lists.iter().flat_map(|(list, keys)| keys.iter().map(move |key| format!("{list}\0{key}")));
        keys.fold(digest, |digest, key| digest.with(MemberHash::of(key.as_bytes())))
    }

    fn replace(&mut self, snapshot: RawSnapshot) {
        self.flags = snapshot.flags.into_iter().map(|bytes| (key(&bytes), bytes)).collect();
        self.segments = snapshot.segments.into_iter().map(|bytes| (segment_key(&bytes), bytes)).collect();
        self.canary = snapshot.canary;
        let lists = snapshot.lists.into_iter().map(|list| (list.list, list.keys.into_iter().collect()));
        self.lists = lists.collect();
        self.revision = snapshot.revision;
    }

    fn change(&mut self, delta: RawDelta) {
        for removed in &delta.removed {
            assert!(self.flags.remove(&FoldedKey::of(removed)).is_some(), "removed was held");
        }
        for removed in &delta.removed_segments {
            assert!(self.segments.remove(removed).is_some(), "a removed segment was held");
        }
        self.flags.extend(delta.flags.into_iter().map(|bytes| (key(&bytes), bytes)));
        self.segments.extend(delta.segments.into_iter().map(|bytes| (segment_key(&bytes), bytes)));
        self.canary = delta.canary.or(self.canary.take());
        for edit in delta.lists {
            let keys = self.lists.entry(edit.list).or_default();
            if edit.cleared {
                keys.clear();
            }
            for key in edit.removed {
                assert!(keys.remove(&key), "a removed key was held");
            }
            for key in edit.added {
                assert!(keys.insert(key), "an added key is new");
            }
        }
        self.lists.retain(|_, keys| !keys.is_empty());
        self.revision = delta.revision;
    }

    pub(crate) fn flag(&self, key: &str) -> Option<v1::EffectiveFlag> {
        self.flags.get(&FoldedKey::of(key)).map(|bytes| v1::EffectiveFlag::decode(bytes.clone()).unwrap())
    }

    pub(crate) fn is_on(&self, key: &str) -> bool {
        self.flag(key).is_some_and(|flag| flag.enabled)
    }
}

/// A stream under suspicion.
pub(crate) struct Checked {
    pub(crate) held: Held,
    pub(crate) stream_id: u64,
    /// Deltas and snapshots that were received.
    pub(crate) updates: usize,
    pub(crate) snapshots: usize,
    /// Bytes of the newest frame.
    pub(crate) frame_bytes: usize,
    frames: Streaming<Frame>,
    channel: Channel,
}

/// What a stream brought.
#[derive(Debug, PartialEq)]
pub(crate) enum Event {
    Welcome { up_to_date: bool },
    Snapshot,
    Delta,
    Heartbeat,
    Goodbye(v1::Goodbye),
}

impl Checked {
    /// Follows production as a service.
    pub(crate) async fn follow(url: &str, service: &str, instance: &str) -> Self {
        Self::resume(url, service, instance, Held::default()).await
    }

    /// Follows on from what is held.
    pub(crate) async fn resume(url: &str, service: &str, instance: &str, held: Held) -> Self {
        let channel = channel(url).await;
        let request = v1::SubscribeRequest {
            environment: "production".to_owned(),
            service: service.to_owned(),
            instance: instance.to_owned(),
            sdk: "checker/1".to_owned(),
            known_revision: held.revision,
            known_epoch: held.epoch.clone(),
            known_digest: Bytes::copy_from_slice(&held.digest().to_bytes()),
            observer: false,
            declared: Vec::new(),
        };
        let frames = subscribe(&channel, request).await.unwrap();
        let mut checked =
            Self { held, stream_id: 0, updates: 0, snapshots: 0, frame_bytes: 0, frames, channel };
        let welcome = checked.next().await.unwrap();
        assert!(matches!(welcome, Some(Event::Welcome { .. })), "the first frame is a welcome: {welcome:?}");
        checked
    }

    /// Reads on until the held revision is at least this one.
    pub(crate) async fn until(&mut self, revision: u64) {
        let read = async {
            while self.held.revision < revision {
                assert!(self.next().await.unwrap().is_some(), "the stream ended before revision {revision}");
            }
        };
        within(&format!("revision {revision}"), read).await;
    }

    /// Reads on until the server ends the stream: never with OK, and never without a goodbye.
    pub(crate) async fn until_the_end(&mut self) -> (v1::Goodbye, Status) {
        let mut goodbye = None;
        loop {
            match self.next().await {
                Ok(Some(Event::Goodbye(said))) => goodbye = Some(said),
                Ok(Some(_)) => {}
                Ok(None) => panic!("the stream ended with OK"),
                Err(status) => return (goodbye.expect("goodbye comes before the end"), status),
            }
        }
    }

    /// Reads one frame and checks everything that must be true of it. None when the stream ended well.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, Status> {
        let Some(frame) = self.frames.message().await? else {
            return Ok(None);
        };
        self.frame_bytes = frame.encoded_len();
        let event = match frame.body.expect("a frame has a body") {
            Body::Welcome(welcome) => self.welcome(&welcome),
            Body::Snapshot(snapshot) => {
                assert_eq!(snapshot.epoch, self.held.epoch, "a snapshot is of the welcome's epoch");
                assert!(
                    snapshot.revision >= self.held.revision,
                    "ordered: a snapshot never goes back in time"
                );
                let digest = snapshot.digest.clone();
                self.held.replace(snapshot);
                self.check_digest(&digest);
                self.updates += 1;
                self.snapshots += 1;
                Event::Snapshot
            }
            Body::Delta(delta) => {
                assert_eq!(delta.previous_revision, self.held.revision, "contiguous");
                assert!(delta.revision > self.held.revision, "ordered and unique");
                let digest = delta.digest.clone();
                let before = self.held.digest();
                self.held.change(delta);
                assert_ne!(self.held.digest(), before, "a delta changes something");
                self.check_digest(&digest);
                self.updates += 1;
                Event::Delta
            }
            Body::Heartbeat(heartbeat) => {
                assert_eq!(heartbeat.revision, self.held.revision, "a bookmark is never ahead of its events");
                self.check_digest(&heartbeat.digest);
                Event::Heartbeat
            }
            Body::Goodbye(goodbye) => Event::Goodbye(goodbye),
        };
        Ok(Some(event))
    }

    fn welcome(&mut self, welcome: &v1::Welcome) -> Event {
        assert_eq!(self.stream_id, 0, "one welcome");
        assert_ne!(welcome.stream_id, 0);
        self.stream_id = welcome.stream_id;
        if self.held.epoch != welcome.epoch {
            assert!(!welcome.up_to_date, "a state of another epoch is worthless");
            self.held = Held { epoch: welcome.epoch.clone(), ..Held::default() };
        }
        assert!(welcome.revision >= self.held.revision, "within an epoch the server never goes back");
        if welcome.up_to_date {
            self.held.revision = welcome.revision;
            self.check_digest(&welcome.digest);
        }
        Event::Welcome { up_to_date: welcome.up_to_date }
    }

    fn check_digest(&self, digest: &[u8]) {
        let sealed = self.held.digest().sealed(Revision::new(self.held.revision));
        assert_eq!(Digest::from_bytes(digest), Some(sealed), "digest at {}", self.held.revision);
    }

    /// Acknowledges what is held.
    pub(crate) async fn acknowledge(&self) -> Result<(), Status> {
        self.acknowledge_revision(self.held.revision).await
    }

    pub(crate) async fn acknowledge_revision(&self, applied_revision: u64) -> Result<(), Status> {
        let mut client = v1::sync_service_client::SyncServiceClient::new(self.channel.clone());
        let request =
            v1::AcknowledgeRequest { stream_id: self.stream_id, applied_revision, ..Default::default() };
        client.acknowledge(request).await.map(|_| ())
    }
}

fn key(bytes: &Bytes) -> FoldedKey {
    FoldedKey::of(&v1::EffectiveFlag::decode(bytes.clone()).unwrap().key)
}

fn segment_key(bytes: &Bytes) -> String {
    v1::Segment::decode(bytes.clone()).unwrap().key
}

/// Subscribes with raw frames, so that digests can be computed over the bytes that came.
pub(crate) async fn subscribe(
    channel: &Channel,
    request: v1::SubscribeRequest,
) -> Result<Streaming<Frame>, Status> {
    let mut grpc = tonic::client::Grpc::new(channel.clone()).max_decoding_message_size(64 << 20);
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = http::uri::PathAndQuery::from_static("/mycelia.flags.v1.SyncService/Subscribe");
    let codec = tonic_prost::ProstCodec::<v1::SubscribeRequest, Frame>::default();
    Ok(grpc.server_streaming(Request::new(request), path, codec).await?.into_inner())
}
