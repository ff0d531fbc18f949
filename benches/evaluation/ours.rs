//! The same population in our own model.

use std::sync::Arc;

use anyhow::Result;
use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::compiled::{Around, CompiledFlag, CompiledSet, Now, Slot};
use mycelia_flags_core::condition::{Condition, Operator, Test as CoreTest};
use mycelia_flags_core::context::{Context, TARGETING_KEY};
use mycelia_flags_core::flag::{EffectiveFlag, Rule, Serve, Split, Variant, WeightedVariant};
use mycelia_flags_core::key::{FlagKey, VariantName};
use mycelia_flags_core::limits::WEIGHT_TOTAL;
use mycelia_flags_core::value::{FlagType, Value};

use crate::population::{Flag, Kind, Person, QUARTER, Test, member, ten_rules};

pub(crate) fn on() -> VariantName {
    VariantName::new("on")
}

pub(crate) fn off() -> VariantName {
    VariantName::new("off")
}

fn test(attribute: &str, operator: Operator, operands: Vec<Value>) -> Condition {
    Condition::Test(CoreTest { attribute: Box::from(attribute), operator, operands, negated: false })
}

fn condition(rule: Test) -> Condition {
    let text = |text: String| Value::String(text.into());
    match rule {
        Test::Equals(name, operand) => test(name, Operator::Equals, vec![text(operand)]),
        Test::In(name, operands) => test(name, Operator::In, operands.into_iter().map(text).collect()),
        Test::StartsWith(name, operand) => test(name, Operator::StartsWith, vec![text(operand)]),
        Test::EndsWith(name, operand) => test(name, Operator::EndsWith, vec![text(operand)]),
        Test::Contains(name, operand) => test(name, Operator::Contains, vec![text(operand)]),
        Test::Less(name, operand) => test(name, Operator::Less, vec![Value::Integer(operand)]),
        Test::Greater(name, operand) => test(name, Operator::Greater, vec![Value::Integer(operand)]),
        Test::True(name) => test(name, Operator::Equals, vec![Value::Boolean(true)]),
    }
}

pub(crate) fn rule(condition: Condition) -> Rule {
    Rule { name: Box::from(""), condition, serve: Serve::Variant(on()) }
}

pub(crate) fn quarter() -> Serve {
    let weights = vec![
        WeightedVariant { variant: on(), weight: QUARTER },
        WeightedVariant { variant: off(), weight: WEIGHT_TOTAL - QUARTER },
    ];
    Serve::Split(Split { weights, bucket_by: None })
}

/// A flag as it comes from the server.
pub(crate) fn effective(flag: &Flag, variants: &Arc<[Variant]>) -> EffectiveFlag {
    let mut built = EffectiveFlag {
        canary_variant: Some(on()),
        ..EffectiveFlag::constant(FlagKey::new(&flag.key), FlagType::Boolean, Arc::clone(variants), &off())
    };
    match flag.kind {
        Kind::Boolean => {}
        Kind::Rollout => built.default_serve = quarter(),
        Kind::Allowlist(count) => {
            let members = (0..count).map(|number| Value::String(member(number).into())).collect();
            built.rules.push(rule(test(TARGETING_KEY, Operator::In, members)));
            built.default_serve = quarter();
        }
        Kind::TenRules => built.rules.extend(ten_rules(flag.number).map(|test| rule(condition(test)))),
    }
    built
}

/// The variants of a boolean flag. Each flag has its own, as when it came over the wire.
pub(crate) fn variants() -> Arc<[Variant]> {
    [(on(), true), (off(), false)].map(|(name, value)| Variant { name, value: Value::Boolean(value) }).into()
}

/// Compiles all flags.
pub(crate) fn load(flags: &[Flag]) -> Result<CompiledSet> {
    let slot = |flag: &Flag| -> Result<Arc<Slot>> {
        let flag = CompiledFlag::compile(&effective(flag, &variants()), Generation::V3)?;
        Ok(Arc::new(Slot::Flag(flag)))
    };
    Ok(CompiledSet::of(flags.iter().map(slot).collect::<Result<Vec<_>>>()?))
}

/// The person as our evaluation sees it.
pub(crate) fn context(person: &Person) -> Context {
    let mut context = Context::new(&person.key);
    for (name, text) in &person.texts {
        context.set(name, Value::String(text.as_str().into()));
    }
    for (name, number) in person.numbers {
        context.set(name, Value::Integer(number));
    }
    context.with("beta", Value::Boolean(person.beta))
}

/// Evaluates as the SDK does; false when there is no such flag.
#[inline]
pub(crate) fn evaluate(set: &CompiledSet, key: &str, context: &Context) -> bool {
    match set.get(key).map(|slot| &**slot) {
        Some(Slot::Flag(flag)) => {
            let around = Around::new(set, "ui", Now::At(0));
            matches!(flag.evaluate(around, context).variant.value, Value::Boolean(true))
        }
        _ => false,
    }
}
