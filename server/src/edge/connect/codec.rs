//! Messages in JSON and in binary, by their descriptors.

use bytes::Bytes;
use prost::Message as _;
use prost_reflect::{DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions};
use tonic::Status;

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Json,
    Binary,
}

impl Encoding {
    /// The content type of one message.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Binary => "application/proto",
        }
    }

    /// The content type of a stream of messages.
    pub(super) const fn stream_content_type(self) -> &'static str {
        match self {
            Self::Json => "application/connect+json",
            Self::Binary => "application/connect+proto",
        }
    }

    /// The message in binary.
    ///
    /// # Errors
    /// When it is no such message; names the line and the column.
    pub(super) fn decode(self, kind: MessageDescriptor, message: Bytes) -> Result<Bytes, Status> {
        if self == Self::Binary {
            return Ok(message);
        }
        let refused = |error: serde_json::Error| Status::invalid_argument(format!("the message: {error}"));
        let mut json = serde_json::Deserializer::from_slice(&message);
        // Unknown fields pass, as the protocol wants it: a caller may be newer than the server.
        let options = DeserializeOptions::new().deny_unknown_fields(false);
        let decoded = DynamicMessage::deserialize_with_options(kind, &mut json, &options).map_err(refused)?;
        json.end().map_err(refused)?;
        Ok(decoded.encode_to_vec().into())
    }

    /// The message as the caller wants it, from binary.
    ///
    /// # Errors
    /// When it is no such message, or holds what JSON cannot say.
    pub(super) fn encode(self, kind: MessageDescriptor, message: Bytes) -> Result<Bytes, Status> {
        if self == Self::Binary {
            return Ok(message);
        }
        let internal = |error: &dyn std::error::Error| Status::internal(format!("the answer: {error}"));
        let decoded = DynamicMessage::decode(kind, message).map_err(|error| internal(&error))?;
        let mut json = serde_json::Serializer::new(Vec::new());
        // Zeros are written: a flag that is false has a value.
        let options = SerializeOptions::new().skip_default_fields(false);
        decoded.serialize_with_options(&mut json, &options).map_err(|error| internal(&error))?;
        Ok(json.into_inner().into())
    }
}
