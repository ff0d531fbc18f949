//! Who changed when.

use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::administration::Applied;
use crate::services::Heard;

/// A change in all services, first come first: by the server's clock, and by the tour's, each of which is one clock
/// for all three. The wall clock stands beside them for people.
pub(crate) fn lines(applied: &Applied, heard: &[Heard], typed: Instant) -> anyhow::Result<Vec<String>> {
    let mut rows = Vec::new();
    for heard in heard {
        let mut services = applied.convergence.services.iter();
        let progress = services
            .find(|progress| progress.service == heard.service)
            .with_context(|| format!("the server has not heard of {}", heard.service))?;
        let acknowledged = progress.last_after_micros.map(Duration::from_micros);
        let acknowledged = acknowledged.with_context(|| format!("{} has not answered", heard.service))?;
        let live = format!("{}/{}", progress.converged, progress.live);
        rows.push((acknowledged, live, heard));
    }
    rows.sort_by_key(|(acknowledged, _, heard)| (*acknowledged, heard.heard_at));
    let first = heard.iter().map(|heard| heard.heard_at).min();
    let last = heard.iter().map(|heard| heard.heard_at).max();
    let heard_spread = last.zip(first).map(|(last, first)| last.saturating_duration_since(first));
    let spread = applied.convergence.spread_micros.map(Duration::from_micros);
    let spread = spread.context("the server knows no spread")?;

    let committed_at = applied.committed_at.as_deref().unwrap_or("-");
    let title = format!("   revision {}, committed at {committed_at}", applied.revision);
    let mut lines = vec![title, String::new()];
    lines.push(row("", "", "the service says so", "acknowledged,", "heard by the tour,"));
    lines.push(row("service", "state", "at (wall clock)", "from the commit", "from the command"));
    for (acknowledged, live, heard) in &rows {
        let after = heard.heard_at.saturating_duration_since(typed);
        let state = format!("{live} {}", heard.state);
        lines.push(row(heard.service, &state, &heard.said_at, &millis(*acknowledged), &millis(after)));
    }
    let heard_spread = millis(heard_spread.unwrap_or_default());
    lines.push(row("spread", "", "first to last", &millis(spread), &heard_spread));
    lines.push(String::new());
    Ok(lines)
}

fn row(service: &str, state: &str, wall: &str, acknowledged: &str, heard: &str) -> String {
    format!("   {service:<8} {state:<8} {wall:<27} {acknowledged:>16} {heard:>20}")
}

fn millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use mycelia_flags_examples::clock;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_stands_first_and_the_spread_last() {
        let applied: Applied = serde_json::from_value(json!({
            "revision": 7, "committed_at": "2025-11-21T07:39:19.120000Z",
            "convergence": {"converged": true, "spread_micros": 400, "services": [
                {"service": "runner", "converged": 1, "live": 1, "last_after_micros": 2_400},
                {"service": "ui", "converged": 1, "live": 1, "last_after_micros": 2_000},
            ]},
        }))
        .unwrap();
        let typed = clock::monotonic();
        let heard = |service, after_ms| Heard {
            service,
            state: "ON".to_owned(),
            said_at: "2025-11-21T07:39:19.123456Z".to_owned(),
            heard_at: typed + Duration::from_millis(after_ms),
        };
        let lines = lines(&applied, &[heard("runner", 30), heard("ui", 31)], typed).unwrap();
        assert_eq!(
            lines.join("\n"),
            "   revision 7, committed at 2025-11-21T07:39:19.120000Z

                     the service says so            acknowledged,   heard by the tour,
   service  state    at (wall clock)              from the commit     from the command
   ui       1/1 ON   2025-11-21T07:39:19.123456Z           2.0 ms              31.0 ms
   runner   1/1 ON   2025-11-21T07:39:19.123456Z           2.4 ms              30.0 ms
   spread            first to last                         0.4 ms               1.0 ms
"
        );
    }
}
