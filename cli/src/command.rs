//! What each command does: ask the server, show the answer.

pub(crate) mod backup;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod eval;
pub(crate) mod get;
pub(crate) mod history;
pub(crate) mod list;
pub(crate) mod manual;
pub(crate) mod status;
pub(crate) mod subscribers;
pub(crate) mod switch;
pub(crate) mod wait;
pub(crate) mod watch;
