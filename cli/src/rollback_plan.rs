//! The plan that a gradual rollback needs: one stage, in which flags serve what they serve now. Core makes it, as it does
//! for guards.

use mycelia_flags_core::flag::{FlagConfiguration, FlagDefinition};
use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_core::plan::{Ladder, rollback};
use mycelia_flags_proto::v1::rollback::Kind;
use mycelia_flags_proto::{convert, v1};
use tonic::Code;

use crate::failure::Failure;
use crate::inventory::Configured;
use crate::percent::Percent;

/// Does anybody get anything of it?
pub(crate) const fn holds_something(found: &Configured) -> bool {
    found.configuration.enabled
}

/// The largest share of anybody, in any segment or elsewhere; a flag without percentages has all or nothing.
pub(crate) fn highest_percent(found: &Configured) -> Result<f64, Failure> {
    let (definition, configuration) = in_core(found)?;
    Ok(Percent::of_thousandths(rollback::highest_share(&definition, &configuration)).as_f64())
}

/// The plan `rollback.NAME`.
pub(crate) fn holding(
    name: &str,
    environment: &str,
    flags: &[Configured],
    way: &v1::Rollback,
) -> Result<v1::Plan, Failure> {
    let mut set = Vec::new();
    for found in flags {
        let (definition, configuration) = in_core(found)?;
        let flag = definition.key.clone();
        if !configuration.enabled {
            return Err(refused(format!("{flag} is disabled in {environment}: nothing is to go back")));
        }
        let Some(target) = rollback::present(&definition, &configuration) else {
            let words = format!(
                "{flag} serves several variants in {environment} and has no percentage: disable it instead"
            );
            return Err(refused(words));
        };
        set.push((flag, target));
    }
    if set.is_empty() {
        return Err(refused(format!(
            "every flag of {name} is disabled in {environment}: nothing is to go back"
        )));
    }
    let ladder = match &way.kind {
        Some(Kind::Gradual(ladder)) => {
            Some(Ladder { percents: ladder.percents.clone(), every_seconds: ladder.every_seconds })
        }
        _ => None,
    };
    let plan = rollback::holding(name, &EnvironmentKey::new(environment), set, ladder);
    Ok(convert::plan_to_wire(&plan))
}

/// The flag as core knows it.
fn in_core(found: &Configured) -> Result<(FlagDefinition, FlagConfiguration), Failure> {
    let definition = convert::definition_from_wire("flag", &found.definition);
    let configuration = convert::configuration_from_wire("configuration", &found.configuration);
    match (definition, configuration) {
        (Ok(definition), Ok(configuration)) => Ok((definition, configuration)),
        (Err(unknown), _) | (_, Err(unknown)) => {
            let words: Vec<String> = unknown.iter().map(ToString::to_string).collect();
            let key = &found.definition.key;
            Err(refused(format!("{key} is newer than this program: {}", words.join("; "))))
        }
    }
}

fn refused(message: String) -> Failure {
    Failure::Refused { code: Code::FailedPrecondition, reason: None, message, violations: Vec::new() }
}

#[cfg(test)]
mod tests {
    use mycelia_flags_proto::v1::stage_target::Target;

    use super::*;
    use crate::view::matrix::tests::segment_rule;
    use crate::view::serve::tests::{split, variant};
    use crate::view::state::tests::on_and_off;

    fn found(rules: Vec<v1::Rule>, serve: v1::Serve, enabled: bool) -> Configured {
        Configured {
            definition: v1::FlagDefinition {
                key: "dreams".to_owned(),
                r#type: v1::FlagType::Boolean.into(),
                variants: on_and_off(),
                ..v1::FlagDefinition::default()
            },
            configuration: v1::FlagConfiguration {
                enabled,
                rules,
                off_variant: "off".to_owned(),
                default_variant: "off".to_owned(),
                default_serve: Some(serve),
                ..v1::FlagConfiguration::default()
            },
            environment: "production".to_owned(),
            revision: 1,
        }
    }

    #[track_caller]
    fn check(found: Configured, expected: Result<Target, &str>) {
        let plan = holding("dreams", "production", &[found], &v1::Rollback::default());
        match (plan.map(|mut plan| plan.stages.remove(0).set.remove(0).target.unwrap()), expected) {
            (Ok(target), Ok(expected)) => assert_eq!(target, expected),
            (Err(failure), Err(words)) => assert!(failure.message().contains(words), "{}", failure.message()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_plan_holds_what_a_flag_serves_now() {
        let ten = || split(&[("on", 10_000), ("off", 90_000)]);
        check(found(Vec::new(), ten(), true), Ok(Target::Percent(10.0)));
        check(found(Vec::new(), variant("on"), true), Ok(Target::Percent(100.0)));
        check(found(Vec::new(), ten(), false), Err("disabled"));
        let shares = vec![v1::PlanShare { segment: "A".to_owned(), percent: 5.0 }];
        let matrix = v1::PlanMatrix { shares, rest_percent: Some(10.0) };
        check(found(vec![segment_rule("A", 5_000)], ten(), true), Ok(Target::Matrix(matrix)));
        let highest = highest_percent(&found(vec![segment_rule("A", 75_000)], ten(), true)).unwrap();
        assert!((highest - 75.0).abs() < 1e-9);
        let mut words = found(Vec::new(), variant("few"), true);
        words.definition.variants.clear();
        check(words, Ok(Target::Variant("few".to_owned())));
    }
}
