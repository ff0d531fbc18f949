//! What the commands answer: documents with stable field names for programs, pages for people.
//!
//! The names of the fields are an interface: they are documented, and only ever added to.

pub(crate) mod applied;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod canary;
pub(crate) mod change;
pub(crate) mod comparison;
pub(crate) mod condition;
pub(crate) mod configuration;
pub(crate) mod convergence;
pub(crate) mod definition;
pub(crate) mod difference;
pub(crate) mod document;
pub(crate) mod drill;
pub(crate) mod evaluation;
pub(crate) mod event;
pub(crate) mod explanation;
pub(crate) mod feature;
pub(crate) mod flag;
pub(crate) mod history;
pub(crate) mod impact;
pub(crate) mod incident;
pub(crate) mod matrix;
pub(crate) mod moment;
pub(crate) mod notify;
pub(crate) mod overrides;
pub(crate) mod plan;
pub(crate) mod plan_validation;
pub(crate) mod policy;
pub(crate) mod promotion;
pub(crate) mod promotion_rules;
pub(crate) mod request;
pub(crate) mod rollout;
pub(crate) mod rule;
pub(crate) mod segment;
pub(crate) mod serve;
pub(crate) mod simulation;
pub(crate) mod stale;
pub(crate) mod state;
pub(crate) mod status;
pub(crate) mod step;
pub(crate) mod subscriber;
pub(crate) mod switched;
pub(crate) mod targeting;
pub(crate) mod value;
