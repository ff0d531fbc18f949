//! Simulated power cuts: the disk's image is cloned under the stopped server, so that everything which was issued to
//! the device survives and nothing else does. Every clone must open by itself with all that was acknowledged.
//!
//! kill -9 cannot show this: it keeps the page cache. sled's own flush passes the one and fails the other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use mycelia_flags_proto::v1;

use crate::binary::{Process, may_mount, tool};
use crate::patience::{PATIENCE, within};
use crate::server::{Admin, apply_request, create, disable, enable};

/// Cuts of one run.
const CUTS: usize = 30;

const WRITERS: usize = 4;

/// A disk in a file: an ext4 image on a file system that can clone files atomically.
struct Disks {
    folder: tempfile::TempDir,
}

impl Disks {
    /// None when this machine has no loop devices; CI must have them where it runs as root.
    fn new() -> Option<Self> {
        if !may_mount() || tool("mkfs.xfs").is_none() || tool("mkfs.ext4").is_none() {
            return None;
        }
        if !Path::new("/dev/loop-control").exists() {
            eprintln!("NOT RUN: this machine has no loop devices");
            return None;
        }
        let disks = Self { folder: tempfile::tempdir().unwrap() };
        for name in ["host", "disk", "clone"] {
            std::fs::create_dir(disks.path(name)).unwrap();
        }
        run("truncate", &["-s", "3G", &disks.text("host.img")]);
        run("mkfs.xfs", &["-q", "-m", "reflink=1", &disks.text("host.img")]);
        run("mount", &["-o", "loop", &disks.text("host.img"), &disks.text("host")]);
        run("truncate", &["-s", "300M", &disks.text("host/image")]);
        run("mkfs.ext4", &["-q", &disks.text("host/image")]);
        run("mount", &["-o", "loop", &disks.text("host/image"), &disks.text("disk")]);
        Some(disks)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// What would be on the disk if the power went now.
    fn cut(&self) {
        run("cp", &["--reflink=always", &self.text("host/image"), &self.text("host/cut")]);
    }

    /// The power comes back: the journal is replayed.
    fn mount_cut(&self) {
        run("mount", &["-o", "loop", &self.text("host/cut"), &self.text("clone")]);
    }

    fn unmount_cut(&self) {
        run("umount", &[&self.text("clone")]);
    }
}

impl Drop for Disks {
    fn drop(&mut self) {
        for name in ["clone", "disk", "host"] {
            let _not_mounted = Command::new("umount").arg("-l").arg(self.path(name)).output();
        }
    }
}

#[track_caller]
fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
}

#[derive(Default)]
struct Acknowledged {
    revisions: Mutex<BTreeMap<u64, String>>,
    count: AtomicU64,
}

async fn write(mut admin: Admin, writer: usize, acknowledged: Arc<Acknowledged>) {
    let flag = format!("writer{writer}");
    for number in 0_u64.. {
        let change = match number {
            0 => create(&flag),
            _ if number.is_multiple_of(2) => disable(&flag),
            _ => enable(&flag),
        };
        let key = format!("{writer}/{number}");
        let request = v1::ApplyRequest { idempotency_key: key.clone(), ..apply_request(vec![change]) };
        let Ok(answer) = admin.request(request).await else { return };
        acknowledged.revisions.lock().unwrap().insert(answer.revision, key);
        acknowledged.count.fetch_add(1, Ordering::Relaxed);
    }
}

async fn wait_for_more(acknowledged: &Acknowledged, more: u64) {
    let enough = acknowledged.count.load(Ordering::Relaxed) + more;
    let wait = async {
        while acknowledged.count.load(Ordering::Relaxed) < enough {
            tokio::task::yield_now().await;
        }
    };
    within("acknowledged writes", wait).await;
}

async fn check_cut(disks: &Disks, acknowledged: &BTreeMap<u64, String>, cut: usize) {
    disks.mount_cut();
    let server = Process::try_serve(&disks.path("clone/data"), &[], &[], &[])
        .unwrap_or_else(|status| panic!("cut {cut}: the store does not open by itself: {status}"));
    let mut admin = Admin::connect(&server.url).await;
    let mut after_revision = 0;
    let mut found = BTreeMap::new();
    loop {
        let request = v1::ListRecordsRequest { after_revision, page_size: 1_000, ..Default::default() };
        let page = admin.client.list_records(request).await.unwrap().into_inner();
        after_revision = page.scanned_revision;
        found.extend(page.records.into_iter().map(|record| (record.revision, record.idempotency_key)));
        if !page.more {
            break;
        }
    }
    let lost: Vec<_> =
        acknowledged.iter().filter(|(revision, key)| found.get(*revision) != Some(key)).collect();
    assert!(
        lost.is_empty(),
        "cut {cut}: {} acknowledged changes are lost, first {:?}",
        lost.len(),
        lost.first()
    );
    admin.create(&format!("after-cut-{cut}")).await;
    server.kill();
    disks.unmount_cut();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_change_is_lost_in_thirty_power_cuts() {
    let Some(disks) = Disks::new() else { return };
    let server = Process::serve(&disks.path("disk/data"));
    let acknowledged = Arc::new(Acknowledged::default());
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let admin = Admin::connect(&server.url).await;
        writers.spawn(write(admin, writer, Arc::clone(&acknowledged)));
    }
    for cut in 0..CUTS {
        wait_for_more(&acknowledged, 37 + u64::try_from(cut * 13 % 50).unwrap()).await;
        server.signal("STOP");
        let promised = acknowledged.revisions.lock().unwrap().clone();
        disks.cut();
        server.signal("CONT");
        check_cut(&disks, &promised, cut).await;
    }
    let total = acknowledged.count.load(Ordering::Relaxed);
    println!("{CUTS} of {CUTS} power cuts clean, {total} acknowledged changes");
    server.kill();
    tokio::time::timeout(PATIENCE, writers.join_all()).await.unwrap();
}
