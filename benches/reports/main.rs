//! What it costs the server to hear what services observe: its processor time, while a thousand instances report every
//! five seconds and ten guards look at what they say.
//!
//! The server is a process of its own. The same instances report four times: only how often flags were evaluated, as an
//! SDK does whose service observes nothing; outcomes and latencies too, for one flag and for all of them; and these as JSON
//! over HTTP, as a service without an SDK does. They report to the floor as well, in turns: a server that reads the same
//! and forgets it. What our server needs when nobody talks to it is measured between the turns.

mod floor;
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
            floor::ROLE => floor::play(),
            _ => bail!("no role: {role}"),
        },
    }
}

/// A server, and who reports to it.
struct Side {
    server: Remote,
    crowd: Vec<Instance>,
    /// The shares of a core that it needed, turn by turn.
    shares: Vec<f64>,
    /// And between them.
    silent: Vec<f64>,
}

fn measure() -> Result<()> {
    raise_file_limit();
    let runtime = Runtime::new()?;
    let start = |role: &str| -> Result<Side> {
        Ok(Side {
            server: Remote::start(role, &[])?,
            crowd: Vec::new(),
            shares: Vec::new(),
            silent: Vec::new(),
        })
    };
    let mut sides = [start(our_server::ROLE)?, start(floor::ROLE)?];
    let [ours, _] = &mut sides;
    ours.server.player.ask(&format!("fill {FLAGS}"))?;
    ours.server.player.ask(&format!("guard {FLAGS}"))?;
    let instances = mode::pick(50, 1_000);
    let title = format!(
        "{instances} instances report every {} s: 20 observations each, {FLAGS} guards",
        RHYTHM.as_secs()
    );
    let columns = ["", "bytes of a report", "% of a core", "silent, %", "µs a report", "floor, %", "× floor"];
    let mut table = Table::new(title, columns);
    for told in [Told::Evaluations, Told::OneFlag, Told::Outcomes, Told::Json] {
        for side in &mut sides {
            side.shares.clear();
            side.silent.clear();
            side.crowd = runtime.block_on(connect(&side.server, told, instances))?;
        }
        for _ in 0..mode::pick(1, 3) {
            for side in &mut sides {
                side.crowd.iter_mut().for_each(Instance::hang_up);
                // The first turn connects and warms up.
                for turn_number in 0..3 {
                    let share = turn(&runtime, side)?;
                    if turn_number > 0 {
                        side.shares.push(share);
                    }
                }
                // At once: connections on which nothing happens for longer are asked whether they are there.
                side.silent.push(silence(&runtime, &mut side.server)?);
            }
        }
        let [ours, floor] = &sides;
        let (share, silent) = (median(&ours.shares), median(&ours.silent));
        let reports_in_a_second = f64::from(u32::try_from(instances)?) / RHYTHM.as_secs_f64();
        let ratios: Vec<f64> =
            ours.shares.iter().zip(&floor.shares).map(|(ours, floor)| ours / floor).collect();
        table.row([
            told.name().to_owned(),
            ours.crowd.first().map_or(0, Instance::report_bytes).to_string(),
            figure(share),
            figure(silent),
            figure((share - silent).max(0.0) * 1e4 / reports_in_a_second),
            figure(median(&floor.shares)),
            format!("{:.2}×", median(&ratios)),
        ]);
    }
    table.print()?;
    for side in sides {
        side.server.player.end()?;
    }
    Ok(())
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

/// Each instance reports once, spread evenly over the rhythm. Answers the share of a core that the server needs.
fn turn(runtime: &Runtime, side: &mut Side) -> Result<f64> {
    let rhythm = mode::pick(RHYTHM / 20, RHYTHM);
    let crowd = std::mem::take(&mut side.crowd);
    let reports = f64::from(u32::try_from(crowd.len())?);
    let (before, watch) = (side.server.cpu()?, Stopwatch::start());
    side.crowd = runtime.block_on(async {
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
    let (used, wall) = (side.server.cpu()?.saturating_sub(before), watch.elapsed());
    Ok(100.0 * used.as_secs_f64() / wall.as_secs_f64())
}
