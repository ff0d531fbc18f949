//! Notices by TLS: to whom a private authority vouches for, and to nobody else. Real handshakes with real certificates.

mod authority;
mod mail;
mod post;

use std::path::Path;
use std::time::Duration;

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change as Kind;
use mycelia_flags_server::control::notifier::NotifyOptions;
use mycelia_flags_server::control::notifier::backoff::Backoff;
use mycelia_flags_server::control::notifier::targets::{NotifyFile, TargetTable, check};
use mycelia_flags_server::outbound::tls::Trust;
use serde_json::Value;

use crate::binary::{Process, path};
use crate::command_line::json;
use crate::patience::eventually;
use crate::receiver::{Receiver, SECRET};
use crate::server::{Admin, Wanted, create};
use authority::Authority;

/// One target, tried twice at once, by a server that trusts these authorities beside the system's.
fn notify(folder: &Path, table: TargetTable, trust: Trust) -> NotifyOptions {
    let table = TargetTable { attempts: Some(2), events: vec!["incident.opened".to_owned()], ..table };
    NotifyOptions {
        targets: check(NotifyFile { notify: vec![table] }).unwrap(),
        folder: folder.join("notify"),
        trust,
        backoff: Backoff { base: Duration::ZERO, cap: Duration::ZERO },
        ..NotifyOptions::default()
    }
}

fn webhook(folder: &Path, receiver: &Receiver) -> TargetTable {
    let secret = folder.join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    TargetTable {
        name: "ops".to_owned(),
        kind: "webhook".to_owned(),
        url: Some(format!("{}/hook", receiver.url)),
        secret_file: Some(secret),
        ..TargetTable::default()
    }
}

fn incident() -> Kind {
    Kind::OpenIncident(v1::OpenIncident {
        environment: "production".to_owned(),
        flags: vec!["dreams".to_owned()],
        severity: v1::IncidentSeverity::Critical.into(),
        what: "voice cuts out".to_owned(),
    })
}

/// Something that is told, once.
async fn trouble(url: &str) {
    Admin::connect(url).await.apply(vec![create("dreams"), incident()]).await;
}

/// The letter that could not be delivered, once there is one.
async fn dead_letter(url: &str) -> Value {
    eventually("the notice is put aside", || async {
        json(url, &["notify", "dead"])["letters"].as_array().unwrap().len() == 1
    })
    .await;
    json(url, &["notify", "dead"])["letters"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_authority_is_trusted_when_it_is_named() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let receiver = Receiver::secured(authority.vouches_for("localhost")).await;
    let data = folder.path().join("data");
    let start = |trust: Trust| {
        let table = webhook(folder.path(), &receiver);
        Wanted { notify: notify(folder.path(), table, trust), ..Wanted::on_disk(&data) }.start()
    };
    // Nobody has said that this authority is one.
    let server = start(Trust::default()).await;
    trouble(&server.url).await;
    let letter = dead_letter(&server.url).await;
    let expected = format!("no TLS with {}: invalid peer certificate: UnknownIssuer", receiver.url);
    assert_eq!((&letter["error"], &letter["attempts"]), (&expected.as_str().into(), &2.into()));
    assert_eq!(receiver.all().len(), 0, "not a byte of the notice");
    server.running.stop().await;
    // Another one's word is not its word.
    let server = start(Trust::with_file(&Authority::new().file(folder.path())).unwrap()).await;
    let tested = json(&server.url, &["notify", "list"]);
    assert_eq!(tested["targets"][0]["dead"], 1);
    let id = letter["id"].as_str().unwrap();
    assert!(!crate::command_line::run(&server.url, &["notify", "retry", id]).status.success());
    assert_eq!(receiver.all().len(), 0);
    server.running.stop().await;
    // With its certificate the letter of before is delivered, signed.
    let server = start(Trust::with_file(&authority.file(folder.path())).unwrap()).await;
    let retried = json(&server.url, &["notify", "retry", id]);
    assert_eq!(retried["attempts"][0]["delivered"], true, "{retried}");
    let taken = receiver.all();
    assert_eq!((taken.len(), &*taken[0].path), (1, "/hook"));
    assert!(taken[0].verified() > 0);
    assert_eq!(taken[0].json()["id"], id);
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_somebody_else_is_refused() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let receiver = Receiver::secured(authority.vouches_for("elsewhere.example")).await;
    let trust = Trust::with_file(&authority.file(folder.path())).unwrap();
    let notify = notify(folder.path(), webhook(folder.path(), &receiver), trust);
    let server = Wanted { notify, ..Wanted::default() }.start().await;
    trouble(&server.url).await;
    let letter = dead_letter(&server.url).await;
    let error = letter["error"].as_str().unwrap();
    let begin =
        format!("no TLS with {}: invalid peer certificate: certificate not valid for name", receiver.url);
    assert!(error.starts_with(&begin) && error.contains("elsewhere.example"), "{error}");
    assert_eq!((&letter["attempts"], receiver.all().len()), (&2.into(), 0));
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_binary_takes_the_file_of_authorities_and_refuses_one_that_is_of_no_use() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let receiver = Receiver::secured(authority.vouches_for("localhost")).await;
    let (data, file) = (folder.path().join("data"), folder.path().join("notify.toml"));
    let table =
        "[[notify]]\nname = 'ops'\nkind = 'webhook'\nevents = ['incident.*']\nsecret_env = 'OPS_SECRET'\n";
    std::fs::write(&file, format!("{table}url = '{}/hook'\n", receiver.url)).unwrap();
    let (file, secret) = (file.to_str().unwrap(), [("OPS_SECRET", SECRET)]);
    let ca = authority.file(folder.path());
    let arguments = ["--notify", file, "--outbound-ca", ca.to_str().unwrap()];
    let server = Process::try_serve(&data, &[], &arguments, &secret).unwrap();
    trouble(&server.url).await;
    eventually("it is told", || async { receiver.accepted().len() == 1 }).await;
    receiver.all()[0].verified();
    assert!(server.terminate().success());
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing\n").unwrap();
    let mut refused = std::process::Command::new(path());
    refused
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(&data)
        .arg("--outbound-ca")
        .arg(&empty);
    let refused = refused.output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("--outbound-ca"), "{said}");
    assert!(said.contains("empty.pem holds no certificate"), "{said}");
}
