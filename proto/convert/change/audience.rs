//! Changes of who belongs together: segments, lists, canary mode and features.

use mycelia_flags_core::change::{Change, FeatureAction, SegmentShare, SetSegment};

use crate::convert::fault::{Faults, Noted, Path};
use crate::convert::rule::{condition_to_wire, optional_condition};
use crate::v1;
use crate::v1::change::Change as WireChange;
use crate::v1::change_feature::Action as WireAction;

pub(super) fn segment_to_wire(set: &SetSegment) -> WireChange {
    WireChange::SetSegment(v1::SetSegment {
        environment: set.environment.clone(),
        segment: set.segment.clone(),
        description: set.description.clone(),
        condition: set.condition.as_ref().map(condition_to_wire),
        share: set.share.as_ref().map(|share| v1::SegmentShare {
            salt: share.salt.clone(),
            from_percent: share.from_percent,
            to_percent: share.to_percent,
        }),
    })
}

pub(super) fn segment(path: &Path<'_>, wire: &v1::SetSegment, faults: &mut Faults) -> Result<Change, Noted> {
    let condition = optional_condition(&path.field("condition"), wire.condition.as_ref(), faults)?;
    Ok(Change::SetSegment(SetSegment {
        environment: wire.environment.clone(),
        segment: wire.segment.clone(),
        description: wire.description.clone(),
        condition,
        share: wire.share.as_ref().map(|share| SegmentShare {
            salt: share.salt.clone(),
            from_percent: share.from_percent,
            to_percent: share.to_percent,
        }),
    }))
}

pub(super) fn segment_removal_to_wire(environment: &str, segment: &str) -> WireChange {
    let (environment, segment) = (environment.to_owned(), segment.to_owned());
    WireChange::DeleteSegment(v1::DeleteSegment { environment, segment })
}

pub(super) fn segment_removal(wire: &v1::DeleteSegment) -> Change {
    Change::DeleteSegment { environment: wire.environment.clone(), segment: wire.segment.clone() }
}

pub(super) fn list_to_wire(environment: &str, list: &str, add: &[String], remove: &[String]) -> WireChange {
    WireChange::EditList(v1::EditList {
        environment: environment.to_owned(),
        list: list.to_owned(),
        add: add.to_owned(),
        remove: remove.to_owned(),
    })
}

pub(super) fn list(wire: &v1::EditList) -> Change {
    Change::EditList {
        environment: wire.environment.clone(),
        list: wire.list.clone(),
        add: wire.add.clone(),
        remove: wire.remove.clone(),
    }
}

pub(super) fn canary_to_wire(environment: &str, on: bool) -> WireChange {
    WireChange::SwitchCanary(v1::SwitchCanary { environment: environment.to_owned(), on })
}

pub(super) fn feature_to_wire(feature: &str, description: &str, flags: &[String]) -> WireChange {
    WireChange::SetFeature(v1::SetFeature {
        feature: Some(v1::Feature {
            key: feature.to_owned(),
            description: description.to_owned(),
            flags: flags.to_owned(),
        }),
    })
}

pub(super) fn feature(path: &Path<'_>, wire: &v1::SetFeature, faults: &mut Faults) -> Result<Change, Noted> {
    let Some(feature) = &wire.feature else {
        return Err(faults.missing(&path.field("feature"), "a feature with a key and at least one flag"));
    };
    Ok(Change::SetFeature {
        feature: feature.key.clone(),
        description: feature.description.clone(),
        flags: feature.flags.clone(),
    })
}

pub(super) fn feature_change_to_wire(environment: &str, feature: &str, action: &FeatureAction) -> WireChange {
    let action = match *action {
        FeatureAction::Enable => WireAction::Enable(v1::EnableFeature {}),
        FeatureAction::Disable => WireAction::Disable(v1::DisableFeature {}),
        FeatureAction::Rollout { percent, enable } => {
            WireAction::Rollout(v1::RolloutFeature { percent, enable })
        }
    };
    WireChange::ChangeFeature(v1::ChangeFeature {
        environment: environment.to_owned(),
        feature: feature.to_owned(),
        action: Some(action),
    })
}

pub(super) fn feature_change(
    path: &Path<'_>,
    wire: &v1::ChangeFeature,
    faults: &mut Faults,
) -> Result<Change, Noted> {
    let action = match &wire.action {
        None => return Err(faults.missing(path, "one of enable, disable or rollout")),
        Some(WireAction::Enable(v1::EnableFeature {})) => FeatureAction::Enable,
        Some(WireAction::Disable(v1::DisableFeature {})) => FeatureAction::Disable,
        Some(WireAction::Rollout(wire)) => {
            FeatureAction::Rollout { percent: wire.percent, enable: wire.enable }
        }
    };
    Ok(Change::ChangeFeature { environment: wire.environment.clone(), feature: wire.feature.clone(), action })
}
