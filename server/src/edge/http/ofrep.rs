//! OFREP, OpenFeature's own protocol over HTTP (openapi 0.3.0), for providers that know nothing of us.
//!
//! `POST /ofrep/v1/evaluate/flags/{key}` evaluates one flag, `POST /ofrep/v1/evaluate/flags` all of them, and
//! `ofrep/events.rs` tells when it is worth asking again.

mod answer;
mod asked;
mod events;
mod rate;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use http::request::Parts;
use http::{HeaderMap, Request, Response, StatusCode, Uri, header};
use mycelia_flags_core::compiled::Slot;
use mycelia_flags_core::evaluation::ErrorCode;
use mycelia_flags_core::key::{FlagKey, VariantName};
use mycelia_flags_core::value::Value;
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use self::answer::{Failure, bulk_body, evaluated, json};
use self::asked::Asked;
use self::rate::Rate;
use crate::clock::SharedClock;
use crate::edge::evaluation::EvaluationEdge;
use crate::edge::limits::{OFREP_BURST, OFREP_PEERS_MAX, OFREP_PER_SECOND};
use crate::edge::sync::Peer;
use crate::state::Store;

pub(crate) use events::events;
pub use rate::RateLimit;

/// What OFREP calls.
#[derive(Debug, Clone)]
pub struct OfrepEdge {
    /// Compiled flags, and what notes that they were evaluated.
    pub evaluation: EvaluationEdge,
    /// Whose head moves.
    pub store: Store,
    /// Cancelled when the server wants its connections to end.
    pub ending: CancellationToken,
    /// How often one address may evaluate.
    pub rate: Arc<RateLimit>,
}

/// Evaluates one flag.
pub(crate) async fn single(
    State(edge): State<OfrepEdge>,
    Path(key): Path<String>,
    request: Request<Body>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    if let Err(wait) = edge.rate.take(peer(&head)) {
        return too_many(wait).of_flag(&key).into_response();
    }
    match edge.asked(&head.headers, body).await {
        Ok(asked) => edge.single(&key, &asked),
        Err(failure) => failure.of_flag(&key).into_response(),
    }
}

/// Evaluates all flags that the caller may see.
pub(crate) async fn bulk(State(edge): State<OfrepEdge>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    if let Err(wait) = edge.rate.take(peer(&head)) {
        return too_many(wait).into_response();
    }
    match edge.asked(&head.headers, body).await {
        Ok(asked) => edge.bulk(&asked, &head.uri, &head.headers),
        Err(failure) => failure.into_response(),
    }
}

/// The answer to a call that comes no further; `key` is the flag that it asks for.
pub(crate) fn refused(status: StatusCode, details: String, key: Option<&str>) -> Response<Body> {
    let failure = Failure::new(status, ErrorCode::General, details);
    let failure = match key {
        Some(key) => failure.of_flag(key),
        None => failure,
    };
    failure.into_response()
}

/// The limit of a running server.
pub(crate) fn rate_limit(clock: SharedClock) -> Arc<RateLimit> {
    let rate = Rate { per_second: OFREP_PER_SECOND, burst: OFREP_BURST, peers_max: OFREP_PEERS_MAX };
    Arc::new(RateLimit::new(rate, clock))
}

fn peer(head: &Parts) -> Option<IpAddr> {
    head.extensions.get::<Peer>().map(|peer| peer.address.ip())
}

fn too_many(wait: Duration) -> Failure {
    let details =
        format!("more than {OFREP_PER_SECOND} evaluations a second from one address: see Retry-After");
    Failure::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::General, details).again_after(wait)
}

impl OfrepEdge {
    fn single(&self, key: &str, asked: &Asked) -> Response<Body> {
        let Some(slot) = asked.environment.flags.get(key).filter(|slot| self.may_see(asked, slot)) else {
            let details = format!("there is no flag {key:?} in {}", asked.environment.key);
            return Failure::new(StatusCode::NOT_FOUND, ErrorCode::FlagNotFound, details)
                .of_flag(key)
                .into_response();
        };
        match self.evaluate(slot, key, asked) {
            Ok((value, served)) => {
                self.count(asked, [served]);
                json(StatusCode::OK, mycelia_flags_core::json::print(&value))
            }
            Err(failure) => failure.into_response(),
        }
    }

    fn bulk(&self, asked: &Asked, uri: &Uri, headers: &HeaderMap) -> Response<Body> {
        let slots = asked.environment.flags.in_order().iter().filter(|slot| self.may_see(asked, slot));
        let mut handed_out = Vec::new();
        let flags = slots.map(|slot| match self.evaluate(slot, slot.key().as_str(), asked) {
            Ok((value, served)) => {
                handed_out.push(served);
                value
            }
            Err(failure) => failure.value(),
        });
        let body = bulk_body(&asked.environment.key, flags.collect());
        let tag = format!("\"{}\"", hex(&Sha256::digest(body.as_bytes())));
        let mut response = if self.holds(asked, &tag, uri, headers) {
            let mut unchanged = Response::new(Body::empty());
            *unchanged.status_mut() = StatusCode::NOT_MODIFIED;
            unchanged
        } else {
            // Who holds the answer already has been handed out nothing: providers ask again every few seconds.
            self.count(asked, handed_out);
            json(StatusCode::OK, body)
        };
        if let Ok(tag) = tag.parse() {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }

    /// Whether the caller has this answer already. One that was told of a newer configuration than ours gets the whole
    /// answer: a replica that lags must not confirm what is old.
    fn holds(&self, asked: &Asked, tag: &str, uri: &Uri, headers: &HeaderMap) -> bool {
        let told = uri.query().and_then(|query| parameter(query, "flagConfigEtag"));
        if told
            .is_some_and(|told| told.trim_matches('"') != self.version(asked.environment.snapshot.revision()))
        {
            return false;
        }
        let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        let mut known = known.flat_map(|value| value.split(','));
        known.any(|known| {
            let known = known.trim();
            let known = known.strip_prefix("W/").unwrap_or(known);
            known == "*" || known.trim_matches('"') == tag.trim_matches('"')
        })
    }

    fn count<'f>(&self, asked: &Asked, served: impl IntoIterator<Item = (&'f FlagKey, &'f VariantName)>) {
        self.evaluation.count(&asked.environment.key, &asked.service, &asked.context, served);
    }

    /// The answer of a flag, and what is to be counted when it is given.
    fn evaluate<'f>(
        &self,
        slot: &'f Slot,
        key: &str,
        asked: &'f Asked,
    ) -> Result<(Value, (&'f FlagKey, &'f VariantName)), Failure> {
        let now = self.evaluation.clock.now();
        self.evaluation.note(&asked.environment.key, slot, now);
        match slot {
            Slot::Flag(flag) => {
                let around = asked.environment.flags.around(&asked.service, now);
                let resolution = flag.evaluate(around, &asked.context);
                Ok((evaluated(key, &resolution), (flag.key(), &resolution.variant.name)))
            }
            Slot::Broken { .. } => {
                let details = "the flag cannot be evaluated by this version of the server".to_owned();
                Err(Failure::new(StatusCode::BAD_REQUEST, ErrorCode::ParseError, details).of_flag(key))
            }
        }
    }
}

/// A parameter of a query, as it was written: what we look for needs no escapes.
fn parameter<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
