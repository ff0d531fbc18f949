//! Each rule of a policy, over each way in: what it refuses, and what passes.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change as Kind;

use super::{Deed, Path, Stage, lunch, reviewed, set_policy};
use crate::server::{create, disable, enable};

/// A policy, how much later something is asked for, and what comes of it.
struct Case {
    policy: v1::Policy,
    later_s: u64,
    deed: Deed,
    /// The reason word, the field, and words of what is allowed; none when it passes.
    refused: Option<(&'static str, &'static str, &'static str)>,
}

fn case(policy: v1::Policy, deed: Deed, refused: Option<(&'static str, &'static str, &'static str)>) -> Case {
    Case { policy, later_s: 0, deed, refused }
}

fn after(later_s: u64, case: Case) -> Case {
    Case { later_s, ..case }
}

fn delete() -> Deed {
    let change = Kind::DeleteFlag(v1::DeleteFlag { flag: "dreams".to_owned(), force: false });
    Deed::new(vec![change], &["delete", "dreams"])
}

fn archive() -> Deed {
    let change = Kind::ArchiveFlag(v1::ArchiveFlag { flag: "dreams".to_owned(), force: false });
    Deed::new(vec![change], &["archive", "dreams"])
}

fn undo(revision: u64, typed: &'static str) -> Deed {
    Deed::new(vec![Kind::Undo(v1::Undo { revision })], &["undo", typed])
}

fn off() -> Deed {
    Deed::new(vec![disable("dreams")], &["disable", "dreams"])
}

fn on(flag: &'static str) -> Deed {
    Deed::new(vec![enable(flag)], &["enable", flag])
}

fn canary(on: bool) -> Deed {
    let change = Kind::SwitchCanary(v1::SwitchCanary { environment: "production".to_owned(), on });
    Deed::new(vec![change], &["canary", if on { "on" } else { "off" }])
}

fn clear() -> Deed {
    Deed::new(vec![set_policy(v1::Policy::default())], &["policy", "clear"])
}

fn cases() -> Vec<Case> {
    let up = || Deed::rollout("dreams", 20.0, "20");
    let down = || Deed::rollout("dreams", 5.0, "5");
    let none = v1::Policy::default;
    let reason = || v1::Policy { reason_required: true, ..none() };
    let step = || v1::Policy { largest_step_percent: Some(25.0), ..none() };
    let interval = || v1::Policy { smallest_interval_seconds: Some(3_600), ..none() };
    let frozen = || v1::Policy { freeze_windows: vec![lunch()], ..none() };
    let protected = || v1::Policy { protected_flags: vec!["dreams".to_owned()], ..none() };
    let field = "changes[0].rollout";
    let wanted =
        Some(("REASON_REQUIRED", "reason", "the policy of production wants a reason for every change"));
    let large =
        Some(("STEP_TOO_LARGE", field, "a raise of at most 25 points at a time: the policy of production"));
    let soon = Some(("STEP_TOO_SOON", field, "a raise from 2026-11-26T13:00:00Z on: test raised it at"));
    let cold = Some(("FROZEN", field, "until 2026-11-26T13:00:00Z: production is frozen for lunch"));
    let alone = Some(("APPROVAL_REQUIRED", field, "what 1 other person approved"));
    let policy_alone = Some(("APPROVAL_REQUIRED", "changes[0].set_policy", "for its own change"));
    vec![
        case(reason(), up().silent(), wanted),
        case(reason(), down().silent(), wanted),
        case(reason(), up(), None),
        case(none(), clear().silent(), None),
        case(reason(), clear().silent(), Some(("REASON_REQUIRED", "reason", "why the policy changes"))),
        case(step(), Deed::rollout("dreams", 35.0, "35"), None),
        case(step(), Deed::rollout("dreams", 36.0, "36"), large),
        case(step(), on("whispers"), Some(("STEP_TOO_LARGE", "changes[0].enable_flag", "production"))),
        case(step(), off(), None),
        case(interval(), up(), soon),
        after(3_599, case(interval(), up(), soon)),
        after(3_600, case(interval(), up(), None)),
        case(interval(), down(), None),
        case(frozen(), up(), cold),
        case(frozen(), canary(true), Some(("FROZEN", "changes[0].switch_canary", "frozen for lunch"))),
        after(3_600, case(frozen(), up(), None)),
        case(frozen(), down(), None),
        case(frozen(), off(), None),
        case(frozen(), undo(3, "3"), None),
        case(frozen(), clear(), None),
        case(frozen(), Deed::new(vec![create("dark")], &["create", "dark"]), None),
        case(reviewed(), up(), alone),
        case(reviewed(), down(), None),
        case(reviewed(), clear(), policy_alone),
        case(protected(), up(), alone),
        case(protected(), Deed::rollout("whispers", 50.0, "50"), None),
        case(
            protected(),
            delete().requested(),
            Some((
                "FLAG_PROTECTED",
                "changes[0].request_approval.changes[0].delete_flag",
                "the policy of production does not protect",
            )),
        ),
        case(
            protected(),
            archive().requested(),
            Some((
                "FLAG_PROTECTED",
                "changes[0].request_approval.changes[0].archive_flag",
                "the policy of production does not protect",
            )),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_way_in_goes_around_a_policy_and_all_say_the_same() {
    let mut told = 0;
    for case in cases() {
        let mut said = Vec::new();
        for path in [Path::Grpc, Path::Cli, Path::Http] {
            if path == Path::Http && case.deed.body().is_none() {
                continue;
            }
            let mut stage = Stage::with(case.policy.clone()).await;
            stage.later(case.later_s);
            let before = stage.revision().await;
            let answer = stage.ask(path, &case.deed).await;
            let what = format!("{path:?}: {:?} under {:?}: {answer:?}", case.deed, case.policy);
            match case.refused {
                None => assert!(answer.is_ok(), "{what}"),
                Some((word, field, allowed)) => {
                    let refusal = answer.as_ref().expect_err(&what);
                    assert_eq!(refusal.word, word, "{what}");
                    assert_eq!(refusal.violations.len(), 1, "{what}");
                    // HTTP names the place in the caller's own JSON.
                    let field = if path == Path::Http { field.split('.').next().unwrap() } else { field };
                    assert_eq!(refusal.violations[0].0, field, "{what}");
                    assert!(refusal.violations[0].1.contains(allowed), "{what}");
                    assert_eq!(stage.revision().await, before, "{what}");
                }
            }
            said.push(answer.map_err(|refusal| {
                let words = refusal.violations.into_iter().map(|(_, words)| words);
                (refusal.word, words.collect::<Vec<_>>())
            }));
            told += usize::from(path == Path::Http);
            stage.server.running.stop().await;
        }
        assert!(said.windows(2).all(|pair| pair[0] == pair[1]), "{said:?}");
    }
    assert!(told >= 15, "most of it can be asked for over HTTP: {told}");
}
