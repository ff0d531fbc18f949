//! The thin driver of the replica: connects, reads frames, performs actions, reports, waits, and begins again, until it
//! is told to stop. Every decision is the replica's or the backoff's.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mycelia_flags_core::revision::Timestamp;
use mycelia_flags_proto::convert;
use mycelia_flags_proto::raw::{Body, Frame};
use mycelia_flags_proto::v1::AcknowledgeRequest;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, Streaming};
use tracing::{debug, info, warn};

use crate::backoff::{Backoff, Ending, Retry};
use crate::limits::{
    GOODBYE_PATIENCE, HEARTBEATS_MISSED_MAX, LAST_REPORT_TIMEOUT, LAST_WORD_TIMEOUT, WELCOME_TIMEOUT,
};
use crate::replica::{Action, Distrust, Event, Replica, Report};
use crate::shared::Shared;
use crate::transport::{self, Link, Received, Transport};
use crate::{clock, declaration, reporter};

/// See the module.
#[derive(Debug)]
pub(crate) struct Connection {
    shared: Arc<Shared>,
    transport: Transport,
    replica: Replica,
    retry: Retry,
    report_interval: Duration,
    /// The newest connection, for what is still to be told at the end.
    link: Option<Link>,
}

/// How an attempt, or the stream that it led to, ended.
struct End {
    status: Status,
    /// When the Welcome came.
    welcomed: Option<Instant>,
    /// What the server should still hear.
    last_word: Option<Outgoing>,
}

impl From<Status> for End {
    fn from(status: Status) -> Self {
        Self { status, welcomed: None, last_word: None }
    }
}

/// An acknowledgement on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Outgoing {
    report: Report,
    at: Timestamp,
}

impl From<Outgoing> for AcknowledgeRequest {
    fn from(outgoing: Outgoing) -> Self {
        let Outgoing { report, at } = outgoing;
        Self {
            stream_id: report.stream_id,
            applied_revision: report.applied.get(),
            applied_at: Some(convert::timestamp_to_wire(at)),
            refused: report.refused,
            digest_mismatches: report.mismatches,
        }
    }
}

impl Connection {
    pub(crate) fn new(
        shared: Arc<Shared>,
        transport: Transport,
        replica: Replica,
        backoff: Backoff,
        report_interval: Duration,
    ) -> Self {
        Self { shared, transport, replica, retry: Retry::new(backoff), report_interval, link: None }
    }

    /// Follows the server until told to stop.
    pub(crate) async fn run(mut self, stopping: CancellationToken) {
        loop {
            self.shared.note(|status| status.attempts = status.attempts.saturating_add(1));
            let Some(end) = stopping.run_until_cancelled(self.attempt()).await else {
                self.tell_the_rest().await;
                return;
            };
            let pause = tokio::time::sleep(self.ended(&end));
            if stopping.run_until_cancelled(pause).await.is_none() {
                return;
            }
        }
    }

    /// Reports what was observed since the last report, when a client is closed while it is connected.
    async fn tell_the_rest(&self) {
        if let Some(link) = &self.link {
            let told = reporter::report_now(&self.shared, &self.transport, link);
            drop(tokio::time::timeout(LAST_REPORT_TIMEOUT, told).await);
        }
    }

    async fn attempt(&mut self) -> End {
        self.link = None;
        match self.follow().await {
            Ok(end) => end,
            Err(status) => End::from(status),
        }
    }

    async fn follow(&mut self) -> Result<End, Status> {
        let link = self.transport.connect().await?;
        let mut stream = self.transport.subscribe(&link, self.replica.known()).await?;
        self.link = Some(link.clone());
        let outbox = watch::Sender::new(None);
        let (shared, transport) = (Arc::clone(&self.shared), self.transport.clone());
        let report_interval = self.report_interval;
        let end = tokio::select! {
            end = self.read(&mut stream, &outbox) => end,
            never = send(&link, outbox.subscribe()) => match never {},
            never = reporter::report(&shared, &transport, &link, report_interval) => match never {},
        };
        if let Some(last_word) = end.last_word.clone() {
            // The stream is still open, so the server knows whose word it is. Best effort.
            let heard = link.acknowledge(last_word.into());
            drop(tokio::time::timeout(LAST_WORD_TIMEOUT, heard).await);
        }
        Ok(end)
    }

    async fn read(
        &mut self,
        stream: &mut Streaming<Received>,
        outbox: &watch::Sender<Option<Outgoing>>,
    ) -> End {
        let mut welcomed = None;
        let ended = |status, welcomed, last_word| End { status, welcomed, last_word };
        loop {
            let patience = self.patience();
            let event = match tokio::time::timeout(patience, stream.message()).await {
                Ok(Ok(Some(Received::Frame(frame)))) => Event::Frame(frame),
                Ok(Ok(Some(Received::Undecodable(why)))) => Event::Undecodable(why),
                Ok(Ok(None)) => {
                    return ended(Status::new(Code::Ok, "the server ended the stream"), welcomed, None);
                }
                Ok(Err(status)) => return ended(status, welcomed, None),
                Err(_) => {
                    let silent = format!("nothing was heard for {patience:?}");
                    return ended(Status::deadline_exceeded(silent), welcomed, None);
                }
            };
            self.meet(&event, &mut welcomed);
            let mut said = None;
            for action in self.replica.on(event) {
                match action {
                    Action::Acknowledge(report) => {
                        said = Some(Outgoing { report, at: clock::wall() });
                    }
                    Action::Resubscribe(distrust) => {
                        self.count(&distrust);
                        return ended(Status::data_loss(distrust.to_string()), welcomed, said);
                    }
                    Action::Install(state, changed) => {
                        debug!(
                            revision = state.revision().get(),
                            flags = changed.keys.len(),
                            "flags changed"
                        );
                        self.shared.install(state, changed);
                    }
                    Action::Live => self.shared.live(),
                    Action::Stale => self.shared.stale(false),
                }
            }
            // Even without news: an acknowledgement that was not heard is sent again with the next sign of life.
            outbox.send_modify(|newest| *newest = said.or_else(|| newest.take()));
        }
    }

    /// How long the server may be silent now.
    fn patience(&self) -> Duration {
        match (self.replica.goodbye(), self.replica.heartbeat()) {
            (Some(_), _) => GOODBYE_PATIENCE,
            (None, Some(heartbeat)) => heartbeat.saturating_mul(HEARTBEATS_MISSED_MAX),
            (None, None) => WELCOME_TIMEOUT,
        }
    }

    fn meet(&self, event: &Event, welcomed: &mut Option<Instant>) {
        if let Event::Frame(Frame { body: Some(Body::Welcome(welcome)) }) = event {
            welcomed.get_or_insert_with(clock::now);
            let server = Arc::from(&*welcome.server);
            let breaches = declaration::breaches(welcome.breaches.clone());
            for breach in &*breaches {
                warn!(
                    flag = breach.flag,
                    "the flag server does not hold what is declared: {}", breach.message
                );
            }
            self.shared.note(|status| {
                status.server = server;
                status.breaches = breaches;
            });
        }
    }

    fn count(&self, distrust: &Distrust) {
        self.shared.note(|status| {
            let counter = match distrust {
                Distrust::Gap { .. } => &mut status.gaps,
                Distrust::Diverged(_) => &mut status.digest_mismatches,
                Distrust::Undecodable(_) | Distrust::Protocol(_) => &mut status.undecodable,
            };
            *counter = counter.saturating_add(1);
        });
    }

    /// Draws the conclusions of an end, and says how long to wait.
    fn ended(&mut self, end: &End) -> Duration {
        let status = &end.status;
        let healthy =
            end.welcomed.map_or(Duration::ZERO, |since| clock::now().saturating_duration_since(since));
        let ending = match self.replica.goodbye() {
            Some(after) => Ending::Goodbye(after),
            None => transport::ending(status),
        };
        let wait = self.retry.wait(ending, healthy, fastrand::u32(..));
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        match ending {
            Ending::Goodbye(_) => info!(wait_ms, "the flag server said goodbye"),
            Ending::Failed(_) => {
                info!(wait_ms, code = ?status.code(), reason = status.message(), "the flag server is away")
            }
            Ending::Denied => {
                warn!(wait_ms, code = ?status.code(), reason = status.message(), "the flag server refuses this client")
            }
        }
        for action in self.replica.on(Event::Ended) {
            if let Action::Stale = action {
                let error = Arc::from(format!("{:?}: {}", status.code(), status.message()));
                self.shared.note(|shown| shown.last_error = Some(error));
                self.shared.stale(transport::is_refusal(status));
            }
        }
        wait
    }
}

/// Sends acknowledgements: only the newest, one at a time. One that fails is sent again with the next sign of life.
async fn send(link: &Link, mut outbox: watch::Receiver<Option<Outgoing>>) -> Infallible {
    let mut heard = None;
    loop {
        if outbox.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        let newest = outbox.borrow_and_update().clone();
        let Some(outgoing) = newest.filter(|newest| heard.as_ref() != Some(newest)) else {
            continue;
        };
        match link.acknowledge(outgoing.clone().into()).await {
            Ok(()) => heard = Some(outgoing),
            Err(status) => {
                debug!(code = ?status.code(), reason = status.message(), "an acknowledgement was not heard");
            }
        }
    }
}
