//! The findings of a check, and what each kind of field may hold.
//!
//! A check never stops at the first fault: every function here notes what is wrong and goes on.

use crate::condition::{Condition, Operator, Test};
use crate::flag::{FlagDefinition, Rule, Serve, Split};
use crate::key::{NAME_GRAMMAR, NameError, ServiceName, VariantName};
use crate::limits::{
    CONDITION_DEPTH_MAX, OPERAND_BYTES_MAX, OPERANDS_MAX, RULES_MAX, TAGS_MAX, TESTS_MAX, TEXT_BYTES_MAX,
    VALUE_BYTES_MAX, VALUE_DEPTH_MAX, VARIANTS_MAX, WEIGHT_TOTAL,
};
use crate::matcher;
use crate::rejection::{Reason, Violation};
use crate::value::{FlagType, Value};

/// How much of a wrong value is repeated in the answer.
const SHOWN_CHARS_MAX: usize = 80;

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) violations: Vec<Violation>,
    pub(crate) warnings: Vec<String>,
}

impl Findings {
    /// Notes that something is wrong.
    pub(crate) fn note(&mut self, reason: Reason, field: &str, value: &str, allowed: impl Into<String>) {
        let value = if value.chars().count() > SHOWN_CHARS_MAX {
            value
                .chars()
                .take(SHOWN_CHARS_MAX)
                .chain(std::iter::once('…'))
                .collect()
        } else {
            value.to_owned()
        };
        self.violations.push(Violation {
            reason,
            field: field.to_owned(),
            value,
            allowed: allowed.into(),
        });
    }

    /// Parses a name, or notes why it is none.
    pub(crate) fn name<N>(
        &mut self,
        field: &str,
        text: &str,
        parse: fn(&str) -> Result<N, NameError>,
    ) -> Option<N> {
        match parse(text) {
            Ok(name) => Some(name),
            Err(NameError) => {
                let reason = if text.is_empty() {
                    Reason::Required
                } else {
                    Reason::InvalidName
                };
                self.note(reason, field, text, NAME_GRAMMAR);
                None
            }
        }
    }

    /// Notes text that is too long or holds control characters.
    pub(crate) fn text(&mut self, field: &str, text: &str, bytes_max: usize) {
        if text.len() > bytes_max {
            self.note(
                Reason::TooLarge,
                field,
                text,
                format!("at most {bytes_max} bytes; this has {}", text.len()),
            );
        }
        if text
            .chars()
            .any(|letter| letter.is_control() && !matches!(letter, '\n' | '\t'))
        {
            let shown: String = text
                .chars()
                .map(|c| if c.is_control() { '\u{fffd}' } else { c })
                .collect();
            self.note(
                Reason::InvalidName,
                field,
                &shown,
                "text without control characters",
            );
        }
    }

    /// Notes more items than allowed; false when there are.
    pub(crate) fn count(&mut self, field: &str, count: usize, count_max: usize) -> bool {
        if count > count_max {
            self.note(
                Reason::TooLarge,
                field,
                &count.to_string(),
                format!("at most {count_max}"),
            );
        }
        count <= count_max
    }

    /// Checks tags.
    pub(crate) fn tags(&mut self, field: &str, tags: &[String]) -> Vec<Box<str>> {
        if !self.count(field, tags.len(), TAGS_MAX) {
            return Vec::new();
        }
        for (index, tag) in tags.iter().enumerate() {
            self.text(&format!("{field}[{index}]"), tag, TEXT_BYTES_MAX);
        }
        tags.iter().map(|tag| Box::from(tag.as_str())).collect()
    }

    /// Checks service names.
    pub(crate) fn services(&mut self, field: &str, services: &[String]) -> Vec<ServiceName> {
        if !self.count(field, services.len(), TAGS_MAX) {
            return Vec::new();
        }
        let mut names: Vec<ServiceName> = Vec::new();
        for (index, service) in services.iter().enumerate() {
            let field = format!("{field}[{index}]");
            let Some(name) = self.name(&field, service, ServiceName::parse) else {
                continue;
            };
            if names.contains(&name) {
                self.note(Reason::Duplicate, &field, service, "each service once");
            } else {
                names.push(name);
            }
        }
        names
    }

    /// Checks the variants of a flag of a type.
    pub(crate) fn variants(
        &mut self,
        field: &str,
        flag_type: FlagType,
        variants: &[(String, Value)],
    ) -> Vec<crate::flag::Variant> {
        if variants.is_empty() {
            self.note(
                Reason::Required,
                field,
                "",
                format!("1 to {VARIANTS_MAX} variants of type {flag_type}"),
            );
        }
        if !self.count(field, variants.len(), VARIANTS_MAX) {
            return Vec::new();
        }
        let mut checked: Vec<crate::flag::Variant> = Vec::new();
        for (index, (name, value)) in variants.iter().enumerate() {
            let field = format!("{field}[{index}]");
            self.value(&format!("{field}.value"), flag_type, value);
            let Some(name) = self.name(&format!("{field}.name"), name, VariantName::parse) else {
                continue;
            };
            if checked.iter().any(|variant| variant.name == name) {
                self.note(
                    Reason::Duplicate,
                    &format!("{field}.name"),
                    name.as_str(),
                    "each variant name once",
                );
            }
            checked.push(crate::flag::Variant {
                name,
                value: value.clone(),
            });
        }
        checked
    }

    fn value(&mut self, field: &str, flag_type: FlagType, value: &Value) {
        if value.flag_type() != Some(flag_type) {
            let found = value.flag_type().map_or("null or a list", FlagType::as_str);
            self.note(
                Reason::WrongType,
                field,
                found,
                format!("a value of type {flag_type}"),
            );
        }
        if value.depth() > VALUE_DEPTH_MAX {
            let depth = value.depth().to_string();
            self.note(
                Reason::TooLarge,
                field,
                &depth,
                format!("at most {VALUE_DEPTH_MAX} levels of nesting"),
            );
        }
        if value.size() > VALUE_BYTES_MAX {
            let size = value.size().to_string();
            self.note(
                Reason::TooLarge,
                field,
                &size,
                format!("at most {VALUE_BYTES_MAX} bytes"),
            );
        }
        if !value.is_finite() {
            self.note(Reason::OutOfRange, field, "NaN or infinite", "a finite number");
        }
    }

    /// Checks that a name is one of the flag's variants.
    pub(crate) fn variant(
        &mut self,
        field: &str,
        name: &str,
        definition: &FlagDefinition,
    ) -> Option<VariantName> {
        let found = definition
            .variants
            .iter()
            .find(|variant| variant.name.as_str() == name);
        // A flag without variants was found wrong before.
        if found.is_none() && !definition.variants.is_empty() {
            let names: Vec<&str> = definition
                .variants
                .iter()
                .map(|variant| variant.name.as_str())
                .collect();
            let allowed = format!("one of {} of flag {}", names.join(", "), definition.key);
            self.note(Reason::UnknownVariant, field, name, allowed);
        }
        found.map(|variant| variant.name.clone())
    }

    /// Checks what is served.
    pub(crate) fn serve(&mut self, field: &str, serve: &Serve, definition: &FlagDefinition) {
        match serve {
            Serve::Variant(name) => {
                self.variant(&format!("{field}.variant"), name.as_str(), definition);
            }
            Serve::Split(split) => self.split(&format!("{field}.split"), split, definition),
        }
    }

    fn split(&mut self, field: &str, split: &Split, definition: &FlagDefinition) {
        if !self.count(&format!("{field}.weights"), split.weights.len(), VARIANTS_MAX) {
            return;
        }
        let mut total: u64 = 0;
        let mut seen: Vec<&VariantName> = Vec::new();
        for (index, weighted) in split.weights.iter().enumerate() {
            let field = format!("{field}.weights[{index}].variant");
            self.variant(&field, weighted.variant.as_str(), definition);
            if seen.contains(&&weighted.variant) {
                self.note(
                    Reason::Duplicate,
                    &field,
                    weighted.variant.as_str(),
                    "each variant once",
                );
            }
            seen.push(&weighted.variant);
            total += u64::from(weighted.weight);
        }
        if total != u64::from(WEIGHT_TOTAL) {
            let allowed = format!("weights in thousandths of a percent that add up to {WEIGHT_TOTAL}");
            self.note(
                Reason::InvalidWeights,
                &format!("{field}.weights"),
                &total.to_string(),
                allowed,
            );
        }
        if let Some(attribute) = &split.bucket_by {
            self.attribute(&format!("{field}.bucket_by"), attribute);
        }
    }

    /// Checks rules.
    pub(crate) fn rules(&mut self, field: &str, rules: &[Rule], definition: &FlagDefinition) {
        if !self.count(field, rules.len(), RULES_MAX) {
            return;
        }
        for (index, rule) in rules.iter().enumerate() {
            let field = format!("{field}[{index}]");
            self.text(&format!("{field}.name"), &rule.name, TEXT_BYTES_MAX);
            let tests = test_count(&rule.condition);
            if tests > TESTS_MAX {
                let allowed = format!("at most {TESTS_MAX} tests in one rule");
                self.note(
                    Reason::TooLarge,
                    &format!("{field}.condition"),
                    &tests.to_string(),
                    allowed,
                );
            } else {
                self.condition(&format!("{field}.condition"), &rule.condition, 1);
            }
            self.serve(&format!("{field}.serve"), &rule.serve, definition);
        }
    }

    fn condition(&mut self, field: &str, condition: &Condition, level: usize) {
        match condition {
            Condition::Test(test) => self.test(&format!("{field}.test"), test),
            _ if level > CONDITION_DEPTH_MAX => {
                let allowed = format!("at most {CONDITION_DEPTH_MAX} levels");
                self.note(Reason::TooLarge, field, &level.to_string(), allowed);
            }
            Condition::Not(inner) => self.condition(&format!("{field}.not"), inner, level + 1),
            Condition::All(inner) | Condition::Any(inner) => {
                let word = if matches!(condition, Condition::All(_)) {
                    "all"
                } else {
                    "any"
                };
                for (index, inner) in inner.iter().enumerate() {
                    self.condition(&format!("{field}.{word}[{index}]"), inner, level + 1);
                }
            }
        }
    }

    fn attribute(&mut self, field: &str, attribute: &str) {
        if attribute.is_empty() || attribute.split('.').any(str::is_empty) {
            self.note(
                Reason::Required,
                field,
                attribute,
                "an attribute name, or several joined by dots",
            );
        }
        self.text(field, attribute, TEXT_BYTES_MAX);
    }

    fn test(&mut self, field: &str, test: &Test) {
        self.attribute(&format!("{field}.attribute"), &test.attribute);
        let field = format!("{field}.operands");
        if !self.count(&field, test.operands.len(), OPERANDS_MAX) {
            return;
        }
        for (index, operand) in test.operands.iter().enumerate() {
            let field = format!("{field}[{index}]");
            if operand.size() > OPERAND_BYTES_MAX {
                let allowed = format!("at most {OPERAND_BYTES_MAX} bytes");
                self.note(Reason::TooLarge, &field, &operand.size().to_string(), allowed);
            }
            // As deep as a variant's value may be, and for the same reason.
            if operand.depth() > VALUE_DEPTH_MAX {
                let allowed = format!("at most {VALUE_DEPTH_MAX} levels of nesting");
                self.note(Reason::TooLarge, &field, &operand.depth().to_string(), allowed);
            }
            if !operand.is_finite() {
                self.note(Reason::OutOfRange, &field, "NaN or infinite", "a finite number");
            }
        }
        if let Err(wrong) = matcher::Matcher::compile(test.operator, &test.operands) {
            let at = wrong
                .index
                .map_or_else(|| field.clone(), |index| format!("{field}[{index}]"));
            let value = wrong
                .index
                .and_then(|index| test.operands.get(index))
                .map(|value| format!("{value:?}"));
            let value = value.unwrap_or_else(|| test.operands.len().to_string());
            self.note(Reason::InvalidOperand, &at, &value, wrong.allowed);
        }
        if test.operator == Operator::Exists && !test.operands.is_empty() {
            self.note(
                Reason::InvalidOperand,
                &field,
                &test.operands.len().to_string(),
                "no operand for `exists`",
            );
        }
    }
}

/// How many tests a condition has. An empty group counts as one, or a condition could be long without having any.
fn test_count(condition: &Condition) -> usize {
    match condition {
        Condition::Test(_) => 1,
        Condition::Not(inner) => test_count(inner),
        Condition::All(inner) | Condition::Any(inner) => inner.iter().map(test_count).sum::<usize>().max(1),
    }
}
