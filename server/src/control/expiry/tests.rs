//! Overrides end at their time, not before, and not at somebody else's.

use std::sync::Arc;

use super::*;
use crate::clock::ManualClock;
use crate::state::{LogChoice, StoreOptions};
use crate::tasks::Tasks;

fn place(flag: &str) -> Place {
    Place { environment: "production".to_owned(), flag: flag.to_owned() }
}

fn detach(flag: &str, service: &str, seconds: u64) -> Change {
    let (service, variant) = (service.to_owned(), "off".to_owned());
    Change::SetOverride { place: place(flag), service, variant, seconds }
}

struct Stage {
    store: Store,
    clock: Arc<ManualClock>,
    tasks: Tasks,
}

impl Stage {
    async fn begin() -> Self {
        let clock = ManualClock::at(0);
        let options = StoreOptions {
            log: LogChoice::Memory,
            bucketing: None,
            environments: vec!["production".to_owned(), "staging".to_owned()],
            created_by: "test".to_owned(),
        };
        let store = Store::open(options, clock.clone()).unwrap();
        let stage = Self { store, clock, tasks: Tasks::default() };
        let dreams = mycelia_flags_core::change::CreateFlag::boolean("dreams");
        stage.submit(vec![Change::CreateFlag(dreams)]).await;
        stage
    }

    fn run(&self) {
        self.tasks.spawn(run(self.store.clone(), self.clock.clone(), self.tasks.stopping().clone()));
    }

    async fn submit(&self, changes: Vec<Change>) {
        let change_set = ChangeSet { actor: "ana".to_owned(), reason: String::new(), changes };
        self.store.commit(CommitRequest { change_set, ..CommitRequest::default() }).await.unwrap();
    }

    fn detached(&self) -> Vec<String> {
        let (production, dreams) = (EnvironmentKey::new("production"), FoldedKey::of("dreams"));
        let snapshot = self.store.snapshot();
        let configuration = snapshot.configuration(&production, &dreams).unwrap();
        configuration.overrides.iter().map(|detached| detached.service.to_string()).collect()
    }

    async fn until(&self, services: &[&str]) {
        let mut head = self.store.head();
        let reached = async {
            while self.detached() != services {
                head.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(60), reached).await.unwrap();
    }
}

#[tokio::test]
async fn an_override_ends_at_its_time_and_another_one_stays() {
    let stage = Stage::begin().await;
    stage.run();
    stage.submit(vec![detach("dreams", "runner", 60), detach("dreams", "ui", 3_600)]).await;
    assert_eq!(stage.detached(), ["runner", "ui"]);
    stage.clock.advance(Duration::from_secs(60));
    stage.until(&["ui"]).await;
    stage.submit(vec![detach("dreams", "ui", 7_200)]).await;
    stage.clock.advance(Duration::from_secs(3_600));
    stage.submit(vec![detach("dreams", "agent", 1)]).await;
    stage.clock.advance(Duration::from_secs(1));
    stage.until(&["ui"]).await;
    stage.tasks.stop().await;
    stage.store.close().await;
}

#[tokio::test]
async fn what_expired_while_nobody_looked_ends_at_the_start() {
    let stage = Stage::begin().await;
    stage.submit(vec![detach("dreams", "runner", 60)]).await;
    stage.clock.advance(Duration::from_secs(86_400));
    stage.run();
    stage.until(&[]).await;
    let newest = stage.store.records_after(Revision::new(3)).unwrap();
    let ended = &newest.first().unwrap().change_set;
    assert_eq!((&*ended.actor, &*ended.reason), ("mycelia", "expired"));
    stage.tasks.stop().await;
    stage.store.close().await;
}

#[test]
fn one_change_set_ends_as_many_as_it_holds() {
    let mut deadlines = Deadlines::default();
    let of = |number: i64| (Timestamp::from_unix_micros(number), ServiceName::new(&format!("s{number}")));
    let flag = (EnvironmentKey::new("production"), FoldedKey::of("dreams"));
    deadlines.known.insert(flag, (1..=1_500).map(of).collect());
    assert_eq!(deadlines.due(Timestamp::from_unix_micros(0)).len(), 0);
    assert_eq!(deadlines.due(Timestamp::from_unix_micros(700)).len(), 700);
    assert_eq!(deadlines.due(Timestamp::from_unix_micros(9_000)).len(), CHANGES_MAX);
    assert_eq!(deadlines.wait(Timestamp::from_unix_micros(0)), Some(Duration::from_micros(1)));
    let far = Deadlines { known: BTreeMap::new(), ..deadlines };
    assert_eq!(far.wait(Timestamp::default()), None);
}
