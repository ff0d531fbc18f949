//! What services observe while flags are evaluated, and what can be said of it.

pub mod measurement;
