//! Change sets both ways. What is in a change is beside this file, by what it changes.

mod audience;
mod configuration;
mod flag;
mod guard;
mod plan;
mod policy;
mod promotion;

use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::change::{Change, ChangeSet};
use mycelia_flags_core::limits::CHANGES_MAX;
use mycelia_flags_core::rejection::Rejection;
use mycelia_flags_core::revision::Revision;

use super::fault::{Faults, Noted, Path, violations_of};
use super::record::{generation_from_wire, generation_to_wire};
use crate::v1;
use crate::v1::change::Change as WireChange;

/// The wire's change set.
#[must_use]
pub fn change_set_to_wire(change_set: &ChangeSet) -> v1::ChangeSet {
    v1::ChangeSet {
        changes: change_set.changes.iter().map(change_to_wire).collect(),
        actor: change_set.actor.clone(),
        reason: change_set.reason.clone(),
    }
}

/// The core's change set, with every text as it was asked.
///
/// # Errors
/// Everything that is wrong with its shape, each with its path from the change set on.
pub fn change_set_from_wire(wire: &v1::ChangeSet) -> Result<ChangeSet, Rejection> {
    let changes = violations_of("", |path, faults| {
        let path = path.field("changes");
        faults.count(&path, wire.changes.len(), CHANGES_MAX)?;
        faults.each(&path, &wire.changes, change)
    });
    Ok(ChangeSet {
        actor: wire.actor.clone(),
        reason: wire.reason.clone(),
        changes: changes.map_err(|violations| Rejection { violations })?,
    })
}

/// The wire's change.
#[must_use]
pub fn change_to_wire(change: &Change) -> v1::Change {
    let change = match change {
        Change::CreateFlag(create) => flag::create_to_wire(create),
        Change::DeleteFlag { flag, force } => flag::delete_to_wire(flag, *force),
        Change::ArchiveFlag { flag, force } => flag::archive_to_wire(flag, *force),
        Change::UnarchiveFlag { flag } => WireChange::UnarchiveFlag(v1::UnarchiveFlag { flag: flag.clone() }),
        Change::UpdateFlag(update) => flag::update_to_wire(update),
        Change::SetVariants { flag, variants } => flag::variants_to_wire(flag, variants),
        Change::Enable(place) => configuration::enable_to_wire(place),
        Change::Disable(place) => configuration::disable_to_wire(place),
        Change::Rollout { place, percent, enable } => {
            configuration::rollout_to_wire(place, *percent, *enable)
        }
        Change::SetDefaultServe { place, serve } => configuration::default_serve_to_wire(place, serve),
        Change::SetRules { place, rules } => configuration::rules_to_wire(place, rules),
        Change::SetOffVariant { place, variant } => configuration::off_variant_to_wire(place, variant),
        Change::SetSalt { place, salt } => configuration::salt_to_wire(place, salt),
        Change::SetMatrix { place, shares, rest, enable } => {
            configuration::matrix_to_wire(place, shares, *rest, *enable)
        }
        Change::SetTargeting { place, targeting } => configuration::targeting_to_wire(place, targeting),
        Change::SetPrerequisites { place, prerequisites } => {
            configuration::prerequisites_to_wire(place, prerequisites)
        }
        Change::SetCanaryPart { place, part } => configuration::canary_part_to_wire(place, part),
        Change::SetOverride { place, service, variant, seconds } => {
            configuration::override_to_wire(place, service, variant, *seconds)
        }
        Change::RemoveOverride { place, service } => configuration::override_removal_to_wire(place, service),
        Change::SetSegment(set) => audience::segment_to_wire(set),
        Change::DeleteSegment { environment, segment } => {
            audience::segment_removal_to_wire(environment, segment)
        }
        Change::EditList { environment, list, add, remove } => {
            audience::list_to_wire(environment, list, add, remove)
        }
        Change::SwitchCanary { environment, on } => audience::canary_to_wire(environment, *on),
        Change::SetFeature { feature, description, flags } => {
            audience::feature_to_wire(feature, description, flags)
        }
        Change::DeleteFeature { feature } => {
            WireChange::DeleteFeature(v1::DeleteFeature { feature: feature.clone() })
        }
        Change::ChangeFeature { environment, feature, action } => {
            audience::feature_change_to_wire(environment, feature, action)
        }
        Change::Undo { revision } => WireChange::Undo(v1::Undo { revision: revision.get() }),
        Change::SetPlan(definition) => plan::set_to_wire(definition),
        Change::DeletePlan { plan } => WireChange::DeletePlan(v1::DeletePlan { plan: plan.clone() }),
        Change::ActOnPlan { plan, act } => plan::act_to_wire(plan, act),
        Change::RollBack { environment, flags, kind } => plan::roll_back_to_wire(environment, flags, kind),
        Change::OpenIncident(_)
        | Change::CloseIncident(_)
        | Change::SetPromotionRules { .. }
        | Change::ApprovePromotion { .. }
        | Change::TickPromotion { .. }
        | Change::Promote(_)
        | Change::RecordDrill(_) => return v1::Change { change: promotion::to_wire(change) },
        Change::SetGuard(_)
        | Change::DeleteGuard { .. }
        | Change::AcknowledgeGuard(_)
        | Change::StepGuard(_) => return v1::Change { change: guard::to_wire(change) },
        Change::CreateStore { bucketing, environments } => create_store_to_wire(*bucketing, environments),
        Change::RestoreStore { from_epoch } => {
            WireChange::RestoreStore(v1::RestoreStore { from_epoch: from_epoch.clone() })
        }
        Change::SetPolicy { environment, policy } => policy::to_wire(environment, policy),
        Change::RequestApproval { changes } => WireChange::RequestApproval(v1::RequestApproval {
            changes: changes.iter().map(change_to_wire).collect(),
        }),
        Change::ApproveRequest { request } => policy::approval_to_wire(*request),
        Change::RejectRequest { request } => policy::rejection_to_wire(*request),
        Change::WithdrawRequest { request } => policy::withdrawal_to_wire(*request),
    };
    v1::Change { change: Some(change) }
}

fn create_store_to_wire(bucketing: Generation, environments: &[String]) -> WireChange {
    WireChange::CreateStore(v1::CreateStore {
        bucketing: generation_to_wire(bucketing).into(),
        environments: environments.to_owned(),
    })
}

fn change(path: &Path<'_>, wire: &v1::Change, faults: &mut Faults) -> Result<Change, Noted> {
    let Some(wire) = &wire.change else {
        return Err(faults.missing(path, "a change, such as create_flag, rollout or set_rules"));
    };
    Ok(match wire {
        WireChange::CreateFlag(wire) => flag::create(&path.field("create_flag"), wire, faults)?,
        WireChange::DeleteFlag(wire) => Change::DeleteFlag { flag: wire.flag.clone(), force: wire.force },
        WireChange::ArchiveFlag(wire) => Change::ArchiveFlag { flag: wire.flag.clone(), force: wire.force },
        WireChange::UnarchiveFlag(wire) => Change::UnarchiveFlag { flag: wire.flag.clone() },
        WireChange::UpdateFlag(wire) => flag::update(&path.field("update_flag"), wire, faults)?,
        WireChange::SetVariants(wire) => flag::variants(&path.field("set_variants"), wire, faults)?,
        WireChange::EnableFlag(wire) => configuration::enable(wire),
        WireChange::DisableFlag(wire) => configuration::disable(wire),
        WireChange::Rollout(wire) => configuration::rollout(wire),
        WireChange::SetDefaultServe(wire) => {
            configuration::default_serve(&path.field("set_default_serve"), wire, faults)?
        }
        WireChange::SetRules(wire) => configuration::rules(&path.field("set_rules"), wire, faults)?,
        WireChange::SetOffVariant(wire) => configuration::off_variant(wire),
        WireChange::SetSalt(wire) => configuration::salt(wire),
        WireChange::SetMatrix(wire) => configuration::matrix(wire),
        WireChange::SetTargeting(wire) => configuration::targeting(wire),
        WireChange::SetPrerequisites(wire) => configuration::prerequisites(wire),
        WireChange::SetCanaryPart(wire) => configuration::canary_part(wire),
        WireChange::SetOverride(wire) => configuration::set_override(wire),
        WireChange::RemoveOverride(wire) => configuration::remove_override(wire),
        WireChange::SetSegment(wire) => audience::segment(&path.field("set_segment"), wire, faults)?,
        WireChange::DeleteSegment(wire) => audience::segment_removal(wire),
        WireChange::EditList(wire) => audience::list(wire),
        WireChange::SwitchCanary(wire) => {
            Change::SwitchCanary { environment: wire.environment.clone(), on: wire.on }
        }
        WireChange::SetFeature(wire) => audience::feature(&path.field("set_feature"), wire, faults)?,
        WireChange::DeleteFeature(wire) => Change::DeleteFeature { feature: wire.feature.clone() },
        WireChange::ChangeFeature(wire) => {
            audience::feature_change(&path.field("change_feature"), wire, faults)?
        }
        WireChange::Undo(wire) => Change::Undo { revision: Revision::new(wire.revision) },
        WireChange::SetPlan(wire) => plan::set(&path.field("set_plan"), wire, faults)?,
        WireChange::DeletePlan(wire) => Change::DeletePlan { plan: wire.plan.clone() },
        WireChange::ActOnPlan(wire) => plan::act(&path.field("act_on_plan"), wire, faults)?,
        WireChange::RollBack(wire) => plan::roll_back(&path.field("roll_back"), wire, faults)?,
        WireChange::OpenIncident(wire) => promotion::open(&path.field("open_incident"), wire, faults)?,
        WireChange::CloseIncident(wire) => promotion::close(&path.field("close_incident"), wire, faults)?,
        WireChange::SetPromotionRules(wire) => promotion::rules(wire),
        WireChange::ApprovePromotion(wire) => {
            Change::ApprovePromotion { flag: wire.flag.clone(), to: wire.to.clone() }
        }
        WireChange::TickPromotion(wire) => promotion::tick(wire),
        WireChange::Promote(wire) => promotion::promote(wire),
        WireChange::RecordDrill(wire) => promotion::drill(wire),
        WireChange::SetGuard(wire) => guard::set(&path.field("set_guard"), wire, faults)?,
        WireChange::DeleteGuard(wire) => Change::DeleteGuard { guard: wire.guard.clone(), force: wire.force },
        WireChange::AcknowledgeGuard(wire) => guard::acknowledge(path, wire, faults)?,
        WireChange::StepGuard(wire) => guard::step(&path.field("step_guard"), wire, faults)?,
        WireChange::CreateStore(wire) => Change::CreateStore {
            bucketing: faults.or_note(generation_from_wire(
                path.field("create_store").field("bucketing"),
                wire.bucketing,
            ))?,
            environments: wire.environments.clone(),
        },
        WireChange::RestoreStore(wire) => Change::RestoreStore { from_epoch: wire.from_epoch.clone() },
        WireChange::SetPolicy(wire) => policy::from_wire(&path.field("set_policy"), wire, faults)?,
        WireChange::RequestApproval(wire) => {
            let path = path.field("request_approval");
            let path = path.field("changes");
            faults.count(&path, wire.changes.len(), CHANGES_MAX)?;
            Change::RequestApproval { changes: faults.each(&path, &wire.changes, change)? }
        }
        WireChange::ApproveRequest(wire) => Change::ApproveRequest { request: Revision::new(wire.request) },
        WireChange::RejectRequest(wire) => Change::RejectRequest { request: Revision::new(wire.request) },
        WireChange::WithdrawRequest(wire) => Change::WithdrawRequest { request: Revision::new(wire.request) },
    })
}
