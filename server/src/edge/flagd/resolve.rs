//! One flag for one caller: what flagd's providers are answered.

use mycelia_flags_core::compiled::{CompiledFlag, Slot};
use mycelia_flags_core::context::Context;
use mycelia_flags_core::evaluation::{ErrorCode, Resolution, ResolutionReason};
use mycelia_flags_core::value::{FlagType, Value};
use prost_types::Struct;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

use super::FlagdEdge;
use super::structs::{context, fields, float, structure, theirs};
use crate::edge::compiled_sets::CompiledEnvironment;

/// A flag's answer.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) value: Value,
    pub(super) reason: String,
    pub(super) variant: String,
    pub(super) metadata: Option<Struct>,
}

/// The types that callers ask for; a number is whatever the flag has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Boolean,
    String,
    Integer,
    Float,
    Object,
}

impl Wanted {
    const fn takes(self, flag_type: FlagType) -> bool {
        match self {
            Self::Boolean => matches!(flag_type, FlagType::Boolean),
            Self::String => matches!(flag_type, FlagType::String),
            // Providers of languages with one kind of number ask for floats, and flagd truncates for the others.
            Self::Integer | Self::Float => matches!(flag_type, FlagType::Integer | FlagType::Float),
            Self::Object => matches!(flag_type, FlagType::Object),
        }
    }
}

impl FlagdEdge {
    /// The value of a flag of this type.
    ///
    /// # Errors
    /// In flagd's codes and words, which its providers know, and with the advice not to ask again.
    pub(super) fn resolve(
        &self,
        metadata: &MetadataMap,
        key: &str,
        subject: Option<Struct>,
        wanted: Wanted,
    ) -> Result<Resolved, Status> {
        self.resolve_once(metadata, key, subject, wanted).map_err(settled)
    }

    fn resolve_once(
        &self,
        metadata: &MetadataMap,
        key: &str,
        subject: Option<Struct>,
        wanted: Wanted,
    ) -> Result<Resolved, Status> {
        let environment = self.compiled(metadata)?;
        let subject = context(subject)?;
        let service = Self::service(metadata)?;
        self.evaluation.seen.note_raw(&environment.key, service, &subject);
        let slot =
            environment.flags.get(key).filter(|slot| self.evaluation.is_visible(&environment, slot, service));
        let slot = slot.ok_or_else(|| Status::not_found("Flag not found"))?;
        let Slot::Flag(flag) = &**slot else { return Err(unusable()) };
        if !wanted.takes(flag.flag_type()) {
            return Err(Status::invalid_argument("Type mismatch error"));
        }
        self.evaluation.note(&environment.key, slot, self.evaluation.clock.now());
        let resolution = self.decide(&environment, service, flag, &subject);
        match resolution.error {
            // Where an identity is missing the default variant stands in, as in every other form of the same flag.
            None | Some(ErrorCode::TargetingKeyMissing) => {
                let served = (flag.key(), &resolution.variant.name);
                self.evaluation.count(&environment.key, service, &subject, [served]);
                Ok(resolved(&environment, &resolution))
            }
            Some(ErrorCode::General) => Err(Status::unknown("General error")),
            Some(_) => Err(unusable()),
        }
    }

    /// Every flag that has a value, by key.
    ///
    /// # Errors
    /// When the caller, its selector or its context is none.
    pub(super) fn resolve_everything(
        &self,
        metadata: &MetadataMap,
        subject: Option<Struct>,
    ) -> Result<(Vec<(String, Resolved)>, Struct), Status> {
        let environment = self.compiled(metadata).map_err(settled)?;
        let subject = context(subject).map_err(settled)?;
        let service = Self::service(metadata).map_err(settled)?;
        self.evaluation.seen.note_raw(&environment.key, service, &subject);
        let now = self.evaluation.clock.now();
        let (mut all, mut handed_out) = (Vec::new(), Vec::new());
        for slot in environment
            .flags
            .in_order()
            .iter()
            .filter(|slot| self.evaluation.is_visible(&environment, slot, service))
        {
            if let Slot::Flag(flag) = &**slot {
                self.evaluation.note(&environment.key, slot, now);
                let resolution = self.decide(&environment, service, flag, &subject);
                handed_out.push((flag.key(), &resolution.variant.name));
                all.push((flag.key().to_string(), resolved(&environment, &resolution)));
            }
        }
        self.evaluation.count(&environment.key, service, &subject, handed_out);
        Ok((all, said_of_all(&environment)))
    }

    fn decide<'f>(
        &self,
        environment: &'f CompiledEnvironment,
        service: &'f str,
        flag: &'f CompiledFlag,
        subject: &Context,
    ) -> Resolution<'f> {
        flag.evaluate(environment.flags.around(service, self.evaluation.clock.now()), subject)
    }
}

/// Some providers (Java's and Python's) are built to repeat a call whatever it was refused for, and would spend their caller's
/// deadline on a flag that is not there. gRPC has a word for a server that knows better (gRFC A6).
pub(in crate::edge) fn settled(mut status: Status) -> Status {
    status.metadata_mut().insert("grpc-retry-pushback-ms", MetadataValue::from_static("-1"));
    status
}

fn unusable() -> Status {
    Status::new(Code::DataLoss, "Error parsing input or configuration")
}

fn said_of_all(environment: &CompiledEnvironment) -> Struct {
    let name = Value::string(environment.key.as_str());
    fields([("flagSetId", theirs(&name))])
}

fn resolved(environment: &CompiledEnvironment, resolution: &Resolution<'_>) -> Resolved {
    let mut metadata = said_of_all(environment);
    if resolution.reason == ResolutionReason::Disabled {
        metadata.fields.insert("disabled".to_owned(), theirs(&Value::Boolean(true)));
    }
    Resolved {
        value: resolution.variant.value.clone(),
        reason: reason(resolution.reason).to_owned(),
        variant: resolution.variant.name.to_string(),
        metadata: Some(metadata),
    }
}

/// flagd's words. Providers keep what is STATIC until they are told that the flag has changed, and nothing else.
const fn reason(reason: ResolutionReason) -> &'static str {
    match reason {
        // Providers that read DISABLED give their caller's default; a disabled flag serves its off variant to everybody.
        ResolutionReason::Static | ResolutionReason::Disabled => "STATIC",
        ResolutionReason::Default => "DEFAULT",
        ResolutionReason::TargetingMatch | ResolutionReason::Split => "TARGETING_MATCH",
        ResolutionReason::PrerequisiteFailed => "PREREQUISITE_FAILED",
    }
}

impl Resolved {
    pub(super) fn boolean(&self) -> bool {
        matches!(self.value, Value::Boolean(true))
    }

    pub(super) fn text(&self) -> String {
        if let Value::String(text) = &self.value { text.to_string() } else { String::new() }
    }

    /// Towards zero, as flagd does.
    pub(super) fn integer(&self) -> i64 {
        match self.value {
            Value::Integer(number) => number,
            #[expect(
                clippy::cast_possible_truncation,
                reason = "saturates, and a fraction is cut off, as in flagd"
            )]
            Value::Float(number) => number as i64,
            _ => 0,
        }
    }

    pub(super) fn float(&self) -> f64 {
        match self.value {
            Value::Integer(number) => float(number),
            Value::Float(number) => number,
            _ => 0.0,
        }
    }

    pub(super) fn object(&self) -> Struct {
        structure(&self.value)
    }
}
