//! Mails by TLS and with a login: how the password travels, and what becomes of it when something is wrong.

use std::sync::Arc;

use mycelia_flags_server::tasks::Tasks;

use super::post::{Post, Security};
use super::*;

const PASSWORD: &str = "s3cret of the mailbox";

fn post(authority: &Authority, security: Security, mechanisms: &'static str) -> Post {
    let acceptor = authority.vouches_for("localhost");
    Post { security, acceptor, mechanisms, password: PASSWORD, heard: Arc::default() }
}

fn mail(folder: &Path, port: u16, tls: &str, password: &str) -> TargetTable {
    let secret = folder.join("password");
    std::fs::write(&secret, format!("{password}\n")).unwrap();
    TargetTable {
        name: "mail".to_owned(),
        kind: "email".to_owned(),
        smtp: Some(format!("localhost:{port}")),
        tls: Some(tls.to_owned()),
        from: Some("Flags <flags@example.com>".to_owned()),
        to: vec!["team@example.com".to_owned()],
        username: Some("flags".to_owned()),
        secret_file: Some(secret),
        ..TargetTable::default()
    }
}

/// What a server is told that trusts the authority and knows this password.
async fn send(post: &Post, authority: &Authority, tls: &str) {
    let (folder, tasks) = (tempfile::tempdir().unwrap(), Tasks::default());
    let port = post.listen(&tasks).await;
    let trust = Trust::with_file(&authority.file(folder.path())).unwrap();
    let notify = notify(folder.path(), mail(folder.path(), port, tls, PASSWORD), trust);
    let server = Wanted { notify, ..Wanted::default() }.start().await;
    trouble(&server.url).await;
    eventually("the mail", || async { post.heard().mails.len() == 1 }).await;
    eventually("it counts", || async {
        json(&server.url, &["notify", "list"])["targets"][0]["delivered"] == 1
    })
    .await;
    tasks.stop().await;
    server.running.stop().await;
}

/// Why a mail is not delivered after two attempts.
async fn refusal(post: &Post, trust: impl FnOnce(&Path) -> Trust, password: &str) -> String {
    let (folder, tasks) = (tempfile::tempdir().unwrap(), Tasks::default());
    let port = post.listen(&tasks).await;
    let table = mail(folder.path(), port, "starttls", password);
    let notify = notify(folder.path(), table, trust(folder.path()));
    let server = Wanted { notify, ..Wanted::default() }.start().await;
    trouble(&server.url).await;
    let letter = dead_letter(&server.url).await;
    assert_eq!(letter["attempts"], 2, "{letter}");
    tasks.stop().await;
    server.running.stop().await;
    let error = letter["error"].as_str().unwrap().to_owned();
    let begin = format!("smtp://localhost:{port}: ");
    error.strip_prefix(&begin).unwrap_or_else(|| panic!("{error}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_travels_by_tls_alone() {
    let authority = Authority::new();
    for (security, tls, mechanisms, by) in [
        (Security::StartTls, "starttls", "PLAIN LOGIN", "PLAIN"),
        (Security::StartTls, "starttls", "LOGIN", "LOGIN"),
        (Security::Implicit, "implicit", "PLAIN", "PLAIN"),
    ] {
        let post = post(&authority, security, mechanisms);
        send(&post, &authority, tls).await;
        let heard = post.heard();
        let login = (by.to_owned(), "flags".to_owned(), PASSWORD.to_owned());
        assert_eq!(heard.logins, [login], "{tls} {mechanisms}");
        assert!(heard.mails[0].contains("voice cuts out"), "{}", heard.mails[0]);
        let clear: Vec<&str> =
            heard.clear.iter().map(|line| line.split(' ').next().unwrap_or_default()).collect();
        let expected: &[&str] = if tls == "starttls" { &["EHLO", "STARTTLS"] } else { &[] };
        assert_eq!(clear, expected, "nothing else is said in the clear");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_starttls_gets_neither_the_password_nor_the_mail() {
    let authority = Authority::new();
    let post = post(&authority, Security::Unknown, "PLAIN");
    let trust = |folder: &Path| Trust::with_file(&authority.file(folder)).unwrap();
    let error = refusal(&post, trust, PASSWORD).await;
    assert!(error.contains("STARTTLS"), "{error}");
    let heard = post.heard();
    assert!(heard.logins.is_empty() && heard.mails.is_empty(), "{heard:?}");
    let harmless = |line: &String| line.starts_with("EHLO") || line == "QUIT";
    assert!(heard.clear.iter().all(harmless), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_nobody_vouches_for_is_refused() {
    let authority = Authority::new();
    let post = post(&authority, Security::StartTls, "PLAIN");
    let error = refusal(&post, |_folder| Trust::default(), PASSWORD).await;
    assert!(error.contains("invalid peer certificate: UnknownIssuer"), "{error}");
    let heard = post.heard();
    assert!(heard.logins.is_empty() && heard.mails.is_empty(), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_without_it_and_tried_again() {
    let authority = Authority::new();
    let post = post(&authority, Security::StartTls, "PLAIN");
    let trust = |folder: &Path| Trust::with_file(&authority.file(folder)).unwrap();
    let error = refusal(&post, trust, "not the one").await;
    // The server repeats what it was told; we do not.
    assert!(error.contains("flags is not known with …") && !error.contains("not the one"), "{error}");
    assert_eq!(post.heard().logins.len(), 2, "somebody may be changing it just now");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_may_stand_in_a_variable() {
    let (folder, tasks, authority) = (tempfile::tempdir().unwrap(), Tasks::default(), Authority::new());
    let post = post(&authority, Security::StartTls, "PLAIN");
    let port = post.listen(&tasks).await;
    let (data, file) = (folder.path().join("data"), folder.path().join("notify.toml"));
    let table = "[[notify]]\nname = 'mail'\nkind = 'email'\nevents = ['incident.*']\nfrom = 'flags@example.com'\n\
                 to = ['team@example.com']\nusername = 'flags'\nsecret_env = 'MAIL_PASSWORD'\n";
    std::fs::write(&file, format!("{table}smtp = 'localhost:{port}'\n")).unwrap();
    let ca = authority.file(folder.path());
    let arguments = ["--notify", file.to_str().unwrap(), "--outbound-ca", ca.to_str().unwrap()];
    let server = Process::try_serve(&data, &[], &arguments, &[("MAIL_PASSWORD", PASSWORD)]).unwrap();
    trouble(&server.url).await;
    eventually("the mail", || async { post.heard().mails.len() == 1 }).await;
    assert_eq!(post.heard().logins[0].2, PASSWORD);
    assert!(server.terminate().success());
    tasks.stop().await;
}
