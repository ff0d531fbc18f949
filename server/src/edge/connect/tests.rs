use std::convert::Infallible;

use axum::Router;
use axum::routing::post;
use serde_json::Value;
use tower::ServiceExt as _;

use super::*;

/// A service that answers ResolveBoolean with what it was asked, and EventStream with two messages in three pieces.
fn router() -> Router {
    let resolve = |request: Request<Body>| async move {
        let sent = request.into_body().collect().await.unwrap().to_bytes();
        // The key is field 1 of the request and the variant is field 3 of the answer; value (1) is false and left out.
        let key = sent.slice(PREFIX_BYTES + 2..);
        let mut answer = vec![0, 0, 0, 0, 0, 0x1a, u8::try_from(key.len()).unwrap()];
        answer.extend_from_slice(&key);
        answer[4] = u8::try_from(answer.len() - PREFIX_BYTES).unwrap();
        grpc_answer(vec![Bytes::from(answer)], "0")
    };
    let events = |_request: Request<Body>| async move {
        let pieces: [&[u8]; 3] = [&[0, 0, 0], &[0, 3, 0x0a, 1, b'a', 0, 0, 0, 0, 3, 0x0a], &[1, b'b']];
        grpc_answer(pieces.map(Bytes::from_static).to_vec(), "14")
    };
    Router::new()
        .route("/flagd.evaluation.v1.Service/ResolveBoolean", post(resolve))
        .route("/flagd.evaluation.v1.Service/EventStream", post(events))
        .layer(axum::middleware::from_fn_with_state(Connect::new(1024 * 1024).unwrap(), translate))
}

fn grpc_answer(pieces: Vec<Bytes>, status: &'static str) -> Response<Body> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    trailers.insert("grpc-message", HeaderValue::from_static("gone"));
    let pieces = tokio_stream::iter(
        pieces.into_iter().map(|piece| Ok::<_, Infallible>(http_body::Frame::data(piece))),
    );
    let body = http_body_util::StreamBody::new(pieces).with_trailers(async move { Some(Ok(trailers)) });
    Response::new(Body::new(body))
}

async fn ask(path: &str, content_type: &str, body: impl Into<Body>) -> (u16, String, Bytes) {
    let request = Request::post(format!("/flagd.evaluation.v1.Service/{path}"))
        .header(header::CONTENT_TYPE, content_type)
        .body(body.into())
        .unwrap();
    let answer = router().oneshot(request).await.unwrap();
    let content_type = answer.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
    let status = answer.status().as_u16();
    (status, content_type, answer.into_body().collect().await.unwrap().to_bytes())
}

#[tokio::test]
async fn a_call_in_json_is_answered_in_json_with_its_zeros() {
    for key in ["flagKey", "flag_key"] {
        let body = format!(r#"{{"{key}":"dreams","unknown":1}}"#);
        let (status, content_type, answer) =
            ask("ResolveBoolean", "application/json; charset=utf-8", body).await;
        assert_eq!((status, &*content_type), (200, "application/json"));
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer, serde_json::json!({ "value": false, "reason": "", "variant": "dreams" }));
    }
}

#[tokio::test]
async fn a_call_in_binary_is_answered_in_binary() {
    let (status, content_type, answer) =
        ask("ResolveBoolean", "application/proto", Bytes::from_static(b"\x0a\x01d")).await;
    assert_eq!((status, &*content_type, &answer[..]), (200, "application/proto", &b"\x1a\x01d"[..]));
}

#[tokio::test]
async fn what_is_no_message_is_refused_in_the_protocols_words() {
    let (status, _, answer) = ask("ResolveBoolean", "application/json", r#"{"flagKey":7}"#).await;
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!((status, &answer["code"]), (400, &"invalid_argument".into()), "{answer}");
    assert!(answer["message"].as_str().unwrap().contains("line 1"), "{answer}");
    let (status, _, answer) = ask("EventStream", "application/json", "{}").await;
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!((status, &answer["code"]), (501, &"unimplemented".into()), "{answer}");
}

/// The envelopes of a stream.
fn envelopes(mut stream: Bytes) -> Vec<(u8, Value)> {
    let mut all = Vec::new();
    while !stream.is_empty() {
        let prefix = stream.split_to(PREFIX_BYTES);
        let length = u32::from_be_bytes(prefix[1..].try_into().unwrap());
        let payload = stream.split_to(usize::try_from(length).unwrap());
        all.push((prefix[0], serde_json::from_slice(&payload).unwrap()));
    }
    all
}

#[tokio::test]
async fn a_stream_is_answered_message_by_message_and_says_how_it_ended() {
    let envelope = Bytes::from_static(b"\0\0\0\0\x02{}");
    let (status, content_type, answer) = ask("EventStream", "application/connect+json", envelope).await;
    assert_eq!((status, &*content_type), (200, "application/connect+json"));
    let expected = [
        (0, serde_json::json!({ "type": "a" })),
        (0, serde_json::json!({ "type": "b" })),
        (2, serde_json::json!({ "error": { "code": "unavailable", "message": "gone" } })),
    ];
    assert_eq!(envelopes(answer), expected);
}

#[tokio::test]
async fn a_stream_that_was_asked_for_wrongly_ends_at_once() {
    let (status, _, answer) = ask("EventStream", "application/connect+json", "{}").await;
    assert_eq!(status, 200);
    let all = envelopes(answer);
    assert_eq!((all.len(), all[0].0, &all[0].1["error"]["code"]), (1, 2, &"invalid_argument".into()));
}
