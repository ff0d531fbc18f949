//! The subject of a question, as it is typed: `--user`, `--attr` and `--context`.

use std::collections::BTreeMap;

use clap::Args;
use mycelia_flags_proto::v1;
use serde_json::{Map, Value as Json};

use crate::failure::Failure;
use crate::view::value;

/// What OpenFeature calls the targeting key within a context.
const TARGETING_KEY: &str = "targetingKey";

/// Who is asked about.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SubjectArgs {
    /// The subject's targeting key
    #[arg(long, value_name = "KEY")]
    pub(crate) user: Option<String>,

    /// An attribute of the subject; numbers, true, false, lists, objects and "text" are read as JSON, the rest is text
    #[arg(long = "attr", value_name = "NAME=VALUE")]
    pub(crate) attributes: Vec<String>,

    /// The whole context as a JSON object, `targetingKey` and attributes; --user and --attr win over it
    #[arg(long, value_name = "JSON")]
    pub(crate) context: Option<String>,
}

impl SubjectArgs {
    /// The context that was meant.
    pub(crate) fn context(&self) -> Result<v1::EvaluationContext, Failure> {
        let mut context = match &self.context {
            Some(text) => of_json(text)?,
            None => v1::EvaluationContext::default(),
        };
        if let Some(user) = &self.user {
            context.targeting_key.clone_from(user);
        }
        for text in &self.attributes {
            let (name, value) = attribute(text)?;
            context.attributes.insert(name, value);
        }
        Ok(context)
    }
}

fn of_json(text: &str) -> Result<v1::EvaluationContext, Failure> {
    let complaint = |why: String| Failure::Usage(format!("--context: {why}"));
    let fields: Map<String, Json> = serde_json::from_str(text)
        .map_err(|error| complaint(format!("expected a JSON object such as {EXAMPLE}: {error}")))?;
    let mut targeting_key = String::new();
    let mut attributes = BTreeMap::new();
    for (name, json) in fields {
        if name != TARGETING_KEY {
            let value = value::of_json(json).map_err(|why| complaint(format!("{name}: {why}")))?;
            attributes.insert(name, value);
            continue;
        }
        let Json::String(key) = json else {
            return Err(complaint(format!("{TARGETING_KEY} is a text, not {json}")));
        };
        targeting_key = key;
    }
    Ok(v1::EvaluationContext { targeting_key, attributes })
}

const EXAMPLE: &str = r#"{"targetingKey":"ada","country":"DE"}"#;

fn attribute(text: &str) -> Result<(String, v1::Value), Failure> {
    let complaint = |why: String| Failure::Usage(format!("--attr {text}: {why}"));
    let (name, value) = text.split_once('=').ok_or_else(|| complaint("expected NAME=VALUE".to_owned()))?;
    if name == TARGETING_KEY {
        return Err(complaint("the targeting key is said with --user".to_owned()));
    }
    Ok((name.to_owned(), value::of_attribute(value).map_err(complaint)?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn typed(user: Option<&str>, attributes: &[&str], context: Option<&str>) -> SubjectArgs {
        SubjectArgs {
            user: user.map(str::to_owned),
            attributes: attributes.iter().map(|&text| text.to_owned()).collect(),
            context: context.map(str::to_owned),
        }
    }

    #[track_caller]
    fn check(typed: &SubjectArgs, key: &str, attributes: &Json) {
        let context = typed.context().unwrap();
        let shown: Map<String, Json> =
            context.attributes.iter().map(|(name, value)| (name.clone(), value::to_json(value))).collect();
        assert_eq!((context.targeting_key.as_str(), &Json::Object(shown)), (key, attributes));
    }

    #[test]
    fn what_is_said_alone_wins_over_the_whole_context() {
        check(&typed(None, &[], None), "", &json!({}));
        check(&typed(Some("ada"), &["age=36"], None), "ada", &json!({"age": 36}));
        let context = Some(r#"{"targetingKey":"ada","country":"DE","address":{"zip":"10115"}}"#);
        check(&typed(None, &[], context), "ada", &json!({"country": "DE", "address": {"zip": "10115"}}));
        check(
            &typed(Some("bob"), &["country=AT"], context),
            "bob",
            &json!({"country": "AT", "address": {"zip": "10115"}}),
        );
    }

    #[test]
    fn a_wrong_context_is_a_usage_error_that_says_what_is_wrong() {
        for (typed, expected) in [
            (typed(None, &["country"], None), "--attr country: expected NAME=VALUE"),
            (typed(None, &["targetingKey=ada"], None), "--user"),
            (typed(None, &[], Some("ada")), "--context: expected a JSON object"),
            (typed(None, &[], Some("[1]")), "--context: expected a JSON object"),
            (typed(None, &[], Some(r#"{"targetingKey":7}"#)), "targetingKey is a text, not 7"),
            (typed(None, &[], Some(r#"{"n":18446744073709551615}"#)), "--context: n: "),
        ] {
            let failure = typed.context().unwrap_err();
            assert_eq!(failure.exit(), crate::exit::Exit::Usage);
            assert!(failure.message().contains(expected), "{}", failure.message());
        }
    }
}
