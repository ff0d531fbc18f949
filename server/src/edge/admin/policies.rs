//! What environments allow, and changes that wait for approval.

use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_core::rejection::Reason;
use mycelia_flags_core::request::{ChangeRequest, RequestState};
use mycelia_flags_core::revision::Revision;
use mycelia_flags_proto::convert;
use mycelia_flags_proto::v1;
use tonic::Status;

use super::AdminEdge;
use super::reads::refused;

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
        let found = snapshot.requests().rev().filter(|found| is_asked(found));
        Ok(v1::ListChangeRequestsResponse {
            requests: found.map(|found| convert::request_to_wire(found)).collect(),
            revision: snapshot.revision().get(),
        })
    }
}
