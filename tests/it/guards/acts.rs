//! What a guard does, what its latch refuses, and what is said about it later.

use mycelia_flags_core::change::{Change, ChangeSet, StepGuard};
use mycelia_flags_core::check::Origin;
use mycelia_flags_core::guard::state::Observed;
use mycelia_flags_core::guard::watch::GuardStep;
use mycelia_flags_server::state::{CommitError, CommitRequest};

use super::*;
use crate::command_line::{json, refused};

/// A guard over 300 seconds that has tripped at 20 % errors.
async fn tripped(action: v1::guard::Action) -> World {
    let mut world = World::begin().await;
    world.note("error_rate", 1.0);
    world.pass(3_600);
    world.set("error_rate > 10% over 300s", action).await;
    world.note("error_rate", 20.0);
    world.pass(300);
    world.trips().await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ladder_stops_at_a_quarter_because_health_returned() {
    let mut world = tripped(ladder()).await;
    world.comes_to_serve("50%").await;
    world.pass(600);
    world.comes_to_serve("25%").await;
    world.note("error_rate", 0.5);
    world.pass(600);
    let plans = mycelia_flags_core::key::PlanKey::new("rollback.errors");
    eventually("the ladder ends", || async {
        let snapshot = world.server.running.store().snapshot();
        snapshot.plan(&plans).is_some_and(|(_, progress)| &*progress.reason == "health returned at 25%")
    })
    .await;
    assert_eq!(world.serves(), "25%");
    let status = world.admin.try_apply(vec![rollout("dreams", 50.0)]).await.unwrap_err();
    assert!(status.message().contains("FLAG_LATCHED"), "{status}");
    world.acknowledge().await;
    world.admin.apply(vec![rollout("dreams", 50.0)]).await;
    assert_eq!(world.serves(), "50%");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn some_segments_lose_the_feature_and_segment_a_and_the_canary_keep_it() {
    let mut world = World::begin().await;
    let segment =
        |key: &str| Kind::SetSegment(v1::SetSegment { segment: key.to_owned(), ..v1::SetSegment::default() });
    let share = |segment: &str, percent| v1::SegmentPercent { segment: segment.to_owned(), percent };
    let matrix = Kind::SetMatrix(v1::SetMatrix {
        flag: "dreams".to_owned(),
        shares: vec![share("A", 100.0), share("B", 50.0), share("C", 20.0)],
        rest_percent: Some(5.0),
        ..v1::SetMatrix::default()
    });
    let canary = Kind::SwitchCanary(v1::SwitchCanary { on: true, ..v1::SwitchCanary::default() });
    let listed = Kind::EditList(v1::EditList {
        list: "canary".to_owned(),
        add: vec!["ada".to_owned()],
        ..v1::EditList::default()
    });
    world.admin.apply(vec![segment("A"), segment("B"), segment("C"), matrix, canary, listed]).await;
    let segments = vec!["B".to_owned(), "C".to_owned()];
    let action = back(v1::rollback::Kind::Segments(v1::RollbackSegments { segments }));
    world.note("error_rate", 20.0);
    world.pass(600);
    world.set("error_rate > 10% over 300s", action).await;
    let trip = world.trips().await;
    assert_eq!(world.serves(), "B 0%, C 0%, A 100%, rest 5%");
    assert_eq!(trip.taken[0].before, "A 100%, B 50%, C 20%, rest 5%");
    let mut evaluation = world.server.evaluation().await;
    let request = v1::EvaluateRequest {
        flag: "dreams".to_owned(),
        environment: "production".to_owned(),
        context: Some(v1::EvaluationContext { targeting_key: "ada".to_owned(), ..Default::default() }),
        ..v1::EvaluateRequest::default()
    };
    let answer = evaluation.evaluate(request).await.unwrap().into_inner();
    assert_eq!(answer.evaluation.unwrap().variant, "on", "the canary keeps it");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_latch_is_refused_and_shown_everywhere_until_somebody_says_the_cause() {
    let world = tripped(at_once()).await;
    let url = &*world.server.url;
    refused(url, &["rollout", "dreams", "50", "--enable"], 1, "FLAG_LATCHED");
    refused(url, &["rollout", "dreams", "50", "--enable"], 1, "mycelia-flags guard ack errors --cause");
    refused(url, &["enable", "dreams"], 1, "error_rate > 10% over 5m (20%)");
    let listed = json(url, &["guard", "list"]);
    assert_eq!(listed["guards"][0]["state"], "latched");
    let shown = json(url, &["guard", "status", "errors"]);
    assert_eq!(shown["guards"][0]["trip"]["taken"][0]["before"], "100%");
    assert_eq!(shown["guards"][0]["trip"]["samples"], 1_850);
    assert_eq!(json(url, &["status"])["latched"][0]["guard"], "errors");
    assert_eq!(json(url, &["get", "dreams"])["latched"][0]["guard"], "errors");
    let output =
        std::process::Command::new("curl").args(["-sS", &format!("{url}/status.json")]).output().unwrap();
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let latched = &status["latched"][0];
    assert_eq!((&latched["flag"], &latched["guard"]), (&"dreams".into(), &"errors".into()), "{status}");
    assert_eq!(latched["because"], "error_rate > 10% over 5m (20%)");
    refused(url, &["guard", "delete", "errors"], 1, "GUARD_STATE");
    refused(url, &["guard", "ack", "errors", "--cause", " "], 1, "REQUIRED");
    json(url, &["guard", "ack", "--flag", "dreams", "--cause", "a bad build"]);
    refused(url, &["guard", "ack", "errors", "--cause", "again"], 1, "GUARD_STATE");
    let shown = json(url, &["guard", "status", "errors"]);
    let guard = &shown["guards"][0];
    assert_eq!((&guard["state"], &guard["cause"]), (&"acknowledged".into(), &"a bad build".into()));
    json(url, &["rollout", "dreams", "50", "--enable"]);
    assert_eq!(world.serves(), "50%");
    let history = json(url, &["history", "--limit", "10"]);
    assert!(history.to_string().contains("guard errors trips"), "{history}");
    world.end().await;
}

async fn recovers(errors: Option<f64>, expected: v1::RecoveryVerdict) {
    let world = tripped(at_once()).await;
    match errors {
        Some(errors) => world.note("error_rate", errors),
        None => *world.source.trace.lock().unwrap() = Trace::default(),
    }
    world.pass(901);
    eventually("the statement", || async { world.state().await.recovery.is_some() }).await;
    let said = world.state().await.recovery.unwrap();
    assert_eq!((said.verdict(), said.value), (expected, errors));
    assert_eq!(said.baseline, errors.map(|_| 1.0), "what it was before the rollout");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_a_trip_is_stated_a_quarter_of_an_hour_later() {
    recovers(Some(0.8), v1::RecoveryVerdict::Recovered).await;
    recovers(Some(20.0), v1::RecoveryVerdict::NotCaused).await;
    recovers(None, v1::RecoveryVerdict::InsufficientData).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_edit_between_the_look_and_the_trip_is_not_overruled_unseen() {
    let mut world = World::begin().await;
    world.note("error_rate", 1.0);
    world.set("error_rate > 10% over 300s", at_once()).await;
    world.pass(3_600);
    world.looked().await;
    // What was judged before an edit of the flag is refused.
    let store = world.server.running.store().clone();
    let judged_at = store.snapshot().revision();
    world.admin.apply(vec![rollout("dreams", 40.0)]).await;
    let step = |judged_at| {
        let observed = Observed { value: 11.0, measurement: None };
        let step = GuardStep::Trip { judged_at, observed };
        let change = Change::StepGuard(Box::new(StepGuard { guard: "errors".to_owned(), step }));
        let change_set =
            ChangeSet { actor: "mycelia".to_owned(), reason: String::new(), changes: vec![change] };
        CommitRequest { change_set, origin: Origin::Control, ..CommitRequest::default() }
    };
    let Err(CommitError::Rejected(rejection)) = store.commit(step(judged_at)).await else {
        panic!("the edit is overruled");
    };
    assert!(rejection.to_string().contains("GUARD_STATE"), "{rejection}");
    // The same race for real: the guard has judged and is about to trip when somebody edits the flag.
    let (let_go, gate) = std::sync::mpsc::sync_channel(1);
    let before = world.source.measured.load(Ordering::SeqCst);
    *world.source.gate.lock().unwrap() = Some(gate);
    world.note("error_rate", 100.0);
    world.pass(300);
    let source = Arc::clone(&world.source);
    eventually("the guard judges", || async { source.measured.load(Ordering::SeqCst) > before }).await;
    world.admin.apply(vec![rollout("dreams", 30.0)]).await;
    let_go.send(()).unwrap();
    let trip = world.trips().await;
    assert_eq!(trip.taken[0].before, "30%", "it was judged again, with the edit");
    assert_eq!((world.serves().as_str(), world.state().await.trips), ("disabled", 1));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_the_middle_of_a_ladder_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (clock, source) = (ManualClock::at(START), Arc::<Source>::default());
    let mut world =
        World::over(Wanted::on_disk(folder.path()), Arc::clone(&clock), Arc::clone(&source)).await;
    world.admin.apply(vec![create("dreams"), rollout("dreams", 100.0)]).await;
    world.note("error_rate", 20.0);
    world.pass(600);
    world.set("error_rate > 10% over 300s", ladder()).await;
    world.comes_to_serve("50%").await;
    world.end().await;
    clock.advance(Duration::from_secs(599));
    let world = World::over(Wanted::on_disk(folder.path()), Arc::clone(&clock), Arc::clone(&source)).await;
    assert_eq!(world.serves(), "50%");
    assert_eq!(world.state().await.phase(), v1::GuardPhase::Latched);
    world.pass(1);
    world.comes_to_serve("25%").await;
    world.pass(600);
    world.comes_to_serve("0%").await;
    world.end().await;
    clock.advance(Duration::from_secs(86_400));
    let world = World::over(Wanted::on_disk(folder.path()), clock, source).await;
    eventually("the statement", || async { world.state().await.recovery.is_some() }).await;
    let state = world.state().await;
    assert_eq!(state.recovery.unwrap().verdict(), v1::RecoveryVerdict::NotCaused);
    assert_eq!((state.trips, world.serves().as_str()), (1, "0%"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_trips_nothing_by_itself() {
    let mut world = World::begin().await;
    world.note("error_rate", 1.0);
    world.set("error_rate > 10% over 300s", at_once()).await;
    world.pass(86_400 * 30);
    world.looked().await;
    assert_eq!((world.state().await.phase(), world.serves().as_str()), (v1::GuardPhase::Quiet, "100%"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_is_tested_on_a_trace_without_touching_anything() {
    let mut world = World::begin().await;
    world.set("error_rate > 5% for 5m", at_once()).await;
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace.csv");
    std::fs::write(
        &trace,
        "at,metric,value\n0,error_rate,0\n10m,error_rate,20%\n20m,error_rate,0\n30m,error_rate,20%\n",
    )
    .unwrap();
    let trace = trace.to_str().unwrap();
    let tested = json(&world.server.url, &["guard", "test", "errors", "--metrics", trace]);
    let expected = serde_json::json!([
        {"from_seconds": 900, "until_seconds": 1_200, "value": 20.0},
        {"from_seconds": 2_100, "until_seconds": null, "value": 20.0},
    ]);
    assert_eq!(tested["guards"][0]["firings"], expected, "{tested}");
    assert_eq!(world.serves(), "100%");
    refused(&world.server.url, &["guard", "test", "nothing", "--metrics", trace], 5, "UNKNOWN_GUARD");
    world.end().await;
}
