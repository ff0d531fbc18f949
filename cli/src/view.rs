//! What the commands answer: documents with stable field names for programs, pages for people.
//!
//! The names of the fields are an interface: they are documented, and only ever added to.

pub(crate) mod applied;
pub(crate) mod backup;
pub(crate) mod change;
pub(crate) mod condition;
pub(crate) mod configuration;
pub(crate) mod convergence;
pub(crate) mod definition;
pub(crate) mod evaluation;
pub(crate) mod event;
pub(crate) mod flag;
pub(crate) mod history;
pub(crate) mod moment;
pub(crate) mod serve;
pub(crate) mod state;
pub(crate) mod status;
pub(crate) mod subscriber;
pub(crate) mod value;
