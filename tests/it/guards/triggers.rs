//! The triggers of the rollout documents, word for word: when each is crossed, and not a moment before.

use super::*;

/// A metric that was well for an hour becomes bad: the guard acts after so many seconds, and not before.
async fn check(
    when: &str,
    metric: &str,
    (well, bad): (f64, f64),
    after_seconds: u64,
    action: v1::guard::Action,
) -> World {
    let mut world = World::begin().await;
    world.note(metric, well);
    world.note("control.latency.p95", 100.0);
    world.set(when, action).await;
    world.pass(3_600);
    world.looked().await;
    world.note(metric, bad);
    world.pass(after_seconds - 1);
    world.looked().await;
    assert_eq!(world.state().await.phase(), v1::GuardPhase::Quiet, "{when}: one second before");
    assert_eq!(world.serves(), "100%");
    world.pass(2);
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn the_triggers_that_take_back_at_once() {
    for (when, metric, values, after, words) in [
        // 001: error rate 10 % and crash rate 1 % over 300 s. Half of the window at twice the threshold.
        ("error_rate > 10% over 300s", "error_rate", (0.0, 20.0), 150, "error_rate > 10% over 5m"),
        ("crash_rate > 1% over 300s", "crash_rate", (0.0, 2.0), 150, "crash_rate > 1% over 5m"),
        // 002: sustained for ten minutes, and a mean for five.
        ("error_rate > 5% for 10m", "error_rate", (1.0, 6.0), 600, "error_rate > 5% for 10m"),
        ("latency.mean > 300ms for 5m", "latency.mean", (90.0, 310.0), 300, "latency.mean > 300ms for 5m"),
        // 003: critical, and a service that is unavailable for more than a minute.
        ("error_rate > 5% for 5m", "error_rate", (1.0, 6.0), 300, "error_rate > 5% for 5m"),
        ("availability < 1% for 1m", "availability", (100.0, 0.0), 60, "availability < 1% for 1m"),
        // 004: critical.
        ("error_rate > 5% over 5m", "error_rate", (0.0, 10.0), 150, "error_rate > 5% over 5m"),
    ] {
        let world = check(when, metric, values, after, at_once()).await;
        let trip = world.trips().await;
        assert_eq!(world.serves(), "disabled", "{when}");
        let evidence = trip.evidence.unwrap();
        assert_eq!(evidence.condition, words);
        let measured = evidence.observed.unwrap().measurement.unwrap();
        assert_eq!((measured.samples, measured.instances[0].service.as_str()), (1_850, "runner"));
        assert_eq!(trip.taken, [v1::GuardTaken { flag: "dreams".to_owned(), before: "100%".to_owned() }]);
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trigger_that_takes_back_step_by_step() {
    // 001: p95 5000 ms over 600 s → 100 → 50 → 25 → 0.
    let world =
        check("latency.p95 > 5000ms over 600s", "latency.p95", (1_000.0, 9_000.0), 300, ladder()).await;
    let trip = world.trips().await;
    assert_eq!(trip.plans, ["rollback.errors"]);
    for expected in ["50%", "25%", "0%"] {
        world.comes_to_serve(expected).await;
        world.pass(601);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_triggers_that_only_say_something() {
    let alert = || v1::guard::Action::Alert(v1::AlertAction {});
    for (when, metric, values, after) in [
        // 003 and 004: warnings, and a degradation of more than 20 %.
        ("error_rate > 2% for 10m", "error_rate", (1.0, 3.0), 600),
        ("error_rate > 2% over 10m", "error_rate", (0.0, 4.0), 300),
        ("latency.p95 > 20% versus control over 10m", "latency.p95", (100.0, 140.0), 300),
    ] {
        let world = check(when, metric, values, after, alert()).await;
        world.comes(v1::GuardPhase::Firing).await;
        assert_eq!(world.serves(), "100%", "{when}");
        let revision = world.server.running.revision();
        world.pass(60);
        world.looked().await;
        assert_eq!(world.server.running.revision(), revision, "{when}: it is said once");
        world.note(metric, values.0);
        world.pass(3_600);
        world.comes(v1::GuardPhase::Quiet).await;
        world.end().await;
    }
}

/// 003: "service unavailable > 1 min", by what services report and by when they fall silent.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_unavailable_for_more_than_a_minute() {
    let clock = ManualClock::at(START);
    let pace = Duration::from_millis(2);
    let server = Wanted { clock: Arc::clone(&clock) as SharedClock, pace, ..Wanted::default() }.start().await;
    let mut admin = server.admin().await;
    admin.apply(vec![create("dreams"), rollout("dreams", 100.0)]).await;
    admin.apply(vec![guard("unavailable_seconds > 60 in runner", at_once())]).await;
    let channel = server.channel().await;
    let mut telemetry = v1::telemetry_service_client::TelemetryServiceClient::new(channel.clone());
    let guards = GuardServiceClient::new(channel);
    let report = || async {
        let request = v1::GetGuardRequest { guard: "errors".to_owned() };
        guards.clone().get_guard(request).await.unwrap().into_inner().guard.unwrap()
    };
    // An empty batch says that the service is there.
    let alive = |service: &str| v1::ReportRequest {
        service: service.to_owned(),
        instance: format!("{service}-1"),
        ..v1::ReportRequest::default()
    };
    for _ in 0..12 {
        clock.advance(Duration::from_secs(5));
        telemetry.report(alive("runner")).await.unwrap();
    }
    // The others go on; a clock that is looked at has not jumped.
    for seconds in (5..=60).step_by(5) {
        clock.advance(Duration::from_secs(5));
        telemetry.report(alive("ui")).await.unwrap();
        let found = report().await;
        assert_eq!(
            (found.verdict(), found.observed.unwrap().value),
            (v1::GuardVerdict::NotMet, f64::from(seconds))
        );
        assert_eq!(found.state.unwrap().phase(), v1::GuardPhase::Quiet, "{seconds} s");
    }
    clock.advance(Duration::from_secs(1));
    eventually("the guard trips", || async {
        report().await.state.unwrap().phase() == v1::GuardPhase::Latched
    })
    .await;
    let trip = report().await.state.unwrap().trip.unwrap();
    let evidence = trip.evidence.unwrap();
    assert_eq!(evidence.condition, "unavailable_seconds > 60 in runner");
    assert!(evidence.observed.unwrap().value > 60.0);
    assert_eq!(trip.taken[0].flag, "dreams");
    server.running.stop().await;
}
