//! JSON as text: what leaves for flagd's files and payloads, and what comes back from them.
//!
//! The tree is [`Value`](crate::value::Value). Integers of 64 bits stay exact, and a float stays one: `5.0` is printed
//! as `5.0`. Nothing here knows what the JSON means.

mod parse;
mod places;
mod print;

pub use parse::{DEPTH_MAX, JsonError, parse, parse_with_places};
pub use places::{Place, Places, field_path, item_path};
pub use print::print;

#[cfg(test)]
mod tests;
