//! `import`: the flags of a document of flagd's, Unleash's or LaunchDarkly's as changes of ours.
//!
//! The server translates; what it proposes is applied like any other change, under the condition that the store is still
//! where it was read. A document of many flags takes several change sets, each with whole flags. Whoever moves here from
//! another product gets all flags or none, unless they say that some will do.

use std::collections::BTreeSet;

use mycelia_flags_core::limits::CHANGES_MAX;
use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change;
use prost::Message as _;

use crate::args::inspect::{FormatArg, ImportArgs};
use crate::args::write::WriteArgs;
use crate::connection::Connection;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::submission::{Told, meant_environment, present, send};
use crate::text_file;
use crate::view::applied::Subject;
use crate::view::change::ChangeView;
use crate::view::document::{LineView, SKIPPED};

/// Bytes of the changes of one change set. The server takes requests of 1 MiB.
const CHANGES_BYTES_MAX: usize = 900 * 1024;

pub(crate) async fn run(args: ImportArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let document = text_file::read(&args.file)?;
    let connection = session.connection()?;
    // A new flag is written in every environment: the writes do not tell which one the document is for.
    let environment = meant_environment(&connection, &session.settings.environment).await?;
    let format = args.format.map_or(v1::ImportFormat::Unspecified, on_the_wire);
    let request = v1::ImportRequest {
        environment: environment.clone(),
        document,
        format: format.into(),
        from_environment: args.from_environment.unwrap_or_default(),
    };
    let proposed = connection.answer(connection.admin().import(request)).await?;
    if let Some(expected) = args.write.expect_revision.filter(|expected| *expected != proposed.revision) {
        return Err(Failure::revision_mismatch(expected, proposed.revision));
    }
    let is_foreign = !matches!(proposed.format(), v1::ImportFormat::Unspecified | v1::ImportFormat::Flagd);
    let report: Vec<LineView> = proposed.report.iter().map(LineView::of).collect();
    let skipped = left_out(&report);
    let mut write = args.write;
    if skipped > 0 {
        let verb = if skipped == 1 { "flag is" } else { "flags are" };
        session.terminal.warn(&format!("{skipped} {verb} left out"));
        if is_foreign && !args.allow_partial && !write.dry_run {
            session.terminal.warn("so nothing is imported; --allow-partial imports the others");
            (write.dry_run, write.wait) = (true, false);
        }
    }
    let mut sets = change_sets(proposed.changes);
    if is_foreign && write.dry_run && sets.len() > 1 {
        let text =
            "it takes several change sets, which build on each other: what the first one would do is shown";
        session.terminal.warn(text);
        sets.truncate(1);
    }
    let answer = apply(sets, proposed.revision, &write, &connection, session).await?;
    let file = args.file.display().to_string();
    let mut told = Told::here(Subject::Document(file.clone()), "import", format!("imported {file}"));
    told.report = report;
    told.environment = Some(environment);
    let exit = present(answer, told, write, &connection, session).await?;
    Ok(if exit == Exit::Done && skipped > 0 { Exit::No } else { exit })
}

const fn on_the_wire(format: FormatArg) -> v1::ImportFormat {
    match format {
        FormatArg::Flagd => v1::ImportFormat::Flagd,
        FormatArg::Unleash => v1::ImportFormat::Unleash,
        FormatArg::LaunchDarkly => v1::ImportFormat::Launchdarkly,
    }
}

/// How many flags are left out; a flag may have several lines that say why.
fn left_out(report: &[LineView]) -> usize {
    let skipped = report.iter().filter(|line| line.outcome == SKIPPED);
    skipped.map(|line| line.flag.as_str()).collect::<BTreeSet<_>>().len()
}

/// Applies one change set after the other, and answers as if they had been one.
async fn apply(
    sets: Vec<Vec<Change>>,
    read_at: u64,
    write: &WriteArgs,
    connection: &Connection,
    session: &Session<'_>,
) -> Result<v1::ApplyResponse, Failure> {
    let mut sum = v1::ApplyResponse { revision: read_at, ..v1::ApplyResponse::default() };
    let count = sets.len();
    for (number, changes) in (1..).zip(sets) {
        let write = WriteArgs { expect_revision: Some(sum.revision), ..write.clone() };
        let answer = match send(changes, &write, connection, session).await {
            Ok(answer) => answer,
            Err(failure) if number > 1 && !write.dry_run => {
                session.terminal.warn(&format!(
                    "{} of {count} change sets are committed, the last one at revision {}; the rest is not",
                    number - 1,
                    sum.revision
                ));
                return Err(failure);
            }
            Err(failure) => return Err(failure),
        };
        sum.revision = answer.revision;
        sum.writes.extend(answer.writes);
        sum.warnings.extend(answer.warnings);
        sum.differences.extend(answer.differences);
        sum.impacts.extend(answer.impacts);
        sum.sampled = sum.sampled.max(answer.sampled);
        sum.replayed |= answer.replayed;
        sum.committed_at = answer.committed_at.or(sum.committed_at);
    }
    Ok(sum)
}

/// Cuts changes into sets that the server takes, between flags.
fn change_sets(changes: Vec<v1::Change>) -> Vec<Vec<Change>> {
    let mut sets: Vec<Vec<Change>> = Vec::new();
    let mut bytes = 0;
    for group in by_flag(changes) {
        let size: usize = group.iter().map(v1::Change::encoded_len).sum();
        let fits = sets
            .last()
            .is_some_and(|set| set.len() + group.len() <= CHANGES_MAX && bytes + size <= CHANGES_BYTES_MAX);
        let group = group.into_iter().filter_map(|change| change.change);
        match sets.last_mut().filter(|_| fits) {
            Some(set) => {
                set.extend(group);
                bytes += size;
            }
            None => {
                sets.push(group.collect());
                bytes = size;
            }
        }
    }
    sets
}

/// The changes of a flag stand together.
fn by_flag(changes: Vec<v1::Change>) -> Vec<Vec<v1::Change>> {
    let mut groups: Vec<(Option<String>, Vec<v1::Change>)> = Vec::new();
    for change in changes {
        let flag = ChangeView::of(&change, None).flag;
        match groups.last_mut() {
            Some((last, group)) if flag.is_some() && *last == flag => group.push(change),
            _ => groups.push((flag, vec![change])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enable(flag: &str) -> v1::Change {
        let change = v1::EnableFlag { environment: String::new(), flag: flag.to_owned() };
        v1::Change { change: Some(Change::EnableFlag(change)) }
    }

    #[track_caller]
    fn check(flags: usize, each: usize, expected: &[usize]) {
        let changes = (0..flags).flat_map(|flag| vec![enable(&format!("flag-{flag}")); each]);
        let sets = change_sets(changes.collect());
        assert_eq!(sets.iter().map(Vec::len).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_flag_is_never_cut_in_two() {
        check(0, 1, &[]);
        check(1, 3, &[3]);
        check(CHANGES_MAX, 1, &[CHANGES_MAX]);
        check(CHANGES_MAX + 1, 1, &[CHANGES_MAX, 1]);
        check(400, 3, &[999, 201]);
    }

    #[test]
    fn large_flags_are_fewer() {
        let targeting = "x".repeat(CHANGES_BYTES_MAX / 2);
        let set = |flag: &str| {
            let set = v1::SetTargeting {
                environment: String::new(),
                flag: flag.to_owned(),
                targeting: targeting.clone(),
            };
            v1::Change { change: Some(Change::SetTargeting(set)) }
        };
        let sets = change_sets(vec![set("a"), set("b"), set("c")]);
        assert_eq!(sets.len(), 3);
    }
}
