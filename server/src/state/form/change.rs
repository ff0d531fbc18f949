//! Change sets: the intents, as they were asked.

mod audience;
mod definition;
mod guard;
mod place;
mod plan;
mod promotion;

use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::change as core;
use mycelia_flags_core::revision::Revision;

use self::audience::{ChangeFeature, DeleteSegment, EditList, SetFeature, SetSegment, SwitchCanary};
use self::definition::{ArchiveFlag, CreateFlag, SetVariants, UpdateFlag, named_values, variants};
use self::guard::{AcknowledgeGuard, DeleteGuard, SetGuard, StepGuard};
use self::place::{
    Place, Rollout, SetCanaryPart, SetDefaultServe, SetMatrix, SetOverride, SetPrerequisites, SetRules,
    SetText, at, located,
};
use self::plan::{ActOnPlan, RollBack};
use self::promotion::{CloseIncident, OpenIncident, Promote, RecordDrill, SayPromotion, SetPromotionRules};
use super::condition::{Rule, rules};
use super::number::Numbered;
use super::plan::Plan;
use super::policy::SetPolicy;
use super::{FormError, required};

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ChangeSet {
    #[prost(string, tag = "1")]
    pub(super) actor: String,
    #[prost(string, tag = "2")]
    pub(super) reason: String,
    #[prost(message, repeated, tag = "3")]
    pub(super) changes: Vec<Change>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Change {
    #[prost(
        oneof = "Kind",
        tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, \
                27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 50, 51, 52, 53, 54, 55, 56, 60, 61, 62, 63"
    )]
    pub(super) kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Kind {
    #[prost(message, tag = "1")]
    CreateFlag(CreateFlag),
    /// The flag's key. Nothing more, as it was in the first format; a deletion by force is another kind.
    #[prost(string, tag = "2")]
    DeleteFlag(String),
    #[prost(message, tag = "3")]
    UpdateFlag(UpdateFlag),
    #[prost(message, tag = "4")]
    SetVariants(SetVariants),
    #[prost(message, tag = "5")]
    Enable(Place),
    #[prost(message, tag = "6")]
    Disable(Place),
    #[prost(message, tag = "7")]
    Rollout(Rollout),
    #[prost(message, tag = "8")]
    SetDefaultServe(SetDefaultServe),
    #[prost(message, tag = "9")]
    SetRules(SetRules),
    #[prost(message, tag = "10")]
    SetOffVariant(SetText),
    #[prost(message, tag = "11")]
    SetSalt(SetText),
    #[prost(message, tag = "12")]
    CreateStore(CreateStore),
    /// The epoch of the store that the backup was taken from.
    #[prost(string, tag = "13")]
    RestoreStore(String),
    #[prost(message, tag = "14")]
    ArchiveFlag(ArchiveFlag),
    /// The flag's key.
    #[prost(string, tag = "15")]
    UnarchiveFlag(String),
    #[prost(message, tag = "16")]
    SetMatrix(SetMatrix),
    #[prost(message, tag = "17")]
    SetTargeting(SetText),
    #[prost(message, tag = "18")]
    SetPrerequisites(SetPrerequisites),
    #[prost(message, tag = "19")]
    SetCanaryPart(SetCanaryPart),
    #[prost(message, tag = "20")]
    SetOverride(SetOverride),
    /// The text is the service.
    #[prost(message, tag = "21")]
    RemoveOverride(SetText),
    #[prost(message, tag = "22")]
    SetSegment(SetSegment),
    #[prost(message, tag = "23")]
    DeleteSegment(DeleteSegment),
    #[prost(message, tag = "24")]
    EditList(EditList),
    #[prost(message, tag = "25")]
    SwitchCanary(SwitchCanary),
    #[prost(message, tag = "26")]
    SetFeature(SetFeature),
    /// The feature's key.
    #[prost(string, tag = "27")]
    DeleteFeature(String),
    #[prost(message, tag = "28")]
    ChangeFeature(ChangeFeature),
    /// The revision.
    #[prost(uint64, tag = "29")]
    Undo(u64),
    /// The flag's key.
    #[prost(string, tag = "30")]
    ForceDeleteFlag(String),
    #[prost(message, tag = "31")]
    SetPlan(Plan),
    /// The plan's key.
    #[prost(string, tag = "32")]
    DeletePlan(String),
    #[prost(message, tag = "33")]
    ActOnPlan(ActOnPlan),
    #[prost(message, tag = "34")]
    RollBack(RollBack),
    #[prost(message, tag = "35")]
    SetPolicy(SetPolicy),
    #[prost(message, tag = "36")]
    RequestApproval(RequestApproval),
    /// The request: the revision in which it was made.
    #[prost(uint64, tag = "37")]
    ApproveRequest(u64),
    /// The request.
    #[prost(uint64, tag = "38")]
    RejectRequest(u64),
    /// The request.
    #[prost(uint64, tag = "39")]
    WithdrawRequest(u64),
    #[prost(message, tag = "50")]
    OpenIncident(OpenIncident),
    #[prost(message, tag = "51")]
    CloseIncident(CloseIncident),
    #[prost(message, tag = "52")]
    SetPromotionRules(SetPromotionRules),
    /// Without an item.
    #[prost(message, tag = "53")]
    ApprovePromotion(SayPromotion),
    #[prost(message, tag = "54")]
    TickPromotion(SayPromotion),
    #[prost(message, tag = "55")]
    Promote(Promote),
    #[prost(message, tag = "56")]
    RecordDrill(RecordDrill),
    #[prost(message, tag = "60")]
    SetGuard(Box<SetGuard>),
    #[prost(message, tag = "61")]
    DeleteGuard(DeleteGuard),
    #[prost(message, tag = "62")]
    AcknowledgeGuard(AcknowledgeGuard),
    #[prost(message, tag = "63")]
    StepGuard(Box<StepGuard>),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RequestApproval {
    #[prost(message, repeated, tag = "1")]
    pub(super) changes: Vec<Change>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CreateStore {
    #[prost(uint32, tag = "1")]
    pub(super) bucketing: u32,
    #[prost(string, repeated, tag = "2")]
    pub(super) environments: Vec<String>,
}

impl From<&core::ChangeSet> for ChangeSet {
    fn from(change_set: &core::ChangeSet) -> Self {
        Self {
            actor: change_set.actor.clone(),
            reason: change_set.reason.clone(),
            changes: change_set.changes.iter().map(Change::from).collect(),
        }
    }
}

impl TryFrom<ChangeSet> for core::ChangeSet {
    type Error = FormError;

    fn try_from(change_set: ChangeSet) -> Result<Self, FormError> {
        Ok(Self {
            actor: change_set.actor,
            reason: change_set.reason,
            changes: change_set.changes.into_iter().map(core::Change::try_from).collect::<Result<_, _>>()?,
        })
    }
}

impl From<&core::Change> for Change {
    fn from(change: &core::Change) -> Self {
        let kind = match change {
            core::Change::CreateFlag(create) => Kind::CreateFlag(create.into()),
            core::Change::DeleteFlag { flag, force: false } => Kind::DeleteFlag(flag.clone()),
            core::Change::DeleteFlag { flag, force: true } => Kind::ForceDeleteFlag(flag.clone()),
            core::Change::ArchiveFlag { flag, force } => {
                Kind::ArchiveFlag(ArchiveFlag { flag: flag.clone(), force: *force })
            }
            core::Change::UnarchiveFlag { flag } => Kind::UnarchiveFlag(flag.clone()),
            core::Change::UpdateFlag(update) => Kind::UpdateFlag(update.into()),
            core::Change::SetVariants { flag, variants: values } => {
                Kind::SetVariants(SetVariants { flag: flag.clone(), variants: variants(values) })
            }
            core::Change::SetSegment(_)
            | core::Change::DeleteSegment { .. }
            | core::Change::EditList { .. }
            | core::Change::SwitchCanary { .. }
            | core::Change::SetFeature { .. }
            | core::Change::DeleteFeature { .. }
            | core::Change::ChangeFeature { .. } => return Self { kind: audience_kind(change) },
            core::Change::Undo { revision } => Kind::Undo(revision.get()),
            core::Change::SetPlan(plan) => Kind::SetPlan((&**plan).into()),
            core::Change::DeletePlan { plan } => Kind::DeletePlan(plan.clone()),
            core::Change::ActOnPlan { plan, act } => Kind::ActOnPlan(ActOnPlan::of(plan, act)),
            core::Change::RollBack { environment, flags, kind } => {
                Kind::RollBack(RollBack::of(environment, flags, kind))
            }
            core::Change::OpenIncident(open) => Kind::OpenIncident(open.into()),
            core::Change::CloseIncident(close) => Kind::CloseIncident(close.into()),
            core::Change::SetPromotionRules { environment, rules } => {
                Kind::SetPromotionRules(SetPromotionRules::of(environment, rules.as_deref()))
            }
            core::Change::ApprovePromotion { flag, to } => {
                Kind::ApprovePromotion(SayPromotion::of(flag, to, ""))
            }
            core::Change::TickPromotion { flag, to, item } => {
                Kind::TickPromotion(SayPromotion::of(flag, to, item))
            }
            core::Change::Promote(promote) => Kind::Promote(promote.into()),
            core::Change::RecordDrill(drill) => Kind::RecordDrill(drill.into()),
            core::Change::SetGuard(_)
            | core::Change::DeleteGuard { .. }
            | core::Change::AcknowledgeGuard(_)
            | core::Change::StepGuard(_) => return Self { kind: guard::kind(change) },
            core::Change::CreateStore { bucketing, environments } => Kind::CreateStore(CreateStore {
                bucketing: bucketing.number(),
                environments: environments.clone(),
            }),
            core::Change::RestoreStore { from_epoch } => Kind::RestoreStore(from_epoch.clone()),
            core::Change::SetPolicy { environment, policy } => {
                Kind::SetPolicy(SetPolicy::of(environment, policy))
            }
            core::Change::RequestApproval { changes } => {
                Kind::RequestApproval(RequestApproval { changes: changes.iter().map(Self::from).collect() })
            }
            core::Change::ApproveRequest { request } => Kind::ApproveRequest(request.get()),
            core::Change::RejectRequest { request } => Kind::RejectRequest(request.get()),
            core::Change::WithdrawRequest { request } => Kind::WithdrawRequest(request.get()),
            // Named one by one, so that no change can be forgotten: one without a kind could never be read back.
            core::Change::Enable(_)
            | core::Change::Disable(_)
            | core::Change::Rollout { .. }
            | core::Change::SetDefaultServe { .. }
            | core::Change::SetRules { .. }
            | core::Change::SetOffVariant { .. }
            | core::Change::SetSalt { .. }
            | core::Change::SetMatrix { .. }
            | core::Change::SetTargeting { .. }
            | core::Change::SetPrerequisites { .. }
            | core::Change::SetCanaryPart { .. }
            | core::Change::SetOverride { .. }
            | core::Change::RemoveOverride { .. } => return Self { kind: placed_kind(change) },
        };
        Self { kind: Some(kind) }
    }
}

/// The changes of who belongs together.
fn audience_kind(change: &core::Change) -> Option<Kind> {
    Some(match change {
        core::Change::SetSegment(set) => Kind::SetSegment(set.into()),
        core::Change::DeleteSegment { environment, segment } => {
            Kind::DeleteSegment(DeleteSegment::of(environment, segment))
        }
        core::Change::EditList { environment, list, add, remove } => {
            Kind::EditList(EditList::of(environment, list, add, remove))
        }
        core::Change::SwitchCanary { environment, on } => {
            Kind::SwitchCanary(SwitchCanary { environment: environment.clone(), on: *on })
        }
        core::Change::SetFeature { feature, description, flags } => {
            Kind::SetFeature(SetFeature::of(feature, description, flags))
        }
        core::Change::DeleteFeature { feature } => Kind::DeleteFeature(feature.clone()),
        core::Change::ChangeFeature { environment, feature, action } => {
            Kind::ChangeFeature(ChangeFeature::of(environment, feature, *action))
        }
        _ => return None,
    })
}

/// The changes of one flag in one environment.
fn placed_kind(change: &core::Change) -> Option<Kind> {
    Some(match change {
        core::Change::Enable(place) => Kind::Enable(place.into()),
        core::Change::Disable(place) => Kind::Disable(place.into()),
        core::Change::Rollout { place, percent, enable } => {
            Kind::Rollout(Rollout { place: at(place), percent: *percent, enable: *enable })
        }
        core::Change::SetDefaultServe { place, serve } => {
            Kind::SetDefaultServe(SetDefaultServe { place: at(place), serve: Some(serve.into()) })
        }
        core::Change::SetRules { place, rules } => {
            Kind::SetRules(SetRules { place: at(place), rules: rules.iter().map(Rule::from).collect() })
        }
        core::Change::SetOffVariant { place, variant } => Kind::SetOffVariant(SetText::of(place, variant)),
        core::Change::SetSalt { place, salt } => Kind::SetSalt(SetText::of(place, salt)),
        core::Change::SetMatrix { place, shares, rest, enable } => {
            Kind::SetMatrix(SetMatrix::of(place, shares, *rest, *enable))
        }
        core::Change::SetTargeting { place, targeting } => Kind::SetTargeting(SetText::of(place, targeting)),
        core::Change::SetPrerequisites { place, prerequisites } => {
            Kind::SetPrerequisites(SetPrerequisites::of(place, prerequisites))
        }
        core::Change::SetCanaryPart { place, part } => {
            Kind::SetCanaryPart(SetCanaryPart { place: at(place), part: Some(part.into()) })
        }
        core::Change::SetOverride { place, service, variant, seconds } => Kind::SetOverride(SetOverride {
            place: at(place),
            service: service.clone(),
            variant: variant.clone(),
            seconds: *seconds,
        }),
        core::Change::RemoveOverride { place, service } => Kind::RemoveOverride(SetText::of(place, service)),
        other => {
            debug_assert!(false, "{} has no stored form", other.name());
            return None;
        }
    })
}

impl TryFrom<Change> for core::Change {
    type Error = FormError;

    fn try_from(change: Change) -> Result<Self, FormError> {
        Ok(match required("a change", change.kind)? {
            Kind::CreateFlag(create) => Self::CreateFlag(create.try_into()?),
            Kind::DeleteFlag(flag) => Self::DeleteFlag { flag, force: false },
            Kind::SetPlan(plan) => Self::SetPlan(Box::new(plan.try_into()?)),
            Kind::DeletePlan(plan) => Self::DeletePlan { plan },
            Kind::ActOnPlan(act) => act.try_into()?,
            Kind::RollBack(back) => back.try_into()?,
            Kind::ForceDeleteFlag(flag) => Self::DeleteFlag { flag, force: true },
            Kind::ArchiveFlag(ArchiveFlag { flag, force }) => Self::ArchiveFlag { flag, force },
            Kind::UnarchiveFlag(flag) => Self::UnarchiveFlag { flag },
            Kind::UpdateFlag(update) => Self::UpdateFlag(update.try_into()?),
            Kind::SetVariants(set) => {
                Self::SetVariants { flag: set.flag, variants: named_values(set.variants)? }
            }
            Kind::SetSegment(set) => Self::SetSegment(set.try_into()?),
            Kind::DeleteSegment(DeleteSegment { environment, segment }) => {
                Self::DeleteSegment { environment, segment }
            }
            Kind::EditList(EditList { environment, list, add, remove }) => {
                Self::EditList { environment, list, add, remove }
            }
            Kind::SwitchCanary(SwitchCanary { environment, on }) => Self::SwitchCanary { environment, on },
            Kind::SetFeature(SetFeature { feature, description, flags }) => {
                Self::SetFeature { feature, description, flags }
            }
            Kind::DeleteFeature(feature) => Self::DeleteFeature { feature },
            Kind::ChangeFeature(change) => change.try_into()?,
            Kind::Undo(revision) => Self::Undo { revision: Revision::new(revision) },
            Kind::OpenIncident(open) => open.try_into()?,
            Kind::CloseIncident(close) => close.try_into()?,
            Kind::SetPromotionRules(set) => set.into(),
            Kind::ApprovePromotion(SayPromotion { flag, to, .. }) => Self::ApprovePromotion { flag, to },
            Kind::TickPromotion(SayPromotion { flag, to, item }) => Self::TickPromotion { flag, to, item },
            Kind::Promote(promote) => promote.into(),
            Kind::RecordDrill(drill) => drill.into(),
            Kind::SetGuard(set) => (*set).try_into()?,
            Kind::DeleteGuard(DeleteGuard { guard, force }) => Self::DeleteGuard { guard, force },
            Kind::AcknowledgeGuard(what) => what.try_into()?,
            Kind::StepGuard(step) => (*step).try_into()?,
            Kind::CreateStore(create) => Self::CreateStore {
                bucketing: Generation::numbered(create.bucketing)?,
                environments: create.environments,
            },
            Kind::RestoreStore(from_epoch) => Self::RestoreStore { from_epoch },
            Kind::SetPolicy(mut set) => {
                let environment = std::mem::take(&mut set.environment);
                Self::SetPolicy { environment, policy: set.try_into()? }
            }
            Kind::RequestApproval(request) => Self::RequestApproval {
                changes: request.changes.into_iter().map(Self::try_from).collect::<Result<_, _>>()?,
            },
            Kind::ApproveRequest(request) => Self::ApproveRequest { request: Revision::new(request) },
            Kind::RejectRequest(request) => Self::RejectRequest { request: Revision::new(request) },
            Kind::WithdrawRequest(request) => Self::WithdrawRequest { request: Revision::new(request) },
            placed => return placed_change(placed),
        })
    }
}

fn placed_change(kind: Kind) -> Result<core::Change, FormError> {
    Ok(match kind {
        Kind::Enable(place) => core::Change::Enable(place.into()),
        Kind::Disable(place) => core::Change::Disable(place.into()),
        Kind::Rollout(Rollout { place, percent, enable }) => {
            core::Change::Rollout { place: located(place)?, percent, enable }
        }
        Kind::SetDefaultServe(set) => core::Change::SetDefaultServe {
            place: located(set.place)?,
            serve: required("what is served", set.serve)?.try_into()?,
        },
        Kind::SetRules(set) => {
            core::Change::SetRules { place: located(set.place)?, rules: rules(set.rules)? }
        }
        Kind::SetOffVariant(set) => {
            let (place, variant) = set.parts()?;
            core::Change::SetOffVariant { place, variant }
        }
        Kind::SetSalt(set) => {
            let (place, salt) = set.parts()?;
            core::Change::SetSalt { place, salt }
        }
        Kind::SetMatrix(set) => set.try_into()?,
        Kind::SetTargeting(set) => {
            let (place, targeting) = set.parts()?;
            core::Change::SetTargeting { place, targeting }
        }
        Kind::SetPrerequisites(set) => set.try_into()?,
        Kind::SetCanaryPart(set) => core::Change::SetCanaryPart {
            place: located(set.place)?,
            part: required("a part in the canary", set.part)?.try_into()?,
        },
        Kind::SetOverride(set) => set.try_into()?,
        Kind::RemoveOverride(set) => {
            let (place, service) = set.parts()?;
            core::Change::RemoveOverride { place, service }
        }
        // Whatever is not placed was taken care of by the caller.
        _ => return Err(FormError::Missing { what: "a change" }),
    })
}
