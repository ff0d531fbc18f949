//! Plan files that are named on the command line: their text, or a refusal that says all that is wrong.

use std::path::Path;

use mycelia_flags_core::plan::PlanDefinition;
use tonic::Code;

use crate::failure::{Failure, Violation};
use crate::plan_file::{self, Places};
use crate::text_file;

/// Reads a plan.
///
/// # Errors
/// As a server would refuse it, but with the place of each fault.
pub(crate) fn read(path: &Path) -> Result<PlanDefinition, Failure> {
    read_with_places(path).map(|(plan, _places)| plan)
}

/// Reads a plan, and where each of its fields stands.
///
/// # Errors
/// As a server would refuse it, but with the place of each fault.
pub(crate) fn read_with_places(path: &Path) -> Result<(PlanDefinition, Places), Failure> {
    let text = text_file::read(path)?;
    plan_file::read_with_places(&text).map_err(|faults| {
        let file = path.display();
        let violations = faults.iter().map(|fault| Violation {
            field: format!("{file}:{}:{}", fault.mark.line, fault.mark.column),
            description: fault.to_string(),
        });
        invalid(&file.to_string(), violations.collect())
    })
}

/// A file that says something wrong.
pub(crate) fn invalid(file: &str, violations: Vec<Violation>) -> Failure {
    let count = violations.len();
    let message = match count {
        1 => format!("{file} is not valid; nothing was done"),
        _ => format!("{file} is not valid, {count} things are wrong; nothing was done"),
    };
    Failure::Refused { code: Code::InvalidArgument, reason: None, message, violations }
}
