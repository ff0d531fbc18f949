//! Whom flags are about: segments, lists, canary mode, features; and the flags that have outlived their rollout.

use mycelia_flags_core::explain;
use mycelia_flags_core::key::{EnvironmentKey, SegmentKey};
use mycelia_flags_core::list::ListKey;
use mycelia_flags_core::rejection::Reason;
use mycelia_flags_core::segment::Segment;
use mycelia_flags_core::snapshot::Snapshot;
use mycelia_flags_core::stale::{Knowledge, stale};
use mycelia_flags_proto::convert;
use mycelia_flags_proto::v1;
use tonic::Status;

use super::AdminEdge;
use super::reads::{page_size, refused};
use crate::edge::limits::{KEYS_PAGE, KEYS_PAGE_MAX, SETTLED_SECONDS};
use crate::edge::status;

impl AdminEdge {
    pub(super) fn segments(
        &self,
        request: &v1::ListSegmentsRequest,
    ) -> Result<v1::ListSegmentsResponse, Status> {
        let snapshot = self.store.snapshot();
        let environment = self.environment(&snapshot, &request.environment)?;
        let segments = snapshot.segments(&environment);
        Ok(v1::ListSegmentsResponse {
            segments: segments.map(|segment| summary(&snapshot, &environment, segment)).collect(),
            revision: snapshot.revision().get(),
            environment: environment.to_string(),
        })
    }

    pub(super) fn segment_test(
        &self,
        request: v1::TestSegmentRequest,
    ) -> Result<v1::TestSegmentResponse, Status> {
        let snapshot = self.store.snapshot();
        let environment = self.environment(&snapshot, &request.environment)?;
        let segment = SegmentKey::parse(&request.segment).ok();
        let segment = segment.filter(|segment| snapshot.segment(&environment, segment).is_some());
        let segment = segment.ok_or_else(|| {
            let allowed = format!("the key of a segment of {environment}");
            refused(Reason::UnknownSegment, "segment", &request.segment, allowed)
        })?;
        let context = super::context(request.context.unwrap_or_default())?;
        let (member, step) = explain::explain_segment(&snapshot, &environment, &segment, &context);
        let steps = vec![convert::step_to_wire(&step)];
        Ok(v1::TestSegmentResponse { member, steps, revision: snapshot.revision().get() })
    }

    pub(super) fn keys(&self, request: &v1::ListKeysRequest) -> Result<v1::ListKeysResponse, Status> {
        let page = page_size(request.page_size, KEYS_PAGE, KEYS_PAGE_MAX)?;
        let snapshot = self.store.snapshot();
        let environment = self.environment(&snapshot, &request.environment)?;
        let list = ListKey::parse(&request.list).ok_or_else(|| {
            let allowed = "`canary`, `segment/KEY/included` or `segment/KEY/excluded`".to_owned();
            refused(Reason::InvalidName, "list", &request.list, allowed)
        })?;
        if let Some(segment) = list.segment().filter(|key| snapshot.segment(&environment, key).is_none()) {
            let allowed = format!("a list of a segment of {environment}");
            return Err(refused(Reason::UnknownSegment, "list", segment.as_str(), allowed));
        }
        let keys = snapshot.list(&environment, &list);
        // The token is the last key of the page before: a page stays right whatever changes in between.
        let sorted = keys.sorted();
        let begin =
            sorted.partition_point(|key| !request.page_token.is_empty() && ***key <= *request.page_token);
        let mut rest = sorted.into_iter().skip(begin);
        let shown: Vec<String> = rest.by_ref().take(page).map(ToString::to_string).collect();
        let more = rest.next().is_some();
        Ok(v1::ListKeysResponse {
            next_page_token: shown.last().filter(|_| more).cloned().unwrap_or_default(),
            keys: shown,
            total: count(keys.len()),
            environment: environment.to_string(),
            revision: snapshot.revision().get(),
        })
    }

    pub(super) fn canary(&self, request: &v1::GetCanaryRequest) -> Result<v1::GetCanaryResponse, Status> {
        let snapshot = self.store.snapshot();
        let environment = self.environment(&snapshot, &request.environment)?;
        let flag = |(key, _)| {
            let flag = snapshot.effective(&environment, key)?;
            let variant = flag.canary_variant?.to_string();
            Some(v1::CanaryFlag { flag: flag.key.to_string(), variant, enabled: flag.enabled })
        };
        Ok(v1::GetCanaryResponse {
            canary: Some(convert::canary_to_wire(&snapshot.canary(&environment))),
            allowlist: count(snapshot.list(&environment, &ListKey::Canary).len()),
            flags: snapshot.flags().filter_map(flag).collect(),
            environment: environment.to_string(),
            revision: snapshot.revision().get(),
        })
    }

    pub(super) fn features(&self) -> v1::ListFeaturesResponse {
        let snapshot = self.store.snapshot();
        v1::ListFeaturesResponse {
            features: snapshot.features().map(|feature| convert::feature_to_wire(feature)).collect(),
            revision: snapshot.revision().get(),
        }
    }

    pub(super) async fn stale(&self, request: v1::ListStaleRequest) -> Result<v1::ListStaleResponse, Status> {
        let snapshot = self.store.snapshot();
        let environment = self.environment(&snapshot, &request.environment)?;
        let seconds = match request.settled_for {
            None => SETTLED_SECONDS,
            Some(settled) => u64::try_from(settled.seconds).map_err(|_negative| {
                let allowed = "a duration that is not negative".to_owned();
                refused(Reason::OutOfRange, "settled_for", &settled.seconds.to_string(), allowed)
            })?,
        };
        let written = self.written.at_head(&self.store).await;
        let written = written.map_err(|failure| status::read_failed(&failure))?;
        let found = stale(
            &snapshot,
            &environment,
            Knowledge {
                now: self.clock.now(),
                settled_micros: seconds.saturating_mul(1_000_000),
                watched_since: self.usage.watched_since(),
                last_evaluated: &|flag| self.usage.last_evaluated(&environment, flag),
                changed_at: &|flag| written.get(&(environment.clone(), flag.clone())).copied(),
            },
        );
        let live = snapshot.flags().filter(|(_, definition)| definition.archived.is_none());
        Ok(v1::ListStaleResponse {
            flags: found.iter().map(convert::stale_to_wire).collect(),
            environment: environment.to_string(),
            watched_since: Some(convert::timestamp_to_wire(self.usage.watched_since())),
            looked_at: count(live.count()),
        })
    }
}

fn summary(snapshot: &Snapshot, environment: &EnvironmentKey, segment: &Segment) -> v1::SegmentSummary {
    let [included, excluded] = ListKey::of_segment(&segment.key);
    let users = snapshot.configurations(environment);
    let users = users.filter(|(_, found)| found.segments().any(|named| *named == segment.key));
    let users = users.filter_map(|(flag, _)| snapshot.flag(flag));
    v1::SegmentSummary {
        segment: Some(convert::segment_to_wire(segment, true)),
        included: count(snapshot.list(environment, &included).len()),
        excluded: count(snapshot.list(environment, &excluded).len()),
        flags: users.map(|definition| definition.key.to_string()).collect(),
    }
}

fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
