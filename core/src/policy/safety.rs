//! What makes things safer, and is therefore never held up: by no freeze, no missing approval, no step, no interval.
//!
//! Safer is what gives nobody more than they had: disabling a flag, lowering a percentage, removing shares, switching the
//! canary off, taking somebody off its allowlist, ending an override, and creating a flag, which is dark. It is judged by
//! what a change does and not by its name, flag by flag: undoing a raise is safer, undoing its undoing is not. What a
//! flag holds while it is disabled is judged as if it were enabled: what was prepared unseen would come with the next
//! approval.

use super::exposure::{Held, Served, keeps};
use crate::entity::{Entity, EntityId};
use crate::flag::{Canary, CanaryPart, FlagConfiguration, FlagDefinition, ServiceOverride};
use crate::key::VariantName;
use crate::list::ListKey;
use crate::value::FlagType;

/// Whether a flag gives nobody more than it did in an environment.
#[must_use]
pub fn is_flag_safer(before: Option<Held<'_>>, after: Option<Held<'_>>) -> bool {
    match (before, after) {
        (None, None) => true,
        (None, Some(created)) => is_dark(created),
        // Whoever still asks gets the caller's own default, and nobody knows what that is.
        (Some(_), None) => false,
        (Some(before), Some(after)) => {
            means_the_same(before.definition, after.definition)
                && is_configured_safer(before.configuration, after.configuration)
                && anonymous_gain_nothing(before, after)
                && audiences_gain_nothing(before, after)
        }
    }
}

/// Whether a flag was served and is not any more, whatever it holds for later. An undo that does this is a rollback: what
/// it gives back for later was there before.
#[must_use]
pub fn is_taken_off(before: Option<Held<'_>>, after: Option<Held<'_>>) -> bool {
    let (Some(before), Some(after)) = (before, after) else {
        return false;
    };
    let (was, is) = (before.configuration, after.configuration);
    was.enabled && !is.enabled && is.overrides.is_empty() && was.off_variant == is.off_variant
}

/// Whether a write to anything but a flag makes an environment safer.
#[must_use]
pub fn is_entity_safer(id: &EntityId, before: Option<&Entity>, after: Option<&Entity>) -> bool {
    match id {
        EntityId::Canary(_) => !is_canary_on(after) || is_canary_on(before),
        EntityId::Listed(_, ListKey::Canary, _) => after.is_none(),
        // One more guard is safer; another one, or none, may be less so.
        EntityId::Guard(_) => before.is_none(),
        _ => before == after,
    }
}

const fn is_canary_on(canary: Option<&Entity>) -> bool {
    matches!(canary, Some(Entity::Canary(Canary { on: true, .. })))
}

fn is_dark(created: Held<'_>) -> bool {
    let FlagConfiguration {
        enabled, rules, prerequisites, overrides, targeting, canary, off_variant, ..
    } = created.configuration;
    !enabled
        && rules.is_empty()
        && prerequisites.is_empty()
        && overrides.is_empty()
        && targeting.is_none()
        && *canary == CanaryPart::ByType
        && !created.is_on(off_variant)
}

/// Whether evaluations of a flag depend on the same definition.
#[must_use]
pub fn means_the_same(before: &FlagDefinition, after: &FlagDefinition) -> bool {
    before.variants == after.variants
        && before.services == after.services
        && before.archived.is_some() == after.archived.is_some()
}

fn is_configured_safer(before: &FlagConfiguration, after: &FlagConfiguration) -> bool {
    (before.enabled || !after.enabled)
        && before.off_variant == after.off_variant
        && (before.salt == after.salt || !after.has_buckets())
        && before.targeting == after.targeting
        && keeps(&before.prerequisites, &after.prerequisites)
        && (before.canary == after.canary || after.canary == CanaryPart::Out)
        && after.overrides.iter().all(|detached| was_set(&before.overrides, detached))
}

fn was_set(before: &[ServiceOverride], detached: &ServiceOverride) -> bool {
    before.iter().any(|known| {
        (&known.service, &known.variant) == (&detached.service, &detached.variant)
            && detached.expires_at <= known.expires_at
    })
}

/// Whoever nothing identifies gets the default variant where others are in buckets.
fn anonymous_gain_nothing(before: Held<'_>, after: Held<'_>) -> bool {
    let (was, is) = (&before.configuration.default_variant, &after.configuration.default_variant);
    if after.definition.flag_type == FlagType::Boolean {
        return !after.is_on(is) || before.is_on(was);
    }
    was == is || *is == after.configuration.off_variant
}

fn audiences_gain_nothing(before: Held<'_>, after: Held<'_>) -> bool {
    let gains = |counts: &dyn Fn(&VariantName) -> bool| {
        Served::once_enabled(after, counts).gain_since(&Served::once_enabled(before, counts)) > 0
    };
    if after.definition.flag_type == FlagType::Boolean {
        return !gains(&|variant| after.is_on(variant));
    }
    // Of another type each variant but the one that is served when all is off is a feature of its own.
    let variants = after.definition.variants.iter().map(|variant| &variant.name);
    let mut others = variants.filter(|name| **name != after.configuration.off_variant);
    !others.any(|name| gains(&|variant| variant == name))
}
