//! `tests/vectors/decisions.json` as change sets and requests. The file says what there is; here is how it comes about.

use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::key::FoldedKey;
use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change as Kind;
use mycelia_flags_proto::v1::condition::Condition as WireCondition;
use mycelia_flags_proto::v1::value::Kind as WireValue;
use serde_json::Value;

pub(crate) const ENVIRONMENT: &str = "production";

/// Long enough for no override to end while a story runs.
const OVERRIDE_SECONDS: u64 = 3_600;

/// One object of the file.
pub(crate) struct World(pub(crate) Value);

/// What is expected, and what is answered: variant, value, reason and error code.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) variant: Option<String>,
    pub(crate) value: Option<v1::Value>,
    pub(crate) reason: String,
    pub(crate) error: Option<String>,
}

/// One question.
pub(crate) struct Case {
    pub(crate) flag: String,
    /// Empty for whoever is no service.
    pub(crate) service: String,
    pub(crate) context: v1::EvaluationContext,
    pub(crate) expected: Answer,
}

fn items<'v>(of: &'v Value, name: &str) -> &'v [Value] {
    of[name].as_array().map_or(&[], Vec::as_slice)
}

fn text(of: &Value, name: &str) -> String {
    of[name].as_str().unwrap_or_default().to_owned()
}

fn texts(of: &Value, name: &str) -> Vec<String> {
    items(of, name).iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

fn pairs<'v>(of: &'v Value, name: &str) -> impl Iterator<Item = (String, &'v Value)> {
    of[name].as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value))
}

/// Whatever has a fraction or an exponent in the file is a float.
pub(crate) fn value(json: &Value) -> v1::Value {
    let kind = match json {
        Value::Null => None,
        Value::Bool(truth) => Some(WireValue::BooleanValue(*truth)),
        Value::Number(number) => Some(match number.as_i64() {
            Some(integer) => WireValue::IntegerValue(integer),
            None => WireValue::FloatValue(number.as_f64().unwrap()),
        }),
        Value::String(text) => Some(WireValue::StringValue(text.clone())),
        Value::Array(values) => {
            Some(WireValue::ListValue(v1::ValueList { values: values.iter().map(value).collect() }))
        }
        Value::Object(fields) => Some(WireValue::ObjectValue(v1::ValueMap {
            fields: fields.iter().map(|(name, json)| (name.clone(), value(json))).collect(),
        })),
    };
    v1::Value { kind }
}

fn condition(json: &Value) -> v1::Condition {
    let list = |name| v1::ConditionList { conditions: items(json, name).iter().map(condition).collect() };
    let condition = if json.get("all").is_some() {
        WireCondition::All(list("all"))
    } else if json.get("any").is_some() {
        WireCondition::Any(list("any"))
    } else if let Some(inner) = json.get("not") {
        WireCondition::Not(Box::new(condition(inner)))
    } else if json.get("segment").is_some() {
        WireCondition::Segment(text(json, "segment"))
    } else {
        let name = format!("OPERATOR_{}", text(json, "is").to_uppercase());
        WireCondition::Test(v1::Test {
            attribute: text(json, "attribute"),
            operator: v1::Operator::from_str_name(&name).unwrap_or_else(|| panic!("{name}")).into(),
            operands: items(json, "to").iter().map(value).collect(),
            negated: json["negated"] == true,
        })
    };
    v1::Condition { condition: Some(condition) }
}

fn serve(json: &Value) -> v1::Serve {
    let weighted = |entry: &Value| v1::WeightedVariant {
        variant: entry[0].as_str().unwrap().to_owned(),
        weight: u32::try_from(entry[1].as_u64().unwrap()).unwrap(),
    };
    let serve = match json.as_str() {
        Some(variant) => v1::serve::Serve::Variant(variant.to_owned()),
        None => v1::serve::Serve::Split(v1::Split {
            weights: items(json, "split").iter().map(weighted).collect(),
            bucket_by: text(json, "bucketBy"),
        }),
    };
    v1::Serve { serve: Some(serve) }
}

fn place(flag: &Value) -> (String, String) {
    (ENVIRONMENT.to_owned(), if flag.get("key").is_some() { text(flag, "key") } else { text(flag, "flag") })
}

fn create(flag: &Value) -> Kind {
    let variant = |(name, json): (String, &Value)| v1::Variant { name, value: Some(value(json)) };
    let flag_type = flag["type"].as_str().unwrap_or("boolean");
    let flag_type = v1::FlagType::from_str_name(&format!("FLAG_TYPE_{}", flag_type.to_uppercase()));
    let definition = v1::FlagDefinition {
        key: text(flag, "key"),
        r#type: flag_type.unwrap().into(),
        variants: pairs(flag, "variants").map(variant).collect(),
        services: texts(flag, "services"),
        ..Default::default()
    };
    Kind::CreateFlag(v1::CreateFlag {
        definition: Some(definition),
        default_variant: text(flag, "defaultVariant"),
        off_variant: text(flag, "offVariant"),
    })
}

fn rollout((environment, flag): (String, String), percent: &Value) -> Kind {
    let percent = percent.as_f64().unwrap();
    Kind::Rollout(v1::Rollout { environment, flag, percent, enable: true })
}

fn set_override((environment, flag): (String, String), service: String, variant: String) -> Kind {
    Kind::SetOverride(v1::SetOverride { environment, flag, service, variant, seconds: OVERRIDE_SECONDS })
}

fn set_matrix((environment, flag): (String, String), matrix: &Value) -> Kind {
    let share = |share: &Value| v1::SegmentPercent {
        segment: share[0].as_str().unwrap().to_owned(),
        percent: share[1].as_f64().unwrap(),
    };
    let shares = items(matrix, "shares").iter().map(share).collect();
    let rest_percent = matrix["rest"].as_f64();
    Kind::SetMatrix(v1::SetMatrix { environment, flag, shares, rest_percent, enable: true })
}

/// What a flag does, apart from its switch and its overrides.
fn configure(flag: &Value) -> Vec<Kind> {
    let (environment, key) = place(flag);
    let mut changes = Vec::new();
    if !items(flag, "rules").is_empty() {
        let rule = |rule: &Value| v1::Rule {
            name: String::new(),
            condition: Some(condition(&rule["when"])),
            serve: Some(serve(&rule["serve"])),
        };
        let rules = items(flag, "rules").iter().map(rule).collect();
        let (environment, flag) = place(flag);
        changes.push(Kind::SetRules(v1::SetRules { environment, flag, rules }));
    }
    if let Some(json) = flag.get("defaultServe") {
        let (environment, flag) = place(flag);
        let serve = Some(serve(json));
        changes.push(Kind::SetDefaultServe(v1::SetDefaultServe { environment, flag, serve }));
    }
    if let Some(percent) = flag.get("rollout") {
        changes.push(rollout(place(flag), percent));
    }
    if let Some(matrix) = flag.get("matrix") {
        changes.push(set_matrix(place(flag), matrix));
    }
    if flag.get("salt").is_some() {
        let (salt, (environment, flag)) = (text(flag, "salt"), place(flag));
        changes.push(Kind::SetSalt(v1::SetSalt { environment, flag, salt }));
    }
    if let Some(targeting) = flag.get("targeting") {
        let (targeting, (environment, flag)) = (targeting.to_string(), place(flag));
        changes.push(Kind::SetTargeting(v1::SetTargeting { environment, flag, targeting }));
    }
    if let Some(part) = flag.get("canary") {
        let part = match part.as_str() {
            Some(_out) => v1::canary_part::Part::Out(v1::NoCanary {}),
            None => v1::canary_part::Part::Variant(text(part, "variant")),
        };
        let (part, (environment, flag)) = (Some(v1::CanaryPart { part: Some(part) }), place(flag));
        changes.push(Kind::SetCanaryPart(v1::SetCanaryPart { environment, flag, part }));
    }
    let prerequisites: Vec<v1::Prerequisite> = items(flag, "prerequisites")
        .iter()
        .map(|json| v1::Prerequisite { flag: text(json, "flag"), variants: texts(json, "variants") })
        .collect();
    if !prerequisites.is_empty() {
        changes.push(Kind::SetPrerequisites(v1::SetPrerequisites { environment, flag: key, prerequisites }));
    }
    changes
}

fn edit_list(list: String, add: Vec<String>, remove: Vec<String>) -> Option<Kind> {
    let environment = ENVIRONMENT.to_owned();
    let is_something = !(add.is_empty() && remove.is_empty());
    is_something.then_some(Kind::EditList(v1::EditList { environment, list, add, remove }))
}

fn segment(json: &Value) -> Vec<Kind> {
    let key = text(json, "key");
    let share = json.get("share").map(|share| v1::SegmentShare {
        salt: text(share, "salt"),
        from_percent: share["from"].as_f64().unwrap(),
        to_percent: share["to"].as_f64().unwrap(),
    });
    let set = v1::SetSegment {
        environment: ENVIRONMENT.to_owned(),
        segment: key.clone(),
        condition: json.get("condition").map(condition),
        share,
        ..Default::default()
    };
    let lists = ["included", "excluded"];
    let lists = lists.map(|list| edit_list(format!("segment/{key}/{list}"), texts(json, list), Vec::new()));
    [Kind::SetSegment(set)].into_iter().chain(lists.into_iter().flatten()).collect()
}

fn switch_canary(json: &Value) -> Kind {
    let (environment, on) = (ENVIRONMENT.to_owned(), json["on"] == true);
    Kind::SwitchCanary(v1::SwitchCanary { environment, on })
}

/// What happens to a world after it was set up.
fn step(json: &Value) -> Kind {
    let (environment, flag) = place(json);
    match json["do"].as_str().unwrap() {
        "enable" => Kind::EnableFlag(v1::EnableFlag { environment, flag }),
        "disable" => Kind::DisableFlag(v1::DisableFlag { environment, flag }),
        "override" => set_override((environment, flag), text(json, "service"), text(json, "variant")),
        "remove_override" => {
            Kind::RemoveOverride(v1::RemoveOverride { environment, flag, service: text(json, "service") })
        }
        "archive" => Kind::ArchiveFlag(v1::ArchiveFlag { flag, force: false }),
        "unarchive" => Kind::UnarchiveFlag(v1::UnarchiveFlag { flag }),
        "rollout" => rollout((environment, flag), &json["percent"]),
        "canary" => switch_canary(json),
        "edit_allowlist" => {
            edit_list("canary".to_owned(), texts(json, "add"), texts(json, "remove")).unwrap()
        }
        unknown => panic!("{unknown}"),
    }
}

impl World {
    pub(crate) fn name(&self) -> &str {
        self.0["name"].as_str().unwrap()
    }

    pub(crate) fn bucketing(&self) -> Generation {
        Generation::parse(self.0["bucketing"].as_str().unwrap()).unwrap()
    }

    /// What sets the world up: everything at once, then step by step what the file wants to have happened.
    pub(crate) fn change_sets(&self) -> Vec<Vec<Kind>> {
        let flags = items(&self.0, "flags");
        let mut first: Vec<Kind> = items(&self.0, "segments").iter().flat_map(segment).collect();
        first.extend(flags.iter().map(create));
        first.extend(flags.iter().flat_map(configure));
        for flag in flags {
            let (environment, key) = place(flag);
            if flag["enabled"] == false {
                // A rollout or a matrix would have enabled it.
                first.push(Kind::DisableFlag(v1::DisableFlag { environment, flag: key }));
            } else {
                first.push(Kind::EnableFlag(v1::EnableFlag { environment, flag: key }));
            }
            for (service, variant) in pairs(flag, "overrides") {
                first.push(set_override(place(flag), service, variant.as_str().unwrap().to_owned()));
            }
        }
        if let Some(canary) = self.0.get("canary") {
            first.extend(edit_list("canary".to_owned(), texts(canary, "allowlist"), Vec::new()));
            first.push(switch_canary(canary));
        }
        let steps = items(&self.0, "then").iter().map(|json| vec![step(json)]);
        [first].into_iter().chain(steps).collect()
    }

    fn flag(&self, key: &str) -> Option<&Value> {
        let folded = FoldedKey::of(key);
        items(&self.0, "flags").iter().find(|flag| FoldedKey::of(&text(flag, "key")) == folded)
    }

    /// What a flag is to be asked for; a boolean when there is no such flag.
    pub(crate) fn type_of(&self, key: &str) -> &str {
        self.flag(key).and_then(|flag| flag["type"].as_str()).unwrap_or("boolean")
    }

    /// The value of a variant.
    fn value_of(&self, key: &str, variant: &str) -> v1::Value {
        match &self.flag(key).unwrap()["variants"] {
            Value::Null => value(&Value::Bool(variant == "on")),
            variants => value(variants.get(variant).unwrap()),
        }
    }

    pub(crate) fn cases(&self) -> Vec<Case> {
        items(&self.0, "cases").iter().map(|json| self.case(json)).collect()
    }

    fn case(&self, json: &Value) -> Case {
        let context = &json["context"];
        let attributes = pairs(context, "attributes").map(|(name, json)| (name, value(json)));
        let flag = text(json, "flag");
        let variant = json["variant"].as_str().map(str::to_owned);
        Case {
            service: text(json, "service"),
            context: v1::EvaluationContext {
                targeting_key: text(context, "targetingKey"),
                attributes: attributes.collect(),
            },
            expected: Answer {
                value: variant.as_deref().map(|variant| self.value_of(&flag, variant)),
                variant,
                reason: text(json, "reason"),
                error: json["errorCode"].as_str().map(str::to_owned),
            },
            flag,
        }
    }
}
