//! Overrides: a service that is detached for debugging, and comes back by itself.

use super::Draft;
use crate::change::Place;
use crate::flag::ServiceOverride;
use crate::key::ServiceName;
use crate::limits::{OVERRIDE_SECONDS_MAX, OVERRIDES_MAX};
use crate::rejection::Reason;
use crate::revision::Timestamp;

impl Draft<'_> {
    pub(super) fn set_override(
        &mut self,
        field: &str,
        place: &Place,
        (service, variant): (&str, &str),
        seconds: u64,
    ) {
        let set = self.switched.clone();
        if !(1..=OVERRIDE_SECONDS_MAX).contains(&seconds) {
            let allowed =
                format!("1 to {OVERRIDE_SECONDS_MAX} seconds (30 days): an override is for debugging");
            self.findings.note(
                Reason::OutOfRange,
                &format!("{field}.seconds"),
                &seconds.to_string(),
                allowed,
            );
        }
        let service_field = format!("{field}.service");
        let service = self.findings.name(&service_field, service, ServiceName::parse);
        self.configure(field, place, |findings, definition, configuration| {
            let variant = findings.variant(&format!("{field}.variant"), variant, definition);
            let (Some(service), Some(variant)) = (service, variant) else {
                return;
            };
            if !definition.is_visible_to(&service) {
                let known: Vec<&str> = definition.services.iter().map(ServiceName::as_str).collect();
                let allowed = format!("a service that may see flag {}: {}", definition.key, known.join(", "));
                findings.note(Reason::NotApplicable, &service_field, service.as_str(), allowed);
            }
            let at = configuration.overrides.binary_search_by(|known| known.service.cmp(&service));
            let expires_at = after(set.at, seconds);
            let detached = ServiceOverride { service, variant, expires_at, set };
            match at {
                Ok(at) => {
                    if let Some(known) = configuration.overrides.get_mut(at) {
                        *known = detached;
                    }
                }
                Err(at) => configuration.overrides.insert(at, detached),
            }
            findings.count(&service_field, configuration.overrides.len(), OVERRIDES_MAX);
        });
    }

    pub(super) fn remove_override(&mut self, field: &str, place: &Place, service: &str) {
        self.configure(field, place, |findings, definition, configuration| {
            let before = configuration.overrides.len();
            configuration.overrides.retain(|known| known.service.as_str() != service);
            if configuration.overrides.len() == before {
                let allowed = format!("a service that flag {} is overridden for", definition.key);
                findings.note(Reason::UnknownOverride, &format!("{field}.service"), service, allowed);
            }
        });
    }
}

fn after(at: Timestamp, seconds: u64) -> Timestamp {
    let micros = i64::try_from(seconds.saturating_mul(1_000_000)).unwrap_or(i64::MAX);
    Timestamp::from_unix_micros(at.unix_micros().saturating_add(micros))
}
