//! Tells the server, now and then, which flags were evaluated and for whom. Nothing waits for it; what is lost is lost.
//!
//! Who somebody is stays here: the targeting key is hashed, and of the attributes only those are told that a rule asks
//! for.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use mycelia_flags_core::compiled::{CompiledSet, Slot};
use mycelia_flags_core::context::Context;
use mycelia_flags_core::murmur3;
use mycelia_flags_core::value::Value;
use mycelia_flags_proto::convert;
use mycelia_flags_proto::v1::{ReportRequest, SeenContext};
use tracing::debug;

use crate::limits::{REPORT_FLAGS_MAX, REPORT_TEXT_BYTES_MAX};
use crate::shared::Shared;
use crate::transport::{Link, Transport};

/// Reports on its rhythm, for as long as there is a connection.
pub(crate) async fn report(
    shared: &Shared,
    transport: &Transport,
    link: &Link,
    interval: Duration,
) -> Infallible {
    // The first report comes soon: what a service uses is known before somebody asks.
    let mut pause = interval / 10;
    loop {
        tokio::time::sleep(pause).await;
        pause = interval;
        let Some(request) = next(shared, transport) else {
            continue;
        };
        if let Err(status) = link.report(request).await {
            debug!(code = ?status.code(), reason = status.message(), "a report was not heard");
        }
    }
}

/// What there is to tell; none when nothing was evaluated.
fn next(shared: &Shared, transport: &Transport) -> Option<ReportRequest> {
    let state = shared.state();
    let evaluated =
        |slot: &&std::sync::Arc<Slot>| matches!(&***slot, Slot::Flag(flag) if flag.take_evaluated());
    let flags = state.set.slots().into_iter().filter(evaluated).take(REPORT_FLAGS_MAX);
    let evaluated_flags: Vec<String> = flags.map(|slot| slot.key().to_string()).collect();
    let mut named = BTreeMap::new();
    let contexts = shared.contexts.take();
    let contexts: Vec<SeenContext> =
        contexts.iter().map(|context| seen(context, &state.set, &mut named)).collect();
    if evaluated_flags.is_empty() && contexts.is_empty() {
        return None;
    }
    Some(ReportRequest { evaluated_flags, contexts, ..transport.report() })
}

fn seen(context: &Context, set: &CompiledSet, named: &mut BTreeMap<Box<str>, bool>) -> SeenContext {
    let key = context.targeting_key().unwrap_or_default();
    let pseudonym = Context::new(&format!("{:032x}", murmur3::x64_128(key.as_bytes(), 0)));
    let told = context.attributes().filter(|(name, value)| {
        let is_named = *named.entry(Box::from(*name)).or_insert_with(|| set.names_attribute(name));
        is_named && is_short(value)
    });
    let context = told.fold(pseudonym, |context, (name, value)| context.with(name, value.clone()));
    SeenContext { context: Some(convert::context_to_wire(&context)) }
}

fn is_short(value: &Value) -> bool {
    value.size() <= REPORT_TEXT_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mycelia_flags_core::bucketing::Generation;
    use mycelia_flags_core::compiled::CompiledFlag;
    use mycelia_flags_core::condition::{Condition, Operator, Test};
    use mycelia_flags_core::flag::{EffectiveFlag, Rule, Serve, Variant};
    use mycelia_flags_core::key::{FlagKey, VariantName};
    use mycelia_flags_core::value::FlagType;

    use super::*;

    #[test]
    fn what_no_rule_asks_for_stays_here() {
        let on = VariantName::new("on");
        let variants = Arc::from([Variant { name: on.clone(), value: Value::Boolean(true) }]);
        let test = Test {
            attribute: Box::from("plan.name"),
            operator: Operator::Equals,
            operands: vec![Value::string("pro")],
            negated: false,
        };
        let rule =
            Rule { name: Box::from(""), condition: Condition::Test(test), serve: Serve::Variant(on.clone()) };
        let flag = EffectiveFlag {
            rules: vec![rule],
            ..EffectiveFlag::constant(FlagKey::new("dreams"), FlagType::Boolean, variants, &on)
        };
        let compiled = CompiledFlag::compile(&flag, Generation::V3).unwrap();
        let set = CompiledSet::of([Arc::new(Slot::Flag(compiled))]);
        let context = Context::new("ana")
            .with("plan", Value::string("pro"))
            .with("email", Value::string("ana@example.com"));
        let told = seen(&context, &set, &mut BTreeMap::new()).context.unwrap();
        assert_eq!(told.targeting_key, format!("{:032x}", murmur3::x64_128(b"ana", 0)));
        assert_eq!(told.attributes.keys().collect::<Vec<_>>(), ["plan"]);
    }
}
