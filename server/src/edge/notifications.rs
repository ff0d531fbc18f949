//! `NotificationService`: who is told what happens, and what could not be delivered.

use std::sync::Arc;

use mycelia_flags_core::revision::Timestamp;
use mycelia_flags_proto::v1::notification_service_server::NotificationService;
use mycelia_flags_proto::{convert, v1};
use tonic::{Code, Request, Response, Status};

use super::status::{with_reason, word};
use crate::control::notifier::{DeadLetter, Desk, Notifier, Refusal};

/// What NotificationService calls.
#[derive(Debug, Clone)]
pub struct NotificationEdge {
    /// All targets.
    pub notifier: Arc<Notifier>,
}

fn unknown_target(name: &str) -> Status {
    with_reason(Code::NotFound, word::UNKNOWN_TARGET, format!("there is no notification target {name:?}"))
}

fn target_to_wire(desk: &Desk) -> v1::NotificationTarget {
    let known = desk.known();
    v1::NotificationTarget {
        name: desk.target.name.clone(),
        kind: desk.target.channel.kind().to_owned(),
        address: desk.target.channel.shown(),
        revision: known.revision,
        delivered: known.delivered,
        dead: u32::try_from(known.dead.len()).unwrap_or(u32::MAX),
        dropped: known.dropped,
        trying: desk.trying().map(|trying| v1::NotificationTrial {
            id: trying.id,
            attempts: trying.failed,
            error: trying.error,
        }),
    }
}

fn letter_to_wire(target: &str, letter: DeadLetter) -> v1::DeadLetter {
    v1::DeadLetter {
        target: target.to_owned(),
        id: letter.notice.id,
        r#type: letter.notice.kind,
        severity: letter.notice.severity,
        words: letter.notice.words,
        attempts: letter.attempts,
        failed_at: Some(convert::timestamp_to_wire(Timestamp::from_unix_micros(letter.failed_at_micros))),
        error: letter.error,
    }
}

fn attempt_to_wire(target: String, outcome: Result<(), Refusal>) -> v1::NotificationAttempt {
    let error = outcome.err().map(|refusal| refusal.why);
    v1::NotificationAttempt { target, delivered: error.is_none(), error: error.unwrap_or_default() }
}

#[tonic::async_trait]
impl NotificationService for NotificationEdge {
    async fn list_notification_targets(
        &self,
        _request: Request<v1::ListNotificationTargetsRequest>,
    ) -> Result<Response<v1::ListNotificationTargetsResponse>, Status> {
        let targets = self.notifier.desks().iter().map(|desk| target_to_wire(desk)).collect();
        let revision = self.notifier.head().get();
        Ok(Response::new(v1::ListNotificationTargetsResponse { targets, revision }))
    }

    async fn list_dead_letters(
        &self,
        request: Request<v1::ListDeadLettersRequest>,
    ) -> Result<Response<v1::ListDeadLettersResponse>, Status> {
        let wanted = request.into_inner().target;
        if !wanted.is_empty() && self.notifier.desk(&wanted).is_none() {
            return Err(unknown_target(&wanted));
        }
        let desks = self.notifier.desks().iter();
        let desks = desks.filter(|desk| wanted.is_empty() || desk.target.name == wanted);
        let letters = desks.flat_map(|desk| {
            let name = desk.target.name.clone();
            desk.known().dead.into_iter().map(move |letter| letter_to_wire(&name, letter))
        });
        Ok(Response::new(v1::ListDeadLettersResponse { letters: letters.collect() }))
    }

    async fn retry_dead_letter(
        &self,
        request: Request<v1::RetryDeadLetterRequest>,
    ) -> Result<Response<v1::RetryDeadLetterResponse>, Status> {
        let request = request.into_inner();
        let target = (!request.target.is_empty()).then_some(request.target.as_str());
        if let Some(name) = target.filter(|name| self.notifier.desk(name).is_none()) {
            return Err(unknown_target(name));
        }
        let outcomes = self.notifier.retry(&request.id, target).await;
        if outcomes.is_empty() {
            let message = format!("no target has a dead letter of the event {:?}", request.id);
            return Err(with_reason(Code::NotFound, word::UNKNOWN_DEAD_LETTER, message));
        }
        let attempts = outcomes.into_iter().map(|(target, outcome)| attempt_to_wire(target, outcome));
        Ok(Response::new(v1::RetryDeadLetterResponse { attempts: attempts.collect() }))
    }

    async fn test_notification_target(
        &self,
        request: Request<v1::TestNotificationTargetRequest>,
    ) -> Result<Response<v1::TestNotificationTargetResponse>, Status> {
        let name = request.into_inner().target;
        let outcome = self.notifier.test(&name).await.ok_or_else(|| unknown_target(&name))?;
        let attempt = Some(attempt_to_wire(name, outcome));
        Ok(Response::new(v1::TestNotificationTargetResponse { attempt }))
    }
}
