//! Every bound of the model: its value, its reason, and what the caller sees when it is hit.
//!
//! What is beyond one is answered with the reason word `TOO_LARGE`, the field and what is allowed, unless it says
//! otherwise; `check/tests/limits.rs` tests each.

/// Changes in one change set. A bulk change is one fsync and one frame for everybody; a thousand is still small.
pub const CHANGES_MAX: usize = 1_000;

/// Flags in a store. A snapshot of this many small flags still fits one gRPC message of 4 MiB.
pub const FLAGS_MAX: usize = 10_000;

/// Variants of a flag. More is a table, not a flag.
pub const VARIANTS_MAX: usize = 64;

/// Bytes of one variant's value, as written down.
pub const VALUE_BYTES_MAX: usize = 16 * 1024;

/// Levels of lists and objects in a value. Protobuf's own recursion limit would make a deeper value undecodable by
/// every SDK, and one poison flag would break every stream.
pub const VALUE_DEPTH_MAX: usize = 20;

/// Bytes of a description.
pub const DESCRIPTION_BYTES_MAX: usize = 2 * 1024;

/// Bytes of an owner, a tag, an actor, a rule's name, a salt or an attribute's name.
pub const TEXT_BYTES_MAX: usize = 256;

/// Bytes of a reason.
pub const REASON_BYTES_MAX: usize = 2 * 1024;

/// Bytes of an idempotency key.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 128;

/// Tags of a flag, and services of a flag.
pub const TAGS_MAX: usize = 64;

/// Rules of a flag in one environment.
pub const RULES_MAX: usize = 200;

/// Tests in one rule's condition, counted through all levels.
pub const TESTS_MAX: usize = 50;

/// Levels of all/any/not in a condition.
pub const CONDITION_DEPTH_MAX: usize = 10;

/// Operands of one test.
pub const OPERANDS_MAX: usize = 10_000;

/// Bytes of one operand.
pub const OPERAND_BYTES_MAX: usize = 256;

/// Bytes of all operands, attributes and names (of rules and of the variants that they serve) of one flag's rules in
/// one environment together. The bounds above multiply to gigabytes, and a flag must fit a frame.
pub const RULES_BYTES_MAX: usize = 256 * 1024;

/// Environments of a store.
pub const ENVIRONMENTS_MAX: usize = 32;

/// What the weights of a split add up to: thousandths of a percent.
pub const WEIGHT_TOTAL: u32 = 100_000;

/// Violations in one rejection. A megabyte of request can hold a million of them; nobody reads on after a thousand,
/// and the answer must fit a message too. The check stops there, and what comes after is not said.
pub const VIOLATIONS_MAX: usize = 1_000;
