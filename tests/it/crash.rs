//! kill -9 in the middle of a stream of writes: nothing that was acknowledged is lost, every restart opens, and
//! subscribers converge to the same state.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use mycelia_flags_proto::v1;

use crate::binary::Process;
use crate::checker::{Checked, Held};
use crate::patience::within;
use crate::server::{Admin, apply_request, create, disable, enable};

/// Rounds of kill -9.
const ROUNDS: usize = 100;

/// Writers at once.
const WRITERS: usize = 4;

type Acknowledged = Arc<Mutex<BTreeMap<u64, String>>>;

/// Writes until the server dies. Every acknowledged revision is noted with the key of its request.
async fn write(
    url: String,
    writer: usize,
    round: usize,
    acknowledged: Acknowledged,
    count: Arc<AtomicUsize>,
) {
    let Ok(channel) = tonic::transport::Endpoint::from_shared(url).unwrap().connect().await else {
        return;
    };
    let mut admin = Admin { client: v1::admin_service_client::AdminServiceClient::new(channel) };
    let flag = if round < ROUNDS { format!("writer{writer}") } else { format!("writer{writer}-{round}") };
    for number in 0_usize.. {
        let key = format!("{round}/{writer}/{number}");
        let change = match (round, number) {
            (0 | ROUNDS.., 0) => create(&flag),
            _ if number.is_multiple_of(2) => enable(&flag),
            _ => disable(&flag),
        };
        // A bulk change beside the single one: it must be there wholly or not at all. Small, because a hundred rounds of
        // larger ones reach the limit of flags in a store, where every writer stops.
        let bulk = (0..4).map(|index| create(&format!("bulk-{round}-{writer}-{number}-{index}")));
        let changes =
            if number % 7 == 3 { std::iter::once(change).chain(bulk).collect() } else { vec![change] };
        let request = v1::ApplyRequest { idempotency_key: key.clone(), ..apply_request(changes) };
        let Ok(answer) = admin.request(request).await else {
            return;
        };
        if !answer.writes.is_empty() {
            acknowledged.lock().unwrap().insert(answer.revision, key);
        }
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// The keys of all records after a revision, and the head.
async fn records(admin: &mut Admin, after: u64) -> (BTreeMap<u64, v1::Record>, u64) {
    let mut found = BTreeMap::new();
    let mut after_revision = after;
    loop {
        let request = v1::ListRecordsRequest { after_revision, page_size: 1_000, ..Default::default() };
        let page = admin.client.list_records(request).await.unwrap().into_inner();
        after_revision = page.records.last().map_or(after_revision, |record| record.revision);
        found.extend(page.records.into_iter().map(|record| (record.revision, record)));
        if !page.more {
            return (found, page.head_revision);
        }
    }
}

fn check(acknowledged: &BTreeMap<u64, String>, records: &BTreeMap<u64, v1::Record>, after: u64, head: u64) {
    assert!(records.keys().copied().eq(after + 1..=head), "revisions are gap-free");
    for (revision, key) in acknowledged {
        let record =
            records.get(revision).unwrap_or_else(|| panic!("acknowledged revision {revision} is lost"));
        assert_eq!(record.idempotency_key, *key, "revision {revision} is another one than was acknowledged");
    }
    for record in records.values() {
        let created = record.change_set.as_ref().map_or(0, |set| set.changes.len());
        let definitions = record.writes.iter().filter(|write| write.entity.starts_with("flag/bulk")).count();
        assert!(created != 5 || definitions == 4, "a bulk change is there wholly: {definitions}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_change_is_lost_in_a_hundred_kills() {
    let folder = tempfile::tempdir().unwrap();
    let (mut held, mut head) = (Held::default(), 1);
    let mut rng = Lcg(0x5eed);
    for round in 0..ROUNDS {
        let server = Process::serve(folder.path());
        let mut follower = Checked::resume(&server.url, "ui", "1", held).await;
        let acknowledged = Acknowledged::default();
        let count = Arc::new(AtomicUsize::new(0));
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            let (acknowledged, count) = (Arc::clone(&acknowledged), Arc::clone(&count));
            writers.spawn(write(server.url.clone(), writer, round, acknowledged, count));
        }
        let enough = usize::try_from(rng.below(60) + 1).unwrap();
        let follow = async {
            while count.load(Ordering::Relaxed) < enough {
                follower.next().await.unwrap();
            }
        };
        within("enough acknowledged writes", follow).await;
        server.kill();
        within("the writers", writers.join_all()).await;
        held = follower.held;

        let server = Process::serve(folder.path());
        let mut admin = Admin::connect(&server.url).await;
        let (found, newest) = records(&mut admin, head).await;
        let acknowledged = acknowledged.lock().unwrap().clone();
        check(&acknowledged, &found, head, newest);
        assert!(held.revision <= newest, "nobody was shown a revision that is not durable");
        head = newest;
        if round.is_multiple_of(2) {
            server.kill();
        } else {
            assert!(server.terminate().success());
        }
    }
    let server = Process::serve(folder.path());
    let mut resumed = Checked::resume(&server.url, "ui", "1", held).await;
    let mut fresh = Checked::follow(&server.url, "ui", "2").await;
    let mut admin = Admin::connect(&server.url).await;
    let last = admin.create("last").await;
    resumed.until(last).await;
    fresh.until(last).await;
    assert_eq!(resumed.held.digest(), fresh.held.digest());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_point_of_a_commit_loses_nothing() {
    const POINTS: [&str; 5] = [
        "before_append",
        "after_batch_before_sync",
        "after_sync_before_head",
        "after_head_before_publish",
        "after_publish_before_answer",
    ];
    let folder = tempfile::tempdir().unwrap();
    Process::serve(folder.path()).kill();
    let mut head = 1;
    for (index, point) in POINTS.iter().cycle().take(POINTS.len() * 4).enumerate() {
        head = crash_at(folder.path(), point, index, head).await;
    }
}

async fn crash_at(folder: &Path, point: &str, index: usize, head: u64) -> u64 {
    let at = format!("{point}:{}", index % 3 + 2);
    let server = Process::try_serve(folder, &[], &[], &[("MYCELIA_CRASH_AT", &at)]).unwrap();
    let mut follower = Checked::follow(&server.url, "ui", "1").await;
    let acknowledged = Acknowledged::default();
    let count = Arc::new(AtomicUsize::new(0));
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let (acknowledged, count) = (Arc::clone(&acknowledged), Arc::clone(&count));
        writers.spawn(write(server.url.clone(), writer, ROUNDS + index, acknowledged, count));
    }
    let follow = async { while matches!(follower.next().await, Ok(Some(_))) {} };
    within(&format!("the crash at {at}"), follow).await;
    assert!(!server.wait().success(), "the process crashed at {at}");
    within("the writers", writers.join_all()).await;
    let server = Process::serve(folder);
    let (found, newest) = records(&mut Admin::connect(&server.url).await, head).await;
    check(&acknowledged.lock().unwrap(), &found, head, newest);
    assert!(follower.held.revision <= newest, "{at}: a revision was shown before it was durable");
    server.kill();
    newest
}

/// A small generator, so that a failing run can be repeated.
struct Lcg(u64);

impl Lcg {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}
