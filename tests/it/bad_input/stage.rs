//! A store with something of everything, how to look at all of it, and which fields requests have.

use std::collections::BTreeMap;

use mycelia_flags_proto::convert::timestamp_from_wire;
use mycelia_flags_proto::v1::change::Change as Kind;
use mycelia_flags_proto::{FILE_DESCRIPTOR_SET, v1};
use prost::Message as _;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};
use tonic::transport::Channel;

use crate::server::{Admin, Server, apply_request, create, disable, enable, rollout};

/// The key of the last revision of the stage.
pub(crate) const IDEMPOTENCY_KEY: &str = "the-last";

/// The longest names that there are, for a flag with as many variants as there may be.
pub(crate) fn long_names() -> Vec<String> {
    (0..64).map(|number| format!("{number:02}{}", "n".repeat(126))).collect()
}

/// A server with a store, at revision 4.
pub(crate) struct Stage {
    pub(crate) admin: Admin,
    pub(crate) fields: Fields,
    /// Since when `archived` is archived and `whispers` is disabled, as people read it.
    pub(crate) since: String,
    server: Server,
}

pub(crate) fn production(flag: &str) -> (String, String) {
    ("production".to_owned(), flag.to_owned())
}

pub(crate) fn named(name: &str, kind: v1::value::Kind) -> v1::Variant {
    v1::Variant { name: name.to_owned(), value: Some(v1::Value { kind: Some(kind) }) }
}

pub(crate) fn text(text: &str) -> v1::value::Kind {
    v1::value::Kind::StringValue(text.to_owned())
}

/// Variants whose values are their names.
pub(crate) fn texts<T: AsRef<str>>(names: &[T]) -> Vec<v1::Variant> {
    names.iter().map(|name| named(name.as_ref(), text(name.as_ref()))).collect()
}

/// Creates a flag as it is described; the first variant by default, and the last when it is off.
pub(crate) fn create_as(definition: v1::FlagDefinition) -> Kind {
    let name =
        |variant: Option<&v1::Variant>| variant.map(|variant| variant.name.clone()).unwrap_or_default();
    let (default_variant, off_variant) =
        (name(definition.variants.first()), name(definition.variants.last()));
    Kind::CreateFlag(v1::CreateFlag { definition: Some(definition), default_variant, off_variant })
}

pub(crate) fn definition(
    key: &str,
    flag_type: v1::FlagType,
    variants: Vec<v1::Variant>,
) -> v1::FlagDefinition {
    v1::FlagDefinition { key: key.to_owned(), r#type: flag_type.into(), variants, ..Default::default() }
}

pub(crate) fn variant_serve(variant: &str) -> v1::Serve {
    v1::Serve { serve: Some(v1::serve::Serve::Variant(variant.to_owned())) }
}

pub(crate) fn segment_condition(segment: &str) -> v1::Condition {
    v1::Condition { condition: Some(v1::condition::Condition::Segment(segment.to_owned())) }
}

pub(crate) fn rule(condition: v1::Condition, serve: v1::Serve) -> v1::Rule {
    v1::Rule { name: "a rule".to_owned(), condition: Some(condition), serve: Some(serve) }
}

pub(crate) fn set_rules(flag: &str, rules: Vec<v1::Rule>) -> Kind {
    let (environment, flag) = production(flag);
    Kind::SetRules(v1::SetRules { environment, flag, rules })
}

pub(crate) fn prerequisite(flag: &str, variants: &[&str]) -> v1::Prerequisite {
    let variants = variants.iter().map(|name| (*name).to_owned()).collect();
    v1::Prerequisite { flag: flag.to_owned(), variants }
}

pub(crate) fn set_prerequisites(flag: &str, prerequisites: Vec<v1::Prerequisite>) -> Kind {
    let (environment, flag) = production(flag);
    Kind::SetPrerequisites(v1::SetPrerequisites { environment, flag, prerequisites })
}

pub(crate) fn set_targeting(flag: &str, targeting: &str) -> Kind {
    let (environment, flag) = production(flag);
    Kind::SetTargeting(v1::SetTargeting { environment, flag, targeting: targeting.to_owned() })
}

pub(crate) fn set_override(flag: &str, service: &str, variant: &str, seconds: u64) -> Kind {
    let (environment, flag) = production(flag);
    let (service, variant) = (service.to_owned(), variant.to_owned());
    Kind::SetOverride(v1::SetOverride { environment, flag, service, variant, seconds })
}

pub(crate) fn set_segment(segment: &str) -> v1::SetSegment {
    let environment = "production".to_owned();
    v1::SetSegment { environment, segment: segment.to_owned(), ..Default::default() }
}

pub(crate) fn edit_list(list: &str, add: &[&str], remove: &[&str]) -> Kind {
    let owned = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
    let (environment, list) = production(list);
    Kind::EditList(v1::EditList { environment, list, add: owned(add), remove: owned(remove) })
}

pub(crate) fn set_feature(key: &str, flags: &[&str]) -> Kind {
    let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
    let feature = v1::Feature { key: key.to_owned(), description: String::new(), flags };
    Kind::SetFeature(v1::SetFeature { feature: Some(feature) })
}

/// The first flag of a chain of prerequisites that is as long as one may be.
pub(crate) const CHAIN: [&str; 11] =
    ["c01", "c02", "c03", "c04", "c05", "c06", "c07", "c08", "c09", "c10", "c11"];

fn scenery() -> Vec<Kind> {
    let boolean = v1::FlagType::Boolean;
    let always = named("always", v1::value::Kind::BooleanValue(true));
    let schema = r#"{"type": "integer", "maximum": 10}"#.to_owned();
    let numbers = [("low", 1), ("high", 9)];
    let numbers = numbers.map(|(name, number)| named(name, v1::value::Kind::IntegerValue(number)));
    let mut changes: Vec<Kind> =
        ["dreams", "whispers", "archived", "base", "above", "targeted", "oracle.chat", "ruled"]
            .into_iter()
            .chain(CHAIN)
            .map(create)
            .collect();
    changes.extend([
        create_as(definition("mode", v1::FlagType::String, texts(&["a", "b", "c"]))),
        create_as(definition("wordy", v1::FlagType::String, texts(&long_names()))),
        create_as(v1::FlagDefinition {
            services: vec!["runner".to_owned()],
            ..definition("runner.only", boolean, Vec::new())
        }),
        create_as(definition("lone", boolean, vec![always])),
        create_as(v1::FlagDefinition {
            schema,
            ..definition("limits", v1::FlagType::Integer, numbers.to_vec())
        }),
        Kind::SetSegment(set_segment("beta")),
        Kind::SetSegment(set_segment("staff")),
        edit_list("segment/staff/included", &["ada"], &[]),
        set_rules("ruled", vec![rule(segment_condition("beta"), variant_serve("on"))]),
        set_prerequisites("above", vec![prerequisite("base", &["on"])]),
        set_targeting("targeted", r#"{"if": [true, "on"]}"#),
        set_feature("night", &["dreams", "whispers"]),
        set_override("oracle.chat", "ui", "on", 60),
        disable("whispers"),
        enable("dreams"),
        Kind::ArchiveFlag(v1::ArchiveFlag { flag: "archived".to_owned(), force: false }),
    ]);
    changes.extend(
        CHAIN.windows(2).map(|pair| set_prerequisites(pair[0], vec![prerequisite(pair[1], &["on"])])),
    );
    changes
}

impl Stage {
    pub(crate) async fn set() -> Self {
        let server = Server::in_memory().await;
        let mut admin = server.admin().await;
        admin.apply(scenery()).await;
        admin.apply(vec![rollout("dreams", 10.0)]).await;
        let last = apply_request(vec![rollout("dreams", 20.0)]);
        let last = v1::ApplyRequest { idempotency_key: IDEMPOTENCY_KEY.to_owned(), ..last };
        assert_eq!(admin.request(last).await.unwrap().revision, 4);
        let whispers = v1::GetFlagRequest { flag: "whispers".to_owned() };
        let whispers = admin.client.get_flag(whispers).await.unwrap().into_inner().flag.unwrap();
        let switched = whispers.configurations["production"].switched.clone().unwrap();
        let since = timestamp_from_wire("at", &switched.at.unwrap()).unwrap().to_string();
        Self { admin, fields: Fields::read(), since, server }
    }

    pub(crate) async fn channel(&self) -> Channel {
        self.server.channel().await
    }

    pub(crate) fn archived(&self) -> String {
        format!("a flag that is not archived; test archived it at {} (revision 2)", self.since)
    }

    pub(crate) fn disabled(&self) -> String {
        format!("test disabled it at {} (revision 2); say enable to enable it again", self.since)
    }
}

/// Everything that can be read of a store's flags, and its whole history.
#[derive(Debug, PartialEq)]
pub(crate) struct Look {
    revision: u64,
    flags: v1::ListFlagsResponse,
    records: v1::ListRecordsResponse,
}

impl Look {
    pub(crate) async fn at(stage: &mut Stage) -> Self {
        let client = &mut stage.admin.client;
        Self {
            revision: client.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner().revision,
            flags: client.list_flags(v1::ListFlagsRequest::default()).await.unwrap().into_inner(),
            records: client.list_records(v1::ListRecordsRequest::default()).await.unwrap().into_inner(),
        }
    }
}

/// The fields of all messages. An answer that names one names one that the request has.
pub(crate) struct Fields(BTreeMap<String, DescriptorProto>);

impl Fields {
    fn read() -> Self {
        let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
        let messages = set.file.into_iter().flat_map(|file| {
            let package = file.package.unwrap_or_default();
            let name = move |message: &DescriptorProto| format!(".{package}.{}", message.name());
            file.message_type.into_iter().map(move |message| (name(&message), message))
        });
        Self(messages.collect())
    }

    fn field(&self, message: &str, name: &str) -> Option<&FieldDescriptorProto> {
        self.0.get(message)?.field.iter().find(|field| field.name() == name)
    }

    /// Which step of a path leads nowhere; none when the request has the field.
    pub(crate) fn miss(&self, path: &str) -> Option<String> {
        let mut message = ".mycelia.flags.v1.ChangeSet".to_owned();
        if self.field(".mycelia.flags.v1.ApplyRequest", path).is_some() {
            return None;
        }
        for step in path.split('.') {
            let name = step.split('[').next().unwrap();
            // What follows is within the text of the expression.
            if message.ends_with(".SetTargeting") && name == "targeting" {
                return None;
            }
            let Some(field) = self.field(&message, name) else {
                return Some(format!("{message} has no {name:?}"));
            };
            // A list's own field is left out: `all[1]`, `tags[0]`.
            message = match field.type_name() {
                ".mycelia.flags.v1.ConditionList" => ".mycelia.flags.v1.Condition".to_owned(),
                other if field.r#type() == Type::Message => other.to_owned(),
                _ => String::new(),
            };
        }
        None
    }
}
