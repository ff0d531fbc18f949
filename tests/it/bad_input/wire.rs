//! Bytes that are no request, or one that only a newer client would send: the caller's fault, and never ours.

use mycelia_flags_proto::v1;
use prost::Message;
use prost::bytes::{Buf, BufMut};
use prost::encoding::{DecodeContext, WireType, encode_key, encode_varint};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use super::rules::within;
use super::stage::{Look, Stage, rule, set_rules, variant_serve};
use crate::server::{apply_request, create};

/// Bytes in the place of a message.
#[derive(Debug, Default, Clone)]
struct Raw(Vec<u8>);

impl Message for Raw {
    fn encode_raw(&self, buffer: &mut impl BufMut) {
        buffer.put_slice(&self.0);
    }

    fn merge_field(
        &mut self,
        _tag: u32,
        _wire_type: WireType,
        _buffer: &mut impl Buf,
        _context: DecodeContext,
    ) -> Result<(), prost::DecodeError> {
        unreachable!("it is only sent")
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

async fn apply(channel: Channel, bytes: Vec<u8>) -> Result<v1::ApplyResponse, Status> {
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.unwrap();
    let path = "/mycelia.flags.v1.AdminService/Apply".parse().unwrap();
    let codec = tonic_prost::ProstCodec::<Raw, v1::ApplyResponse>::default();
    Ok(grpc.unary(Request::new(Raw(bytes)), path, codec).await?.into_inner())
}

/// A field whose content has a length in front of it.
fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_key(number, WireType::LengthDelimited, &mut bytes);
    encode_varint(u64::try_from(content.len()).unwrap(), &mut bytes);
    bytes.extend_from_slice(content);
    bytes
}

/// A request whose change set has these fields beside an actor.
fn change_set(fields: &[u8]) -> Vec<u8> {
    field(1, &[&field(2, b"test"), fields].concat())
}

fn change(kind: u32, content: &[u8]) -> Vec<u8> {
    change_set(&field(1, &field(kind, content)))
}

const NOT_UTF8: &[u8] = b"dre\xffams";

/// What cannot be decoded at all.
fn undecodable() -> Vec<(&'static str, Vec<u8>)> {
    let whole = apply_request(vec![create("dreams.new")]).encode_to_vec();
    let mut endless = Vec::new();
    encode_key(1, WireType::LengthDelimited, &mut endless);
    endless.extend_from_slice(&[0xff; 11]);
    let mut group = Vec::new();
    encode_key(1, WireType::StartGroup, &mut group);
    let deep = apply_request(vec![set_rules("dreams", vec![rule(within(200), variant_serve("on"))])]);
    vec![
        ("an actor that is no UTF-8", field(1, &field(2, NOT_UTF8))),
        ("a reason that is no UTF-8", change_set(&field(3, NOT_UTF8))),
        ("an idempotency key that is no UTF-8", field(4, NOT_UTF8)),
        ("a flag that is no UTF-8", change(5, &field(2, NOT_UTF8))),
        ("an environment that is half of a letter", change(5, &field(1, &"é".as_bytes()[..1]))),
        ("a surrogate in a variant", change(10, &field(3, b"\xed\xa0\x80"))),
        ("a key on a list that is no UTF-8", change(24, &field(3, NOT_UTF8))),
        ("a targeting expression that is no UTF-8", change(17, &field(3, NOT_UTF8))),
        ("a request that ends in the middle", whole[..whole.len() - 3].to_vec()),
        ("a request that ends after its first byte", whole[..1].to_vec()),
        ("a length beyond the end", vec![0x0a, 0x7f, 0x01]),
        ("a length without end", endless),
        ("a group that nobody ends", group),
        ("a change set that is a number", vec![0x08, 0x01]),
        ("field number zero", vec![0x02, 0x00]),
        ("text", b"{\"changeSet\": {}}".to_vec()),
        ("noise", (0..=255).rev().collect()),
        ("a condition that is deeper than a decoder goes", deep.encode_to_vec()),
    ]
}

#[tokio::test]
async fn what_cannot_be_decoded_is_the_callers_fault_and_changes_nothing() {
    let mut stage = Stage::set().await;
    let channel = stage.channel().await;
    let before = Look::at(&mut stage).await;
    let mut wrong = Vec::new();
    for (what, bytes) in undecodable() {
        match apply(channel.clone(), bytes).await {
            Err(status) if status.code() == Code::InvalidArgument && status.message().contains("decode") => {}
            other => wrong.push(format!("{what}: {other:?}")),
        }
        assert_eq!(Look::at(&mut stage).await, before, "{what}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{} undecodable requests", undecodable().len());
}

/// A oneof that is not set, or set to what only a newer client knows, names the place.
#[tokio::test]
async fn what_only_a_newer_client_would_send_is_named() {
    let mut stage = Stage::set().await;
    let channel = stage.channel().await;
    let before = Look::at(&mut stage).await;
    let condition = |content: &[u8]| change(9, &[field(2, b"dreams"), field(3, &field(2, content))].concat());
    let serve = field(3, &field(1, b"on"));
    let ruled = |content: &[u8]| {
        let rule = [field(2, content), serve.clone()].concat();
        change(9, &[field(2, b"dreams"), field(3, &rule)].concat())
    };
    let cases = [
        (change(99, b""), vec!["changes[0]"]),
        (change_set(&[field(1, b""), field(1, &field(99, b"x"))].concat()), vec!["changes[0]", "changes[1]"]),
        (change(8, &field(2, b"dreams")), vec!["changes[0].set_default_serve.serve"]),
        (
            condition(&field(9, b"")),
            vec!["changes[0].set_rules.rules[0].condition", "changes[0].set_rules.rules[0].serve"],
        ),
        (ruled(&field(9, b"")), vec!["changes[0].set_rules.rules[0].condition"]),
        (ruled(&field(2, &field(1, b""))), vec!["changes[0].set_rules.rules[0].condition.all[0]"]),
        (change(28, &field(2, b"night")), vec!["changes[0].change_feature"]),
    ];
    for (bytes, fields) in cases {
        let status = apply(channel.clone(), bytes).await.unwrap_err();
        let found = status.get_details_bad_request().unwrap().field_violations;
        let found: Vec<String> = found.into_iter().map(|violation| violation.field).collect();
        assert_eq!(
            (status.code(), found),
            (Code::InvalidArgument, fields.into_iter().map(str::to_owned).collect())
        );
        assert_eq!(status.get_details_error_info().unwrap().reason, "REQUIRED");
        assert_eq!(Look::at(&mut stage).await, before);
    }
}

#[tokio::test]
async fn a_request_that_is_too_large_is_refused_before_it_is_read() {
    let mut stage = Stage::set().await;
    let channel = stage.channel().await;
    let before = Look::at(&mut stage).await;
    let mut huge = apply_request(vec![create("dreams.new")]);
    huge.change_set.as_mut().unwrap().reason = "x".repeat(2 << 20);
    for bytes in [huge.encode_to_vec(), vec![0xff; (1 << 20) + 1]] {
        let status = apply(channel.clone(), bytes).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    }
    assert_eq!(Look::at(&mut stage).await, before);
}
