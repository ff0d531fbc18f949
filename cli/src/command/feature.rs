//! `feature`: several flags as one.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change;
use mycelia_flags_proto::v1::change_feature::Action;

use crate::args::feature::{
    FeatureArgs, FeatureCommand, FeatureCompareArgs, FeatureRolloutArgs, FeatureSetArgs,
};
use crate::args::write::WriteArgs;
use crate::connection::Connection;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::inventory;
use crate::session::Session;
use crate::submission::{Submission, Told, submit};
use crate::view::applied::Subject;
use crate::view::comparison::ComparisonView;
use crate::view::feature::{FeatureGetView, FeatureView, FeaturesView};
use crate::view::flag::FlagView;

pub(crate) async fn run(command: FeatureCommand, session: &Session<'_>) -> Result<Exit, Failure> {
    match command {
        FeatureCommand::Set(args) => set(args, session).await,
        FeatureCommand::List => list(session).await,
        FeatureCommand::Get(args) => get(&args.key, session).await,
        FeatureCommand::Delete(args) => delete(args, session).await,
        FeatureCommand::Enable(args) => {
            let told = told(&args.key, "feature enable", format!("enabled feature {}", args.key));
            change(args.key, Action::Enable(v1::EnableFeature {}), told, args.write, session).await
        }
        FeatureCommand::Disable(args) => {
            let told = told(&args.key, "feature disable", format!("disabled feature {}", args.key));
            change(args.key, Action::Disable(v1::DisableFeature {}), told, args.write, session).await
        }
        FeatureCommand::Rollout(args) => rollout(args, session).await,
        FeatureCommand::Compare(args) => compare(args, session).await,
    }
}

fn told(key: &str, action: &'static str, deed: String) -> Told {
    Told::here(Subject::Feature(key.to_owned()), action, deed)
}

async fn change(
    key: String,
    action: Action,
    told: Told,
    write: WriteArgs,
    session: &Session<'_>,
) -> Result<Exit, Failure> {
    let change = v1::ChangeFeature {
        environment: session.settings.environment.clone(),
        feature: key,
        action: Some(action),
    };
    submit(Submission::of(Change::ChangeFeature(change), told), write, session).await
}

async fn rollout(args: FeatureRolloutArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let deed = format!("rolled out feature {} to {}", args.key, args.percent);
    let told = told(&args.key, "feature rollout", deed);
    let action = v1::RolloutFeature { percent: args.percent.as_f64(), enable: args.enable };
    change(args.key, Action::Rollout(action), told, args.write, session).await
}

async fn set(args: FeatureSetArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let deed = format!("set feature {} to {}", args.key, args.flags.join(", "));
    let told = Told::everywhere(Subject::Feature(args.key.clone()), "feature set", deed);
    let feature =
        v1::Feature { key: args.key, description: args.description.unwrap_or_default(), flags: args.flags };
    let change = Change::SetFeature(v1::SetFeature { feature: Some(feature) });
    submit(Submission::of(change, told), args.write, session).await
}

async fn delete(args: FeatureArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let deed = format!("deleted feature {} (its flags stay)", args.key);
    let told = Told::everywhere(Subject::Feature(args.key.clone()), "feature delete", deed);
    let change = Change::DeleteFeature(v1::DeleteFeature { feature: args.key });
    submit(Submission::of(change, told), args.write, session).await
}

async fn list(session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let answer = connection.answer(connection.admin().list_features(v1::ListFeaturesRequest {})).await?;
    session.show(&FeaturesView {
        features: answer.features.iter().map(FeatureView::of).collect(),
        revision: answer.revision,
    })?;
    Ok(Exit::Done)
}

pub(crate) async fn find(connection: &Connection, key: &str) -> Result<v1::Feature, Failure> {
    let answer = connection.answer(connection.admin().list_features(v1::ListFeaturesRequest {})).await?;
    let found = answer.features.into_iter().find(|feature| feature.key == key);
    found.ok_or_else(|| Failure::not_found(format!("no feature `{key}`")))
}

async fn get(key: &str, session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let feature = find(&connection, key).await?;
    let all = inventory::flags(&connection).await?;
    let is_its = |flag: &&v1::Flag| {
        flag.definition.as_ref().is_some_and(|definition| feature.flags.contains(&definition.key))
    };
    session.show(&FeatureGetView {
        flags: all.flags.iter().filter(is_its).map(FlagView::of).collect(),
        environments: all.environments,
        key: feature.key,
        description: feature.description,
        revision: all.revision,
    })?;
    Ok(Exit::Done)
}

async fn compare(args: FeatureCompareArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let feature = find(&connection, &args.key).await?;
    let request = v1::DiffRequest {
        from_environment: args.from.clone(),
        to_environment: args.to.clone(),
        flags: feature.flags,
        ..v1::DiffRequest::default()
    };
    let answer = connection.answer(connection.admin().diff(request)).await?;
    session.show(&ComparisonView::of(&args.key, (&args.from, &args.to), answer))?;
    Ok(Exit::Done)
}
