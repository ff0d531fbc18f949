//! `create`: a flag, disabled in every environment.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change;

use crate::args::write::{CreateArgs, FlagTypeArg};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::submission::{Submission, Told, submit};
use crate::text_file;
use crate::view::applied::Subject;
use crate::view::value;

pub(crate) async fn run(args: CreateArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let write = args.write.clone();
    let flag = args.flag.clone();
    let submission = Submission {
        changes: vec![Change::CreateFlag(create_flag(args)?)],
        told: Told::everywhere(
            Subject::Flag(flag.clone()),
            "create",
            format!("created {flag}, disabled in every environment,"),
        ),
    };
    submit(submission, write, session).await
}

fn create_flag(args: CreateArgs) -> Result<v1::CreateFlag, Failure> {
    let flag_type = wire_type(args.flag_type);
    let variants =
        args.variants.iter().map(|text| variant("--variant ", text, flag_type)).collect::<Result<_, _>>()?;
    let lifetime = if args.permanent { v1::Lifetime::Permanent } else { v1::Lifetime::Temporary };
    Ok(v1::CreateFlag {
        definition: Some(v1::FlagDefinition {
            key: args.flag,
            r#type: flag_type.into(),
            variants,
            description: args.description.unwrap_or_default(),
            owner: args.owner.unwrap_or_default(),
            tags: args.tags,
            services: args.services,
            lifetime: lifetime.into(),
            expected_end: args.ends,
            schema: args.schema.as_deref().map(text_file::read).transpose()?.unwrap_or_default(),
            // The server says who archived a flag, and when.
            archived: None,
            client_visible: args.client_visible,
        }),
        default_variant: args.default_variant.unwrap_or_default(),
        off_variant: args.off_variant.unwrap_or_default(),
    })
}

/// Reads `NAME=VALUE`; `option` stands before it in a complaint.
pub(crate) fn variant(option: &str, text: &str, flag_type: v1::FlagType) -> Result<v1::Variant, Failure> {
    let complaint = |why: String| Failure::Usage(format!("{option}{text}: {why}"));
    let (name, value) = text.split_once('=').ok_or_else(|| complaint("expected NAME=VALUE".to_owned()))?;
    let value = value::of_text(value, flag_type).map_err(complaint)?;
    Ok(v1::Variant { name: name.to_owned(), value: Some(value) })
}

const fn wire_type(flag_type: FlagTypeArg) -> v1::FlagType {
    match flag_type {
        FlagTypeArg::Boolean => v1::FlagType::Boolean,
        FlagTypeArg::String => v1::FlagType::String,
        FlagTypeArg::Integer => v1::FlagType::Integer,
        FlagTypeArg::Float => v1::FlagType::Float,
        FlagTypeArg::Object => v1::FlagType::Object,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_variant_is_a_name_and_a_value() {
        let variant_of = |text: &str, flag_type| variant("", text, flag_type).unwrap();
        let limit = variant_of("limit=a=b", v1::FlagType::String);
        assert_eq!((limit.name.as_str(), value::to_json(&limit.value.unwrap())), ("limit", json!("a=b")));
        let empty = variant_of("none=", v1::FlagType::String);
        assert_eq!(value::to_json(&empty.value.unwrap()), json!(""));
    }

    #[test]
    fn a_wrong_variant_is_a_usage_error_that_quotes_it() {
        for (text, flag_type) in [("limit", v1::FlagType::Integer), ("limit=many", v1::FlagType::Integer)] {
            let failure = variant("", text, flag_type).unwrap_err();
            assert_eq!(failure.exit(), Exit::Usage);
            assert!(failure.message().contains(text), "{}", failure.message());
        }
    }
}
