//! What performance claims rest on: see `docs/performance.md`.
//!
//! A figure alone says little on a machine that others use too. So every benchmark runs its floor (the cheapest thing
//! that could do the same work) and our code in turns within one run, and reports the median of the ratios of the
//! pairs. Figures drift; ratios hold.
//!
//! Not here: assertions about speed. A benchmark checks that all contenders do the same work, and prints.

pub mod child;
pub mod crowd;
pub mod interleave;
pub mod median;
pub mod memory;
pub mod message_counter;
pub mod mode;
pub mod our_server;
pub mod raw_tcp;
pub mod stopwatch;
pub mod table;
pub mod tally;
