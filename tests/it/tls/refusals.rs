//! Connections that do not come to speak TLS, and files that it cannot be spoken with: each is told why.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use mycelia_flags_sdk::{BuildError, Client};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::certificates::{Authority, Files, Pair};
use super::{metric, secured};
use crate::binary::{path, tool};
use crate::command_line::{json as told, refused};
use crate::http_commands::curl;
use crate::patience::{eventually, within};
use crate::server::{Server, Wanted};

#[tokio::test(flavor = "multi_thread")]
async fn every_command_works_by_tls() {
    let (server, _authority, files) = secured().await;
    let trusting = |arguments: &[&str]| {
        let ca = files.argument("ca.pem");
        told(&server.url, &[arguments, &["--tls-ca", &ca]].concat())
    };
    trusting(&["create", "dreams"]);
    assert_eq!(trusting(&["enable", "dreams"])["revision"], 3);
    assert_eq!(trusting(&["list"])["flags"][0]["key"], "dreams");
    assert_eq!(trusting(&["eval", "dreams", "--user", "ana"])["value"], json!(true));
}

async fn with(authority: &Authority, pair: &Pair) -> (Server, Files) {
    let files = Files::new(authority, pair);
    let tls = Some((files.options(), authority.trusted()));
    (Wanted { tls, ..Wanted::default() }.start().await, files)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_trust_the_certificate_is_told_what_to_do() {
    let (authority, other) = (Authority::new("ours"), Authority::new("somebody else"));
    let (server, files) = with(&authority, &authority.server()).await;
    files.put("other.pem", &other.pem());
    let (ca, other) = (files.argument("ca.pem"), files.argument("other.pem"));
    refused(&server.url, &["status", "--tls-ca", &other], 3, "from an authority that is not trusted here");
    let output = crate::command_line::run(&server.url, &["status", "--tls-ca", &other]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("Is the server running"), "{said}");
    refused(
        &server.url,
        &["status", "--tls-ca", "/nonexistent/ca.pem"],
        2,
        "--tls-ca /nonexistent/ca.pem: No such",
    );
    let key = files.argument("server.key");
    refused(&server.url, &["status", "--tls-ca", &key], 2, "server.key: it holds no certificate");
    // Another one of the same name is another one.
    files.put("same-name.pem", &Authority::new("ours").pem());
    let same_name = files.argument("same-name.pem");
    refused(
        &server.url,
        &["status", "--tls-ca", &same_name],
        3,
        "from an authority that is not trusted here",
    );
    let (server, _files) = with(&authority, &authority.itself()).await;
    refused(&server.url, &["status", "--tls-ca", &ca], 3, "an authority's own (CA:TRUE)");
    let (server, _files) = with(&authority, &authority.elsewhere()).await;
    refused(&server.url, &["status", "--tls-ca", &ca], 3, "its certificate is for another name");
    let (server, _files) = with(&authority, &authority.expired()).await;
    refused(&server.url, &["status", "--tls-ca", &ca], 3, "its certificate has expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sdk_says_why_there_is_no_tls() {
    let (server, authority, _files) = secured().await;
    let stranger = Authority::new("somebody else");
    let plain = Server::in_memory().await;
    let builder = |url: &str| Client::builder().server(url).environment("production").service("ui");
    let told_why = [
        (builder(&server.url).tls_ca(stranger.pem()), "ClientBuilder::tls_ca"),
        (builder(&plain.url.replace("http", "https")).tls_ca(authority.pem()), "it does not speak TLS"),
        (builder(&server.url.replace("https", "http")), "this port speaks TLS alone"),
    ];
    for (builder, expected) in told_why {
        let client = builder.connect().unwrap();
        let says = || client.status().last_error.unwrap_or_default();
        eventually(expected, || std::future::ready(says().contains(expected))).await;
        client.close().await;
    }
    let pair = authority.server();
    let wrong = [
        (builder(&server.url).tls_ca("nothing"), "tls_ca: it holds no certificate"),
        (builder(&plain.url).tls_ca(authority.pem()), "tls_ca: the server's URL is http"),
        (builder(&server.url).tls_identity(&*pair.certificate, stranger.server().key), "does not belong"),
    ];
    for (builder, expected) in wrong {
        let error = builder.build().unwrap_err();
        assert!(matches!(error, BuildError::Tls { .. }) && error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_words_to_a_port_of_tls_are_answered_with_what_to_do() {
    let Some(_curl) = tool("curl") else { return };
    let (server, _authority, files) = secured().await;
    let plainly = server.url.replace("https", "http");
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let answer = curl(&plainly, "/metrics", &[version]);
        assert_eq!((answer.status, &answer.body["reason"]), (400, &json!("TLS_REQUIRED")), "{}", answer.body);
    }
    refused(&plainly, &["status"], 1, "this port speaks TLS alone; use an https address");
    assert_eq!(metric(&server.url, &files.argument("ca.pem"), "mycelia_tls_handshakes_failed_total"), 3);
    let plain = Server::in_memory().await;
    let wrongly = plain.url.replace("http", "https");
    refused(&wrongly, &["status", "--tls-ca", &files.argument("ca.pem")], 3, "it does not speak TLS");
}

/// A ClientHello that offers TLS 1.1 and nothing newer, with the one suite that everybody must have had, and with signatures
/// of a newer day, so that it is the version alone that can be refused.
fn hello_of_tls_1_1() -> Vec<u8> {
    let mut hello = vec![3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0, 0x2f, 1, 0]);
    hello.extend([0, 8, 0, 13, 0, 4, 0, 2, 4, 3]);
    let length = u8::try_from(hello.len()).unwrap();
    let mut record = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend(hello);
    record
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_1_1_is_refused_by_an_alert() {
    let (server, _authority, _files) = secured().await;
    let mut stream = TcpStream::connect(server.running.address()).await.unwrap();
    stream.write_all(&hello_of_tls_1_1()).await.unwrap();
    let mut answer = Vec::new();
    within("an alert", stream.read_to_end(&mut answer)).await.unwrap();
    // A fatal alert: protocol_version.
    assert_eq!((answer[0], &answer[5..]), (21, &[2, 70][..]), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_that_do_not_go_on_are_ended() {
    let (server, _authority, files) = secured().await;
    let hello = hello_of_tls_1_1();
    let silent = async |bytes: &[u8]| {
        let mut stream = TcpStream::connect(server.running.address()).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut rest = Vec::new();
        // The end of the stream or a reset: both are a closed connection.
        let _either = within("the end of a silent handshake", stream.read_to_end(&mut rest)).await;
        assert!(rest.is_empty(), "{rest:?}");
    };
    tokio::join!(silent(b""), silent(&hello[..1]), silent(&hello[..20]));
    server.admin().await.create("alive").await;
    // The one that said nothing at all was gone before there was a handshake to fail.
    assert_eq!(metric(&server.url, &files.argument("ca.pem"), "mycelia_tls_handshakes_failed_total"), 2);
}

/// What a server logs until it serves.
fn logged(arguments: &[&str]) -> String {
    let data = tempfile::tempdir().unwrap();
    let mut child = Command::new(path())
        .args(["serve", "--data-dir"])
        .arg(data.path())
        .args(arguments)
        .env("RUST_LOG", "info")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut log = String::new();
    for line in lines {
        log.push_str(&line);
        if line.contains(": serving ") {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    log
}

#[test]
fn plain_text_that_others_can_read_is_warned_of() {
    let authority = Authority::new("ours");
    let files = Files::new(&authority, &authority.server());
    let arguments = files.arguments();
    let by_tls: Vec<&str> = arguments.iter().map(|argument| &**argument).collect();
    let everywhere = ["--listen", "0.0.0.0:0", "--browser-listen", "0.0.0.0:0"];
    let plain = logged(&everywhere);
    assert_eq!(plain.matches("--tls-cert and --tls-key turn TLS on").count(), 2, "{plain}");
    let by_tls = logged(&[&everywhere[..], &by_tls].concat());
    assert!(!by_tls.contains("--tls-cert"), "{by_tls}");
    assert!(by_tls.contains("--tls-client-ca lets only those in"), "{by_tls}");
    let at_home = logged(&["--listen", "127.0.0.1:0", "--browser-listen", "127.0.0.1:0"]);
    assert!(!at_home.contains("WARN"), "{at_home}");
}

#[track_caller]
fn check_files(arguments: &[String], expected: &str) {
    let data = tempfile::tempdir().unwrap();
    let output = Command::new(path())
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data.path().join("data"))
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(expected), "{arguments:?}: {said}");
    assert!(!said.contains("PRIVATE KEY-----\nM"), "no key is shown: {said}");
    assert!(!data.path().join("data").exists(), "nothing was made: {said}");
}

#[test]
fn files_that_cannot_be_used_are_named_with_what_is_wrong() {
    let authority = Authority::new("ours");
    let pair = authority.server();
    let files = Files::new(&authority, &pair);
    files.put("other.key", &authority.server().key);
    files.put("empty", "");
    files.put("cut.pem", pair.certificate.split_once("-----END").unwrap().0);
    files.put("encrypted.key", &pair.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"));
    let noise = "-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n";
    files.put("noise.pem", noise);
    let given = |certificate: &str, key: &str| {
        let (certificate, key) = (files.argument(certificate), files.argument(key));
        ["--tls-cert".to_owned(), certificate, "--tls-key".to_owned(), key]
    };
    check_files(&given("missing", "server.key"), "--tls-cert");
    check_files(&given("missing", "server.key"), "missing: No such file");
    check_files(&given("empty", "server.key"), "empty: it holds no certificate");
    check_files(&given("cut.pem", "server.key"), "cut.pem: it is not PEM: a section has no -----END line");
    check_files(&given("noise.pem", "server.key"), "noise.pem: certificate 1 in it cannot be used");
    check_files(&given("server.pem", "empty"), "empty: it holds no private key");
    check_files(&given("server.pem", "server.pem"), "server.pem: it holds no private key");
    check_files(&given("server.pem", "encrypted.key"), "expected a key without a passphrase");
    check_files(&given("server.pem", "other.key"), "its private key does not belong to the certificate");
    check_files(&given("server.pem", "server.key")[..2], "--tls-key");
    let with_ca =
        |name: &str| [&files.arguments()[..], &["--tls-client-ca".to_owned(), files.argument(name)]].concat();
    check_files(&with_ca("empty"), "--tls-client-ca");
    check_files(&with_ca("noise.pem"), "certificate 1 in it cannot be used");
    check_files(&with_ca("noise.pem")[4..], "--tls-cert");
}
