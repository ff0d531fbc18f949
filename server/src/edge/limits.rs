//! Every bound of the edge: its value, its reason, and what the caller sees when it is hit.

use std::time::Duration;

/// Connections of one server. The next one waits in the kernel's queue until another closes.
pub const CONNECTIONS_MAX: usize = 16_384;

/// Connections from one address. One more is closed at once: a single broken client must not take all of them.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 12_000;

/// How long a new connection may stay silent. Without this a silent peer is kept for ever.
pub const FIRST_BYTES_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a TLS handshake may take, from its first byte on (CVE-2026-73500 of etcd was a listener without such a bound).
/// Until it is over the connection holds its place among [`CONNECTIONS_MAX`] and [`CONNECTIONS_PER_ADDRESS_MAX`].
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long somebody whose handshake failed may take to read why.
pub const FAREWELL_TIMEOUT: Duration = Duration::from_secs(1);

/// Bytes that are read of such a connection: a first request by TLS 1.3, sent before the refusal was there.
pub const FAREWELL_BYTES_MAX: u64 = 64 * 1024;

/// How often the files of TLS are looked at: whoever renews a certificate does so days ahead.
pub const TLS_FILES_RHYTHM: Duration = Duration::from_secs(10);

/// How long a new connection may take to send its first whole request: a half preface is silence too.
pub const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How long an HTTP/1 request's head may take.
pub const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection is asked to end when it is this old, give or take a fifth, so that a balancer can spread load anew.
/// Its streams end by themselves; it only takes no new ones.
pub const CONNECTION_AGE_MAX: Duration = Duration::from_secs(60 * 60);

/// Requests at once on one connection. Without it hyper is told "no limit" and one peer can open millions.
pub const STREAMS_PER_CONNECTION_MAX: u32 = 1_100;

/// Protocol errors on one connection before it is closed (the fix of RUSTSEC-2024-0003 is off unless it is set).
pub const LOCAL_ERROR_RESETS_MAX: usize = 128;

/// Streams that a peer opens and resets before we accepted them, before the connection is closed (rapid reset).
pub const PENDING_RESETS_MAX: usize = 20;

/// Bytes of all headers of a request.
pub const HEADER_BYTES_MAX: u32 = 16 * 1024;

/// Bytes of a frame that wait in a stream's send buffer: what a reader that has stalled can hold.
pub const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// HTTP/2 keepalive: a peer that has silently gone is noticed within interval and timeout.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);

/// See [`KEEPALIVE_INTERVAL`].
pub const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of a Subscribe, Acknowledge or Evaluate request. Answered with RESOURCE_EXHAUSTED.
pub const SMALL_MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// Bytes of a message, or of a body, on the listener for browsers: nothing larger than a context is sent there.
pub const BROWSER_MESSAGE_BYTES_MAX: usize = SMALL_MESSAGE_BYTES_MAX;

/// Evaluations over OFREP in a second from one address, in the long run: a page asks a few times an hour, and a service that
/// evaluates for each of its requests has room. Answered with 429 and `Retry-After`.
pub const OFREP_PER_SECOND: u32 = 2_000;

/// Evaluations over OFREP at once from an address that was quiet. See [`OFREP_PER_SECOND`].
pub const OFREP_BURST: u32 = 5_000;

/// Addresses whose evaluations over OFREP are counted apart; those beyond share one rate.
pub const OFREP_PEERS_MAX: usize = 16_384;

/// Bytes of an administration request. Answered with RESOURCE_EXHAUSTED; on HTTP with 413 and `TOO_LARGE`.
pub const ADMIN_MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// How long a request's message may take to arrive; on HTTP 408 and `BODY_TIMEOUT` come after that.
pub const MESSAGE_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of a name that a subscriber gives itself.
pub const IDENTITY_BYTES_MAX: usize = 128;

/// Flags in one answer of ListFlags when the caller does not say.
pub const FLAGS_PAGE: usize = 1_000;

/// Flags in one answer of ListFlags.
pub const FLAGS_PAGE_MAX: usize = 10_000;

/// Records in one answer of ListRecords when the caller does not say.
pub const RECORDS_PAGE: usize = 100;

/// Records in one answer of ListRecords.
pub const RECORDS_PAGE_MAX: usize = 1_000;

/// Pages of the log that are read for one answer of /api/admin/features/history: a filter that seldom matches must not
/// read the whole log in one call. The answer says where to go on.
pub const HISTORY_PAGES_MAX: usize = 4;

/// Changes, and entities, that are written out of one record in /api/admin/features/history. Of more, the number is said.
pub const HISTORY_ITEMS_MAX: usize = 100;

/// Flags that are written out before others may run. Some 10,000 at a stretch would be felt.
pub const FLAGS_AT_A_STRETCH: usize = 256;

/// Services with a name of their own in /metrics and /ops/status.json; those beyond are counted together as `other`.
pub const METRIC_SERVICES_MAX: usize = 100;

/// Keys in one answer of ListKeys when the caller does not say.
pub const KEYS_PAGE: usize = 1_000;

/// Keys in one answer of ListKeys.
pub const KEYS_PAGE_MAX: usize = 10_000;

/// How long a flag must have given everybody the same to be called stale, when the caller does not say: 30 days.
pub const SETTLED_SECONDS: u64 = 30 * 24 * 60 * 60;

/// Flags that one report of an instance names: as many as a store holds.
pub const REPORT_FLAGS_MAX: usize = 10_000;

/// Contexts in one report of an instance.
pub const REPORT_CONTEXTS_MAX: usize = 64;

/// Observations in one report of an instance: two variants of as many flags as a store holds.
pub const REPORT_OBSERVATIONS_MAX: usize = 20_000;

/// Bytes of what tells a batch from every other one.
pub const BATCH_ID_BYTES_MAX: usize = 128;

/// Observations that were not counted which the answer names. Of more, the number is said.
pub const REFUSED_SHOWN_MAX: usize = 100;

/// Hours that /api/services/usage goes back: as far as they are kept.
pub const USAGE_HOURS_MAX: u64 = 14 * 24;

/// Rows in one answer of GetUsage and /api/services/usage. The answer says that there are more.
pub const USAGE_ROWS_MAX: usize = 10_000;

/// Bytes of a report: names of all flags, what was observed of them, and a few contexts.
pub const REPORT_MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Encoded bytes of the change requests in one answer, beside the first: whoever wants more asks for the next page.
pub const REQUESTS_BYTES_MAX: usize = 1024 * 1024;
