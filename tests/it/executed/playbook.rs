//! The feature rollout playbook: a matrix over four cohorts, each with its delay.

use super::{DAY, PlanState, Run};

const ADVANCED: &str = "dreams.advanced";
const VOICE: &str = "whispers.voiceCapture";

#[tokio::test(flavor = "multi_thread")]
async fn each_cohort_gets_its_share_after_its_delay() {
    let run = Run::begin("playbook").await;
    run.create(&[ADVANCED, VOICE]);
    for (segment, range) in [("A", "0..10"), ("B", "10..70"), ("C", "70..95"), ("D", "95..100")] {
        run.types(&["segment", "set", segment, "--percent", range, "--salt", "cohorts"]);
    }
    run.apply("playbook.yaml");
    let people = run.people(400).await;
    let (early, new) = (people.members("A").await, people.members("D").await);
    assert_eq!(people.who_has(ADVANCED).await, early, "early adopters first");
    run.is(PlanState::WaitingForGate, 1).await;
    run.open_gate().await;
    run.is(PlanState::Running, 1).await;

    // The matrix of the document, a week later
    run.pass(7 * DAY);
    run.is(PlanState::WaitingForGate, 2).await;
    run.serves(&[
        (ADVANCED, "A 100%, B 75%, C 0%, D 0%, rest 0%"),
        (VOICE, "A 100%, B 25%, C 0%, D 0%, rest 0%"),
    ])
    .await;
    let matrix = people.who_has(ADVANCED).await;

    // Partial rollback: the early adopters keep it
    run.types(&["plan", "rollback", "playbook", "--segments", "B,C,D", "--reason", "regular users complain"]);
    run.is(PlanState::Latched, 2).await;
    assert_eq!(people.who_has(ADVANCED).await, early);
    run.types(&["plan", "acknowledge", "playbook", "--reason", "a slow query"]);
    run.types(&["plan", "resume", "playbook"]);
    run.is(PlanState::WaitingForGate, 2).await;
    assert_eq!(people.who_has(ADVANCED).await, matrix, "the same people");
    run.open_gate().await;
    run.is(PlanState::Running, 2).await;

    // Casual users after two weeks: 5 → 10 → 25 → 50 → 100
    run.pass(7 * DAY);
    for (stage, percent) in [(3, "5%"), (4, "10%"), (5, "25%"), (6, "50%"), (7, "100%")] {
        run.is(PlanState::Holding, stage).await;
        run.serves(&[(ADVANCED, &format!("A 100%, B 100%, C {percent}, D 0%, rest 0%"))]).await;
        if stage == 5 {
            run.types(&["plan", "pause", "playbook", "--reason", "metrics degrade"]);
            run.pass(30 * DAY);
            run.is(PlanState::Paused, 5).await;
            run.types(&["plan", "resume", "playbook"]);
            run.is(PlanState::Holding, 5).await;
        }
        run.pass(if stage == 7 { 7 * DAY } else { 2 * DAY });
        run.is(PlanState::WaitingForGate, stage).await;
        run.open_gate().await;
    }
    run.is(PlanState::Completed, 7).await;
    let now = people.who_has(ADVANCED).await;
    assert!(new.iter().all(|user| !now.contains(user)), "new users keep their limited set");
    assert_eq!(now.len() + new.len(), 400);
    run.end().await;
}
