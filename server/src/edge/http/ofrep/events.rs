//! OFREP's change notifications: server-sent events that say when it is worth asking again (ADR-0008 of the protocol).
//!
//! They carry no flag: whoever listens asks for what it may see. The first event comes at once, so that what changed
//! between a caller's evaluation and its first event is not missed; it costs an answer of 304.

use std::convert::Infallible;
use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse as _;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_core::Stream;
use http::{Request, Response};
use mycelia_flags_core::evaluation::ErrorCode;
use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_core::revision::Revision;
use mycelia_flags_core::snapshot::Snapshot;
use tokio::time::Sleep;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::WatchStream;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::answer::Failure;
use super::asked::{refused, selected};
use super::{OfrepEdge, parameter};
use crate::edge::following::OpenStream;
use crate::edge::selector::agreed;

/// How long a page that nobody looks at may go on listening, in seconds; then its provider lets go.
pub(super) const INACTIVITY_SECONDS: i64 = 120;

/// Answers with a stream of events of one environment: that of `?flagSetId=ENVIRONMENT` or of the selector, else the server's
/// default one.
pub(crate) async fn events(State(edge): State<OfrepEdge>, request: Request<Body>) -> Response<Body> {
    let environment = match edge.followed(&request) {
        Ok(found) => found,
        Err(failure) => return failure.into_response(),
    };
    let mut seen: Option<Arc<Snapshot>> = None;
    let ending = edge.ending.clone().cancelled_owned();
    let following = edge.evaluation.following.clone();
    let heads = WatchStream::new(edge.store.head());
    let events = heads.filter_map(move |_head| {
        let now = edge.store.snapshot();
        let touched =
            |before: &Arc<Snapshot>| edge.evaluation.callers.touched(&edge.store, &environment, before, &now);
        let is_news = seen.as_ref().is_none_or(|before| !touched(before).is_nothing());
        let head = now.revision();
        seen = Some(now);
        is_news.then(|| Ok::<Event, Infallible>(edge.refetch(head)))
    });
    let events = Until {
        events: Box::pin(events),
        ending: Box::pin(ending),
        age: following.age(),
        _open: following.open.begin(),
    };
    // A comment in a silence, so that what is between us sees that the stream lives.
    Sse::new(events).keep_alive(KeepAlive::new().interval(following.heartbeat)).into_response()
}

impl OfrepEdge {
    /// Pages can send no header here, and so the query names what the bulk answer was of.
    fn followed(&self, request: &Request<Body>) -> Result<EnvironmentKey, Failure> {
        let name = request.uri().query().and_then(|query| parameter(query, "flagSetId"));
        let name = name.filter(|name| !name.is_empty());
        let name = agreed(selected(request.headers())?, name, "the query's flagSetId");
        let name = name.map_err(|words| refused(ErrorCode::General, words))?;
        Ok(self.environment(name)?.key)
    }

    /// The configuration's version at a revision, as callers give it back.
    pub(super) fn version(&self, revision: Revision) -> String {
        format!("{}.{revision}", self.store.epoch())
    }

    fn refetch(&self, revision: Revision) -> Event {
        let version = self.version(revision);
        let data = format!(r#"{{"type":"refetchEvaluation","etag":"{version}"}}"#);
        Event::default().id(version).event("message").data(data)
    }
}

type Events = Pin<Box<dyn Stream<Item = Result<Event, Infallible>> + Send>>;

/// Events until the server wants its connections to end, or the stream is old enough: who listens connects again.
struct Until {
    events: Events,
    ending: Pin<Box<WaitForCancellationFutureOwned>>,
    age: Pin<Box<Sleep>>,
    _open: OpenStream,
}

impl Stream for Until {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ending.as_mut().poll(context).is_ready() || self.age.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        self.events.as_mut().poll_next(context)
    }
}
