//! Flags: one in full, or all of them at a glance.

use std::collections::BTreeMap;

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;
use crate::view::configuration::ConfigurationView;
use crate::view::definition::DefinitionView;
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
    /// The revision that was read.
    pub(crate) revision: u64,
    /// In which order the environments are shown.
    #[serde(skip)]
    pub(crate) order: Vec<String>,
}

impl View for GetView {
    fn page(&self) -> Page {
        let definition = &self.flag.definition;
        let mut page = Page::default();
        let kind = format!("  {}, {}", definition.flag_type, definition.lifetime);
        page.line([Span::from(definition.key.as_str()), Span::new(&kind, Tone::Faint)]);
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
        ];
        let said = facts.into_iter().filter(|(_, fact)| !fact.is_empty());
        page.table(2, said.map(|(label, fact)| vec![Span::from(label), Span::from(fact)]).collect());
        let ordered = self.order.iter().filter_map(|name| self.flag.environments.get_key_value(name));
        let others = self.flag.environments.iter().filter(|(name, _)| !self.order.contains(name));
        for (name, environment) in ordered.chain(others) {
            page.blank();
            environment.configuration.describe(name, &mut page);
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
}

impl View for ListView {
    fn page(&self) -> Page {
        if self.flags.is_empty() {
            return Page::of_line("no flags yet (mycelia-flags create FLAG)");
        }
        let faint = |text: &str| Span::new(text, Tone::Faint);
        let mut heading = vec![faint("KEY"), faint("TYPE")];
        heading.extend(self.environments.iter().map(|environment| faint(&environment.to_uppercase())));
        let mut rows = vec![heading];
        for flag in &self.flags {
            let mut row =
                vec![Span::from(flag.definition.key.as_str()), Span::from(flag.definition.flag_type)];
            row.extend(self.environments.iter().map(
                |environment| match flag.environments.get(environment) {
                    Some(environment) => environment.glance.span(),
                    None => Span::from("-"),
                },
            ));
            rows.push(row);
        }
        let mut page = Page::default();
        page.table(0, rows);
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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

    #[test]
    fn the_list_has_a_column_for_each_environment() {
        let environments = vec!["staging".to_owned(), "production".to_owned()];
        let view = ListView { revision: 1, environments, flags: vec![FlagView::of(&flag())] };
        assert_eq!(
            view.page().render(false),
            "KEY     TYPE     STAGING  PRODUCTION\n\
             dreams  boolean  25%      off\n"
        );
    }

    #[test]
    fn the_document_of_a_flag_is_flat() {
        let view = GetView { flag: FlagView::of(&flag()), revision: 7, order: Vec::new() };
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
