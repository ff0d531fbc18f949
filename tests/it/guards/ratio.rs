//! A guard on the ratio of two counters that a service keeps itself, by what it reports: nothing is written down for it.

use mycelia_flags_proto::v1::telemetry_service_client::TelemetryServiceClient;

use super::*;
use crate::command_line::{json, refused, run};

/// Weights that were loaded within five seconds, and how many of them fell back.
fn loads(fallbacks: u64, loads: u64) -> v1::ReportRequest {
    let counters = [("weight_fallbacks", fallbacks), ("weight_loads", loads)];
    let observation = v1::Observation {
        flag: "dreams".to_owned(),
        variant: "on".to_owned(),
        counters: counters.map(|(name, count)| (name.to_owned(), count)).into(),
        ..v1::Observation::default()
    };
    v1::ReportRequest {
        service: "runner".to_owned(),
        instance: "runner-1".to_owned(),
        observations: vec![observation],
        ..v1::ReportRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_of_the_weights_fall_back() {
    let clock = ManualClock::at(START);
    let pace = Duration::from_millis(2);
    let server = Wanted { clock: Arc::clone(&clock) as SharedClock, pace, ..Wanted::default() }.start().await;
    let mut admin = server.admin().await;
    let mut telemetry = TelemetryServiceClient::new(server.channel().await);
    let guards = GuardServiceClient::new(server.channel().await);
    admin.apply(vec![create("dreams"), rollout("dreams", 100.0)]).await;
    let set = |when: &'static str| {
        ["guard", "set", "errors", "--flag", "dreams", "--when", when, "--do", "rollback"]
    };
    refused(&server.url, &set("ratio(weight_fallbacks, weight_loads) > 0.05"), 2, "a ratio is in percent");
    refused(&server.url, &set("ratio(weight_fallbacks, error_rate) > 5%"), 2, "the name of a counter");
    let done = run(&server.url, &set("ratio(weight_fallbacks,weight_loads) > 5% over 1m"));
    assert!(done.status.success(), "{done:?}");
    let report = || async {
        let request = v1::GetGuardRequest { guard: "errors".to_owned() };
        guards.clone().get_guard(request).await.unwrap().into_inner().guard.unwrap()
    };
    assert_eq!(report().await.verdict(), v1::GuardVerdict::InsufficientData, "nobody counts");
    // Nothing is loaded: no fallback of none is no health.
    telemetry.report(loads(0, 0)).await.unwrap();
    assert_eq!(report().await.verdict(), v1::GuardVerdict::InsufficientData);
    for _ in 0..12 {
        clock.advance(Duration::from_secs(5));
        telemetry.report(loads(1, 40)).await.unwrap();
    }
    let found = report().await;
    assert_eq!((found.verdict(), found.observed.unwrap().value), (v1::GuardVerdict::NotMet, 2.5));
    for _ in 0..12 {
        clock.advance(Duration::from_secs(5));
        telemetry.report(loads(8, 40)).await.unwrap();
    }
    eventually("the guard trips", || async {
        report().await.state.unwrap().phase() == v1::GuardPhase::Latched
    })
    .await;
    let evidence = report().await.state.unwrap().trip.unwrap().evidence.unwrap();
    assert_eq!(evidence.condition, "ratio(weight_fallbacks, weight_loads) > 5% over 1m");
    let observed = evidence.observed.unwrap();
    let measured = observed.measurement.unwrap();
    assert!(observed.value > 5.0, "{}", observed.value);
    assert_eq!(
        measured.samples % 40,
        0,
        "its samples are the weights that were loaded: {}",
        measured.samples
    );
    assert_eq!(measured.instances[0].instance, "runner-1");

    clock.advance(Duration::from_secs(30));
    telemetry.report(loads(0, 40)).await.unwrap();
    let replayed = json(&server.url, &["guard", "replay", "errors"]);
    assert_eq!(replayed["fired"], 1, "{replayed:#}");
    // Where the output is no terminal, the chart is a document.
    let chart = json(&server.url, &["metrics", "dreams", "--chart"]);
    assert_eq!(chart["limits"][0]["metric"], "ratio(weight_fallbacks, weight_loads)");
    server.running.stop().await;
}
