//! Changes of features: which flags belong together, and what happens to all of them.

use std::sync::Arc;

use super::Draft;
use super::configurations::exact_weight;
use crate::change::{FeatureAction, Place};
use crate::entity::{Entity, EntityId};
use crate::flag::Feature;
use crate::key::{FeatureKey, FlagKey};
use crate::limits::{DESCRIPTION_BYTES_MAX, FEATURE_FLAGS_MAX, FEATURES_MAX};
use crate::rejection::Reason;

impl Draft<'_> {
    pub(super) fn set_feature(&mut self, field: &str, feature: &str, description: &str, flags: &[String]) {
        let field = &format!("{field}.feature");
        let key = self.findings.name(&format!("{field}.key"), feature, FeatureKey::parse);
        self.findings.text(&format!("{field}.description"), description, DESCRIPTION_BYTES_MAX);
        let flags = self.feature_flags(&format!("{field}.flags"), flags);
        let Some(key) = key else {
            return;
        };
        if self.work.feature(&key).is_none() && self.work.features().count() >= FEATURES_MAX {
            let allowed = format!("at most {FEATURES_MAX} features in a store");
            self.findings.note(Reason::TooLarge, field, &FEATURES_MAX.to_string(), allowed);
        }
        let feature = Feature { key: key.clone(), description: Box::from(description), flags };
        self.write(EntityId::Feature(key), Some(Entity::Feature(Arc::new(feature))));
    }

    fn feature_flags(&mut self, field: &str, flags: &[String]) -> Vec<FlagKey> {
        if flags.is_empty() {
            self.findings.note(Reason::Required, field, "0", format!("1 to {FEATURE_FLAGS_MAX} flags"));
        }
        if !self.findings.count(field, flags.len(), FEATURE_FLAGS_MAX) {
            return Vec::new();
        }
        let mut keys: Vec<FlagKey> = Vec::new();
        for (index, flag) in flags.iter().enumerate() {
            let field = format!("{field}[{index}]");
            let Some(definition) = self.live_flag(&field, flag) else {
                continue;
            };
            if keys.contains(&definition.key) {
                self.findings.note(
                    Reason::Duplicate,
                    &field,
                    flag,
                    "each flag once, in one of its spellings",
                );
            } else {
                keys.push(definition.key.clone());
            }
        }
        keys
    }

    pub(super) fn delete_feature(&mut self, field: &str, feature: &str) {
        if let Some(feature) = self.feature(&format!("{field}.feature"), feature) {
            self.write(EntityId::Feature(feature.key.clone()), None);
        }
    }

    pub(super) fn change_feature(
        &mut self,
        field: &str,
        environment: &str,
        feature: &str,
        action: FeatureAction,
    ) {
        let known = self.environment(&format!("{field}.environment"), environment);
        let feature = self.feature(&format!("{field}.feature"), feature);
        if let FeatureAction::Rollout { percent, .. } = action
            && exact_weight(percent).is_none()
        {
            // Said once, and not once for each flag.
            self.findings.percent(&format!("{field}.rollout.percent"), percent);
            return;
        }
        let (Some(environment), Some(feature)) = (known, feature) else {
            return;
        };
        let faults = self.findings.violations.len();
        for flag in &feature.flags {
            let place = Place { environment: environment.to_string(), flag: flag.to_string() };
            match action {
                FeatureAction::Enable => self.switch(field, &place, true),
                FeatureAction::Disable => self.switch(field, &place, false),
                FeatureAction::Rollout { percent, enable } => self.rollout(field, &place, percent, enable),
            }
        }
        // The caller named the feature and none of its flags.
        for violation in self.findings.violations.iter_mut().skip(faults) {
            violation.field = format!("{field}.feature");
        }
    }

    pub(super) fn feature(&mut self, field: &str, name: &str) -> Option<Arc<Feature>> {
        let key = self.findings.name(field, name, FeatureKey::parse)?;
        let found = self.work.feature(&key).cloned();
        if found.is_none() {
            self.findings.note(Reason::UnknownFeature, field, name, "the key of a feature that exists");
        }
        found
    }
}
