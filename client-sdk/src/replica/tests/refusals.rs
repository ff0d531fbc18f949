//! Flags that this version cannot read: each by itself, and the server is told.

use mycelia_flags_core::compiled::Slot;

use super::*;

#[test]
fn one_bad_flag_does_not_take_down_the_others() {
    let mut all = flags(&[("a", 1)]);
    let keyed = EffectiveFlag { key: "b".to_owned(), r#type: 99, ..EffectiveFlag::default() };
    all.insert("b", keyed.encode_to_vec().into());
    all.insert("c", Bytes::from_static(&[0xff; 4]));
    let mut stage = Stage::new();
    stage.take(welcome("e", 5));
    let mut actions = stage.0.on(Event::Frame(Frame::from(snapshot("e", 5, &all))));
    let Some(Action::Acknowledge(report)) = actions.get(1) else { panic!("{actions:?}") };
    assert_eq!(report.applied, Revision::new(5));
    assert!(report.refused.contains("flag b: "), "{}", report.refused);
    let Action::Install(state, _) = actions.remove(0) else { panic!("an install first") };
    assert_eq!(state.view.len(), 3);
    assert!(matches!(&**state.set.get("a").unwrap(), Slot::Flag(_)));
    assert!(matches!(&**state.set.get("b").unwrap(), Slot::Broken { .. }));
    // Mended later, the unreadable one gone: nothing of it is left behind.
    let mended = flags(&[("a", 1), ("b", 1)]);
    assert_eq!(stage.take(heartbeat(5, &all)), "live");
    assert_eq!(stage.take(heartbeat(6, &mended)), "refuse at 5, resubscribe");
    stage.on(Event::Ended);
    stage.take(welcome("e", 6));
    assert!(stage.take(snapshot("e", 6, &mended)).ends_with("ack 6, live"));
}

#[test]
fn what_is_told_about_refusals_is_bounded() {
    let keys: Vec<String> = (0..500).map(|key| format!("é{key}")).collect();
    let mut all: Vec<Bytes> = Vec::new();
    for key in &keys {
        let broken = EffectiveFlag { key: key.clone(), ..EffectiveFlag::default() };
        all.push(broken.encode_to_vec().into());
    }
    let mut stage = Stage::new();
    stage.take(welcome("e", 5));
    let whole = RawSnapshot {
        epoch: "e".to_owned(),
        revision: 5,
        digest: digest(5, &all),
        flags: all,
        ..RawSnapshot::default()
    };
    let actions = stage.0.on(Event::Frame(Frame::from(Body::Snapshot(whole))));
    let Some(Action::Acknowledge(report)) = actions.get(1) else { panic!("an acknowledgement") };
    assert!(report.refused.len() <= REFUSED_BYTES_MAX && report.refused.len() > REFUSED_BYTES_MAX / 2);
}
