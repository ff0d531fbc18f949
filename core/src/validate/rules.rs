//! What rules and splits may hold.

use super::Findings;
use crate::condition::{Condition, Operator, Test};
use crate::flag::{FlagDefinition, Rule, Serve, Split};
use crate::key::{SegmentKey, VariantName};
use crate::limits::{
    CONDITION_DEPTH_MAX, OPERAND_BYTES_MAX, OPERANDS_MAX, RULES_BYTES_MAX, RULES_MAX, TESTS_MAX,
    TEXT_BYTES_MAX, VARIANTS_MAX, WEIGHT_TOTAL,
};
use crate::matcher::Matcher;
use crate::rejection::Reason;
use crate::value::Value;

impl Findings {
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
                self.note(Reason::Duplicate, &field, weighted.variant.as_str(), "each variant once");
            }
            seen.push(&weighted.variant);
            total += u64::from(weighted.weight);
        }
        if total != u64::from(WEIGHT_TOTAL) {
            let allowed = format!("weights in thousandths of a percent that add up to {WEIGHT_TOTAL}");
            self.note(Reason::InvalidWeights, &format!("{field}.weights"), &total.to_string(), allowed);
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
        let bytes: usize = rules.iter().map(rule_bytes).sum();
        if bytes > RULES_BYTES_MAX {
            let allowed =
                format!("at most {RULES_BYTES_MAX} bytes of names, attributes and operands together");
            self.note(Reason::TooLarge, field, &bytes.to_string(), allowed);
        }
        for (index, rule) in rules.iter().enumerate() {
            let field = format!("{field}[{index}]");
            self.text(&format!("{field}.name"), &rule.name, TEXT_BYTES_MAX);
            self.rule_condition(&format!("{field}.condition"), &rule.condition);
            self.serve(&format!("{field}.serve"), &rule.serve, definition);
        }
    }

    fn rule_condition(&mut self, field: &str, condition: &Condition) {
        let tests = test_count(condition);
        if tests > TESTS_MAX {
            let allowed = format!("at most {TESTS_MAX} tests in one condition");
            self.note(Reason::TooLarge, field, &tests.to_string(), allowed);
        } else {
            self.condition(field, condition, 1);
        }
    }

    /// Checks the condition of a segment, which names no segments.
    pub(crate) fn segment_condition(&mut self, field: &str, condition: &Condition) {
        let bytes = condition_bytes(condition);
        if bytes > RULES_BYTES_MAX {
            let allowed = format!("at most {RULES_BYTES_MAX} bytes of attributes and operands together");
            self.note(Reason::TooLarge, field, &bytes.to_string(), allowed);
        }
        for (field, segment) in condition.segments_at(field) {
            let allowed = "tests of attributes: a segment names no other segment";
            self.note(Reason::NotApplicable, &field, segment.as_str(), allowed);
        }
        self.rule_condition(field, condition);
    }

    fn condition(&mut self, field: &str, condition: &Condition, level: usize) {
        match condition {
            Condition::Segment(segment) => {
                self.name(&format!("{field}.segment"), segment.as_str(), SegmentKey::parse);
            }
            Condition::Test(test) => self.test(&format!("{field}.test"), test),
            _ if level > CONDITION_DEPTH_MAX => {
                let allowed = format!("at most {CONDITION_DEPTH_MAX} levels");
                self.note(Reason::TooLarge, field, &level.to_string(), allowed);
            }
            Condition::Not(inner) => self.condition(&format!("{field}.not"), inner, level + 1),
            Condition::All(inner) | Condition::Any(inner) => {
                let word = if matches!(condition, Condition::All(_)) { "all" } else { "any" };
                for (index, inner) in inner.iter().enumerate() {
                    self.condition(&format!("{field}.{word}[{index}]"), inner, level + 1);
                }
            }
        }
    }

    fn attribute(&mut self, field: &str, attribute: &str) {
        if attribute.is_empty() || attribute.split('.').any(str::is_empty) {
            self.note(Reason::Required, field, attribute, "an attribute name, or several joined by dots");
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
            let is_compared = matches!(test.operator, Operator::Equals | Operator::In | Operator::Contains);
            if is_compared && !is_plain(operand) {
                let allowed = "text, a number or a boolean";
                self.note(Reason::InvalidOperand, &field, &operand.to_string(), allowed);
            }
            if !operand.is_finite() {
                self.note(Reason::OutOfRange, &field, "NaN or infinite", "a finite number");
            }
        }
        if let Err(wrong) = Matcher::compile(test.operator, &test.operands) {
            let at = wrong.index.map_or_else(|| field.clone(), |index| format!("{field}[{index}]"));
            let value = wrong.index.and_then(|index| test.operands.get(index)).map(ToString::to_string);
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

/// Whether flagd's language can compare with the value in every provider: lists and objects have no equality there, and
/// null is what a missing attribute is.
const fn is_plain(operand: &Value) -> bool {
    !matches!(operand, Value::Null | Value::List(_) | Value::Object(_))
}

/// How many tests a condition has. An empty group counts as one, or a condition could be long without having any.
fn test_count(condition: &Condition) -> usize {
    match condition {
        Condition::Test(_) | Condition::Segment(_) => 1,
        Condition::Not(inner) => test_count(inner),
        Condition::All(inner) | Condition::Any(inner) => inner.iter().map(test_count).sum::<usize>().max(1),
    }
}

/// Roughly how many bytes a rule takes when it is written down: everything in it whose length is the caller's.
fn rule_bytes(rule: &Rule) -> usize {
    let serve = match &rule.serve {
        Serve::Variant(_) => 0,
        Serve::Split(split) => split.bucket_by.as_deref().map_or(0, str::len),
    };
    let variants: usize = rule.serve.variants().map(|name| name.as_str().len()).sum();
    rule.name.len() + condition_bytes(&rule.condition) + serve + variants
}

fn condition_bytes(condition: &Condition) -> usize {
    match condition {
        // An operand without content takes room too.
        Condition::Test(test) => {
            let operands = test.operands.iter().map(|operand| operand.size() + 1);
            test.attribute.len() + operands.sum::<usize>()
        }
        Condition::Segment(segment) => segment.as_str().len(),
        Condition::Not(inner) => condition_bytes(inner),
        Condition::All(inner) | Condition::Any(inner) => inner.iter().map(condition_bytes).sum(),
    }
}
