//! `PromotionService`: what a promotion still waits for, and what it remembers: incidents, rules, drills.

use mycelia_flags_core::difference;
use mycelia_flags_core::key::{EnvironmentKey, FoldedKey};
use mycelia_flags_core::promotion::readiness::{Question, readiness, ready_at};
use mycelia_flags_core::rejection::{Reason, Rejection, Violation};
use mycelia_flags_core::snapshot::Snapshot;
use mycelia_flags_proto::v1::promotion_service_server::PromotionService;
use mycelia_flags_proto::{convert, v1};
use tonic::{Request, Response, Status};

use super::status as refusal;
use crate::clock::SharedClock;
use crate::state::Store;

/// What PromotionService calls.
#[derive(Debug, Clone)]
pub struct PromotionEdge {
    /// The log and the snapshot.
    pub store: Store,
    /// The time.
    pub clock: SharedClock,
    /// The environment that is meant when none is named.
    pub default_environment: EnvironmentKey,
}

#[tonic::async_trait]
impl PromotionService for PromotionEdge {
    async fn get_promotion(
        &self,
        request: Request<v1::GetPromotionRequest>,
    ) -> Result<Response<v1::GetPromotionResponse>, Status> {
        let promotion = self.promotion(&request.into_inner());
        promotion.map(Response::new).map_err(|violation| refusal::rejected(&Rejection::one(violation)))
    }

    async fn list_promotion_rules(
        &self,
        _request: Request<v1::ListPromotionRulesRequest>,
    ) -> Result<Response<v1::ListPromotionRulesResponse>, Status> {
        let snapshot = self.store.snapshot();
        let rules = snapshot.all_promotion_rules().map(|(environment, rules)| v1::EnvironmentRules {
            environment: environment.to_string(),
            rules: Some(convert::promotion_rules_to_wire(rules)),
        });
        let revision = snapshot.revision().get();
        Ok(Response::new(v1::ListPromotionRulesResponse { rules: rules.collect(), revision }))
    }

    async fn list_incidents(
        &self,
        request: Request<v1::ListIncidentsRequest>,
    ) -> Result<Response<v1::ListIncidentsResponse>, Status> {
        let (request, snapshot) = (request.into_inner(), self.store.snapshot());
        let environment = filter(&snapshot, &request.environment)
            .map_err(|violation| refusal::rejected(&Rejection::one(violation)))?;
        let incidents = snapshot
            .incidents()
            .rev()
            .filter(|incident| request.closed || incident.closed.is_none())
            .filter(|incident| environment.as_ref().is_none_or(|meant| incident.environment == *meant));
        let incidents = incidents.map(|incident| convert::incident_to_wire(incident)).collect();
        let revision = snapshot.revision().get();
        Ok(Response::new(v1::ListIncidentsResponse { incidents, revision }))
    }

    async fn list_drills(
        &self,
        request: Request<v1::ListDrillsRequest>,
    ) -> Result<Response<v1::ListDrillsResponse>, Status> {
        let (request, snapshot) = (request.into_inner(), self.store.snapshot());
        let meant = filter(&snapshot, &request.environment)
            .map_err(|violation| refusal::rejected(&Rejection::one(violation)))?;
        let drills = snapshot
            .drills()
            .filter(|(environment, _)| meant.as_ref().is_none_or(|meant| meant == *environment));
        let drills = drills.map(|(environment, drill)| v1::EnvironmentDrill {
            environment: environment.to_string(),
            drill: Some(convert::drill_to_wire(drill)),
        });
        let (drills, revision) = (drills.collect(), snapshot.revision().get());
        Ok(Response::new(v1::ListDrillsResponse { drills, revision }))
    }
}

impl PromotionEdge {
    fn promotion(&self, request: &v1::GetPromotionRequest) -> Result<v1::GetPromotionResponse, Violation> {
        let snapshot = self.store.snapshot();
        let folded = FoldedKey::of(&request.flag);
        let definition = snapshot.flag(&folded).ok_or_else(|| {
            let allowed = "the key of a flag that exists".to_owned();
            violation(Reason::UnknownFlag, "flag", &request.flag, allowed)
        })?;
        let to = match request.to.as_str() {
            "" => self.default_environment.clone(),
            name => environment(&snapshot, "to", name)?,
        };
        let rules = snapshot.promotion_rules(&to);
        let from = match (request.from.as_str(), rules) {
            ("", Some(rules)) => rules.from.clone(),
            ("", None) => {
                let allowed = format!("the environment to take over from: {to} has no rules that name it");
                return Err(violation(Reason::Required, "from", "", allowed));
            }
            (name, _) => environment(&snapshot, "from", name)?,
        };
        if from == to {
            let allowed = format!("another environment than {from}");
            return Err(violation(Reason::NotApplicable, "to", to.as_str(), allowed));
        }
        let requester = (!request.requester.is_empty()).then_some(request.requester.as_str());
        let question =
            Question { flag: &definition.key, from: &from, to: &to, requester, now: self.clock.now() };
        let items = readiness(&snapshot, &question);
        let differences = difference::of_flag(&snapshot, &folded, &to, &from);
        let differences = differences.iter().filter(|change| !change.field.starts_with("overrides."));
        Ok(v1::GetPromotionResponse {
            flag: definition.key.to_string(),
            from: from.to_string(),
            to: to.to_string(),
            ready: items.iter().all(|item| item.done),
            ready_at: ready_at(&items).map(convert::timestamp_to_wire),
            items: items.iter().map(convert::promotion_item_to_wire).collect(),
            differences: differences.map(convert::field_change_to_wire).collect(),
            ruled: rules.is_some(),
            allow_force: rules.is_none_or(|rules| rules.allow_force),
            collected: snapshot.promotion(&to, &folded).map(convert::promotion_to_wire),
            revision: snapshot.revision().get(),
        })
    }
}

/// The environment that is looked at; none for all of them.
fn filter(snapshot: &Snapshot, name: &str) -> Result<Option<EnvironmentKey>, Violation> {
    match name {
        "" => Ok(None),
        name => environment(snapshot, "environment", name).map(Some),
    }
}

fn environment(snapshot: &Snapshot, field: &str, name: &str) -> Result<EnvironmentKey, Violation> {
    let key = EnvironmentKey::parse(name).ok().filter(|key| snapshot.has_environment(key));
    key.ok_or_else(|| {
        let names: Vec<&str> = snapshot.environments().map(EnvironmentKey::as_str).collect();
        violation(Reason::UnknownEnvironment, field, name, format!("one of {}", names.join(", ")))
    })
}

fn violation(reason: Reason, field: &str, value: &str, allowed: String) -> Violation {
    Violation { reason, field: field.to_owned(), value: value.to_owned(), allowed }
}
