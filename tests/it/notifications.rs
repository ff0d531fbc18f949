//! Who is told what happens: signed, in order, at least once, and whoever is down holds nobody else up.

use std::path::Path;
use std::time::Duration;

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change as Kind;
use mycelia_flags_server::clock::ManualClock;
use mycelia_flags_server::control::notifier::NotifyOptions;
use mycelia_flags_server::control::notifier::backoff::Backoff;
use mycelia_flags_server::control::notifier::targets::{NotifyFile, Target, TargetTable, check};
use serde_json::{Value, json as document};

use crate::binary::Process;
use crate::checker::Checked;
use crate::command_line::{json, refused, run};
use crate::patience::eventually;
use crate::receiver::{Receiver, SECRET};
use crate::server::{Admin, Server, Wanted, create};

/// 2026-09-21T14:13:20Z.
const BEGIN: i64 = 1_790_000_000;

/// Attempts that follow each other at once.
const AT_ONCE: Backoff = Backoff { base: Duration::ZERO, cap: Duration::ZERO };

/// Attempts of which no second one comes while a story lasts.
const MUCH_LATER: Backoff =
    Backoff { base: Duration::from_secs(1_000_000), cap: Duration::from_secs(1_000_000) };

fn webhook(folder: &Path, name: &str, receiver: &Receiver) -> TargetTable {
    let secret = folder.join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    TargetTable {
        name: name.to_owned(),
        kind: "webhook".to_owned(),
        url: Some(format!("{}/{name}", receiver.url)),
        secret_file: Some(secret),
        ..TargetTable::default()
    }
}

fn targets(tables: Vec<TargetTable>) -> Vec<Target> {
    check(NotifyFile { notify: tables }).unwrap()
}

fn notify(folder: &Path, tables: Vec<TargetTable>, backoff: Backoff) -> NotifyOptions {
    let (targets, folder) = (targets(tables), folder.join("notify"));
    NotifyOptions { targets, folder, backoff, ..NotifyOptions::default() }
}

fn incident(what: &str) -> Kind {
    Kind::OpenIncident(v1::OpenIncident {
        environment: "production".to_owned(),
        flags: vec!["dreams".to_owned()],
        severity: v1::IncidentSeverity::Critical.into(),
        what: what.to_owned(),
    })
}

/// Opens incidents, one revision each, and answers the first of them.
async fn trouble(server: &Server, whats: &[&str]) -> u64 {
    let mut admin = server.admin().await;
    let mut first = 0;
    for what in whats {
        let revision = admin.apply(vec![incident(what)]).await.revision;
        first = if first == 0 { revision } else { first };
    }
    first
}

fn words(what: &str, id: u64) -> (String, String) {
    ("incident.opened".to_owned(), format!("incident #{id} of dreams in production: {what}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_signed_and_tried_again_until_it_is_taken() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start().await);
    let clock = ManualClock::at(BEGIN * 1_000_000);
    let options = notify(folder.path(), vec![webhook(folder.path(), "ops", &receiver)], Backoff::default());
    let server = Wanted { notify: options, clock: clock.clone(), ..Wanted::default() }.start().await;
    Admin::connect(&server.url).await.create("dreams").await;
    receiver.answers(&[503, 500], 200);
    let first = trouble(&server, &["one", "two"]).await;
    eventually("the first attempt", || async { receiver.all().len() == 1 }).await;
    let failed = |times: u64| {
        let listed = json(&server.url, &["notify", "list"]);
        listed["targets"][0]["trying"]["attempts"] == times
    };
    eventually("its failure is shown", || async { failed(1) }).await;
    // The wait is at most a second of the server's clock, which stands still until it is moved.
    clock.advance(Duration::from_secs(1));
    eventually("the second failure", || async { failed(2) }).await;
    clock.advance(Duration::from_secs(2));
    eventually("both are taken", || async { receiver.accepted().len() == 2 }).await;
    assert_eq!(receiver.told(), [words("one", first), words("two", first + 1)], "in order");
    let all = receiver.all();
    let statuses: Vec<u16> = all.iter().map(|taken| taken.status).collect();
    assert_eq!(statuses, [503, 500, 200, 200]);
    let moments: Vec<i64> = all.iter().map(|taken| taken.verified() - BEGIN).collect();
    assert_eq!(moments[..3], [0, 1, 3], "each attempt is signed anew");
    let notice = all[2].json();
    assert_eq!(notice["id"], format!("{}-{first}-0", server.running.epoch()));
    assert_eq!(notice, all[0].json(), "an event is the same each time it is told");
    let expected = document!({
        "id": notice["id"], "type": "incident.opened", "severity": "critical",
        "at": "2026-09-21T14:13:20Z", "revision": first, "environments": ["production"],
        "flags": ["dreams"], "actor": "test", "reason": "a story", "evidence": [],
        "words": format!("incident #{first} of dreams in production: one"),
    });
    assert_eq!(notice, expected);
    let status = json(&server.url, &["notify", "list"]);
    assert_eq!(
        (&status["targets"][0]["delivered"], &status["targets"][0]["trying"]),
        (&2.into(), &Value::Null)
    );
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_loses_nothing_and_sends_nothing_under_another_name() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start().await);
    let data = folder.path().join("data");
    let start = |with: bool| {
        let tables = if with { vec![webhook(folder.path(), "ops", &receiver)] } else { Vec::new() };
        let notify = notify(folder.path(), tables, MUCH_LATER);
        Wanted { notify, ..Wanted::on_disk(&data) }.start()
    };
    let server = start(true).await;
    Admin::connect(&server.url).await.create("dreams").await;
    let first = trouble(&server, &["one"]).await;
    eventually("the first is told", || async { receiver.accepted().len() == 1 }).await;
    // Down, but not for good: the courier is in the middle of the second one when the server stops.
    receiver.answers(&[], 503);
    trouble(&server, &["two", "three"]).await;
    eventually("the second is tried", || async { receiver.all().len() > 1 }).await;
    server.running.stop().await;
    // What happens while nobody is configured to be told is told later, too.
    let server = start(false).await;
    trouble(&server, &["four"]).await;
    server.running.stop().await;
    receiver.answers(&[], 200);
    let server = start(true).await;
    trouble(&server, &["five"]).await;
    eventually("all are told", || async {
        receiver.told().last().is_some_and(|(_, words)| words.ends_with(": five"))
    })
    .await;
    let mut seen = std::collections::BTreeSet::new();
    let accepted = receiver.accepted();
    let new = accepted.iter().filter(|notice| seen.insert(notice["id"].as_str().unwrap().to_owned()));
    let what: Vec<&str> =
        new.map(|notice| notice["words"].as_str().unwrap().rsplit(": ").next().unwrap()).collect();
    assert_eq!(what, ["one", "two", "three", "four", "five"], "from revision {first} on");
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_target_holds_nobody_up_and_its_letters_are_delivered_later() {
    let folder = tempfile::tempdir().unwrap();
    let (dead, alive) = (Receiver::start().await, Receiver::start().await);
    dead.answers(&[], 500);
    let tables = vec![
        TargetTable { attempts: Some(2), ..webhook(folder.path(), "broken", &dead) },
        TargetTable { min_severity: Some("critical".to_owned()), ..webhook(folder.path(), "ops", &alive) },
    ];
    let server = Wanted { notify: notify(folder.path(), tables, AT_ONCE), ..Wanted::default() }.start().await;
    Admin::connect(&server.url).await.create("dreams").await;
    let first = trouble(&server, &["one", "two"]).await;
    eventually("the other one is told", || async { alive.accepted().len() == 2 }).await;
    eventually("both are put aside", || async {
        json(&server.url, &["notify", "dead"])["letters"].as_array().unwrap().len() == 2
    })
    .await;
    assert_eq!(dead.all().len(), 4, "two attempts each");
    let url = &*server.url;
    let letters = json(url, &["notify", "dead", "--target", "broken"]);
    let letter = &letters["letters"][0];
    assert_eq!((&letter["attempts"], &letter["type"]), (&2.into(), &"incident.opened".into()));
    let expected = format!("{} answered 500 Internal Server Error", dead.url);
    assert_eq!(letter["error"], expected.as_str(), "and nothing of its path");
    let status = run_curl(&format!("{url}/ops/status.json"));
    assert_eq!(status["notifications"], document!({ "targets": 2, "delivered": 2, "dead": 2, "failing": 0 }));
    let id = letter["id"].as_str().unwrap();
    let again = run(url, &["notify", "retry", id]);
    assert_eq!(again.status.code(), Some(1), "it is still broken");
    assert_eq!(json(url, &["notify", "dead"])["letters"][0]["attempts"], 3);
    dead.answers(&[], 200);
    let retried = json(url, &["notify", "retry", id]);
    assert_eq!(retried["attempts"], document!([{ "target": "broken", "delivered": true, "error": null }]));
    assert_eq!(dead.told(), [words("one", first)]);
    refused(url, &["notify", "retry", id], 5, "no target has a dead letter");
    refused(url, &["notify", "test", "nobody"], 5, "there is no notification target \"nobody\"");
    let tested = json(url, &["notify", "test", "broken"]);
    assert_eq!(tested["attempts"][0]["delivered"], true);
    assert_eq!(dead.types().last().unwrap(), "test");
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_acknowledge_in_time_is_named_once() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start().await);
    let clock = ManualClock::at(BEGIN * 1_000_000);
    let table = TargetTable {
        events: vec!["convergence.failed".to_owned()],
        ..webhook(folder.path(), "ops", &receiver)
    };
    let notify = notify(folder.path(), vec![table], AT_ONCE);
    let server = Wanted { notify, clock: clock.clone(), ..Wanted::default() }.start().await;
    let mut admin = server.admin().await;
    admin.create("dreams").await;
    // Nobody who has come after a look began is expected to have anything at its end.
    clock.advance(Duration::from_secs(1));
    let mut slow = Checked::follow(&server.url, "runner", "runner-1").await;
    let mut quick = Checked::follow(&server.url, "ui", "ui-1").await;
    let revision = admin.enable("dreams").await;
    for follower in [&mut slow, &mut quick] {
        follower.until(revision).await;
    }
    quick.acknowledge().await.unwrap();
    // The watch may be in a wait that began before the change: it looks at it after the next one at the latest.
    eventually("it is told", || {
        clock.advance(Duration::from_secs(10));
        async { receiver.accepted().len() == 1 }
    })
    .await;
    let told = receiver.accepted().remove(0);
    assert_eq!(told["id"], format!("{}-{revision}-convergence", server.running.epoch()));
    let words =
        format!("1 live instance(s) have not applied revision {revision} within 30 s: runner/runner-1");
    assert_eq!((&told["words"], &told["severity"]), (&words.as_str().into(), &"critical".into()));
    let evidence = format!("runner/runner-1 in production: has 0, needs {revision}");
    assert_eq!(told["evidence"], document!([evidence]));
    // It catches up, and lags again: that is told anew.
    slow.acknowledge().await.unwrap();
    let again = admin.disable("dreams").await;
    slow.until(again).await;
    quick.until(again).await;
    quick.acknowledge().await.unwrap();
    eventually("it is told again", || {
        clock.advance(Duration::from_secs(10));
        async { receiver.accepted().len() == 2 }
    })
    .await;
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_that_serve_different_states_are_told_of_once_and_once_more_when_that_is_over() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start().await);
    let clock = ManualClock::at(BEGIN * 1_000_000);
    let table = TargetTable { events: vec!["skew.*".to_owned()], ..webhook(folder.path(), "ops", &receiver) };
    let notify = notify(folder.path(), vec![table], AT_ONCE);
    let server = Wanted { notify, clock: clock.clone(), ..Wanted::default() }.start().await;
    let mut admin = server.admin().await;
    admin.create("dreams").await;
    let mut slow = Checked::follow(&server.url, "runner", "runner-1").await;
    let mut quick = Checked::follow(&server.url, "ui", "ui-1").await;
    let mut told = 0;
    for change in ["enable", "disable"] {
        let revision =
            if change == "enable" { admin.enable("dreams").await } else { admin.disable("dreams").await };
        for follower in [&mut slow, &mut quick] {
            follower.until(revision).await;
        }
        quick.acknowledge().await.unwrap();
        eventually("it is told", || {
            clock.advance(Duration::from_secs(10));
            async { receiver.accepted().len() == told + 1 }
        })
        .await;
        let found = receiver.accepted().remove(told);
        assert_eq!((&found["type"], &found["severity"]), (&"skew.found".into(), &"warning".into()));
        assert_eq!(found["environments"], document!(["production"]));
        assert_eq!(
            found["words"],
            "1 of 2 live instance(s) in production serve an older state than others for more than 60 s: runner/runner-1"
        );
        assert_eq!(found["evidence"][0], format!("others have {revision}"));
        // It goes on: that is told already.
        for _ in 0..20 {
            clock.advance(Duration::from_secs(10));
        }
        slow.acknowledge().await.unwrap();
        eventually("its end is told", || async { receiver.accepted().len() == told + 2 }).await;
        let over = receiver.accepted().remove(told + 1);
        assert_eq!((&over["type"], &over["severity"]), (&"skew.over".into(), &"info".into()));
        told += 2;
    }
    let ids: std::collections::BTreeSet<String> =
        receiver.accepted().iter().map(|told| told["id"].to_string()).collect();
    assert_eq!(ids.len(), 4, "each has a name of its own");
    server.running.stop().await;
}

fn run_curl(url: &str) -> Value {
    let output = std::process::Command::new("curl").args(["-sS", url]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_wrong_is_not_sent_again() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start().await);
    receiver.answers(&[410], 200);
    let options = notify(folder.path(), vec![webhook(folder.path(), "ops", &receiver)], AT_ONCE);
    let server = Wanted { notify: options, ..Wanted::default() }.start().await;
    Admin::connect(&server.url).await.create("dreams").await;
    let first = trouble(&server, &["one", "two"]).await;
    eventually("the second is told", || async { receiver.accepted().len() == 1 }).await;
    assert_eq!(receiver.told(), [words("two", first + 1)]);
    assert_eq!(json(&server.url, &["notify", "dead"])["letters"][0]["attempts"], 1);
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slack_gets_its_own_shape() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start().await);
    let address = folder.path().join("slack");
    std::fs::write(&address, format!("{}/services/T0/B0/xyz\n", receiver.url)).unwrap();
    let slack = TargetTable {
        name: "chat".to_owned(),
        kind: "slack".to_owned(),
        url_file: Some(address),
        events: vec!["incident.*".to_owned()],
        ..TargetTable::default()
    };
    let server =
        Wanted { notify: notify(folder.path(), vec![slack], AT_ONCE), ..Wanted::default() }.start().await;
    Admin::connect(&server.url).await.create("dreams").await;
    let first = trouble(&server, &["voice <cuts> out"]).await;
    eventually("it is told", || async { receiver.all().len() == 1 }).await;
    let taken = receiver.all().remove(0);
    assert_eq!(taken.path, "/services/T0/B0/xyz");
    let message = taken.json();
    let said = format!("incident #{first} of dreams in production: voice &lt;cuts&gt; out");
    assert_eq!(message["text"], format!("CRITICAL: {said}"));
    assert_eq!(message["blocks"][0]["type"], "section");
    assert_eq!(message["blocks"][0]["text"]["text"], format!(":rotating_light: *{said}*"));
    assert_eq!(message["blocks"][1]["text"]["text"], "> a story");
    assert_eq!(message["blocks"][2]["type"], "context");
    let listed = json(&server.url, &["notify", "list"]);
    assert_eq!(listed["targets"][0]["address"], receiver.url.as_str(), "the path is the secret");
    server.running.stop().await;
}

const PLAN: &str = "\
plan: week
description: One week
owner: memory
stages:
  - name: beta
    set: { dreams: 10% }
    hold: 2d
  - name: everybody
    set: { dreams: 100% }
    hold: 1d
";

#[tokio::test(flavor = "multi_thread")]
async fn the_digest_comes_at_its_time_with_the_day_that_ended() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start().await);
    // 08:00 UTC.
    let morning = BEGIN - BEGIN.rem_euclid(86_400) + 8 * 3_600;
    let clock = ManualClock::at((morning - 3_600) * 1_000_000);
    let table = TargetTable {
        events: vec!["plan.digest".to_owned()],
        digest: Some("08:00".to_owned()),
        ..webhook(folder.path(), "daily", &receiver)
    };
    let options = notify(folder.path(), vec![table], AT_ONCE);
    let server = Wanted { notify: options, clock: clock.clone(), ..Wanted::default() }.start().await;
    let url = &*server.url;
    json(url, &["create", "dreams"]);
    let file = folder.path().join("plan.yaml");
    std::fs::write(&file, PLAN).unwrap();
    json(url, &["plan", "apply", file.to_str().unwrap()]);
    json(url, &["plan", "start", "week"]);
    let digest_day = || {
        let ledger = std::fs::read(folder.path().join("notify/daily.json")).unwrap();
        serde_json::from_slice::<Value>(&ledger).unwrap()["digest_day"].as_i64().unwrap()
    };
    // The first morning: no day of the plan has ended, and there is nothing to say.
    clock.advance(Duration::from_secs(3_600));
    eventually("today is done", || async { digest_day() == morning / 86_400 }).await;
    assert!(receiver.all().is_empty());
    clock.advance(Duration::from_secs(86_400 - 1));
    clock.advance(Duration::from_secs(1));
    eventually("the digest", || async { receiver.accepted().len() == 1 }).await;
    let digest = receiver.all()[0].json();
    receiver.all()[0].verified();
    assert_eq!((&digest["type"], &digest["plan"]), (&"plan.digest".into(), &"week".into()));
    assert_eq!(digest["id"], format!("{}-digest-week-1", server.running.epoch()));
    let markdown = digest["markdown"].as_str().unwrap();
    assert!(markdown.starts_with("## Day 1 Rollout Report: week\n"), "{markdown}");
    let report = run(url, &["plan", "report", "week", "--day", "1"]).stdout;
    assert_eq!(
        String::from_utf8(report).unwrap().trim_end(),
        markdown.trim_end(),
        "as the command line has it"
    );
    // Three days in one leap: one digest, for the day that ended last.
    clock.advance(Duration::from_secs(3 * 86_400));
    eventually("the next digest", || async { receiver.accepted().len() == 2 }).await;
    assert_eq!(receiver.accepted()[1]["id"], format!("{}-digest-week-4", server.running.epoch()));
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_server_reads_its_file_and_refuses_what_is_wrong() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start().await);
    let (data, file) = (folder.path().join("data"), folder.path().join("notify.toml"));
    let table = format!("[[notify]]\nname = 'ops'\nkind = 'webhook'\nurl = '{}/ops'\n", receiver.url);
    let path = file.to_str().unwrap();
    std::fs::write(&file, format!("{table}secret = 'literal'\n")).unwrap();
    let status = Process::try_serve(&data, &[], &["--notify", path], &[]).err().unwrap();
    assert_eq!(status.code(), Some(1));
    std::fs::write(&file, format!("{table}secret_env = 'OPS_SECRET'\nenvironments = ['nowhere']\n")).unwrap();
    let variables = [("OPS_SECRET", SECRET)];
    let status = Process::try_serve(&data, &[], &["--notify", path], &variables).err().unwrap();
    assert_eq!(status.code(), Some(1), "the store has no such environment");
    std::fs::write(&file, format!("{table}secret_env = 'OPS_SECRET'\n")).unwrap();
    let server = Process::try_serve(&data, &[], &["--notify", path], &variables).unwrap();
    let mut admin = Admin::connect(&server.url).await;
    admin.apply(vec![create("dreams")]).await;
    admin.apply(vec![incident("one")]).await;
    eventually("it is told", || async { receiver.accepted().len() == 1 }).await;
    receiver.all()[0].verified();
    // Killed, not stopped: what was told is told no second time, what was not is.
    receiver.answers(&[], 503);
    admin.apply(vec![incident("two")]).await;
    eventually("the second is tried", || async { receiver.all().len() > 1 }).await;
    server.kill();
    receiver.answers(&[], 200);
    let server = Process::try_serve(&data, &[], &["--notify", path], &variables).unwrap();
    eventually("the second is told", || async { receiver.accepted().len() == 2 }).await;
    assert_eq!(receiver.types(), ["incident.opened", "incident.opened"]);
    drop(server);
}
