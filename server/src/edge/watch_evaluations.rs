//! WatchEvaluations: what one subject is served, followed by whoever must not see rules.
//!
//! Nobody pushes. A stream remembers which answers it has given, and evaluates anew when its connection asks for more and the
//! log has moved: a reader that is slow holds up nobody, and is told the newest state.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Polled, Poll};

use futures_core::Stream;
use mycelia_flags_core::context::Context;
use mycelia_flags_core::key::{EnvironmentKey, FlagKey};
use mycelia_flags_core::snapshot::Snapshot;
use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::watch_evaluations_response::Event;
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use tokio::time::Sleep;
use tokio_stream::wrappers::WatchStream;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::Status;

use super::evaluation::{EvaluationEdge, context, evaluate};
use super::following::OpenStream;
use super::status;

/// An answer that was given, by its hash: values may be large, and a stream that is quiet should cost little.
type Given = [u8; 32];

/// A stream of evaluations for one subject.
pub struct Watching {
    edge: EvaluationEdge,
    environment: EnvironmentKey,
    service: String,
    context: Context,
    heads: WatchStream<mycelia_flags_core::revision::Revision>,
    given: BTreeMap<FlagKey, Given>,
    /// What was evaluated last; none at the beginning.
    seen: Option<Arc<Snapshot>>,
    silence: Pin<Box<Sleep>>,
    age: Pin<Box<Sleep>>,
    _open: OpenStream,
    draining: Pin<Box<WaitForCancellationFutureOwned>>,
    has_ended: bool,
}

impl fmt::Debug for Watching {
    /// Without the context, which belongs to somebody.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Watching").field("environment", &self.environment).finish_non_exhaustive()
    }
}

impl Watching {
    /// Begins a stream.
    ///
    /// # Errors
    /// When there is no such environment, or the context cannot be used.
    pub fn begin(edge: EvaluationEdge, request: v1::WatchEvaluationsRequest) -> Result<Self, Status> {
        let environment = edge.environment(&request.environment)?.key;
        let context = context(request.context)?;
        edge.seen.note_raw(&environment, &request.service, &context);
        let following = &edge.following;
        Ok(Self {
            heads: WatchStream::new(following.store.head()),
            silence: Box::pin(tokio::time::sleep(following.heartbeat)),
            age: following.age(),
            _open: following.open.begin(),
            draining: Box::pin(following.draining.clone().cancelled_owned()),
            environment,
            service: request.service,
            context,
            given: BTreeMap::new(),
            seen: None,
            has_ended: false,
            edge,
        })
    }

    fn end(&mut self, status: Status) -> Poll<Option<<Self as Stream>::Item>> {
        self.has_ended = true;
        Poll::Ready(Some(Err(status)))
    }

    /// Whether what was written since the last look may change an answer.
    fn is_concerned(&self) -> bool {
        let Some(before) = &self.seen else { return true };
        let store = &self.edge.following.store;
        !self.edge.callers.touched(store, &self.environment, before, &store.snapshot()).is_nothing()
    }

    /// Evaluates everything, and says what is another than it was; none when nothing is.
    fn look(&mut self) -> Result<Option<v1::WatchEvaluationsResponse>, Status> {
        let environment = self.edge.environment(self.environment.as_str())?;
        let now = self.edge.clock.now();
        let around = environment.flags.around(&self.service, now);
        let mut before = std::mem::take(&mut self.given);
        let (mut evaluations, mut handed_out) = (Vec::new(), Vec::new());
        for slot in environment.flags.in_order() {
            if !self.edge.is_visible(&environment, slot, &self.service) {
                continue;
            }
            self.edge.note(&environment.key, slot, now);
            let (evaluation, served) = evaluate(slot, around, &self.context);
            let hash: Given = Sha256::digest(evaluation.encode_to_vec()).into();
            if before.remove(slot.key()) != Some(hash) {
                evaluations.push(evaluation);
                handed_out.extend(served);
            }
            self.given.insert(slot.key().clone(), hash);
        }
        self.edge.count(&environment.key, &self.service, &self.context, handed_out);
        let is_first = self.seen.is_none();
        let removed: Vec<String> = before.into_keys().map(|key| key.to_string()).collect();
        let event = match (is_first, evaluations.is_empty() && removed.is_empty()) {
            (true, _) => Some(Event::All(v1::AllEvaluations { evaluations })),
            (false, true) => None,
            (false, false) => Some(Event::Changed(v1::ChangedEvaluations { evaluations, removed })),
        };
        let revision = environment.snapshot.revision().get();
        self.seen = Some(environment.snapshot);
        Ok(event.map(|event| v1::WatchEvaluationsResponse { revision, event: Some(event) }))
    }

    fn speak(&mut self, message: v1::WatchEvaluationsResponse) -> Poll<Option<<Self as Stream>::Item>> {
        self.silence = Box::pin(tokio::time::sleep(self.edge.following.heartbeat));
        Poll::Ready(Some(Ok(message)))
    }

    fn heartbeat(&self) -> v1::WatchEvaluationsResponse {
        let revision = self.seen.as_ref().map_or(0, |seen| seen.revision().get());
        v1::WatchEvaluationsResponse { revision, event: Some(Event::Heartbeat(v1::EvaluationHeartbeat {})) }
    }
}

impl Stream for Watching {
    type Item = Result<v1::WatchEvaluationsResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, polled: &mut Polled<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.has_ended {
            return Poll::Ready(None);
        }
        if this.draining.as_mut().poll(polled).is_ready() {
            return this.end(status::draining());
        }
        if this.age.as_mut().poll(polled).is_ready() {
            return this.end(status::too_old());
        }
        let mut has_moved = false;
        loop {
            match Pin::new(&mut this.heads).poll_next(polled) {
                Poll::Ready(Some(_)) => has_moved = true,
                Poll::Ready(None) => return this.end(status::draining()),
                Poll::Pending => break,
            }
        }
        // At a heartbeat also without news: a targeting expression may ask for the time.
        let is_silent = this.silence.as_mut().poll(polled).is_ready();
        if is_silent || (has_moved && this.is_concerned()) {
            match this.look() {
                Ok(Some(message)) => return this.speak(message),
                Ok(None) if is_silent => {
                    let message = this.heartbeat();
                    let spoken = this.speak(message);
                    return spoken;
                }
                Ok(None) => {}
                Err(status) => return this.end(status),
            }
        }
        Poll::Pending
    }
}
