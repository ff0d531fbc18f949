//! What a flag does in an environment, in one or two words: `off`, `on`, `25%`, `rules+50%`, `targeting+on`,
//! `variant x`.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::serve::Serve;
use mycelia_flags_proto::v1::value::Kind;

use crate::page::{Span, Tone};
use crate::percent::Percent;

/// The words and how they stand out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) text: String,
    tone: Tone,
}

impl State {
    /// Of a flag's configuration.
    pub(crate) fn of_configuration(configuration: &v1::FlagConfiguration, variants: &[v1::Variant]) -> Self {
        let before = Before::of(&configuration.rules, &configuration.targeting);
        Self::of(configuration.enabled, before, configuration.default_serve.as_ref(), variants)
    }

    /// Of what an enabled flag serves when no rule matches.
    pub(crate) fn of_default(configuration: &v1::FlagConfiguration, variants: &[v1::Variant]) -> Self {
        Self::of(true, Before::Nothing, configuration.default_serve.as_ref(), variants)
    }

    /// Of a flag as an environment's subscribers get it.
    pub(crate) fn of_effective(flag: &v1::EffectiveFlag) -> Self {
        let before = Before::of(&flag.rules, &flag.targeting);
        Self::of(flag.enabled, before, flag.default_serve.as_ref(), &flag.variants)
    }

    fn of(enabled: bool, before: Before, serve: Option<&v1::Serve>, variants: &[v1::Variant]) -> Self {
        if !enabled {
            return Self { text: "off".to_owned(), tone: Tone::Faint };
        }
        let (text, tone) = match serve.and_then(|serve| serve.serve.as_ref()) {
            None => ("nothing".to_owned(), Tone::Partial),
            Some(Serve::Variant(name)) => of_variant(name, variants),
            Some(Serve::Split(split)) => of_split(split, variants),
        };
        match before {
            Before::Nothing => Self { text, tone },
            Before::Rules => Self { text: format!("rules+{text}"), tone: Tone::Partial },
            Before::Targeting => Self { text: format!("targeting+{text}"), tone: Tone::Partial },
        }
    }

    pub(crate) const fn tone(&self) -> Tone {
        self.tone
    }

    pub(crate) fn span(&self) -> Span {
        Span::new(&self.text, self.tone)
    }
}

/// What decides before the default serve does.
#[derive(Debug, Clone, Copy)]
enum Before {
    Nothing,
    Rules,
    Targeting,
}

impl Before {
    fn of(rules: &[v1::Rule], targeting: &str) -> Self {
        match (rules.is_empty(), targeting.is_empty()) {
            (_, false) => Self::Targeting,
            (false, true) => Self::Rules,
            (true, true) => Self::Nothing,
        }
    }
}

fn of_variant(name: &str, variants: &[v1::Variant]) -> (String, Tone) {
    match boolean(name, variants) {
        Some(true) => ("on".to_owned(), Tone::Good),
        Some(false) => (format!("variant {name}"), Tone::Faint),
        None => (format!("variant {name}"), Tone::Good),
    }
}

fn of_split(split: &v1::Split, variants: &[v1::Variant]) -> (String, Tone) {
    let is_boolean = split.weights.iter().all(|share| boolean(&share.variant, variants).is_some());
    if !is_boolean {
        let shares = split.weights.iter();
        let shares: Vec<_> = shares
            .map(|share| format!("{} {}", share.variant, Percent::of_thousandths(share.weight)))
            .collect();
        return (shares.join("/"), Tone::Partial);
    }
    let on = split.weights.iter().filter(|share| boolean(&share.variant, variants) == Some(true));
    let on = Percent::of_thousandths(on.map(|share| share.weight).sum());
    let tone = match on {
        all if all.is_all() => Tone::Good,
        none if none.is_none() => Tone::Faint,
        _ => Tone::Partial,
    };
    (on.to_string(), tone)
}

/// The value of a variant, if it is a boolean one.
pub(crate) fn boolean(name: &str, variants: &[v1::Variant]) -> Option<bool> {
    let variant = variants.iter().find(|variant| variant.name == name)?;
    match variant.value.as_ref()?.kind {
        Some(Kind::BooleanValue(boolean)) => Some(boolean),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::view::serve::tests::{split, variant};

    pub(crate) fn named(name: &str, kind: Kind) -> v1::Variant {
        v1::Variant { name: name.to_owned(), value: Some(v1::Value { kind: Some(kind) }) }
    }

    pub(crate) fn on_and_off() -> Vec<v1::Variant> {
        vec![named("on", Kind::BooleanValue(true)), named("off", Kind::BooleanValue(false))]
    }

    #[track_caller]
    fn check(enabled: bool, rules: usize, serve: v1::Serve, variants: &[v1::Variant], expected: &str) {
        let configuration = v1::FlagConfiguration {
            enabled,
            rules: vec![v1::Rule::default(); rules],
            default_serve: Some(serve),
            ..v1::FlagConfiguration::default()
        };
        assert_eq!(State::of_configuration(&configuration, variants).text, expected);
    }

    #[test]
    fn states_are_one_or_two_words() {
        let boolean = on_and_off();
        check(false, 2, variant("on"), &boolean, "off");
        check(true, 0, variant("on"), &boolean, "on");
        check(true, 0, variant("off"), &boolean, "variant off");
        check(true, 0, split(&[("on", 25_000), ("off", 75_000)]), &boolean, "25%");
        check(true, 0, split(&[("off", 100_000), ("on", 0)]), &boolean, "0%");
        check(true, 0, split(&[("on", 100_000), ("off", 0)]), &boolean, "100%");
        check(true, 1, split(&[("on", 50_000), ("off", 50_000)]), &boolean, "rules+50%");
        check(true, 1, variant("on"), &boolean, "rules+on");
        let targeted = v1::EffectiveFlag {
            enabled: true,
            variants: on_and_off(),
            default_serve: Some(variant("on")),
            targeting: "{}".to_owned(),
            ..v1::EffectiveFlag::default()
        };
        assert_eq!(State::of_effective(&targeted).text, "targeting+on");

        let sizes = [named("small", Kind::IntegerValue(1)), named("large", Kind::IntegerValue(9))];
        check(true, 0, variant("small"), &sizes, "variant small");
        check(true, 0, split(&[("small", 30_000), ("large", 70_000)]), &sizes, "small 30%/large 70%");
        check(false, 0, variant("small"), &sizes, "off");
    }
}
