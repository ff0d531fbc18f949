//! The plain paths of an evaluation allocate nothing. A binary of its own, because it has an allocator of its own.

use mycelia_flags_sdk::{Client, Context, Value};

#[track_caller]
fn check(what: &str, evaluate: impl Fn()) {
    // The first evaluation of a thread remembers the state.
    evaluate();
    let counted = allocation_counter::measure(|| {
        for _ in 0..100 {
            evaluate();
        }
    });
    assert_eq!(counted.count_total, 0, "{what}");
}

#[test]
fn plain_evaluations_allocate_nothing() {
    let client = Client::builder()
        .service("test")
        .offline()
        .value("dreams", Value::Boolean(true))
        .value("jobs", Value::Integer(4))
        .value("ratio", Value::Float(0.5))
        .value("greeting", Value::string("hello"))
        .connect()
        .unwrap();
    let context = Context::new("user-1").with("plan", Value::string("pro"));
    check("bool", || assert!(client.bool_value("dreams", false, &context)));
    check("int", || assert_eq!(client.int_value("jobs", 1, &context), 4));
    check("float", || assert!(client.float_value("ratio", 0.0, &context) > 0.4));
    check("string, looked at", || {
        assert!(client.with_string("greeting", "", &context, |text| text == "hello"));
    });
    check("of another type", || {
        assert!(!client.bool_value("greeting", false, &context));
    });
    let flag = client.flag("dreams");
    check("handle", || assert!(flag.bool(false, &context)));
    let missing = client.flag("nowhere");
    check("handle of no flag", || assert!(missing.bool(true, &context)));
    let nested = client.flag("greeting");
    check("evaluations within an evaluation", || {
        assert!(nested.with_string("", &context, |_| client.bool_value("dreams", false, &context)));
        assert!(client.with_string("greeting", "", &context, |_| flag.bool(false, &context)));
    });
}
