//! Stock providers and the listener for browsers, by TLS.

use std::net::SocketAddr;
use std::process::Command;

use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change as Kind;
use mycelia_flags_server::app::BrowserOptions;
use mycelia_flags_server::edge::cors::Origins;
use serde_json::json;

use super::certificates::{Authority, Files};
use super::secured;
use crate::binary::tool;
use crate::http_commands::curl;
use crate::providers::{Buckets, Client, check, five, go, node, python};
use crate::server::{Wanted, create, enable};

/// The variables by which providers, and what they connect with, are told whom to trust.
fn trusting(mut command: Command, ca: &str) -> Command {
    command.envs([
        ("FLAGD_TLS", "true"),
        ("FLAGD_SERVER_CERT_PATH", ca),
        ("REQUESTS_CA_BUNDLE", ca),
        ("NODE_EXTRA_CA_CERTS", ca),
        ("SSL_CERT_FILE", ca),
    ]);
    command
}

async fn check_by_tls(client: Client, kind: &str, generation: Generation) {
    let authority = Authority::new("Mycelia Test Authority");
    let files = Files::new(&authority, &authority.server());
    let tls = Some((files.options(), authority.trusted()));
    let server = Wanted { tls, bucketing: Some(generation), ..Wanted::default() }.start().await;
    server.admin().await.apply(five()).await;
    let command = client(kind, &server.url).map(|command| trusting(command, &files.argument("ca.pem")));
    check(&server, command, Buckets::Ours).await;
}

macro_rules! provider {
    ($name:ident, $client:ident, $kind:literal, $generation:ident) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            check_by_tls($client, $kind, Generation::$generation).await;
        }
    };
}

provider!(python_asks_by_ofrep, python, "ofrep", V3);
provider!(python_asks_by_rpc, python, "rpc", V3);
provider!(python_evaluates_in_process, python, "in-process", V3);
provider!(node_asks_by_ofrep, node, "ofrep", V3);
provider!(node_asks_by_rpc, node, "rpc", V3);
provider!(node_evaluates_in_process, node, "in-process", V2);
provider!(go_asks_by_ofrep, go, "ofrep", V3);
provider!(go_asks_by_rpc, go, "rpc", V3);
provider!(go_evaluates_in_process, go, "in-process", V2);

#[tokio::test(flavor = "multi_thread")]
async fn browsers_are_served_by_tls_and_show_no_certificate() {
    let Some(_curl) = tool("curl") else { return };
    let (authority, of_clients) = (Authority::new("servers"), Authority::new("clients"));
    let files = Files::new(&authority, &authority.server());
    files.put("clients.pem", &of_clients.pem());
    let options = mycelia_flags_server::edge::tls::TlsOptions {
        client_ca: Some(files.path("clients.pem")),
        ..files.options()
    };
    let browser = BrowserOptions {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        origins: Origins::parse(&["https://shop.example".to_owned()]).unwrap(),
        environments: Vec::new(),
    };
    let tls = Some((options, of_clients.client().shown_to(&authority)));
    let server = Wanted { tls, browser: Some(browser), ..Wanted::default() }.start().await;
    let mark = Kind::UpdateFlag(v1::UpdateFlag {
        flag: "dreams".to_owned(),
        client_visible: Some(true),
        ..v1::UpdateFlag::default()
    });
    server.admin().await.apply(vec![create("dreams"), enable("dreams"), mark]).await;
    let url = format!("https://{}", server.running.browser_address().unwrap());
    let ca = files.argument("ca.pem");
    let arguments = ["--cacert", &ca, "-H", "Origin: https://shop.example"];
    let arguments = [&arguments[..], &["-d", r#"{"context":{"targetingKey":"ana"}}"#]].concat();
    let answer = curl(&url, "/ofrep/v1/evaluate/flags/dreams", &arguments);
    assert_eq!((answer.status, &answer.body["value"]), (200, &json!(true)), "{}", answer.body);
    assert!(answer.head.contains("access-control-allow-origin: https://shop.example"), "{}", answer.head);
    // Whoever forgets the s is told so.
    let plainly = curl(&url.replace("https", "http"), "/ofrep/v1/evaluate/flags/dreams", &["-d", "{}"]);
    assert_eq!((plainly.status, &plainly.body["reason"]), (400, &json!("TLS_REQUIRED")));
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_system_trusts_is_trusted_by_the_command_line() {
    let (server, _authority, files) = secured().await;
    files.put("nobody.pem", "");
    let with = |trusted: &str| {
        let mut command = Command::new(crate::binary::path());
        let command =
            command.args(["--server", &server.url, "status"]).env("XDG_CONFIG_HOME", "/nonexistent");
        let command = command.env("SSL_CERT_FILE", files.path(trusted)).env("SSL_CERT_DIR", "/nonexistent");
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(with("ca.pem").0, Some(0));
    let (code, said) = with("nobody.pem");
    assert!(code == Some(2) && said.contains("name whom to trust with --tls-ca"), "{said}");
}
