//! Values that must satisfy a schema.

use mycelia_flags_core::change::{CreateFlag, UpdateFlag};
use mycelia_flags_core::value::{FlagType, Value};

use super::*;

const POSITIVE: &str = r#"{"type": "integer", "minimum": 1}"#;

fn with_schema(schema: &str, values: &[(&str, i64)]) -> CommitRequest {
    let variants = values.iter().map(|(name, value)| ((*name).to_owned(), Value::Integer(*value)));
    request(vec![Change::CreateFlag(CreateFlag {
        flag_type: FlagType::Integer,
        variants: variants.collect(),
        default_variant: values[0].0.to_owned(),
        off_variant: values[0].0.to_owned(),
        schema: schema.to_owned(),
        ..CreateFlag::boolean("retries")
    })])
}

#[tokio::test]
async fn a_flag_keeps_to_its_schema() {
    let store = memory();
    let refused = store.commit(with_schema(POSITIVE, &[("few", 1), ("none", 0)])).await;
    let Err(CommitError::Rejected(rejection)) = refused else { panic!("{refused:?}") };
    let [violation] = &rejection.violations[..] else { panic!("{rejection}") };
    assert_eq!((violation.reason, &*violation.value), (Reason::SchemaViolation, "none"));
    assert_eq!(violation.allowed, "the value is less than the minimum of 1");

    store.commit(with_schema(POSITIVE, &[("few", 1), ("many", 9)])).await.unwrap();
    let variants = |many| Change::SetVariants {
        flag: "retries".to_owned(),
        variants: vec![("few".to_owned(), Value::Integer(1)), ("many".to_owned(), Value::Integer(many))],
    };
    assert_eq!(reason(store.commit(request(vec![variants(-9)])).await), Reason::SchemaViolation);
    store.commit(request(vec![variants(90)])).await.unwrap();
    let schema = |schema: &str| {
        let schema = Some(schema.to_owned());
        request(vec![Change::UpdateFlag(UpdateFlag {
            flag: "retries".to_owned(),
            schema,
            ..UpdateFlag::default()
        })])
    };
    assert_eq!(reason(store.commit(schema(r#"{"maximum": 50}"#)).await), Reason::SchemaViolation);
    assert_eq!(reason(store.commit(schema("{")).await), Reason::InvalidSchema);
    let remote = schema(r#"{"$ref": "https://example.com/schema"}"#);
    assert_eq!(reason(store.commit(remote).await), Reason::InvalidSchema);
    store.commit(schema(r#"{"maximum": 500}"#)).await.unwrap();
    store.commit(schema("")).await.unwrap();
    store.commit(request(vec![variants(-9)])).await.unwrap();
}
