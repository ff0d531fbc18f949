//! Guards as people and programs see them.

use super::*;

fn moment_of(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

fn report(phase: v1::GuardPhase) -> v1::GuardReport {
    let rollback = v1::Rollback { kind: Some(v1::rollback::Kind::Disable(v1::RollbackToDisabled {})) };
    let measurement = v1::GuardMeasurement {
        value: 12.4,
        samples: 1_850,
        from: moment_of(300),
        until: moment_of(600),
        reference: None,
        instances: vec![v1::GuardInstance {
            service: "runner".to_owned(),
            instance: "r-2".to_owned(),
            value: 31.0,
            samples: 700,
        }],
    };
    let trip = v1::GuardDeed {
        deed: Some(v1::Deed { at: moment_of(600), revision: 41, ..v1::Deed::default() }),
        evidence: Some(v1::GuardEvidence {
            condition: "error_rate > 10% over 5m".to_owned(),
            observed: Some(v1::GuardObserved { value: 12.4, measurement: Some(measurement) }),
        }),
        taken: vec![v1::GuardTaken { flag: "dreams".to_owned(), before: "50%".to_owned() }],
        ..v1::GuardDeed::default()
    };
    v1::GuardReport {
        guard: Some(v1::Guard {
            key: "errors".to_owned(),
            environment: "production".to_owned(),
            flags: vec!["dreams".to_owned()],
            when: "error_rate > 10% over 5m".to_owned(),
            severity: v1::IncidentSeverity::Critical.into(),
            action: Some(v1::guard::Action::Rollback(rollback)),
            ..v1::Guard::default()
        }),
        state: Some(v1::GuardState {
            phase: phase.into(),
            trip: Some(trip),
            trips: 1,
            recovery_due: moment_of(1_500),
            ..v1::GuardState::default()
        }),
        verdict: v1::GuardVerdict::InsufficientData.into(),
        observed: None,
        flags: vec!["dreams".to_owned()],
    }
}

#[test]
fn a_latch_is_loud_and_says_why_and_what_to_do() {
    let guards = vec![GuardView::of(&report(v1::GuardPhase::Latched))];
    let page = GuardStatusView { guards: guards.clone(), revision: 41 }.page().render(false);
    assert_eq!(
        page,
        "errors in production: LATCHED\n\
         \x20 over       dreams\n\
         \x20 when       error_rate > 10% over 5m\n\
         \x20 do         rollback\n\
         \x20 severity   critical\n\
         \x20 now        not enough data\n\
         \x20 tripped    1970-01-01T00:10:00.000Z (revision 41)\n\
         \x20 because    error_rate > 10% over 5m (12.4%)\n\
         \x20 evidence   1850 samples over 5m\n\
         \x20            runner/r-2: 31% of 700 samples\n\
         \x20 took back  dreams, which served 50%\n\
         \x20 recovery   said at 1970-01-01T00:25:00.000Z\n\
         \x20 nothing raises it: mycelia-flags guard ack errors --cause ...\n"
    );
    assert!(guards[0].holds("dreams") && !guards[0].holds("whispers"));
    let mut page = Page::default();
    describe_latches(&guards, &mut page);
    assert!(page.render(true).contains("\x1b[1;31m! LATCHED in production: guard errors took dreams back"));
}

#[test]
fn the_list_says_what_is_known_now() {
    let mut quiet = report(v1::GuardPhase::Quiet);
    quiet.observed = Some(v1::GuardObserved { value: 0.51234, measurement: None });
    quiet.verdict = v1::GuardVerdict::NotMet.into();
    let guards = vec![GuardView::of(&quiet)];
    let page = GuardsView { guards, revision: 1 }.page().render(false);
    assert!(page.ends_with("dreams  error_rate > 10% over 5m  rollback  not true: 0.512%\n"), "{page}");
    let document = serde_json::to_value(GuardView::of(&report(v1::GuardPhase::Latched))).unwrap();
    assert_eq!((&document["do"], &document["state"]), (&"rollback".into(), &"latched".into()));
    assert_eq!(document["trip"]["instances"][0]["value"], 31.0);
}
