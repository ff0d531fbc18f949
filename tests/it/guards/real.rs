//! A guard over what real services report, in real time and with a window of seconds: one of three begins to fail, and all
//! three are back to off.

use mycelia_flags_sdk::{Client, Context, Observation};

use super::*;
use crate::http_commands::converged;
use crate::patience::PATIENCE;

const FLAG: &str = "elevenlabs_agent";

async fn service(url: &str, name: &str) -> Client {
    let builder = Client::builder().server(url).environment("production").service(name);
    let client = builder.report_interval(Duration::from_millis(100)).connect().unwrap();
    client.ready(PATIENCE).await.unwrap();
    client
}

/// A hundred requests of people who have the feature.
fn serve(client: &Client, failing: bool) {
    for number in 0..100 {
        let person = Context::new(&format!("user-{number}"));
        let latency = Duration::from_millis(20);
        if !client.bool_value(FLAG, false, &person) {
            continue;
        }
        let observed = if failing { Observation::error(latency) } else { Observation::ok(latency) };
        client.observe(FLAG, &person, observed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_begins_to_fail_takes_all_three_back() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    admin.apply(vec![create(FLAG), rollout(FLAG, 100.0)]).await;
    let watching = v1::Guard {
        key: "errors".to_owned(),
        flags: vec![FLAG.to_owned()],
        when: "error_rate > 10% over 5s min_samples 50".to_owned(),
        severity: v1::IncidentSeverity::Critical.into(),
        action: Some(at_once()),
        ..v1::Guard::default()
    };
    admin.apply(vec![Kind::SetGuard(v1::SetGuard { guard: Some(watching) })]).await;
    let mut clients = Vec::new();
    for name in ["ui", "runner", "agent"] {
        clients.push(service(&server.url, name).await);
    }
    let mut guards = GuardServiceClient::new(server.channel().await);
    let get = || v1::GetGuardRequest { guard: "errors".to_owned() };

    // All are well, and the guard knows it.
    clients.iter().for_each(|client| serve(client, false));
    eventually("the guard has measured", || {
        let mut guards = guards.clone();
        async move {
            let report = guards.get_guard(get()).await.unwrap().into_inner().guard.unwrap();
            report.observed.is_some_and(|now| now.measurement.is_some_and(|measured| measured.samples >= 300))
        }
    })
    .await;

    // The runner begins to fail, and goes on failing for as long as it is asked to run the feature.
    let ada = Context::new("ada");
    let clock = mycelia_flags_server::clock::SystemClock::shared();
    let fault = clock.elapsed();
    eventually("everybody is off", || {
        if clients[1].bool_value(FLAG, false, &ada) {
            serve(&clients[1], true);
        }
        std::future::ready(clients.iter().all(|client| !client.bool_value(FLAG, true, &ada)))
    })
    .await;
    let off = clock.elapsed().saturating_sub(fault);

    let state = guards.get_guard(get()).await.unwrap().into_inner().guard.unwrap().state.unwrap();
    assert_eq!(state.phase(), v1::GuardPhase::Latched);
    let trip = state.trip.unwrap();
    let measured = trip.evidence.unwrap().observed.unwrap().measurement.unwrap();
    assert!(measured.value > 10.0 && measured.samples >= 50, "{measured:?}");
    assert_eq!(measured.instances[0].service, "runner", "the worst comes first: {measured:?}");
    let revision = server.running.revision().get();
    let acknowledged = converged(&mut admin, revision).await;
    assert_eq!(acknowledged.len(), 3, "{acknowledged:?}");
    println!("fault to off everywhere: {off:?}; {}% of {} requests", measured.value, measured.samples);
    for (service, micros) in acknowledged {
        println!("  {service}: acknowledged {micros} µs after the commit");
    }
    // Nobody brings it back before the cause is known.
    let refused = admin.try_apply(vec![rollout(FLAG, 50.0)]).await.unwrap_err();
    assert!(refused.message().contains("FLAG_LATCHED"), "{refused}");
    for client in clients {
        client.close().await;
    }
    server.running.stop().await;
}
