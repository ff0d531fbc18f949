//! What a flag does in one environment.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::view::condition::ConditionView;
use crate::view::moment;
use crate::view::serve::{ServeView, words_of};

/// A flag's configuration.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ConfigurationView {
    pub(crate) enabled: bool,
    pub(crate) default_serve: Option<ServeView>,
    pub(crate) rules: Vec<RuleView>,
    pub(crate) off_variant: String,
    pub(crate) default_variant: String,
    /// Empty: the flag's key.
    pub(crate) salt: String,
    /// Null while nobody has ever enabled or disabled the flag here.
    pub(crate) switched: Option<SwitchedView>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct RuleView {
    pub(crate) name: String,
    pub(crate) condition: Option<ConditionView>,
    pub(crate) serve: Option<ServeView>,
    /// The same in words.
    pub(crate) words: String,
}

/// Who switched, when, and in which revision.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct SwitchedView {
    pub(crate) actor: String,
    pub(crate) at: Option<String>,
    pub(crate) revision: u64,
    #[serde(skip)]
    at_briefly: String,
}

impl ConfigurationView {
    pub(crate) fn of(configuration: &v1::FlagConfiguration) -> Self {
        Self {
            enabled: configuration.enabled,
            default_serve: ServeView::of(configuration.default_serve.as_ref()),
            rules: configuration.rules.iter().map(RuleView::of).collect(),
            off_variant: configuration.off_variant.clone(),
            default_variant: configuration.default_variant.clone(),
            salt: configuration.salt.clone(),
            switched: configuration.switched.as_ref().map(|switched| SwitchedView {
                actor: switched.actor.clone(),
                at: moment::exactly(switched.at.as_ref()),
                revision: switched.revision,
                at_briefly: moment::briefly(switched.at.as_ref()),
            }),
        }
    }

    /// Adds the lines of an environment.
    pub(crate) fn describe(&self, environment: &str, page: &mut Page) {
        let switch =
            if self.enabled { Span::new("enabled", Tone::Good) } else { Span::new("disabled", Tone::Faint) };
        let by = match &self.switched {
            Some(switched) => {
                format!(" by {} at {} (revision {})", switched.actor, switched.at_briefly, switched.revision)
            }
            None => " (never switched)".to_owned(),
        };
        page.line([Span::from(format!("{environment}  ")), switch, Span::new(&by, Tone::Faint)]);
        let mut rows = Vec::new();
        for (index, rule) in self.rules.iter().enumerate() {
            let label = format!("rule {}", index + 1);
            rows.push(vec![Span::from(label), Span::from(rule.words.as_str())]);
        }
        let otherwise = if self.rules.is_empty() { "serves" } else { "otherwise" };
        rows.push(vec![Span::from(otherwise), Span::from(words_of(self.default_serve.as_ref()))]);
        rows.push(vec![Span::from("while off"), Span::from(self.off_variant.as_str())]);
        if !self.salt.is_empty() {
            rows.push(vec![Span::from("salt"), Span::from(self.salt.as_str())]);
        }
        page.table(2, rows);
    }
}

impl RuleView {
    fn of(rule: &v1::Rule) -> Self {
        let condition = ConditionView::of(rule.condition.as_ref());
        let serve = ServeView::of(rule.serve.as_ref());
        let when = condition.as_ref().map_or_else(|| "always".to_owned(), ConditionView::words);
        let name = if rule.name.is_empty() { String::new() } else { format!("{}: ", rule.name) };
        let words = format!("{name}if {when} then {}", words_of(serve.as_ref()));
        Self { name: rule.name.clone(), condition, serve, words }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::condition::tests::test;
    use crate::view::serve::tests::{split, variant};

    #[test]
    fn an_environment_reads_at_a_glance() {
        let configuration = v1::FlagConfiguration {
            enabled: true,
            off_variant: "off".to_owned(),
            rules: vec![v1::Rule {
                name: "beta".to_owned(),
                condition: Some(test("country", v1::Operator::Equals, &["DE"], false)),
                serve: Some(variant("on")),
            }],
            default_serve: Some(split(&[("on", 25_000), ("off", 75_000)])),
            switched: Some(v1::Switched {
                actor: "ada".to_owned(),
                at: Some(prost_types::Timestamp { seconds: 0, nanos: 0 }),
                revision: 3,
            }),
            ..v1::FlagConfiguration::default()
        };
        let mut page = Page::default();
        ConfigurationView::of(&configuration).describe("production", &mut page);
        assert_eq!(
            page.render(false),
            "production  enabled by ada at 1970-01-01T00:00:00.000Z (revision 3)\n\
             \x20 rule 1     beta: if country equals \"DE\" then on\n\
             \x20 otherwise  25% on, 75% off\n\
             \x20 while off  off\n"
        );
    }
}
