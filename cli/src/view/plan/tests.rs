//! Pages of plans, as people see them.

use super::checklist::ChecklistView;
use super::list::{DrivingView, PlansView};
use super::status::{PlanStatusView, ThenView};
use super::*;
use crate::plans::FoundPlan;
use crate::terminal::View as _;

const DAY: i64 = 86_400;

fn at(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

fn deed(by: &str, seconds: i64) -> Option<v1::Deed> {
    Some(v1::Deed { by: by.to_owned(), at: at(seconds), revision: 5, note: String::new() })
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

/// A plan of four stages that waits for the gate of the second one, on its sixth day.
pub(crate) fn waiting() -> FoundPlan {
    let gate = v1::Gate {
        approvals: 2,
        go: true,
        checks: texts(&["error_rate < 2% over 1h"]),
        checklist: texts(&["zero critical bugs", "support is informed"]),
        ..v1::Gate::default()
    };
    let stage = |name: &str, gate: Option<v1::Gate>| v1::Stage {
        name: name.to_owned(),
        gate,
        ..v1::Stage::default()
    };
    let mut last = stage("100%", None);
    last.start = Some(v1::stage::Start::Day(12));
    let stages = vec![stage("internal testing", None), stage("10%", Some(gate)), stage("25%", None), last];
    let plan = v1::Plan { key: "whispers".to_owned(), first_day: 1, stages, ..v1::Plan::default() };
    let progress = v1::PlanProgress {
        state: v1::PlanState::WaitingForGate.into(),
        started: deed("ana", 0),
        stage: 1,
        approvals: deed("ben", 5 * DAY).into_iter().collect(),
        ticks: vec![v1::Tick { item: "support is informed".to_owned(), deed: deed("ben", 5 * DAY) }],
        ..v1::PlanProgress::default()
    };
    let stage = |name: &str, environment: &str, state: v1::StageState| v1::StageStatus {
        name: name.to_owned(),
        environment: environment.to_owned(),
        state: state.into(),
        set: vec![v1::FlagTarget { flag: "whispers.on".to_owned(), target: name.to_owned() }],
        ..v1::StageStatus::default()
    };
    let mut stages = vec![
        stage("internal testing", "staging", v1::StageState::Done),
        stage("10%", "production", v1::StageState::Now),
        stage("25%", "production", v1::StageState::Later),
        stage("100%", "production", v1::StageState::Later),
    ];
    stages[0].entered_at = at(0);
    stages[1].entered_at = at(2 * DAY);
    stages[1].held_until = at(5 * DAY - 7_200);
    stages[2].due = at(5 * DAY + 3_600);
    stages[3].due = at(11 * DAY);
    let status = v1::PlanStatus {
        plan: "whispers".to_owned(),
        environment: "production".to_owned(),
        state: v1::PlanState::WaitingForGate.into(),
        since: at(5 * DAY - 7_200),
        day: Some(6),
        stages,
        missing: texts(&[
            "nobody has said go",
            "1 of 2 approvals",
            "not ticked off: zero critical bugs",
            "error_rate < 2% over 1h: not enough data",
        ]),
        flags: vec![
            flag("whispers.on", Some("10%"), "10%", true),
            flag("whispers.max", Some("6"), "4", false),
            flag("whispers.late", None, "disabled", true),
        ],
        ..v1::PlanStatus::default()
    };
    FoundPlan { plan, progress, status, revision: 9 }
}

fn flag(flag: &str, target: Option<&str>, actual: &str, agrees: bool) -> v1::PlanFlagStatus {
    v1::PlanFlagStatus {
        environment: "production".to_owned(),
        flag: flag.to_owned(),
        target: target.map(str::to_owned),
        actual: actual.to_owned(),
        agrees,
    }
}

fn now() -> Now {
    Now::of_seconds(5 * DAY)
}

fn page(found: FoundPlan) -> String {
    PlanStatusView::of(found, now()).page().render(false)
}

#[track_caller]
fn check(found: FoundPlan, expected: &str) {
    let page = page(found);
    assert!(page.contains(expected), "{page}");
}

#[test]
fn the_stepper_says_what_is_done_what_is_now_who_is_waited_for_and_what_is_next() {
    let mut found = waiting();
    found.status.drift.push(v1::Drift {
        environment: "production".to_owned(),
        flag: "whispers.max".to_owned(),
        actual: "4".to_owned(),
        target: "6".to_owned(),
        deed: deed("cleo", 5 * DAY),
    });
    assert_eq!(
        page(found),
        "\
whispers  production  day 6  waiting for a gate for 2h
✔  internal testing  staging  day 1   1970-01-01 00:00Z, for 2d                   whispers.on internal testing
●  10%                        day 3   the stay is over, it waits for              whispers.on 10%
                                      - nobody has said go
                                      - 1 of 2 approvals
                                      - not ticked off: zero critical bugs
                                      - error_rate < 2% over 1h: not enough data
○  25%                        day 6   in 1h (1970-01-06 01:00Z)                   whispers.on 25%
○  100%                       day 12  in 6d (1970-01-12 00:00Z)                   whispers.on 100%

FLAG           TARGET  NOW
whispers.on    10%     10%       ✔
whispers.max   6       4         ✘
whispers.late  -       disabled
drift: whispers.max in production is 4, the plan wants 6 (cleo)
next  mycelia-flags plan go whispers                             nobody has said go
      mycelia-flags plan approve whispers                        1 of 2 approvals
      mycelia-flags plan check whispers 1                        zero critical bugs
      mycelia-flags plan report-value whispers error_rate VALUE  error_rate < 2% over 1h
"
    );
}

#[test]
fn each_state_says_what_is_to_be_done() {
    let state = |state: v1::PlanState| {
        let mut found = waiting();
        found.status.state = state.into();
        found.progress.state = state.into();
        found.status.missing.clear();
        found.status.reason = "because".to_owned();
        found
    };
    let mut holding = state(v1::PlanState::Holding);
    holding.status.stages[1].held_until = at(5 * DAY + 3 * 3_600);
    check(holding, "●  10%                        day 3   3h left (until 1970-01-06 03:00Z)");
    check(state(v1::PlanState::Paused), "next  mycelia-flags plan resume whispers");
    check(state(v1::PlanState::Latched), "taken back: because");
    check(state(v1::PlanState::Latched), "next  mycelia-flags plan acknowledge whispers --reason CAUSE");
    let mut known = state(v1::PlanState::Latched);
    known.progress.acknowledged = deed("ana", 1);
    check(known, "next  mycelia-flags plan resume whispers");
    let mut rolling = state(v1::PlanState::RollingBack);
    let ladder = v1::Ladder { percents: vec![50.0, 25.0, 0.0], every_seconds: 600 };
    let rollback = v1::Rollback { kind: Some(v1::rollback::Kind::Gradual(ladder)) };
    rolling.progress.rollback =
        Some(v1::RollbackProgress { rollback: Some(rollback), rung: 1, ..v1::RollbackProgress::default() });
    rolling.status.rung_until = at(5 * DAY + 480);
    rolling.status.stages[1].rollback_within_seconds = Some(1_800);
    let length = |minutes: u64, over, kept| v1::RollbackLength {
        taken_micros: minutes * 60_000_000,
        over,
        within_seconds: Some(1_800),
        kept,
    };
    rolling.status.rollback = Some(length(10, false, None));
    check(rolling.clone(), "on its way down for 10m; the plan allows 30m\n");
    check(rolling.clone(), "whispers.on 10%; back within 30m\n");
    let mut late = state(v1::PlanState::Latched);
    late.status.rollback = Some(length(40, true, Some(false)));
    check(late.clone(), "rolled back in 40m; the plan allows 30m: NOT kept\n");
    assert_eq!(alarms(&late.status)[1], "rolled back in 40m; the plan allows 30m: NOT kept");
    late.status.state = v1::PlanState::Holding.into();
    assert!(!page(late).contains("NOT kept"), "it has gone on since");
    check(rolling.clone(), "rung 2 of 3: 25%, the next in 8m");
    check(rolling, "whispers.max   6       4         taken back");
    let mut alerting = state(v1::PlanState::Holding);
    let alert = v1::AlertStatus { alert: "error_rate > 2% (3.5%)".to_owned(), since: at(DAY) };
    alerting.status.alerts.push(alert);
    check(alerting.clone(), "\nalert: error_rate > 2% (3.5%), since 1970-01-02 00:00Z\n");
    assert_eq!(alarms(&alerting.status)[0], "alert: error_rate > 2% (3.5%), since 1970-01-02 00:00Z");
    let mut blocked = state(v1::PlanState::Running);
    blocked.status.blocked = "FLAG_ARCHIVED: gone".to_owned();
    check(blocked, "blocked: FLAG_ARCHIVED: gone");
    check(state(v1::PlanState::Draft), "next  mycelia-flags plan start whispers");
    assert!(!page(state(v1::PlanState::Completed)).contains("next"));
}

#[test]
fn plans_under_way_are_shown_loudly_when_somebody_should_know() {
    let mut taken_back = waiting().status;
    taken_back.plan = "dreams".to_owned();
    taken_back.state = v1::PlanState::Latched.into();
    taken_back.reason = "guard: error_rate > 5% (7%)".to_owned();
    let plans = vec![PlanView::of(taken_back), PlanView::of(waiting().status)];
    let view = PlansView { plans, revision: 9, now: now() };
    assert_eq!(
        view.page().render(false),
        "\
PLAN      ENVIRONMENT  STATE                      STAGE
dreams    production   latched for 2h             2 of 4: 10%
whispers  production   waiting for a gate for 2h  2 of 4: 10%
! dreams: taken back: guard: error_rate > 5% (7%)
! whispers: waits for: nobody has said go; 1 of 2 approvals; not ticked off: zero critical bugs; error_rate < 2% over 1h: not enough data
! whispers: whispers.max in production is 4, the plan wants 6
"
    );
    let none = PlansView { plans: Vec::new(), revision: 9, now: now() };
    assert!(none.page().render(false).starts_with("no plans yet"));
}

#[test]
fn after_a_deed_people_are_told_where_the_plan_is() {
    let then = ThenView(PlanStatusView::of(waiting(), now())).page().render(false);
    assert!(
        then.starts_with("now waiting for a gate in stage 2 of 4, 10%\nnext  mycelia-flags plan go whispers"),
        "{then}"
    );
}

#[test]
fn the_checklist_is_numbered_and_says_who_ticked() {
    let view = ChecklistView::of(&waiting());
    assert_eq!(
        view.page().render(false),
        "stage 10%\n○  1  zero critical bugs\n✔  2  support is informed  ben\n"
    );
}

#[test]
fn the_document_of_a_plan_has_stable_names() {
    let document = serde_json::to_value(PlanStatusView::of(waiting(), now())).unwrap();
    assert_eq!(document["state"], "waiting_for_gate");
    assert_eq!(document["stages"][1]["state"], "now");
    assert_eq!(document["stages"][3]["due"], "1970-01-12T00:00:00.000000Z");
    assert_eq!(document["approvals"][0]["by"], "ben");
    assert_eq!(document["checklist"][1]["ticked"]["by"], "ben");
    assert!(document["checklist"][0]["ticked"].is_null());
    assert_eq!(document["next"][1]["command"], "mycelia-flags plan approve whispers");
    assert_eq!(document["flags"][2]["target"], serde_json::Value::Null);
    assert!(document["decision"].is_null() && document["rollback"].is_null());
    assert!(
        document["rollback_length"].is_null() && document["stages"][1]["rollback_within_seconds"].is_null()
    );
}

#[test]
fn a_flag_says_which_plan_drives_it() {
    let found = waiting();
    let driven = found.status.flags.first().unwrap();
    assert_eq!(
        DrivingView::of(&found.status, driven).span(),
        Span::from("driven in production by plan whispers, waiting for a gate in stage 10%: it wants 10%")
    );
}

#[test]
fn ways_back_read_as_words() {
    use v1::rollback::Kind;
    let check =
        |kind: Kind, expected: &str| assert_eq!(way_in_words(&v1::Rollback { kind: Some(kind) }), expected);
    check(Kind::Disable(v1::RollbackToDisabled {}), ": disabled");
    check(Kind::ToZero(v1::RollbackToZero {}), " to 0%");
    let ladder = v1::Ladder { percents: vec![12.5, 0.0], every_seconds: 600 };
    check(Kind::Gradual(ladder), " gradually: 12.5%, 0%, 10m each");
    check(Kind::Segments(v1::RollbackSegments { segments: texts(&["B", "C"]) }), " for B, C");
}
