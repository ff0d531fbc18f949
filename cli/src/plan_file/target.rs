//! What a stage sets a flag to.

use std::collections::BTreeMap;

use mycelia_flags_core::key::{NAME_GRAMMAR, SegmentKey, VariantName};
use mycelia_flags_core::plan::Target;
use mycelia_flags_core::rejection::Reason;
use mycelia_flags_core::value::Value;

use super::fault::INVALID_FORM;
use super::node::{Content, Node};
use super::reading::{Reading, Spot};

const TARGETS: &str = "a percentage (25%), a band (40-50%), on, off, a number, a text in quotes, {segments: …, rest: …}, \
                       {variant: …} or {value: …}";
const FORMS: [&str; 4] = ["segments", "rest", "variant", "value"];

impl Reading {
    /// A target; notes what is none.
    pub(crate) fn target(&mut self, spot: &Spot<'_>) -> Option<Target> {
        if let Content::Mapping(_) = spot.node.content {
            return self.target_form(spot);
        }
        let (text, quoted) = self.scalar(spot, TARGETS)?;
        match text.trim() {
            "off" | "false" | "disabled" => return Some(Target::Disabled),
            "on" | "true" => return Some(Target::Percent(100.0)),
            text if text.ends_with('%') => return self.share(spot, text),
            _ => {}
        }
        match number(text) {
            _ if quoted => Some(Target::Value(Value::string(text))),
            Some(value) => Some(Target::Value(value)),
            None => {
                self.fault(spot, Reason::WrongType.as_str(), TARGETS);
                None
            }
        }
    }

    /// A percentage or a band.
    fn share(&mut self, spot: &Spot<'_>, text: &str) -> Option<Target> {
        // A sign at the beginning is no band's dash.
        let dash = text.char_indices().skip(1).find(|(_, letter)| matches!(letter, '-' | '–'));
        let Some((dash, letter)) = dash else {
            return self.percent_of(spot, text, text).map(Target::Percent);
        };
        let (from, to) = text.split_at(dash);
        let from = format!("{}%", from.trim().trim_end_matches('%'));
        let from = self.percent_of(spot, &from, text);
        let to = self.percent_of(spot, to.trim_start_matches(letter), text);
        let (from, to) = (from?, to?);
        if from <= to {
            return Some(Target::Band { from, to });
        }
        let allowed = "a band from the lower to the higher percentage, such as 40-50%";
        self.fault(spot, Reason::OutOfRange.as_str(), allowed);
        None
    }

    fn target_form(&mut self, spot: &Spot<'_>) -> Option<Target> {
        let fields = self.fields(spot, &FORMS)?;
        let forms = ["segments", "variant", "value"].into_iter().filter_map(|form| fields.get(form));
        match (&forms.collect::<Vec<_>>()[..], fields.get("rest")) {
            ([form], rest) if form.field.ends_with(".segments") => {
                let place = spot.path.clone();
                let rest = rest.map(|rest| rest.clone().known_as(format!("{place}.rest_percent")));
                self.matrix(form, &place, rest.as_ref())
            }
            ([form], None) if form.field.ends_with(".variant") => {
                self.name(form, VariantName::parse).map(Target::Variant)
            }
            ([form], None) => self.value(form).map(Target::Value),
            _ => {
                let allowed = "one of {segments: …, rest: …}, {variant: …} and {value: …}";
                self.fault(spot, INVALID_FORM, allowed);
                None
            }
        }
    }

    fn matrix(&mut self, spot: &Spot<'_>, place: &str, rest: Option<&Spot<'_>>) -> Option<Target> {
        let path = format!("{place}.shares");
        let segments =
            self.entries(&spot.clone().known_as(path.clone()), "a mapping of segments to percentages")?;
        let mut shares = Vec::new();
        for (key, spot) in segments.all() {
            let path = format!("{path}[{}]", shares.len());
            self.place(format!("{path}.segment"), key.mark, &spot.field, key.text.clone());
            self.place(path, spot.mark, &spot.field, spot.node.shown());
            let segment = SegmentKey::parse(&key.text).ok();
            if segment.is_none() {
                self.fault_at(key.mark, &spot.field, &key.text, Reason::InvalidName.as_str(), NAME_GRAMMAR);
            }
            if let (Some(percent), Some(segment)) = (self.percent(spot), segment) {
                shares.push((segment, percent));
            }
        }
        if segments.all().next().is_none() {
            self.fault(spot, Reason::Required.as_str(), "at least one segment and its percentage");
        }
        let rest = match rest {
            Some(rest) => {
                self.place(rest.path.clone(), rest.mark, &rest.field, rest.node.shown());
                Some(self.percent(rest)?)
            }
            None => None,
        };
        Some(Target::Matrix { shares, rest })
    }

    /// Any value, as JSON has them.
    fn value(&mut self, spot: &Spot<'_>) -> Option<Value> {
        match &spot.node.content {
            Content::Scalar { text, quoted } => Some(plain_value(text, *quoted, spot.node)),
            Content::List(_) => {
                let items = self.items(spot, "a list");
                items.iter().map(|item| self.value(item)).collect::<Option<Vec<_>>>().map(Value::List)
            }
            Content::Mapping(_) => {
                let entries = self.entries(spot, "named values")?;
                let named = entries
                    .all()
                    .map(|(key, spot)| self.value(spot).map(|value| (Box::from(key.text.as_str()), value)));
                named.collect::<Option<BTreeMap<Box<str>, Value>>>().map(Value::Object)
            }
        }
    }
}

fn plain_value(text: &str, quoted: bool, node: &Node) -> Value {
    match text {
        _ if quoted => Value::string(text),
        "true" => Value::Boolean(true),
        "false" => Value::Boolean(false),
        _ if node.is_null() => Value::Null,
        _ => number(text).unwrap_or_else(|| Value::string(text)),
    }
}

/// A number: whole ones stay whole, and what 64 bits do not hold is none.
fn number(text: &str) -> Option<Value> {
    let is_number =
        text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E'))
            && text.bytes().any(|byte| byte.is_ascii_digit());
    if !is_number {
        return None;
    }
    if !text.contains(['.', 'e', 'E']) {
        return text.parse().ok().map(Value::Integer);
    }
    text.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Float)
}
