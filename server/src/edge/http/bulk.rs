//! `POST /api/admin/features/bulk`: several flags in one change set, all or nothing.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, Request, Response, StatusCode, Uri, header};
use mycelia_flags_core::check::Origin;
use mycelia_flags_core::entity::{Entity, EntityId};
use mycelia_flags_core::flag::{FlagConfiguration, FlagDefinition};
use mycelia_flags_core::key::{EnvironmentKey, FoldedKey};
use mycelia_flags_core::rejection::Reason;
use serde::Serialize;

use super::HttpEdge;
use super::body::read_body;
use super::bulk_body::Bulk;
use super::flag_state::FlagState;
use super::lines::Lines;
use super::query::Query;
use crate::edge::limits::ADMIN_MESSAGE_BYTES_MAX;
use crate::edge::problem::{Fault, Faults, Problem};
use crate::edge::status::word;
use crate::state::{CommitRequest, Committed};

/// What a bulk change did, beside the flags.
#[derive(Serialize)]
struct Head<'a> {
    revision: u64,
    /// Whether anything is different now, or would be.
    changed: bool,
    /// The same request was made before under its idempotency key, and this is the answer of then.
    replayed: bool,
    dry_run: bool,
    environment: &'a str,
    warnings: &'a [String],
}

/// Answers a bulk change.
pub(crate) async fn bulk(State(edge): State<HttpEdge>, request: Request<Body>) -> Response<Body> {
    edge.bulk(request).await.unwrap_or_else(Problem::into_response)
}

impl HttpEdge {
    async fn bulk(&self, request: Request<Body>) -> Result<Response<Body>, Problem> {
        let (head, body) = request.into_parts();
        check_origin(&head.uri, &head.headers)?;
        let body = read_body(&head.headers, body, ADMIN_MESSAGE_BYTES_MAX).await?;
        let mut faults = Faults::default();
        let query = Query::read(&head.uri, &["env"], &mut faults);
        let environment = query.environment(&self.intake.store.snapshot(), &mut faults);
        let environment = environment.unwrap_or_else(|| self.intake.default_environment.clone());
        let idempotency_key = idempotency_key(&head.headers, &mut faults);
        let bulk = Bulk::read(&body, &environment, &mut faults);
        faults.refuse()?;
        let commit = CommitRequest {
            change_set: bulk.change_set.clone(),
            expected_revision: bulk.expected_revision,
            idempotency_key,
            dry_run: bulk.dry_run,
            origin: Origin::Caller,
        };
        let committed = self.intake.commit(commit).await;
        let committed =
            committed.map_err(|failure| Problem::of_commit(&failure, |violation| bulk.place(violation)))?;
        Ok(self.answer(&bulk, &environment, &committed))
    }

    /// The flags as the change set leaves them. Those that were so already are shown as they are now.
    fn answer(&self, bulk: &Bulk, environment: &EnvironmentKey, committed: &Committed) -> Response<Body> {
        let head = Head {
            revision: committed.revision.get(),
            changed: !committed.writes.is_empty() && !committed.replayed,
            replayed: committed.replayed,
            dry_run: bulk.dry_run,
            environment: environment.as_str(),
            warnings: &committed.warnings,
        };
        let mut lines = Lines::begin(&head, "flags");
        let written: BTreeMap<&FoldedKey, &FlagConfiguration> = committed
            .writes
            .iter()
            .filter_map(|write| match (&write.id, &write.value) {
                (EntityId::Configuration(of, flag), Some(Entity::Configuration(configuration)))
                    if of == environment =>
                {
                    Some((flag, &**configuration))
                }
                _ => None,
            })
            .collect();
        let defined: BTreeMap<&FoldedKey, &FlagDefinition> = committed
            .writes
            .iter()
            .filter_map(|write| match (&write.id, &write.value) {
                (EntityId::Flag(flag), Some(Entity::Flag(definition))) => Some((flag, &**definition)),
                _ => None,
            })
            .collect();
        let snapshot = self.intake.store.snapshot();
        for flag in &bulk.flags {
            let now = snapshot.configuration(environment, flag).map(|found| &**found);
            let configuration = written.get(flag).copied().or(now);
            let definition = defined.get(flag).copied().or_else(|| snapshot.flag(flag).map(|found| &**found));
            if let (Some(definition), Some(configuration)) = (definition, configuration) {
                lines.add(&FlagState::of(definition, configuration));
            }
        }
        lines.into_response()
    }
}

/// Whatever its content type is: `curl -d` sends a form's. That is also what a page in somebody's browser may send to any
/// server without asking, so a page of another site is refused by the header that every browser adds.
fn check_origin(uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = String::from_utf8_lossy(origin.as_bytes());
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = uri.authority().map(http::uri::Authority::as_str).or(host).unwrap_or_default();
    if origin.split_once("://").is_some_and(|(_, of)| of.eq_ignore_ascii_case(host)) {
        return Ok(());
    }
    let allowed = format!("no Origin, or the server's own: {host}");
    let fault = Fault::new(word::CROSS_ORIGIN, "Origin", origin, allowed);
    Err(Problem::of_fault(StatusCode::FORBIDDEN, fault))
}

fn idempotency_key(headers: &HeaderMap, faults: &mut Faults) -> Box<str> {
    let Some(key) = headers.get("idempotency-key") else { return Box::default() };
    match key.to_str() {
        Ok(key) => Box::from(key),
        Err(_) => {
            let shown = String::from_utf8_lossy(key.as_bytes()).into_owned();
            faults.note(Reason::InvalidText, "Idempotency-Key", shown, "visible ASCII characters");
            Box::default()
        }
    }
}
