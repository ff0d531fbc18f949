//! Every bound of the state floor: its value, its reason, and what is seen when it is hit.

/// Commands that wait for the writer. One commit more is answered `Busy` at once; reads wait for their turn.
pub(super) const QUEUE_MAX: usize = 1_024;

/// Change sets in one group. They share one sync; more would only make the first one wait longer.
pub(super) const GROUP_REQUESTS_MAX: usize = 512;

/// Encoded bytes after which a group takes no further change set: what one flush has to write stays small.
pub(super) const GROUP_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Encoded bytes of one record. A larger one is rejected as `TOO_LARGE` before anything is written.
pub(super) const RECORD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes of one value in sled. A leaf of its tree holds up to 17 of them and is written whole; beyond 128 KiB it would
/// become a file of its own, which sled never syncs.
pub(super) const SLED_VALUE_BYTES_MAX: usize = 4 * 1024;

/// Recent records that are kept in memory. Whoever is further behind reads the history or takes a snapshot.
pub(super) const RECENT_RECORDS_MAX: usize = 4_096;

/// Encoded bytes of the recent records; bulk changes must not make the ring large. The newest record always fits.
pub(super) const RECENT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Keyed revisions whose idempotency keys are remembered. A retry that comes later is a new request.
pub(super) const IDEMPOTENCY_KEYS_MAX: usize = 10_000;

/// Records that the writer reads for one command: commits that wait behind it wait no longer than that.
pub(super) const READ_RECORDS_MAX: usize = 256;

/// Encoded bytes after which one reading command ends.
pub(super) const READ_BYTES_MAX: usize = 1024 * 1024;

/// Records of one page of history. A caller who asks for more gets this many, and `more`.
pub(super) const PAGE_RECORDS_MAX: usize = 1_000;

/// Encoded bytes after which a page of history ends, with `more`.
pub(super) const PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Records that are looked at for one page: a filter that matches nothing must not read the whole log in one call.
pub(super) const PAGE_SCANNED_MAX: usize = 8_192;

/// Bytes of one piece of a backup.
pub(super) const BACKUP_CHUNK_BYTES_MAX: usize = 64 * 1024;

/// Records that `restore` appends in one batch.
pub(super) const RESTORE_BATCH_RECORDS: usize = 256;

/// Objects and arrays of a JSON Schema once its references are written out. Each is tried on each part of a value, on the
/// writer's thread.
pub(super) const SCHEMA_PARTS_MAX: usize = 5_000;

/// Levels of a JSON Schema once its references are written out. Each is a call on the writer's stack.
pub(super) const SCHEMA_DEPTH_MAX: usize = 64;

/// `unevaluatedItems` and `unevaluatedProperties` in a JSON Schema once its references are written out. Each can double
/// the work of judging what is below it.
pub(super) const SCHEMA_UNEVALUATED_MAX: usize = 4;

/// Patterns of a JSON Schema once its references are written out.
pub(super) const SCHEMA_PATTERNS_MAX: usize = 64;

/// Bytes of one compiled pattern of a JSON Schema: `\p{L}{1,64}` fits, `(a{999}){999}` does not.
pub(super) const SCHEMA_PATTERN_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Faults that are named of one value.
pub(super) const SCHEMA_FAULTS_MAX: usize = 10;

/// Characters of what is said about one fault; what a schema allows is repeated in it.
pub(super) const SCHEMA_FAULT_CHARS_MAX: usize = 300;

/// Encoded bytes of all records that one change set undoes: what they wrote is held in memory until it is committed.
pub(super) const UNDONE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Snapshots of the past that are kept for whoever asks next, which mostly is about the same moment.
pub(super) const PAST_SNAPSHOTS_MAX: usize = 2;
