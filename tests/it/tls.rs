//! TLS on the one port: every protocol of it, for those who trust the certificate, and for nobody else.

mod certificates;
mod clients;
mod refusals;
mod renewal;

use std::process::Command;

use mycelia_flags_sdk::{Client, Context};
use serde_json::json;

use crate::binary::tool;
use crate::command_line::{json as told, refused};
use crate::http_commands::curl;
use crate::patience::{PATIENCE, eventually, within};
use crate::server::{Server, Wanted, try_channel};

use certificates::{Authority, Files};

/// A server that speaks TLS, whose certificate comes from an authority of its own.
async fn secured() -> (Server, Authority, Files) {
    let authority = Authority::new("Mycelia Test Authority");
    let files = Files::new(&authority, &authority.server());
    let server = Wanted { tls: Some((files.options(), authority.trusted())), ..Wanted::default() };
    (server.start().await, authority, files)
}

/// The number of a metric.
#[track_caller]
fn metric(url: &str, ca: &str, name: &str) -> u64 {
    let output =
        Command::new("curl").args(["-sS", "--cacert", ca, &format!("{url}/metrics")]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|line| line.split(' ').next() == Some(name));
    line.unwrap_or_else(|| panic!("{name} is missing: {text}")).rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_is_answered_over_http_1_and_http_2_by_alpn() {
    let Some(_curl) = tool("curl") else { return };
    let (server, _authority, files) = secured().await;
    server.admin().await.create("dreams").await;
    let ca = files.argument("ca.pem");
    let body = r#"{"context":{"targetingKey":"ana"}}"#;
    for (version, said) in [("--http1.1", "http/1.1 200"), ("--http2", "http/2 200")] {
        for more in [&[][..], &["--tls-max", "1.2"]] {
            let arguments = [&["--cacert", &ca, version, "-d", body][..], more].concat();
            let answer = curl(&server.url, "/ofrep/v1/evaluate/flags/dreams", &arguments);
            assert!(answer.head.starts_with(said), "{version}: {}", answer.head);
            assert_eq!(answer.body["value"], json!(false), "{}", answer.body);
        }
    }
    assert_eq!(metric(&server.url, &ca, "mycelia_tls_handshakes_failed_total"), 0);
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grpcurl_and_the_health_probe_speak_tls() {
    let (Some(grpcurl), Some(probe)) = (tool("grpcurl"), tool("grpc-health-probe")) else { return };
    let (server, _authority, files) = secured().await;
    let (address, ca) = (server.running.address().to_string(), files.argument("ca.pem"));
    let said = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let listed = said(Command::new(&grpcurl).args(["-cacert", &ca, &address, "list"]));
    assert!(listed.contains("mycelia.flags.v1.SyncService"), "{listed}");
    let status = "mycelia.flags.v1.AdminService/GetStatus";
    let status = said(Command::new(&grpcurl).args(["-cacert", &ca, &address, status]));
    assert!(status.contains("epoch"), "{status}");
    let address = format!("-addr={address}");
    said(Command::new(&probe).args([&*address, "-tls", &format!("-tls-ca-cert={ca}")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sdk_follows_and_acknowledges_by_tls() {
    let (server, authority, _files) = secured().await;
    let mut admin = server.admin().await;
    admin.create("dreams").await;
    let client = Client::builder().server(&*server.url).environment("production").service("ui");
    let client = client.tls_ca(authority.pem()).connect().unwrap();
    client.ready(PATIENCE).await.unwrap();
    let user = Context::new("ana");
    assert!(!client.bool_value("dreams", false, &user));
    let revision = admin.enable("dreams").await;
    let request =
        mycelia_flags_proto::v1::WaitConvergedRequest { revision, min_instances: 1, ..Default::default() };
    let mut progress = admin.client.wait_converged(request).await.unwrap().into_inner();
    loop {
        let now = within("convergence", progress.message()).await.unwrap().unwrap();
        if now.converged {
            break;
        }
    }
    assert!(client.bool_value("dreams", false, &user), "what was acknowledged is in force");
    client.close().await;
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_an_authority_for_clients_lets_in_only_theirs() {
    let (authority, of_clients, of_others) =
        (Authority::new("servers"), Authority::new("clients"), Authority::new("others"));
    let files = Files::new(&authority, &authority.server());
    files.put("clients.pem", &of_clients.pem());
    let options = mycelia_flags_server::edge::tls::TlsOptions {
        client_ca: Some(files.path("clients.pem")),
        ..files.options()
    };
    let runner = of_clients.client();
    let tls = Some((options, runner.shown_to(&authority)));
    let server = Wanted { tls, ..Wanted::default() }.start().await;
    let mut admin = server.admin().await;
    admin.create("dreams").await;
    for (who, tls) in
        [("nobody", authority.trusted()), ("a stranger", of_others.client().shown_to(&authority))]
    {
        // By TLS 1.3 a client has connected before the server has looked at its certificate.
        let asked = match try_channel(&server.url, &tls).await {
            Ok(channel) => {
                let mut admin =
                    mycelia_flags_proto::v1::admin_service_client::AdminServiceClient::new(channel);
                admin.get_status(mycelia_flags_proto::v1::GetStatusRequest {}).await.is_err()
            }
            Err(_turned_away) => true,
        };
        assert!(asked, "{who} was let in");
    }
    let ca = files.argument("ca.pem");
    refused(
        &server.url,
        &["status", "--tls-ca", &ca],
        3,
        "give one with --tls-client-cert and --tls-client-key",
    );
    let (certificate, key) = (files.argument("runner.pem"), files.argument("runner.key"));
    files.put("runner.pem", &runner.certificate);
    files.put("runner.key", &runner.key);
    let shown = ["--tls-ca", &ca, "--tls-client-cert", &certificate, "--tls-client-key", &key];
    told(&server.url, &[&["status"][..], &shown].concat());
    let builder = Client::builder().server(&*server.url).environment("production").service("runner");
    let builder = builder.tls_ca(authority.pem());
    let without = builder.clone().connect().unwrap();
    eventually("told why", || {
        let said = without.status().last_error.unwrap_or_default();
        std::future::ready(said.contains("ClientBuilder::tls_identity"))
    })
    .await;
    without.close().await;
    let client = builder.tls_identity(runner.certificate, runner.key);
    let client = client.connect().unwrap();
    client.ready(PATIENCE).await.unwrap();
    client.close().await;
    server.running.stop().await;
}
