//! Every bound of the SDK: its value, its reason, and what happens when it is hit.

use std::time::Duration;

/// Bytes of one frame. A snapshot of 10,000 flags is a few MiB; a frame beyond this ends the stream.
pub(crate) const FRAME_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes of the file that keeps the last known good state. A larger one is neither written nor read.
pub(crate) const DISK_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// How often that file is written at most: a storm of changes must not become a storm of fsyncs.
pub(crate) const DISK_INTERVAL: Duration = Duration::from_secs(1);

/// How long to wait after a failed write.
pub(crate) const DISK_RETRY: Duration = Duration::from_secs(30);

/// After this, a temporary file of another process is what a crash left behind.
pub(crate) const DISK_LEFTOVER_AGE: Duration = Duration::from_secs(600);

/// How long a server may take from the request to the Welcome.
pub(crate) const WELCOME_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one acknowledgement may take. Nobody waits for it but the next one.
pub(crate) const ACKNOWLEDGE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the last acknowledgement of a stream that is being given up may take.
pub(crate) const LAST_WORD_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a server may take to end a stream after its goodbye.
pub(crate) const GOODBYE_PATIENCE: Duration = Duration::from_secs(2);

/// How long `close` waits for tasks and the last write to disk.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_millis(1_900);

/// Missed heartbeats after which a stream is dead.
pub(crate) const HEARTBEATS_MISSED_MAX: u32 = 3;

/// The heartbeat interval when a server names none, and the bounds of what it may name.
pub(crate) const HEARTBEAT_DEFAULT: Duration = Duration::from_secs(20);
/// See [`HEARTBEAT_DEFAULT`].
pub(crate) const HEARTBEAT_MIN: Duration = Duration::from_millis(20);
/// See [`HEARTBEAT_DEFAULT`].
pub(crate) const HEARTBEAT_MAX: Duration = Duration::from_secs(300);

/// Bytes of the text that tells the server what was refused.
pub(crate) const REFUSED_BYTES_MAX: usize = 1_024;

/// Keys that the log of recent changes holds; a listener that is further behind is told that any flag may have changed.
pub(crate) const CHANGED_KEYS_MAX: usize = 1_024;

/// Changes that it holds.
pub(crate) const CHANGES_MAX: usize = 256;

/// Bytes of an instance's name.
pub(crate) const INSTANCE_BYTES_MAX: usize = 256;

/// Contexts that are kept for the next report; further ones take the places of older ones. The server takes no more.
pub(crate) const SEEN_CONTEXTS_MAX: usize = 64;

/// Evaluations on a thread between two contexts that are kept, once it has evaluated for a while.
pub(crate) const SEEN_INTERVAL_MAX: u32 = 4_096;

/// How often an instance reports what it has evaluated and observed: a guard can be no quicker than this.
pub(crate) const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// The shortest rhythm of reports.
pub(crate) const REPORT_INTERVAL_MIN: Duration = Duration::from_millis(100);

/// How long a report may take. Nobody waits for it; it is sent again under the same id.
pub(crate) const REPORT_TIMEOUT: Duration = Duration::from_secs(10);

/// Observations in one report; of more, several reports are made.
pub(crate) const REPORT_OBSERVATIONS_MAX: usize = 2_000;

/// Combinations of flag and variant that one of eight shards of observations holds until the next report. What is observed
/// of one more is dropped, and its number is told.
pub(crate) const OBSERVED_SERIES_MAX: usize = 2_000;

/// What was observed longer ago than this is thrown away: the server would take it for what happens now.
pub(crate) const OBSERVED_AGE_MAX: Duration = Duration::from_secs(60);

/// Variants of flags whose evaluations are counted. Of further ones the number of evaluations is told.
pub(crate) const COUNTERS_MAX: usize = 262_144;

/// Pieces of 128 counters, of all threads: 2 KiB each; and threads that count between two reports. An evaluation that
/// finds none is not counted, and the number of these is told.
pub(crate) const COUNTER_CHUNKS_MAX: usize = 16_384;

/// Flags of which evaluations that served the caller's default are counted until the next report.
pub(crate) const FALLBACK_FLAGS_MAX: usize = 1_000;

/// How long the last report may take when a client is closed.
pub(crate) const LAST_REPORT_TIMEOUT: Duration = Duration::from_millis(500);

/// Bytes of an attribute's text in a report: longer ones are left out.
pub(crate) const REPORT_TEXT_BYTES_MAX: usize = 256;
