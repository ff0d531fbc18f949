//! A change in words: what the history says was asked for.

use mycelia_flags_core::change::{Change, FeatureAction, Place};

/// What was asked for, each intent in words. A rollout of a flag that is disabled right after it is told as one: on its own
/// it would read as if the flag had been enabled.
pub(super) fn words_of(changes: &[Change]) -> Vec<String> {
    let mut told = Vec::with_capacity(changes.len());
    let mut left = changes.iter().peekable();
    while let Some(change) = left.next() {
        let disabled = match change {
            Change::Rollout { place, percent, .. } => {
                let next = left.next_if(|next| matches!(next, Change::Disable(of) if of == place));
                next.map(|_| {
                    format!("roll out {} to {percent}% and disable it in {}", place.flag, place.environment)
                })
            }
            _ => None,
        };
        told.push(disabled.unwrap_or_else(|| words(change)));
    }
    told
}

fn words(change: &Change) -> String {
    match change {
        Change::CreateFlag(create) => format!("create {}", create.key),
        Change::DeleteFlag { flag, .. } => format!("delete {flag}"),
        Change::ArchiveFlag { flag, .. } => format!("archive {flag}"),
        Change::UnarchiveFlag { flag } => format!("bring {flag} back from the archive"),
        Change::UpdateFlag(update) => format!("update {}", update.flag),
        Change::SetVariants { flag, .. } => format!("set the variants of {flag}"),
        Change::Enable(place) => format!("enable {}", at(place)),
        Change::Disable(place) => format!("disable {}", at(place)),
        Change::Rollout { place, percent, enable } => {
            let and = if *enable { "enable and " } else { "" };
            format!("{and}roll out {} to {percent}% in {}", place.flag, place.environment)
        }
        Change::SetSegment(set) => format!("set segment {} in {}", set.segment, set.environment),
        Change::DeleteSegment { environment, segment } => {
            format!("delete segment {segment} in {environment}")
        }
        Change::EditList { environment, list, add, remove } => {
            format!("add {} keys to {list} and remove {} in {environment}", add.len(), remove.len())
        }
        Change::SwitchCanary { environment, on } => {
            format!("switch canary mode {} in {environment}", if *on { "on" } else { "off" })
        }
        Change::SetFeature { feature, flags, .. } => format!("set feature {feature} to {}", flags.join(", ")),
        Change::DeleteFeature { feature } => format!("delete feature {feature}"),
        Change::ChangeFeature { environment, feature, action } => match action {
            FeatureAction::Enable => format!("enable feature {feature} in {environment}"),
            FeatureAction::Disable => format!("disable feature {feature} in {environment}"),
            FeatureAction::Rollout { percent, .. } => {
                format!("roll out feature {feature} to {percent}% in {environment}")
            }
        },
        Change::Undo { revision } => format!("undo revision {revision}"),
        Change::CreateStore { environments, .. } => {
            format!("create the store with {}", environments.join(", "))
        }
        Change::RestoreStore { from_epoch } => format!("restore from store {from_epoch}"),
        Change::SetPlan(plan) => format!("apply plan {}", plan.key),
        Change::SetGuard(set) => format!("set guard {} in {}: {}", set.guard, set.environment, set.when),
        Change::DeleteGuard { guard, .. } => format!("delete guard {guard}"),
        Change::StepGuard(step) => format!("guard {}", step.guard),
        Change::ActOnPlan { plan, act } => format!("plan {plan}: {}", act.in_words()),
        other => {
            let name = other.name().replace('_', " ");
            place_of(other).map_or_else(|| name.clone(), |place| format!("{name} of {}", at(place)))
        }
    }
}

fn at(place: &Place) -> String {
    format!("{} in {}", place.flag, place.environment)
}

/// Of those that need no words of their own.
const fn place_of(change: &Change) -> Option<&Place> {
    match change {
        Change::SetDefaultServe { place, .. }
        | Change::SetRules { place, .. }
        | Change::SetOffVariant { place, .. }
        | Change::SetSalt { place, .. }
        | Change::SetMatrix { place, .. }
        | Change::SetTargeting { place, .. }
        | Change::SetPrerequisites { place, .. }
        | Change::SetCanaryPart { place, .. }
        | Change::SetOverride { place, .. }
        | Change::RemoveOverride { place, .. } => Some(place),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_in_words() {
        let place = || Place { environment: "production".to_owned(), flag: "dreams".to_owned() };
        let rollout = Change::Rollout { place: place(), percent: 12.5, enable: true };
        assert_eq!(words(&rollout), "enable and roll out dreams to 12.5% in production");
        assert_eq!(words(&Change::Disable(place())), "disable dreams in production");
        let rules = Change::SetRules { place: place(), rules: Vec::new() };
        assert_eq!(words(&rules), "set rules of dreams in production");
        let other = Place { flag: "whispers".to_owned(), ..place() };
        let changes = [rollout.clone(), Change::Disable(place()), rollout, Change::Disable(other)];
        let expected = [
            "roll out dreams to 12.5% and disable it in production",
            "enable and roll out dreams to 12.5% in production",
            "disable whispers in production",
        ];
        assert_eq!(words_of(&changes), expected);
    }
}
