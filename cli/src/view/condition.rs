//! When a rule applies, as a document and in words.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::condition::Condition;
use serde::Serialize;
use serde_json::Value as Json;

use crate::view::value;

/// `{"test": …}`, `{"all": […]}`, `{"any": […]}`, `{"not": …}` or `{"segment": …}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ConditionView {
    Test { attribute: String, operator: String, operands: Vec<Json>, negated: bool },
    All(Vec<ConditionView>),
    Any(Vec<ConditionView>),
    Not(Box<ConditionView>),
    Segment(String),
}

impl ConditionView {
    /// None when the server said nothing.
    pub(crate) fn of(condition: Option<&v1::Condition>) -> Option<Self> {
        Some(match condition?.condition.as_ref()? {
            Condition::Test(test) => Self::Test {
                attribute: test.attribute.clone(),
                operator: operator_name(test.operator),
                operands: test.operands.iter().map(value::to_json).collect(),
                negated: test.negated,
            },
            Condition::All(list) => Self::All(Self::of_list(list)),
            Condition::Any(list) => Self::Any(Self::of_list(list)),
            Condition::Not(inner) => Self::Not(Box::new(Self::of(Some(inner))?)),
            Condition::Segment(key) => Self::Segment(key.clone()),
        })
    }

    fn of_list(list: &v1::ConditionList) -> Vec<Self> {
        list.conditions.iter().filter_map(|condition| Self::of(Some(condition))).collect()
    }

    /// `country in "DE", "AT" and not (plan equals "free")`.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Test { attribute, operator, operands, negated } => {
                let operator = operator.replace('_', " ");
                let negation = if *negated { "not " } else { "" };
                let operands: Vec<_> = operands.iter().map(Json::to_string).collect();
                format!("{attribute} {negation}{operator} {}", operands.join(", ")).trim_end().to_owned()
            }
            Self::All(conditions) if conditions.is_empty() => "always".to_owned(),
            Self::Any(conditions) if conditions.is_empty() => "never".to_owned(),
            Self::All(conditions) => Self::joined(conditions, " and "),
            Self::Any(conditions) => Self::joined(conditions, " or "),
            Self::Not(inner) => format!("not ({})", inner.words()),
            Self::Segment(key) => format!("in segment {key}"),
        }
    }

    fn joined(conditions: &[Self], word: &str) -> String {
        let parts = conditions.iter().map(|condition| match condition {
            Self::All(inner) | Self::Any(inner) if inner.len() > 1 && conditions.len() > 1 => {
                format!("({})", condition.words())
            }
            _ => condition.words(),
        });
        parts.collect::<Vec<_>>().join(word)
    }
}

/// `starts_with`, where the wire says `OPERATOR_STARTS_WITH`.
fn operator_name(operator: i32) -> String {
    let name = v1::Operator::try_from(operator).map_or("OPERATOR_UNKNOWN", |operator| operator.as_str_name());
    name.trim_start_matches("OPERATOR_").to_ascii_lowercase()
}

#[cfg(test)]
pub(crate) mod tests {
    use mycelia_flags_proto::v1::value::Kind;
    use serde_json::json;

    use super::*;

    pub(crate) fn test(
        attribute: &str,
        operator: v1::Operator,
        operands: &[&str],
        negated: bool,
    ) -> v1::Condition {
        let value = |text: &&str| v1::Value { kind: Some(Kind::StringValue((*text).to_owned())) };
        let test = v1::Test {
            attribute: attribute.to_owned(),
            operator: operator.into(),
            operands: operands.iter().map(value).collect(),
            negated,
        };
        v1::Condition { condition: Some(Condition::Test(test)) }
    }

    #[track_caller]
    fn check(condition: &v1::Condition, words: &str) {
        assert_eq!(ConditionView::of(Some(condition)).unwrap().words(), words);
    }

    #[test]
    fn conditions_read_as_words() {
        let country = test("country", v1::Operator::In, &["DE", "AT"], false);
        let plan = test("plan", v1::Operator::Equals, &["free"], false);
        let exists = test("beta", v1::Operator::Exists, &[], true);
        check(&country, r#"country in "DE", "AT""#);
        check(&exists, "beta not exists");
        let list = |conditions: &[&v1::Condition]| v1::ConditionList {
            conditions: conditions.iter().map(|condition| (*condition).clone()).collect(),
        };
        let any = v1::Condition { condition: Some(Condition::Any(list(&[&country, &plan]))) };
        let not = v1::Condition { condition: Some(Condition::Not(Box::new(plan.clone()))) };
        let all = v1::Condition { condition: Some(Condition::All(list(&[&any, &not]))) };
        check(&all, r#"(country in "DE", "AT" or plan equals "free") and not (plan equals "free")"#);
        check(&v1::Condition { condition: Some(Condition::All(list(&[]))) }, "always");
        check(&v1::Condition { condition: Some(Condition::Any(list(&[]))) }, "never");
        check(&v1::Condition { condition: Some(Condition::Segment("beta".to_owned())) }, "in segment beta");
    }

    #[test]
    fn conditions_are_documents() {
        let condition = test("email", v1::Operator::EndsWith, &["@example.org"], false);
        assert_eq!(
            serde_json::to_value(ConditionView::of(Some(&condition))).unwrap(),
            json!({"test": {
                "attribute": "email", "operator": "ends_with", "operands": ["@example.org"], "negated": false
            }})
        );
    }
}
