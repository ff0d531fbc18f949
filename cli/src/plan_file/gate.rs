//! What must be true to leave a stage, and conditions on metrics.

use mycelia_flags_core::plan::Gate;
use mycelia_flags_core::plan::metric_check::MetricCheck;

use super::fault::INVALID_FORM;
use super::reading::{Reading, Spot};

const FIELDS: [&str; 6] = ["go", "approvals", "checks", "checklist", "soak", "drill_within"];
const CONDITION: &str = "a condition such as `error_rate < 2% over 1h`";

impl Reading {
    /// A gate; what of it cannot be read is open.
    pub(crate) fn gate(&mut self, spot: &Spot<'_>) -> Gate {
        let mut gate = Gate::default();
        let Some(fields) = self.fields(spot, &FIELDS) else {
            return gate;
        };
        gate.go = fields.get("go").and_then(|spot| self.truth(spot)).unwrap_or_default();
        gate.approvals = fields.get("approvals").and_then(|spot| self.count(spot)).unwrap_or_default();
        if let Some(checks) = fields.get("checks") {
            let checks = self.items(checks, "a list of conditions such as `error_rate < 2% over 1h`");
            gate.checks = checks.iter().filter_map(|check| self.condition(check)).collect();
        }
        gate.checklist = fields.get("checklist").map(|spot| self.texts(spot)).unwrap_or_default();
        gate.soak_seconds = fields.get("soak").and_then(|spot| self.seconds(spot)).unwrap_or_default();
        gate.drill_within_seconds = fields.get("drill_within").and_then(|spot| self.seconds(spot));
        gate
    }

    pub(crate) fn condition(&mut self, spot: &Spot<'_>) -> Option<MetricCheck> {
        let (text, _) = self.scalar(spot, CONDITION)?;
        match MetricCheck::parse(text) {
            Ok(check) => Some(check),
            Err(error) => {
                let found = if error.found.is_empty() { text } else { &error.found };
                self.fault_of(spot, found, INVALID_FORM, error.allowed);
                None
            }
        }
    }
}
