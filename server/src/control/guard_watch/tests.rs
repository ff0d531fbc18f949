//! Guards over a store in memory, with a metric that the test sets.

use std::sync::{Arc, Mutex, PoisonError};

use mycelia_flags_core::change::{CreateFlag, Place, SetGuard};
use mycelia_flags_core::guard::state::GuardPhase;
use mycelia_flags_core::incident::Severity;
use mycelia_flags_core::key::{EnvironmentKey, FoldedKey};
use mycelia_flags_core::plan::metric_check::{Asked, MetricCheck, Metrics, Verdict};
use mycelia_flags_core::plan::{GuardAction, RollbackKind};
use mycelia_flags_core::snapshot::Snapshot;

use super::*;
use crate::clock::ManualClock;
use crate::state::{LogChoice, StoreOptions};

const PACE: Duration = Duration::from_millis(1);

/// Says the same of every condition.
#[derive(Debug, Default)]
struct Dial(Mutex<Option<f64>>);

impl Dial {
    fn show(&self, value: f64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }
}

impl Metrics for Dial {
    fn judge(&self, check: &MetricCheck, _asked: &Asked<'_>) -> Verdict {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(value) if check.is_true_of(value) => Verdict::Met { value },
            Some(value) => Verdict::NotMet { value },
            None => Verdict::InsufficientData,
        }
    }
}

struct World {
    store: Store,
    clock: Arc<ManualClock>,
    dial: Arc<Dial>,
    stopping: CancellationToken,
    running: Option<tokio::task::JoinHandle<()>>,
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
        let store = Store::open(options, Arc::clone(&clock) as SharedClock).unwrap();
        let (dial, stopping) = (Arc::<Dial>::default(), CancellationToken::new());
        let mut world = Self { store, clock, dial, stopping, running: None };
        world.watch();
        world
    }

    fn watch(&mut self) {
        let measured = Measured::by(Arc::clone(&self.dial) as Arc<dyn Metrics + Send + Sync>);
        let clock = Arc::clone(&self.clock) as SharedClock;
        let watch = run(self.store.clone(), clock, measured, PACE, self.stopping.clone());
        #[expect(clippy::disallowed_methods, reason = "the test owns the task and waits for it")]
        let running = tokio::spawn(watch);
        self.running = Some(running);
    }

    async fn restart(&mut self) {
        self.stopping.cancel();
        self.running.take().unwrap().await.unwrap();
        self.stopping = CancellationToken::new();
        self.watch();
    }

    async fn commit(&self, changes: Vec<Change>) {
        let change_set = ChangeSet { actor: "ana".to_owned(), reason: "a cause".to_owned(), changes };
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
        tokio::time::timeout(Duration::from_secs(20), reached).await.expect("the guard acts");
    }

    async fn end(mut self) {
        self.stopping.cancel();
        self.running.take().unwrap().await.unwrap();
        self.store.close().await;
    }
}

fn phase(snapshot: &Snapshot) -> GuardPhase {
    snapshot.guard_state(&GuardKey::new("errors")).map(|state| state.phase).unwrap_or_default()
}

fn guarded() -> Vec<Change> {
    let place = Place { environment: "production".to_owned(), flag: "dreams".to_owned() };
    let guard = SetGuard {
        guard: "errors".to_owned(),
        environment: "production".to_owned(),
        flags: vec!["dreams".to_owned()],
        feature: String::new(),
        when: MetricCheck::parse("error_rate > 10% over 300s").unwrap(),
        severity: Severity::Critical,
        action: GuardAction::Rollback(RollbackKind::Disable),
        recovery_after_seconds: None,
        description: String::new(),
        owner: String::new(),
        notify: Vec::new(),
    };
    vec![
        Change::CreateFlag(CreateFlag::boolean("dreams")),
        Change::Enable(place),
        Change::SetGuard(Box::new(guard)),
    ]
}

#[tokio::test]
async fn a_guard_that_is_set_later_trips_and_says_what_became_of_it_after_a_restart() {
    let mut world = World::begin();
    world.dial.show(12.4);
    world.commit(guarded()).await;
    world.until(|snapshot| phase(snapshot) == GuardPhase::Latched).await;
    let snapshot = world.store.snapshot();
    let flag = FoldedKey::of("dreams");
    assert!(!snapshot.configuration(&EnvironmentKey::new("production"), &flag).unwrap().enabled);
    let records = world.store.records_after(Revision::new(2)).unwrap();
    let said: Vec<_> =
        records.iter().map(|record| (&*record.change_set.actor, &*record.change_set.reason)).collect();
    assert_eq!(said, [("mycelia", "guard errors: error_rate > 10% over 5m (12.4%)")]);
    world.restart().await;
    world.dial.show(0.5);
    world.clock.advance(Duration::from_secs(900));
    let is_stated = |snapshot: &Snapshot| {
        let state = snapshot.guard_state(&GuardKey::new("errors")).unwrap();
        matches!(state.recovery, mycelia_flags_core::guard::state::Recovery::Stated { .. })
    };
    world.until(is_stated).await;
    assert_eq!(world.store.snapshot().revision(), Revision::new(4), "a trip and a statement, each once");
    world.end().await;
}
