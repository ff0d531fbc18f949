//! Beta week: ten flags on days 1, 3, 5 and 7, a go/no-go every day, and the daily report.

use super::{DAY, PlanState, Run};

const FLAGS: [&str; 10] = [
    "oracle.chat",
    "weave_pipeline",
    "uploads",
    "admin.panel",
    "services.catalog",
    "dreams",
    "micro_memories",
    "whispers",
    "maya.voice",
    "maya.cues",
];

/// What the five that the document moves serve; the other five are at 100 % from day 1 on.
async fn day(run: &Run, expected: [&str; 5]) {
    let moved = ["dreams", "micro_memories", "whispers", "maya.voice", "maya.cues"];
    let moved: Vec<(&str, &str)> = moved.into_iter().zip(expected).collect();
    run.serves(&moved).await;
    let core: Vec<(&str, &str)> = FLAGS[..5].iter().map(|flag| (*flag, "100%")).collect();
    run.serves(&core).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_beta_week_runs_day_by_day() {
    let run = Run::begin("beta-week").await;
    run.create(&FLAGS);
    let before = run.types(&["status"])["revision"].as_u64().unwrap();
    run.apply("beta_week.yaml");
    assert_eq!(run.types(&["status"])["revision"], before + 1, "the first day is one revision for ten flags");
    day(&run, ["25%", "25%", "10%", "10%", "10%"]).await;
    let people = run.people(200).await;
    let dreamers = people.who_has("dreams").await;

    run.is(PlanState::WaitingForGate, 1).await;
    run.types(&["plan", "no-go", "beta-week", "--reason", "voice errors at 3 %"]);
    run.pass(2 * DAY);
    run.is(PlanState::WaitingForGate, 1).await;
    let missing = run.status().await.missing.join("; ");
    assert!(missing.contains("mara said no-go: voice errors at 3 %"), "{missing}");
    assert!(missing.contains("error_rate < 1% of maya.voice over 1d: not enough data"), "{missing}");
    day(&run, ["25%", "25%", "10%", "10%", "10%"]).await;

    run.open_gate().await;
    run.is(PlanState::WaitingForGate, 2).await;
    day(&run, ["50%", "50%", "25%", "25%", "25%"]).await;
    let more = people.who_has("dreams").await;
    assert!(dreamers.iter().all(|user| more.contains(user)), "a raise only adds people");

    // Emergency: the voice goes back, by the document's own words, and everything else stays.
    run.report("error_rate > 5% of maya.voice", true);
    run.is(PlanState::Latched, 2).await;
    day(&run, ["50%", "50%", "25%", "disabled", "disabled"]).await;
    run.types(&["plan", "acknowledge", "beta-week", "--reason", "the provider was down; credit restored"]);
    run.types(&["plan", "resume", "beta-week"]);
    run.is(PlanState::WaitingForGate, 2).await;
    day(&run, ["50%", "50%", "25%", "25%", "25%"]).await;
    assert_eq!(people.who_has("dreams").await, more, "the same people are back");

    run.pass(2 * DAY);
    run.open_gate().await;
    run.is(PlanState::WaitingForGate, 3).await;
    day(&run, ["75%", "75%", "50%", "40%", "40%"]).await;
    run.types(&["rollout", "maya.voice", "50", "--reason", "within the band"]);
    assert!(run.status().await.drift.is_empty());
    run.pass(2 * DAY);
    run.open_gate().await;
    run.is(PlanState::WaitingForGate, 4).await;
    day(&run, ["100%", "100%", "75%", "60%", "60%"]).await;
    run.open_gate().await;
    run.is(PlanState::Completed, 4).await;

    let report = run.report_of_day(3);
    for line in [
        "## Day 3 Rollout Report: beta-week",
        "**Feature Flags Status:**",
        "- dreams: 50% (target: 50%)",
        "- maya.voice: 25% (target: 25%)",
        "**Health Metrics:**",
        "**Decision: ",
        "**Notes:**",
    ] {
        assert!(report.contains(line), "{line} in {report}");
    }
    run.end().await;
}
