//! Who is connected, counted by service: what metrics and the operational status show.

use std::collections::BTreeMap;

use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_core::revision::Revision;

use super::limits::METRIC_SERVICES_MAX;
use crate::distribution::hub::Hub;
use crate::distribution::scope::Scope;

/// The streams of one service in one environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Streams {
    /// All of them.
    pub streams: u64,
    /// Those that only look on: nobody waits for them.
    pub observers: u64,
    /// Those that cannot acknowledge: nobody waits for them either.
    pub delivered: u64,
    /// Those that have not applied their scope's newest revision.
    pub lagging: u64,
    /// Updates that they discarded for a wrong digest.
    pub digest_mismatches: u64,
    /// Those that refused their newest update or a part of it.
    pub refusing: u64,
}

/// By environment and service; the service is empty where none is named.
pub type ByService = BTreeMap<(EnvironmentKey, String), Streams>;

/// Counts the streams. Services beyond [`METRIC_SERVICES_MAX`] are counted together as `other`.
#[must_use]
pub fn by_service(hub: &Hub) -> ByService {
    let mut counted = ByService::new();
    let mut heads: BTreeMap<Scope, Revision> = BTreeMap::new();
    for entry in hub.registry().list() {
        let head = match heads.get(&entry.scope) {
            Some(head) => *head,
            None => *heads.entry(entry.scope.clone()).or_insert_with(|| hub.scope_revision(&entry.scope)),
        };
        let service = entry.scope.service.as_ref().map(ToString::to_string).unwrap_or_default();
        let mut place = (entry.scope.environment.clone(), service);
        if counted.len() >= METRIC_SERVICES_MAX && !counted.contains_key(&place) {
            place.1 = "other".to_owned();
        }
        let (observer, delivered) = (entry.identity.observer, entry.identity.delivered_only);
        let streams = counted.entry(place).or_default();
        streams.streams += 1;
        streams.observers += u64::from(observer && !delivered);
        streams.delivered += u64::from(delivered);
        streams.lagging += u64::from(entry.identity.is_waited_for() && head > entry.applied());
        streams.digest_mismatches += entry.digest_mismatches();
        streams.refusing += u64::from(!entry.refused().is_empty());
    }
    counted
}
