//! Every bound of distribution: its value, its reason, and what is seen when it is hit.

/// Deltas that a feed remembers. A subscriber that is further behind gets a snapshot.
pub const FEED_STEPS_MAX: usize = 1_024;

/// Bytes of encoded deltas that a feed remembers: bulk changes must not make the ring large.
pub const FEED_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A subscriber that lacks more deltas than this gets them merged into one.
pub const SINGLE_FRAMES_MAX: usize = 8;

/// Merged deltas that a feed keeps for other subscribers that stand at the same place.
pub const MERGED_FRAMES_MAX: usize = 16;

/// Feeds without subscribers that are kept for those who come back.
pub const IDLE_FEEDS_MAX: usize = 64;

/// Subscriptions of one server. One more is refused with `TOO_MANY_SUBSCRIPTIONS`.
pub const SUBSCRIPTIONS_MAX: usize = 20_000;

/// Acknowledgements that are remembered for each stream, for whoever asks how long a revision took.
pub const ACKNOWLEDGEMENTS_MAX: usize = 16;

/// Bytes of the text by which an SDK says why it refused an update.
pub const REFUSED_BYTES_MAX: usize = 1_024;

/// Flags that one subscriber declares. More is refused with `TOO_LARGE`.
pub const DECLARED_MAX: usize = 1_000;
