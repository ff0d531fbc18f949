//! What holds of every guard, whatever is measured, whatever people do, and whenever the server is restarted.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Something that happens while a guard watches.
#[derive(Debug, Clone)]
enum Event {
    Measure(Option<u32>),
    Pass(i64),
    Jump(i64),
    Rollout(u32),
    Acknowledge,
    Restart,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => proptest::option::of(0_u32..30).prop_map(Event::Measure),
        4 => (1_i64..2_000).prop_map(Event::Pass),
        1 => (-20_i64..20).prop_map(|days| Event::Jump(days * 86_400)),
        3 => (0_u32..=100).prop_map(Event::Rollout),
        2 => Just(Event::Acknowledge),
        3 => Just(Event::Restart),
    ];
    vec(event, 1..40)
}

fn actions() -> impl Strategy<Value = GuardAction> {
    proptest::sample::select(vec![
        GuardAction::Alert,
        GuardAction::Pause,
        disable(),
        GuardAction::Rollback(RollbackKind::ToZero),
        ladder(),
        GuardAction::Rollback(RollbackKind::Segments(vec![SegmentKey::new("B")])),
    ])
}

fn happen(world: &mut World, event: &Event, restarts: bool) {
    let held = |world: &World| world.state().holds(&FoldedKey::of("dreams"));
    let (was_held, share) = (held(world), share(world));
    match event {
        Event::Measure(value) => {
            world.values.now.clear();
            world.values.now.extend(value.map(|value| ("error_rate", f64::from(value))));
        }
        Event::Pass(seconds) | Event::Jump(seconds) => world.jump(*seconds),
        // What a latch does not allow is refused, in both worlds.
        Event::Rollout(percent) => drop(world.try_ask(rollout("dreams", f64::from(*percent)))),
        Event::Acknowledge => {
            let guard = AcknowledgeGuard::Guard("errors".to_owned());
            drop(world.try_ask(Change::AcknowledgeGuard(guard)));
        }
        Event::Restart if restarts => {
            let mut folded = Snapshot::default();
            for record in &world.records {
                folded.fold(record).unwrap();
            }
            world.snapshot = folded;
        }
        Event::Restart => {}
    }
    world.go_on();
    if was_held && held(world) {
        assert!(self::share(world) <= share, "what is latched never rises");
    }
}

fn share(world: &World) -> u32 {
    let environment = EnvironmentKey::new("production");
    let flag = FoldedKey::of("dreams");
    let configuration = world.snapshot.configuration(&environment, &flag).unwrap();
    let definition = world.snapshot.flag(&flag).unwrap();
    if configuration.enabled { crate::plan::rollback::highest_share(definition, configuration) } else { 0 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_restart_at_any_point_gives_the_same_history(action in actions(), events in events()) {
        let mut steady = World::guarded("error_rate > 10% over 300s", action);
        let mut restarted = steady.clone();
        for event in &events {
            happen(&mut steady, event, false);
            happen(&mut restarted, event, true);
        }
        prop_assert_eq!(steady.records, restarted.records);
    }

    #[test]
    fn without_data_nothing_is_taken_back_and_nothing_is_well(action in actions(), events in events()) {
        let mut world = World::guarded("error_rate > 10% over 300s", action);
        for event in events.iter().filter(|event| !matches!(event, Event::Measure(Some(_)))) {
            happen(&mut world, event, true);
        }
        prop_assert_eq!(world.state(), GuardState::default());
    }

    #[test]
    fn what_is_true_is_said_once(values in vec(11_u32..30, 1..30)) {
        let mut world = World::guarded("error_rate > 10% over 300s", GuardAction::Alert);
        for value in values {
            happen(&mut world, &Event::Measure(Some(value)), true);
            happen(&mut world, &Event::Pass(60), true);
        }
        prop_assert_eq!(world.state().trips, 1);
    }
}
