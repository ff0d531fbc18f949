//! What it costs the server to hear what services observe: its processor time, while a thousand instances report every
//! five seconds and ten guards look at what they say.
//!
//! The server is a process of its own. The same instances report three times: only how often flags were evaluated, as an
//! SDK does whose service observes nothing; outcomes and latencies too; and these as JSON over HTTP, as a service without
//! an SDK does. What a silent server needs, which is the floor, is measured between them.

mod instance;

use std::time::Duration;

use anyhow::{Result, bail};
use mycelia_flags_benches::crowd::raise_file_limit;
use mycelia_flags_benches::median::median;
use mycelia_flags_benches::our_server::{self, Remote};
use mycelia_flags_benches::stopwatch::Stopwatch;
use mycelia_flags_benches::table::{Table, figure};
use mycelia_flags_benches::{child, mode};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use instance::{Instance, Told};

/// How often an instance reports, as an SDK does by default.
const RHYTHM: Duration = Duration::from_secs(5);

/// Flags that each instance evaluates; a guard watches over each.
const FLAGS: usize = 10;

fn main() -> Result<()> {
    match child::role() {
        None => measure(),
        Some((role, _)) => match role.as_str() {
            our_server::ROLE => our_server::play(),
            _ => bail!("no role: {role}"),
        },
    }
}

/// What the server needed while one side reported.
struct Turn {
    /// Shares of a core: of nothing but that, and of what a silent server needs.
    share: f64,
    silent: f64,
    micros_per_report: f64,
}

fn measure() -> Result<()> {
    raise_file_limit();
    let runtime = Runtime::new()?;
    let mut server = Remote::start(our_server::ROLE, &[])?;
    server.player.ask(&format!("fill {FLAGS}"))?;
    server.player.ask(&format!("guard {FLAGS}"))?;
    let instances = mode::pick(50, 1_000);
    let rounds = mode::pick(1, 5);
    let title = format!(
        "{instances} instances report every {} s: 20 observations each, {FLAGS} guards",
        RHYTHM.as_secs()
    );
    let columns = ["", "bytes of a report", "reports/s", "% of a core", "silent, %", "µs a report"];
    let mut table = Table::new(title, columns);
    for told in [Told::Evaluations, Told::Outcomes, Told::Json] {
        let crowd = runtime.block_on(connect(&server, told, instances))?;
        let bytes = crowd.first().map_or(0, Instance::report_bytes);
        let mut crowd = Some(crowd);
        let mut turns = Vec::new();
        // The first round connects and warms up.
        for round in 0..=rounds {
            let silent = silence(&runtime, &mut server)?;
            let (turn, back) = turn(&runtime, &mut server, crowd.take().unwrap_or_default(), silent)?;
            crowd = Some(back);
            if round > 0 {
                turns.push(turn);
            }
        }
        let of = |read: fn(&Turn) -> f64| median(&turns.iter().map(read).collect::<Vec<f64>>());
        table.row([
            told.name().to_owned(),
            bytes.to_string(),
            figure(f64::from(u32::try_from(instances)?) / RHYTHM.as_secs_f64()),
            figure(of(|turn| turn.share)),
            figure(of(|turn| turn.silent)),
            figure(of(|turn| turn.micros_per_report)),
        ]);
    }
    table.print()?;
    server.player.end()
}

async fn connect(server: &Remote, told: Told, instances: usize) -> Result<Vec<Instance>> {
    let mut crowd = Vec::new();
    for number in 0..instances {
        crowd.push(Instance::connect(server.address, told, number, FLAGS).await?);
    }
    Ok(crowd)
}

/// The share of a core that a server needs to which nobody talks.
fn silence(runtime: &Runtime, server: &mut Remote) -> Result<f64> {
    let (before, watch) = (server.cpu()?, Stopwatch::start());
    let length = mode::pick(Duration::from_millis(200), Duration::from_secs(2));
    // A timer is made within its runtime.
    runtime.block_on(async { tokio::time::sleep(length).await });
    let used = server.cpu()?.saturating_sub(before);
    Ok(100.0 * used.as_secs_f64() / watch.elapsed().as_secs_f64())
}

/// Each instance reports once, spread evenly over the rhythm.
fn turn(
    runtime: &Runtime,
    server: &mut Remote,
    crowd: Vec<Instance>,
    silent: f64,
) -> Result<(Turn, Vec<Instance>)> {
    let rhythm = mode::pick(RHYTHM / 20, RHYTHM);
    let reports = f64::from(u32::try_from(crowd.len())?);
    let (before, watch) = (server.cpu()?, Stopwatch::start());
    let crowd = runtime.block_on(async {
        let mut reporting = JoinSet::new();
        for (number, mut instance) in (0_u32..).zip(crowd) {
            let due = rhythm.mul_f64(f64::from(number) / reports);
            reporting.spawn(async move {
                tokio::time::sleep(due).await;
                instance.report().await.map(|()| instance)
            });
        }
        let mut back = Vec::new();
        while let Some(instance) = reporting.join_next().await {
            back.push(instance??);
        }
        tokio::time::sleep(rhythm.saturating_sub(watch.elapsed())).await;
        anyhow::Ok(back)
    })?;
    let (used, wall) = (server.cpu()?.saturating_sub(before), watch.elapsed());
    let share = 100.0 * used.as_secs_f64() / wall.as_secs_f64();
    let own = (used.as_secs_f64() - wall.as_secs_f64() * silent / 100.0).max(0.0);
    Ok((Turn { share, silent, micros_per_report: own * 1e6 / reports }, crowd))
}
