use std::sync::Arc;

use mycelia_flags_core::change::{Change, ChangeSet, CreateFlag, Place, SetSegment, UpdateFlag};
use mycelia_flags_core::check::{Circumstances, Origin, check};
use mycelia_flags_core::condition::Condition;
use mycelia_flags_core::entity::Write;
use mycelia_flags_core::flag::{EffectiveFlag, Rule, Serve};
use mycelia_flags_core::key::{EnvironmentKey, FoldedKey, SegmentKey, ServiceName, VariantName};
use mycelia_flags_core::list::ListKey;
use mycelia_flags_core::schema::AnyValue;
use mycelia_flags_core::segment::Segment;
use mycelia_flags_core::update::{EntryKey, ListEdit};

use super::*;
use crate::distribution::encode::{EndReason, Welcome};

/// Frames as text, so that a test can say what it expects.
#[derive(Debug)]
struct TextFrames;

impl Encode for TextFrames {
    fn flag(&self, flag: &EffectiveFlag) -> Bytes {
        format!("{}={}", flag.key, if flag.enabled { "on" } else { "off" }).into()
    }

    fn segment(&self, segment: &Segment) -> Bytes {
        format!("segment/{}", segment.key).into()
    }

    /// Off is not worth a word.
    fn canary(&self, on: bool) -> Bytes {
        if on { Bytes::from_static(b"canary=on") } else { Bytes::new() }
    }

    fn welcome(&self, welcome: &Welcome) -> Bytes {
        format!("welcome {}", welcome.revision).into()
    }

    fn snapshot(&self, _epoch: Epoch, _bucketing: Generation, view: &View<Bytes>) -> Bytes {
        let lists =
            view.lists().map(|(list, keys)| format!(" {list}={:?}", keys.sorted())).collect::<String>();
        let members = texts(view.members().map(|member| &*member.content));
        format!("snapshot {}: {members}{lists}", view.revision()).into()
    }

    fn delta(&self, update: &Update<Bytes>, _committed_at: Timestamp) -> Bytes {
        let upserts = texts(update.members.values().flatten().map(|member| &*member.content));
        let removed: Vec<_> = update.members.iter().filter(|(_, member)| member.is_none()).collect();
        let removed: String = removed.iter().map(|(key, _)| format!(" -{key}")).collect();
        let edit = |(list, edit): (&ListKey, &ListEdit)| {
            let cleared = if edit.cleared { " cleared" } else { "" };
            let keys: String =
                edit.keys.iter().map(|(key, on)| format!(" {}{key}", if *on { '+' } else { '-' })).collect();
            format!(" {list}:{cleared}{keys}")
        };
        let lists: String = update.lists.iter().map(edit).collect();
        format!("delta {}..{}: {upserts}{removed}{lists}", update.previous, update.revision).into()
    }

    fn heartbeat(&self, revision: Revision, _digest: Digest) -> Bytes {
        format!("heartbeat {revision}").into()
    }

    fn goodbye(&self, reason: EndReason, _reconnect_after_ms: u32) -> Bytes {
        format!("goodbye {reason:?}").into()
    }
}

fn texts<'b>(members: impl Iterator<Item = &'b Bytes>) -> String {
    let texts: Vec<&str> =
        members.map(|bytes| std::str::from_utf8(bytes).unwrap()).filter(|text| !text.is_empty()).collect();
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
    let circumstances = Circumstances { origin, at: Timestamp::default(), schemas: &AnyValue, undone: &[] };
    let writes = check(snapshot, &change_set, circumstances).unwrap().writes;
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

fn flag(key: &str) -> EntryKey {
    EntryKey::Flag(FoldedKey::of(key))
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
    let mut content = |service| {
        let feed = Feed::begin(scope(service), stage.epoch, &stage.snapshot, &mut projector, &TextFrames);
        Arc::clone(&feed.view().member(&flag("dreams")).unwrap().content)
    };
    assert!(Arc::ptr_eq(&content("ui"), &content("runner")));
}

#[test]
fn what_a_record_changes_is_encoded_anew_and_nothing_else() {
    let mut stage = Stage::new("");
    fold(&mut stage.snapshot, vec![Change::CreateFlag(CreateFlag::boolean("whispers"))]);
    let mut projector = Projector::default();
    let production = EnvironmentKey::new("production");
    let mut content = |snapshot: &Snapshot, key: &str, written: &[Write]| {
        projector.forget(written);
        projector.member(snapshot, &production, &flag(key), &TextFrames).unwrap().content
    };
    let before = content(&stage.snapshot, "whispers", &[]);
    content(&stage.snapshot, "dreams", &[]);
    let record = fold(&mut stage.snapshot, vec![Change::Enable(place("production"))]);
    assert_eq!(&**content(&stage.snapshot, "dreams", &record.writes), b"dreams=on");
    assert!(Arc::ptr_eq(&before, &content(&stage.snapshot, "whispers", &record.writes)));
}

/// A rule of `dreams` in production that names a segment, or no rule.
fn rule_for(segment: Option<&str>) -> Change {
    let rule = |segment| Rule {
        name: Box::from(""),
        condition: Condition::Segment(SegmentKey::new(segment)),
        serve: Serve::Variant(VariantName::new("on")),
    };
    Change::SetRules { place: place("production"), rules: segment.map(rule).into_iter().collect() }
}

fn segment(key: &str) -> Change {
    Change::SetSegment(SetSegment {
        environment: "production".to_owned(),
        segment: key.to_owned(),
        ..SetSegment::default()
    })
}

fn edit(list: &str, add: &[&str], remove: &[&str]) -> Change {
    let keys = |keys: &[&str]| keys.iter().map(ToString::to_string).collect();
    Change::EditList {
        environment: "production".to_owned(),
        list: list.to_owned(),
        add: keys(add),
        remove: keys(remove),
    }
}

#[test]
fn a_segment_and_its_lists_come_with_the_first_flag_that_names_it_and_leave_with_the_last() {
    let mut stage = Stage::new("");
    assert!(!stage.commit(vec![segment("beta")]), "nobody names it");
    assert!(!stage.commit(vec![edit("segment/beta/included", &["ana", "bo"], &[])]));
    assert!(stage.commit(vec![rule_for(Some("beta"))]));
    let come = "delta 2..5: segment/beta segment/beta/included: +ana +bo";
    assert_eq!(stage.next(at(2)), Some((come.to_owned(), at(5))));
    assert!(stage.commit(vec![edit("segment/beta/included", &["cy"], &["bo"])]));
    assert_eq!(stage.next(at(5)), Some(("delta 5..6:  segment/beta/included: -bo +cy".to_owned(), at(6))));
    let all = "snapshot 6: dreams=off segment/beta segment/beta/included=[\"ana\", \"cy\"]";
    assert_eq!(stage.next(Cursor::Nowhere), Some((all.to_owned(), at(6))));
    assert!(stage.commit(vec![rule_for(None)]));
    let left = "delta 6..7:  -segment/beta segment/beta/included: cleared";
    assert_eq!(stage.next(at(6)), Some((left.to_owned(), at(7))));
    assert!(
        !stage.commit(vec![edit("segment/beta/included", &["dan"], &[])]),
        "it is not in the scope any more"
    );
}

#[test]
fn an_edit_of_the_canary_allowlist_is_as_large_as_the_edit() {
    let mut stage = Stage::new("");
    let many: Vec<String> = (0..5_000).map(|number| format!("user-{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(stage.commit(vec![edit("canary", &many, &[])]));
    assert!(stage.commit(vec![edit("canary", &["ana"], &["user-7"])]));
    assert_eq!(stage.next(at(3)), Some(("delta 3..4:  canary: +ana -user-7".to_owned(), at(4))));
    let on = Change::SwitchCanary { environment: "production".to_owned(), on: true };
    assert!(stage.commit(vec![on]));
    assert_eq!(stage.next(at(4)), Some(("delta 4..5: canary=on".to_owned(), at(5))));
}

#[test]
fn a_prerequisite_of_another_service_is_there_as_long_as_it_is_needed() {
    let mut stage = Stage::new("ui");
    let hidden = CreateFlag { services: vec!["runner".to_owned()], ..CreateFlag::boolean("engine") };
    assert!(!stage.commit(vec![Change::CreateFlag(hidden)]));
    let needs = |flags: &[&str]| Change::SetPrerequisites {
        place: place("production"),
        prerequisites: flags.iter().map(|flag| (flag.to_string(), vec!["on".to_owned()])).collect(),
    };
    assert!(stage.commit(vec![needs(&["engine"])]));
    assert_eq!(stage.next(at(2)), Some(("delta 2..4: engine=off".to_owned(), at(4))));
    let enable = Change::Enable(Place { flag: "engine".to_owned(), ..place("production") });
    assert!(stage.commit(vec![enable]));
    assert_eq!(stage.next(at(4)), Some(("delta 4..5: engine=on".to_owned(), at(5))));
    assert!(stage.commit(vec![needs(&[])]));
    assert_eq!(stage.next(at(5)), Some(("delta 5..6:  -engine".to_owned(), at(6))));
}

#[test]
fn an_archived_flag_is_in_no_scope() {
    let mut stage = Stage::new("");
    assert!(stage.commit(vec![Change::ArchiveFlag { flag: "dreams".to_owned(), force: false }]));
    assert_eq!(stage.next(at(2)), Some(("delta 2..3:  -dreams".to_owned(), at(3))));
    assert!(stage.commit(vec![Change::UnarchiveFlag { flag: "dreams".to_owned() }]));
    assert_eq!(stage.next(at(3)), Some(("delta 3..4: dreams=off".to_owned(), at(4))));
}
