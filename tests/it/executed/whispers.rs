//! The whispers canary: staging on day 0, trusted users on day 3, then 10, 25, 50 and 100 % on days 8, 10, 12 and 14.

use super::{DAY, PlanState, Run};

#[tokio::test(flavor = "multi_thread")]
async fn the_whispers_canary_runs_to_its_last_day() {
    let run = Run::begin("whispers-canary").await;
    run.create(&["whispers.enabled", "whispers.context_ranking"]);
    run.create_integer("whispers.max", "6");
    run.create_integer("whispers.ranking_timeout_ms", "200");
    run.types(&["segment", "set", "trusted-beta"]);
    run.types(&["segment", "add", "trusted-beta", "user-1", "user-2", "user-3", "user-4", "user-5"]);
    run.apply("whispers.yaml");

    // Day 0: staging only, with the settings of the document
    let settings =
        [("whispers.enabled", "100%"), ("whispers.max", "6"), ("whispers.ranking_timeout_ms", "200")];
    run.serves_in("staging", &settings).await;
    run.serves(&[("whispers.enabled", "disabled")]).await;
    run.is(PlanState::WaitingForGate, 1).await;
    run.open_gate().await;
    run.is(PlanState::Running, 1).await;
    run.pass(3 * DAY - 1);
    run.serves(&[("whispers.enabled", "disabled")]).await;

    // Day 3: the trusted users and nobody else
    run.pass(1);
    run.is(PlanState::WaitingForGate, 2).await;
    run.serves(&[("whispers.enabled", "trusted-beta 100%, rest 0%"), ("whispers.max", "6")]).await;
    let people = run.people(300).await;
    assert_eq!(people.who_has("whispers.enabled").await, ["user-1", "user-2", "user-3", "user-4", "user-5"]);
    run.report("error_rate < 2%", false);
    run.pass(5 * DAY);
    run.is(PlanState::WaitingForGate, 2).await;
    let missing = run.status().await.missing.join("; ");
    assert!(missing.contains("error_rate < 2% over 1h is not met: 4%"), "{missing}");
    run.open_gate().await;

    // Day 8, 10, 12, 14
    let mut before = Vec::new();
    for (stage, serves) in [(3, "10%"), (4, "25%"), (5, "50%")] {
        run.is(PlanState::Running, stage).await;
        run.serves(&[("whispers.enabled", &format!("trusted-beta 100%, rest {serves}"))]).await;
        let now = people.who_has("whispers.enabled").await;
        assert!(before.iter().all(|user| now.contains(user)), "a raise only adds people");
        before = now;
        if stage == 4 {
            // The guard of the document, and the same people afterwards
            run.report("error_rate > 5% for 10m", true);
            run.is(PlanState::Latched, 4).await;
            run.serves(&[("whispers.enabled", "disabled"), ("whispers.max", "6")]).await;
            assert!(people.who_has("whispers.enabled").await.is_empty());
            run.types(&["plan", "acknowledge", "whispers-canary", "--reason", "a full disk"]);
            run.types(&["plan", "resume", "whispers-canary"]);
            run.is(PlanState::Running, 4).await;
            assert_eq!(people.who_has("whispers.enabled").await, before, "the same people");
        }
        run.pass(2 * DAY);
    }
    run.is(PlanState::WaitingForGate, 6).await;
    run.serves(&[("whispers.enabled", "100%")]).await;
    run.open_gate().await;
    run.is(PlanState::Completed, 6).await;
    let flag = run.types(&["get", "whispers.enabled"]);
    assert!(flag.to_string().contains("2027-01"), "it is to be removed a month later: {flag}");
    run.end().await;
}
