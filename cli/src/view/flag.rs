//! Flags: one in full, or all of them at a glance.

use std::collections::BTreeMap;

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::inventory::AllFlags;
use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::configuration::ConfigurationView;
use crate::view::definition::DefinitionView;
use crate::view::guard::{GuardView, describe_latches};
use crate::view::moment::Now;
use crate::view::plan::list::DrivingView;
use crate::view::state::State;

/// A flag with its configurations: an element of `list`, and most of `get`.
#[derive(Debug, Serialize)]
pub(crate) struct FlagView {
    #[serde(flatten)]
    pub(crate) definition: DefinitionView,
    /// By environment.
    pub(crate) environments: BTreeMap<String, EnvironmentView>,
}

/// A flag in an environment.
#[derive(Debug, Serialize)]
pub(crate) struct EnvironmentView {
    /// At a glance: `off`, `on`, `25%`, `rules+50%`, `variant x`.
    pub(crate) state: String,
    #[serde(flatten)]
    pub(crate) configuration: ConfigurationView,
    #[serde(skip)]
    glance: State,
}

impl FlagView {
    pub(crate) fn of(flag: &v1::Flag) -> Self {
        let definition = flag.definition.clone().unwrap_or_default();
        let environment = |configuration: &v1::FlagConfiguration| {
            let glance = State::of_configuration(configuration, &definition.variants);
            let configuration = ConfigurationView::of(configuration);
            EnvironmentView { state: glance.text.clone(), configuration, glance }
        };
        let configurations = flag.configurations.iter();
        Self {
            environments: configurations
                .map(|(name, configuration)| (name.clone(), environment(configuration)))
                .collect(),
            definition: DefinitionView::of(&definition),
        }
    }
}

/// The answer of `get`.
#[derive(Debug, Serialize)]
pub(crate) struct GetView {
    #[serde(flatten)]
    pub(crate) flag: FlagView,
    /// The rollout plans that drive it.
    pub(crate) plans: Vec<DrivingView>,
    /// The guards that hold it down.
    pub(crate) latched: Vec<GuardView>,
    /// The revision that was read.
    pub(crate) revision: u64,
    /// In which order the environments are shown.
    #[serde(skip)]
    pub(crate) order: Vec<String>,
    #[serde(skip)]
    pub(crate) now: Now,
}

impl View for GetView {
    fn page(&self) -> Page {
        let definition = &self.flag.definition;
        let mut page = Page::default();
        let kind = format!("  {}, {}", definition.flag_type, definition.lifetime);
        page.line([Span::from(definition.key.as_str()), Span::new(&kind, Tone::Faint)]);
        describe_latches(&self.latched, &mut page);
        if let Some(archived) = &definition.archived {
            let archived = format!("  ARCHIVED {}: nobody is served it", archived.words());
            page.line([Span::new(&archived, Tone::Loud)]);
        }
        let variants: Vec<_> = definition
            .variants
            .iter()
            .map(|variant| format!("{} = {}", variant.name, variant.value))
            .collect();
        let services =
            if definition.services.is_empty() { "all".to_owned() } else { definition.services.join(", ") };
        let facts = [
            ("description", definition.description.clone()),
            ("variants", variants.join(", ")),
            ("owner", definition.owner.clone()),
            ("tags", definition.tags.join(", ")),
            ("services", services),
            ("browsers", if definition.client_visible { "may ask for its values" } else { "" }.to_owned()),
            ("ends", definition.expected_end.clone().unwrap_or_default()),
            ("schema", definition.schema.as_ref().map(ToString::to_string).unwrap_or_default()),
        ];
        let said = facts.into_iter().filter(|(_, fact)| !fact.is_empty());
        page.table(2, said.map(|(label, fact)| vec![Span::from(label), Span::from(fact)]).collect());
        for driving in &self.plans {
            page.line([Span::from("  "), driving.span()]);
        }
        let ordered = self.order.iter().filter_map(|name| self.flag.environments.get_key_value(name));
        let others = self.flag.environments.iter().filter(|(name, _)| !self.order.contains(name));
        for (name, environment) in ordered.chain(others) {
            page.blank();
            environment.configuration.describe(name, self.now, &mut page);
        }
        page
    }
}

/// The answer of `list`.
#[derive(Debug, Serialize)]
pub(crate) struct ListView {
    /// The revision that was read.
    pub(crate) revision: u64,
    pub(crate) environments: Vec<String>,
    pub(crate) flags: Vec<FlagView>,
    /// How many archived flags are not among them.
    pub(crate) archived_hidden: usize,
    #[serde(skip)]
    pub(crate) now: Now,
}

impl ListView {
    /// Archived flags are left out unless they are asked for.
    pub(crate) fn of(flags: &AllFlags, with_archived: bool, now: Now) -> Self {
        let is_archived =
            |flag: &&v1::Flag| flag.definition.as_ref().is_some_and(|flag| flag.archived.is_some());
        let archived = flags.flags.iter().filter(is_archived).count();
        let shown = flags.flags.iter().filter(|flag| with_archived || !is_archived(flag));
        Self {
            revision: flags.revision,
            environments: flags.environments.clone(),
            flags: shown.map(FlagView::of).collect(),
            archived_hidden: if with_archived { 0 } else { archived },
            now,
        }
    }

    /// A line for each override.
    fn overrides(&self) -> impl Iterator<Item = String> {
        self.flags.iter().flat_map(move |flag| {
            self.environments.iter().flat_map(move |name| {
                let overrides = flag.environments.get(name).map(|found| &found.configuration.overrides);
                overrides.into_iter().flatten().map(move |detached| {
                    format!("! {} in {name}: {}", flag.definition.key, detached.words(self.now))
                })
            })
        })
    }
}

impl View for ListView {
    fn page(&self) -> Page {
        let mut page = Page::default();
        if self.flags.is_empty() && self.archived_hidden == 0 {
            page.line([Span::from("no flags yet (mycelia-flags create FLAG)")]);
        } else if !self.flags.is_empty() {
            page.table(0, at_a_glance(&self.environments, self.flags.iter()));
        }
        for line in self.overrides() {
            page.line([Span::new(&line, Tone::Loud)]);
        }
        if self.archived_hidden > 0 {
            let hidden = format!("archived and not shown: {} (--archived)", self.archived_hidden);
            page.line([Span::new(&hidden, Tone::Faint)]);
        }
        page
    }
}

/// A row for each flag and a column for each environment; an override is marked with `!`.
pub(crate) fn at_a_glance<'a>(
    environments: &[String],
    flags: impl Iterator<Item = &'a FlagView>,
) -> Vec<Vec<Span>> {
    let faint = |text: &str| Span::new(text, Tone::Faint);
    let mut heading = vec![faint("KEY"), faint("TYPE")];
    heading.extend(environments.iter().map(|environment| faint(&environment.to_uppercase())));
    let mut rows = vec![heading];
    for flag in flags {
        let mut row = vec![Span::from(flag.definition.key.as_str()), Span::from(flag.definition.flag_type)];
        row.extend(environments.iter().map(|name| match flag.environments.get(name) {
            Some(_) if flag.definition.archived.is_some() => faint("archived"),
            Some(environment) => environment.cell(),
            None => Span::from("-"),
        }));
        rows.push(row);
    }
    rows
}

impl EnvironmentView {
    fn cell(&self) -> Span {
        if self.configuration.overrides.is_empty() {
            return self.glance.span();
        }
        Span::new(&format!("{} !", self.state), Tone::Loud)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::overrides::tests::detached;
    use crate::view::serve::tests::split;
    use crate::view::state::tests::on_and_off;

    fn flag() -> v1::Flag {
        let configuration = |enabled| v1::FlagConfiguration {
            enabled,
            off_variant: "off".to_owned(),
            default_variant: "on".to_owned(),
            default_serve: Some(split(&[("on", 25_000), ("off", 75_000)])),
            ..v1::FlagConfiguration::default()
        };
        v1::Flag {
            definition: Some(v1::FlagDefinition {
                key: "dreams".to_owned(),
                variants: on_and_off(),
                ..v1::FlagDefinition::default()
            }),
            configurations: BTreeMap::from([
                ("production".to_owned(), configuration(false)),
                ("staging".to_owned(), configuration(true)),
            ]),
        }
    }

    fn list(flags: Vec<v1::Flag>, with_archived: bool) -> String {
        let environments = vec!["staging".to_owned(), "production".to_owned()];
        let flags = AllFlags { revision: 1, environments, flags };
        ListView::of(&flags, with_archived, Now::of_seconds(60)).page().render(false)
    }

    #[test]
    fn the_list_has_a_column_for_each_environment() {
        assert_eq!(
            list(vec![flag()], false),
            "KEY     TYPE     STAGING  PRODUCTION\n\
             dreams  boolean  25%      off\n"
        );
    }

    #[test]
    fn the_list_marks_overrides_and_hides_what_is_archived() {
        let mut archived = flag();
        archived.definition.as_mut().unwrap().archived = Some(v1::Switched::default());
        let mut overridden = flag();
        let staging = overridden.configurations.get_mut("staging").unwrap();
        staging.overrides.push(detached("runner", "off", 3_660));
        let flags = vec![archived, overridden];
        assert_eq!(
            list(flags.clone(), false),
            "KEY     TYPE     STAGING  PRODUCTION\n\
             dreams  boolean  25% !    off\n\
             ! dreams in staging: runner gets off: 1h left, until 1970-01-01T01:01:00.000Z, by ada at 1970-01-01T00:00:00.000Z (revision 5)\n\
             archived and not shown: 1 (--archived)\n"
        );
        assert!(list(flags, true).contains("dreams  boolean  archived  archived\n"));
    }

    #[test]
    fn the_document_of_a_flag_is_flat() {
        let view = GetView {
            flag: FlagView::of(&flag()),
            plans: Vec::new(),
            latched: Vec::new(),
            revision: 7,
            order: Vec::new(),
            now: Now::of_seconds(0),
        };
        let document = serde_json::to_value(&view).unwrap();
        assert_eq!(document["key"], "dreams");
        assert_eq!(document["type"], "boolean");
        assert_eq!(document["lifetime"], "temporary");
        assert_eq!(document["revision"], 7);
        assert_eq!(document["variants"][0], serde_json::json!({"name": "on", "value": true}));
        assert_eq!(document["environments"]["staging"]["state"], "25%");
        assert_eq!(document["environments"]["staging"]["enabled"], true);
        assert_eq!(document["environments"]["staging"]["default_serve"]["split"][0]["percent"], 25.0);
        assert!(document["environments"]["production"]["switched"].is_null());
    }
}
