//! The server, its store, and the connected services.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::feature::FeatureView;
use crate::view::guard::{GuardView, describe_latches};
use crate::view::incident::{self, IncidentView};
use crate::view::moment::{self, Now};
use crate::view::overrides::{self, ActiveOverrideView};
use crate::view::plan::{PlanView, list};
use crate::view::rollout::{self, RolloutView};
use crate::view::subscriber::{ServiceView, SubscriberView, by_service};

/// The answer of `status`.
#[derive(Debug, Serialize)]
pub(crate) struct StatusView {
    /// Its URL.
    pub(crate) server: String,
    pub(crate) version: String,
    pub(crate) epoch: String,
    pub(crate) revision: u64,
    pub(crate) writable: bool,
    /// Empty when it is.
    pub(crate) not_writable_reason: String,
    pub(crate) flags: u32,
    pub(crate) subscribers: u32,
    pub(crate) environments: Vec<String>,
    pub(crate) default_environment: String,
    /// `v2` or `v3`.
    pub(crate) bucketing: &'static str,
    pub(crate) started_at: Option<String>,
    pub(crate) services: Vec<ServiceView>,
    /// Of all environments.
    pub(crate) canaries: Vec<CanaryStatusView>,
    /// Of all environments.
    pub(crate) overrides: Vec<ActiveOverrideView>,
    pub(crate) features: Vec<FeatureView>,
    /// The rollout plans that are under way.
    pub(crate) plans: Vec<PlanView>,
    /// Whose rollouts are shown.
    pub(crate) environment: String,
    pub(crate) rollouts: Vec<RolloutView>,
    /// Those that are open and critical, of all environments.
    pub(crate) incidents: Vec<IncidentView>,
    /// The guards that hold flags down, of all environments.
    pub(crate) latched: Vec<GuardView>,
    #[serde(skip)]
    started_briefly: String,
    #[serde(skip)]
    now: Now,
}

/// The canary mode of an environment.
#[derive(Debug, Serialize)]
pub(crate) struct CanaryStatusView {
    pub(crate) environment: String,
    pub(crate) on: bool,
    /// Keys on the allowlist.
    pub(crate) allowlist: u32,
}

/// What `status` was answered.
#[derive(Debug, Default)]
pub(crate) struct StatusParts {
    pub(crate) status: v1::GetStatusResponse,
    pub(crate) subscribers: Vec<v1::Subscriber>,
    pub(crate) features: Vec<v1::Feature>,
    pub(crate) flags: Vec<v1::Flag>,
    /// The plans that are under way.
    pub(crate) plans: Vec<v1::PlanStatus>,
    /// Those that are open.
    pub(crate) incidents: Vec<v1::Incident>,
    /// The guards that hold flags down.
    pub(crate) latched: Vec<GuardView>,
    /// Which environment was chosen; empty for the server's default one.
    pub(crate) environment: String,
}

impl StatusView {
    pub(crate) fn of(server: &str, parts: StatusParts, now: Now) -> Self {
        let status = parts.status;
        let subscribers: Vec<_> = parts.subscribers.into_iter().map(SubscriberView::of).collect();
        let environment = match parts.environment.as_str() {
            "" => status.default_environment.clone(),
            chosen => chosen.to_owned(),
        };
        let rollouts = parts.flags.iter().filter_map(|flag| RolloutView::of(flag, &environment));
        Self {
            now,
            canaries: status.canaries.iter().map(CanaryStatusView::of).collect(),
            overrides: status.overrides.iter().map(ActiveOverrideView::of).collect(),
            features: parts.features.iter().map(FeatureView::of).collect(),
            rollouts: rollouts.collect(),
            plans: parts.plans.into_iter().map(PlanView::of).collect(),
            incidents: parts.incidents.iter().map(IncidentView::of).filter(IncidentView::is_grave).collect(),
            latched: parts.latched,
            environment,
            server: server.to_owned(),
            bucketing: match status.bucketing() {
                v1::BucketingGeneration::V2 => "v2",
                v1::BucketingGeneration::Unspecified | v1::BucketingGeneration::V3 => "v3",
            },
            started_at: moment::exactly(status.started_at.as_ref()),
            started_briefly: moment::briefly(status.started_at.as_ref()),
            version: status.version,
            epoch: status.epoch,
            revision: status.revision,
            writable: status.writable,
            not_writable_reason: status.not_writable_reason,
            flags: status.flags,
            subscribers: status.subscribers,
            environments: status.environments,
            default_environment: status.default_environment,
            services: by_service(&subscribers),
        }
    }

    fn environments(&self) -> String {
        let default = |name: &String| match name == &self.default_environment {
            true => format!("{name} (default)"),
            false => name.clone(),
        };
        self.environments.iter().map(default).collect::<Vec<_>>().join(", ")
    }
}

impl CanaryStatusView {
    fn of(canary: &v1::CanaryStatus) -> Self {
        Self { environment: canary.environment.clone(), on: canary.on, allowlist: canary.allowlist }
    }

    fn span(&self) -> Span {
        let (word, tone) = if self.on { ("on", Tone::Good) } else { ("off", Tone::Faint) };
        Span::new(&format!("{} {word} ({} listed)", self.environment, self.allowlist), tone)
    }
}

impl ServiceView {
    fn row(&self) -> Vec<Span> {
        let tone = if self.up_to_date == self.instances { Tone::Good } else { Tone::Partial };
        let revisions = if self.applied_revision_min == self.applied_revision_max {
            format!("at revision {}", self.applied_revision_max)
        } else {
            format!("at revisions {} to {}", self.applied_revision_min, self.applied_revision_max)
        };
        vec![
            Span::from(self.environment.as_str()),
            Span::from(self.service.as_str()),
            Span::new(&format!("{}/{}", self.up_to_date, self.instances), tone),
            Span::from(revisions),
        ]
    }
}

impl View for StatusView {
    fn page(&self) -> Page {
        let writable = match (self.writable, self.not_writable_reason.as_str()) {
            (true, _) => Span::new("yes", Tone::Good),
            (false, "") => Span::new("no", Tone::Partial),
            (false, reason) => Span::new(&format!("no: {reason}"), Tone::Partial),
        };
        let facts = [
            ("server", Span::from(format!("{} (mycelia-flags {})", self.server, self.version))),
            ("serving since", Span::from(self.started_briefly.as_str())),
            ("epoch", Span::from(self.epoch.as_str())),
            ("revision", Span::from(self.revision.to_string())),
            ("writable", writable),
            ("environments", Span::from(self.environments())),
            ("bucketing", Span::from(self.bucketing)),
            ("flags", Span::from(self.flags.to_string())),
            ("subscribers", Span::from(self.subscribers.to_string())),
        ];
        let mut page = Page::default();
        if !self.latched.is_empty() {
            describe_latches(&self.latched, &mut page);
            page.blank();
        }
        if !self.incidents.is_empty() {
            page.table(0, incident::rows(&self.incidents));
            page.blank();
        }
        page.table(
            0,
            facts.into_iter().map(|(label, fact)| vec![Span::new(label, Tone::Faint), fact]).collect(),
        );
        for canary in &self.canaries {
            page.line([Span::new("canary mode    ", Tone::Faint), canary.span()]);
        }
        if !self.overrides.is_empty() {
            page.blank();
            page.table(0, overrides::rows(&self.overrides, self.now));
        }
        if !self.plans.is_empty() {
            page.blank();
            list::describe(&self.plans, self.now, &mut page);
        }
        if !self.features.is_empty() {
            page.blank();
            let row = |feature: &FeatureView| {
                vec![Span::from(feature.key.as_str()), Span::from(feature.flags.join(", "))]
            };
            let heading = vec![Span::new("FEATURE", Tone::Faint), Span::new("FLAGS", Tone::Faint)];
            page.table(0, [heading].into_iter().chain(self.features.iter().map(row)).collect());
        }
        if !self.rollouts.is_empty() {
            page.blank();
            rollout::describe(&self.environment, &self.rollouts, &mut page);
        }
        if !self.services.is_empty() {
            page.blank();
            page.table(0, self.services.iter().map(ServiceView::row).collect());
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::overrides::tests::detached;

    #[test]
    fn services_are_shown_with_how_many_are_up_to_date() {
        let subscriber = |service: &str, applied_revision| v1::Subscriber {
            environment: "production".to_owned(),
            service: service.to_owned(),
            applied_revision,
            scope_revision: 7,
            ..v1::Subscriber::default()
        };
        let status = v1::GetStatusResponse {
            version: "0.1.0".to_owned(),
            environments: vec!["staging".to_owned(), "production".to_owned()],
            default_environment: "production".to_owned(),
            not_writable_reason: "the disk is full".to_owned(),
            canaries: vec![v1::CanaryStatus { environment: "production".to_owned(), on: true, allowlist: 3 }],
            overrides: vec![v1::ActiveOverride {
                environment: "production".to_owned(),
                flag: "dreams".to_owned(),
                r#override: Some(detached("runner", "off", 3_600)),
            }],
            ..v1::GetStatusResponse::default()
        };
        let subscribers = vec![subscriber("ui", 7), subscriber("runner", 7), subscriber("runner", 5)];
        let parts = StatusParts {
            status,
            subscribers,
            features: vec![v1::Feature {
                key: "voice".to_owned(),
                flags: vec!["a".to_owned(), "b".to_owned()],
                ..v1::Feature::default()
            }],
            ..StatusParts::default()
        };
        let page = StatusView::of("http://x", parts, Now::of_seconds(60)).page().render(false);
        assert!(page.contains("canary mode    production on (3 listed)\n"), "{page}");
        assert!(page.contains("production  dreams  runner   off   59m left, until "), "{page}");
        assert!(page.contains("\nvoice    a, b\n"), "{page}");
        assert!(page.contains("environments   staging, production (default)\n"), "{page}");
        assert!(page.contains("writable       no: the disk is full\n"), "{page}");
        assert!(page.contains("production  runner  1/2  at revisions 5 to 7\n"), "{page}");
        assert!(page.contains("production  ui      1/1  at revision 7\n"), "{page}");
    }
}
