//! Plans that go on by the clock, over a store in memory.

mod memory;

use std::sync::Arc;

use mycelia_flags_core::change::CreateFlag;
use mycelia_flags_core::key::{EnvironmentKey, FlagKey, VariantName};
use mycelia_flags_core::plan::progress::PlanState;
use mycelia_flags_core::plan::{PlanDefinition, Stage, Target};
use mycelia_flags_core::value::{FlagType, Value};

use super::*;
use crate::clock::ManualClock;
use crate::state::{LogChoice, StoreOptions};

const PACE: Duration = Duration::from_millis(1);

struct World {
    store: Store,
    clock: Arc<ManualClock>,
    stopping: CancellationToken,
    running: tokio::task::JoinHandle<()>,
}

impl World {
    fn begin() -> Self {
        let clock = ManualClock::at(0);
        let options = StoreOptions {
            log: LogChoice::Memory,
            bucketing: None,
            environments: vec!["production".to_owned()],
            created_by: "test".to_owned(),
        };
        let shared: SharedClock = Arc::clone(&clock) as SharedClock;
        let store = Store::open(options, Arc::clone(&shared)).unwrap();
        let stopping = CancellationToken::new();
        #[expect(clippy::disallowed_methods, reason = "the test owns the task and waits for it")]
        let running = tokio::spawn(run(store.clone(), shared, Measured::default(), PACE, stopping.clone()));
        Self { store, clock, stopping, running }
    }

    async fn commit(&self, changes: Vec<Change>) {
        let change_set = ChangeSet { actor: "ana".to_owned(), reason: String::new(), changes };
        self.store.commit(CommitRequest { change_set, ..CommitRequest::default() }).await.unwrap();
    }

    async fn until(&self, is_so: impl Fn(&Snapshot) -> bool) {
        let mut head = self.store.head();
        let reached = async {
            loop {
                head.borrow_and_update();
                if is_so(&self.store.snapshot()) {
                    return;
                }
                head.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(20), reached).await.expect("the plan goes on");
    }

    async fn end(self) {
        self.stopping.cancel();
        self.running.await.unwrap();
        self.store.close().await;
    }
}

fn ramp() -> PlanDefinition {
    let stage = |name: &str, percent: f64| Stage {
        name: Box::from(name),
        set: vec![(FlagKey::new("dreams"), Target::Percent(percent))],
        hold_seconds: 3600,
        ..Stage::default()
    };
    PlanDefinition {
        stages: vec![stage("first", 10.0), stage("second", 100.0)],
        ..PlanDefinition::empty(PlanKey::new("ramp"), EnvironmentKey::new("production"))
    }
}

fn is(state: PlanState, stage: u32) -> impl Fn(&Snapshot) -> bool {
    move |snapshot| {
        let plan = snapshot.plan(&PlanKey::new("ramp"));
        plan.is_some_and(|(_, progress)| progress.state == state && progress.stage == stage)
    }
}

fn act(act: PlanAct) -> Change {
    Change::ActOnPlan { plan: "ramp".to_owned(), act }
}

#[tokio::test]
async fn a_plan_goes_on_by_the_clock_to_its_end() {
    let world = World::begin();
    let create = Change::CreateFlag(CreateFlag::boolean("dreams"));
    world.commit(vec![create, Change::SetPlan(Box::new(ramp())), act(PlanAct::Start)]).await;
    world.until(is(PlanState::Holding, 0)).await;
    world.clock.advance(Duration::from_secs(3600));
    world.until(is(PlanState::Holding, 1)).await;
    world.clock.advance(Duration::from_secs(3600));
    world.until(is(PlanState::Completed, 1)).await;
    world.end().await;
}

#[tokio::test]
async fn a_step_that_is_refused_says_why_and_is_taken_when_it_may_be() {
    let world = World::begin();
    let variants = |names: &[&str]| {
        let variant = |name: &&str| ((*name).to_owned(), Value::string(name));
        names.iter().map(variant).collect::<Vec<_>>()
    };
    let create = CreateFlag {
        flag_type: FlagType::String,
        variants: variants(&["light", "dark", "off"]),
        default_variant: "off".to_owned(),
        off_variant: "off".to_owned(),
        ..CreateFlag::boolean("theme")
    };
    let mut plan = ramp();
    for (stage, variant) in plan.stages.iter_mut().zip(["light", "dark"]) {
        stage.set = vec![(FlagKey::new("theme"), Target::Variant(VariantName::new(variant)))];
    }
    world
        .commit(vec![Change::CreateFlag(create), Change::SetPlan(Box::new(plan)), act(PlanAct::Start)])
        .await;
    let set = |names: &[&str]| Change::SetVariants { flag: "theme".to_owned(), variants: variants(names) };
    world.commit(vec![set(&["light", "off"])]).await;
    world.clock.advance(Duration::from_secs(3600));
    let blocked = |snapshot: &Snapshot| {
        let plan = snapshot.plan(&PlanKey::new("ramp"));
        plan.is_some_and(|(_, progress)| progress.blocked.starts_with("UNKNOWN_VARIANT: one of light, off"))
    };
    world.until(blocked).await;
    world.commit(vec![set(&["light", "dark", "off"])]).await;
    world.until(is(PlanState::Holding, 1)).await;
    world.until(|snapshot| !blocked(snapshot)).await;
    let refusals = world.store.snapshot().revision().get();
    assert_eq!(refusals, 6, "the refusal is said once: store, plan, variants, word, variants, stage");
    world.end().await;
}
