//! What most flags lack: overrides, prerequisites, services of their own, and targeting expressions.

use super::{Around, CompileError, CompiledFlag, Now, Slot, variant};
use crate::bucketing::Generation;
use crate::context::Context;
use crate::evaluation::{ErrorCode, Resolution, ResolutionReason};
use crate::flag::{EffectiveFlag, Prerequisite, Variant};
use crate::key::{FoldedKey, ServiceName, VariantName};
use crate::limits::PREREQUISITE_DEPTH_MAX;
use crate::targeting::{CompiledTargeting, TargetingFault};

/// See the module.
#[derive(Debug)]
pub(super) struct Extra {
    services: Box<[ServiceName]>,
    overrides: Box<[(ServiceName, Variant)]>,
    prerequisites: Box<[CompiledPrerequisite]>,
    off: Variant,
}

#[derive(Debug)]
struct CompiledPrerequisite {
    flag: FoldedKey,
    variants: Box<[VariantName]>,
}

impl Extra {
    /// None when the flag has nothing of the kind.
    pub(super) fn compile(flag: &EffectiveFlag) -> Result<Option<Self>, CompileError> {
        if flag.services.is_empty() && flag.overrides.is_empty() && flag.prerequisites.is_empty() {
            return Ok(None);
        }
        let detached =
            |(service, name): &(ServiceName, VariantName)| Ok((service.clone(), variant(flag, name)?));
        let prerequisite = |prerequisite: &Prerequisite| CompiledPrerequisite {
            flag: prerequisite.flag.folded(),
            variants: prerequisite.variants.clone().into(),
        };
        Ok(Some(Self {
            services: flag.services.clone().into(),
            overrides: flag.overrides.iter().map(detached).collect::<Result<_, CompileError>>()?,
            prerequisites: flag.prerequisites.iter().map(prerequisite).collect(),
            off: variant(flag, &flag.off_variant)?,
        }))
    }

    pub(super) fn is_visible_to(&self, service: &str) -> bool {
        self.services.is_empty() || self.services.iter().any(|known| known.as_str() == service)
    }

    pub(super) fn prerequisites(&self) -> impl Iterator<Item = &FoldedKey> {
        self.prerequisites.iter().map(|prerequisite| &prerequisite.flag)
    }

    /// What an override or a prerequisite decides, if one does.
    pub(super) fn decide<'f>(
        &'f self,
        disabled: bool,
        around: Around<'f>,
        context: &Context,
    ) -> Option<Resolution<'f>> {
        if let Some((_, variant)) =
            self.overrides.iter().find(|(service, _)| service.as_str() == around.service)
        {
            return Some(Resolution { variant, reason: ResolutionReason::TargetingMatch, error: None });
        }
        if disabled || self.prerequisites.iter().all(|prerequisite| prerequisite.is_met(around, context)) {
            return None;
        }
        Some(Resolution { variant: &self.off, reason: ResolutionReason::PrerequisiteFailed, error: None })
    }
}

impl CompiledPrerequisite {
    /// A flag that is not there, or that this version cannot evaluate, meets nothing. So does a chain without end, which
    /// no store holds.
    fn is_met(&self, around: Around<'_>, context: &Context) -> bool {
        if around.depth > PREREQUISITE_DEPTH_MAX {
            return false;
        }
        let Some(Slot::Flag(flag)) = around.set.prerequisite(&self.flag) else {
            return false;
        };
        let within = Around { depth: around.depth + 1, ..around };
        self.variants.contains(&flag.evaluate(within, context).variant.name)
    }
}

/// A targeting expression and the variants that it can name.
#[derive(Debug)]
pub(super) struct Targeting {
    compiled: CompiledTargeting,
    variants: Box<[Variant]>,
}

impl Targeting {
    pub(super) fn compile(
        flag: &EffectiveFlag,
        targeting: &str,
        generation: Generation,
    ) -> Result<Self, CompileError> {
        let compiled = CompiledTargeting::compile(targeting, generation).map_err(CompileError::Targeting)?;
        Ok(Self { compiled, variants: flag.variants.iter().cloned().collect() })
    }

    pub(super) fn names_attribute(&self, name: &str) -> bool {
        self.compiled.attributes().iter().any(|known| **known == *name)
    }

    /// Whether there is no expression at all.
    pub(super) const fn is_empty(&self) -> bool {
        self.compiled.is_empty()
    }

    /// What the expression decides; none when it leaves it to the default serve. Where it fails, or names a variant that
    /// the flag does not have, the default variant stands in.
    pub(super) fn decide<'f>(
        &'f self,
        flag: &'f CompiledFlag,
        now: Now,
        context: &Context,
    ) -> Option<Resolution<'f>> {
        let now = match now {
            _ if !self.compiled.needs_time() => 0,
            Now::At(seconds) => seconds,
            Now::Read(clock) => clock(),
        };
        let error = match self.compiled.evaluate(flag.key.as_str(), context, now) {
            Ok(None) => return None,
            Ok(Some(name)) => {
                let found = self.variants.iter().find(|variant| variant.name.as_str() == &*name);
                if let Some(variant) = found {
                    let reason = ResolutionReason::TargetingMatch;
                    return Some(Resolution { variant, reason, error: None });
                }
                ErrorCode::General
            }
            Err(TargetingFault::Parse) => ErrorCode::ParseError,
            Err(TargetingFault::General { .. }) => ErrorCode::General,
        };
        let variant = &flag.default_variant;
        Some(Resolution { variant, reason: ResolutionReason::Default, error: Some(error) })
    }
}
