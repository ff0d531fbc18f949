//! Apply: from the wire to the [intake](crate::edge::intake) and back.

use mycelia_flags_core::check::Origin;
use mycelia_flags_core::revision::Revision;
use mycelia_flags_proto::convert;
use mycelia_flags_proto::v1;
use tonic::Status;

use super::AdminEdge;
use crate::edge::status;
use crate::state::CommitRequest;

impl AdminEdge {
    pub(super) async fn commit(&self, request: v1::ApplyRequest) -> Result<v1::ApplyResponse, Status> {
        let wire = request.change_set.unwrap_or_default();
        let change_set =
            convert::change_set_from_wire(&wire).map_err(|rejection| status::rejected(&rejection))?;
        let commit = CommitRequest {
            change_set,
            expected_revision: request.expected_revision.map(Revision::new),
            idempotency_key: request.idempotency_key.into(),
            dry_run: request.dry_run,
            origin: Origin::Caller,
        };
        let committed =
            self.intake.commit(commit).await.map_err(|failure| status::commit_failed(&failure))?;
        let is_in_the_log = committed.replayed || !(request.dry_run || committed.writes.is_empty());
        let mut answer = v1::ApplyResponse {
            revision: committed.revision.get(),
            writes: committed.writes.iter().map(convert::write_to_wire).collect(),
            warnings: committed.warnings.clone(),
            replayed: committed.replayed,
            committed_at: is_in_the_log.then(|| convert::timestamp_to_wire(committed.committed_at)),
            ..v1::ApplyResponse::default()
        };
        if request.dry_run {
            self.say_what_it_means(&committed, &mut answer);
        }
        Ok(answer)
    }
}
