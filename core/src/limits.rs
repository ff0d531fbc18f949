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

/// Levels of operators and lists in a targeting expression, an operator's own list of arguments not counted. Whoever
/// evaluates one recurses through it, here and in every provider. What is beyond it does not compile.
pub const TARGETING_DEPTH_MAX: usize = 20;

/// Bytes of a targeting expression. It travels with its flag, and a flag must fit a frame. What is beyond it does not
/// compile.
pub const TARGETING_BYTES_MAX: usize = 64 * 1024;

/// Steps of one evaluation of a targeting expression: an operator, an element that it goes through, or 16 bytes of
/// text that it reads. Lists in lists multiply, and an evaluation must end; one that does not is a
/// [`TargetingFault::Parse`](crate::targeting::TargetingFault::Parse).
pub const TARGETING_STEPS_MAX: u32 = 1_000_000;

/// Levels of a value that an operator of a targeting expression goes through: what a wire carries has fewer, and what
/// `reduce` wraps again and again must not exhaust the stack. Beyond it is a
/// [`TargetingFault::Parse`](crate::targeting::TargetingFault::Parse) as well.
pub const TARGETING_VALUE_DEPTH_MAX: usize = 128;

/// Environments of a store.
pub const ENVIRONMENTS_MAX: usize = 32;

/// What the weights of a split add up to: thousandths of a percent.
pub const WEIGHT_TOTAL: u32 = 100_000;

/// Violations in one rejection. A megabyte of request can hold a million of them; nobody reads on after a thousand,
/// and the answer must fit a message too. The check stops there, and what comes after is not said.
pub const VIOLATIONS_MAX: usize = 1_000;

/// Segments of an environment.
pub const SEGMENTS_MAX: usize = 500;

/// Keys that one change adds to or removes from a list. A change set is one record, and a record one frame.
pub const LIST_EDIT_KEYS_MAX: usize = 10_000;

/// Keys on one list.
pub const LIST_KEYS_MAX: usize = 500_000;

/// Bytes of all keys on all lists of an environment: a snapshot of them must still fit a frame, and every SDK's memory.
pub const LIST_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Bytes of one key on a list: a targeting key that is longer is no identity.
pub const LIST_KEY_BYTES_MAX: usize = 256;

/// Prerequisites of a flag in one environment.
pub const PREREQUISITES_MAX: usize = 32;

/// How many flags may stand one behind the other as prerequisites. Each is an evaluation within an evaluation.
pub const PREREQUISITE_DEPTH_MAX: usize = 10;

/// Evaluations that one evaluation of a flag may take, with those of its prerequisites and of theirs: many flags that
/// each need many would multiply.
pub const PREREQUISITE_EVALUATIONS_MAX: usize = 1_000;

/// Overrides of a flag in one environment.
pub const OVERRIDES_MAX: usize = 64;

/// How long an override may last: it is for debugging.
pub const OVERRIDE_SECONDS_MAX: u64 = 30 * 24 * 60 * 60;

/// Features of a store.
pub const FEATURES_MAX: usize = 1_000;

/// Flags of a feature.
pub const FEATURE_FLAGS_MAX: usize = 200;

/// Bytes of a JSON Schema.
pub const SCHEMA_BYTES_MAX: usize = 32 * 1024;

/// Rollout plans of a store, those that are over as well.
pub const PLANS_MAX: usize = 500;

/// Stages of a rollout plan.
pub const STAGES_MAX: usize = 100;

/// Flags of one stage of a rollout plan.
pub const STAGE_FLAGS_MAX: usize = 200;

/// Checks of a gate, points of its checklist, guards of a plan, notes of a plan: of each.
pub const PLAN_ITEMS_MAX: usize = 64;

/// Targeting keys that one stage puts on the canary allowlist or takes off it. More is a segment.
pub const STAGE_CANARY_KEYS_MAX: usize = 1_000;

/// Bytes of all texts of a rollout plan together: it is one entity, and travels in one message.
pub const PLAN_BYTES_MAX: usize = 256 * 1024;

/// Approvals that a gate may ask for.
pub const GATE_APPROVALS_MAX: u32 = 20;

/// Rungs of a ladder.
pub const LADDER_RUNGS_MAX: usize = 20;

/// The longest hold, soak, or rung, in seconds: two years. Longer is a slip of the pen.
pub const PLAN_SECONDS_MAX: u64 = 2 * 366 * 24 * 60 * 60;

/// The last day that a stage may name.
pub const PLAN_DAY_MAX: u32 = 732;

/// Values that people reported in one stage of a plan, and flags of a plan that people moved.
pub const PLAN_REPORTS_MAX: usize = 200;

/// Freeze windows of a policy. Each is looked at by every change to the environment.
pub const FREEZE_WINDOWS_MAX: usize = 64;

/// How far from UTC the times of a freeze window are told, in minutes: no place on earth is further. What is beyond it
/// is answered with `OUT_OF_RANGE`.
pub const UTC_OFFSET_MINUTES_MAX: u32 = 14 * 60;

/// Approvals that a policy asks for. More people than this are a committee. What is beyond it is answered with
/// `OUT_OF_RANGE`.
pub const APPROVALS_MAX: u32 = 10;

/// How long the interval between two raises may be: a policy that lets nobody finish a rollout within a quarter is a
/// mistake. What is beyond it is answered with `OUT_OF_RANGE`.
pub const INTERVAL_SECONDS_MAX: u64 = 90 * 24 * 60 * 60;

/// Flags that a policy protects.
pub const PROTECTED_FLAGS_MAX: usize = 1_000;

/// Change requests that are open at a time. Each holds its changes in memory, and nobody approves more than these.
pub const REQUESTS_OPEN_MAX: usize = 200;

/// Closed change requests that are kept to be shown; with a new request the oldest beyond it go. The history keeps all.
pub const REQUESTS_CLOSED_MAX: usize = 200;
/// Flags of one incident.
pub const INCIDENT_FLAGS_MAX: usize = 200;

/// Closed incidents that are remembered: the newest ones. What opens another one removes the oldest.
pub const CLOSED_INCIDENTS_MAX: usize = 1_000;

/// Open incidents of a store, beyond which only critical ones are opened.
pub const OPEN_INCIDENTS_MAX: usize = 1_000;

/// Open incidents of a store, the critical ones as well: people do not open so many, a program that runs wild does.
pub const GRAVE_INCIDENTS_MAX: usize = 5_000;

/// Points of the checklist of an environment's promotion rules.
pub const PROMOTION_ITEMS_MAX: usize = 64;

/// The longest soak, quiet time, or age of a drill that promotion rules may ask for, in seconds: two years.
pub const PROMOTION_SECONDS_MAX: u64 = 2 * 366 * 24 * 60 * 60;

/// People who approve one promotion of a flag.
pub const PROMOTION_APPROVALS_MAX: usize = 64;

/// Services of one drill.
pub const DRILL_SERVICES_MAX: usize = 200;

/// The longest rollback that a drill measures, in microseconds: a day. Longer is no rollback.
pub const DRILL_MICROS_MAX: u64 = 24 * 60 * 60 * 1_000_000;

/// Guards of a store. Each is judged several times a second.
pub const GUARDS_MAX: usize = 500;

/// Flags of a guard.
pub const GUARD_FLAGS_MAX: usize = 200;

/// Notification targets of a guard.
pub const GUARD_NOTIFY_MAX: usize = 20;

/// The longest window, sustained time or wait for a recovery of a guard, in seconds: a week. Nobody takes a feature back
/// for what happened before that.
pub const GUARD_SECONDS_MAX: u64 = 7 * 24 * 60 * 60;
