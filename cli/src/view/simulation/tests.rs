//! What a simulation looks like.

use mycelia_flags_core::plan::simulation::{Trace, simulate};

use super::*;
use crate::plan_file;

const PLAN: &str = "\
plan: whispers
stages:
  - name: staff
    environment: staging
    set: { whispers.enabled: on, theme: { variant: dark } }
    hold: 2d
  - name: beta <first>
    set: { whispers.enabled: { segments: { trusted-beta: 100% }, rest: 0% } }
    hold: 5d
    gate: { approvals: 1, checks: [error_rate < 2% over 1h] }
  - name: half
    at: day 9
    set: { whispers.enabled: 50% }
    hold: 1d
  - name: all
    set: { whispers.enabled: 100% }
guards:
  - { when: error_rate > 5% for 10m, do: rollback gradually }
";

fn view(change: impl Fn(&mut Assumptions)) -> SimulationView {
    let plan = plan_file::offline(&plan_file::read(PLAN).unwrap());
    let start = plan_file::moment("2026-12-01T08:00:00Z").unwrap();
    let mut assumptions = Assumptions {
        start,
        people_take_seconds: Some(7_200),
        resume_after_seconds: Some(86_400),
        trace: Trace::default(),
        is_healthy: true,
    };
    change(&mut assumptions);
    let simulation = simulate(&plan, &assumptions).unwrap();
    SimulationView::of(&plan, &simulation, &assumptions)
}

#[test]
fn a_quiet_plan_is_read_at_a_glance() {
    assert_eq!(view(|_| {}).page().render(false), include_str!("quiet.txt"));
}

#[test]
fn a_bad_hour_shows_what_it_would_have_done() {
    let bad = view(|assumptions| {
        let hour = |hours: i64| {
            let micros = assumptions.start.unix_micros() + hours * 3_600_000_000;
            Timestamp::from_unix_micros(micros)
        };
        let rows = [(0, 0.5), (200, 9.0), (201, 0.5)].map(|(at, value)| (hour(at), value));
        rows.into_iter().for_each(|(at, value)| assumptions.trace.note(at, "error_rate", value));
    });
    assert_eq!(bad.page().render(false), include_str!("bad_hour.txt"));
    let drawing = svg::draw(&bad);
    assert!(drawing.contains("▼1  day 9, 8d8h10m after the start: guard: error_rate"), "{drawing}");
    assert!(drawing.contains("url(#stopped)"));
}

#[test]
fn a_plan_that_waits_says_for_what() {
    let waiting = view(|assumptions| {
        assumptions.people_take_seconds = None;
        assumptions.is_healthy = false;
    });
    let page = waiting.page().render(false);
    let end = "in the end: waiting for a gate, 7d after the start, in stage 2 of 4 (beta <first>)\n\
               it waits for:\n  0 of 1 approvals\n  error_rate < 2% over 1h: not enough data\n";
    assert!(page.ends_with(end), "{page}");
    let json = serde_json::to_value(&waiting).unwrap();
    assert_eq!(json["state"], "waiting for a gate");
    assert_eq!(json["waits_for"][0], "0 of 1 approvals");
    assert_eq!(json["events"][1]["after_seconds"], 172_800);
    assert_eq!(json["events"][1]["flags"][2]["serves"], "trusted-beta 100%, rest 0%");
}

#[test]
fn a_drawing_stands_alone() {
    let drawing = svg::draw(&view(|_| {}));
    for part in
        ["<svg xmlns", "day 1<", "stage 2: beta &lt;first&gt;", "waits for a gate", "whispers.enabled", "50%"]
    {
        assert!(drawing.contains(part), "{part}: {drawing}");
    }
    for foreign in ["<script", "href", "<image", "@import", "beta <first>"] {
        assert!(!drawing.contains(foreign), "{foreign}");
    }
    let opened = drawing.matches("<text").count();
    assert_eq!(opened, drawing.matches("</text>").count());
}
