//! `MurmurHash3`: the 32-bit hash that flagd's `fractional` is defined over, and the 128-bit one for digests.
//!
//! The algorithm is Austin Appleby's, who placed his reference code (`MurmurHash3.cpp` of `SMHasher`) in the
//! public domain; this is a rewrite of it in safe Rust. We carry our own because the usual crate reads
//! through an `io::Read` cursor, which costs twice the hash, and because the CBOR form needs to hash several
//! slices in a row without gluing them together first.
//!
//! This is no defence against chosen input: whoever can pick keys can pick buckets, as in every flagd.

/// `MurmurHash3` x86 32-bit over one slice.
#[inline]
#[must_use]
pub fn x86_32(bytes: &[u8], seed: u32) -> u32 {
    let mut hasher = X86_32::new(seed);
    hasher.update(bytes);
    hasher.finish()
}

/// `MurmurHash3` x86 32-bit over several slices, as if they were one.
///
/// The result depends only on the bytes, never on where they were cut.
#[derive(Clone, Debug)]
pub struct X86_32 {
    state: u32,
    /// The bytes that do not yet fill a block, little-endian, zero above `pending_bits`.
    pending: u32,
    /// 0, 8, 16 or 24.
    pending_bits: u32,
    /// The reference mixes the length in as 32 bits, so it wraps here as well.
    length: u32,
}

impl X86_32 {
    /// Starts a hash. flagd's seed is 0.
    #[inline]
    #[must_use]
    pub const fn new(seed: u32) -> Self {
        Self { state: seed, pending: 0, pending_bits: 0, length: 0 }
    }

    /// Appends bytes.
    #[inline]
    pub fn update(&mut self, bytes: &[u8]) {
        self.length = self.length.wrapping_add(low_32(bytes.len()));
        let (blocks, tail) = bytes.as_chunks::<4>();
        for block in blocks {
            let word = u32::from_le_bytes(*block);
            self.mix(self.pending | (word << self.pending_bits));
            // Two shifts, because one by 32 (nothing was pending) would overflow.
            self.pending = (word >> 1) >> (31 - self.pending_bits);
        }
        for byte in tail {
            self.pending |= u32::from(*byte) << self.pending_bits;
            self.pending_bits += 8;
            if self.pending_bits == 32 {
                self.mix(self.pending);
                self.pending = 0;
                self.pending_bits = 0;
            }
        }
    }

    /// The hash of everything that was appended.
    #[inline]
    #[must_use]
    pub const fn finish(self) -> u32 {
        // With nothing pending the scrambled word is zero and changes nothing.
        let hash = self.state ^ scramble_32(self.pending) ^ self.length;
        let hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
        let hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
        hash ^ (hash >> 16)
    }

    #[inline]
    const fn mix(&mut self, block: u32) {
        self.state =
            (self.state ^ scramble_32(block)).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
}

#[inline]
const fn scramble_32(block: u32) -> u32 {
    block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593)
}

/// The low half of a length, which is all of it on a 32-bit machine.
#[inline]
const fn low_32(length: usize) -> u32 {
    let [a, b, c, d, ..] = length.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// `MurmurHash3` x64 128-bit over one slice; the low 64 bits are the reference's first word (`h1`).
///
/// It is wide enough that two different entities do not share a digest by accident, at any size of a store.
#[inline]
#[must_use]
pub fn x64_128(bytes: &[u8], seed: u32) -> u128 {
    let mut h1 = u64::from(seed);
    let mut h2 = u64::from(seed);

    let (words, tail) = bytes.as_chunks::<8>();
    let (blocks, odd_word) = words.as_chunks::<2>();
    for [k1, k2] in blocks {
        h1 ^= scramble_first(u64::from_le_bytes(*k1));
        h1 = h1.rotate_left(27).wrapping_add(h2).wrapping_mul(5).wrapping_add(0x52dc_e729);
        h2 ^= scramble_second(u64::from_le_bytes(*k2));
        h2 = h2.rotate_left(31).wrapping_add(h1).wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }

    // What is left are 0 to 15 bytes: a whole first word and part of the second, or only part of the first.
    // An empty part scrambles to zero and changes nothing.
    let partial = tail.iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte));
    if let [k1] = odd_word {
        h1 ^= scramble_first(u64::from_le_bytes(*k1));
        h2 ^= scramble_second(partial);
    } else {
        h1 ^= scramble_first(partial);
    }

    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    h1 ^= length;
    h2 ^= length;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    h1 = avalanche_64(h1);
    h2 = avalanche_64(h2);
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    (u128::from(h2) << 64) | u128::from(h1)
}

#[inline]
const fn scramble_first(word: u64) -> u64 {
    word.wrapping_mul(0x87c3_7b91_1142_53d5).rotate_left(31).wrapping_mul(0x4cf5_ad43_2745_937f)
}

#[inline]
const fn scramble_second(word: u64) -> u64 {
    word.wrapping_mul(0x4cf5_ad43_2745_937f).rotate_left(33).wrapping_mul(0x87c3_7b91_1142_53d5)
}

#[inline]
const fn avalanche_64(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FOX: &[u8] = b"The quick brown fox jumps over the lazy dog";

    #[track_caller]
    fn check_32(bytes: &[u8], seed: u32, expected: u32) {
        assert_eq!(x86_32(bytes, seed), expected, "{bytes:?}");
    }

    #[track_caller]
    fn check_128(bytes: &[u8], seed: u32, expected: u128) {
        assert_eq!(x64_128(bytes, seed), expected, "{bytes:?}");
    }

    /// Every expected value was printed by the Python package mmh3 5.3.1, which wraps `SMHasher`'s own code.
    #[test]
    fn the_32_bit_values_are_those_of_mmh3() {
        check_32(b"", 0, 0);
        check_32(b"", 1, 1_364_076_727);
        check_32(b"a", 0, 1_009_084_850);
        check_32(b"hello", 0, 613_153_351);
        check_32(b"hello", 0x9747_b28c, 1_568_626_408);
        check_32(b"flag-user", 0, 2_410_693_464);
        check_32(b"1234567", 7, 4_039_440_151);
        check_32(b"12345678", 0, 2_444_432_334);
        check_32(FOX, 0, 776_992_547);
        check_32(FOX, u32::MAX, 590_642_366);
        check_32("日本語 😀".as_bytes(), 42, 819_958_844);
    }

    /// Printed by mmh3 as well: `mmh3.hash128(bytes, seed, True, signed=False)`.
    #[test]
    fn the_128_bit_values_are_those_of_mmh3() {
        check_128(b"", 0, 0);
        check_128(b"", 1, 0x5162_2daa_78f8_3583_4610_abe5_6eff_5cb5);
        check_128(b"a", 0, 0xe6b5_3a48_510e_895a_8555_5565_f659_7889);
        check_128(b"hello", 0, 0x5b1e_906a_48ae_1d19_cbd8_a7b3_41bd_9b02);
        check_128(b"hello", 0x9747_b28c, 0x2a90_5546_b3c1_cb83_8c23_d685_6f07_1a2e);
        check_128(b"1234567", 7, 0xb153_05a7_e300_c03b_cb8c_ae6f_ecab_2ad2);
        check_128(b"12345678", 0, 0x913b_0e67_6bd4_2557_3b4a_6406_38b1_419c);
        check_128(b"123456789", 0, 0x99f8_fac7_3a1e_a105_3c84_645e_db66_cca4);
        check_128(b"123456789012345", 0, 0x1ec3_2636_4f08_01b3_8870_01ae_a2af_cfd6);
        check_128(b"1234567890123456", 0, 0xc0c8_e96b_60c3_22c1_4fbe_5dc5_c0e3_2cf8);
        check_128(b"12345678901234567", 0, 0x291e_6386_473f_7103_7486_1796_8026_b77e);
        check_128(FOX, 0, 0x7a43_3ca9_c49a_9347_e34b_bc7b_bc07_1b6c);
        check_128(FOX, u32::MAX, 0x647d_6709_6440_b412_691c_1d73_a800_a18a);
    }

    #[test]
    fn the_ends_of_the_range_are_reached() {
        for (text, expected) in [
            ("ejOoVL", 0),
            ("bY9fO-", 1),
            ("SI7p-", 2_147_483_647),
            ("6LvT0", 2_147_483_648),
            ("ceQdGm", u32::MAX),
        ] {
            assert_eq!(x86_32(text.as_bytes(), 0), expected, "{text}");
        }
    }

    /// `SMHasher`'s self-test: hash the keys `[]`, `[0]`, `[0, 1]` … with the seeds 256, 255 …, then hash
    /// the hashes; the first four bytes are a published constant.
    fn verification_value<const N: usize>(hash: impl Fn(&[u8], u32) -> [u8; N]) -> u32 {
        let mut key = Vec::new();
        let mut hashes = Vec::new();
        for (byte, seed) in (0..=u8::MAX).zip((1..=256).rev()) {
            hashes.extend(hash(&key, seed));
            key.push(byte);
        }
        hash(&hashes, 0).first_chunk().map_or(0, |head| u32::from_le_bytes(*head))
    }

    #[test]
    fn smhashers_own_verification_passes() {
        assert_eq!(verification_value(|key, seed| x86_32(key, seed).to_le_bytes()), 0xb0f5_7ee3);
        assert_eq!(verification_value(|key, seed| x64_128(key, seed).to_le_bytes()), 0x6384_ba69);
    }

    proptest! {
        #[test]
        fn it_does_not_matter_where_the_bytes_are_cut(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..11), 0..9),
            seed: u32,
        ) {
            let mut hasher = X86_32::new(seed);
            for piece in &pieces {
                hasher.update(piece);
            }
            prop_assert_eq!(hasher.finish(), x86_32(&pieces.concat(), seed));
        }
    }
}
