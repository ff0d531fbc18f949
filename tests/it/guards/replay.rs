//! What a guard would have done: services reported for hours in simulated time, and somebody asks afterwards.

use mycelia_flags_core::key::GuardKey;
use mycelia_flags_proto::v1::telemetry_service_client::TelemetryServiceClient;

use super::*;
use crate::command_line::json;

/// Reports requests of `dreams` for so many seconds, as three instances would.
async fn report(
    telemetry: &mut TelemetryServiceClient<Channel>,
    clock: &ManualClock,
    seconds: u64,
    (ok, errors): (u64, u64),
) {
    for _ in 0..seconds / 30 {
        clock.advance(Duration::from_secs(30));
        let observation = v1::Observation {
            flag: "dreams".to_owned(),
            variant: "on".to_owned(),
            ok,
            errors,
            ..v1::Observation::default()
        };
        let request = v1::ReportRequest {
            service: "runner".to_owned(),
            instance: "runner-1".to_owned(),
            observations: vec![observation],
            ..v1::ReportRequest::default()
        };
        telemetry.report(request).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_is_tried_out_on_what_was_recorded_with_its_false_alarms_counted() {
    let clock = ManualClock::at(START);
    let wanted = Wanted { clock: Arc::clone(&clock) as SharedClock, ..Wanted::default() };
    let server = wanted.start().await;
    let mut admin = server.admin().await;
    let mut telemetry = TelemetryServiceClient::new(server.channel().await);
    admin.apply(vec![create("dreams"), rollout("dreams", 100.0)]).await;

    report(&mut telemetry, &clock, 3_600, (100, 0)).await;
    // A short disturbance that nobody minds, then one because of which somebody takes half of it back.
    report(&mut telemetry, &clock, 600, (80, 20)).await;
    report(&mut telemetry, &clock, 2 * 3_600, (100, 0)).await;
    report(&mut telemetry, &clock, 600, (80, 20)).await;
    admin.apply(vec![rollout("dreams", 50.0)]).await;
    report(&mut telemetry, &clock, 2 * 3_600, (100, 0)).await;

    let when = "error_rate > 10% over 5m";
    let tried = ["guard", "replay", "--flag", "dreams", "--when", when, "--since", "7d", "--within", "30m"];
    let replayed = json(&server.url, &tried);
    let count = |name: &str| replayed[name].as_u64().unwrap();
    assert_eq!((count("fired"), count("false_alarms"), count("confirmed")), (2, 1, 1), "{replayed:#}");
    assert_eq!((count("open"), count("nobody_had_it")), (0, 0));
    assert!(replayed["held_from"].as_str().unwrap() >= "2026-12-01T09", "{replayed:#}");
    let firings = replayed["firings"].as_array().unwrap();
    assert_eq!(firings[0]["judgement"], "false alarm");
    let why = firings[1]["because"].as_str().unwrap();
    assert!(why.starts_with("test lowered dreams at 2026-12-01T12:20"), "{why}");
    // Three of five minutes at 20 % are more than 10 %.
    let from = firings[0]["from"].as_str().unwrap();
    assert!(("2026-12-01T10:02".."2026-12-01T10:04").contains(&from), "{from}");
    assert!(firings[0]["value"].as_f64().unwrap() > 10.0);
    assert!(firings[0]["samples"].as_u64().unwrap() >= 900, "{replayed:#}");

    // A guard that stands, and another condition in its place.
    admin.apply(vec![guard("error_rate > 30% over 5m", at_once())]).await;
    let own = json(&server.url, &["guard", "replay", "errors"]);
    assert_eq!((&own["fired"], &own["when"]), (&0.into(), &"error_rate > 30% over 5m".into()));
    let other = json(&server.url, &["guard", "replay", "errors", "--when", when]);
    assert_eq!(other["fired"], 2);
    assert_eq!(
        server.running.store().snapshot().guard_state(&GuardKey::new("errors")),
        None,
        "nothing was done"
    );

    // What cannot be asked is refused, each fault with its field.
    let mut guards = GuardServiceClient::new(server.channel().await);
    for (request, expected) in [
        (v1::ReplayGuardRequest { guard: "none".to_owned(), ..Default::default() }, "UNKNOWN_GUARD"),
        (v1::ReplayGuardRequest { when: when.to_owned(), ..Default::default() }, "REQUIRED"),
        (
            v1::ReplayGuardRequest {
                guard: "errors".to_owned(),
                when: "unavailable_seconds > 60".to_owned(),
                since_seconds: 1_209_601,
                ..Default::default()
            },
            "how long a service was silent is not",
        ),
    ] {
        let refused = guards.replay_guard(request).await.unwrap_err();
        assert!(refused.message().contains(expected), "{refused}");
    }
    server.running.stop().await;
}

/// Says that a service is there, for so many seconds; it observes nothing.
async fn be_there(
    telemetry: &mut TelemetryServiceClient<Channel>,
    clock: &ManualClock,
    service: &str,
    seconds: u64,
) {
    for _ in 0..seconds / 10 {
        clock.advance(Duration::from_secs(10));
        let request = v1::ReportRequest {
            service: service.to_owned(),
            instance: format!("{service}-1"),
            ..v1::ReportRequest::default()
        };
        telemetry.report(request).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_was_away_is_found_in_the_past() {
    let clock = ManualClock::at(START);
    let server = Wanted { clock: Arc::clone(&clock) as SharedClock, ..Wanted::default() }.start().await;
    let mut admin = server.admin().await;
    let mut telemetry = TelemetryServiceClient::new(server.channel().await);
    admin.apply(vec![create("dreams"), rollout("dreams", 100.0)]).await;
    be_there(&mut telemetry, &clock, "runner", 3_600).await;
    be_there(&mut telemetry, &clock, "ui", 600).await;
    be_there(&mut telemetry, &clock, "runner", 3_600).await;
    let replay = |when: &str| {
        let arguments = ["guard", "replay", "--flag", "dreams", "--when", when, "--since", "7d"];
        json(&server.url, &arguments)
    };
    let replayed = replay("uptime < 90% over 30m in runner");
    assert_eq!(replayed["fired"], 1, "{replayed:#}");
    // Three minutes of half an hour are a tenth: it was silent from 10:00 on.
    let from = replayed["firings"][0]["from"].as_str().unwrap();
    assert!(("2026-12-01T10:03".."2026-12-01T10:06").contains(&from), "{from}");
    let until = replayed["firings"][0]["until"].as_str().unwrap();
    assert!(("2026-12-01T10:36".."2026-12-01T10:39").contains(&until), "{until}");
    assert_eq!(replay("uptime < 60% over 30m in runner")["fired"], 0, "it was away for a third");
    assert_eq!(replay("uptime < 90% over 30m in nobody")["looks"], 0, "nobody knows it");
    server.running.stop().await;
}
