//! Plan files that are right, and what is said of those that are wrong.

mod bad;
mod bounds;
mod good;
mod schema;

use super::{Fault, read};

const EVERYTHING: &str = include_str!("samples/everything.yaml");
const PROGRESSION: &str = include_str!("samples/progression.yaml");
const SMALL: &str = include_str!("samples/small.yaml");

/// What a fault says: line, column, field, value, what is allowed, and the word.
type Said = (usize, usize, String, String, String, &'static str);

fn said(fault: &Fault) -> Said {
    let Fault { mark, field, value, allowed, reason } = fault.clone();
    (mark.line, mark.column, field, value, allowed, reason)
}

fn faults(text: &str) -> Vec<Said> {
    read(text).expect_err(text).iter().map(said).collect()
}
