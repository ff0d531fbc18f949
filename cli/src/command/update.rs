//! `update` and `variants`: what a flag is, in every environment.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change;

use crate::args::configure::{UpdateArgs, VariantsArgs};
use crate::command::create::variant;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::submission::{Submission, Told, submit};
use crate::text_file;
use crate::view::applied::Subject;

pub(crate) async fn run(args: UpdateArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let write = args.write.clone();
    let flag = args.flag.clone();
    let change = update(args)?;
    if change == (v1::UpdateFlag { flag: flag.clone(), ..v1::UpdateFlag::default() }) {
        return Err(Failure::Usage("say what to change (mycelia-flags help update)".to_owned()));
    }
    let deed = format!("updated {flag}");
    let told = Told::everywhere(Subject::Flag(flag), "update", deed);
    submit(Submission::of(Change::UpdateFlag(change), told), write, session).await
}

fn update(args: UpdateArgs) -> Result<v1::UpdateFlag, Failure> {
    let list =
        |values: Vec<String>, clear: bool| (clear || !values.is_empty()).then_some(v1::StringList { values });
    let lifetime = match (args.temporary, args.permanent) {
        (true, _) => v1::Lifetime::Temporary,
        (_, true) => v1::Lifetime::Permanent,
        (false, false) => v1::Lifetime::Unspecified,
    };
    let schema = match &args.schema {
        Some(file) => Some(text_file::read(file)?),
        None => args.no_schema.then(String::new),
    };
    Ok(v1::UpdateFlag {
        flag: args.flag,
        description: args.description,
        owner: args.owner,
        tags: list(args.tags, args.no_tags),
        services: list(args.services, args.all_services),
        lifetime: lifetime.into(),
        expected_end: args.ends,
        clear_expected_end: args.no_end,
        schema,
        client_visible: args.client_visible,
    })
}

pub(crate) async fn variants(args: VariantsArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    // The values are read by the flag's type, and only the server knows it.
    let request = v1::GetFlagRequest { flag: args.flag.clone() };
    let answer = connection.answer(connection.admin().get_flag(request)).await?;
    let flag_type = answer.flag.and_then(|flag| flag.definition).unwrap_or_default().r#type();
    let variants: Vec<_> =
        args.variants.iter().map(|text| variant("", text, flag_type)).collect::<Result<_, _>>()?;
    let names: Vec<_> = variants.iter().map(|variant| variant.name.as_str()).collect();
    let deed = format!("set the variants of {} to {}", args.flag, names.join(", "));
    let change = v1::SetVariants { flag: args.flag.clone(), variants };
    let told = Told::everywhere(Subject::Flag(args.flag), "variants", deed);
    submit(Submission::of(Change::SetVariants(change), told), args.write, session).await
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Cli, Command};

    #[track_caller]
    fn check(options: &[&str], expected: v1::UpdateFlag) {
        let line = [&["mycelia-flags", "update", "dreams"], options].concat();
        let Command::Update(args) = Cli::try_parse_from(line).unwrap().command else {
            panic!("not an update");
        };
        assert_eq!(update(args).unwrap(), v1::UpdateFlag { flag: "dreams".to_owned(), ..expected });
    }

    #[test]
    fn only_what_was_said_is_changed() {
        let list = |values: &[&str]| {
            Some(v1::StringList { values: values.iter().map(|&value| value.to_owned()).collect() })
        };
        let nothing = v1::UpdateFlag::default;
        check(&["--owner", "mara"], v1::UpdateFlag { owner: Some("mara".to_owned()), ..nothing() });
        check(&["--tag", "a", "--tag", "b"], v1::UpdateFlag { tags: list(&["a", "b"]), ..nothing() });
        check(&["--no-tags"], v1::UpdateFlag { tags: list(&[]), ..nothing() });
        check(&["--all-services"], v1::UpdateFlag { services: list(&[]), ..nothing() });
        check(&["--permanent"], v1::UpdateFlag { lifetime: v1::Lifetime::Permanent.into(), ..nothing() });
        check(&["--no-end"], v1::UpdateFlag { clear_expected_end: true, ..nothing() });
        check(&["--no-schema"], v1::UpdateFlag { schema: Some(String::new()), ..nothing() });
        let visible = |says| v1::UpdateFlag { client_visible: Some(says), ..nothing() };
        check(&["--client-visible", "true"], visible(true));
        check(&["--client-visible", "false"], visible(false));
        let ends = Some(prost_types::Timestamp { seconds: 86_400, nanos: 0 });
        check(&["--ends", "1970-01-02"], v1::UpdateFlag { expected_end: ends, ..nothing() });
    }
}
