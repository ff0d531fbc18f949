//! What Mycelia Flags knows about flags.
//!
//! Three things live here, all of them pure functions over plain values:
//!
//! * **the model**: [`flag`], [`segment`], [`condition`], [`value`], [`key`], [`list`], and the [`snapshot`] of all
//!   entities at a revision;
//! * **change**: a [`change::ChangeSet`] is [checked](check) against a snapshot and becomes [`entity::Write`]s, which
//!   [fold](snapshot::Snapshot::fold) into the next snapshot; a subscriber's part of it travels as an
//!   [`update::Update`];
//! * **plans**: a [`plan::PlanDefinition`] and where it is; what it does next is a function of the two and a moment;
//! * **promotion**: [`incident`]s, drills, and [what an environment asks for](promotion) before it takes a flag over;
//! * **evaluation**: a [`flag::EffectiveFlag`] is [compiled] once and [evaluated](evaluation) many times,
//!   with integer [`bucketing`]; flagd's expressions are compiled and evaluated as [targeting].
//!
//! What is deliberately absent: I/O, async, clocks, randomness, wire types and stored formats. Time comes in as an
//! argument; how a value is encoded is the business of whoever encodes it.

pub mod audiences;
pub mod bucketing;
pub mod change;
pub mod check;
pub mod compiled;
pub mod condition;
pub mod context;
pub mod difference;
pub mod digest;
pub mod entity;
pub mod evaluation;
pub mod event;
pub mod explain;
pub mod flag;
pub mod flagd;
pub mod guard;
pub mod impact;
pub mod incident;
pub mod json;
pub mod key;
pub mod key_set;
pub mod limits;
pub mod list;
pub mod matcher;
pub mod migration;
pub mod murmur3;
mod number_text;
pub mod observation;
pub mod plan;
pub mod policy;
pub mod promotion;
pub mod record;
pub mod rejection;
pub mod request;
pub mod revision;
mod same;
pub mod schema;
pub mod segment;
pub mod snapshot;
pub mod stale;
pub mod targeting;
pub mod text;
pub mod update;
pub mod validate;
pub mod value;
