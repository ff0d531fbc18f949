//! End-to-end stories: a real server on a real port with a real store, and real clients.
//!
//! One binary, so that it links once. Every subscription in it runs through the [`checker`], which knows what a stream
//! may and may not do. Nothing here waits for time: [`eventually`](patience::eventually) waits for conditions.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a story that fails panics, and says what it did not run"
)]

mod abuse;
mod admin;
mod audiences;
mod bad_input;
mod binary;
mod browser;
mod checker;
mod command_line;
mod contracts;
mod convergence;
mod counted;
mod crash;
mod decisions;
mod drain;
mod evaluation;
mod executed;
mod fault_switch;
mod flagd_definitions;
mod foreign;
mod guards;
mod half_open;
mod http_commands;
mod inspection;
mod mail;
mod migration;
mod notifications;
mod observations;
mod ofrep;
mod patience;
mod people;
mod plan_beta_week;
mod plan_commands;
mod plan_elevenlabs;
mod plan_looked_after;
mod plan_mycelia;
mod plan_playbook;
mod plan_whispers;
mod poisoned;
mod policies;
mod polyglot;
mod power_cut;
mod prometheus;
mod promotion;
mod providers;
mod receiver;
mod restarts;
mod rust_provider;
mod same_people;
mod schema_v1;
mod secured;
mod selector_token;
mod server;
mod skew;
mod slow_reader;
mod speaker;
mod streams;
mod three_services;
mod tls;
