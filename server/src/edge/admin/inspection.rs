//! Why a context gets what it gets, what differs, and documents in and out.

use std::collections::BTreeSet;
use std::sync::Arc;

use mycelia_flags_core::explain::{self, Question};
use mycelia_flags_core::flagd::{self, Audiences, Source};
use mycelia_flags_core::key::{EnvironmentKey, FoldedKey, ServiceName};
use mycelia_flags_core::rejection::Reason;
use mycelia_flags_core::revision::{Revision, Timestamp};
use mycelia_flags_core::snapshot::Snapshot;
use mycelia_flags_core::{difference, json};
use mycelia_flags_proto::convert;
use mycelia_flags_proto::v1;
use tonic::Status;

use super::AdminEdge;
use super::reads::refused;
use crate::edge::status;
use crate::state::HistoryQuery;

impl AdminEdge {
    pub(super) async fn explain(&self, request: v1::ExplainRequest) -> Result<v1::ExplainResponse, Status> {
        let context = super::context(request.context.unwrap_or_default())?;
        let snapshot = match request.at {
            None => self.store.snapshot(),
            Some(v1::explain_request::At::AtRevision(revision)) => {
                self.snapshot_at("at_revision", Revision::new(revision)).await?
            }
            Some(v1::explain_request::At::AtTime(moment)) => {
                let moment = convert::timestamp_from_wire("at_time", &moment)
                    .map_err(|error| refused(Reason::OutOfRange, "at_time", "", error.to_string()))?;
                let revision = self.store.revision_at(moment).await;
                let revision = revision.map_err(|failure| status::read_failed(&failure))?;
                if revision == Revision::ZERO {
                    let allowed = "a moment when this store was there".to_owned();
                    return Err(refused(Reason::UnknownRevision, "at_time", &moment.to_string(), allowed));
                }
                self.snapshot_at("at_time", revision).await?
            }
        };
        let environment = self.environment(&snapshot, &request.environment)?;
        let committed_at = self.committed_at(snapshot.revision()).await?;
        let question = Question {
            environment: &environment,
            flag: &request.flag,
            service: &request.service,
            context: &context,
            now_unix_s: committed_at.unwrap_or_else(|| self.clock.now()).unix_seconds(),
        };
        let explanation = explain::explain(&snapshot, &question);
        let bucket = explain::bucket(&snapshot, &environment, &request.flag, &context);
        let mut answer = convert::explanation_to_wire(&explanation);
        answer.bucket = answer.bucket.or_else(|| bucket.as_ref().map(convert::bucket_to_wire));
        answer.revision = snapshot.revision().get();
        answer.committed_at = committed_at.map(convert::timestamp_to_wire);
        Ok(answer)
    }

    /// When a past revision was committed; none for the newest one.
    async fn committed_at(&self, revision: Revision) -> Result<Option<Timestamp>, Status> {
        if revision >= self.store.snapshot().revision() {
            return Ok(None);
        }
        let before = Revision::new(revision.get().saturating_sub(1));
        let query = HistoryQuery { after: before, limit: 1, ..HistoryQuery::default() };
        let page = self.store.history(query).await.map_err(|failure| status::read_failed(&failure))?;
        Ok(page.records.first().map(|(record, _)| record.committed_at))
    }

    async fn snapshot_at(&self, field: &str, revision: Revision) -> Result<Arc<Snapshot>, Status> {
        let found =
            self.store.snapshot_at(revision).await.map_err(|failure| status::read_failed(&failure))?;
        found.ok_or_else(|| {
            let allowed = format!("a revision from 1 to {}", self.store.snapshot().revision());
            refused(Reason::UnknownRevision, field, &revision.to_string(), allowed)
        })
    }

    pub(super) async fn diff(&self, request: v1::DiffRequest) -> Result<v1::DiffResponse, Status> {
        let (mut changes, revision) = match between(&request)? {
            Between::Environments => {
                let snapshot = self.store.snapshot();
                let from =
                    self.named_environment("from_environment", &snapshot, &request.from_environment)?;
                let to = self.named_environment("to_environment", &snapshot, &request.to_environment)?;
                (difference::of_environments(&snapshot, &from, &to), snapshot.revision())
            }
            Between::Revisions => {
                let before = self.snapshot_at("from_revision", Revision::new(request.from_revision)).await?;
                let after = match request.to_revision {
                    0 => self.store.snapshot(),
                    to => self.snapshot_at("to_revision", Revision::new(to)).await?,
                };
                (difference::of_snapshots(&before, &after), after.revision())
            }
        };
        if !request.flags.is_empty() {
            let flags: BTreeSet<FoldedKey> = request.flags.iter().map(|flag| FoldedKey::of(flag)).collect();
            changes.retain(|change| difference::is_of(change, &flags));
        }
        let changes = changes.iter().map(convert::field_change_to_wire).collect();
        Ok(v1::DiffResponse { changes, revision: revision.get() })
    }

    pub(super) fn export(&self, request: &v1::ExportRequest) -> Result<v1::ExportResponse, Status> {
        let snapshot = self.store.snapshot();
        let environment = self.environment(&snapshot, &request.environment)?;
        let service = (!request.service.is_empty()).then(|| ServiceName::new(&request.service));
        let source = Source { snapshot: &snapshot, environment: &environment, service: service.as_ref() };
        let document = flagd::document(&source, Audiences::Shared);
        let omission = |(flag, reason): &(_, String)| v1::ExportOmission {
            flag: mycelia_flags_core::key::FlagKey::to_string(flag),
            reason: reason.clone(),
        };
        Ok(v1::ExportResponse {
            document: json::print(&document.json),
            omissions: document.untranslatable.iter().map(omission).collect(),
            revision: snapshot.revision().get(),
        })
    }

    /// An environment by its name; empty means the default one.
    pub(super) fn environment(&self, snapshot: &Snapshot, name: &str) -> Result<EnvironmentKey, Status> {
        if name.is_empty() {
            return Ok(self.default_environment.clone());
        }
        self.named_environment("environment", snapshot, name)
    }

    fn named_environment(
        &self,
        field: &str,
        snapshot: &Snapshot,
        name: &str,
    ) -> Result<EnvironmentKey, Status> {
        let key = EnvironmentKey::parse(name).ok().filter(|key| snapshot.has_environment(key));
        key.ok_or_else(|| {
            let names: Vec<&str> = snapshot.environments().map(EnvironmentKey::as_str).collect();
            refused(Reason::UnknownEnvironment, field, name, format!("one of {}", names.join(", ")))
        })
    }
}

/// What a request compares.
#[derive(Debug, PartialEq, Eq)]
enum Between {
    Revisions,
    Environments,
}

/// Either two revisions or two environments.
fn between(request: &v1::DiffRequest) -> Result<Between, Status> {
    let named =
        [("from_environment", &request.from_environment), ("to_environment", &request.to_environment)];
    let of_revisions = request.from_revision > 0 || request.to_revision > 0;
    let of_environments = named.iter().any(|(_, name)| !name.is_empty());
    let missing = |field| {
        let allowed = "two revisions (the later one may be left out), or two environments".to_owned();
        Err(refused(Reason::Required, field, "", allowed))
    };
    match (of_revisions, of_environments) {
        (true, true) => {
            let (field, name) =
                named.into_iter().find(|(_, name)| !name.is_empty()).unwrap_or(("", &request.to_environment));
            let allowed = "nothing, where revisions are compared".to_owned();
            Err(refused(Reason::NotApplicable, field, name, allowed))
        }
        (true, false) if request.from_revision > 0 => Ok(Between::Revisions),
        (false, true) => match named.into_iter().find(|(_, name)| name.is_empty()) {
            Some((field, _)) => missing(field),
            None => Ok(Between::Environments),
        },
        _ => missing("from_revision"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(revisions: (u64, u64), environments: (&str, &str), expected: Result<Between, &str>) {
        let request = v1::DiffRequest {
            from_revision: revisions.0,
            to_revision: revisions.1,
            from_environment: environments.0.to_owned(),
            to_environment: environments.1.to_owned(),
            flags: Vec::new(),
        };
        match (between(&request), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(status), Err(words)) => assert!(status.message().starts_with(words), "{}", status.message()),
            (found, expected) => panic!("{found:?} is not {expected:?}"),
        }
    }

    #[test]
    fn either_revisions_or_environments_are_compared() {
        check((3, 0), ("", ""), Ok(Between::Revisions));
        check((3, 7), ("", ""), Ok(Between::Revisions));
        check((0, 0), ("staging", "production"), Ok(Between::Environments));
        check((0, 0), ("", ""), Err("from_revision: \"\" (REQUIRED)"));
        check((0, 7), ("", ""), Err("from_revision: \"\" (REQUIRED)"));
        check((0, 0), ("staging", ""), Err("to_environment: \"\" (REQUIRED)"));
        check((3, 0), ("staging", ""), Err("from_environment: \"staging\" (NOT_APPLICABLE)"));
        check((0, 7), ("staging", "production"), Err("from_environment: \"staging\" (NOT_APPLICABLE)"));
    }
}
