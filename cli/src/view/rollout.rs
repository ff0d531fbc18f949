//! How far each flag is in one environment: a word, and what is behind it.

use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::view::matrix::Matrix;
use crate::view::state::State;
use crate::view::switched::SwitchedView;

/// One flag.
#[derive(Debug, Serialize)]
pub(crate) struct RolloutView {
    pub(crate) flag: String,
    /// `off`, `on`, `10%`, `matrix`, `3 rules`, `targeting`, `variant x`.
    pub(crate) state: String,
    pub(crate) enabled: bool,
    /// What is behind the word; may be empty.
    pub(crate) detail: String,
    #[serde(skip)]
    tone: Tone,
}

impl RolloutView {
    /// None for a flag that is archived or not configured here.
    pub(crate) fn of(flag: &v1::Flag, environment: &str) -> Option<Self> {
        let definition = flag.definition.as_ref().filter(|definition| definition.archived.is_none())?;
        let configuration = flag.configurations.get(environment)?;
        let (state, detail, tone) = state_of(configuration, &definition.variants);
        Some(Self { flag: definition.key.clone(), state, enabled: configuration.enabled, detail, tone })
    }

    fn row(&self) -> Vec<Span> {
        vec![
            Span::from(self.flag.as_str()),
            Span::new(&self.state, self.tone),
            Span::new(&self.detail, Tone::Faint),
        ]
    }
}

fn state_of(configuration: &v1::FlagConfiguration, variants: &[v1::Variant]) -> (String, String, Tone) {
    let default = State::of_default(configuration, variants);
    if !configuration.enabled {
        let switched = configuration.switched.as_ref().map(SwitchedView::of);
        let by = switched
            .map_or_else(|| "never switched".to_owned(), |switched| format!("disabled {}", switched.words()));
        return ("off".to_owned(), by, Tone::Faint);
    }
    if !configuration.targeting.is_empty() {
        return ("targeting".to_owned(), format!("otherwise {}", default.text), Tone::Partial);
    }
    let matrix = Matrix::of(configuration, variants);
    match configuration.rules.len() {
        0 => (default.text.clone(), String::new(), default.tone()),
        _ if matrix.is_all() => ("matrix".to_owned(), matrix.words(&default.text), Tone::Partial),
        1 => ("1 rule".to_owned(), format!("otherwise {}", default.text), Tone::Partial),
        count => (format!("{count} rules"), format!("otherwise {}", default.text), Tone::Partial),
    }
}

/// Adds the table of all flags.
pub(crate) fn describe(environment: &str, rollouts: &[RolloutView], page: &mut Page) {
    let heading = format!("FLAGS IN {}", environment.to_uppercase());
    let headings = [heading.as_str(), "STATE", ""];
    let mut rows: Vec<Vec<Span>> = vec![headings.map(|heading| Span::new(heading, Tone::Faint)).into()];
    rows.extend(rollouts.iter().map(RolloutView::row));
    page.table(0, rows);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::view::matrix::tests::segment_rule;
    use crate::view::serve::tests::{split, variant};
    use crate::view::state::tests::on_and_off;

    fn flag(key: &str, configuration: v1::FlagConfiguration) -> v1::Flag {
        v1::Flag {
            definition: Some(v1::FlagDefinition {
                key: key.to_owned(),
                variants: on_and_off(),
                ..v1::FlagDefinition::default()
            }),
            configurations: BTreeMap::from([("production".to_owned(), configuration)]),
        }
    }

    fn enabled(rules: Vec<v1::Rule>, default_serve: v1::Serve) -> v1::FlagConfiguration {
        v1::FlagConfiguration {
            enabled: true,
            rules,
            default_serve: Some(default_serve),
            ..v1::FlagConfiguration::default()
        }
    }

    #[test]
    fn each_flag_has_a_word_and_what_is_behind_it() {
        let ten = || split(&[("on", 10_000), ("off", 90_000)]);
        let by_segment = || vec![segment_rule("A", 100_000), segment_rule("B", 75_000)];
        let mut targeted = enabled(Vec::new(), variant("off"));
        targeted.targeting = "{}".to_owned();
        let mut archived = flag("old", enabled(Vec::new(), variant("on")));
        archived.definition.as_mut().unwrap().archived = Some(v1::Switched::default());
        let flags = [
            flag("a", enabled(Vec::new(), ten())),
            flag("b", enabled(by_segment(), split(&[("on", 0), ("off", 100_000)]))),
            flag("c", enabled(vec![v1::Rule::default(); 3], variant("on"))),
            flag("d", v1::FlagConfiguration::default()),
            flag("e", targeted),
            archived,
        ];
        let rollouts: Vec<_> = flags.iter().filter_map(|flag| RolloutView::of(flag, "production")).collect();
        let mut page = Page::default();
        describe("production", &rollouts, &mut page);
        assert_eq!(
            page.render(false),
            "FLAGS IN PRODUCTION  STATE\n\
             a                    10%\n\
             b                    matrix     A 100%, B 75%, everybody else 0%\n\
             c                    3 rules    otherwise on\n\
             d                    off        never switched\n\
             e                    targeting  otherwise variant off\n"
        );
        assert!(RolloutView::of(&flags[0], "staging").is_none());
    }
}
