//! The plan that a gradual rollback needs: one stage, in which flags serve what they serve now.

use super::{Ladder, PlanDefinition, Stage, Target};
use crate::check::matrix::{is_of_matrix, share_of};
use crate::condition::Condition;
use crate::flag::{FlagConfiguration, FlagDefinition, Serve};
use crate::key::{EnvironmentKey, FlagKey, PlanKey, SegmentKey};
use crate::limits::WEIGHT_TOTAL;

/// What the stage is called that holds what flags served.
pub const AS_IT_WAS: &str = "as it was";

/// What a flag serves now, as a target; none when no target says it: several variants, and no percentage.
#[must_use]
pub fn present(definition: &FlagDefinition, configuration: &FlagConfiguration) -> Option<Target> {
    if let Some((on, off)) = definition.true_and_false() {
        let percent = |serve: &Serve| f64::from(share_of(serve, on)) / 1_000.0;
        let rest = percent(&configuration.default_serve);
        let shares = configuration.rules.iter().filter(|rule| is_of_matrix(rule, on, off));
        let shares: Vec<(SegmentKey, f64)> = shares
            .filter_map(|rule| match &rule.condition {
                Condition::Segment(segment) => Some((segment.clone(), percent(&rule.serve))),
                _ => None,
            })
            .collect();
        return Some(match shares.is_empty() {
            true => Target::Percent(rest),
            false => Target::Matrix { shares, rest: Some(rest) },
        });
    }
    match &configuration.default_serve {
        Serve::Variant(variant) => Some(Target::Variant(variant.clone())),
        Serve::Split(_) => None,
    }
}

/// The largest share of anybody, in thousandths of a percent, in any segment or elsewhere; a flag without percentages has
/// all or nothing.
#[must_use]
pub fn highest_share(definition: &FlagDefinition, configuration: &FlagConfiguration) -> u32 {
    let Some((on, off)) = definition.true_and_false() else {
        return WEIGHT_TOTAL;
    };
    let shares = configuration.rules.iter().filter(|rule| is_of_matrix(rule, on, off));
    let shares = shares.map(|rule| &rule.serve).chain([&configuration.default_serve]);
    shares.map(|serve| share_of(serve, on)).max().unwrap_or(0)
}

/// The plan `rollback.NAME`, with what each flag serves.
#[must_use]
pub fn holding(
    name: &str,
    environment: &EnvironmentKey,
    set: Vec<(FlagKey, Target)>,
    ladder: Option<Ladder>,
) -> PlanDefinition {
    let mut plan = PlanDefinition::empty(PlanKey::new(&format!("rollback.{name}")), environment.clone());
    plan.description = format!("Takes {name} back step by step").into();
    plan.stages = vec![Stage { name: Box::from(AS_IT_WAS), set, ..Stage::default() }];
    plan.ladder = ladder.unwrap_or_default();
    plan
}
