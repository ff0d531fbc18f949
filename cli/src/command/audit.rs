//! `audit features`: the server against a list of the flags that there must be.

use std::collections::BTreeMap;

use mycelia_flags_core::key::FoldedKey;
use mycelia_flags_proto::{convert, v1};

use crate::args::inspect::{AuditCommand, AuditFeaturesArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::inventory;
use crate::requirements::{self, Requirement};
use crate::session::Session;
use crate::text_file;
use crate::view::audit::{AuditView, FindingView};

pub(crate) async fn run(command: AuditCommand, session: &Session<'_>) -> Result<Exit, Failure> {
    let AuditCommand::Features(args) = command;
    features(&args, session).await
}

async fn features(args: &AuditFeaturesArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let text = text_file::read(&args.required)?;
    let required = requirements::parse(&text)
        .map_err(|why| Failure::Usage(format!("{}: {why}", args.required.display())))?;
    let all = inventory::flags(&session.connection()?).await?;
    let definitions = all.flags.into_iter().filter_map(|flag| flag.definition);
    let known: BTreeMap<FoldedKey, v1::FlagDefinition> =
        definitions.map(|definition| (FoldedKey::of(&definition.key), definition)).collect();
    let findings: Vec<FindingView> =
        required.iter().filter_map(|required| finding(required, &known)).collect();
    let is_as_required = findings.is_empty();
    session.show(&AuditView { required: required.len(), findings, revision: all.revision })?;
    Ok(if is_as_required { Exit::Done } else { Exit::No })
}

/// What is wrong with a required flag.
fn finding(required: &Requirement, known: &BTreeMap<FoldedKey, v1::FlagDefinition>) -> Option<FindingView> {
    let of = |finding, found| FindingView {
        flag: required.flag.to_string(),
        finding,
        required_type: required.flag_type.map(|wanted| wanted.to_string()),
        found,
    };
    let Some(definition) = known.get(&required.flag.folded()) else {
        return Some(of("missing", None));
    };
    // A type that this program does not know is none of those that can be required.
    let found = convert::flag_type_from_wire("type", definition.r#type).ok().flatten();
    let found_words = found.map_or_else(|| "unknown".to_owned(), |found| found.to_string());
    if required.flag_type.is_some_and(|wanted| found != Some(wanted)) {
        return Some(of("mistyped", Some(found_words)));
    }
    definition.archived.as_ref().map(|_archived| of("archived", Some(found_words)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Option<&str>) {
        let definition = |key: &str, flag_type: v1::FlagType, archived| v1::FlagDefinition {
            key: key.to_owned(),
            r#type: flag_type.into(),
            archived,
            ..v1::FlagDefinition::default()
        };
        let known = [
            definition("oracle.chat", v1::FlagType::Boolean, None),
            definition("voice", v1::FlagType::String, None),
            definition("old", v1::FlagType::Boolean, Some(v1::Switched::default())),
        ];
        let known = known.map(|definition| (FoldedKey::of(&definition.key), definition)).into();
        let required = requirements::parse(line).unwrap();
        let found = required.first().and_then(|required| finding(required, &known));
        assert_eq!(found.as_ref().map(|found| found.finding), expected, "{line}");
    }

    #[test]
    fn each_flag_is_there_and_of_its_type_and_in_use() {
        check("oracle_chat boolean", None);
        check("voice", None);
        check("dreams", Some("missing"));
        check("voice boolean", Some("mistyped"));
        check("old boolean", Some("archived"));
        check("old string", Some("mistyped"));
    }
}
