//! The findings of a check, and what each kind of field may hold.
//!
//! A check never stops at the first fault: every function here notes what is wrong and goes on. Only when a whole
//! answer is full of faults does it take no more.

mod rules;

use crate::bucketing::Generation;
use crate::flag::{FlagDefinition, Variant};
use crate::key::{NAME_GRAMMAR, NameError, ServiceName, VariantName};
use crate::limits::{
    SCHEMA_BYTES_MAX, TAGS_MAX, TEXT_BYTES_MAX, VALUE_BYTES_MAX, VALUE_DEPTH_MAX, VARIANTS_MAX,
    VIOLATIONS_MAX,
};
use crate::rejection::{Reason, Violation};
use crate::schema::Schemas;
use crate::targeting::{CompiledTargeting, TargetingError};
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
    /// Whether as much is wrong as a rejection says.
    pub(crate) fn are_full(&self) -> bool {
        self.violations.len() >= VIOLATIONS_MAX
    }

    /// Notes that something is wrong, unless enough is.
    pub(crate) fn note(&mut self, reason: Reason, field: &str, value: &str, allowed: impl Into<String>) {
        if self.are_full() {
            return;
        }
        let value = if value.chars().count() > SHOWN_CHARS_MAX {
            value.chars().take(SHOWN_CHARS_MAX).chain(std::iter::once('…')).collect()
        } else {
            value.to_owned()
        };
        self.violations.push(Violation { reason, field: field.to_owned(), value, allowed: allowed.into() });
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
                let reason = if text.is_empty() { Reason::Required } else { Reason::InvalidName };
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
        if text.chars().any(|letter| letter.is_control() && !matches!(letter, '\n' | '\t')) {
            let shown: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
            self.note(Reason::InvalidText, field, &shown, "text without control characters");
        }
    }

    /// Notes more items than allowed; false when there are.
    pub(crate) fn count(&mut self, field: &str, count: usize, count_max: usize) -> bool {
        if count > count_max {
            self.note(Reason::TooLarge, field, &count.to_string(), format!("at most {count_max}"));
        }
        count <= count_max
    }

    /// Notes a percentage that is none.
    pub(crate) fn percent(&mut self, field: &str, percent: f64) {
        self.note(Reason::OutOfRange, field, &percent.to_string(), "0 to 100 with at most three decimals");
    }

    /// Notes rules on a flag whose targeting expression decides in place of them.
    pub(crate) fn excluded_by_targeting(&mut self, field: &str, definition: &FlagDefinition) {
        let allowed =
            "a flag without a targeting expression, which decides in place of rules; clear it first";
        self.note(Reason::NotApplicable, field, definition.key.as_str(), allowed);
    }

    /// Checks a targeting expression.
    pub(crate) fn targeting(
        &mut self,
        field: &str,
        targeting: &str,
        generation: Generation,
        definition: &FlagDefinition,
    ) {
        match CompiledTargeting::compile(targeting, generation) {
            Ok(compiled) => {
                for name in compiled.named_variants() {
                    self.variant(field, &name, definition);
                }
            }
            Err(TargetingError { path, allowed }) => {
                let field = if path.is_empty() { field.to_owned() } else { format!("{field}.{path}") };
                self.note(Reason::InvalidTargeting, &field, targeting, allowed);
            }
        }
    }

    /// Checks the values of variants by the schema that a flag has.
    pub(crate) fn values(&mut self, field: &str, schema: &str, variants: &[Variant], schemas: &dyn Schemas) {
        for (index, variant) in variants.iter().enumerate() {
            for fault in schemas.faults(schema, &variant.value) {
                let value = variant.value.to_string();
                self.note(Reason::SchemaViolation, &format!("{field}[{index}].value"), &value, fault);
            }
        }
    }

    /// Checks that the text is a schema, and that the value of every variant satisfies it.
    pub(crate) fn schema(&mut self, field: &str, schema: &str, variants: &[Variant], schemas: &dyn Schemas) {
        if schema.len() > SCHEMA_BYTES_MAX {
            let allowed = format!("at most {SCHEMA_BYTES_MAX} bytes; this has {}", schema.len());
            return self.note(Reason::TooLarge, field, schema, allowed);
        }
        if let Err(why) = schemas.check(schema) {
            return self.note(Reason::InvalidSchema, field, schema, why);
        }
        for variant in variants {
            for fault in schemas.faults(schema, &variant.value) {
                self.note(Reason::SchemaViolation, field, variant.name.as_str(), fault);
            }
        }
    }

    /// Checks tags.
    pub(crate) fn tags(&mut self, field: &str, tags: &[String]) -> Vec<Box<str>> {
        if !self.count(field, tags.len(), TAGS_MAX) {
            return Vec::new();
        }
        for (index, tag) in tags.iter().enumerate() {
            let field = format!("{field}[{index}]");
            self.text(&field, tag, TEXT_BYTES_MAX);
            if tag.trim().is_empty() {
                self.note(Reason::Required, &field, tag, "a tag that is not empty");
            } else if tags.iter().take(index).any(|known| known == tag) {
                self.note(Reason::Duplicate, &field, tag, "each tag once");
            }
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
    ) -> Vec<Variant> {
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
        let mut checked: Vec<Variant> = Vec::new();
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
            checked.push(Variant { name, value: value.clone() });
        }
        checked
    }

    fn value(&mut self, field: &str, flag_type: FlagType, value: &Value) {
        if value.flag_type() != Some(flag_type) {
            let found = value.flag_type().map_or("null or a list", FlagType::as_str);
            self.note(Reason::WrongType, field, found, format!("a value of type {flag_type}"));
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
            self.note(Reason::TooLarge, field, &size, format!("at most {VALUE_BYTES_MAX} bytes"));
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
        let found = definition.variants.iter().find(|variant| variant.name.as_str() == name);
        // A flag without variants was found wrong before.
        if found.is_none() && !definition.variants.is_empty() {
            let names: Vec<&str> = definition.variants.iter().map(|variant| variant.name.as_str()).collect();
            let allowed = format!("one of {} of flag {}", names.join(", "), definition.key);
            self.note(Reason::UnknownVariant, field, name, allowed);
        }
        found.map(|variant| variant.name.clone())
    }
}
