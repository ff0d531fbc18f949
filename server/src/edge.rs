//! The edge: one port for gRPC and HTTP. Decodes, asks the floors below, encodes.
//!
//! What is deliberately absent: decisions. What a change does is the core's, who lacks what is distribution's; here are
//! only the wire, the limits of a connection, and the two files that turn errors into what is answered: `status` on gRPC,
//! `problem` on HTTP.

pub mod admin;
pub mod browser;
pub mod callers;
pub mod compiled_sets;
pub mod connect;
pub mod cors;
pub mod evaluation;
pub mod flagd;
pub mod following;
pub mod frames;
pub mod gate;
pub mod grpc_message;
pub mod grpc_web;
pub mod guards;
pub mod health;
pub mod hearing;
pub mod http;
pub mod intake;
pub mod limits;
pub mod listener;
pub mod metrics;
pub mod notifications;
pub mod plans;
pub mod problem;
pub mod promotions;
pub mod router;
pub mod selector;
pub mod selector_token;
pub mod status;
pub mod subscribers;
pub mod sync;
pub mod telemetry;
pub mod tls;
pub mod touched;
pub mod watch_evaluations;
