//! Opening and closing incidents.

use std::sync::Arc;

use super::Draft;
use crate::change::{CloseIncident, OpenIncident};
use crate::entity::{Entity, EntityId};
use crate::incident::{Incident, Severity};
use crate::key::FlagKey;
use crate::limits::{
    CLOSED_INCIDENTS_MAX, GRAVE_INCIDENTS_MAX, INCIDENT_FLAGS_MAX, OPEN_INCIDENTS_MAX, REASON_BYTES_MAX,
};
use crate::rejection::Reason;

impl Draft<'_> {
    pub(super) fn open_incident(&mut self, field: &str, open: &OpenIncident) {
        let faults = self.findings.violations.len();
        let environment = self.environment(&format!("{field}.environment"), &open.environment);
        let flags = self.incident_flags(&format!("{field}.flags"), &open.flags);
        let what_field = format!("{field}.what");
        self.findings.text(&what_field, &open.what, REASON_BYTES_MAX);
        if open.what.trim().is_empty() {
            self.findings.note(Reason::Required, &what_field, &open.what, "what went wrong, in words");
        }
        let opened = self.who();
        let id = opened.revision.get();
        if self.work.incident(id).is_some() {
            let allowed = "one incident in a change set: the revision that opens it is its number";
            self.findings.note(Reason::Duplicate, field, &open.what, allowed);
        }
        self.incidents_are_few(field, open.severity);
        let Some(environment) = environment.filter(|_| self.findings.violations.len() == faults) else {
            return;
        };
        let incident = Incident {
            environment,
            flags,
            severity: open.severity,
            what: Box::from(open.what.trim()),
            opened,
            closed: None,
        };
        self.write(EntityId::Incident(id), Some(Entity::Incident(Arc::new(incident))));
        self.forget_old_incidents();
    }

    fn incident_flags(&mut self, field: &str, flags: &[String]) -> Vec<FlagKey> {
        if flags.is_empty() {
            let allowed = format!("1 to {INCIDENT_FLAGS_MAX} flags");
            self.findings.note(Reason::Required, field, "0", allowed);
        }
        if !self.findings.count(field, flags.len(), INCIDENT_FLAGS_MAX) {
            return Vec::new();
        }
        let mut keys: Vec<FlagKey> = Vec::new();
        for (index, flag) in flags.iter().enumerate() {
            let field = format!("{field}[{index}]");
            // An archived flag can have done harm as well.
            let Some(definition) = self.flag(&field, flag) else {
                continue;
            };
            if keys.contains(&definition.key) {
                let allowed = "each flag once, in one of its spellings";
                self.findings.note(Reason::Duplicate, &field, flag, allowed);
            } else {
                keys.push(definition.key.clone());
            }
        }
        keys
    }

    fn incidents_are_few(&mut self, field: &str, severity: Severity) {
        let open = self.work.incidents().filter(|incident| incident.closed.is_none()).count();
        let (open_max, what) = match severity {
            Severity::Critical => (GRAVE_INCIDENTS_MAX, "open incidents"),
            Severity::Info | Severity::Warning => {
                (OPEN_INCIDENTS_MAX, "open incidents, beyond which only critical ones are opened")
            }
        };
        if open >= open_max {
            let allowed = format!("at most {open_max} {what}; close some first");
            self.findings.note(Reason::TooLarge, field, &open.to_string(), allowed);
        }
    }

    /// Keeps the newest of those that are closed.
    fn forget_old_incidents(&mut self) {
        let mut closed: Vec<(u64, u64)> = self
            .work
            .incidents()
            .filter_map(|incident| Some((incident.closed.as_ref()?.revision.get(), incident.id())))
            .collect();
        closed.sort_unstable();
        let old = closed.len().saturating_sub(CLOSED_INCIDENTS_MAX);
        for (_, id) in closed.into_iter().take(old) {
            self.write(EntityId::Incident(id), None);
        }
    }

    pub(super) fn close_incident(&mut self, field: &str, close: &CloseIncident) {
        let open = match close {
            CloseIncident::Numbered(id) => self.open_incident_numbered(&format!("{field}.incident"), *id),
            CloseIncident::OfFlag { environment, flag } => self.open_incidents_of(field, environment, flag),
        };
        for incident in open {
            let closed = Some(self.who());
            let id = EntityId::Incident(incident.id());
            let incident = Incident { closed, ..Incident::clone(&incident) };
            self.write(id, Some(Entity::Incident(Arc::new(incident))));
        }
    }

    fn open_incident_numbered(&mut self, field: &str, id: u64) -> Vec<Arc<Incident>> {
        let found = self.work.incident(id).cloned();
        let allowed = match &found {
            Some(incident) => match &incident.closed {
                None => return vec![Arc::clone(incident)],
                Some(closed) => format!("an incident that is open; {} closed it at {}", closed.by, closed.at),
            },
            None => "the number of an open incident: the revision that opened it".to_owned(),
        };
        self.findings.note(Reason::UnknownIncident, field, &id.to_string(), allowed);
        Vec::new()
    }

    fn open_incidents_of(&mut self, field: &str, environment: &str, flag: &str) -> Vec<Arc<Incident>> {
        let environment = self.environment(&format!("{field}.environment"), environment);
        // A flag that is gone may have left an incident behind.
        let key = self.findings.name(&format!("{field}.flag"), flag, FlagKey::parse);
        let (Some(environment), Some(key)) = (environment, key) else {
            return Vec::new();
        };
        let folded = key.folded();
        let is_open =
            |incident: &&Arc<Incident>| incident.closed.is_none() && incident.concerns(&environment, &folded);
        let open: Vec<Arc<Incident>> = self.work.incidents().filter(is_open).cloned().collect();
        if open.is_empty() {
            let allowed = format!("a flag with an open incident in {environment}");
            self.findings.note(Reason::UnknownIncident, &format!("{field}.flag"), flag, allowed);
        }
        open
    }
}
