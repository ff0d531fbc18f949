//! One of three services begins to fail, and a guard takes the feature back in all three: when the fault began, when the
//! guard's window was crossed, when it was decided, and when the last service had acknowledged.
//!
//! The times are the record's: the guard's evidence, the revision that took the flag back, and the acknowledgements of it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use mycelia_flags_examples::output::line;
use mycelia_flags_examples::{FLAG, clock};
use serde::{Deserialize, Deserializer};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::administration::{Administration, Convergence};
use crate::services::{Services, fault_file};
use crate::{PATIENCE, start};

/// The guard, and what it waits for.
const GUARD: &str = "errors";
const WHEN: &str = "error_rate > 10% over 5s min_samples 50";

/// Each service has a request so often.
const EVERY: Duration = Duration::from_millis(20);

/// How often the tour asks how the guard stands.
const LOOK: Duration = Duration::from_millis(50);

/// How often a guard looks: the window was crossed at most so long before a look saw it.
const GUARD_PACE: Duration = Duration::from_millis(250);

/// How long the way back may take.
const PROMISED: Duration = Duration::from_secs(2);

/// What `guard status` says, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Status {
    guards: Vec<Guard>,
}

#[derive(Debug, Deserialize)]
struct Guard {
    verdict: String,
    trip: Option<Trip>,
}

#[derive(Debug, Deserialize)]
struct Trip {
    #[serde(deserialize_with = "moment")]
    at: Timestamp,
    revision: u64,
    condition: String,
    value: f64,
    samples: u64,
    /// When it was looked at.
    #[serde(deserialize_with = "moment")]
    until: Timestamp,
    instances: Vec<Instance>,
}

#[derive(Debug, Deserialize)]
struct Instance {
    service: String,
    instance: String,
    value: f64,
    samples: u64,
}

/// Tells the story; the store is kept where one says so.
pub(crate) async fn show(home: &Path, data_dir: Option<&Path>) -> anyhow::Result<()> {
    let begin = clock::monotonic();
    line("One of three services begins to fail");
    line("");

    line("1. A server and three services, and everybody has the feature");
    let kept = data_dir.map_or_else(|| home.join("data"), Path::to_owned);
    let (mut server, mut services, administration) = start(home, &kept).await?;
    administration.run(&["create", FLAG, "--description", "The ElevenLabs agent", "--wait"]).await?;
    let on = ["enable", FLAG, "--env", "production", "--reason", "tour", "--wait"];
    let enabled = administration.run(&on).await?;
    services.heard(true, enabled.revision).await?;
    line("");

    line("2. A guard watches: too many errors within five seconds, and it is taken back");
    let set = ["guard", "set", GUARD, "--env", "production", "--flag", FLAG, "--when", WHEN];
    let act = ["--do", "rollback", "--severity", "critical", "--reason", "tour"];
    administration.make(&[set.as_slice(), &act].concat()).await?;
    let (fault, trip) = tokio::select! {
        error = visitors(&services) => return error,
        incident = incident(home, &administration) => incident?,
    };
    line("");

    line("4. The guard has acted");
    services.heard(false, trip.revision).await?;
    let revision = trip.revision.to_string();
    let wait = ["wait", &revision, "--env", "production", "--min-instances", "3"];
    let convergence: Convergence = administration.ask(&wait).await?;
    for row in evidence(&trip).into_iter().chain(times(fault, &trip, &convergence)?) {
        line(&row);
    }
    services.show_answers().await?;
    line(&format!("   Nothing raises it again before:  mycelia-flags guard ack {GUARD} --cause ..."));
    line("");

    line("5. Everybody goes home");
    services.stop().await?;
    server.stop().await?;
    line(&format!("The tour took {:.1} s.", begin.elapsed().as_secs_f64()));
    Ok(())
}

/// Waits until all is well, breaks `runner`, and waits for the guard: when the fault began, and what the guard did.
async fn incident(home: &Path, administration: &Administration) -> anyhow::Result<(Timestamp, Trip)> {
    let healthy = guard(administration, "measure enough", |guard| (guard.verdict == "not_met").then_some(()));
    healthy.await?;
    line("   Fifty requests a second come to each service, and the guard finds them well.");
    line("");

    line("3. The fault switch of runner is thrown");
    let file = fault_file(home, "runner");
    line(&format!("   $ touch {}", file.display()));
    let fault = clock::wall();
    std::fs::write(&file, "").with_context(|| format!("cannot write {}", file.display()))?;
    let trip = guard(administration, "trip", |guard| guard.trip).await?;
    Ok((fault, trip))
}

/// Waits until the guard is as it is wanted.
async fn guard<T>(
    administration: &Administration,
    what: &str,
    wanted: impl Fn(Guard) -> Option<T>,
) -> anyhow::Result<T> {
    let look = async {
        let mut pace = interval(LOOK);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pace.tick().await;
            let status: Status = administration.ask(&["guard", "status", GUARD]).await?;
            if let Some(found) = status.guards.into_iter().next().and_then(&wanted) {
                return anyhow::Ok(found);
            }
        }
    };
    timeout(PATIENCE, look).await.with_context(|| format!("the guard did not {what} for {PATIENCE:?}"))?
}

/// People who visit all three services, for as long as they are let; ends only when a service cannot be reached.
async fn visitors(services: &Services) -> anyhow::Result<()> {
    let visit = async |service: &str| {
        let mut pace = interval(EVERY);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut number = 0_u64;
        loop {
            pace.tick().await;
            number += 1;
            // That it is refused is for the guard to see.
            if let Err(error) = services.visit(service, &format!("user-{number}")).await {
                return error;
            }
        }
    };
    let error = tokio::select! {
        error = visit("ui") => error,
        error = visit("runner") => error,
        error = visit("agent") => error,
    };
    Err(error.context("a service cannot be reached"))
}

fn evidence(trip: &Trip) -> Vec<String> {
    let Trip { condition, value, samples, .. } = trip;
    let mut rows = vec![format!("   because  {condition}: {value:.1}% of {samples} requests")];
    for Instance { service, instance, value, samples } in &trip.instances {
        rows.push(format!("            {service}/{instance}: {value:.1}% of {samples}"));
    }
    rows.push(String::new());
    rows
}

/// The four moments, and how long the way back took from the second to the last.
fn times(fault: Timestamp, trip: &Trip, convergence: &Convergence) -> anyhow::Result<Vec<String>> {
    if !convergence.converged {
        bail!("not everybody has acknowledged revision {}", trip.revision);
    }
    let services = &convergence.services;
    let micros = services.iter().map(|progress| progress.last_after_micros.map(|at| (at, &progress.service)));
    let acknowledged: Option<Vec<_>> = micros.collect();
    let (after, last) = acknowledged.and_then(|all| all.into_iter().max()).context("nobody acknowledged")?;
    let acknowledged = trip.at + Duration::from_micros(after);
    let moments = [
        ("fault", fault, "the file was made".to_owned()),
        ("window crossed", trip.until, "seen by the guard, which looks four times a second".to_owned()),
        ("decision", trip.at, format!("revision {}: the flag is off", trip.revision)),
        ("last acknowledgement", acknowledged, format!("by {last}, one of {}", services.len())),
    ];
    let mut rows = Vec::new();
    let mut before = fault;
    for (name, at, what) in moments {
        let step = between(before, at);
        rows.push(format!("   {name:<21} {at:.6}  {:>10}  {what}", millis(step)));
        before = at;
    }
    let back = between(trip.until, acknowledged) + GUARD_PACE;
    rows.push(String::new());
    rows.push(format!(
        "   From the window crossed to the last acknowledgement: at most {}, with the guard's pace (promised: {PROMISED:?})",
        millis(back)
    ));
    rows.push(String::new());
    Ok(rows)
}

fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

fn between(from: Timestamp, until: Timestamp) -> Duration {
    Duration::try_from(until.duration_since(from)).unwrap_or_default()
}

fn millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_four_moments_stand_in_a_table() {
        let trip: Trip = serde_json::from_value(json!({
            "at": "2026-12-01T09:00:02.010Z", "until": "2026-12-01T09:00:02Z", "revision": 5,
            "condition": "error_rate > 10% over 5s", "value": 10.44, "samples": 700,
            "instances": [{"service": "runner", "instance": "runner-1", "value": 31.0, "samples": 230}],
        }))
        .unwrap();
        let convergence = serde_json::from_value(json!({
            "converged": true, "spread_micros": 400, "services": [
                {"service": "runner", "converged": 1, "live": 1, "last_after_micros": 2_400},
                {"service": "ui", "converged": 1, "live": 1, "last_after_micros": 2_000},
            ],
        }))
        .unwrap();
        let fault = "2026-12-01T09:00:00.500Z".parse().unwrap();
        let rows = times(fault, &trip, &convergence).unwrap();
        assert_eq!(
            rows.join("\n"),
            "   fault                 2026-12-01T09:00:00.500000Z      0.0 ms  the file was made
   window crossed        2026-12-01T09:00:02.000000Z   1500.0 ms  seen by the guard, which looks four times a second
   decision              2026-12-01T09:00:02.010000Z     10.0 ms  revision 5: the flag is off
   last acknowledgement  2026-12-01T09:00:02.012400Z      2.4 ms  by runner, one of 2

   From the window crossed to the last acknowledgement: at most 262.4 ms, with the guard's pace (promised: 2s)
"
        );
        assert_eq!(
            evidence(&trip),
            [
                "   because  error_rate > 10% over 5s: 10.4% of 700 requests",
                "            runner/runner-1: 31.0% of 230",
                ""
            ]
        );
    }
}
