//! Tells the server, on its rhythm, how often flags were evaluated, for whom, and what was observed meanwhile. Nothing
//! waits for it. A report that was not heard is sent again, under the same id, so that it counts once.
//!
//! Who somebody is stays here: the targeting key is hashed, and of the attributes only those are told that a rule asks
//! for.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use mycelia_flags_core::compiled::CompiledSet;
use mycelia_flags_core::context::Context;
use mycelia_flags_core::key::{FlagKey, VariantName};
use mycelia_flags_core::murmur3;
use mycelia_flags_core::value::Value;
use mycelia_flags_proto::convert;
use mycelia_flags_proto::v1::{Observation, ReportRequest, SeenContext};
use tonic::Code;
use tracing::{debug, warn};

use crate::clock;
use crate::limits::{OBSERVED_AGE_MAX, REPORT_OBSERVATIONS_MAX, REPORT_TEXT_BYTES_MAX};
use crate::shared::Shared;
use crate::transport::{Link, Transport};

/// Reports that the server has not taken yet, the oldest first.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// Tells this client's batches from those of an earlier process under the same name.
    incarnation: u64,
    batches: u64,
    waiting: VecDeque<ReportRequest>,
    /// When they were made.
    made: Option<Instant>,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { incarnation: fastrand::u64(..), batches: 0, waiting: VecDeque::new(), made: None }
    }
}

impl Outbox {
    fn oldest(&mut self) -> Option<ReportRequest> {
        let age = self.made.map_or(Duration::ZERO, |made| clock::now().saturating_duration_since(made));
        if age > OBSERVED_AGE_MAX {
            self.waiting.iter_mut().for_each(forget_requests);
        }
        self.waiting.front().cloned()
    }

    fn put(&mut self, mut report: ReportRequest) {
        self.batches = self.batches.saturating_add(1);
        report.batch_id = format!("{:016x}-{}", self.incarnation, self.batches);
        self.waiting.push_back(report);
        self.made = Some(clock::now());
    }
}

/// Leaves of a report what is as good later: how often flags were evaluated. The server would take the rest for what
/// happens now.
fn forget_requests(report: &mut ReportRequest) {
    for observation in &mut report.observations {
        *observation = Observation {
            flag: std::mem::take(&mut observation.flag),
            variant: std::mem::take(&mut observation.variant),
            evaluations: observation.evaluations,
            fallbacks: observation.fallbacks,
            ..Observation::default()
        };
    }
}

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
        report_now(shared, transport, link).await;
    }
}

/// Reports everything that there is to tell, until the server does not hear it.
pub(crate) async fn report_now(shared: &Shared, transport: &Transport, link: &Link) {
    let outbox = || shared.outbox.lock().unwrap_or_else(PoisonError::into_inner);
    if outbox().waiting.is_empty() {
        gather(shared, transport);
    }
    loop {
        let Some(request) = outbox().oldest() else { return };
        match link.report(request).await {
            Ok(answer) => {
                for refused in &answer.refused {
                    warn!(
                        reason = refused.reason,
                        value = refused.value,
                        allowed = refused.allowed,
                        "the flag server did not count everything that was observed"
                    );
                }
            }
            Err(status) if is_worth_another_try(status.code()) => {
                debug!(code = ?status.code(), reason = status.message(), "a report was not heard");
                return;
            }
            Err(status) if status.code() == Code::Unimplemented => {
                debug!(reason = status.message(), "the flag server takes no reports");
            }
            Err(status) => {
                warn!(code = ?status.code(), reason = status.message(), "the flag server refuses a report");
            }
        }
        outbox().waiting.pop_front();
    }
}

/// Whether a report may be taken another time. One that is wrong is wrong for ever.
const fn is_worth_another_try(code: Code) -> bool {
    !matches!(code, Code::InvalidArgument | Code::NotFound | Code::Unimplemented | Code::FailedPrecondition)
}

/// Puts what there is to tell into the outbox: at least a sign of life, because a service that falls silent is noticed.
fn gather(shared: &Shared, transport: &Transport) {
    let state = shared.state();
    let mut named = BTreeMap::new();
    let contexts = shared.contexts.take();
    let contexts: Vec<SeenContext> =
        contexts.iter().map(|context| seen(context, &state.set, &mut named)).collect();
    let (mut pending, dropped) = shared.observed.take();
    for ((flag, variant), count) in shared.counts.take() {
        let is_fallback = variant.is_none();
        let bucket = pending.entry((Some(flag), variant)).or_default();
        bucket.evaluations = bucket.evaluations.saturating_add(count);
        bucket.fallbacks = bucket.fallbacks.saturating_add(if is_fallback { count } else { 0 });
    }
    let dropped = dropped.saturating_add(shared.counts.take_dropped());
    if dropped > 0 {
        debug!(dropped, "there was no room for everything that was observed");
    }
    let mut observations = pending.iter().map(|((flag, variant), bucket)| {
        let flag = flag.as_ref().map_or("", FlagKey::as_str);
        convert::observation_to_wire(flag, variant.as_ref().map_or("", VariantName::as_str), bucket)
    });
    let mut outbox = shared.outbox.lock().unwrap_or_else(PoisonError::into_inner);
    let first = observations.by_ref().take(REPORT_OBSERVATIONS_MAX).collect();
    outbox.put(ReportRequest { observations: first, contexts, dropped, ..transport.report() });
    loop {
        let more: Vec<Observation> = observations.by_ref().take(REPORT_OBSERVATIONS_MAX).collect();
        if more.is_empty() {
            return;
        }
        outbox.put(ReportRequest { observations: more, ..transport.report() });
    }
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
    use mycelia_flags_core::compiled::{CompiledFlag, Slot};
    use mycelia_flags_core::condition::{Condition, Operator, Test};
    use mycelia_flags_core::flag::{EffectiveFlag, Rule, Serve, Variant};
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
