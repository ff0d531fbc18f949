//! `schema.v1`, flagd's evaluation protocol by its old name: with `curl`, as PHP's provider speaks it, and over gRPC.

use std::process::Command;

use mycelia_flags_proto::flagd::evaluation::v1::{
    EventStreamRequest, EventStreamResponse, ResolveBooleanRequest, ResolveBooleanResponse,
};
use serde_json::{Value, json};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Code, Request};
use tonic_prost::ProstCodec;

use crate::binary::tool;
use crate::http_commands::{Answer, curl};
use crate::patience::within;
use crate::providers::five;
use crate::server::Server;

#[track_caller]
fn ask(server: &Server, method: &str, body: &Value) -> Answer {
    let path = format!("/schema.v1.Service/{method}");
    curl(&server.url, &path, &["-H", "Content-Type: application/json", "-d", &body.to_string()])
}

#[tokio::test(flavor = "multi_thread")]
async fn five_types_are_answered_as_json() {
    let Some(_curl) = tool("curl") else { return };
    let server = Server::in_memory().await;
    server.admin().await.apply(five()).await;
    // PHP writes the names as they stand in the protocol.
    let of = |method: &str, key: &str| {
        let answer = ask(&server, method, &json!({ "flag_key": key, "context": { "targetingKey": "ana" } }));
        assert_eq!((answer.status, &answer.body["reason"]), (200, &"STATIC".into()), "{}", answer.body);
        (answer.body["value"].clone(), answer.body["variant"].clone())
    };
    assert_eq!(of("ResolveBoolean", "dreams"), (json!(true), json!("on")));
    assert_eq!(of("ResolveString", "title"), (json!("Whispers"), json!("set")));
    assert_eq!(of("ResolveInt", "whispers.max"), (json!("6"), json!("set")));
    assert_eq!(of("ResolveFloat", "share"), (json!(0.25), json!("set")));
    assert_eq!(of("ResolveObject", "limits").0["few"].as_f64(), Some(3.0));
    let all = ask(&server, "ResolveAll", &json!({})).body;
    assert_eq!(all["flags"]["title"]["stringValue"], "Whispers", "{all}");

    let missing = ask(&server, "ResolveBoolean", &json!({ "flag_key": "dream" }));
    assert_eq!((missing.status, &missing.body["code"]), (404, &"not_found".into()));
    let mistyped = ask(&server, "ResolveBoolean", &json!({ "flag_key": "title" }));
    assert_eq!((mistyped.status, &mistyped.body["code"]), (400, &"invalid_argument".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_answered_over_grpc_too() {
    let server = Server::in_memory().await;
    server.admin().await.apply(five()).await;
    let mut grpc = Grpc::new(server.channel().await);
    grpc.ready().await.unwrap();
    let path = PathAndQuery::from_static("/schema.v1.Service/ResolveBoolean");
    let codec = ProstCodec::<ResolveBooleanRequest, ResolveBooleanResponse>::default();
    let request = ResolveBooleanRequest { flag_key: "dreams".to_owned(), context: None };
    let answer = grpc.unary(Request::new(request), path, codec).await.unwrap().into_inner();
    assert_eq!((answer.value, answer.variant.as_str()), (true, "on"));

    grpc.ready().await.unwrap();
    let path = PathAndQuery::from_static("/schema.v1.Service/EventStream");
    let codec = ProstCodec::<EventStreamRequest, EventStreamResponse>::default();
    let events = grpc.server_streaming(Request::new(EventStreamRequest {}), path, codec).await.unwrap();
    let first = within("the first event", events.into_inner().message()).await.unwrap().unwrap();
    assert_eq!(first.r#type, "provider_ready");

    grpc.ready().await.unwrap();
    let path = PathAndQuery::from_static("/schema.v1.Service/ResolveNothing");
    let codec = ProstCodec::<ResolveBooleanRequest, ResolveBooleanResponse>::default();
    let refused = grpc.unary(Request::new(ResolveBooleanRequest::default()), path, codec).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_knows_it_by_its_old_name() {
    let Some(grpcurl) = tool("grpcurl") else { return };
    let server = Server::in_memory().await;
    server.admin().await.apply(five()).await;
    let address = server.running.address().to_string();
    let run = |arguments: &[&str]| {
        let output = Command::new(&grpcurl).args(["-plaintext"]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let services = run(&[&address, "list"]);
    for service in ["schema.v1.Service", "flagd.evaluation.v1.Service", "flagd.evaluation.v2.Service"] {
        assert!(services.lines().any(|line| line == service), "{services}");
    }
    let described = run(&[&address, "describe", "schema.v1.Service"]);
    assert!(described.contains("rpc ResolveInt ( .schema.v1.ResolveIntRequest )"), "{described}");
    let described = run(&[&address, "describe", "schema.v1.ResolveAllResponse"]);
    assert!(described.contains("map<string, .schema.v1.AnyFlag> flags = 1;"), "{described}");
    // What it says is enough to ask.
    let asked = ["-d", r#"{"flag_key":"title"}"#, &address, "schema.v1.Service/ResolveString"];
    assert!(run(&asked).contains(r#""value": "Whispers""#), "{}", run(&asked));
    let all = run(&[&address, "schema.v1.Service/ResolveAll"]);
    assert!(all.contains(r#""stringValue": "of sleep""#), "{all}");
}
