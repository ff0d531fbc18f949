//! What holds of every plan, whatever people do and whenever the server is restarted.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::{GuardAction, Ladder, PlanGuard, RollbackKind};
use super::*;

/// Something that happens while a plan runs.
#[derive(Debug, Clone)]
enum Event {
    Pass(u64),
    Jump(i64),
    Act(PlanAct),
    ByHand(f64),
    Disable,
    Restart,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let act = select(vec![
        PlanAct::Go,
        PlanAct::NoGo,
        PlanAct::Approve,
        PlanAct::Pause,
        PlanAct::Resume,
        PlanAct::Resume,
        PlanAct::Acknowledge,
        PlanAct::Tick { item: "1".to_owned() },
        PlanAct::Report { metric: "error_rate".to_owned(), value: "1%".to_owned() },
        PlanAct::Report { metric: "error_rate".to_owned(), value: "9%".to_owned() },
        PlanAct::RollBack(RollbackKind::Disable),
        PlanAct::RollBack(RollbackKind::Gradual(Ladder::default())),
    ]);
    let event = prop_oneof![
        6 => (1_u64..3 * DAY).prop_map(Event::Pass),
        1 => (-20_i64..20).prop_map(|days| Event::Jump(days * 86_400)),
        6 => act.prop_map(Event::Act),
        1 => (0_u32..100).prop_map(|percent| Event::ByHand(f64::from(percent))),
        1 => Just(Event::Disable),
        4 => Just(Event::Restart),
    ];
    vec(event, 1..40)
}

fn plans() -> impl Strategy<Value = PlanDefinition> {
    let stage = (0_u32..=100, 0_u64..3 * DAY, any::<bool>(), 0_u32..2, 0_u32..3);
    vec(stage, 1..6).prop_map(|stages| {
        let mut day = 1;
        let stages = stages.into_iter().enumerate().map(|(index, (share, hold, go, approvals, days))| {
            day += days;
            Stage {
                name: format!("stage {index}").into(),
                start: if days == 0 { StageStart::Next } else { StageStart::Day(day) },
                hold_seconds: hold,
                gate: Gate { go, approvals, ..Gate::default() },
                ..percent(f64::from(share))
            }
        });
        let when = check_of("error_rate > 5%");
        let guards = vec![PlanGuard { when, flags: Vec::new(), action: GuardAction::Alert }];
        PlanDefinition { guards, ..plan(stages.collect()) }
    })
}

fn happen(world: &mut World, event: &Event, restarts: bool) {
    match event {
        Event::Pass(seconds) => world.pass(*seconds),
        Event::Jump(seconds) => {
            world.jump(*seconds);
            world.go_on();
        }
        // What the state does not allow is refused, in both worlds.
        Event::Act(act) => {
            let _refused = world.try_act("ben", "because", act.clone());
            world.go_on();
        }
        Event::ByHand(percent) => {
            let change = Change::Rollout { place: place("dreams"), percent: *percent, enable: true };
            let _refused = world.commit(Origin::Caller, "cleo", "", vec![change]);
            world.go_on();
        }
        Event::Disable => {
            let _refused = world.commit(Origin::Caller, "cleo", "", vec![Change::Disable(place("dreams"))]);
            world.go_on();
        }
        Event::Restart if restarts => {
            let mut snapshot = Snapshot::default();
            for record in &world.records {
                snapshot.fold(record).unwrap();
            }
            world.snapshot = snapshot;
            world.go_on();
        }
        Event::Restart => {}
    }
}

/// Each record that entered a stage: which one, and what the flag serves after it.
fn entries(world: &World) -> Vec<u32> {
    let mut entered = Vec::new();
    let mut last: Option<(u32, Timestamp)> = None;
    for record in &world.records {
        for write in &record.writes {
            if let Some(crate::entity::Entity::Progress(progress)) = &write.value
                && let Some(entry) = progress.entered.last()
                && last != Some((entry.stage, entry.at))
            {
                last = Some((entry.stage, entry.at));
                entered.push(entry.stage);
            }
        }
    }
    entered
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn restarts_change_no_history_and_no_stage_is_skipped(plan in plans(), events in events()) {
        let mut world = World::with(plan);
        let mut restarted = world.clone();
        world.act("ana", PlanAct::Start);
        restarted.act("ana", PlanAct::Start);
        for event in &events {
            happen(&mut world, event, false);
            happen(&mut restarted, event, true);
            prop_assert_eq!(&world.records, &restarted.records);
        }
        let entered = entries(&world);
        prop_assert_eq!(entered.first(), Some(&0));
        for pair in entered.windows(2) {
            // The next one; or the same one, after a rollback.
            prop_assert!(pair[1] == pair[0] || pair[1] == pair[0] + 1, "{:?}", entered);
        }
    }

    #[test]
    fn while_a_plan_holds_its_flag_serves_what_the_stage_says_or_the_plan_says_that_it_drifted(
        plan in plans(),
        events in events(),
    ) {
        let mut world = World::with(plan);
        world.act("ana", PlanAct::Start);
        for event in &events {
            happen(&mut world, event, true);
            let (plan, progress) = world.snapshot.plan(&key()).unwrap();
            if progress.state.is_in_stage() && progress.drift.is_empty() {
                let around = Surroundings { now: world.now, metrics: &NoMetrics, memory: &NoMemory };
                let status = super::super::status::status(plan, progress, &world.snapshot, &around);
                prop_assert!(status.flags.iter().all(|flag| flag.agrees), "{:?}", status.flags);
            }
        }
    }

    #[test]
    fn nothing_rises_while_a_plan_is_latched(plan in plans(), percents in vec(0_u32..=100, 1..10)) {
        let mut world = World::with(plan);
        world.act("ana", PlanAct::Start);
        world.act("ben", PlanAct::RollBack(RollbackKind::ToZero));
        for percent in percents {
            let change =
                Change::Rollout { place: place("dreams"), percent: f64::from(percent), enable: true };
            let answer = world.commit(Origin::Caller, "cleo", "", vec![change]);
            prop_assert_eq!(answer.is_ok(), percent == 0);
            world.serves("dreams", "0%");
        }
    }
}
