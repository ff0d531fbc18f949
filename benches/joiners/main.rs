//! Everybody comes at once: 500 subscribers who hold nothing ask a server with 10,000 flags for all of them.
//!
//! The floor is raw TCP that writes the same bytes to as many connections. What matters beside the time is the peak of
//! the server's memory: a snapshot for each of them would be gigabytes.

use anyhow::{Context as _, Result, bail};
use mycelia_flags_benches::child;
use mycelia_flags_benches::crowd::{Crowd, Shape, raise_file_limit};
use mycelia_flags_benches::median::median;
use mycelia_flags_benches::memory::resident;
use mycelia_flags_benches::mode;
use mycelia_flags_benches::our_server::{self, Remote};
use mycelia_flags_benches::raw_tcp::{self, Readers};
use mycelia_flags_benches::stopwatch::Stopwatch;
use mycelia_flags_benches::table::{Table, figure, ratio};
use mycelia_flags_proto::raw::grpc_frame;
use mycelia_flags_proto::v1;
use mycelia_flags_server::edge::sync::SUBSCRIBE_PATH;

/// What a subscriber gets: the welcome and the snapshot.
const FIRST: u64 = 2;

fn main() -> Result<()> {
    match child::role() {
        None => measure(),
        Some((role, arguments)) => match role.as_str() {
            our_server::ROLE => our_server::play(),
            raw_tcp::ROLE => raw_tcp::play(&arguments),
            _ => bail!("no role: {role}"),
        },
    }
}

fn measure() -> Result<()> {
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let joiners = Shape { connections: mode::pick(20, 500), streams: 1 };
    // One flag more is the server's own.
    let flags = mode::pick(500, 9_999);
    let mut rounds = Vec::new();
    for _ in 0..mode::pick(1, 5) {
        rounds.push(runtime.block_on(round(joiners, flags))?);
    }
    let column = |of: fn(&Round) -> f64| median(&rounds.iter().map(of).collect::<Vec<f64>>());
    let title = format!("Joining: {} subscribers at once, {flags} flags", joiners.subscribers());
    let mut table = Table::new(
        title,
        [
            "",
            "last has all, ms",
            "× raw TCP",
            "server CPU, ms",
            "memory before, MiB",
            "peak, MiB",
            "one snapshot, MiB",
        ],
    );
    table.row(["raw TCP".to_owned(), figure(column(|round| round.raw_ms)), ratio(1.0)]);
    table.row([
        "ours".to_owned(),
        figure(column(|round| round.ours_ms)),
        ratio(column(|round| round.ours_ms / round.raw_ms)),
        figure(column(|round| round.cpu_ms)),
        figure(column(|round| round.before_mib)),
        figure(column(|round| round.peak_mib)),
        figure(column(|round| round.snapshot_mib)),
    ]);
    table.print()?;
    Ok(())
}

struct Round {
    raw_ms: f64,
    ours_ms: f64,
    cpu_ms: f64,
    before_mib: f64,
    peak_mib: f64,
    snapshot_mib: f64,
}

/// One round with servers of its own, because a peak is a peak for ever.
async fn round(joiners: Shape, flags: usize) -> Result<Round> {
    let mut server = Remote::start(our_server::ROLE, &[])?;
    server.player.ask(&format!("fill {flags}"))?;
    let request = grpc_frame(&v1::SubscribeRequest {
        environment: our_server::ENVIRONMENT.to_owned(),
        service: "ui".to_owned(),
        instance: "benchmark".to_owned(),
        ..v1::SubscribeRequest::default()
    })?;
    // Connected, and nothing asked for: the server has encoded nothing yet.
    let mut crowd = Crowd::gather(server.address, joiners, SUBSCRIBE_PATH, &request).await?;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let before = resident(&server.player.pid())?;
    let cpu_before = server.cpu()?;
    let started = Stopwatch::start();
    crowd.ask();
    crowd.until(FIRST * joiners.subscribers()).await?;
    let ours = started.elapsed();
    let cpu = server.cpu()?.saturating_sub(cpu_before);
    let after = resident(&server.player.pid())?;
    let bytes_each = crowd.bytes() / joiners.subscribers();
    drop(crowd);
    server.player.end()?;

    let mut raw = Remote::start(raw_tcp::ROLE, &[bytes_each.to_string(), joiners.connections.to_string()])?;
    let readers = Readers::gather(raw.address, joiners).await?;
    let started = Stopwatch::start();
    raw.player.tell("push")?;
    readers.tally.until(bytes_each * joiners.subscribers()).await.context("raw")?;
    let raw_time = started.elapsed();
    raw.player.hear()?;
    drop(readers);
    raw.player.end()?;

    Ok(Round {
        raw_ms: raw_time.as_secs_f64() * 1e3,
        ours_ms: ours.as_secs_f64() * 1e3,
        cpu_ms: cpu.as_secs_f64() * 1e3,
        before_mib: before.now_kib / 1024.0,
        peak_mib: after.peak_kib / 1024.0,
        snapshot_mib: f64::from(u32::try_from(bytes_each)?) / 1024.0 / 1024.0,
    })
}
