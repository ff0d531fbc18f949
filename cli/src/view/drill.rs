//! Rollback drills: how long every service took.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::duration_text::print_micros;
use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::moment;

/// One service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ServiceTimeView {
    pub(crate) service: String,
    /// From the commit to its last acknowledgement, by the server's clock.
    pub(crate) micros: u64,
}

/// The answer of `drill rollback`.
#[derive(Debug, Serialize)]
pub(crate) struct DrillView {
    pub(crate) flag: String,
    pub(crate) environment: String,
    /// The one that took the flag back.
    pub(crate) revision: u64,
    pub(crate) services: Vec<ServiceTimeView>,
    pub(crate) total_micros: u64,
    /// The one that restored what was there; null when it could not be.
    pub(crate) restored_revision: Option<u64>,
    /// The one that remembers the drill; null when it proved nothing.
    pub(crate) recorded_revision: Option<u64>,
}

impl DrillView {
    pub(crate) fn of(
        flag: &str,
        environment: &str,
        revision: u64,
        report: Option<&v1::WaitConvergedResponse>,
    ) -> Self {
        let services = report.map(|report| report.services.clone()).unwrap_or_default();
        let services: Vec<ServiceTimeView> = services
            .into_iter()
            .filter_map(|progress| {
                Some(ServiceTimeView { service: progress.service, micros: progress.last_after_micros? })
            })
            .collect();
        Self {
            flag: flag.to_owned(),
            environment: environment.to_owned(),
            revision,
            total_micros: services.iter().map(|service| service.micros).max().unwrap_or(0),
            services,
            restored_revision: None,
            recorded_revision: None,
        }
    }
}

impl View for DrillView {
    fn page(&self) -> Page {
        let mut page = Page::default();
        let place = format!("rollback drill of {} in {}: ", self.flag, self.environment);
        let verdict = match (self.recorded_revision, self.restored_revision) {
            (_, None) => Span::new("NOT RESTORED", Tone::Loud),
            (None, _) => Span::new("not everybody answered; nothing is recorded", Tone::Partial),
            (Some(_), _) if self.services.is_empty() => Span::new("nobody was measured", Tone::Partial),
            (Some(_), _) => {
                Span::new(&format!("everybody within {}", print_micros(self.total_micros)), Tone::Good)
            }
        };
        page.line([Span::from(place), verdict]);
        page.table(2, times(&self.services));
        if let Some(revision) = self.restored_revision {
            page.line([Span::new(&format!("  restored in revision {revision}"), Tone::Faint)]);
        }
        page
    }
}

fn times(services: &[ServiceTimeView]) -> Vec<Vec<Span>> {
    let row =
        |one: &ServiceTimeView| vec![Span::from(one.service.as_str()), Span::from(print_micros(one.micros))];
    services.iter().map(row).collect()
}

/// The answer of `drill list`.
#[derive(Debug, Serialize)]
pub(crate) struct DrillsView {
    pub(crate) drills: Vec<RecordedView>,
    pub(crate) revision: u64,
}

/// A drill that is remembered.
#[derive(Debug, Serialize)]
pub(crate) struct RecordedView {
    pub(crate) environment: String,
    pub(crate) flag: String,
    pub(crate) by: String,
    pub(crate) at: Option<String>,
    pub(crate) services: Vec<ServiceTimeView>,
    pub(crate) total_micros: u64,
    #[serde(skip)]
    briefly: String,
}

impl RecordedView {
    pub(crate) fn of(recorded: v1::EnvironmentDrill) -> Self {
        let drill = recorded.drill.unwrap_or_default();
        let deed = drill.deed.unwrap_or_default();
        let time = |one: v1::ServiceTime| ServiceTimeView { service: one.service, micros: one.micros };
        Self {
            environment: recorded.environment,
            flag: drill.flag,
            at: moment::exactly(deed.at.as_ref()),
            briefly: moment::briefly(deed.at.as_ref()),
            by: deed.by,
            services: drill.services.into_iter().map(time).collect(),
            total_micros: drill.total_micros,
        }
    }
}

impl View for DrillsView {
    fn page(&self) -> Page {
        if self.drills.is_empty() {
            return Page::of_line("no drills");
        }
        let row = |drill: &RecordedView| {
            let services: Vec<String> = drill
                .services
                .iter()
                .map(|one| format!("{} {}", one.service, print_micros(one.micros)))
                .collect();
            vec![
                Span::from(drill.environment.as_str()),
                Span::from(drill.flag.as_str()),
                Span::from(print_micros(drill.total_micros)),
                Span::from(services.join(", ")),
                Span::new(&format!("{} {}", drill.briefly, drill.by), Tone::Faint),
            ]
        };
        let mut page = Page::default();
        page.table(0, self.drills.iter().map(row).collect());
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drill_shows_how_long_each_service_took() {
        let progress = |service: &str, micros| v1::ServiceProgress {
            service: service.to_owned(),
            last_after_micros: Some(micros),
            ..v1::ServiceProgress::default()
        };
        let report = v1::WaitConvergedResponse {
            services: vec![progress("agent", 1_200), progress("ui", 800)],
            ..v1::WaitConvergedResponse::default()
        };
        let mut view = DrillView::of("voice", "staging", 7, Some(&report));
        assert!(view.page().render(false).contains("NOT RESTORED"));
        view.restored_revision = Some(8);
        view.recorded_revision = Some(9);
        assert_eq!(
            view.page().render(false),
            "rollback drill of voice in staging: everybody within 1.2 ms\n\
             \x20 agent  1.2 ms\n\
             \x20 ui     800 µs\n\
             \x20 restored in revision 8\n"
        );
    }
}
