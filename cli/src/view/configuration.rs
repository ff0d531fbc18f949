//! What a flag does in one environment.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::canary_part::Part;
use serde::Serialize;
use serde_json::Value as Json;

use crate::page::{Page, Span, Tone};
use crate::view::condition::ConditionView;
use crate::view::moment::Now;
use crate::view::overrides::OverrideView;
use crate::view::serve::{ServeView, words_of};
use crate::view::switched::SwitchedView;
use crate::view::value::json_of;

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
    /// All must be met.
    pub(crate) prerequisites: Vec<PrerequisiteView>,
    pub(crate) canary_part: CanaryPartView,
    pub(crate) overrides: Vec<OverrideView>,
    /// A flagd targeting expression in place of rules; null when there is none.
    pub(crate) targeting: Option<Json>,
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

/// Another flag that must serve one of some variants first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct PrerequisiteView {
    pub(crate) flag: String,
    pub(crate) variants: Vec<String>,
}

/// What whoever is on the canary allowlist gets: `"by_type"`, `"out"` or `{"variant": …}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CanaryPartView {
    /// The true variant of a boolean flag; a flag of another type takes no part.
    ByType,
    Out,
    Variant(String),
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
            switched: configuration.switched.as_ref().map(SwitchedView::of),
            prerequisites: configuration.prerequisites.iter().map(PrerequisiteView::of).collect(),
            canary_part: CanaryPartView::of(configuration.canary_part.as_ref()),
            overrides: configuration.overrides.iter().map(OverrideView::of).collect(),
            targeting: json_of(&configuration.targeting),
        }
    }

    /// Adds the lines of an environment.
    pub(crate) fn describe(&self, environment: &str, now: Now, page: &mut Page) {
        let switch =
            if self.enabled { Span::new("enabled", Tone::Good) } else { Span::new("disabled", Tone::Faint) };
        let by = match &self.switched {
            Some(switched) => format!(" {}", switched.words()),
            None => " (never switched)".to_owned(),
        };
        page.line([Span::from(format!("{environment}  ")), switch, Span::new(&by, Tone::Faint)]);
        for detached in &self.overrides {
            page.line([Span::new(&format!("  OVERRIDE: {}", detached.words(now)), Tone::Loud)]);
        }
        page.table(2, self.rows());
    }

    fn rows(&self) -> Vec<Vec<Span>> {
        let row = |label: &str, fact: String| vec![Span::from(label), Span::from(fact)];
        let mut rows: Vec<_> =
            self.prerequisites.iter().map(|prerequisite| row("needs", prerequisite.words())).collect();
        match &self.canary_part {
            CanaryPartView::ByType => {}
            CanaryPartView::Out => rows.push(row("canary", "takes no part".to_owned())),
            CanaryPartView::Variant(variant) => rows.push(row("canary", variant.clone())),
        }
        for (index, rule) in self.rules.iter().enumerate() {
            rows.push(row(&format!("rule {}", index + 1), rule.words.clone()));
        }
        if let Some(targeting) = &self.targeting {
            rows.push(row("targeting", targeting.to_string()));
        }
        let is_first = self.rules.is_empty() && self.targeting.is_none();
        let otherwise = if is_first { "serves" } else { "otherwise" };
        rows.push(row(otherwise, words_of(self.default_serve.as_ref())));
        rows.push(row("while off", self.off_variant.clone()));
        if !self.salt.is_empty() {
            rows.push(row("salt", self.salt.clone()));
        }
        rows
    }
}

impl PrerequisiteView {
    pub(crate) fn of(prerequisite: &v1::Prerequisite) -> Self {
        Self { flag: prerequisite.flag.clone(), variants: prerequisite.variants.clone() }
    }

    /// `oracle = on`, or `oracle = a or b`.
    pub(crate) fn words(&self) -> String {
        format!("{} = {}", self.flag, self.variants.join(" or "))
    }
}

impl CanaryPartView {
    pub(crate) fn of(part: Option<&v1::CanaryPart>) -> Self {
        match part.and_then(|part| part.part.as_ref()) {
            None => Self::ByType,
            Some(Part::Out(_)) => Self::Out,
            Some(Part::Variant(variant)) => Self::Variant(variant.clone()),
        }
    }
}

impl RuleView {
    pub(crate) fn of(rule: &v1::Rule) -> Self {
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
    use crate::view::overrides::tests::detached;
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
            prerequisites: vec![v1::Prerequisite {
                flag: "oracle".to_owned(),
                variants: vec!["on".to_owned(), "beta".to_owned()],
            }],
            canary_part: Some(v1::CanaryPart { part: Some(Part::Out(v1::NoCanary {})) }),
            overrides: vec![detached("runner", "off", 120)],
            ..v1::FlagConfiguration::default()
        };
        let mut page = Page::default();
        ConfigurationView::of(&configuration).describe("production", Now::of_seconds(60), &mut page);
        assert_eq!(
            page.render(false),
            "production  enabled by ada at 1970-01-01T00:00:00.000Z (revision 3)\n\
             \x20 OVERRIDE: runner gets off: 1m left, until 1970-01-01T00:02:00.000Z, by ada at 1970-01-01T00:00:00.000Z (revision 5)\n\
             \x20 needs      oracle = on or beta\n\
             \x20 canary     takes no part\n\
             \x20 rule 1     beta: if country equals \"DE\" then on\n\
             \x20 otherwise  25% on, 75% off\n\
             \x20 while off  off\n"
        );
    }

    #[test]
    fn targeting_stands_in_place_of_rules() {
        let configuration = v1::FlagConfiguration {
            enabled: true,
            off_variant: "off".to_owned(),
            targeting: r#"{"if":[{"==":[{"var":"plan"},"pro"]},"on"]}"#.to_owned(),
            default_serve: Some(variant("off")),
            ..v1::FlagConfiguration::default()
        };
        let view = ConfigurationView::of(&configuration);
        let mut page = Page::default();
        view.describe("production", Now::of_seconds(0), &mut page);
        assert_eq!(
            page.render(false),
            "production  enabled (never switched)\n\
             \x20 targeting  {\"if\":[{\"==\":[{\"var\":\"plan\"},\"pro\"]},\"on\"]}\n\
             \x20 otherwise  off\n\
             \x20 while off  off\n"
        );
        let document = serde_json::to_value(&view).unwrap();
        assert_eq!(document["canary_part"], "by_type");
        assert_eq!(document["targeting"]["if"][1], "on");
    }
}
