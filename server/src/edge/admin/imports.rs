//! Documents of others as changes of ours: translated here, applied by whoever asked.

use mycelia_flags_core::migration::{self, Format, Source};
use mycelia_flags_core::rejection::Reason;
use mycelia_flags_core::{flagd, json};
use mycelia_flags_proto::{convert, v1};
use tonic::Status;

use super::AdminEdge;
use super::reads::refused;

impl AdminEdge {
    pub(super) fn import(&self, request: &v1::ImportRequest) -> Result<v1::ImportResponse, Status> {
        let snapshot = self.store.snapshot();
        let environment = self.environment(&snapshot, &request.environment)?;
        let (document, places) = json::parse_with_places(&request.document).map_err(|error| {
            let at = format!("line {}, column {}", error.line, error.column);
            refused(Reason::InvalidText, "document", &at, format!("JSON: {error}"))
        })?;
        let format = match convert::import_format_from_wire(request.format()) {
            Some(format) => format,
            None => migration::detect(&document)
                .map_err(|error| refused(Reason::InvalidText, "document", &error.found, error.to_string()))?,
        };
        let source = Source {
            document: &document,
            places: &places,
            from_environment: &request.from_environment,
            environment: &environment,
            existing: &snapshot,
        };
        let migrated = match format {
            Format::Unleash => migration::unleash(&source),
            Format::LaunchDarkly => migration::launchdarkly(&source),
            Format::Flagd => {
                let import = flagd::import(&document, environment.as_str(), &snapshot);
                return Ok(v1::ImportResponse {
                    changes: import.changes.iter().map(convert::change_to_wire).collect(),
                    report: import.report.iter().map(convert::import_line_to_wire).collect(),
                    revision: snapshot.revision().get(),
                    format: convert::import_format_to_wire(format).into(),
                });
            }
        };
        let migrated = migrated.map_err(|error| {
            refused(Reason::UnknownEnvironment, "from_environment", &error.asked, error.to_string())
        })?;
        Ok(v1::ImportResponse {
            changes: migrated.changes.iter().map(convert::change_to_wire).collect(),
            report: migrated.report.iter().map(convert::migration_line_to_wire).collect(),
            revision: snapshot.revision().get(),
            format: convert::import_format_to_wire(format).into(),
        })
    }
}
