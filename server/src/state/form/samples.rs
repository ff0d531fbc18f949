//! Arbitrary records for property tests.
