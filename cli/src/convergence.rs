//! Follows a revision until every connected instance has applied it, or patience ends.

use std::time::Duration;

use mycelia_flags_proto::v1;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::terminal::Terminal;

/// What was seen, and how it ended.
#[derive(Debug)]
pub(crate) struct Course {
    /// The newest report.
    pub(crate) last: Option<v1::WaitConvergedResponse>,
    /// Good when everybody has the revision.
    pub(crate) end: Result<(), Failure>,
}

/// Shows progress by service while it waits.
pub(crate) async fn follow(
    connection: &Connection,
    request: v1::WaitConvergedRequest,
    patience: Duration,
    terminal: &Terminal,
) -> Course {
    let revision = request.revision;
    let mut last = None;
    let end = tokio::time::timeout(patience, watch(connection, request, &mut last, terminal)).await;
    let end =
        end.unwrap_or_else(|_elapsed| Err(Failure::TimedOut(complaint(revision, patience, last.as_ref()))));
    Course { last, end }
}

async fn watch(
    connection: &Connection,
    request: v1::WaitConvergedRequest,
    last: &mut Option<v1::WaitConvergedResponse>,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let mut progress = Progress::new(terminal);
    let mut reports = connection.answer(connection.admin().wait_converged(request)).await?;
    while let Some(report) = reports.message().await.map_err(|status| connection.failure(&status))? {
        progress.update(by_service(&report));
        let converged = report.converged;
        *last = Some(report);
        if converged {
            return Ok(());
        }
    }
    Err(Failure::Failed(anyhow::anyhow!("the server ended the wait before everybody had the revision")))
}

/// `ui 1/1  runner 2/3`.
fn by_service(report: &v1::WaitConvergedResponse) -> String {
    if report.services.is_empty() {
        return "no connected instance is concerned".to_owned();
    }
    let services = report.services.iter();
    services
        .map(|service| format!("{} {}/{}", service.service, service.converged, service.live))
        .collect::<Vec<_>>()
        .join("  ")
}

fn complaint(revision: u64, patience: Duration, last: Option<&v1::WaitConvergedResponse>) -> String {
    let revision = match last.map_or(revision, |report| report.revision) {
        0 => "the newest revision".to_owned(),
        revision => format!("revision {revision}"),
    };
    let Some(report) = last else {
        return format!("timed out after {patience:?} waiting for {revision}: no report from the server");
    };
    let is_pending = report.services.iter().any(|service| service.converged < service.live);
    let slowest = match report.slowest.as_str() {
        slowest if is_pending && !slowest.is_empty() => format!("; not yet: {slowest}"),
        _ if is_pending => String::new(),
        _ => "; too few instances are connected".to_owned(),
    };
    format!("timed out after {patience:?} waiting for {revision}: {}{slowest}", by_service(report))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> v1::WaitConvergedResponse {
        let service = |service: &str, converged, live| v1::ServiceProgress {
            service: service.to_owned(),
            converged,
            live,
            ..v1::ServiceProgress::default()
        };
        v1::WaitConvergedResponse {
            revision: 7,
            services: vec![service("ui", 1, 1), service("runner", 2, 3)],
            slowest: "runner/runner-7f".to_owned(),
            ..v1::WaitConvergedResponse::default()
        }
    }

    #[test]
    fn progress_is_by_service() {
        assert_eq!(by_service(&report()), "ui 1/1  runner 2/3");
        assert_eq!(by_service(&v1::WaitConvergedResponse::default()), "no connected instance is concerned");
    }

    #[test]
    fn a_time_out_says_who_is_missing() {
        assert_eq!(
            complaint(7, Duration::from_secs(30), Some(&report())),
            "timed out after 30s waiting for revision 7: ui 1/1  runner 2/3; not yet: runner/runner-7f"
        );
        let mut few = report();
        few.services.truncate(1);
        assert_eq!(
            complaint(7, Duration::from_secs(30), Some(&few)),
            "timed out after 30s waiting for revision 7: ui 1/1; too few instances are connected"
        );
        assert_eq!(
            complaint(0, Duration::from_millis(1500), None),
            "timed out after 1.5s waiting for the newest revision: no report from the server"
        );
    }
}
