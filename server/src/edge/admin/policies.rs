//! What environments allow, and changes that wait for approval.

use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_core::rejection::Reason;
use mycelia_flags_core::request::{ChangeRequest, RequestState};
use mycelia_flags_core::revision::Revision;
use mycelia_flags_proto::convert;
use mycelia_flags_proto::v1;
use prost::Message as _;
use tonic::Status;

use super::AdminEdge;
use super::reads::refused;
use crate::edge::limits::REQUESTS_BYTES_MAX;

impl AdminEdge {
    pub(super) fn policies(
        &self,
        request: &v1::ListPoliciesRequest,
    ) -> Result<v1::ListPoliciesResponse, Status> {
        let snapshot = self.store.snapshot();
        let environments: Vec<EnvironmentKey> = if request.environment.is_empty() {
            snapshot.environments().cloned().collect()
        } else {
            vec![self.environment(&snapshot, &request.environment)?]
        };
        let policy = |environment: EnvironmentKey| v1::EnvironmentPolicy {
            policy: snapshot.policy(&environment).map(|policy| convert::policy_to_wire(policy)),
            environment: environment.to_string(),
        };
        Ok(v1::ListPoliciesResponse {
            policies: environments.into_iter().map(policy).collect(),
            revision: snapshot.revision().get(),
        })
    }

    pub(super) fn change_requests(
        &self,
        request: &v1::ListChangeRequestsRequest,
    ) -> Result<v1::ListChangeRequestsResponse, Status> {
        let snapshot = self.store.snapshot();
        let asked = Revision::new(request.request);
        if asked != Revision::ZERO && snapshot.request(asked).is_none() {
            let allowed = "the revision in which changes were requested".to_owned();
            return Err(refused(Reason::UnknownRequest, "request", &asked.to_string(), allowed));
        }
        let is_asked = |found: &ChangeRequest| {
            (asked == Revision::ZERO || found.id == asked)
                && (!request.open_only || found.state == RequestState::Open)
        };
        // The token is the last request of the page before: a page stays right whatever changes in between.
        let before = before(&request.page_token)?;
        let found = snapshot.requests().rev().filter(|found| found.id < before && is_asked(found));
        let mut answer = v1::ListChangeRequestsResponse {
            revision: snapshot.revision().get(),
            ..v1::ListChangeRequestsResponse::default()
        };
        let mut bytes = 0_usize;
        for found in found {
            let wire = convert::request_to_wire(found);
            bytes = bytes.saturating_add(wire.encoded_len());
            if let Some(last) = answer.requests.last()
                && bytes > REQUESTS_BYTES_MAX
            {
                answer.next_page_token = last.id.to_string();
                break;
            }
            answer.requests.push(wire);
        }
        Ok(answer)
    }
}

fn before(page_token: &str) -> Result<Revision, Status> {
    if page_token.is_empty() {
        return Ok(Revision::new(u64::MAX));
    }
    page_token.parse().map(Revision::new).map_err(|_no_number| {
        let allowed = "the `next_page_token` of the answer before".to_owned();
        refused(Reason::InvalidName, "page_token", page_token, allowed)
    })
}
