//! What is said about a trip later, over windows that services reported over plain HTTP: what was before the change is what
//! the server itself has kept, and nobody writes it down.

use super::*;
use crate::observations::post;

/// How often each of the two services reports, in seconds.
const EVERY: u64 = 30;

/// A server whose clock the story moves, with the windows that it has in life, and two services that report to it.
struct Reported {
    server: Server,
    admin: Admin,
    guards: GuardServiceClient<Channel>,
    clock: Arc<ManualClock>,
}

impl Reported {
    /// `dreams` is served to nobody, and half an hour was well: one request of a hundred fails.
    async fn begin(when: &str) -> Self {
        let clock = ManualClock::at(START);
        let pace = Duration::from_millis(2);
        let wanted = Wanted { clock: Arc::clone(&clock) as SharedClock, pace, ..Wanted::default() };
        let server = wanted.start().await;
        let mut admin = server.admin().await;
        admin.apply(vec![create("dreams")]).await;
        admin.apply(vec![guard(when, at_once())]).await;
        let guards = GuardServiceClient::new(server.channel().await);
        let world = Self { server, admin, guards, clock };
        world.pass(1_800, &[("off", 99, 1)]).await;
        world
    }

    /// Time passes, and both services report so many good and failed requests of each variant every half minute.
    async fn pass(&self, seconds: u64, variants: &[(&str, u64, u64)]) {
        for _ in 0..seconds / EVERY {
            self.clock.advance(Duration::from_secs(EVERY));
            self.report(variants).await;
        }
    }

    async fn report(&self, variants: &[(&str, u64, u64)]) {
        for service in ["runner", "agent"] {
            let observations: Vec<_> = variants
                .iter()
                .map(|(variant, ok, errors)| {
                    serde_json::json!({ "flag": "dreams", "variant": variant, "ok": ok, "errors": errors })
                })
                .collect();
            let instance = format!("{service}-1");
            let batch = serde_json::json!({
                "service": service, "instance": instance, "observations": observations,
            });
            let (status, taken) = post(&self.server.url, &batch).await;
            assert_eq!((status, &taken["accepted"]), (200, &observations.len().into()), "{taken}");
        }
    }

    async fn state(&self) -> v1::GuardState {
        let request = v1::GetGuardRequest { guard: "errors".to_owned() };
        let report = self.guards.clone().get_guard(request).await.unwrap().into_inner().guard.unwrap();
        report.state.unwrap()
    }

    /// It is released, and a fifth of the requests of whoever has it fails, until the guard acts.
    async fn trips(&mut self, percent: f64, variants: &[(&str, u64, u64)]) -> v1::GuardDeed {
        assert_eq!(self.state().await.trips, 0, "half an hour was well");
        // Between two buckets: what was before the change is all of it.
        self.clock.advance(Duration::from_secs(5));
        self.admin.apply(vec![rollout("dreams", percent)]).await;
        for _ in 0..10 {
            self.clock.advance(Duration::from_secs(EVERY));
            self.report(variants).await;
        }
        eventually("it trips", || async { self.state().await.phase() == v1::GuardPhase::Latched }).await;
        self.state().await.trip.unwrap()
    }

    /// What is said a quarter of an hour after the trip.
    async fn statement(&self) -> v1::RecoveryStatement {
        eventually("the statement", || async { self.state().await.recovery.is_some() }).await;
        self.state().await.recovery.unwrap()
    }
}

/// What is said when the services have gone on in some way for a quarter of an hour after the trip.
async fn states(
    when: &str,
    (percent, bad): (f64, &[(&str, u64, u64)]),
    after: Option<(u64, u64)>,
) -> (v1::GuardDeed, v1::RecoveryStatement) {
    let mut world = Reported::begin(when).await;
    let trip = world.trips(percent, bad).await;
    match after {
        // The feature is off: everybody is on the off variant again.
        Some((ok, errors)) => world.pass(930, &[("off", ok, errors)]).await,
        None => world.clock.advance(Duration::from_secs(930)),
    }
    let said = world.statement().await;
    let revision = world.server.running.revision();
    world.clock.advance(Duration::from_secs(3_600));
    assert_eq!(world.server.running.revision(), revision, "it is said once");
    world.server.running.stop().await;
    (trip, said)
}

const BASELINE: &str = "error_rate > 100% versus baseline over 5m";

/// Everybody has it, and a fifth fails.
const ALL_BAD: (f64, &[(&str, u64, u64)]) = (100.0, &[("on", 80, 20)]);

#[tokio::test(flavor = "multi_thread")]
async fn a_metric_that_is_as_it_was_before_the_change_has_recovered() {
    let (trip, said) = states(BASELINE, ALL_BAD, Some((99, 1))).await;
    let evidence = trip.evidence.unwrap().observed.unwrap();
    let reference = evidence.measurement.unwrap().reference.unwrap();
    assert_eq!((reference.value, reference.compared), (1.0, 20.0), "percent of the requests");
    assert!((evidence.value - 1_900.0).abs() < 1e-6, "twenty times as many: {}", evidence.value);
    assert_eq!(said.verdict(), v1::RecoveryVerdict::Recovered);
    assert_eq!((said.value, said.baseline), (Some(0.0), Some(1.0)), "no more than before the change");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_metric_that_stays_bad_without_the_flag_was_not_caused_by_it() {
    let (_, said) = states(BASELINE, ALL_BAD, Some((80, 20))).await;
    assert_eq!(said.verdict(), v1::RecoveryVerdict::NotCaused);
    assert_eq!(said.baseline, Some(1.0), "it is compared with before, and not with the time of the trip");
    assert!((said.value.unwrap() - 1_900.0).abs() < 1e-6, "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn versus_control_is_compared_with_before_when_nobody_has_it_any_more() {
    let when = "error_rate > 100% versus control over 5m";
    let half: (f64, &[(&str, u64, u64)]) = (50.0, &[("on", 80, 20), ("off", 99, 1)]);
    let (trip, said) = states(when, half, Some((99, 1))).await;
    let measured = trip.evidence.unwrap().observed.unwrap().measurement.unwrap();
    assert_eq!(measured.reference.unwrap().value, 1.0, "the other half, at the same time");
    assert_eq!((said.verdict(), said.baseline), (v1::RecoveryVerdict::Recovered, Some(1.0)));
    let (_, said) = states(when, half, Some((80, 20))).await;
    assert_eq!((said.verdict(), said.baseline), (v1::RecoveryVerdict::NotCaused, Some(1.0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_limit_is_held_against_what_was_before_as_well() {
    let when = "error_rate > 10% over 5m";
    let (_, said) = states(when, ALL_BAD, Some((97, 3))).await;
    assert_eq!(said.verdict(), v1::RecoveryVerdict::Recovered, "nearer to before than to the trip");
    assert_eq!((said.value, said.baseline), (Some(3.0), Some(1.0)));
    // The middle of 1 % and 20 % is 10.5 %: under the limit alone is not well.
    let high = "error_rate > 19% over 5m";
    let (_, said) = states(high, ALL_BAD, Some((85, 15))).await;
    assert_eq!(said.verdict(), v1::RecoveryVerdict::NotCaused, "nearer to the trip");
    assert_eq!((said.value, said.baseline), (Some(15.0), Some(1.0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nobody_reports_any_more_nothing_is_claimed() {
    let (_, said) = states(BASELINE, ALL_BAD, None).await;
    assert_eq!((said.verdict(), said.value), (v1::RecoveryVerdict::InsufficientData, None));
}
