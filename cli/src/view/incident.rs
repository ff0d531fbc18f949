//! Incidents: what went wrong, where, and whether it is over.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::moment;

/// The answer of `incident list`.
#[derive(Debug, Serialize)]
pub(crate) struct IncidentsView {
    /// The newest first.
    pub(crate) incidents: Vec<IncidentView>,
    pub(crate) revision: u64,
}

/// One incident.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct IncidentView {
    /// The revision that opened it.
    pub(crate) id: u64,
    pub(crate) environment: String,
    pub(crate) flags: Vec<String>,
    /// `critical`, `warning` or `info`.
    pub(crate) severity: &'static str,
    pub(crate) what: String,
    pub(crate) opened_by: String,
    pub(crate) opened_at: Option<String>,
    /// Null while it is open.
    pub(crate) closed_by: Option<String>,
    pub(crate) closed_at: Option<String>,
    #[serde(skip)]
    briefly: String,
}

impl IncidentView {
    pub(crate) fn of(incident: &v1::Incident) -> Self {
        let opened = incident.opened.clone().unwrap_or_default();
        let closed = incident.closed.as_ref();
        let briefly = match closed {
            Some(closed) => format!("closed by {} {}", closed.by, moment::briefly(closed.at.as_ref())),
            None => format!("open since {}, {}", moment::briefly(opened.at.as_ref()), opened.by),
        };
        Self {
            id: incident.id,
            environment: incident.environment.clone(),
            flags: incident.flags.clone(),
            severity: match incident.severity() {
                v1::IncidentSeverity::Critical => "critical",
                v1::IncidentSeverity::Info => "info",
                v1::IncidentSeverity::Warning | v1::IncidentSeverity::Unspecified => "warning",
            },
            what: incident.what.clone(),
            opened_at: moment::exactly(opened.at.as_ref()),
            opened_by: opened.by,
            closed_by: closed.map(|deed| deed.by.clone()),
            closed_at: closed.and_then(|deed| moment::exactly(deed.at.as_ref())),
            briefly,
        }
    }

    /// Whether somebody should do something about it.
    pub(crate) fn is_grave(&self) -> bool {
        self.severity == "critical" && self.closed_at.is_none()
    }

    fn row(&self) -> Vec<Span> {
        let tone = match (self.is_grave(), self.closed_at.is_some()) {
            (true, _) => Tone::Loud,
            (false, true) => Tone::Faint,
            (false, false) => Tone::Partial,
        };
        let word = if self.is_grave() { "CRITICAL" } else { self.severity };
        vec![
            Span::new(&format!("#{}", self.id), tone),
            Span::new(word, tone),
            Span::from(self.environment.as_str()),
            Span::from(self.flags.join(", ")),
            Span::new(&self.what, tone),
            Span::new(&self.briefly, Tone::Faint),
        ]
    }
}

/// Rows of a table, without a heading.
pub(crate) fn rows(incidents: &[IncidentView]) -> Vec<Vec<Span>> {
    incidents.iter().map(IncidentView::row).collect()
}

impl View for IncidentsView {
    fn page(&self) -> Page {
        if self.incidents.is_empty() {
            return Page::of_line("no incidents");
        }
        let mut page = Page::default();
        page.table(0, rows(&self.incidents));
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_critical_one_that_is_open_is_loud() {
        let incident = v1::Incident {
            id: 7,
            environment: "staging".to_owned(),
            flags: vec!["voice".to_owned()],
            severity: v1::IncidentSeverity::Critical.into(),
            what: "voice cuts out".to_owned(),
            opened: Some(v1::Deed { by: "ada".to_owned(), ..v1::Deed::default() }),
            closed: None,
        };
        let view = IncidentsView { incidents: vec![IncidentView::of(&incident)], revision: 7 };
        assert_eq!(
            view.page().render(false),
            "#7  CRITICAL  staging  voice  voice cuts out  open since -, ada\n"
        );
        assert!(view.page().render(true).contains("\x1b[1;31mCRITICAL\x1b[0m"));
        let closed = v1::Incident {
            closed: Some(v1::Deed {
                by: "bea".to_owned(),
                at: Some(prost_types::Timestamp { seconds: 1, nanos: 0 }),
                ..v1::Deed::default()
            }),
            ..incident
        };
        let view = IncidentView::of(&closed);
        assert!(!view.is_grave());
        assert_eq!(view.closed_at.as_deref(), Some("1970-01-01T00:00:01.000000Z"));
    }
}
