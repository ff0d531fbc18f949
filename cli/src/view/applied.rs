//! What a change did.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::convergence::ConvergenceView;
use crate::view::moment;

/// The answer of `create`, `enable`, `disable`, `rollout` and `delete`.
#[derive(Debug, Default, Serialize)]
pub(crate) struct AppliedView {
    /// The command.
    pub(crate) action: &'static str,
    pub(crate) flag: String,
    /// Null when the change concerns all environments.
    pub(crate) environment: Option<String>,
    /// The revision that holds the change; for a dry run, the one that was looked at.
    pub(crate) revision: u64,
    /// False when everything was already as asked.
    pub(crate) changed: bool,
    pub(crate) dry_run: bool,
    /// The request repeated an earlier one.
    pub(crate) replayed: bool,
    /// The entities that were written.
    pub(crate) entities: Vec<String>,
    pub(crate) warnings: Vec<String>,
    pub(crate) committed_at: Option<String>,
    /// With `--wait`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) convergence: Option<ConvergenceView>,
    #[serde(skip)]
    pub(crate) deed: String,
}

impl AppliedView {
    /// Of an answer; what was asked is filled in by the caller.
    pub(crate) fn of(answer: v1::ApplyResponse, dry_run: bool) -> Self {
        Self {
            revision: answer.revision,
            changed: !answer.writes.is_empty(),
            dry_run,
            replayed: answer.replayed,
            committed_at: moment::exactly(answer.committed_at.as_ref()),
            entities: answer.writes.into_iter().map(|write| write.entity).collect(),
            warnings: answer.warnings,
            ..Self::default()
        }
    }
}

impl View for AppliedView {
    fn page(&self) -> Page {
        let deed = match &self.environment {
            Some(environment) => format!("{} in {environment}", self.deed),
            None => self.deed.clone(),
        };
        let text = match (self.changed, self.dry_run) {
            (false, _) => {
                let place = self.environment.as_ref().map(|name| format!(" in {name}")).unwrap_or_default();
                format!(
                    "unchanged: {} is already as asked{place}, still at revision {}",
                    self.flag, self.revision
                )
            }
            (true, true) => {
                format!("would have {deed} (dry run at revision {}, nothing changed)", self.revision)
            }
            (true, false) => format!("{deed} at revision {}", self.revision),
        };
        let replayed = if self.replayed { " (replayed: an earlier request had done this)" } else { "" };
        let mut page = Page::default();
        page.line([Span::from(text), Span::new(replayed, Tone::Faint)]);
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(writes: usize, dry_run: bool, replayed: bool, environment: Option<&str>, expected: &str) {
        let answer = v1::ApplyResponse {
            revision: 7,
            writes: vec![v1::Write::default(); writes],
            replayed,
            ..v1::ApplyResponse::default()
        };
        let mut view = AppliedView::of(answer, dry_run);
        view.flag = "dreams".to_owned();
        view.deed = "enabled dreams".to_owned();
        view.environment = environment.map(str::to_owned);
        assert_eq!(view.page().render(false), format!("{expected}\n"));
    }

    #[test]
    fn the_environment_that_changed_is_named() {
        check(1, false, false, Some("production"), "enabled dreams in production at revision 7");
        check(1, false, false, None, "enabled dreams at revision 7");
        check(
            1,
            true,
            false,
            Some("staging"),
            "would have enabled dreams in staging (dry run at revision 7, nothing changed)",
        );
        check(
            1,
            false,
            true,
            Some("staging"),
            "enabled dreams in staging at revision 7 (replayed: an earlier request had done this)",
        );
        check(
            0,
            false,
            false,
            Some("production"),
            "unchanged: dreams is already as asked in production, still at revision 7",
        );
    }
}
