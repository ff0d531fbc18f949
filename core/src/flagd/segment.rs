//! Whom rules are about: segments and the canary allowlist, by name or written out.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::decision::fractional;
use super::logic::{all, any, is_truthy, not, one_of, same, text, var};
use super::{Audiences, Translator, Untranslatable};
use crate::context::TARGETING_KEY;
use crate::key::SegmentKey;
use crate::limits::WEIGHT_TOTAL;
use crate::list::ListKey;
use crate::segment::Share;
use crate::value::Value;

/// The evaluator of the canary allowlist. Those of segments begin otherwise.
const CANARY: &str = "canary";
const SEGMENT_PREFIX: &str = "segment-";
/// Bytes of a share, roughly, beside its salt.
const SHARE_BYTES: usize = 150;
/// The entry of a share that is in.
const IN: &str = "in";

impl Translator<'_> {
    /// Whether a subject is in a segment. Nobody is in one that is not there.
    pub(super) fn segment(&mut self, key: &SegmentKey) -> Result<Value, Untranslatable> {
        // Some providers find a name by an expression in which a dot is any character.
        let name = format!("{SEGMENT_PREFIX}{}", key.as_str().replace('.', "~"));
        self.audience(&name, |translator| translator.membership(key))
    }

    /// Whether canary mode is on and a subject on its allowlist.
    pub(super) fn canary(&mut self) -> Result<Value, Untranslatable> {
        if !self.source.snapshot.canary(self.source.environment).on {
            return Ok(Value::Boolean(false));
        }
        self.audience(CANARY, |translator| translator.is_listed(&ListKey::Canary))
    }

    fn audience(
        &mut self,
        name: &str,
        translate: impl FnOnce(&mut Self) -> Result<Value, Untranslatable>,
    ) -> Result<Value, Untranslatable> {
        if self.audiences == Audiences::Inlined {
            return translate(self);
        }
        let reference = Value::Object(BTreeMap::from([(Box::from("$ref"), text(name))]));
        if self.evaluators.contains_key(name) {
            return Ok(reference);
        }
        // It stands once in the document, so it is no part of the flag.
        let (flag_bytes, document_bytes) = (self.flag_bytes, self.document_bytes);
        (self.flag_bytes, self.document_bytes) = (usize::MAX, usize::MAX);
        let expression = translate(self);
        (self.flag_bytes, self.document_bytes) = (flag_bytes, document_bytes);
        let expression = expression?;
        // An evaluator is an object, or flagd does not take it. The Python core takes the whole document for wrong when an
        // escape is in one, so it is written out where there is room.
        let is_object = matches!(expression, Value::Object(_));
        if !is_object || (!needs_no_escapes(&expression) && self.spend(expression.size()).is_ok()) {
            return Ok(expression);
        }
        self.evaluators.insert(Box::from(name), expression);
        Ok(reference)
    }

    fn membership(&mut self, key: &SegmentKey) -> Result<Value, Untranslatable> {
        let Some(segment) = self.source.snapshot.segment(self.source.environment, key).map(Arc::clone) else {
            return Ok(Value::Boolean(false));
        };
        let is_nested = segment.condition.as_ref().is_some_and(|inner| !inner.segments().is_empty());
        if is_nested {
            return Err(Untranslatable::Segment { segment: key.clone() });
        }
        let condition = segment.condition.as_ref().map(|condition| self.condition(condition)).transpose()?;
        let share = segment.share.as_ref().map(|share| self.share(share)).transpose()?;
        let met = match (condition, share) {
            (None, None) => Value::Boolean(false),
            (condition, share) => all(condition.into_iter().chain(share)),
        };
        let included = self.is_listed(&ListKey::Included(key.clone()))?;
        let excluded = self.is_listed(&ListKey::Excluded(key.clone()))?;
        Ok(all([not(excluded), any([included, met])]))
    }

    fn is_listed(&mut self, list: &ListKey) -> Result<Value, Untranslatable> {
        let keys = self.source.snapshot.list(self.source.environment, list);
        self.spend(keys.bytes() + 3 * keys.len())?;
        Ok(one_of(var(TARGETING_KEY), keys.sorted().into_iter().map(|key| &**key)))
    }

    fn share(&mut self, share: &Share) -> Result<Value, Untranslatable> {
        self.spend(SHARE_BYTES + share.salt.len())?;
        let ranges = [
            ("before", share.from),
            (IN, share.to.saturating_sub(share.from)),
            ("after", WEIGHT_TOTAL.saturating_sub(share.to)),
        ];
        let entries = ranges.into_iter().filter(|(_, weight)| *weight > 0);
        let entries =
            entries.map(|(name, weight)| Value::List(vec![text(name), Value::Integer(i64::from(weight))]));
        let picked = fractional(&share.salt, var(TARGETING_KEY), entries.collect());
        Ok(all([is_truthy(var(TARGETING_KEY)), same(picked, text(IN))]))
    }
}

/// Whether JSON needs no escapes even where only ASCII may stand in it.
fn needs_no_escapes(value: &Value) -> bool {
    match value {
        Value::String(text) => {
            text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'))
        }
        Value::List(values) => values.iter().all(needs_no_escapes),
        Value::Object(fields) => fields.values().all(needs_no_escapes),
        _ => true,
    }
}
