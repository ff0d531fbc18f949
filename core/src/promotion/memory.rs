//! What the gates of rollout plans remember: the incidents and drills of a snapshot.

use crate::incident::{last_critical, quiet_since};
use crate::key::{EnvironmentKey, FlagKey, FoldedKey};
use crate::plan::gate::Memory;
use crate::plan::{PlanDefinition, Stage};
use crate::revision::Timestamp;
use crate::snapshot::Snapshot;

impl Memory for Snapshot {
    fn last_incident(&self, plan: &PlanDefinition, stage: &Stage) -> Option<(Box<str>, Option<Timestamp>)> {
        let environment = plan.environment_of(stage);
        let flags = flags_of(plan, stage, environment);
        let incident = last_critical(self, environment, &flags)?;
        Some((incident.to_string().into(), quiet_since(incident)))
    }

    fn last_drill(&self, flag: &FlagKey) -> Option<Timestamp> {
        let folded = flag.folded();
        let drills = self.environments().filter_map(|environment| self.drill(environment, &folded));
        drills.map(|drill| drill.deed.at).max()
    }
}

/// The flags of a stage. One that sets none stays with what the stages before it set.
fn flags_of(plan: &PlanDefinition, stage: &Stage, environment: &EnvironmentKey) -> Vec<FoldedKey> {
    if !stage.set.is_empty() {
        return stage.set.iter().map(|(flag, _)| flag.folded()).collect();
    }
    let places = plan.places().into_iter().filter(|(of, _)| *of == environment);
    places.map(|(_, flag)| flag.folded()).collect()
}
