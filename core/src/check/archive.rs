//! Taking a flag out of use without forgetting it, and bringing it back.

use std::sync::Arc;

use super::Draft;
use crate::entity::{Entity, EntityId};
use crate::flag::FlagDefinition;

impl Draft<'_> {
    pub(super) fn archive(&mut self, field: &str, flag: &str) {
        let Some(definition) = self.flag(&format!("{field}.flag"), flag) else {
            return;
        };
        // Whoever archived it first is remembered.
        if definition.archived.is_none() {
            let archived = Some(self.switched.clone());
            self.define(FlagDefinition { archived, ..FlagDefinition::clone(&definition) });
        }
    }

    pub(super) fn unarchive(&mut self, field: &str, flag: &str) {
        if let Some(definition) = self.flag(&format!("{field}.flag"), flag) {
            self.define(FlagDefinition { archived: None, ..FlagDefinition::clone(&definition) });
        }
    }

    pub(super) fn define(&mut self, definition: FlagDefinition) {
        let id = EntityId::Flag(definition.key.folded());
        self.write(id, Some(Entity::Flag(Arc::new(definition))));
    }
}
