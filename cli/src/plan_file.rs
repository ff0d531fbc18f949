//! Stand-in until the reader of plan files is here.
use mycelia_flags_core::plan::PlanDefinition;
use std::fmt;
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark { pub(crate) line: usize, pub(crate) column: usize }
#[derive(Debug)]
pub(crate) struct Fault { pub(crate) mark: Mark, pub(crate) reason: &'static str }
impl fmt::Display for Fault { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str("x") } }
pub(crate) fn read(_: &str) -> Result<PlanDefinition, Vec<Fault>> { Err(Vec::new()) }
#[derive(Debug, Clone, Copy)]
pub(crate) struct RampStage;
impl std::str::FromStr for RampStage { type Err = String; fn from_str(_: &str) -> Result<Self, String> { Ok(Self) } }
#[derive(Debug, Default)]
pub(crate) struct RampGate { pub(crate) go: bool, pub(crate) approvals: u32 }
#[derive(Debug)]
pub(crate) struct RampFault;
impl fmt::Display for RampFault { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str("x") } }
pub(crate) fn ramp(_: &str, _: &str, _: &[RampStage], _: RampGate) -> Result<PlanDefinition, Vec<RampFault>> { Err(Vec::new()) }
