//! From a state, a key and a context to a value. Cannot fail: what is wrong becomes the caller's default and a code.

use mycelia_flags_core::compiled::{Around, CompiledFlag, Slot};
use mycelia_flags_core::context::Context;
use mycelia_flags_core::evaluation::ErrorCode;
use mycelia_flags_core::value::{FlagType, Value};

use crate::details::{EvaluationDetails, Reason};
use crate::shared::Shared;
use crate::state::State;
use crate::status::Standing;

/// What a flag can be asked for. An integer is no float: the caller says which one the flag is.
pub(crate) trait Read<'v>: Sized {
    /// The type of flag that has it.
    const FLAG_TYPE: FlagType;
    /// Reads the value, if it is of this type.
    fn read(value: &'v Value) -> Option<Self>;
}

impl Read<'_> for bool {
    const FLAG_TYPE: FlagType = FlagType::Boolean;
    #[inline]
    fn read(value: &Value) -> Option<Self> {
        if let Value::Boolean(value) = value { Some(*value) } else { None }
    }
}

impl Read<'_> for i64 {
    const FLAG_TYPE: FlagType = FlagType::Integer;
    #[inline]
    fn read(value: &Value) -> Option<Self> {
        if let Value::Integer(value) = value { Some(*value) } else { None }
    }
}

impl Read<'_> for f64 {
    const FLAG_TYPE: FlagType = FlagType::Float;
    #[inline]
    fn read(value: &Value) -> Option<Self> {
        if let Value::Float(value) = value { Some(*value) } else { None }
    }
}

impl<'v> Read<'v> for &'v str {
    const FLAG_TYPE: FlagType = FlagType::String;
    #[inline]
    fn read(value: &'v Value) -> Option<Self> {
        if let Value::String(value) = value { Some(value) } else { None }
    }
}

/// An object flag's value.
pub(crate) struct Object<'v>(pub(crate) &'v Value);

impl<'v> Read<'v> for Object<'v> {
    const FLAG_TYPE: FlagType = FlagType::Object;
    #[inline]
    fn read(value: &'v Value) -> Option<Self> {
        matches!(value, Value::Object(_)).then_some(Self(value))
    }
}

/// The variant of a flag that was served, by its ordinal, to be counted; none when the caller's default was.
pub(crate) type Served<'s> = Option<(&'s CompiledFlag, u32)>;

/// The value that a flag has for a context, none when the caller's default is to be served; and what to count.
///
/// What is counted is handed back and not counted here: a counter that went in would be written to memory first, and a
/// plain evaluation would wait for it.
#[inline(always)]
pub(crate) fn value<'s, T: Read<'s>>(
    slot: Option<&'s Slot>,
    around: Around<'s>,
    context: &Context,
) -> (Option<T>, Served<'s>) {
    if let Some(Slot::Flag(flag)) = slot {
        let resolution = flag.evaluate(around, context);
        if let Some(value) = T::read(&resolution.variant.value) {
            return (Some(value), Some((flag, resolution.ordinal)));
        }
    }
    (None, None)
}

/// The same for a key.
#[inline(always)]
pub(crate) fn keyed<'s, T: Read<'s>>(
    state: &'s State,
    key: &str,
    context: &Context,
) -> (Option<T>, Served<'s>) {
    value(state.set.get(key).map(|slot| &**slot), state.around(), context)
}

/// The same, with everything that is known about it. `own` makes an answer out of what was read.
pub(crate) fn details<'s, T: Read<'s>, D>(
    state: &'s State,
    standing: Standing,
    key: &str,
    default: D,
    context: &Context,
    shared: &Shared,
    own: impl FnOnce(T) -> D,
) -> EvaluationDetails<D> {
    let mut details = EvaluationDetails {
        flag_key: key.to_owned(),
        value: default,
        variant: None,
        reason: Reason::Error,
        resolution_reason: None,
        stale: age(state, standing),
        error_code: None,
        error_message: None,
        revision: state.revision().get(),
    };
    let flag = match state.set.get(key).map(|slot| &**slot) {
        Some(Slot::Flag(flag)) => flag,
        Some(Slot::Broken { why, .. }) => {
            shared.counts.fall_back(key);
            let why = format!("this version of the SDK cannot evaluate the flag: {why}");
            return failed(details, ErrorCode::ParseError, why);
        }
        None if state.generation == 0 => {
            shared.counts.fall_back(key);
            let why = "no state has arrived from the server yet".to_owned();
            return failed(details, ErrorCode::ProviderNotReady, why);
        }
        None => {
            shared.counts.fall_back(key);
            let why = "there is no such flag in this environment for this service".to_owned();
            return failed(details, ErrorCode::FlagNotFound, why);
        }
    };
    let resolution = flag.evaluate(state.around(), context);
    let Some(value) = T::read(&resolution.variant.value) else {
        shared.counts.fall_back(key);
        let why = format!("the flag is of type {}, and was asked for as {}", flag.flag_type(), T::FLAG_TYPE);
        return failed(details, ErrorCode::TypeMismatch, why);
    };
    shared.count(flag, resolution.ordinal);
    details.value = own(value);
    details.variant = Some(resolution.variant.name.clone());
    details.resolution_reason = Some(resolution.reason);
    details.reason = match standing {
        Standing::Live => Reason::from(resolution.reason),
        Standing::Cached(_) => Reason::Cached,
        Standing::Stale(_) => Reason::Stale,
    };
    if let Some(code) = resolution.error {
        details.error_code = Some(code);
        let why = match code {
            ErrorCode::TargetingKeyMissing => "the context lacks what the split buckets by",
            ErrorCode::General => "the targeting expression names a variant that the flag does not have",
            _ => "the targeting expression cannot be evaluated for this context",
        };
        details.error_message = Some(format!("{why}: the flag's default variant stands in"));
    }
    details
}

fn age(state: &State, standing: Standing) -> Option<std::time::Duration> {
    match standing {
        _ if state.generation == 0 => None,
        Standing::Live => None,
        Standing::Cached(since) | Standing::Stale(since) => Some(since.age()),
    }
}

fn failed<D>(mut details: EvaluationDetails<D>, code: ErrorCode, why: String) -> EvaluationDetails<D> {
    details.error_code = Some(code);
    details.error_message = Some(why);
    details
}
