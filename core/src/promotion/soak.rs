//! Since when a flag serves, without interruption, whoever it is meant for.
//!
//! The clock runs while the flag is enabled and gives anybody anything else than its off variant. It starts again when
//! the flag is enabled again, and when a critical incident of the flag is closed; while one is open it stands still.

use crate::flag::{FlagConfiguration, FlagDefinition, Serve};
use crate::incident::last_critical;
use crate::key::{EnvironmentKey, FoldedKey};
use crate::revision::Timestamp;
use crate::snapshot::Snapshot;

/// How the soak of a flag in an environment stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Soak {
    /// The flag is disabled, or nobody has enabled it yet.
    Disabled,
    /// It is enabled, and gives everybody the off variant.
    ServesNobody,
    /// A critical incident is open.
    Incident(Box<str>),
    /// It serves since then.
    Since {
        /// When the clock started.
        at: Timestamp,
        /// The incident whose end started it, if one did.
        after: Option<Box<str>>,
    },
}

/// How the soak of a flag stands.
#[must_use]
pub fn soak(snapshot: &Snapshot, environment: &EnvironmentKey, flag: &FoldedKey) -> Soak {
    let (Some(definition), Some(configuration)) =
        (snapshot.flag(flag), snapshot.configuration(environment, flag))
    else {
        return Soak::Disabled;
    };
    let Some(switched) = configuration.switched.as_ref().filter(|_| configuration.enabled) else {
        return Soak::Disabled;
    };
    if !serves_somebody(definition, configuration) {
        return Soak::ServesNobody;
    }
    match last_critical(snapshot, environment, std::slice::from_ref(flag)) {
        None => Soak::Since { at: switched.at, after: None },
        Some(incident) => match &incident.closed {
            None => Soak::Incident(incident.to_string().into()),
            Some(closed) if closed.at > switched.at => {
                Soak::Since { at: closed.at, after: Some(incident.to_string().into()) }
            }
            Some(_) => Soak::Since { at: switched.at, after: None },
        },
    }
}

/// Whether anybody can get anything else than the off variant: by a rule, by targeting or by default. Canary mode is for
/// a few, and does not count.
#[must_use]
pub fn serves_somebody(definition: &FlagDefinition, configuration: &FlagConfiguration) -> bool {
    // A flag with one variant serves it to everybody, on or off.
    if definition.variants.len() < 2 || configuration.targeting.is_some() {
        return true;
    }
    let off = &configuration.off_variant;
    let rules = configuration.rules.iter().map(|rule| &rule.serve);
    rules.chain([&configuration.default_serve]).any(|serve| match serve {
        Serve::Variant(variant) => variant != off,
        Serve::Split(split) => {
            split.weights.iter().any(|weighted| weighted.weight > 0 && weighted.variant != *off)
        }
    })
}
