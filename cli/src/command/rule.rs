//! `rule` and `matrix`: what comes before the default serve.
//!
//! The server replaces all rules at once. To change one they are read first, and written under the condition that the
//! store is still where they were read: whoever came between is not undone unseen.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change;
use mycelia_flags_proto::v1::condition::Condition;
use mycelia_flags_proto::v1::serve::Serve;

use crate::args::segment::{MatrixArgs, RuleAddArgs, RuleCommand, RuleRemoveArgs};
use crate::args::write::WriteArgs;
use crate::condition_text;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::inventory::{self, Configured};
use crate::percent::Percent;
use crate::session::Session;
use crate::submission::{Submission, Told, submit};
use crate::view::applied::Subject;
use crate::view::configuration::RuleView;
use crate::view::matrix::{Matrix, MatrixView};
use crate::view::rule::RulesView;
use crate::view::serve::ServeView;
use crate::view::state::boolean;

pub(crate) async fn run(command: RuleCommand, session: &Session<'_>) -> Result<Exit, Failure> {
    match command {
        RuleCommand::List(args) => list(&args.flag, session).await,
        RuleCommand::Add(args) => add(args, session).await,
        RuleCommand::Remove(args) => remove(args, session).await,
        RuleCommand::Clear(args) => {
            let deed = format!("removed all rules of {}", args.flag);
            set(args.flag, Vec::new(), "rule clear", deed, args.write, session).await
        }
    }
}

async fn read(flag: &str, session: &Session<'_>) -> Result<Configured, Failure> {
    inventory::configured(&session.connection()?, flag, &session.settings.environment).await
}

async fn list(flag: &str, session: &Session<'_>) -> Result<Exit, Failure> {
    let found = read(flag, session).await?;
    session.show(&RulesView {
        flag: found.definition.key,
        environment: found.environment,
        enabled: found.configuration.enabled,
        rules: found.configuration.rules.iter().map(RuleView::of).collect(),
        default_serve: ServeView::of(found.configuration.default_serve.as_ref()),
        revision: found.revision,
    })?;
    Ok(Exit::Done)
}

async fn add(args: RuleAddArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let found = read(&args.flag, session).await?;
    let mut rules = found.configuration.rules;
    let serve = match (args.serve, args.percent) {
        (Some(variant), _) => Serve::Variant(variant),
        (None, percent) => Serve::Split(split(&found.definition, percent)?),
    };
    let at = match args.at {
        None => rules.len(),
        Some(number) => place(number).min(rules.len()),
    };
    let rule = v1::Rule {
        name: args.name.unwrap_or_default(),
        condition: condition(args.segments, args.conditions),
        serve: Some(v1::Serve { serve: Some(serve) }),
    };
    let words = RuleView::of(&rule).words;
    rules.insert(at, rule);
    let deed = format!("added rule {} to {} ({words})", at + 1, args.flag);
    let write = guarded(args.write, found.revision)?;
    set(args.flag, rules, "rule add", deed, write, session).await
}

async fn remove(args: RuleRemoveArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let found = read(&args.flag, session).await?;
    let mut rules = found.configuration.rules;
    let at = place(args.number);
    if at >= rules.len() {
        let (flag, environment, count) = (&args.flag, &found.environment, rules.len());
        return Err(Failure::not_found(format!(
            "{flag} has {count} rules in {environment}, and no rule {}",
            args.number
        )));
    }
    let words = RuleView::of(&rules.remove(at)).words;
    let deed = format!("removed rule {} of {} ({words})", args.number, args.flag);
    let write = guarded(args.write, found.revision)?;
    set(args.flag, rules, "rule remove", deed, write, session).await
}

/// Rules are counted from one.
fn place(number: u32) -> usize {
    usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX)
}

/// Nothing may have happened since the rules were read, at the revision that was expected if one was.
fn guarded(write: WriteArgs, read_at: u64) -> Result<WriteArgs, Failure> {
    match write.expect_revision {
        Some(expected) if expected != read_at => Err(Failure::revision_mismatch(expected, read_at)),
        _ => Ok(WriteArgs { expect_revision: Some(read_at), ..write }),
    }
}

async fn set(
    flag: String,
    rules: Vec<v1::Rule>,
    action: &'static str,
    deed: String,
    write: WriteArgs,
    session: &Session<'_>,
) -> Result<Exit, Failure> {
    let change =
        v1::SetRules { environment: session.settings.environment.clone(), flag: flag.clone(), rules };
    let told = Told::here(Subject::Flag(flag), action, deed);
    submit(Submission::of(Change::SetRules(change), told), write, session).await
}

fn condition(segments: Vec<String>, conditions: Vec<v1::Condition>) -> Option<v1::Condition> {
    let segments = segments.into_iter().map(|key| v1::Condition { condition: Some(Condition::Segment(key)) });
    condition_text::all(segments.chain(conditions).collect())
}

/// A share of the true variant; the order is that of a rollout, so that raising it only adds subjects.
fn split(definition: &v1::FlagDefinition, percent: Option<Percent>) -> Result<v1::Split, Failure> {
    let of = |wanted| {
        let is_it = |variant: &&v1::Variant| boolean(&variant.name, &definition.variants) == Some(wanted);
        definition.variants.iter().find(is_it).map(|variant| variant.name.clone())
    };
    let (Some(on), Some(off)) = (of(true), of(false)) else {
        let key = &definition.key;
        return Err(Failure::Usage(format!("{key} has no true and false variant to share out: say --serve")));
    };
    let on_weight = percent.map_or(0, Percent::thousandths);
    let weighted = |variant, weight| v1::WeightedVariant { variant, weight };
    Ok(v1::Split {
        weights: vec![weighted(on, on_weight), weighted(off, 100_000_u32.saturating_sub(on_weight))],
        bucket_by: String::new(),
    })
}

pub(crate) async fn matrix(args: MatrixArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    if args.shares.is_empty() && !args.clear {
        return show_matrix(&args.flag, session).await;
    }
    let shares = args
        .shares
        .iter()
        .map(|(segment, percent)| v1::SegmentPercent { segment: segment.clone(), percent: percent.as_f64() });
    let change = v1::SetMatrix {
        environment: session.settings.environment.clone(),
        flag: args.flag.clone(),
        shares: shares.collect(),
        rest_percent: args.rest.map(Percent::as_f64),
        enable: args.enable,
    };
    let words = args.shares.iter().map(|(segment, percent)| format!("{segment} {percent}"));
    let rest = args.rest.map(|percent| format!("everybody else {percent}"));
    let words: Vec<_> = words.chain(rest).collect();
    let deed = match words.as_slice() {
        [] => format!("removed the matrix of {}", args.flag),
        words => format!("rolled out {} to {}", args.flag, words.join(", ")),
    };
    let told = Told::here(Subject::Flag(args.flag), "matrix", deed);
    submit(Submission::of(Change::SetMatrix(change), told), args.write, session).await
}

async fn show_matrix(flag: &str, session: &Session<'_>) -> Result<Exit, Failure> {
    let found = read(flag, session).await?;
    session.show(&MatrixView {
        matrix: Matrix::of(&found.configuration, &found.definition.variants),
        flag: found.definition.key,
        environment: found.environment,
        enabled: found.configuration.enabled,
        revision: found.revision,
    })?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::condition::ConditionView;
    use crate::view::state::tests::on_and_off;

    #[test]
    fn a_race_is_refused_whatever_else_was_expected() {
        let expecting = |expect_revision| WriteArgs { expect_revision, ..WriteArgs::default() };
        assert_eq!(guarded(expecting(None), 7).unwrap().expect_revision, Some(7));
        assert_eq!(guarded(expecting(Some(7)), 7).unwrap().expect_revision, Some(7));
        for other in [6, 8] {
            let failure = guarded(expecting(Some(other)), 7).unwrap_err();
            assert_eq!(failure.exit(), Exit::Failed);
        }
    }

    #[test]
    fn a_percentage_is_a_split_of_true_and_false() {
        let definition = v1::FlagDefinition { variants: on_and_off(), ..v1::FlagDefinition::default() };
        let split = split(&definition, Some("12.5".parse().unwrap())).unwrap();
        let weights: Vec<_> =
            split.weights.iter().map(|share| (share.variant.as_str(), share.weight)).collect();
        assert_eq!(weights, [("on", 12_500), ("off", 87_500)]);
    }

    #[test]
    fn segments_and_conditions_must_all_be_true() {
        let conditions = vec![condition_text::parse("plan = pro").unwrap()];
        let both = condition(vec!["beta".to_owned()], conditions);
        assert_eq!(
            ConditionView::of(both.as_ref()).unwrap().words(),
            r#"in segment beta and plan equals "pro""#
        );
    }
}
