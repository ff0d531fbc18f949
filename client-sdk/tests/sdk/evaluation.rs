//! Values of all types, what a wrong question gives, and what a builder refuses.

use std::collections::BTreeMap;

use mycelia_flags_proto::v1::value::Kind;
use mycelia_flags_proto::v1::{Value as WireValue, ValueMap};
use mycelia_flags_sdk::{BuildError, Client, ClientBuilder, ClientState, Context, ErrorCode, Reason, Value};

use crate::fake_server::{FakeServer, Flags, bring_up, constant};

fn all_types() -> Flags {
    let object = ValueMap {
        fields: BTreeMap::from([(
            "limit".to_owned(),
            WireValue { kind: Some(Kind::IntegerValue(i64::MAX)) },
        )]),
    };
    [
        ("truth", Kind::BooleanValue(true)),
        ("count", Kind::IntegerValue(i64::MAX)),
        ("ratio", Kind::FloatValue(0.25)),
        ("text", Kind::StringValue("hello".to_owned())),
        ("shape", Kind::ObjectValue(object)),
    ]
    .into_iter()
    .map(|(key, kind)| (key, constant(key, kind)))
    .collect()
}

#[tokio::test]
async fn a_value_of_each_type_is_read_as_that_type_only() {
    let mut server = FakeServer::start().await;
    let client = server.client().connect().unwrap();
    let _subscriber = bring_up(&mut server, &client, 3, &all_types()).await;
    let nobody = Context::anonymous();
    let shape = Value::Object(BTreeMap::from([(Box::from("limit"), Value::Integer(i64::MAX))]));
    for key in ["truth", "count", "ratio", "text", "shape", "nowhere"] {
        let of = |wanted: &str| key == wanted;
        let code = |wanted: &str| match key {
            "nowhere" => Some(ErrorCode::FlagNotFound),
            _ => (!of(wanted)).then_some(ErrorCode::TypeMismatch),
        };
        let handle = client.flag(key);

        let details = client.bool_details(key, false, &nobody);
        assert_eq!((details.value, details.error_code), (of("truth"), code("truth")), "{key}");
        assert_eq!(client.bool_value(key, false, &nobody), details.value);
        assert_eq!(handle.bool(false, &nobody), details.value);

        let details = client.int_details(key, -1, &nobody);
        assert_eq!((details.value == i64::MAX, details.error_code), (of("count"), code("count")), "{key}");
        assert_eq!(client.int_value(key, -1, &nobody), details.value);
        assert_eq!(handle.int(-1, &nobody), details.value);

        let details = client.float_details(key, -1.0, &nobody);
        assert_eq!((details.value > 0.0, details.error_code), (of("ratio"), code("ratio")), "{key}");
        assert!((client.float_value(key, -1.0, &nobody) - details.value).abs() < f64::EPSILON);
        assert!((handle.float(-1.0, &nobody) - details.value).abs() < f64::EPSILON);

        let details = client.string_details(key, "none", &nobody);
        assert_eq!((details.value == "hello", details.error_code), (of("text"), code("text")), "{key}");
        assert_eq!(client.string_value(key, "none", &nobody), details.value);
        assert_eq!(handle.string("none", &nobody), details.value);
        assert!(client.with_string(key, "none", &nobody, |text| text == details.value));

        let details = client.object_details(key, Value::Null, &nobody);
        assert_eq!((details.value == shape, details.error_code), (of("shape"), code("shape")), "{key}");
        assert_eq!(client.object_value(key, Value::Null, &nobody), details.value);
        assert_eq!(handle.object(Value::Null, &nobody), details.value);
        let expected = if of("shape") { Reason::Static } else { Reason::Error };
        assert_eq!(details.reason, expected);
        assert_eq!(details.error_message.is_some(), details.error_code.is_some());
        assert_eq!((details.flag_key.as_str(), details.revision), (key, 3));
    }
    client.close().await;
}

#[test]
fn offline_needs_no_runtime_and_is_ready_at_once() {
    let client = Client::builder()
        .service("test")
        .offline()
        .value("oracle.chat", Value::Boolean(true))
        .connect()
        .unwrap();
    assert_eq!(client.status().state, ClientState::Ready);
    assert!(client.bool_value("oracle-chat", false, &Context::anonymous()));
    let empty = Client::builder().service("test").offline().connect().unwrap();
    let details = empty.bool_details("oracle.chat", true, &Context::anonymous());
    assert_eq!((details.value, details.error_code), (true, Some(ErrorCode::FlagNotFound)));
    assert!(matches!(Client::builder().service("test").connect(), Err(BuildError::NoRuntime)));
}

#[test]
fn a_description_that_cannot_work_is_refused() {
    #[track_caller]
    fn check(change: impl Fn(ClientBuilder) -> ClientBuilder, expected: &str) {
        let error = change(Client::builder().service("runner")).build().unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
    for url in ["", "localhost:8013", "ftp://a", "http://", "http://a/path", "http://a?q", "http://a b"] {
        check(|builder| builder.server(url), "server");
    }
    for url in ["http://a:1", "http://a:1/", "http://[::1]:8013"] {
        assert!(Client::builder().service("runner").server(url).build().is_ok(), "{url}");
    }
    check(|builder| builder.environment("no name"), "environment");
    for service in ["", "a b", "../a"] {
        check(|builder| builder.service(service), "service");
    }
    check(|builder| builder.instance(" "), "instance");
    check(|builder| builder.instance("x".repeat(257)), "instance");
    check(|builder| builder.value("no name", Value::Boolean(true)), "value");
    check(|builder| builder.value("list", Value::List(Vec::new())), "value");
    let never = std::time::Duration::ZERO;
    check(|builder| builder.backoff(mycelia_flags_sdk::Backoff::default().between(never, never)), "backoff");
}
