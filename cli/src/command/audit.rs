//! `audit features`: whether the flags that code relies on are there, as it expects them.

use std::collections::BTreeMap;

use mycelia_flags_core::key::FoldedKey;
use mycelia_flags_proto::v1;
use serde_json::Value as Json;

use crate::args::inspect::AuditFeaturesArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::inventory;
use crate::session::Session;
use crate::text_file;
use crate::view::audit::{AuditView, FindingView, Verdict};

/// A flag that must be there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Required {
    key: String,
    flag_type: Option<v1::FlagType>,
}

pub(crate) async fn features(args: AuditFeaturesArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let required = required(&text_file::read(&args.required)?)?;
    let connection = session.connection()?;
    let flags = inventory::flags(&connection).await?.flags;
    let known: BTreeMap<FoldedKey, v1::FlagDefinition> = flags
        .into_iter()
        .filter_map(|flag| flag.definition)
        .map(|definition| (FoldedKey::of(&definition.key), definition))
        .collect();
    let findings: Vec<FindingView> =
        required.iter().map(|required| judge(required, known.get(&FoldedKey::of(&required.key)))).collect();
    let is_fine = findings.iter().all(|finding| finding.verdict == Verdict::Fine);
    session.show(&AuditView { fine: is_fine, findings })?;
    Ok(if is_fine { Exit::Done } else { Exit::No })
}

fn judge(required: &Required, found: Option<&v1::FlagDefinition>) -> FindingView {
    let name =
        |flag_type: v1::FlagType| flag_type.as_str_name().trim_start_matches("FLAG_TYPE_").to_lowercase();
    let verdict = match (found, required.flag_type) {
        (None, _) => Verdict::Missing,
        (Some(found), _) if found.archived.is_some() => Verdict::Archived,
        (Some(found), Some(wanted)) if found.r#type() != wanted => Verdict::Mistyped,
        (Some(_), _) => Verdict::Fine,
    };
    FindingView {
        flag: required.key.clone(),
        verdict,
        wanted: required.flag_type.map(name),
        found: found.map(|found| name(found.r#type())),
    }
}

/// Reads lines, a JSON list, or a JSON object.
fn required(text: &str) -> Result<Vec<Required>, Failure> {
    let complaint = |why: String| Failure::Usage(format!("--required: {why}"));
    let with_type = |key: &str, flag_type: &str| -> Result<Required, Failure> {
        let wire = v1::FlagType::from_str_name(&format!("FLAG_TYPE_{}", flag_type.to_ascii_uppercase()));
        let wire = wire.filter(|wire| *wire != v1::FlagType::Unspecified).ok_or_else(|| {
            complaint(format!("{key}: `{flag_type}` is not one of boolean, string, integer, float, object"))
        })?;
        Ok(Required { key: key.to_owned(), flag_type: Some(wire) })
    };
    let untyped = |key: &str| Required { key: key.to_owned(), flag_type: None };
    let required: Vec<Required> = if text.trim_start().starts_with(['[', '{']) {
        match serde_json::from_str(text).map_err(|error| complaint(error.to_string()))? {
            Json::Array(keys) => keys
                .iter()
                .map(|key| key.as_str().map(untyped).ok_or_else(|| complaint(format!("{key} is no text"))))
                .collect::<Result<_, _>>()?,
            Json::Object(fields) => fields
                .iter()
                .map(|(key, flag_type)| match flag_type {
                    Json::Null => Ok(untyped(key)),
                    Json::String(flag_type) => with_type(key, flag_type),
                    other => Err(complaint(format!("{key}: {other} is no type"))),
                })
                .collect::<Result<_, _>>()?,
            other => return Err(complaint(format!("expected a list or an object, not {other}"))),
        }
    } else {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        lines
            .filter(|line| !line.is_empty())
            .map(|line| match line.split_once(char::is_whitespace) {
                None => Ok(untyped(line)),
                Some((key, flag_type)) => with_type(key, flag_type.trim()),
            })
            .collect::<Result<_, _>>()?
    };
    if required.is_empty() {
        return Err(complaint("the file names no flag".to_owned()));
    }
    Ok(required)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn required_flags_are_lines_or_json() {
        let expected = [
            Required { key: "dreams".to_owned(), flag_type: None },
            Required { key: "whispers.max".to_owned(), flag_type: Some(v1::FlagType::Integer) },
        ];
        assert_eq!(required("# flags\ndreams\n\nwhispers.max  integer # a number\n").unwrap(), expected);
        assert_eq!(required(r#"{"dreams": null, "whispers.max": "integer"}"#).unwrap(), expected);
        assert_eq!(required(r#"["dreams"]"#).unwrap(), expected[..1]);
        for wrong in ["", "# nothing", "dreams number", "[1]", r#"{"dreams": 1}"#, "{"] {
            assert_eq!(required(wrong).unwrap_err().exit(), Exit::Usage, "{wrong}");
        }
    }

    #[test]
    fn a_flag_is_fine_missing_mistyped_or_archived() {
        let wanted = |flag_type| Required { key: "dreams".to_owned(), flag_type };
        let found = v1::FlagDefinition { r#type: v1::FlagType::Boolean.into(), ..Default::default() };
        let archived = v1::FlagDefinition { archived: Some(v1::Switched::default()), ..found.clone() };
        let verdict = |flag_type, found| judge(&wanted(flag_type), found).verdict;
        assert_eq!(verdict(None, Some(&found)), Verdict::Fine);
        assert_eq!(verdict(Some(v1::FlagType::Boolean), Some(&found)), Verdict::Fine);
        assert_eq!(verdict(Some(v1::FlagType::String), Some(&found)), Verdict::Mistyped);
        assert_eq!(verdict(None, Some(&archived)), Verdict::Archived);
        assert_eq!(verdict(None, None), Verdict::Missing);
    }
}
