//! The feature that the flag releases: who has it, how it goes, and the switch that breaks it.

use std::path::PathBuf;

use mycelia_flags_sdk::{Client, EvaluationDetails, Observation};

use crate::clock;
use crate::flag::FLAG;
use crate::problem::Problem;
use crate::visitor::Visitor;

/// The feature in one service.
#[derive(Debug, Clone)]
pub struct Feature {
    flags: Client,
    /// While this file exists, the feature fails.
    fault_file: Option<PathBuf>,
}

impl Feature {
    /// A feature that never fails by itself when there is no fault file.
    #[must_use]
    pub const fn new(flags: Client, fault_file: Option<PathBuf>) -> Self {
        Self { flags, fault_file }
    }

    /// Whether a visitor has it, and why.
    #[must_use]
    pub fn details(&self, visitor: &Visitor) -> EvaluationDetails<bool> {
        self.flags.bool_details(FLAG, false, &visitor.context())
    }

    /// Does what the feature does for a visitor who has it, and tells the flag server how that went: guards judge by it.
    ///
    /// # Errors
    /// What the work says, and, while the fault switch is thrown, that the feature is broken.
    pub fn run<T>(&self, visitor: &Visitor, work: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
        let begin = clock::monotonic();
        // Asked for each request, so that `touch` and `rm` work at once.
        let done = match &self.fault_file {
            Some(file) if file.exists() => Err(Problem::broken(file)),
            _ => work(),
        };
        let latency = begin.elapsed();
        let is_failure = done.as_ref().is_err_and(|problem| problem.status.is_server_error());
        let observation = if is_failure { Observation::error(latency) } else { Observation::ok(latency) };
        self.flags.observe(FLAG, &visitor.context(), observation);
        done
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use mycelia_flags_sdk::Value;

    use super::*;

    #[test]
    fn the_feature_fails_while_the_fault_file_exists() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("broken");
        let flags = Client::builder().service("runner").offline().value(FLAG, Value::Boolean(true));
        let feature = Feature::new(flags.connect().unwrap(), Some(file.clone()));
        let ada = Visitor::named("ada");
        let run = || feature.run(&ada, || Ok("done"));
        assert_eq!(run(), Ok("done"));
        std::fs::write(&file, "").unwrap();
        let problem = run().unwrap_err();
        assert_eq!(problem.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(problem.detail.contains(file.to_str().unwrap()), "{problem:?}");
        std::fs::remove_file(&file).unwrap();
        assert_eq!(run(), Ok("done"));
    }
}
