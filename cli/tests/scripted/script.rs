//! The server's part: what it answers, and what it was asked.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::admin_service_server::AdminService;
use mycelia_flags_proto::v1::subscribe_response::Frame;
use mycelia_flags_proto::v1::sync_service_server::SyncService;
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status};

type Answer<T> = Result<Response<T>, Status>;
type Parts<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// What was asked; what is answered depends on the flag's key and on what was asked before.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    pub(crate) applied: Arc<Mutex<Vec<v1::ApplyRequest>>>,
    pub(crate) subscribed: Arc<Mutex<Vec<v1::SubscribeRequest>>>,
    pub(crate) acknowledged: Arc<Mutex<Vec<v1::AcknowledgeRequest>>>,
    pub(crate) is_damaged: Arc<AtomicBool>,
}

impl Script {
    /// What was asked for, with the revision that was expected.
    pub(crate) fn changes<T>(&self, of: impl Fn(v1::change::Change, Option<u64>) -> T) -> Vec<T> {
        let applied = self.applied.lock().unwrap();
        let asked = applied.iter().flat_map(|request| {
            let changes = request.change_set.clone().unwrap().changes;
            changes.into_iter().map(|change| (change.change.unwrap(), request.expected_revision))
        });
        asked.map(|(change, expected)| of(change, expected)).collect()
    }
}

fn parts<T: Send + 'static>(parts: Vec<Result<T, Status>>) -> Response<Parts<T>> {
    Response::new(Box::pin(tokio_stream::iter(parts)))
}

fn flag_of(request: &v1::ApplyRequest) -> String {
    match &request.change_set.as_ref().unwrap().changes.first().unwrap().change {
        Some(v1::change::Change::EnableFlag(enable)) => enable.flag.clone(),
        Some(v1::change::Change::Rollout(rollout)) => rollout.flag.clone(),
        Some(v1::change::Change::SetRules(set)) => set.flag.clone(),
        Some(v1::change::Change::EditList(edit)) => edit.list.clone(),
        other => format!("{other:?}"),
    }
}

#[tonic::async_trait]
impl AdminService for Script {
    async fn apply(&self, request: Request<v1::ApplyRequest>) -> Answer<v1::ApplyResponse> {
        let request = request.into_inner();
        let flag = flag_of(&request);
        let times = {
            let mut applied = self.applied.lock().unwrap();
            applied.push(request);
            applied.len()
        };
        match flag.as_str() {
            "lost" if times == 1 => return Err(Status::unavailable("the answer was lost")),
            "missing" => return Err(Status::not_found("no flag `missing`\x1b[2J")),
            _ => {}
        }
        let writes = match flag.as_str() {
            "same" => Vec::new(),
            _ => vec![v1::Write { entity: format!("configuration/production/{flag}"), value: None }],
        };
        Ok(Response::new(v1::ApplyResponse {
            revision: if flag == "stuck" { 99 } else { 7 },
            writes,
            warnings: vec!["the flag has no owner".to_owned()],
            replayed: times > 1,
            ..v1::ApplyResponse::default()
        }))
    }

    /// Only `ruled` is there, with two rules; it is read at revision 6.
    async fn get_flag(&self, request: Request<v1::GetFlagRequest>) -> Answer<v1::GetFlagResponse> {
        if request.get_ref().flag != "ruled" {
            return Err(Status::unimplemented("not scripted"));
        }
        let rule = |name: &str| v1::Rule { name: name.to_owned(), ..v1::Rule::default() };
        let configuration = v1::FlagConfiguration {
            enabled: true,
            rules: vec![rule("first"), rule("second")],
            ..v1::FlagConfiguration::default()
        };
        let flag = v1::Flag {
            definition: Some(v1::FlagDefinition { key: "ruled".to_owned(), ..v1::FlagDefinition::default() }),
            configurations: BTreeMap::from([("production".to_owned(), configuration)]),
        };
        Ok(Response::new(v1::GetFlagResponse { flag: Some(flag), revision: 6 }))
    }

    async fn list_flags(&self, request: Request<v1::ListFlagsRequest>) -> Answer<v1::ListFlagsResponse> {
        let is_first = request.get_ref().page_token.is_empty();
        let definition = v1::FlagDefinition {
            key: if is_first { "a" } else { "b" }.to_owned(),
            ..v1::FlagDefinition::default()
        };
        Ok(Response::new(v1::ListFlagsResponse {
            flags: vec![v1::Flag { definition: Some(definition), configurations: BTreeMap::new() }],
            next_page_token: if is_first { "more".to_owned() } else { String::new() },
            revision: 7,
            environments: vec!["production".to_owned()],
        }))
    }

    async fn list_records(
        &self,
        request: Request<v1::ListRecordsRequest>,
    ) -> Answer<v1::ListRecordsResponse> {
        // Never more than two at once, however many are asked for.
        let newest = match request.get_ref().before_revision {
            0 => 5,
            before => before - 1,
        };
        let records = (1..=newest).rev().take(2);
        Ok(Response::new(v1::ListRecordsResponse {
            records: records.map(|revision| v1::Record { revision, ..v1::Record::default() }).collect(),
            head_revision: 5,
            more: newest > 2,
            scanned_revision: newest.saturating_sub(1),
        }))
    }

    async fn list_subscribers(
        &self,
        _request: Request<v1::ListSubscribersRequest>,
    ) -> Answer<v1::ListSubscribersResponse> {
        Err(Status::unimplemented("not scripted"))
    }

    type WaitConvergedStream = Parts<v1::WaitConvergedResponse>;

    async fn wait_converged(
        &self,
        request: Request<v1::WaitConvergedRequest>,
    ) -> Answer<Self::WaitConvergedStream> {
        let revision = request.get_ref().revision;
        let report = |converged| v1::WaitConvergedResponse {
            revision,
            converged: converged == 3,
            services: vec![v1::ServiceProgress {
                service: "runner".to_owned(),
                converged,
                live: 3,
                first_after_micros: Some(8_200),
                last_after_micros: Some(12_345),
            }],
            slowest: "runner/runner-7f".to_owned(),
            spread_micros: Some(4_145),
        };
        if revision == 99 {
            let stuck = tokio_stream::iter([Ok(report(2))]).chain(tokio_stream::pending());
            return Ok(Response::new(Box::pin(stuck)));
        }
        Ok(parts(vec![Ok(report(2)), Ok(report(3))]))
    }

    type BackupStream = Parts<v1::BackupResponse>;

    async fn backup(&self, _request: Request<v1::BackupRequest>) -> Answer<Self::BackupStream> {
        let chunk = |chunk: &'static [u8]| Ok(v1::BackupResponse { chunk: chunk.into() });
        let is_damaged = self.is_damaged.load(Ordering::Relaxed);
        let last = if is_damaged { Err(Status::data_loss("damaged")) } else { chunk(b"whole") };
        Ok(parts(vec![chunk(b"the "), last]))
    }

    async fn get_status(&self, _request: Request<v1::GetStatusRequest>) -> Answer<v1::GetStatusResponse> {
        Ok(Response::new(v1::GetStatusResponse {
            default_environment: "production".to_owned(),
            ..v1::GetStatusResponse::default()
        }))
    }

    /// Says what was asked; nobody is in a bucket of `anonymous`, and `missing` is not there.
    async fn explain(&self, request: Request<v1::ExplainRequest>) -> Answer<v1::ExplainResponse> {
        let request = request.into_inner();
        let bucket = v1::Bucket { bucket: 37_412, ..v1::Bucket::default() };
        let is_missing = request.flag == "missing";
        let at = format!("{:?}", request.at);
        let step = v1::ExplainStep { text: at, decided: true, ..v1::ExplainStep::default() };
        Ok(Response::new(v1::ExplainResponse {
            bucket: (!is_missing && request.flag != "anonymous").then_some(bucket),
            value: (!is_missing).then(v1::Value::default),
            error_code: if is_missing { "FLAG_NOT_FOUND" } else { "" }.to_owned(),
            flag: request.flag,
            reason: "SPLIT".to_owned(),
            steps: vec![step],
            revision: 7,
            ..v1::ExplainResponse::default()
        }))
    }

    /// Says what was asked.
    async fn diff(&self, request: Request<v1::DiffRequest>) -> Answer<v1::DiffResponse> {
        let request = request.into_inner();
        let asked = v1::FieldChange {
            entity: format!("{}-{}", request.from_revision, request.to_revision),
            field: request.flags.join(","),
            before: Some(request.from_environment),
            after: Some(request.to_environment),
        };
        Ok(Response::new(v1::DiffResponse { changes: vec![asked], revision: 7 }))
    }

    async fn list_segments(
        &self,
        _request: Request<v1::ListSegmentsRequest>,
    ) -> Answer<v1::ListSegmentsResponse> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn test_segment(
        &self,
        request: Request<v1::TestSegmentRequest>,
    ) -> Answer<v1::TestSegmentResponse> {
        let context = request.into_inner().context.unwrap();
        let detail = v1::ExplainStep { text: "age is 17".to_owned(), ..v1::ExplainStep::default() };
        let step = v1::ExplainStep {
            kind: v1::StepKind::Detail.into(),
            text: "not on a list".to_owned(),
            inner: vec![detail],
            ..v1::ExplainStep::default()
        };
        let member = context.targeting_key == "ada" && context.attributes.contains_key("age");
        Ok(Response::new(v1::TestSegmentResponse { member, steps: vec![step], revision: 7 }))
    }

    async fn get_canary(&self, _request: Request<v1::GetCanaryRequest>) -> Answer<v1::GetCanaryResponse> {
        Ok(Response::new(v1::GetCanaryResponse {
            environment: "production".to_owned(),
            canary: Some(v1::Canary { on: true, switched: None }),
            allowlist: 2,
            ..v1::GetCanaryResponse::default()
        }))
    }

    async fn list_features(
        &self,
        _request: Request<v1::ListFeaturesRequest>,
    ) -> Answer<v1::ListFeaturesResponse> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn list_stale(&self, _request: Request<v1::ListStaleRequest>) -> Answer<v1::ListStaleResponse> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn export(&self, _request: Request<v1::ExportRequest>) -> Answer<v1::ExportResponse> {
        let omission = v1::ExportOmission { flag: "b".to_owned(), reason: "it knows dates".to_owned() };
        Ok(Response::new(v1::ExportResponse {
            document: r#"{"flags":{"a":{}}}"#.to_owned(),
            omissions: vec![omission],
            revision: 7,
        }))
    }

    /// As many flags as the document's text says, each to be enabled; one more is left out.
    async fn import(&self, request: Request<v1::ImportRequest>) -> Answer<v1::ImportResponse> {
        let flags: u32 = request.get_ref().document.trim().parse().unwrap();
        let change = |number| {
            let flag = format!("flag-{number}");
            let change = v1::EnableFlag { environment: request.get_ref().environment.clone(), flag };
            v1::Change { change: Some(v1::change::Change::EnableFlag(change)) }
        };
        let line = v1::ImportLine {
            flag: "odd one".to_owned(),
            outcome: v1::ImportOutcome::Skipped.into(),
            text: "no key".to_owned(),
            ..v1::ImportLine::default()
        };
        Ok(Response::new(v1::ImportResponse {
            changes: (0..flags).map(change).collect(),
            report: vec![line],
            revision: 6,
            format: v1::ImportFormat::Flagd.into(),
        }))
    }

    async fn list_keys(&self, request: Request<v1::ListKeysRequest>) -> Answer<v1::ListKeysResponse> {
        let is_first = request.get_ref().page_token.is_empty();
        Ok(Response::new(v1::ListKeysResponse {
            keys: vec![if is_first { "ada" } else { "bob" }.to_owned()],
            next_page_token: if is_first { "more".to_owned() } else { String::new() },
            total: 2,
            environment: "production".to_owned(),
            revision: 7,
        }))
    }

    async fn list_policies(
        &self,
        _request: Request<v1::ListPoliciesRequest>,
    ) -> Answer<v1::ListPoliciesResponse> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn list_change_requests(
        &self,
        request: Request<v1::ListChangeRequestsRequest>,
    ) -> Answer<v1::ListChangeRequestsResponse> {
        let is_first = request.get_ref().page_token.is_empty();
        let id = if is_first { 9 } else { 5 };
        Ok(Response::new(v1::ListChangeRequestsResponse {
            requests: vec![v1::ChangeRequest { id, ..v1::ChangeRequest::default() }],
            next_page_token: if is_first { "9".to_owned() } else { String::new() },
            revision: 12,
        }))
    }
}

#[tonic::async_trait]
impl SyncService for Script {
    type SubscribeStream = Parts<v1::SubscribeResponse>;

    async fn subscribe(&self, request: Request<v1::SubscribeRequest>) -> Answer<Self::SubscribeStream> {
        let request = request.into_inner();
        let number = {
            let mut subscribed = self.subscribed.lock().unwrap();
            subscribed.push(request.clone());
            u64::try_from(subscribed.len()).unwrap()
        };
        let frame = |frame| Ok(v1::SubscribeResponse { frame: Some(frame) });
        let delta = |revision: u64, previous_revision: u64| {
            let flags = vec![v1::EffectiveFlag { key: "dreams".to_owned(), ..v1::EffectiveFlag::default() }];
            frame(Frame::Delta(v1::Delta { previous_revision, revision, flags, ..v1::Delta::default() }))
        };
        let snapshot = |revision| {
            let epoch = "epoch".to_owned();
            frame(Frame::Snapshot(v1::Snapshot { epoch, revision, ..v1::Snapshot::default() }))
        };
        let mut frames = vec![frame(Frame::Welcome(v1::Welcome {
            stream_id: number,
            epoch: "epoch".to_owned(),
            environment: "production".to_owned(),
            heartbeat_interval_ms: 1_000,
            ..v1::Welcome::default()
        }))];
        match number {
            1 => frames.extend([
                snapshot(7),
                delta(8, 7),
                frame(Frame::Goodbye(v1::Goodbye { reason: 0, reconnect_after_ms: 10 })),
                Err(Status::unavailable("draining")),
            ]),
            // A gap: the state is not to be trusted.
            2 => frames.extend([delta(9, 8), delta(12, 11)]),
            _ => frames.push(snapshot(12)),
        }
        Ok(parts(frames))
    }

    async fn acknowledge(&self, request: Request<v1::AcknowledgeRequest>) -> Answer<v1::AcknowledgeResponse> {
        self.acknowledged.lock().unwrap().push(request.into_inner());
        Ok(Response::new(v1::AcknowledgeResponse {}))
    }
}
