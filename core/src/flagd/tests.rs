//! What is translated means the same, and looks as flagd's providers expect it.

mod agreement;
mod documents;
mod guards;
mod imports;
mod random;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Audiences, Document, Source, document, substitute};
use crate::audiences::CompiledSegment;
use crate::check::tests::Store;
use crate::compiled::{Around, CompiledFlag, CompiledSet, Now, Slot};
use crate::context::Context;
use crate::json;
use crate::key::{EnvironmentKey, FlagKey, ServiceName};
use crate::snapshot::Snapshot;
use crate::targeting::CompiledTargeting;
use crate::value::Value;

/// The time of all evaluations.
const NOW: i64 = 1_795_251_600;

fn production() -> EnvironmentKey {
    EnvironmentKey::new("production")
}

/// All flags of production, as a service sees them, ready for evaluation.
fn compiled(snapshot: &Snapshot, service: Option<&ServiceName>) -> CompiledSet {
    let (environment, generation) = (production(), snapshot.settings().bucketing);
    let mut set =
        service.map_or_else(CompiledSet::default, |service| CompiledSet::of_service(service.as_str()));
    for (key, _) in snapshot.flags() {
        if let Some(flag) = snapshot.effective(&environment, key) {
            set.insert(Arc::new(Slot::Flag(CompiledFlag::compile(&flag, generation).unwrap())));
        }
    }
    let audiences = set.audiences_mut();
    for segment in snapshot.segments(&environment) {
        audiences.set_segment(Arc::new(CompiledSegment::compile(segment, generation).unwrap()));
    }
    for (list, keys) in snapshot.lists(&environment) {
        audiences.set_list(list, keys.clone());
    }
    audiences.switch_canary(snapshot.canary(&environment).on);
    set
}

/// The variant that we serve.
fn served(set: &CompiledSet, service: Option<&ServiceName>, key: &str, context: &Context) -> String {
    let Slot::Flag(flag) = &**set.get(key).unwrap() else { panic!("{key} is broken") };
    let around = Around::new(set, service.map_or("", ServiceName::as_str), Now::At(NOW));
    let resolution = flag.evaluate(around, context);
    // What a handle of the SDK asks instead.
    if flag.has_rules_alone(set) {
        assert_eq!(flag.evaluate_rules(set, context), resolution, "{key}");
    }
    if let Some(constant) = flag.constant(set) {
        assert_eq!(constant, resolution, "{key}");
    }
    assert!(flag.servable().any(|served| served == (resolution.ordinal, &resolution.variant.name)), "{key}");
    resolution.variant.name.as_str().to_owned()
}

/// A flag as a provider of flagd's has it.
struct Provided {
    key: String,
    variants: Vec<String>,
    default_variant: String,
    targeting: Option<CompiledTargeting>,
}

impl Provided {
    /// What a provider serves. Where the targeting names no variant, it leaves it to the caller, and we to the default.
    fn evaluate(&self, context: &Context) -> String {
        let targeting = self.targeting.as_ref();
        let named =
            targeting.and_then(|targeting| targeting.evaluate(&self.key, context, NOW).ok().flatten());
        let known = named.filter(|name| self.variants.iter().any(|variant| **variant == **name));
        known.map_or_else(|| self.default_variant.clone(), |name| name.into())
    }
}

fn fields(value: &Value) -> &BTreeMap<Box<str>, Value> {
    let Value::Object(fields) = value else { panic!("{value:?} is no object") };
    fields
}

fn string(value: &Value) -> &str {
    let Value::String(text) = value else { panic!("{value:?} is no text") };
    text
}

/// Reads a document as a provider does: from its text.
fn provided(document: &Document, snapshot: &Snapshot) -> Vec<Provided> {
    let text = json::print(&document.json);
    let json = json::parse(&text).unwrap();
    assert_eq!(json, document.json, "it is read as it is printed");
    let nothing = BTreeMap::new();
    let evaluators = fields(&json).get("$evaluators").map_or(&nothing, fields);
    let flag = |key: &str, flag: &Value| {
        let flag = fields(flag);
        let compile = |targeting: &Value| {
            let text = json::print(&substitute(targeting, evaluators).unwrap());
            let compiled = CompiledTargeting::compile(&text, snapshot.settings().bucketing);
            compiled.unwrap_or_else(|error| panic!("{key}: {error}: {text}"))
        };
        Provided {
            key: key.to_owned(),
            variants: fields(&flag["variants"]).keys().map(ToString::to_string).collect(),
            default_variant: string(&flag["defaultVariant"]).to_owned(),
            targeting: flag.get("targeting").map(compile),
        }
    };
    fields(&fields(&json)["flags"]).iter().map(|(key, of)| flag(key, of)).collect()
}

fn translated(snapshot: &Snapshot, service: Option<&ServiceName>, audiences: Audiences) -> Document {
    document(&Source { snapshot, environment: &production(), service }, audiences)
}

/// What was compared, and which flags could not be said.
#[derive(Debug, Default)]
struct Agreement {
    /// Evaluations of flags with targeting.
    pairs: usize,
    targeted: usize,
    constant: usize,
    untranslatable: Vec<(FlagKey, String)>,
}

/// Holds both forms of both kinds of documents against our own evaluation.
#[track_caller]
fn check_agreement(store: &Store, service: Option<&ServiceName>, contexts: &[Context]) -> Agreement {
    let snapshot = &store.snapshot;
    let set = compiled(snapshot, service);
    let mut agreement = Agreement::default();
    for audiences in [Audiences::Inlined, Audiences::Shared] {
        let document = translated(snapshot, service, audiences);
        let flags = provided(&document, snapshot);
        assert_eq!(flags.len() + document.untranslatable.len(), set.len(), "every flag is spoken of");
        agreement = Agreement { untranslatable: document.untranslatable.clone(), ..Agreement::default() };
        for flag in &flags {
            let is_targeted = flag.targeting.is_some();
            agreement.targeted += usize::from(is_targeted);
            agreement.constant += usize::from(!is_targeted);
            agreement.pairs += if is_targeted { contexts.len() } else { 0 };
            for context in contexts {
                let (ours, theirs) = (served(&set, service, &flag.key, context), flag.evaluate(context));
                let shown = || json::print(&fields(&fields(&document.json)["flags"])[&*flag.key]);
                assert_eq!(theirs, ours, "{} of {service:?} for {context:?}: {}", flag.key, shown());
            }
        }
    }
    agreement
}
