//! Certificates that are replaced while a server serves: new handshakes get the new one, and nobody notices.

use std::time::Duration;

use mycelia_flags_sdk::{Client, ClientState, Context};
use mycelia_flags_server::distribution::hub::HubOptions;

use super::certificates::{Authority, Files};
use super::metric;
use crate::binary::{Process, tool};
use crate::command_line::{json as told, refused, run};
use crate::patience::{PATIENCE, eventually};
use crate::server::{Wanted, try_channel};

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_brings_the_new_certificate_and_a_broken_one_changes_nothing() {
    let Some(_curl) = tool("curl") else { return };
    let (before, after) = (Authority::new("before"), Authority::new("after"));
    let files = Files::new(&before, &before.server());
    files.put("after.pem", &after.pem());
    let data = tempfile::tempdir().unwrap();
    let arguments = files.arguments();
    let server = Process::serve_with(data.path(), &[], &arguments.each_ref().map(|argument| &**argument));
    let (before_ca, after_ca) = (files.argument("ca.pem"), files.argument("after.pem"));
    told(&server.url, &["create", "dreams", "--tls-ca", &before_ca]);

    // A key that is not the certificate's, as while somebody is copying: what was before goes on.
    files.put("server.key", &after.server().key);
    server.signal("HUP");
    let refusals = || metric(&server.url, &before_ca, "mycelia_tls_reloads_refused_total");
    eventually("the broken pair is refused", || std::future::ready(refusals() >= 1)).await;
    told(&server.url, &["enable", "dreams", "--tls-ca", &before_ca]);
    assert_eq!(metric(&server.url, &before_ca, "mycelia_tls_reloads_total"), 0);

    files.replace(&after.server());
    server.signal("HUP");
    let is_new = || run(&server.url, &["status", "--tls-ca", &after_ca]).status.success();
    eventually("the new certificate", || std::future::ready(is_new())).await;
    refused(&server.url, &["status", "--tls-ca", &before_ca], 3, "not trusted");
    assert_eq!(metric(&server.url, &after_ca, "mycelia_tls_reloads_total"), 1);
    assert!(server.terminate().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn subscribers_live_on_and_come_back_with_the_new_certificate() {
    let (before, after) = (Authority::new("before"), Authority::new("after"));
    let files = Files::new(&before, &before.server());
    let hub = HubOptions { stream_age_max: Duration::from_secs(3), ..HubOptions::default() };
    let server =
        Wanted { tls: Some((files.options(), before.trusted())), hub, ..Wanted::default() }.start().await;
    let mut admin = server.admin().await;
    admin.create("dreams").await;
    let builder = Client::builder().server(&*server.url).environment("production").service("ui");
    let both = builder.clone().tls_ca(before.pem() + &after.pem()).connect().unwrap();
    let only_after = builder.tls_ca(after.pem()).connect().unwrap();
    both.ready(PATIENCE).await.unwrap();
    eventually("not trusted yet", || {
        std::future::ready(only_after.status().last_error.unwrap_or_default().contains("not trusted"))
    })
    .await;

    // Nobody is asked to look: the server does so by itself.
    files.replace(&after.server());
    only_after.ready(PATIENCE).await.unwrap();
    assert!(try_channel(&server.url, &before.trusted()).await.is_err(), "new handshakes get the new one");
    // This connection began with the old one.
    admin.enable("dreams").await;
    let attempts = both.status().attempts;
    eventually("the stream has ended and came back", || {
        let status = both.status();
        std::future::ready(status.attempts > attempts && status.state == ClientState::Ready)
    })
    .await;
    for client in [both, only_after] {
        let user = Context::new("ana");
        eventually("the change", || std::future::ready(client.bool_value("dreams", false, &user))).await;
        client.close().await;
    }
    server.running.stop().await;
}
