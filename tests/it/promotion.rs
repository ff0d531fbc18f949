//! A feature of three services from development over staging to production, as its team wrote it down: 48 hours, seven
//! days, an approval, a checklist and a rollback that was tried out; and what happens when something goes wrong.

use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

use mycelia_flags_sdk::{Client, Context};
use mycelia_flags_server::clock::ManualClock;
use serde_json::{Value, json as document};

use crate::binary::Process;
use crate::checker::Checked;
use crate::command_line::{json, refused, run};
use crate::patience::{PATIENCE, eventually};
use crate::server::{Admin, Server, Wanted, enable};

const FLAG: &str = "elevenlabs_agent_enabled";
const SERVICES: [&str; 3] = ["jarek-va-ui", "cursor-runner", "elevenlabs-agent"];
const CHECKLIST: [&str; 3] =
    ["Rollback plan reviewed and tested", "On-call engineer available", "Monitoring dashboards ready"];
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

async fn services(url: &str, environment: &str) -> Vec<Client> {
    let mut clients = Vec::new();
    for service in SERVICES {
        let client = Client::builder().server(url).environment(environment).service(service);
        let client = client.connect().unwrap();
        client.ready(PATIENCE).await.unwrap();
        clients.push(client);
    }
    clients
}

fn served(clients: &[Client]) -> Vec<bool> {
    clients.iter().map(|client| client.bool_value(FLAG, false, &Context::new("ana"))).collect()
}

/// What is missing, in words.
fn missing(url: &str, to: &str) -> Vec<String> {
    let output = run(url, &["promotion", "status", FLAG, "--to", to]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let promotion = &answer["promotions"][0];
    let items = promotion["items"].as_array().unwrap();
    let missing: Vec<String> = items
        .iter()
        .filter(|item| item["done"] == false)
        .map(|item| item["text"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(output.status.code(), Some(if missing.is_empty() { 0 } else { 6 }), "{promotion}");
    assert_eq!(promotion["ready"], missing.is_empty());
    missing
}

/// The refusal of a promotion says each of these, and nothing has changed.
#[track_caller]
fn not_yet(url: &str, to: &str, expected: &[&str]) {
    assert_eq!(missing(url, to), expected);
    let before = json(url, &["status"])["revision"].clone();
    let output = run(url, &["--json", "promote", FLAG, "--to", to]);
    assert_eq!(output.status.code(), Some(1));
    let error: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(error["error"]["reason"], "PROMOTION_NOT_READY", "{error}");
    let violations = error["error"]["violations"].as_array().unwrap();
    assert_eq!(violations.len(), expected.len(), "{error}");
    for (violation, words) in violations.iter().zip(expected) {
        let said = violation["description"].as_str().unwrap();
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(json(url, &["status"])["revision"], before);
}

/// As another person.
fn run_as(url: &str, actor: &str, arguments: &[&str]) -> Output {
    std::process::Command::new(crate::binary::path())
        .args(["--server", url, "--actor", actor])
        .args(arguments)
        .env_remove("MYCELIA_ENV")
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .output()
        .unwrap()
}

async fn with_rules(clock: &Arc<ManualClock>) -> Server {
    let server = Wanted { clock: clock.clone(), ..Wanted::default() }.start().await;
    let url = &*server.url;
    let visible: Vec<&str> = SERVICES.iter().flat_map(|service| ["--service", service]).collect();
    json(url, &[&["create", FLAG][..], &visible[..]].concat());
    let rules = ["promotion", "rules", "set", "--soak"];
    let staging = ["48h", "--incident-free", "48h", "--env", "staging", "--from", "development"];
    json(url, &[&rules[..], &staging[..]].concat());
    let production = ["7d", "--incident-free", "7d", "--env", "production", "--from", "staging"];
    let people = ["--approvals", "1", "--drill-within", "30d"];
    let checks: Vec<&str> = CHECKLIST.iter().flat_map(|item| ["--check", item]).collect();
    json(url, &[&rules[..], &production[..], &people[..], &checks[..]].concat());
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feature_walks_through_three_environments_as_its_team_wrote_it_down() {
    let clock = ManualClock::at(1_795_251_600_000_000);
    let server = with_rules(&clock).await;
    let url = &*server.url;
    let development = services(url, "development").await;
    let staging = services(url, "staging").await;
    let production = services(url, "production").await;
    let table = || [served(&development), served(&staging), served(&production)];
    let (off, on) = (vec![false; 3], vec![true; 3]);
    let soak = "soak: 0h of 48h; elevenlabs_agent_enabled is disabled in development";
    not_yet(url, "staging", &[soak]);

    json(url, &["enable", FLAG, "--env", "development", "--wait"]);
    assert_eq!(table(), [on.clone(), off.clone(), off.clone()]);
    clock.advance(47 * HOUR);
    not_yet(url, "staging", &["soak: 47h of 48h; ready at 2026-11-23T09:00:00Z"]);

    // One hour before the end something goes wrong: the clock stands still, and starts again.
    let open = ["incident", "open", FLAG, "--severity", "critical", "--env", "development", "voice cuts out"];
    let opened = json(url, &open)["revision"].clone();
    let status = json(url, &["status"]);
    assert_eq!(status["incidents"][0]["what"], "voice cuts out", "{status}");
    let at =
        format!("an incident is open: #{opened} voice cuts out (2026-11-23T08:00:00Z, mara in development)");
    let stands = format!("soak: 0h of 48h; it starts when incident #{opened} voice cuts out is closed");
    not_yet(url, "staging", &[&stands, &at]);
    clock.advance(2 * HOUR);
    json(url, &["incident", "close", FLAG, "--env", "development"]);
    assert_eq!(json(url, &["status"])["incidents"], document!([]));
    clock.advance(47 * HOUR);
    let again = format!(
        "soak: 47h of 48h (since incident #{opened} voice cuts out was closed); ready at 2026-11-25T10:00:00Z"
    );
    let quiet = format!(
        "no critical incident for 47h of 48h, since #{opened} voice cuts out was closed; ready at \
         2026-11-25T10:00:00Z"
    );
    not_yet(url, "staging", &[&again, &quiet]);
    clock.advance(HOUR);
    let promoted = json(url, &["promote", FLAG, "--from", "development", "--to", "staging", "--wait"]);
    assert_eq!((&promoted["environment"], &promoted["changed"]), (&"staging".into(), &true.into()));
    assert_eq!(table(), [on.clone(), on.clone(), off.clone()]);

    clock.advance(6 * DAY);
    let items: Vec<String> = CHECKLIST.iter().map(|item| format!("not ticked off: {item}")).collect();
    let items: Vec<&str> = items.iter().map(String::as_str).collect();
    let drill = "no drill of elevenlabs_agent_enabled in staging within 30d";
    let soak = "soak: 6d of 7d; ready at 2026-12-02T10:00:00Z";
    not_yet(url, "production", &[&[soak, "0 of 1 approvals"], &items[..], &[drill]].concat());
    clock.advance(DAY);
    json(url, &["promotion", "approve", FLAG, "--to", "production"]);
    let own = "0 of 1 approvals; the approval of whoever promotes does not count";
    not_yet(url, "production", &[&[own], &items[..], &[drill]].concat());
    assert!(run_as(url, "bea", &["promotion", "approve", FLAG, "--to", "production"]).status.success());
    for item in ["1", "on-call engineer available", "3"] {
        json(url, &["promotion", "check", FLAG, item, "--to", "production"]);
    }
    not_yet(url, "production", &[drill]);
    let drilled = json(url, &["drill", "rollback", FLAG, "--env", "staging"]);
    assert_eq!(drilled["services"].as_array().unwrap().len(), 3, "{drilled}");
    assert_eq!(table(), [on.clone(), on.clone(), off], "the drill has restored what was there");

    assert!(
        missing(url, "production").is_empty(),
        "what was approved is there again, and so is the approval"
    );
    let dry = json(url, &["promote", FLAG, "--to", "production", "--dry-run"]);
    assert_eq!(dry["dry_run"], true, "{dry}");
    json(url, &["promote", FLAG, "--to", "production", "--wait", "--reason", "team approval of Dec 2"]);
    assert_eq!(table(), [on.clone(), on.clone(), on]);
    let afterwards = missing(url, "production");
    assert_eq!(afterwards[0], "0 of 1 approvals", "the promotion clears what was collected: {afterwards:?}");
    let words = &json(url, &["history", FLAG, "--limit", "1"])["records"][0]["changes"][0]["words"];
    assert_eq!(*words, format!("promote {FLAG} from staging to production"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_glass_is_broken_only_where_the_rules_allow_it() {
    let clock = ManualClock::at(1_795_251_600_000_000);
    let server = with_rules(&clock).await;
    let url = &*server.url;
    let status = ["promotion", "status", FLAG, "--to"];
    refused(url, &[&status[..], &["moon"]].concat(), 5, "UNKNOWN_ENVIRONMENT");
    refused(url, &[&status[..], &["development"]].concat(), 1, "development has no rules that name it");
    refused(url, &["promotion", "status", "x", "--to", "production"], 5, "UNKNOWN_FLAG");
    refused(url, &["incident", "close", FLAG, "--env", "staging"], 5, "UNKNOWN_INCIDENT");
    refused(url, &["incident", "open", "voice cuts out"], 2, "name the flags first");
    json(url, &["enable", FLAG, "--env", "staging"]);
    let forced = ["promote", FLAG, "--to", "production", "--force", "--reason", "the old path is down"];
    refused(url, &forced, 1, "a promotion without force: the rules and the policy of production allow none");
    refused(url, &["promote", FLAG, "--to", "production", "--force"], 2, "--reason");
    let rules = ["promotion", "rules", "set", "--env", "production", "--from", "staging", "--soak", "7d"];
    json(url, &[&rules[..], &["--allow-force"]].concat());
    let shown = json(url, &["promotion", "rules", "show", "--env", "production"]);
    assert_eq!(
        (&shown["rules"][0]["allow_force"], &shown["rules"][0]["soak_seconds"]),
        (&true.into(), &604_800.into())
    );
    refused(url, &["promote", FLAG, "--to", "production"], 1, "soak: 0s of 7d");
    json(url, &forced);
    let newest = &json(url, &["history", FLAG, "--limit", "1"])["records"][0];
    assert_eq!(
        newest["changes"][0]["words"],
        format!("BREAK GLASS: promote {FLAG} from staging to production")
    );
    assert_eq!(newest["reason"], "the old path is down");
    json(url, &["promotion", "rules", "clear", "--env", "production"]);
    json(url, &["disable", FLAG, "--env", "staging"]);
    json(url, &["promote", FLAG, "--from", "staging", "--to", "production"]);
    let flag = json(url, &["get", FLAG]);
    assert_eq!(
        flag["environments"]["production"]["enabled"], false,
        "without rules whatever comes is taken over"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_measures_each_service_and_leaves_everything_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::serve(folder.path());
    let url = &*server.url;
    json(url, &["create", FLAG]);
    json(url, &["rollout", FLAG, "100", "--env", "staging"]);
    let drill = ["drill", "rollback", FLAG, "--env", "staging"];
    refused(url, &drill, 1, "nobody to measure");
    let clients = services(url, "staging").await;
    let before = json(url, &["get", FLAG])["environments"].clone();
    let drilled = json(url, &drill);
    let measured = drilled["services"].as_array().unwrap();
    let names: Vec<&str> = measured.iter().map(|one| one["service"].as_str().unwrap()).collect();
    assert_eq!(names, ["cursor-runner", "elevenlabs-agent", "jarek-va-ui"]);
    let slowest = measured.iter().map(|one| one["micros"].as_u64().unwrap()).max().unwrap();
    assert!(slowest > 0, "{drilled}");
    assert_eq!(drilled["total_micros"], slowest);
    assert_eq!(json(url, &["get", FLAG])["environments"], before);
    assert_eq!(served(&clients), [true, true, true], "it waited until everybody has it back");
    let listed = json(url, &["drill", "list"]);
    let recorded = &listed["drills"][0];
    assert_eq!((&recorded["flag"], &recorded["by"]), (&FLAG.into(), &"mara".into()), "{listed}");
    assert_eq!(recorded["services"], drilled["services"]);
    json(url, &["disable", FLAG, "--env", "staging"]);
    refused(url, &drill, 1, "is disabled in staging: there is nothing to take back");
    for client in clients {
        client.close().await;
    }
    assert!(server.terminate().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_that_is_waited_for_in_vain_restores_all_the_same_and_leaves_alone_what_somebody_changed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::serve(folder.path());
    let url = server.url.clone();
    json(&url, &["create", FLAG]);
    json(&url, &["enable", FLAG]);
    let _lagging = Checked::follow(&url, "runner", "runner-7").await;
    let vain = ["drill", "rollback", FLAG, "--wait-timeout", "300ms"];
    refused(&url, &vain, 4, "runner/runner-7");
    assert_eq!(json(&url, &["get", FLAG])["environments"]["production"]["enabled"], true);
    assert_eq!(json(&url, &["drill", "list"])["drills"], document!([]), "it proved nothing");

    let drilling = std::thread::spawn({
        let url = url.clone();
        move || run(&url, &["drill", "rollback", FLAG, "--wait-timeout", "5s"])
    });
    let mut admin = Admin::connect(&url).await;
    let off = || async { json(&url, &["get", FLAG])["environments"]["production"]["enabled"] == false };
    eventually("the drill has begun", off).await;
    admin.apply(vec![enable(FLAG)]).await;
    let output = drilling.join().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("was not restored in production, because somebody changed it meanwhile"), "{said}");
    assert_eq!(json(&url, &["drill", "list"])["drills"], document!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_is_refused_where_a_policy_could_keep_it_from_restoring() {
    let clock = ManualClock::at(1_795_251_600_000_000);
    let server = Wanted { clock: clock.clone(), ..Wanted::default() }.start().await;
    let url = &*server.url;
    json(url, &["create", FLAG]);
    json(url, &["rollout", FLAG, "100", "--env", "staging"]);
    let clients = services(url, "staging").await;
    let words = "the policy of staging limits how flags are raised: it could keep the drill from restoring \
                 elevenlabs_agent_enabled; nothing was taken back";
    json(url, &["policy", "set", "--env", "staging", "--reason-required", "--reason", "a limit"]);
    json(url, &["drill", "rollback", FLAG, "--env", "staging"]);
    // Each replaces the one before.
    let limits: [&[&str]; 4] = [
        &["--largest-step", "25"],
        &["--smallest-interval", "1h"],
        &["--protect", "elevenlabs.agent-enabled"],
        &["--approvals", "1"],
    ];
    for limit in limits {
        json(url, &[&["policy", "set", "--env", "staging", "--reason", "a limit"], limit].concat());
        let before = json(url, &["status"])["revision"].clone();
        refused(url, &["drill", "rollback", FLAG, "--env", "staging"], 1, words);
        assert_eq!(json(url, &["status"])["revision"], before, "{limit:?}");
        assert_eq!(served(&clients), [true, true, true], "{limit:?}");
    }
    for client in clients {
        client.close().await;
    }
}
