//! Disks that fail and disks that are full: no acknowledged change is lost, reads and streams go on, and the server
//! says what is wrong.

use std::path::Path;
use std::process::Command;

use mycelia_flags_proto::v1;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::binary::{Process, may_mount, tool};
use crate::checker::Checked;
use crate::patience::within;
use crate::server::{Admin, Server, create};

/// Creates flags until one is refused; answers the last acknowledged revision and the refusal.
async fn write_until_refused(admin: &mut Admin, bytes: usize) -> (u64, tonic::Status) {
    let mut acknowledged = 0;
    for number in 0.. {
        let definition = v1::FlagDefinition {
            key: format!("flag{number}"),
            description: "x".repeat(bytes),
            ..v1::FlagDefinition::default()
        };
        let change = v1::CreateFlag { definition: Some(definition), ..v1::CreateFlag::default() };
        match admin.try_apply(vec![v1::change::Change::CreateFlag(change)]).await {
            Ok(answer) => acknowledged = answer.revision,
            Err(status) => return (acknowledged, status),
        }
    }
    unreachable!("a disk is never endless")
}

async fn check_read_only(url: &str, follower: &mut Checked, acknowledged: u64, refusal: &tonic::Status) {
    assert_eq!(refusal.code(), Code::Unavailable, "{refusal:?}");
    assert_eq!(refusal.get_details_error_info().unwrap().reason, "STORE_POISONED");
    follower.until(acknowledged).await;
    let mut admin = Admin::connect(url).await;
    let again = admin.try_apply(vec![create("another")]).await.unwrap_err();
    assert_eq!(again.get_details_error_info().unwrap().reason, "STORE_POISONED", "it stays refused");
    crate::http_commands::check_poisoned(url, again.message());
    let status = admin.client.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner();
    assert!(!status.writable);
    assert!(!status.not_writable_reason.is_empty());
    assert!(status.revision >= acknowledged);
    let mut fresh = Checked::follow(url, "runner", "new").await;
    fresh.until(acknowledged).await;
    assert_eq!(fresh.held.digest(), follower.held.digest(), "streams go on");
    let health = tonic_health::pb::HealthCheckRequest { service: "mycelia.flags.v1.AdminService".to_owned() };
    let mut client = tonic_health::pb::health_client::HealthClient::new(crate::server::channel(url).await);
    let writable = client.check(health).await.unwrap().into_inner().status();
    assert_eq!(writable, tonic_health::pb::health_check_response::ServingStatus::NotServing);
    let ready =
        client.check(tonic_health::pb::HealthCheckRequest::default()).await.unwrap().into_inner().status();
    assert_eq!(ready, tonic_health::pb::health_check_response::ServingStatus::Serving);
}

async fn check_after_restart(folder: &Path, acknowledged: u64) {
    let server = Process::serve(folder);
    let mut admin = Admin::connect(&server.url).await;
    let status = admin.client.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner();
    assert!(status.revision >= acknowledged, "revision {} < {acknowledged}", status.revision);
    assert!(status.writable);
    admin.create("after-the-restart").await;
}

/// Runs a server under strace, which makes a system call fail from its nth time on.
async fn with_injection(injection: &str) {
    let Some(strace) = tool("strace") else { return };
    let folder = tempfile::tempdir().unwrap();
    Process::serve(folder.path()).kill();
    let strace = strace.to_str().unwrap().to_owned();
    let wrapper = [&*strace, "-f", "-qq", "-o", "/dev/null", "-e", injection];
    let server = Process::serve_with(folder.path(), &wrapper, &[]);
    let mut follower = Checked::follow(&server.url, "ui", "1").await;
    let mut admin = Admin::connect(&server.url).await;
    let (acknowledged, refusal) = within("a refusal", write_until_refused(&mut admin, 100)).await;
    assert!(acknowledged > 0, "some writes were acknowledged before the disk failed");
    check_read_only(&server.url, &mut follower, acknowledged, &refusal).await;
    // strace is the parent: its end would detach the server, so the server itself is killed.
    let killed = Command::new("pkill").args(["-KILL", "-P", &server.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert!(!server.wait().success());
    check_after_restart(folder.path(), acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_is_never_acknowledged() {
    with_injection("inject=fdatasync:error=EIO:when=12+").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_fails_is_never_acknowledged() {
    with_injection("inject=pwrite64:error=ENOSPC:when=30+").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_writes_and_nothing_else() {
    if !may_mount() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let disk = SmallDisk::mount(folder.path(), "6m");
    let server = Process::serve(&folder.path().join("data"));
    let mut follower = Checked::follow(&server.url, "ui", "1").await;
    let mut admin = Admin::connect(&server.url).await;
    let (acknowledged, refusal) = within("a refusal", write_until_refused(&mut admin, 2_000)).await;
    assert!(acknowledged > 0);
    check_read_only(&server.url, &mut follower, acknowledged, &refusal).await;
    server.kill();
    disk.resize("64m");
    check_after_restart(&folder.path().join("data"), acknowledged).await;
}

struct SmallDisk<'p>(&'p Path);

impl<'p> SmallDisk<'p> {
    fn mount(path: &'p Path, size: &str) -> Self {
        let options = format!("size={size}");
        let status =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(path).status().unwrap();
        assert!(status.success());
        Self(path)
    }

    fn resize(&self, size: &str) {
        let options = format!("remount,size={size}");
        assert!(Command::new("mount").args(["-o", &options]).arg(self.0).status().unwrap().success());
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _unmounted = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[tokio::test]
async fn two_servers_never_share_a_data_directory() {
    let folder = tempfile::tempdir().unwrap();
    let first = crate::server::Wanted::on_disk(folder.path()).start().await;
    let second = Process::try_serve(folder.path(), &[], &[], &[]);
    assert!(second.is_err_and(|status| status.code() == Some(1)));
    let Server { running, .. } = first;
    running.stop().await;
}
