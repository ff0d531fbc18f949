//! Changes of every kind.

use mycelia_flags_core::change::{
    Change, CreateFlag, FeatureAction, Place, SegmentShare, SetSegment, UpdateFlag,
};
use mycelia_flags_core::revision::Revision;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::{
    canary_part, condition, flag_type, generation, lifetime, moment, named_values, place, plans, policies,
    rule, serve, text,
};

pub(super) fn change() -> BoxedStrategy<Change> {
    prop_oneof![4 => simple(), 1 => of_plans(), 1 => policies::change(), 1 => super::promotion::change(), 1 => super::guards::change()]
        .boxed()
}

fn of_plans() -> BoxedStrategy<Change> {
    prop_oneof![
        plans::definition().prop_map(|plan| Change::SetPlan(Box::new(plan))),
        text().prop_map(|plan| Change::DeletePlan { plan }),
        (text(), plans::act()).prop_map(|(plan, act)| Change::ActOnPlan { plan, act }),
        (text(), vec(text(), 0..3), plans::rollback())
            .prop_map(|(environment, flags, kind)| Change::RollBack { environment, flags, kind }),
    ]
    .boxed()
}

/// Without policies and requests.
pub(super) fn simple() -> BoxedStrategy<Change> {
    prop_oneof![of_definitions(), of_configurations(), of_audiences(), of_the_store()].boxed()
}

fn of_definitions() -> BoxedStrategy<Change> {
    prop_oneof![
        create().prop_map(Change::CreateFlag),
        (text(), any::<bool>()).prop_map(|(flag, force)| Change::DeleteFlag { flag, force }),
        (text(), any::<bool>()).prop_map(|(flag, force)| Change::ArchiveFlag { flag, force }),
        text().prop_map(|flag| Change::UnarchiveFlag { flag }),
        update().prop_map(Change::UpdateFlag),
        (text(), named_values()).prop_map(|(flag, variants)| Change::SetVariants { flag, variants }),
    ]
    .boxed()
}

fn of_configurations() -> BoxedStrategy<Change> {
    prop_oneof![
        place().prop_map(Change::Enable),
        place().prop_map(Change::Disable),
        (place(), percent(), any::<bool>()).prop_map(|(place, percent, enable)| Change::Rollout {
            place,
            percent,
            enable
        }),
        (place(), serve()).prop_map(|(place, serve)| Change::SetDefaultServe { place, serve }),
        (place(), vec(rule(), 0..3)).prop_map(|(place, rules)| Change::SetRules { place, rules }),
        (place(), text()).prop_map(|(place, variant)| Change::SetOffVariant { place, variant }),
        (place(), text()).prop_map(|(place, salt)| Change::SetSalt { place, salt }),
        matrix(),
        (place(), text()).prop_map(|(place, targeting)| Change::SetTargeting { place, targeting }),
        (place(), vec((text(), vec(text(), 0..3)), 0..3))
            .prop_map(|(place, prerequisites)| Change::SetPrerequisites { place, prerequisites }),
        (place(), canary_part()).prop_map(|(place, part)| Change::SetCanaryPart { place, part }),
        (place(), text(), text(), any::<u64>()).prop_map(set_override),
        (place(), text()).prop_map(|(place, service)| Change::RemoveOverride { place, service }),
    ]
    .boxed()
}

fn matrix() -> impl Strategy<Value = Change> {
    (place(), vec((text(), percent()), 0..3), option::of(percent()), any::<bool>())
        .prop_map(|(place, shares, rest, enable)| Change::SetMatrix { place, shares, rest, enable })
}

fn set_override((place, service, variant, seconds): (Place, String, String, u64)) -> Change {
    Change::SetOverride { place, service, variant, seconds }
}

fn of_audiences() -> BoxedStrategy<Change> {
    let keys = || vec(text(), 0..4);
    prop_oneof![
        segment().prop_map(Change::SetSegment),
        (text(), text()).prop_map(|(environment, segment)| Change::DeleteSegment { environment, segment }),
        (text(), text(), keys(), keys()).prop_map(|(environment, list, add, remove)| Change::EditList {
            environment,
            list,
            add,
            remove
        }),
        (text(), any::<bool>()).prop_map(|(environment, on)| Change::SwitchCanary { environment, on }),
        (text(), text(), keys()).prop_map(|(feature, description, flags)| Change::SetFeature {
            feature,
            description,
            flags
        }),
        text().prop_map(|feature| Change::DeleteFeature { feature }),
        (text(), text(), action()).prop_map(|(environment, feature, action)| Change::ChangeFeature {
            environment,
            feature,
            action
        }),
    ]
    .boxed()
}

fn of_the_store() -> BoxedStrategy<Change> {
    prop_oneof![
        any::<u64>().prop_map(|revision| Change::Undo { revision: Revision::new(revision) }),
        (generation(), vec(text(), 0..4))
            .prop_map(|(bucketing, environments)| Change::CreateStore { bucketing, environments }),
        text().prop_map(|from_epoch| Change::RestoreStore { from_epoch }),
    ]
    .boxed()
}

fn create() -> impl Strategy<Value = CreateFlag> {
    let texts = (text(), text(), text(), text(), text(), text());
    let rest = (vec(text(), 0..3), vec(text(), 0..3), lifetime(), option::of(moment()), any::<bool>());
    (texts, flag_type(), named_values(), rest).prop_map(|(texts, flag_type, variants, rest)| {
        let (key, default_variant, off_variant, description, owner, schema) = texts;
        let (tags, services, lifetime, expected_end, client_visible) = rest;
        CreateFlag {
            key,
            flag_type,
            variants,
            default_variant,
            off_variant,
            description,
            owner,
            tags,
            services,
            lifetime,
            expected_end,
            schema,
            client_visible,
        }
    })
}

fn update() -> impl Strategy<Value = UpdateFlag> {
    let texts = || option::of(vec(text(), 0..3));
    let words = (text(), option::of(text()), option::of(text()), option::of(text()));
    let end = (option::of(option::of(moment())), option::of(any::<bool>()));
    (words, texts(), texts(), option::of(lifetime()), end).prop_map(
        |((flag, description, owner, schema), tags, services, lifetime, (expected_end, client_visible))| {
            UpdateFlag {
                flag,
                description,
                owner,
                tags,
                services,
                lifetime,
                expected_end,
                schema,
                client_visible,
            }
        },
    )
}

fn segment() -> impl Strategy<Value = SetSegment> {
    let share = (text(), percent(), percent()).prop_map(|(salt, from_percent, to_percent)| SegmentShare {
        salt,
        from_percent,
        to_percent,
    });
    (text(), text(), text(), option::of(condition()), option::of(share)).prop_map(
        |(environment, segment, description, condition, share)| SetSegment {
            environment,
            segment,
            description,
            condition,
            share,
        },
    )
}

fn action() -> impl Strategy<Value = FeatureAction> {
    prop_oneof![
        Just(FeatureAction::Enable),
        Just(FeatureAction::Disable),
        (percent(), any::<bool>()).prop_map(|(percent, enable)| FeatureAction::Rollout { percent, enable }),
    ]
}

fn percent() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(12.5), Just(100.0), any::<i32>().prop_map(f64::from)]
}
