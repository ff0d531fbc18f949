//! The rollout playbook: a canary of trusted users, then 1 → 10 → 50 → 100 %.

use super::{DAY, PlanState, Run};

#[tokio::test(flavor = "multi_thread")]
async fn the_progression_runs_from_the_canary_to_everybody() {
    let flag = "intent_bar_v1_rollout";
    let run = Run::begin("intent-bar").await;
    run.create(&[flag]);
    run.apply("mycelia.yaml");
    run.is(PlanState::Holding, 1).await;
    let listed = run.types(&["canary-list"]);
    assert!(listed.to_string().contains("user123"), "{listed}");
    let people = run.people(400).await;
    let trusted = ["user123", "user124"];
    for user in trusted {
        assert!(people.has(flag, user).await, "{user} is in the canary");
    }
    assert!(people.who_has(flag).await.is_empty());
    run.pass(DAY);
    run.is(PlanState::WaitingForGate, 1).await;
    run.open_gate().await;
    let mut before = Vec::new();
    for (stage, serves, hold) in [(2, "1%", DAY), (3, "10%", 3 * DAY), (4, "50%", 7 * DAY)] {
        run.is(PlanState::Holding, stage).await;
        run.serves(&[(flag, serves)]).await;
        let now = people.who_has(flag).await;
        assert!(before.iter().all(|user| now.contains(user)));
        before = now;
        run.pass(hold - 1);
        run.serves(&[(flag, serves)]).await;
        run.pass(1);
        run.is(PlanState::WaitingForGate, stage).await;
        if stage == 4 {
            run.types(&[
                "plan",
                "rollback",
                "intent-bar",
                "--gradually",
                "25,0",
                "--every",
                "10m",
                "--reason",
                "slow",
            ]);
            run.is(PlanState::RollingBack, 4).await;
            run.serves(&[(flag, "25%")]).await;
            run.types(&["plan", "go", "intent-bar", "--reason", "health is back"]);
            run.is(PlanState::Latched, 4).await;
            run.types(&["plan", "acknowledge", "intent-bar", "--reason", "a slow replica"]);
            run.types(&["plan", "resume", "intent-bar"]);
            run.is(PlanState::Holding, 4).await;
            assert_eq!(people.who_has(flag).await, before, "the same people");
            run.pass(hold);
            run.is(PlanState::WaitingForGate, 4).await;
        }
        run.open_gate().await;
    }
    run.is(PlanState::Holding, 5).await;
    run.serves(&[(flag, "100%")]).await;
    run.pass(7 * DAY);
    run.is(PlanState::WaitingForGate, 5).await;
    run.open_gate().await;
    run.is(PlanState::Completed, 5).await;
    let canary = run.types(&["canary"]);
    assert_eq!(canary["on"], false, "{canary}");
    run.end().await;
}
