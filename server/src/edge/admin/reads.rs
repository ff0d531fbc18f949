//! What people read: flags, history, connected instances, the server's own state.

use bytes::Bytes;
use mycelia_flags_core::key::{EnvironmentKey, FoldedKey};
use mycelia_flags_core::list::ListKey;
use mycelia_flags_core::rejection::{Reason, Rejection, Violation};
use mycelia_flags_core::revision::Revision;
use mycelia_flags_core::snapshot::Snapshot;
use mycelia_flags_proto::convert;
use mycelia_flags_proto::v1;
use tonic::Status;

use super::AdminEdge;
use crate::distribution::registry::Entry;
use crate::edge::limits::{FLAGS_PAGE, FLAGS_PAGE_MAX, RECORDS_PAGE, RECORDS_PAGE_MAX};
use crate::edge::status;
use crate::state::{HistoryQuery, WriterHealth};

impl AdminEdge {
    pub(super) fn flag(&self, request: &v1::GetFlagRequest) -> Result<v1::GetFlagResponse, Status> {
        let snapshot = self.store.snapshot();
        let flag = flag_to_wire(&snapshot, &FoldedKey::of(&request.flag)).ok_or_else(|| {
            let allowed = "the key of a flag that exists";
            refused(Reason::UnknownFlag, "flag", &request.flag, allowed.to_owned())
        })?;
        Ok(v1::GetFlagResponse { flag: Some(flag), revision: snapshot.revision().get() })
    }

    pub(super) fn flags(&self, request: &v1::ListFlagsRequest) -> Result<v1::ListFlagsResponse, Status> {
        let page = page_size(request.page_size, FLAGS_PAGE, FLAGS_PAGE_MAX)?;
        let snapshot = self.store.snapshot();
        // The token is the key of the last flag of the page before: a page stays right whatever changes in between.
        let after = FoldedKey::of(&request.page_token);
        let mut keys = snapshot.flags_after(&after).map(|(key, _)| key);
        let flags: Vec<(FoldedKey, v1::Flag)> = keys
            .by_ref()
            .take(page)
            .filter_map(|key| flag_to_wire(&snapshot, key).map(|flag| (key.clone(), flag)))
            .collect();
        let more = keys.next().is_some();
        let last = flags.last().filter(|_| more);
        Ok(v1::ListFlagsResponse {
            next_page_token: last.map(|(key, _)| key.to_string()).unwrap_or_default(),
            flags: flags.into_iter().map(|(_, flag)| flag).collect(),
            revision: snapshot.revision().get(),
            environments: snapshot.environments().map(ToString::to_string).collect(),
        })
    }

    pub(super) async fn records(
        &self,
        request: v1::ListRecordsRequest,
    ) -> Result<v1::ListRecordsResponse, Status> {
        let limit = page_size(request.page_size, RECORDS_PAGE, RECORDS_PAGE_MAX)?;
        let query = HistoryQuery {
            after: Revision::new(request.after_revision),
            before: (request.before_revision > 0).then(|| Revision::new(request.before_revision)),
            limit,
            flag: (!request.flag.is_empty()).then(|| FoldedKey::of(&request.flag)),
            newest_first: request.newest_first,
        };
        let page = self.store.history(query).await.map_err(|failure| status::read_failed(&failure))?;
        Ok(v1::ListRecordsResponse {
            records: page
                .records
                .iter()
                .map(|(record, chain)| {
                    convert::record_to_wire(record, Bytes::copy_from_slice(&chain.to_bytes()))
                })
                .collect(),
            head_revision: self.store.snapshot().revision().get(),
            more: page.more,
            scanned_revision: page.scanned.get(),
        })
    }

    pub(super) fn subscribers(&self, request: &v1::ListSubscribersRequest) -> v1::ListSubscribersResponse {
        let asked = |entry: &Entry| {
            let service = entry.scope.service.as_ref().map_or("", |service| service.as_str());
            (request.environment.is_empty() || entry.scope.environment.as_str() == request.environment)
                && (request.service.is_empty() || service == request.service)
        };
        let mut entries = self.hub.registry().list();
        entries.retain(|entry| asked(entry));
        entries.sort_by(|a, b| {
            (&a.scope, &a.identity.instance, a.stream).cmp(&(&b.scope, &b.identity.instance, b.stream))
        });
        v1::ListSubscribersResponse {
            subscribers: entries.iter().map(|entry| self.subscriber(entry)).collect(),
            head_revision: self.store.snapshot().revision().get(),
        }
    }

    fn subscriber(&self, entry: &Entry) -> v1::Subscriber {
        v1::Subscriber {
            stream_id: entry.stream.0,
            environment: entry.scope.environment.to_string(),
            service: entry.scope.service.as_ref().map(ToString::to_string).unwrap_or_default(),
            instance: entry.identity.instance.clone(),
            sdk: entry.identity.sdk.clone(),
            address: entry.identity.address.clone(),
            connected_at: Some(convert::timestamp_to_wire(entry.connected_at)),
            sent_revision: entry.sent().get(),
            applied_revision: entry.applied().get(),
            acknowledged_at: entry.acknowledged_at().map(convert::timestamp_to_wire),
            scope_revision: self.hub.scope_revision(&entry.scope).get(),
            digest_mismatches: entry.digest_mismatches(),
            refused: entry.refused(),
            observer: entry.identity.observer,
            delivered_only: entry.identity.delivered_only,
        }
    }

    pub(super) fn status(&self) -> v1::GetStatusResponse {
        let snapshot = self.store.snapshot();
        let health = self.store.writer_health().borrow().clone();
        let not_writable_reason = match &health {
            WriterHealth::Writable => String::new(),
            WriterHealth::Poisoned { reason } => reason.to_string(),
            WriterHealth::Closed => "the server is shutting down".to_owned(),
        };
        v1::GetStatusResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            epoch: self.store.epoch().to_string(),
            revision: snapshot.revision().get(),
            writable: matches!(health, WriterHealth::Writable),
            not_writable_reason,
            subscribers: u32::try_from(self.hub.registry().len()).unwrap_or(u32::MAX),
            environments: snapshot.environments().map(ToString::to_string).collect(),
            default_environment: self.default_environment.to_string(),
            flags: u32::try_from(snapshot.flag_count()).unwrap_or(u32::MAX),
            bucketing: convert::generation_to_wire(snapshot.settings().bucketing).into(),
            started_at: Some(convert::timestamp_to_wire(self.started_at)),
            overrides: snapshot.environments().flat_map(|of| active_overrides(&snapshot, of)).collect(),
            canaries: snapshot.environments().map(|environment| canary(&snapshot, environment)).collect(),
        }
    }
}

fn active_overrides(snapshot: &Snapshot, environment: &EnvironmentKey) -> Vec<v1::ActiveOverride> {
    let detached = snapshot.configurations(environment).filter(|(_, found)| !found.overrides.is_empty());
    let of_flag = |(flag, _)| {
        let configuration = snapshot.configuration(environment, flag)?;
        let definition = snapshot.flag(flag)?;
        let wire = convert::configuration_to_wire(configuration);
        Some(wire.overrides.into_iter().map(|found| v1::ActiveOverride {
            environment: environment.to_string(),
            flag: definition.key.to_string(),
            r#override: Some(found),
        }))
    };
    detached.filter_map(of_flag).flatten().collect()
}

fn canary(snapshot: &Snapshot, environment: &EnvironmentKey) -> v1::CanaryStatus {
    let allowlist = snapshot.list(environment, &ListKey::Canary).len();
    v1::CanaryStatus {
        environment: environment.to_string(),
        on: snapshot.canary(environment).on,
        allowlist: u32::try_from(allowlist).unwrap_or(u32::MAX),
    }
}

fn flag_to_wire(snapshot: &Snapshot, key: &FoldedKey) -> Option<v1::Flag> {
    let definition = snapshot.flag(key)?;
    let configuration = |environment: &EnvironmentKey| {
        let configuration = snapshot.configuration(environment, key)?;
        Some((environment.to_string(), convert::configuration_to_wire(configuration)))
    };
    Some(v1::Flag {
        definition: Some(convert::definition_to_wire(definition)),
        configurations: snapshot.environments().filter_map(configuration).collect(),
    })
}

pub(super) fn page_size(asked: i32, usual: usize, max: usize) -> Result<usize, Status> {
    match usize::try_from(asked) {
        Ok(0) => Ok(usual),
        Ok(size) if size <= max => Ok(size),
        _ => Err(refused(Reason::OutOfRange, "page_size", &asked.to_string(), format!("0 to {max}"))),
    }
}

pub(super) fn refused(reason: Reason, field: &str, value: &str, allowed: String) -> Status {
    let violation = Violation { reason, field: field.to_owned(), value: value.to_owned(), allowed };
    status::rejected(&Rejection::one(violation))
}
