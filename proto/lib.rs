//! The wire of Mycelia Flags: generated bindings of `proto/`, and the only place where they turn into core types.
//!
//! What is deliberately absent: behaviour. Validation of meaning is the core's, status codes are the edge's.

#[expect(
    missing_docs,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated from proto/, where the comments are"
)]
pub mod v1 {
    //! `mycelia.flags.v1`.
    tonic::include_proto!("mycelia.flags.v1");
}

pub mod convert;
pub mod raw;

/// All of `proto/`, serialized as a `FileDescriptorSet`: what reflection answers.
pub const FILE_DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("mycelia_descriptor");
