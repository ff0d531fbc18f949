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

#[expect(
    unused_qualifications,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated from proto/, where the comments are"
)]
pub mod flagd {
    //! flagd's protocols, wire-compatible.
    pub mod evaluation {
        //! `flagd.evaluation`.
        pub mod v1 {
            //! `flagd.evaluation.v1`.
            tonic::include_proto!("flagd.evaluation.v1");
        }
        pub mod v2 {
            //! `flagd.evaluation.v2`.
            tonic::include_proto!("flagd.evaluation.v2");
        }
    }
    pub mod sync {
        //! `flagd.sync`.
        pub mod v1 {
            //! `flagd.sync.v1`.
            tonic::include_proto!("flagd.sync.v1");
        }
    }
}

pub mod client_tls;
pub mod convert;
pub mod pem;
pub mod raw;

/// All of `proto/`, serialized as a `FileDescriptorSet`: what reflection answers.
pub const FILE_DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("mycelia_descriptor");
