//! What most flags lack: a switch that is off, overrides, prerequisites and targeting expressions.

use super::{Around, CompileError, CompiledFlag, Now, Numbered, Slot};
use crate::bucketing::Generation;
use crate::context::Context;
use crate::evaluation::{ErrorCode, Resolution, ResolutionReason};
use crate::flag::{EffectiveFlag, Prerequisite};
use crate::key::{FoldedKey, ServiceName, VariantName};
use crate::limits::PREREQUISITE_DEPTH_MAX;
use crate::targeting::{CompiledTargeting, TargetingFault};

/// See the module.
#[derive(Debug)]
pub(super) struct Extra {
    is_disabled: bool,
    off: Numbered,
    overrides: Box<[(ServiceName, Numbered)]>,
    prerequisites: Box<[CompiledPrerequisite]>,
    targeting: Option<Box<Targeting>>,
}

#[derive(Debug)]
struct CompiledPrerequisite {
    flag: FoldedKey,
    variants: Box<[VariantName]>,
}

impl Extra {
    /// None when the flag has nothing of the kind.
    pub(super) fn compile(
        flag: &EffectiveFlag,
        generation: Generation,
    ) -> Result<Option<Self>, CompileError> {
        let off = Numbered::find(flag, &flag.off_variant)?;
        if flag.enabled
            && flag.overrides.is_empty()
            && flag.prerequisites.is_empty()
            && flag.targeting.is_none()
        {
            return Ok(None);
        }
        let detached =
            |(service, name): &(ServiceName, VariantName)| Ok((service.clone(), Numbered::find(flag, name)?));
        let prerequisite = |prerequisite: &Prerequisite| CompiledPrerequisite {
            flag: prerequisite.flag.folded(),
            variants: prerequisite.variants.clone().into(),
        };
        let targeting = |targeting: &str| Targeting::compile(flag, targeting, generation).map(Box::new);
        Ok(Some(Self {
            is_disabled: !flag.enabled,
            off,
            overrides: flag.overrides.iter().map(detached).collect::<Result<_, CompileError>>()?,
            prerequisites: flag.prerequisites.iter().map(prerequisite).collect(),
            targeting: flag.targeting.as_deref().map(targeting).transpose()?,
        }))
    }

    pub(super) fn prerequisites(&self) -> impl Iterator<Item = &FoldedKey> {
        self.prerequisites.iter().map(|prerequisite| &prerequisite.flag)
    }

    /// What it can serve.
    pub(super) fn servable(&self) -> impl Iterator<Item = &Numbered> {
        let detached = self.overrides.iter().map(|(_, numbered)| numbered);
        let targeted = self.targeting.iter().flat_map(|targeting| &targeting.variants);
        detached.chain(targeted).chain([&self.off])
    }

    /// Whether not everybody need get the same.
    pub(super) fn decides_by_context(&self) -> bool {
        !self.prerequisites.is_empty()
            || self.targeting.as_ref().is_some_and(|targeting| !targeting.is_empty())
    }

    pub(super) fn names_attribute(&self, name: &str) -> bool {
        self.targeting.as_ref().is_some_and(|targeting| targeting.names_attribute(name))
    }

    /// What an override, the switch or a prerequisite decides, in this order, if one does.
    pub(super) fn decide_first<'f>(
        &'f self,
        around: Around<'f>,
        context: &Context,
    ) -> Option<Resolution<'f>> {
        if let Some((_, variant)) =
            self.overrides.iter().find(|(service, _)| service.as_str() == around.service)
        {
            return Some(variant.resolve(ResolutionReason::TargetingMatch));
        }
        let reason = if self.is_disabled {
            ResolutionReason::Disabled
        } else if self.prerequisites.iter().all(|prerequisite| prerequisite.is_met(around, context)) {
            return None;
        } else {
            ResolutionReason::PrerequisiteFailed
        };
        Some(self.off.resolve(reason))
    }

    /// What the targeting expression decides, if there is one and it decides anything.
    pub(super) fn decide_in_place_of_rules<'f>(
        &'f self,
        flag: &'f CompiledFlag,
        now: Now,
        context: &Context,
    ) -> Option<Resolution<'f>> {
        self.targeting.as_ref()?.decide(flag, now, context)
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
struct Targeting {
    compiled: CompiledTargeting,
    variants: Box<[Numbered]>,
}

impl Targeting {
    fn compile(flag: &EffectiveFlag, targeting: &str, generation: Generation) -> Result<Self, CompileError> {
        let compiled = CompiledTargeting::compile(targeting, generation).map_err(CompileError::Targeting)?;
        let numbered = (0..).zip(flag.variants.iter());
        let variants = numbered.map(|(ordinal, variant)| Numbered { ordinal, variant: variant.clone() });
        Ok(Self { compiled, variants: variants.collect() })
    }

    fn names_attribute(&self, name: &str) -> bool {
        self.compiled.attributes().iter().any(|known| **known == *name)
    }

    /// Whether there is no expression at all.
    const fn is_empty(&self) -> bool {
        self.compiled.is_empty()
    }

    /// What the expression decides; none when it leaves it to the default serve. Where it fails, or names a variant that
    /// the flag does not have, the default variant stands in.
    fn decide<'f>(&'f self, flag: &'f CompiledFlag, now: Now, context: &Context) -> Option<Resolution<'f>> {
        let now = match now {
            _ if !self.compiled.needs_time() => 0,
            Now::At(seconds) => seconds,
            Now::Read(clock) => clock(),
        };
        let error = match self.compiled.evaluate(flag.key.as_str(), context, now) {
            Ok(None) => return None,
            Ok(Some(name)) => {
                let found = self.variants.iter().find(|numbered| numbered.variant.name.as_str() == &*name);
                if let Some(variant) = found {
                    return Some(variant.resolve(ResolutionReason::TargetingMatch));
                }
                ErrorCode::General
            }
            Err(TargetingFault::Parse) => ErrorCode::ParseError,
            Err(TargetingFault::General { .. }) => ErrorCode::General,
        };
        Some(flag.default_variant.stand_in(error))
    }
}
