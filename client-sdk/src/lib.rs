//! The SDK
