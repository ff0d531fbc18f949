//! Tables for each kind of frame; the laws over random streams are in `laws`.

mod laws;
mod refusals;
mod stage;

use mycelia_flags_proto::raw::Frame;
use mycelia_flags_proto::v1::{EffectiveFlag, Goodbye, Welcome};
use prost::Message as _;

use self::stage::{
    Flags, Stage, delta, digest, flag, flags, flags_digest, greeting, heartbeat, snapshot, welcome,
    welcome_back,
};
use super::*;

/// Takes frames at a stage that holds flag a at revision 5 and is welcomed as up to date; checks the last answer.
#[track_caller]
fn check(frames: Vec<Body>, expected: &str) {
    let held = flags(&[("a", 1)]);
    let mut stage = Stage::holding(5, &held);
    assert_eq!(stage.take(welcome_back("e", 5, &held)), "ack 5, live");
    let last = frames.into_iter().map(|frame| stage.take(frame)).last();
    assert_eq!(last.as_deref(), Some(expected));
}

#[test]
fn a_first_contact_brings_everything() {
    let mut stage = Stage::new();
    let all = flags(&[("a", 1), ("b", 1)]);
    assert_eq!(stage.known(), (String::new(), 0, false));
    assert_eq!(stage.take(welcome("e", 5)), "");
    assert_eq!(stage.take(snapshot("e", 5, &all)), "install 5 [a b], ack 5, live");
    assert_eq!(stage.take(heartbeat(5, &all)), "live");
    assert_eq!(stage.known(), ("e".to_owned(), 5, true));
}

#[test]
fn an_empty_scope_is_a_state_too() {
    let mut stage = Stage::new();
    stage.take(welcome("e", 1));
    assert_eq!(stage.take(snapshot("e", 1, &Flags::new())), "install 1 [], ack 1, live");
}

#[test]
fn a_change_that_fits_is_applied_as_a_whole() {
    let before = flags(&[("a", 1)]);
    let after = flags(&[("b", 1), ("c", 1)]);
    check(vec![delta(5, 9, &before, &after)], "install 9 [a b c], ack 9, live");
}

#[test]
fn a_change_that_comes_again_is_ignored() {
    let before = flags(&[("a", 1)]);
    let after = flags(&[("a", 2)]);
    check(vec![delta(5, 6, &before, &after), delta(5, 6, &before, &after)], "");
    check(vec![delta(3, 5, &after, &before)], "");
    check(vec![delta(3, 4, &after, &before)], "");
}

#[test]
fn a_gap_asks_for_everything() {
    let before = flags(&[("a", 1)]);
    let after = flags(&[("a", 2)]);
    check(vec![delta(6, 7, &before, &after)], "refuse at 5, resubscribe");
    check(vec![delta(4, 7, &before, &after)], "refuse at 5, resubscribe");
    check(vec![heartbeat(6, &before)], "refuse at 5, resubscribe");
}

#[test]
fn a_divergence_asks_for_everything() {
    let before = flags(&[("a", 1)]);
    let after = flags(&[("a", 2)]);
    check(vec![heartbeat(5, &after)], "refuse at 5, resubscribe");
    let Body::Delta(mut wrong) = delta(5, 6, &before, &after) else { panic!("a delta") };
    for digest in [&b"short"[..], &[0; 16], &[]] {
        wrong.digest = Bytes::copy_from_slice(digest);
        check(vec![Body::Delta(wrong.clone())], "refuse at 5, resubscribe");
    }
    for greeting in
        [welcome_back("e", 5, &after), Body::Welcome(Welcome { up_to_date: true, ..greeting("e", 5) })]
    {
        let mut stage = Stage::holding(5, &before);
        assert_eq!(stage.take(greeting), "refuse at 5, resubscribe");
    }
    let Body::Snapshot(mut wrong) = snapshot("e", 6, &after) else { panic!("a snapshot") };
    wrong.digest = Bytes::from_static(&[1; 16]);
    check(vec![Body::Snapshot(wrong)], "refuse at 5, resubscribe");
}

#[test]
fn what_broke_the_protocol_asks_for_everything() {
    let held = flags(&[("a", 1)]);
    check(vec![welcome_back("e", 5, &held)], "refuse at 5, resubscribe");
    check(vec![snapshot("another", 6, &held)], "refuse at 5, resubscribe");
    let mut stage = Stage::new();
    assert_eq!(stage.take(snapshot("e", 5, &held)), "resubscribe");
    let mut stage = Stage::new();
    assert_eq!(stage.take(welcome_back("e", 5, &held)), "refuse at 0, resubscribe");
    let mut stage = Stage::holding(5, &held);
    assert_eq!(stage.on(Event::Undecodable("x".to_owned())), "resubscribe");
    assert_eq!(stage.known(), ("e".to_owned(), 0, false));
}

#[test]
fn after_distrust_nothing_on_the_stream_counts_and_the_state_stays() {
    let held = flags(&[("a", 1)]);
    let mut stage = Stage::holding(5, &held);
    stage.take(welcome_back("e", 5, &held));
    assert_eq!(stage.take(heartbeat(6, &held)), "refuse at 5, resubscribe");
    assert_eq!(stage.take(snapshot("e", 6, &held)), "");
    assert_eq!(stage.on(Event::Undecodable("x".to_owned())), "");
    assert_eq!(stage.on(Event::Ended), "stale");
    assert_eq!(stage.known(), ("e".to_owned(), 0, false));
    assert_eq!(stage.0.held.as_ref().unwrap().revision(), Revision::new(5));
    // The same revision again, in order now.
    assert_eq!(stage.take(welcome("e", 5)), "");
    assert_eq!(stage.take(snapshot("e", 5, &held)), "ack 5, live");
    assert_eq!(stage.known(), ("e".to_owned(), 5, true));
}

#[test]
fn a_state_that_the_server_disowned_is_replaced_at_the_same_revision() {
    let held = flags(&[("a", 1)]);
    let right = flags(&[("a", 2)]);
    let mut stage = Stage::holding(5, &held);
    stage.take(welcome_back("e", 5, &held));
    assert_eq!(stage.take(heartbeat(5, &right)), "refuse at 5, resubscribe");
    stage.on(Event::Ended);
    stage.take(welcome("e", 5));
    assert_eq!(stage.take(snapshot("e", 5, &right)), "install 5 [a], ack 5, live");
}

#[test]
fn an_older_snapshot_of_the_epoch_is_ignored() {
    let older = flags(&[("a", 9)]);
    check(vec![snapshot("e", 4, &older)], "");
    check(vec![snapshot("e", 4, &older), heartbeat(4, &older)], "");
    let mut stage = Stage::holding(5, &flags(&[("a", 1)]));
    assert_eq!(stage.take(welcome("e", 4)), "", "a server that is behind");
    assert_eq!(stage.take(snapshot("e", 4, &older)), "");
}

#[test]
fn a_new_epoch_replaces_everything_even_at_a_lower_revision() {
    let mut stage = Stage::holding(5, &flags(&[("a", 1), ("b", 1)]));
    let restored = flags(&[("a", 1), ("c", 1)]);
    assert_eq!(stage.take(welcome("new", 2)), "");
    assert_eq!(stage.take(snapshot("new", 2, &restored)), "install 2 [b c], ack 2, live");
    assert_eq!(stage.known(), ("new".to_owned(), 2, true));
}

#[test]
fn a_change_of_a_new_epoch_does_not_fit_the_old_state() {
    let held = flags(&[("a", 1)]);
    for frame in [delta(5, 6, &held, &flags(&[("a", 2)])), heartbeat(5, &held)] {
        let mut stage = Stage::holding(5, &held);
        stage.take(welcome("new", 6));
        assert_eq!(stage.take(frame), "refuse at 0, resubscribe");
    }
}

#[test]
fn equal_content_takes_the_servers_revision() {
    let held = flags(&[("a", 1)]);
    let after = flags(&[("a", 2)]);
    let mut stage = Stage::holding(5, &held);
    assert_eq!(stage.take(welcome_back("e", 50, &held)), "install 50 [], ack 50, live");
    assert_eq!(stage.take(delta(50, 51, &held, &after)), "install 51 [a], ack 51, live");
    let mut stage = Stage::holding(5, &held);
    assert_eq!(stage.take(welcome_back("e", 4, &held)), "", "never back in time");
}

#[test]
fn what_was_missed_while_away_comes_before_live() {
    let held = flags(&[("a", 1)]);
    let next = flags(&[("a", 2)]);
    let last = flags(&[("a", 3)]);
    let mut stage = Stage::holding(5, &held);
    assert_eq!(stage.take(welcome("e", 9)), "", "nothing was sent on this stream yet");
    assert_eq!(stage.take(delta(5, 7, &held, &next)), "install 7 [a], ack 7");
    assert_eq!(stage.take(delta(7, 9, &next, &last)), "install 9 [a], ack 9, live");
}

#[test]
fn another_environment_or_bucketing_starts_over() {
    let held = flags(&[("a", 1)]);
    let Body::Welcome(greeting) = welcome_back("e", 5, &held) else { panic!("a welcome") };
    let elsewhere = Welcome { environment: "staging".to_owned(), ..greeting.clone() };
    let otherwise = Welcome { bucketing: v1::BucketingGeneration::V2.into(), ..greeting.clone() };
    let unknown = Welcome { bucketing: 9, ..greeting };
    for (greeting, applied) in [(elsewhere, 0), (otherwise, 5)] {
        let mut stage = Stage::holding(5, &held);
        let expected = format!("refuse at {applied}, resubscribe");
        assert_eq!(stage.take(Body::Welcome(greeting.clone())), expected);
        stage.on(Event::Ended);
        assert_eq!(stage.known().1, 0);
        stage.take(Body::Welcome(Welcome { up_to_date: false, ..greeting.clone() }));
        let Body::Snapshot(mut whole) = snapshot("e", 5, &held) else { panic!("a snapshot") };
        whole.bucketing = greeting.bucketing;
        assert_eq!(stage.take(Body::Snapshot(whole)), "install 5 [], ack 5, live");
    }
    let mut stage = Stage::holding(5, &held);
    assert_eq!(stage.take(Body::Welcome(unknown)), "resubscribe");
}

#[test]
fn unknown_kinds_of_frames_are_ignored() {
    let held = flags(&[("a", 1)]);
    let mut stage = Stage::holding(5, &held);
    assert_eq!(stage.on(Event::Frame(Frame { body: None })), "");
    stage.take(welcome_back("e", 5, &held));
    assert_eq!(stage.on(Event::Frame(Frame { body: None })), "");
}

#[test]
fn a_goodbye_is_no_loss() {
    let held = flags(&[("a", 1)]);
    let mut stage = Stage::holding(5, &held);
    stage.take(welcome_back("e", 5, &held));
    assert_eq!(stage.take(Body::Goodbye(Goodbye { reason: 1, reconnect_after_ms: 250 })), "");
    assert_eq!(stage.0.goodbye(), Some(Duration::from_millis(250)));
    assert_eq!(stage.on(Event::Ended), "");
    assert_eq!(stage.on(Event::Ended), "stale", "unless nobody is there afterwards");
    assert_eq!(stage.known(), ("e".to_owned(), 5, true));
}

#[test]
fn a_heartbeat_interval_stays_within_reason() {
    for (told, expected) in [
        (0, HEARTBEAT_DEFAULT),
        (1, HEARTBEAT_MIN),
        (5_000, Duration::from_secs(5)),
        (u32::MAX, HEARTBEAT_MAX),
    ] {
        let mut stage = Stage::new();
        assert_eq!(stage.0.heartbeat(), None);
        stage.take(Body::Welcome(Welcome { heartbeat_interval_ms: told, ..Welcome::default() }));
        assert_eq!(stage.0.heartbeat(), Some(expected));
    }
}
