//! `SyncService`: Subscribe and Acknowledge.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use http::{Request, Response};
use mycelia_flags_core::digest::Digest;
use mycelia_flags_core::key::{EnvironmentKey, FlagKey, NAME_GRAMMAR, NameError, ServiceName};
use mycelia_flags_core::rejection::{Reason, Rejection, Violation};
use mycelia_flags_core::revision::Revision;
use mycelia_flags_proto::{convert, v1};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tracing::debug;

use super::grpc_message::{answer, read, refuse, stream};
use super::limits::IDENTITY_BYTES_MAX;
use super::status;
use crate::distribution::contract::Declared;
use crate::distribution::feed::Known;
use crate::distribution::hub::{Hub, SubscribeRequest};
use crate::distribution::limits::DECLARED_MAX;
use crate::distribution::registry::{Acknowledgement, Cut, Identity, StreamId};
use crate::distribution::subscription::Subscription;
use crate::state::Epoch;

/// What SyncService calls.
#[derive(Debug, Clone)]
pub struct SyncEdge {
    /// Who follows what.
    pub hub: Arc<Hub>,
    /// The environment that an empty name means.
    pub default_environment: EnvironmentKey,
}

/// What the listener knows of the connection that a request came on.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The peer's network address.
    pub address: SocketAddr,
    /// Ends the connection at once.
    pub cut: CancellationToken,
}

/// The path of Subscribe.
pub const SUBSCRIBE_PATH: &str = "/mycelia.flags.v1.SyncService/Subscribe";

/// The path of Acknowledge.
pub const ACKNOWLEDGE_PATH: &str = "/mycelia.flags.v1.SyncService/Acknowledge";

/// Answers Subscribe.
pub async fn subscribe(State(edge): State<SyncEdge>, request: Request<Body>) -> Response<Body> {
    let peer = request.extensions().get::<Peer>().cloned();
    let subscribed = match read::<v1::SubscribeRequest>(request).await {
        Ok(message) => edge.subscribe(message, peer),
        Err(status) => Err(status),
    };
    subscribed.map_or_else(|status| refuse(&status), stream)
}

/// Answers Acknowledge.
pub async fn acknowledge(State(edge): State<SyncEdge>, request: Request<Body>) -> Response<Body> {
    match read::<v1::AcknowledgeRequest>(request).await.and_then(|message| edge.acknowledge(message)) {
        Ok(message) => answer(&message),
        Err(status) => refuse(&status),
    }
}

impl SyncEdge {
    fn subscribe(&self, message: v1::SubscribeRequest, peer: Option<Peer>) -> Result<Subscription, Status> {
        let mut violations = Vec::new();
        let environment = if message.environment.is_empty() {
            Some(self.default_environment.clone())
        } else {
            name("environment", &message.environment, EnvironmentKey::parse, &mut violations)
        };
        let service = if message.service.is_empty() {
            None
        } else {
            name("service", &message.service, ServiceName::parse, &mut violations)
        };
        for (field, text) in [("instance", &message.instance), ("sdk", &message.sdk)] {
            identity(field, text, &mut violations);
        }
        let declared = declared(&message.declared, &mut violations);
        let (Some(environment), true) = (environment, violations.is_empty()) else {
            return Err(status::rejected(&Rejection { violations }));
        };
        let address = peer.as_ref().map(|peer| peer.address.to_string()).unwrap_or_default();
        let cut = peer.map(|peer| -> Cut { Arc::new(move || peer.cut.cancel()) });
        let known = Known {
            epoch: Epoch::parse(&message.known_epoch).ok(),
            revision: Revision::new(message.known_revision),
            digest: Digest::from_bytes(&message.known_digest),
        };
        let identity = Identity {
            instance: message.instance,
            sdk: message.sdk,
            address,
            observer: message.observer,
            delivered_only: false,
            declared,
        };
        let request = SubscribeRequest { environment, service, identity, known, cut };
        let subscription = self.hub.subscribe(request).map_err(|error| status::subscribe_refused(&error))?;
        let entry = subscription.entry();
        debug!(stream = %entry.stream, environment = %entry.scope.environment, service = ?entry.scope.service, "subscribed");
        Ok(subscription)
    }

    fn acknowledge(&self, message: v1::AcknowledgeRequest) -> Result<v1::AcknowledgeResponse, Status> {
        let acknowledgement = Acknowledgement {
            applied: Revision::new(message.applied_revision),
            refused: message.refused,
            digest_mismatches: message.digest_mismatches,
        };
        let now = self.hub.clock().now();
        self.hub
            .registry()
            .acknowledge(StreamId(message.stream_id), acknowledgement, now)
            .map_err(|error| status::acknowledge_refused(&error))?;
        Ok(v1::AcknowledgeResponse {})
    }
}

fn name<N>(
    field: &str,
    text: &str,
    parse: fn(&str) -> Result<N, NameError>,
    violations: &mut Vec<Violation>,
) -> Option<N> {
    let parsed = parse(text).ok();
    if parsed.is_none() {
        violations.push(violation(Reason::InvalidName, field, text, NAME_GRAMMAR));
    }
    parsed
}

fn identity(field: &str, text: &str, violations: &mut Vec<Violation>) {
    if text.len() > IDENTITY_BYTES_MAX {
        let allowed = format!("at most {IDENTITY_BYTES_MAX} bytes");
        violations.push(violation(Reason::TooLarge, field, &text.len().to_string(), &allowed));
    }
    if text.chars().any(char::is_control) {
        let shown = text.escape_default().to_string();
        violations.push(violation(Reason::InvalidText, field, &shown, "text without control characters"));
    }
}

fn declared(wire: &[v1::DeclaredFlag], violations: &mut Vec<Violation>) -> Vec<Declared> {
    if wire.len() > DECLARED_MAX {
        let allowed = format!("at most {DECLARED_MAX} flags");
        violations.push(violation(Reason::TooLarge, "declared", &wire.len().to_string(), &allowed));
        return Vec::new();
    }
    let mut declared = Vec::new();
    for (index, wire) in wire.iter().enumerate() {
        let flag = name(&format!("declared[{index}].flag"), &wire.flag, FlagKey::parse, violations);
        let field = format!("declared[{index}].type");
        match (flag, convert::flag_type_from_wire(&field, wire.r#type)) {
            (Some(flag), Ok(flag_type)) => declared.push(Declared { flag, flag_type }),
            (_, Err(_unknown)) => {
                let allowed = "a flag type, or none";
                violations.push(violation(Reason::WrongType, &field, &wire.r#type.to_string(), allowed));
            }
            (None, Ok(_)) => {}
        }
    }
    declared
}

fn violation(reason: Reason, field: &str, value: &str, allowed: &str) -> Violation {
    Violation { reason, field: field.to_owned(), value: value.to_owned(), allowed: allowed.to_owned() }
}
