//! The plan that a gradual rollback needs: one stage, in which flags serve what they serve now.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::rollback::Kind;
use mycelia_flags_proto::v1::serve::Serve;
use mycelia_flags_proto::v1::stage_target::Target;
use tonic::Code;

use crate::failure::Failure;
use crate::inventory::Configured;
use crate::percent::Percent;
use crate::view::matrix::Matrix;
use crate::view::state::boolean;

/// Does anybody get anything of it?
pub(crate) const fn holds_something(found: &Configured) -> bool {
    found.configuration.enabled
}

/// The largest share of anybody, in any segment or elsewhere; a flag without percentages has all or nothing.
pub(crate) fn highest_percent(found: &Configured) -> f64 {
    let Configured { definition, configuration, .. } = found;
    let serve = configuration.default_serve.as_ref().and_then(|serve| serve.serve.as_ref());
    let shares = Matrix::of(configuration, &definition.variants).shares;
    let shares = shares.iter().map(|share| share.percent);
    shares.fold(share(serve, &definition.variants).unwrap_or(100.0), f64::max)
}

/// The plan `rollback.NAME`.
pub(crate) fn holding(
    name: &str,
    environment: &str,
    flags: &[Configured],
    way: &v1::Rollback,
) -> Result<v1::Plan, Failure> {
    let set: Vec<v1::StageTarget> =
        flags.iter().map(|flag| present(flag, environment)).collect::<Result<_, _>>()?;
    if set.is_empty() {
        return Err(refused(format!(
            "every flag of {name} is disabled in {environment}: nothing is to go back"
        )));
    }
    let ladder = match &way.kind {
        Some(Kind::Gradual(ladder)) => Some(ladder.clone()),
        _ => None,
    };
    Ok(v1::Plan {
        key: format!("rollback.{name}"),
        description: format!("Takes {name} back step by step"),
        environment: environment.to_owned(),
        first_day: 1,
        stages: vec![v1::Stage { name: "as it was".to_owned(), set, ..v1::Stage::default() }],
        ladder,
        ..v1::Plan::default()
    })
}

/// What a flag serves now, as a target.
fn present(found: &Configured, environment: &str) -> Result<v1::StageTarget, Failure> {
    let Configured { definition, configuration, .. } = found;
    let flag = &definition.key;
    if !configuration.enabled {
        return Err(refused(format!("{flag} is disabled in {environment}: nothing is to go back")));
    }
    let serve = configuration.default_serve.as_ref().and_then(|serve| serve.serve.as_ref());
    let target = match (share(serve, &definition.variants), serve) {
        (Some(rest), _) => {
            let matrix = Matrix::of(configuration, &definition.variants);
            let shares = matrix
                .shares
                .iter()
                .map(|share| v1::PlanShare { segment: share.segment.clone(), percent: share.percent });
            match matrix.shares.is_empty() {
                true => Target::Percent(rest),
                false => {
                    Target::Matrix(v1::PlanMatrix { shares: shares.collect(), rest_percent: Some(rest) })
                }
            }
        }
        (None, Some(Serve::Variant(variant))) => Target::Variant(variant.clone()),
        (None, _) => {
            let words = format!(
                "{flag} serves several variants in {environment} and has no percentage: disable it instead"
            );
            return Err(refused(words));
        }
    };
    Ok(v1::StageTarget { flag: flag.clone(), target: Some(target) })
}

/// The percentage of a boolean flag's true variant.
fn share(serve: Option<&Serve>, variants: &[v1::Variant]) -> Option<f64> {
    match serve? {
        Serve::Variant(variant) => Some(if boolean(variant, variants)? { 100.0 } else { 0.0 }),
        Serve::Split(split) => {
            let mut on = 0;
            for weighted in &split.weights {
                on += if boolean(&weighted.variant, variants)? { weighted.weight } else { 0 };
            }
            Some(Percent::of_thousandths(on).as_f64())
        }
    }
}

fn refused(message: String) -> Failure {
    Failure::Refused { code: Code::FailedPrecondition, reason: None, message, violations: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::matrix::tests::segment_rule;
    use crate::view::serve::tests::{split, variant};
    use crate::view::state::tests::on_and_off;

    fn found(rules: Vec<v1::Rule>, serve: v1::Serve, enabled: bool) -> Configured {
        Configured {
            definition: v1::FlagDefinition {
                key: "dreams".to_owned(),
                variants: on_and_off(),
                ..v1::FlagDefinition::default()
            },
            configuration: v1::FlagConfiguration {
                enabled,
                rules,
                default_serve: Some(serve),
                ..v1::FlagConfiguration::default()
            },
            environment: "production".to_owned(),
            revision: 1,
        }
    }

    #[track_caller]
    fn check(found: &Configured, expected: Result<Target, &str>) {
        let target = present(found, "production").map(|target| target.target.unwrap());
        match (target, expected) {
            (Ok(target), Ok(expected)) => assert_eq!(target, expected),
            (Err(failure), Err(words)) => assert!(failure.message().contains(words), "{}", failure.message()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_plan_holds_what_a_flag_serves_now() {
        let ten = || split(&[("on", 10_000), ("off", 90_000)]);
        check(&found(Vec::new(), ten(), true), Ok(Target::Percent(10.0)));
        check(&found(Vec::new(), variant("on"), true), Ok(Target::Percent(100.0)));
        check(&found(Vec::new(), ten(), false), Err("disabled"));
        let shares = vec![v1::PlanShare { segment: "A".to_owned(), percent: 5.0 }];
        let matrix = v1::PlanMatrix { shares, rest_percent: Some(10.0) };
        check(&found(vec![segment_rule("A", 5_000)], ten(), true), Ok(Target::Matrix(matrix)));
        assert!((highest_percent(&found(vec![segment_rule("A", 75_000)], ten(), true)) - 75.0).abs() < 1e-9);
        let mut words = found(Vec::new(), variant("few"), true);
        words.definition.variants.clear();
        check(&words, Ok(Target::Variant("few".to_owned())));
    }
}
