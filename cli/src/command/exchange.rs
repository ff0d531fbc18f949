//! `import` and `export`: flagd's files in and out.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change;

use crate::args::inspect::{ExportArgs, ImportArgs};
use crate::args::write::WriteArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::session::Session;
use crate::submission::send;
use crate::text_file;
use crate::view::applied::AppliedView;
use crate::view::exchange::{ExportView, ImportView};

/// Changes of one change set.
const CHANGES_MAX: usize = 1_000;

pub(crate) async fn import(args: ImportArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let document = text_file::read(&args.file)?;
    let request = v1::ImportRequest { environment: session.settings.environment.clone(), document };
    let connection = session.connection()?;
    let answer = connection.answer(connection.admin().import(request)).await?;
    let changes: Vec<Change> = answer.changes.into_iter().filter_map(|change| change.change).collect();
    let mut view = ImportView::of(&answer.report, args.write.dry_run, answer.revision);
    // What was read must still be so: nobody's change in between is written over.
    let mut expected = args.write.expect_revision.unwrap_or(answer.revision);
    let mut progress = Progress::new(session.terminal);
    let sets = sets(changes);
    for (index, set) in sets.iter().enumerate() {
        if sets.len() > 1 {
            progress.update(format!("change set {} of {}", index + 1, sets.len()));
        }
        let write = WriteArgs { expect_revision: Some(expected), ..args.write.clone() };
        let applied = send(set.clone(), &write, &connection, session).await?;
        if !args.write.dry_run {
            expected = applied.revision;
        }
        view.take(AppliedView::of(applied, args.write.dry_run));
    }
    session.show(&view)?;
    Ok(Exit::Done)
}

/// As few change sets as hold all changes. A flag's changes may be parted: each set is whole in itself.
fn sets(changes: Vec<Change>) -> Vec<Vec<Change>> {
    changes.chunks(CHANGES_MAX).map(<[Change]>::to_vec).collect()
}

pub(crate) async fn export(args: ExportArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let request = v1::ExportRequest {
        environment: session.settings.environment.clone(),
        service: args.service.unwrap_or_default(),
    };
    let connection = session.connection()?;
    let answer = connection.answer(connection.admin().export(request)).await?;
    for omission in &answer.omissions {
        session.terminal.warn(&format!("{} is not in the document: {}", omission.flag, omission.reason));
    }
    let document = pretty(&answer.document)?;
    match args.output {
        None => session.terminal.print(&document)?,
        Some(file) => {
            write(&file, &document)?;
            session.show(&ExportView::of(&file, &answer))?;
        }
    }
    Ok(if answer.omissions.is_empty() { Exit::Done } else { Exit::No })
}

fn pretty(document: &str) -> Result<String, Failure> {
    let value: serde_json::Value = serde_json::from_str(document).context("the server sent no JSON")?;
    let mut text = serde_json::to_string_pretty(&value).context("cannot write JSON")?;
    text.push('\n');
    Ok(text)
}

fn write(file: &Path, document: &str) -> Result<(), Failure> {
    let complaint = |error| Failure::Usage(format!("cannot write {}: {error}", file.display()));
    fs::write(file, document).map_err(complaint)
}
