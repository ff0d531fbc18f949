//! A digest of a set of flags that can be kept up to date without looking at the whole set.
//!
//! It is the sum, modulo 2^128, of a 128-bit hash of each member: order plays no part, adding and removing a member
//! costs one addition. It detects divergence between a server and its subscribers; it is no defence against forgery.

use crate::murmur3;
use crate::revision::Revision;

/// The hash of one member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberHash(u128);

impl MemberHash {
    /// Hashes a member's bytes: MurmurHash3 x64 128, seed 0.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(murmur3::x64_128(bytes, 0))
    }
}

/// The digest of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Digest(u128);

impl Digest {
    /// The digest after a member was added.
    #[must_use]
    pub const fn with(self, member: MemberHash) -> Self {
        Self(self.0.wrapping_add(member.0))
    }

    /// The digest after a member was removed.
    #[must_use]
    pub const fn without(self, member: MemberHash) -> Self {
        Self(self.0.wrapping_sub(member.0))
    }

    /// The digest as a frame carries it: of the set *and* of the revision that it is at, so that a revision which was
    /// garbled on the way is noticed like a flag that was.
    #[must_use]
    pub fn sealed(self, revision: Revision) -> Self {
        self.with(MemberHash::of(&revision.get().to_be_bytes()))
    }

    /// What was [sealed](Digest::sealed); something else altogether when the revision is another one.
    #[must_use]
    pub fn unsealed(self, revision: Revision) -> Self {
        self.without(MemberHash::of(&revision.get().to_be_bytes()))
    }

    /// The form in which it travels: 16 bytes, big-endian.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// Reads what [`Digest::to_bytes`] wrote.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(u128::from_be_bytes(bytes)))
    }
}
