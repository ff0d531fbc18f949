//! What a change is called, and where it happens.

use super::{AcknowledgeGuard, Change, CloseIncident, OpenIncident, Promote, RecordDrill, SetSegment};

impl Change {
    /// The name of its field on the wire, which is what rejections call it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CreateFlag(_) => "create_flag",
            Self::DeleteFlag { .. } => "delete_flag",
            Self::ArchiveFlag { .. } => "archive_flag",
            Self::UnarchiveFlag { .. } => "unarchive_flag",
            Self::UpdateFlag(_) => "update_flag",
            Self::SetVariants { .. } => "set_variants",
            Self::Enable(_) => "enable_flag",
            Self::Disable(_) => "disable_flag",
            Self::Rollout { .. } => "rollout",
            Self::SetDefaultServe { .. } => "set_default_serve",
            Self::SetRules { .. } => "set_rules",
            Self::SetOffVariant { .. } => "set_off_variant",
            Self::SetSalt { .. } => "set_salt",
            Self::SetMatrix { .. } => "set_matrix",
            Self::SetTargeting { .. } => "set_targeting",
            Self::SetPrerequisites { .. } => "set_prerequisites",
            Self::SetCanaryPart { .. } => "set_canary_part",
            Self::SetOverride { .. } => "set_override",
            Self::RemoveOverride { .. } => "remove_override",
            Self::SetSegment(_) => "set_segment",
            Self::DeleteSegment { .. } => "delete_segment",
            Self::EditList { .. } => "edit_list",
            Self::SwitchCanary { .. } => "switch_canary",
            Self::SetFeature { .. } => "set_feature",
            Self::DeleteFeature { .. } => "delete_feature",
            Self::ChangeFeature { .. } => "change_feature",
            Self::Undo { .. } => "undo",
            Self::SetPlan(_) => "set_plan",
            Self::DeletePlan { .. } => "delete_plan",
            Self::ActOnPlan { .. } => "act_on_plan",
            Self::RollBack { .. } => "roll_back",
            Self::CreateStore { .. } => "create_store",
            Self::RestoreStore { .. } => "restore_store",
            Self::SetPolicy { .. } => "set_policy",
            Self::RequestApproval { .. } => "request_approval",
            Self::ApproveRequest { .. } => "approve_request",
            Self::RejectRequest { .. } => "reject_request",
            Self::WithdrawRequest { .. } => "withdraw_request",
            Self::OpenIncident(_) => "open_incident",
            Self::CloseIncident(_) => "close_incident",
            Self::SetPromotionRules { .. } => "set_promotion_rules",
            Self::ApprovePromotion { .. } => "approve_promotion",
            Self::TickPromotion { .. } => "tick_promotion",
            Self::Promote(_) => "promote",
            Self::RecordDrill(_) => "record_drill",
            Self::SetGuard(_) => "set_guard",
            Self::DeleteGuard { .. } => "delete_guard",
            Self::AcknowledgeGuard(_) => "acknowledge_guard",
            Self::StepGuard(_) => "step_guard",
        }
    }

    /// The environment that the change is about; none for what all environments share, and for what only holds changes.
    pub const fn environment_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Enable(place)
            | Self::Disable(place)
            | Self::Rollout { place, .. }
            | Self::SetDefaultServe { place, .. }
            | Self::SetRules { place, .. }
            | Self::SetOffVariant { place, .. }
            | Self::SetSalt { place, .. }
            | Self::SetMatrix { place, .. }
            | Self::SetTargeting { place, .. }
            | Self::SetPrerequisites { place, .. }
            | Self::SetCanaryPart { place, .. }
            | Self::SetOverride { place, .. }
            | Self::RemoveOverride { place, .. } => Some(&mut place.environment),
            Self::SetSegment(SetSegment { environment, .. })
            | Self::DeleteSegment { environment, .. }
            | Self::EditList { environment, .. }
            | Self::SwitchCanary { environment, .. }
            | Self::ChangeFeature { environment, .. }
            | Self::RollBack { environment, .. }
            | Self::SetPolicy { environment, .. }
            | Self::OpenIncident(OpenIncident { environment, .. })
            | Self::CloseIncident(CloseIncident::OfFlag { environment, .. })
            | Self::SetPromotionRules { environment, .. }
            | Self::ApprovePromotion { to: environment, .. }
            | Self::TickPromotion { to: environment, .. }
            | Self::Promote(Promote { to: environment, .. })
            | Self::RecordDrill(RecordDrill { environment, .. })
            | Self::AcknowledgeGuard(AcknowledgeGuard::OfFlag { environment, .. }) => Some(environment),
            Self::SetGuard(guard) => Some(&mut guard.environment),
            Self::CreateFlag(_)
            | Self::DeleteFlag { .. }
            | Self::ArchiveFlag { .. }
            | Self::UnarchiveFlag { .. }
            | Self::UpdateFlag(_)
            | Self::SetVariants { .. }
            | Self::SetFeature { .. }
            | Self::DeleteFeature { .. }
            | Self::Undo { .. }
            | Self::SetPlan(_)
            | Self::DeletePlan { .. }
            | Self::ActOnPlan { .. }
            | Self::CreateStore { .. }
            | Self::RestoreStore { .. }
            | Self::RequestApproval { .. }
            | Self::ApproveRequest { .. }
            | Self::RejectRequest { .. }
            | Self::WithdrawRequest { .. }
            | Self::CloseIncident(CloseIncident::Numbered(_))
            | Self::DeleteGuard { .. }
            | Self::AcknowledgeGuard(AcknowledgeGuard::Guard(_))
            | Self::StepGuard(_) => None,
        }
    }
}
