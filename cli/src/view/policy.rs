//! What environments allow.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::freeze_window::Window;
use serde::Serialize;

use crate::duration_text::print_seconds;
use crate::freeze_text;
use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::moment;

/// A policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct PolicyView {
    pub(crate) reason_required: bool,
    /// Null when a raise may be of any size.
    pub(crate) largest_step_percent: Option<f64>,
    /// Null when raises may follow at once.
    pub(crate) smallest_interval_seconds: Option<u64>,
    pub(crate) freeze_windows: Vec<FreezeView>,
    /// How many other people must approve.
    pub(crate) approvals: u32,
    pub(crate) protected_flags: Vec<String>,
    /// `accept` or `refuse`.
    pub(crate) drift: &'static str,
    pub(crate) break_glass: bool,
}

/// When only what makes things safer is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FreezeView {
    pub(crate) name: String,
    /// In words.
    pub(crate) when: String,
    /// Of one that comes once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<String>,
    /// Of one that comes once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<String>,
}

impl FreezeView {
    fn of(window: &v1::FreezeWindow) -> Self {
        let once = match &window.window {
            Some(Window::Once(once)) => Some(once),
            _ => None,
        };
        Self {
            name: window.name.clone(),
            when: freeze_text::words(window),
            from: once.and_then(|once| moment::exactly(once.from.as_ref())),
            to: once.and_then(|once| moment::exactly(once.to.as_ref())),
        }
    }
}

impl PolicyView {
    pub(crate) fn of(policy: &v1::Policy) -> Self {
        Self {
            reason_required: policy.reason_required,
            largest_step_percent: policy.largest_step_percent,
            smallest_interval_seconds: policy.smallest_interval_seconds,
            freeze_windows: policy.freeze_windows.iter().map(FreezeView::of).collect(),
            approvals: policy.approvals,
            protected_flags: policy.protected_flags.clone(),
            drift: if policy.drift() == v1::DriftPolicy::Refuse { "refuse" } else { "accept" },
            break_glass: policy.break_glass,
        }
    }

    /// All of it in one line.
    pub(crate) fn words(&self) -> String {
        let demands: Vec<String> =
            self.demands().into_iter().map(|(name, what)| format!("{name}: {what}")).collect();
        demands.join("; ")
    }

    /// Each demand, and what it is.
    fn demands(&self) -> Vec<(&'static str, String)> {
        let mut demands = Vec::new();
        if self.reason_required {
            demands.push(("reason", "every change says why".to_owned()));
        }
        if let Some(percent) = self.largest_step_percent {
            demands.push(("largest step", format!("{percent} points at a time")));
        }
        if let Some(seconds) = self.smallest_interval_seconds {
            demands.push(("interval", format!("{} between two raises of a flag", print_seconds(seconds))));
        }
        if self.approvals > 0 {
            let people = if self.approvals == 1 { "person" } else { "people" };
            demands.push(("approvals", format!("{} other {people}", self.approvals)));
        }
        if !self.protected_flags.is_empty() {
            demands.push(("protected", self.protected_flags.join(", ")));
        }
        for window in &self.freeze_windows {
            demands.push(("freeze", format!("{} ({})", window.when, window.name)));
        }
        if self.drift == "refuse" {
            demands.push(("drift", "changes beside a plan are refused".to_owned()));
        }
        if self.break_glass {
            demands.push(("break glass", "a promotion may be forced".to_owned()));
        }
        demands
    }
}

/// One environment.
#[derive(Debug, Serialize)]
pub(crate) struct EnvironmentPolicyView {
    pub(crate) environment: String,
    /// Null when nothing is demanded.
    pub(crate) policy: Option<PolicyView>,
}

/// The answer of `policy show`.
#[derive(Debug, Serialize)]
pub(crate) struct PoliciesView {
    pub(crate) policies: Vec<EnvironmentPolicyView>,
    /// The revision that was read.
    pub(crate) revision: u64,
}

impl PoliciesView {
    pub(crate) fn of(answer: v1::ListPoliciesResponse) -> Self {
        let policies = answer.policies.into_iter().map(|found| EnvironmentPolicyView {
            environment: found.environment,
            policy: found.policy.as_ref().map(PolicyView::of),
        });
        Self { policies: policies.collect(), revision: answer.revision }
    }
}

impl View for PoliciesView {
    fn page(&self) -> Page {
        let mut page = Page::default();
        for (index, found) in self.policies.iter().enumerate() {
            if index > 0 {
                page.blank();
            }
            let demands = found.policy.as_ref().map(PolicyView::demands).unwrap_or_default();
            let none = if demands.is_empty() { "  no policy: every change is allowed" } else { "" };
            page.line([Span::from(found.environment.as_str()), Span::new(none, Tone::Faint)]);
            let rows =
                demands.into_iter().map(|(name, what)| vec![Span::new(name, Tone::Faint), Span::from(what)]);
            page.table(2, rows.collect());
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::freeze_text::parse_freeze;

    #[test]
    fn each_demand_has_its_line() {
        let policy = v1::Policy {
            reason_required: true,
            largest_step_percent: Some(25.0),
            smallest_interval_seconds: Some(86_400),
            freeze_windows: vec![parse_freeze("fri 16:00-mon 08:00 +01:00 weekend").unwrap()],
            approvals: 1,
            protected_flags: vec!["checkout".to_owned()],
            drift: v1::DriftPolicy::Refuse.into(),
            break_glass: false,
        };
        let of =
            |environment: &str, policy| v1::EnvironmentPolicy { environment: environment.to_owned(), policy };
        let policies = vec![of("staging", None), of("production", Some(policy))];
        let view = PoliciesView::of(v1::ListPoliciesResponse { policies, revision: 7 });
        assert_eq!(
            view.page().render(false),
            "staging  no policy: every change is allowed\n\
             \n\
             production\n\
             \x20 reason        every change says why\n\
             \x20 largest step  25 points at a time\n\
             \x20 interval      1d between two raises of a flag\n\
             \x20 approvals     1 other person\n\
             \x20 protected     checkout\n\
             \x20 freeze        fri 16:00 to mon 08:00 +01:00 (weekend)\n\
             \x20 drift         changes beside a plan are refused\n"
        );
        let document = serde_json::to_value(&view).unwrap();
        assert_eq!(document["policies"][0]["policy"], serde_json::Value::Null);
        assert_eq!(document["policies"][1]["policy"]["freeze_windows"][0]["name"], "weekend");
    }
}
