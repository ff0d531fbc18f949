use std::sync::Arc;

use mycelia_flags_core::change::{Change, ChangeSet, CreateFlag, Place, UpdateFlag};
use mycelia_flags_core::check::{Origin, check};
use mycelia_flags_core::flag::EffectiveFlag;
use mycelia_flags_core::key::{EnvironmentKey, ServiceName};

use super::*;
use crate::distribution::encode::{EndReason, Welcome};

/// Frames as text, so that a test can say what it expects.
#[derive(Debug)]
struct TextFrames;

impl Encode for TextFrames {
    fn flag(&self, flag: &EffectiveFlag) -> Bytes {
        format!("{}={}", flag.key, if flag.enabled { "on" } else { "off" }).into()
    }

    fn welcome(&self, welcome: &Welcome) -> Bytes {
        format!("welcome {}", welcome.revision).into()
    }

    fn snapshot(&self, _epoch: Epoch, _bucketing: Generation, view: &View<Bytes>) -> Bytes {
        format!("snapshot {}: {}", view.revision(), texts(view.members().map(|member| &*member.content)))
            .into()
    }

    fn delta(&self, update: &Update<Bytes>, _committed_at: Timestamp) -> Bytes {
        let upserts = texts(update.members.values().flatten().map(|member| &*member.content));
        let removed: Vec<_> = update.members.iter().filter(|(_, member)| member.is_none()).collect();
        let removed: String = removed.iter().map(|(key, _)| format!(" -{key}")).collect();
        format!("delta {}..{}: {upserts}{removed}", update.previous, update.revision).into()
    }

    fn heartbeat(&self, revision: Revision, _digest: Digest) -> Bytes {
        format!("heartbeat {revision}").into()
    }

    fn goodbye(&self, reason: EndReason, _reconnect_after_ms: u32) -> Bytes {
        format!("goodbye {reason:?}").into()
    }
}

fn texts<'b>(members: impl Iterator<Item = &'b Bytes>) -> String {
    let texts: Vec<&str> = members.map(|bytes| std::str::from_utf8(bytes).unwrap()).collect();
    texts.join(" ")
}

/// A log of its own, and one feed over it.
struct Stage {
    snapshot: Snapshot,
    feed: Feed,
    epoch: Epoch,
}

impl Stage {
    fn new(service: &str) -> Self {
        let mut snapshot = Snapshot::default();
        let create = Change::CreateStore {
            bucketing: Generation::V3,
            environments: vec!["production".to_owned(), "staging".to_owned()],
        };
        fold(&mut snapshot, vec![create]);
        fold(&mut snapshot, vec![Change::CreateFlag(CreateFlag::boolean("dreams"))]);
        let epoch = Epoch::draw();
        let scope = Scope {
            environment: EnvironmentKey::new("production"),
            service: (!service.is_empty()).then(|| ServiceName::new(service)),
        };
        let feed = Feed::begin(scope, epoch, &snapshot, &mut Projector::default(), &TextFrames);
        Self { snapshot, feed, epoch }
    }

    fn commit(&mut self, changes: Vec<Change>) -> bool {
        let record = fold(&mut self.snapshot, changes);
        self.feed.advance(&record, &self.snapshot, &mut Projector::default(), &TextFrames)
    }

    fn next(&mut self, cursor: Cursor) -> Option<(String, Cursor)> {
        let (frame, cursor) = self.feed.next(cursor, &TextFrames)?;
        Some((String::from_utf8(frame.to_vec()).unwrap(), cursor))
    }

    fn known(&self, revision: u64) -> Known {
        Known { epoch: Some(self.epoch), revision: Revision::new(revision), digest: None }
    }
}

fn fold(snapshot: &mut Snapshot, changes: Vec<Change>) -> Record {
    let change_set = ChangeSet { actor: "test".to_owned(), reason: String::new(), changes };
    let origin = if snapshot.revision() == Revision::ZERO { Origin::Store } else { Origin::Caller };
    let writes = check(snapshot, &change_set, origin, Timestamp::default()).unwrap().writes;
    let record = Record {
        revision: snapshot.revision().next(),
        committed_at: Timestamp::default(),
        change_set,
        writes,
        idempotency_key: Box::from(""),
    };
    snapshot.fold(&record).unwrap();
    record
}

fn place(environment: &str) -> Place {
    Place { environment: environment.to_owned(), flag: "dreams".to_owned() }
}

fn at(revision: u64) -> Cursor {
    Cursor::At(Revision::new(revision))
}

#[test]
fn a_newcomer_gets_a_snapshot_and_then_each_change_once() {
    let mut stage = Stage::new("");
    assert_eq!(stage.next(Cursor::Nowhere), Some(("snapshot 2: dreams=off".to_owned(), at(2))));
    assert_eq!(stage.next(at(2)), None);
    assert!(stage.commit(vec![Change::Enable(place("production"))]));
    assert_eq!(stage.next(at(2)), Some(("delta 2..3: dreams=on".to_owned(), at(3))));
    assert_eq!(stage.next(at(3)), None);
}

#[test]
fn a_change_elsewhere_is_no_frame_and_leaves_no_gap() {
    let mut stage = Stage::new("");
    assert!(!stage.commit(vec![Change::Enable(place("staging"))]));
    let update =
        UpdateFlag { flag: "dreams".to_owned(), owner: Some("mara".to_owned()), ..UpdateFlag::default() };
    assert!(!stage.commit(vec![Change::UpdateFlag(update)]));
    assert!(stage.commit(vec![Change::Enable(place("production"))]));
    assert_eq!(stage.next(at(2)), Some(("delta 2..5: dreams=on".to_owned(), at(5))));
}

#[test]
fn a_cursor_beyond_the_head_waits() {
    let mut stage = Stage::new("");
    assert_eq!(stage.next(at(9)), None);
}

#[test]
fn what_leaves_the_scope_is_removed() {
    let mut stage = Stage::new("ui");
    let services = |names: &[&str]| {
        Change::UpdateFlag(UpdateFlag {
            flag: "dreams".to_owned(),
            services: Some(names.iter().map(ToString::to_string).collect()),
            ..UpdateFlag::default()
        })
    };
    assert!(stage.commit(vec![services(&["runner"])]));
    assert_eq!(stage.next(at(2)), Some(("delta 2..3:  -dreams".to_owned(), at(3))));
    assert!(!stage.commit(vec![Change::Enable(place("production"))]));
    assert!(stage.commit(vec![services(&["runner", "ui"])]));
    assert_eq!(stage.next(at(3)), Some(("delta 3..5: dreams=on".to_owned(), at(5))));
}

#[test]
fn a_flag_of_another_service_is_never_shown() {
    let mut stage = Stage::new("ui");
    let hidden = CreateFlag { services: vec!["runner".to_owned()], ..CreateFlag::boolean("whispers") };
    assert!(!stage.commit(vec![Change::CreateFlag(hidden)]));
    assert_eq!(stage.next(Cursor::Nowhere), Some(("snapshot 2: dreams=off".to_owned(), at(2))));
}

#[test]
fn a_late_reader_gets_everything_in_one_frame() {
    let mut stage = Stage::new("");
    let many = (0..6).map(|number| Change::CreateFlag(CreateFlag::boolean(&format!("other{number}"))));
    stage.commit(many.collect());
    for _ in 0..SINGLE_FRAMES_MAX {
        stage.commit(vec![Change::Enable(place("production"))]);
        stage.commit(vec![Change::Disable(place("production"))]);
    }
    let head = stage.feed.revision();
    assert_eq!(stage.next(at(3)), Some((format!("delta 3..{head}: dreams=off"), Cursor::At(head))));
    assert_eq!(stage.next(at(3)), Some((format!("delta 3..{head}: dreams=off"), Cursor::At(head))));
    assert_eq!(stage.feed.counts().merged_sent, 2);
    let (frame, cursor) = stage.next(at(2)).unwrap();
    assert!(frame.starts_with("snapshot"), "most flags changed, so a snapshot says it shorter: {frame}");
    assert_eq!(cursor, Cursor::At(head));
}

#[test]
fn a_reader_from_before_the_ring_gets_a_snapshot() {
    let mut stage = Stage::new("");
    for _ in 0..FEED_STEPS_MAX {
        stage.commit(vec![Change::Enable(place("production"))]);
        stage.commit(vec![Change::Disable(place("production"))]);
    }
    assert!(stage.next(at(2)).unwrap().0.starts_with("snapshot"));
    assert_eq!(stage.feed.cursor(&stage.known(2)), Cursor::Nowhere);
}

#[test]
fn where_a_subscriber_stands_depends_on_what_it_holds() {
    let mut stage = Stage::new("");
    stage.commit(vec![Change::Enable(place("production"))]);
    stage.commit(vec![Change::Disable(place("production"))]);
    assert_eq!(stage.feed.cursor(&stage.known(4)), at(4));
    assert_eq!(stage.feed.cursor(&stage.known(3)), at(3));
    for unknown in [0, 1, 5, 1_004, u64::MAX] {
        assert_eq!(stage.feed.cursor(&stage.known(unknown)), Cursor::Nowhere, "{unknown}");
    }
    let foreign = Known { epoch: Some(Epoch::draw()), ..stage.known(4) };
    assert_eq!(stage.feed.cursor(&foreign), Cursor::Nowhere);
    assert_eq!(stage.feed.cursor(&Known { epoch: None, ..stage.known(4) }), Cursor::Nowhere);
}

#[test]
fn equal_content_needs_no_sending_and_other_content_does() {
    let mut stage = Stage::new("");
    stage.commit(vec![Change::Enable(place("production"))]);
    stage.commit(vec![Change::Disable(place("production"))]);
    let same = Known { digest: Some(stage.feed.digest()), ..stage.known(1) };
    assert_eq!(stage.feed.cursor(&same), at(4));
    let diverged = Known { digest: Some(Digest::default()), ..stage.known(4) };
    assert_eq!(stage.feed.cursor(&diverged), Cursor::Nowhere);
    let ahead = Known { digest: Some(stage.feed.digest()), ..stage.known(5) };
    assert_eq!(stage.feed.cursor(&ahead), Cursor::Nowhere);
}

#[test]
fn a_jump_is_one_step() {
    let mut stage = Stage::new("");
    fold(&mut stage.snapshot, vec![Change::Enable(place("production"))]);
    fold(&mut stage.snapshot, vec![Change::CreateFlag(CreateFlag::boolean("whispers"))]);
    let snapshot = stage.snapshot.clone();
    assert!(stage.feed.jump(&snapshot, Timestamp::default(), &mut Projector::default(), &TextFrames));
    assert_eq!(stage.next(at(2)), Some(("delta 2..4: dreams=on whispers=off".to_owned(), at(4))));
    assert!(!stage.feed.jump(&snapshot, Timestamp::default(), &mut Projector::default(), &TextFrames));
}

#[test]
fn what_must_be_held_for_a_revision() {
    let mut stage = Stage::new("");
    stage.commit(vec![Change::Enable(place("staging"))]);
    stage.commit(vec![Change::Enable(place("production"))]);
    stage.commit(vec![Change::Disable(place("staging"))]);
    let needed = |revision| stage.feed.needed(Revision::new(revision));
    assert_eq!(needed(1), (Revision::new(2), true), "from before the feed: nobody may be left out");
    assert_eq!(needed(2), (Revision::new(2), true));
    assert_eq!(needed(3), (Revision::new(2), false));
    assert_eq!(needed(4), (Revision::new(4), true));
    assert_eq!(needed(5), (Revision::new(4), false));
}

#[test]
fn each_frame_is_encoded_once_however_many_read_it() {
    let mut stage = Stage::new("");
    stage.commit(vec![Change::Enable(place("production"))]);
    let first = stage.feed.next(at(2), &TextFrames).unwrap().0;
    for _ in 0..100 {
        assert_eq!(stage.feed.next(at(2), &TextFrames).unwrap().0.as_ptr(), first.as_ptr());
        stage.next(Cursor::Nowhere);
    }
    let counts = stage.feed.counts();
    assert_eq!((counts.deltas_encoded, counts.snapshots_encoded), (1, 1));
    assert_eq!((counts.deltas_sent, counts.snapshots_sent), (101, 100));
}

#[test]
fn members_are_shared_between_scopes_of_an_environment() {
    let stage = Stage::new("");
    let mut projector = Projector::default();
    let scope = |service: &str| Scope {
        environment: EnvironmentKey::new("production"),
        service: Some(ServiceName::new(service)),
    };
    let one = projector.view(&stage.snapshot, &scope("ui"), &TextFrames);
    let other = projector.view(&stage.snapshot, &scope("runner"), &TextFrames);
    let content = |view: &View<Bytes>| Arc::clone(&view.members().next().unwrap().content);
    assert!(Arc::ptr_eq(&content(&one), &content(&other)));
}

#[test]
fn what_a_record_changes_is_encoded_anew_and_nothing_else() {
    let mut stage = Stage::new("");
    fold(&mut stage.snapshot, vec![Change::CreateFlag(CreateFlag::boolean("whispers"))]);
    let mut projector = Projector::default();
    let scope = stage.feed.scope.clone();
    let before = projector.view(&stage.snapshot, &scope, &TextFrames);
    let record = fold(&mut stage.snapshot, vec![Change::Enable(place("production"))]);
    projector.forget(&record.writes);
    let after = projector.view(&stage.snapshot, &scope, &TextFrames);
    let content = |view: &View<Bytes>, flag| {
        let member = view.member(&mycelia_flags_core::key::FoldedKey::of(flag)).unwrap();
        Arc::clone(&member.content)
    };
    assert_eq!(&**content(&after, "dreams"), b"dreams=on");
    assert!(Arc::ptr_eq(&content(&before, "whispers"), &content(&after, "whispers")));
}
