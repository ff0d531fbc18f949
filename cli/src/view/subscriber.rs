//! The connected instances, one by one and by service.

use std::collections::BTreeMap;

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::moment;

/// The answer of `subscribers`.
#[derive(Debug, Serialize)]
pub(crate) struct SubscribersView {
    /// The newest revision of the store.
    pub(crate) head_revision: u64,
    pub(crate) subscribers: Vec<SubscriberView>,
}

/// One connected instance.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SubscriberView {
    pub(crate) stream_id: u64,
    pub(crate) environment: String,
    pub(crate) service: String,
    pub(crate) instance: String,
    pub(crate) sdk: String,
    pub(crate) address: String,
    pub(crate) connected_at: Option<String>,
    pub(crate) sent_revision: u64,
    pub(crate) applied_revision: u64,
    pub(crate) acknowledged_at: Option<String>,
    /// It is up to date when it has applied this one.
    pub(crate) scope_revision: u64,
    pub(crate) up_to_date: bool,
    /// It cannot acknowledge: what it was sent is all that is known.
    pub(crate) delivered_only: bool,
    pub(crate) digest_mismatches: u64,
    /// Why it refused the last update; empty when it did not.
    pub(crate) refused: String,
    #[serde(skip)]
    connected_briefly: String,
}

/// The instances of a service in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ServiceView {
    pub(crate) environment: String,
    pub(crate) service: String,
    pub(crate) instances: usize,
    pub(crate) up_to_date: usize,
    /// The oldest and the newest revision that one of them has applied.
    pub(crate) applied_revision_min: u64,
    pub(crate) applied_revision_max: u64,
}

impl SubscriberView {
    pub(crate) fn of(subscriber: v1::Subscriber) -> Self {
        Self {
            connected_at: moment::exactly(subscriber.connected_at.as_ref()),
            connected_briefly: moment::briefly(subscriber.connected_at.as_ref()),
            acknowledged_at: moment::exactly(subscriber.acknowledged_at.as_ref()),
            up_to_date: !subscriber.delivered_only
                && subscriber.applied_revision >= subscriber.scope_revision
                && subscriber.refused.is_empty(),
            delivered_only: subscriber.delivered_only,
            stream_id: subscriber.stream_id,
            environment: subscriber.environment,
            service: subscriber.service,
            instance: subscriber.instance,
            sdk: subscriber.sdk,
            address: subscriber.address,
            sent_revision: subscriber.sent_revision,
            applied_revision: subscriber.applied_revision,
            scope_revision: subscriber.scope_revision,
            digest_mismatches: subscriber.digest_mismatches,
            refused: subscriber.refused,
        }
    }

    fn applied(&self) -> Span {
        if self.delivered_only {
            return Span::new("-", Tone::Faint);
        }
        Span::from(self.applied_revision.to_string())
    }

    fn standing(&self) -> Span {
        if self.delivered_only {
            Span::new(&format!("delivered {}", self.sent_revision), Tone::Faint)
        } else if !self.refused.is_empty() {
            Span::new(&format!("refused: {}", self.refused), Tone::Partial)
        } else if self.up_to_date {
            Span::new("up to date", Tone::Good)
        } else {
            Span::new(&format!("behind revision {}", self.scope_revision), Tone::Partial)
        }
    }
}

impl View for SubscribersView {
    fn page(&self) -> Page {
        if self.subscribers.is_empty() {
            return Page::of_line("nobody is connected");
        }
        let headings = ["ENVIRONMENT", "SERVICE", "INSTANCE", "APPLIED", "STATE", "SDK", "ADDRESS", "SINCE"];
        let mut rows: Vec<Vec<Span>> = vec![headings.map(|heading| Span::new(heading, Tone::Faint)).into()];
        rows.extend(self.subscribers.iter().map(|subscriber| {
            vec![
                Span::from(subscriber.environment.as_str()),
                Span::from(subscriber.service.as_str()),
                Span::from(subscriber.instance.as_str()),
                subscriber.applied(),
                subscriber.standing(),
                Span::from(subscriber.sdk.as_str()),
                Span::from(subscriber.address.as_str()),
                Span::new(&subscriber.connected_briefly, Tone::Faint),
            ]
        }));
        let mut page = Page::default();
        page.table(0, rows);
        page
    }
}

/// Groups instances by environment and service. Those that cannot acknowledge are not among them.
pub(crate) fn by_service(subscribers: &[SubscriberView]) -> Vec<ServiceView> {
    let mut services: BTreeMap<(&str, &str), ServiceView> = BTreeMap::new();
    for subscriber in subscribers.iter().filter(|subscriber| !subscriber.delivered_only) {
        let key = (subscriber.environment.as_str(), subscriber.service.as_str());
        let service = services.entry(key).or_insert_with(|| ServiceView {
            environment: subscriber.environment.clone(),
            service: subscriber.service.clone(),
            instances: 0,
            up_to_date: 0,
            applied_revision_min: subscriber.applied_revision,
            applied_revision_max: subscriber.applied_revision,
        });
        service.instances += 1;
        service.up_to_date += usize::from(subscriber.up_to_date);
        service.applied_revision_min = service.applied_revision_min.min(subscriber.applied_revision);
        service.applied_revision_max = service.applied_revision_max.max(subscriber.applied_revision);
    }
    services.into_values().collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn subscriber(service: &str, instance: &str, applied: u64, scope: u64) -> SubscriberView {
        SubscriberView::of(v1::Subscriber {
            environment: "production".to_owned(),
            service: service.to_owned(),
            instance: instance.to_owned(),
            applied_revision: applied,
            scope_revision: scope,
            ..v1::Subscriber::default()
        })
    }

    #[test]
    fn instances_are_counted_by_service() {
        let subscribers =
            [subscriber("runner", "a", 7, 7), subscriber("ui", "b", 7, 7), subscriber("runner", "c", 5, 7)];
        let services = by_service(&subscribers);
        let counts: Vec<_> = services
            .iter()
            .map(|service| {
                (
                    service.service.as_str(),
                    service.up_to_date,
                    service.instances,
                    service.applied_revision_min,
                )
            })
            .collect();
        assert_eq!(counts, [("runner", 1, 2, 5), ("ui", 1, 1, 7)]);
    }

    #[test]
    fn who_cannot_acknowledge_is_shown_and_not_counted() {
        let delivered = SubscriberView::of(v1::Subscriber {
            environment: "production".to_owned(),
            instance: "python".to_owned(),
            sent_revision: 7,
            scope_revision: 7,
            delivered_only: true,
            ..v1::Subscriber::default()
        });
        assert!(by_service(std::slice::from_ref(&delivered)).is_empty());
        let view = SubscribersView { head_revision: 9, subscribers: vec![delivered] };
        assert_eq!(
            view.page().render(false),
            "ENVIRONMENT  SERVICE  INSTANCE  APPLIED  STATE        SDK  ADDRESS  SINCE\n\
             production            python    -        delivered 7                -\n"
        );
    }

    #[test]
    fn the_table_says_who_is_behind() {
        let view = SubscribersView {
            head_revision: 9,
            subscribers: vec![subscriber("runner", "a", 5, 7), subscriber("ui", "b", 7, 7)],
        };
        assert_eq!(
            view.page().render(false),
            "ENVIRONMENT  SERVICE  INSTANCE  APPLIED  STATE              SDK  ADDRESS  SINCE\n\
             production   runner   a         5        behind revision 7                -\n\
             production   ui       b         7        up to date                       -\n"
        );
    }
}
