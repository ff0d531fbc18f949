//! Every change, as it may be asked, with texts that are no names and numbers that are no shares.

use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::change::{
    Change, ChangeSet, CreateFlag, FeatureAction, Place, SegmentShare, SetSegment, UpdateFlag,
};
use mycelia_flags_core::flag::CanaryPart;
use mycelia_flags_core::key::VariantName;
use mycelia_flags_core::revision::Revision;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};
use proptest::sample::select;

use super::models::{conditions, flag_types, lifetimes, named_values, rules, serves, texts, timestamps};
use super::plans::plan_changes;
use super::policies::asked_policies;

fn places() -> impl Strategy<Value = Place> {
    (texts(), texts()).prop_map(|(environment, flag)| Place { environment, flag })
}

fn create_flags() -> impl Strategy<Value = CreateFlag> {
    let lists = (vec(texts(), 0..3), vec(texts(), 0..3));
    let words = (texts(), texts(), texts(), texts(), texts(), texts());
    let ends = (lifetimes(), option::of(timestamps()), any::<bool>());
    (words, flag_types(), named_values(), lists, ends).prop_map(
        |(words, flag_type, variants, (tags, services), (lifetime, expected_end, client_visible))| {
            let (key, default_variant, off_variant, description, owner, schema) = words;
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
        },
    )
}

fn update_flags() -> impl Strategy<Value = UpdateFlag> {
    let list = || option::of(vec(texts(), 0..3));
    let word = || option::of(texts());
    let ends = (option::of(lifetimes()), option::of(option::of(timestamps())), option::of(any::<bool>()));
    (texts(), (word(), word(), word()), list(), list(), ends).prop_map(
        |(flag, (description, owner, schema), tags, services, (lifetime, expected_end, client_visible))| {
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

fn generations() -> impl Strategy<Value = Generation> {
    select(vec![Generation::V2, Generation::V3])
}

/// Also 0, which the wire must tell from nothing.
fn percents() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), any::<f64>()]
}

fn flag_changes() -> BoxedStrategy<Change> {
    prop_oneof![
        create_flags().prop_map(Change::CreateFlag),
        (texts(), any::<bool>()).prop_map(|(flag, force)| Change::DeleteFlag { flag, force }),
        (texts(), any::<bool>()).prop_map(|(flag, force)| Change::ArchiveFlag { flag, force }),
        texts().prop_map(|flag| Change::UnarchiveFlag { flag }),
        update_flags().prop_map(Change::UpdateFlag),
        (texts(), named_values()).prop_map(|(flag, variants)| Change::SetVariants { flag, variants }),
    ]
    .boxed()
}

fn served_changes() -> BoxedStrategy<Change> {
    let shares = vec((texts(), percents()), 0..3);
    let matrix = (places(), shares, option::of(percents()), any::<bool>())
        .prop_map(|(place, shares, rest, enable)| Change::SetMatrix { place, shares, rest, enable });
    prop_oneof![
        places().prop_map(Change::Enable),
        places().prop_map(Change::Disable),
        (places(), percents(), any::<bool>()).prop_map(|(place, percent, enable)| Change::Rollout {
            place,
            percent,
            enable
        }),
        (places(), serves()).prop_map(|(place, serve)| Change::SetDefaultServe { place, serve }),
        (places(), rules()).prop_map(|(place, rules)| Change::SetRules { place, rules }),
        (places(), texts()).prop_map(|(place, variant)| Change::SetOffVariant { place, variant }),
        (places(), texts()).prop_map(|(place, salt)| Change::SetSalt { place, salt }),
        matrix,
        (places(), texts()).prop_map(|(place, targeting)| Change::SetTargeting { place, targeting }),
    ]
    .boxed()
}

fn canary_parts() -> impl Strategy<Value = CanaryPart> {
    let variant = texts().prop_map(|name| CanaryPart::Variant(VariantName::new(&name)));
    prop_oneof![Just(CanaryPart::ByType), Just(CanaryPart::Out), variant]
}

fn changes_before_the_rules() -> BoxedStrategy<Change> {
    let prerequisites = vec((texts(), vec(texts(), 0..3)), 0..3);
    prop_oneof![
        (places(), prerequisites)
            .prop_map(|(place, prerequisites)| Change::SetPrerequisites { place, prerequisites }),
        (places(), canary_parts()).prop_map(|(place, part)| Change::SetCanaryPart { place, part }),
        (places(), texts(), texts(), any::<u64>()).prop_map(|(place, service, variant, seconds)| {
            Change::SetOverride { place, service, variant, seconds }
        }),
        (places(), texts()).prop_map(|(place, service)| Change::RemoveOverride { place, service }),
    ]
    .boxed()
}

fn set_segments() -> impl Strategy<Value = SetSegment> {
    let share = (texts(), percents(), percents()).prop_map(|(salt, from_percent, to_percent)| SegmentShare {
        salt,
        from_percent,
        to_percent,
    });
    (texts(), texts(), texts(), option::of(conditions()), option::of(share)).prop_map(
        |(environment, segment, description, condition, share)| SetSegment {
            environment,
            segment,
            description,
            condition,
            share,
        },
    )
}

fn feature_actions() -> impl Strategy<Value = FeatureAction> {
    prop_oneof![
        Just(FeatureAction::Enable),
        Just(FeatureAction::Disable),
        (percents(), any::<bool>()).prop_map(|(percent, enable)| FeatureAction::Rollout { percent, enable }),
    ]
}

fn audience_changes() -> BoxedStrategy<Change> {
    let list = || vec(texts(), 0..3);
    prop_oneof![
        set_segments().prop_map(Change::SetSegment),
        (texts(), texts()).prop_map(|(environment, segment)| Change::DeleteSegment { environment, segment }),
        (texts(), texts(), list(), list()).prop_map(|(environment, list, add, remove)| {
            Change::EditList { environment, list, add, remove }
        }),
        (texts(), any::<bool>()).prop_map(|(environment, on)| Change::SwitchCanary { environment, on }),
        (texts(), texts(), list()).prop_map(|(feature, description, flags)| Change::SetFeature {
            feature,
            description,
            flags
        }),
        texts().prop_map(|feature| Change::DeleteFeature { feature }),
        (texts(), texts(), feature_actions()).prop_map(|(environment, feature, action)| {
            Change::ChangeFeature { environment, feature, action }
        }),
    ]
    .boxed()
}

fn store_changes() -> BoxedStrategy<Change> {
    prop_oneof![
        any::<u64>().prop_map(|revision| Change::Undo { revision: Revision::new(revision) }),
        (generations(), vec(texts(), 0..3))
            .prop_map(|(bucketing, environments)| Change::CreateStore { bucketing, environments }),
        texts().prop_map(|from_epoch| Change::RestoreStore { from_epoch }),
    ]
    .boxed()
}

/// As many as a list of changes needs to hold some.
fn requested() -> impl Strategy<Value = Vec<Change>> {
    vec(prop_oneof![flag_changes(), served_changes(), audience_changes()], 0..3)
}

fn policy_changes() -> BoxedStrategy<Change> {
    let request = || any::<u64>().prop_map(Revision::new);
    prop_oneof![
        (texts(), asked_policies())
            .prop_map(|(environment, policy)| Change::SetPolicy { environment, policy }),
        requested().prop_map(|changes| Change::RequestApproval { changes }),
        request().prop_map(|request| Change::ApproveRequest { request }),
        request().prop_map(|request| Change::RejectRequest { request }),
        request().prop_map(|request| Change::WithdrawRequest { request }),
    ]
    .boxed()
}

/// Weighted by how many kinds there are in each group, so that no kind is rare.
fn changes() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => flag_changes(),
        9 => served_changes(),
        4 => changes_before_the_rules(),
        7 => audience_changes(),
        4 => plan_changes(),
        3 => store_changes(),
        5 => policy_changes(),
        8 => super::promotion::promotion_changes(),
        4 => super::guards::guard_changes(),
    ]
}

pub(super) fn change_sets() -> impl Strategy<Value = ChangeSet> {
    (texts(), texts(), vec(changes(), 0..6)).prop_map(|(actor, reason, changes)| ChangeSet {
        actor,
        reason,
        changes,
    })
}
