//! `export`: an environment as a flagd document.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use mycelia_flags_proto::v1;
use serde_json::Value as Json;

use crate::args::inspect::ExportArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::view::document::{ExportView, OmissionView};

pub(crate) async fn run(args: ExportArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    if let Some(file) = args.output.as_deref().filter(|_| !args.force) {
        refuse_to_overwrite(file)?;
    }
    let request = v1::ExportRequest {
        environment: session.settings.environment.clone(),
        service: args.service.unwrap_or_default(),
    };
    let connection = session.connection()?;
    let answer = connection.answer(connection.admin().export(request)).await?;
    let document: Json =
        serde_json::from_str(&answer.document).context("the server's document is no JSON")?;
    let text = serde_json::to_string_pretty(&document).context("cannot write the document as JSON")?;
    let omissions: Vec<OmissionView> = answer.omissions.iter().map(OmissionView::of).collect();
    for omission in &omissions {
        session.terminal.warn(&omission.words());
    }
    let exit = if omissions.is_empty() { Exit::Done } else { Exit::No };
    let Some(file) = args.output else {
        session.terminal.print(&format!("{text}\n"))?;
        return Ok(exit);
    };
    fs::write(&file, format!("{text}\n")).with_context(|| format!("cannot write {}", file.display()))?;
    let flags = document.get("flags").and_then(Json::as_object).map_or(0, serde_json::Map::len);
    let file = file.display().to_string();
    session.show(&ExportView { file, flags, omissions, revision: answer.revision })?;
    Ok(exit)
}

fn refuse_to_overwrite(file: &Path) -> Result<(), Failure> {
    // A link that leads nowhere is there too.
    if fs::symlink_metadata(file).is_ok() {
        return Err(Failure::Usage(format!("{} is already there (use --force)", file.display())));
    }
    Ok(())
}
