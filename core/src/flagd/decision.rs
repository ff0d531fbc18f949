//! What a flag decides, as one expression: the order is that of `CompiledFlag::evaluate`.

use super::condition::attribute;
use super::logic::{all, is_identity, is_no_list, is_truthy, one_of, op, printable, same, text, var};
use super::{Translator, Untranslatable};
use crate::bucketing::Generation;
use crate::context::TARGETING_KEY;
use crate::flag::{EffectiveFlag, Prerequisite, Serve, Split};
use crate::json;
use crate::limits::PREREQUISITE_DEPTH_MAX;
use crate::value::Value;

/// Bytes of a split beside its entries, roughly.
const SPLIT_BYTES: usize = 400;
/// Bytes of a branch, or of an entry of a split, roughly, beside the variant's name.
const BRANCH_BYTES: usize = 16;
/// How often an inlined targeting expression stands in another flag's.
const INLINED_TARGETING_COPIES: usize = 5;

/// Where a decision stands.
#[derive(Clone, Copy)]
enum Role {
    /// It is the flag's own targeting: null is the default variant, and `fractional` knows the flag's key.
    Own,
    /// It is a part of another flag's: it always names a variant. So many flags deep.
    Inlined(usize),
}

/// The branches of an `if`.
#[derive(Default)]
struct Chain {
    branches: Vec<Value>,
    /// What is served to whoever comes so far, once nobody gets further.
    last: Option<Value>,
}

impl Chain {
    const fn is_open(&self) -> bool {
        self.last.is_none()
    }

    fn push(&mut self, condition: Value, result: Value) {
        match condition {
            _ if !self.is_open() => {}
            Value::Boolean(false) => {}
            Value::Boolean(true) => self.last = Some(result),
            open => self.branches.extend([open, result]),
        }
    }

    fn finish(mut self, last: Value) -> Value {
        let last = self.last.unwrap_or(last);
        if self.branches.is_empty() {
            return last;
        }
        // An `if` without an end is null.
        self.branches.extend((last != Value::Null).then_some(last));
        op("if", self.branches)
    }
}

impl Translator<'_> {
    /// A flag's own targeting: an expression, or the text of a variant that everybody gets, or null for the default
    /// variant.
    pub(super) fn whole_decision(&mut self, flag: &EffectiveFlag) -> Result<Value, Untranslatable> {
        self.decision(flag, Role::Own)
    }

    fn decision(&mut self, flag: &EffectiveFlag, role: Role) -> Result<Value, Untranslatable> {
        if let Some(service) = self.source.service
            && let Some((_, variant)) = flag.overrides.iter().find(|(known, _)| known == service)
        {
            return Ok(text(variant.as_str()));
        }
        if !flag.enabled {
            return Ok(text(flag.off_variant.as_str()));
        }
        let mut chain = Chain::default();
        for prerequisite in &flag.prerequisites {
            if chain.is_open() {
                let unmet = self.unmet(prerequisite, role)?;
                chain.push(unmet, text(flag.off_variant.as_str()));
            }
        }
        if let Some(variant) = flag.canary_variant.as_ref().filter(|_| chain.is_open()) {
            let canary = self.canary()?;
            chain.push(canary, text(variant.as_str()));
        }
        if let Some(targeting) = &flag.targeting {
            return self.targeting(flag, targeting, chain, role);
        }
        for rule in &flag.rules {
            if !chain.is_open() {
                break;
            }
            self.spend(BRANCH_BYTES)?;
            let condition = self.condition(&rule.condition)?;
            if condition != Value::Boolean(false) {
                let serve = self.serve(flag, &rule.serve, role)?;
                chain.push(condition, serve);
            }
        }
        let last = if chain.is_open() { self.default_serve(flag, role)? } else { Value::Null };
        Ok(chain.finish(last))
    }

    fn default_serve(&mut self, flag: &EffectiveFlag, role: Role) -> Result<Value, Untranslatable> {
        let serve = self.serve(flag, &flag.default_serve, role)?;
        let is_default = matches!(role, Role::Own) && serve == text(flag.default_variant.as_str());
        Ok(if is_default { Value::Null } else { serve })
    }

    fn serve(&mut self, flag: &EffectiveFlag, serve: &Serve, role: Role) -> Result<Value, Untranslatable> {
        match serve {
            Serve::Variant(name) => Ok(text(name.as_str())),
            Serve::Split(split) => match split.sole_variant() {
                Some(sole) => Ok(text(sole.as_str())),
                None => self.split(flag, split, role),
            },
        }
    }

    fn split(&mut self, flag: &EffectiveFlag, split: &Split, role: Role) -> Result<Value, Untranslatable> {
        let weights = split.weights.iter().filter(|weighted| weighted.weight > 0);
        let entries = weights.map(|weighted| {
            let weight = Value::Integer(i64::from(weighted.weight));
            Value::List(vec![text(weighted.variant.as_str()), weight])
        });
        let entries: Vec<Value> = entries.collect();
        let entry_bytes: usize = entries.iter().map(|entry| entry.size() + BRANCH_BYTES).sum();
        self.spend(SPLIT_BYTES + entry_bytes)?;
        let bucket_by = split.bucket_by.as_deref().filter(|name| *name != TARGETING_KEY);
        if flag.salt.is_none() && bucket_by.is_none() {
            match role {
                Role::Own => return Ok(op("fractional", entries)),
                // The second generation hashes the two texts one after the other, which `cat` can say as well.
                Role::Inlined(_) if self.source.snapshot.settings().bucketing == Generation::V2 => {}
                Role::Inlined(_) => return Err(Untranslatable::OwnKey { flag: flag.key.clone() }),
            }
        }
        let (value, identity) = match bucket_by {
            None => (var(TARGETING_KEY), is_truthy(var(TARGETING_KEY))),
            Some(name) => {
                let value = attribute(name)?;
                let identity = is_identity(&value);
                (printable(value), identity)
            }
        };
        let salt = flag.salt.as_deref().unwrap_or(flag.key.as_str());
        let mut chain = Chain::default();
        chain.push(identity, fractional(salt, value, entries));
        Ok(chain.finish(match role {
            Role::Own => Value::Null,
            Role::Inlined(_) => text(flag.default_variant.as_str()),
        }))
    }

    /// Whether a prerequisite is not met: the other flag decides for a variant that will not do.
    fn unmet(&mut self, prerequisite: &Prerequisite, role: Role) -> Result<Value, Untranslatable> {
        let depth = match role {
            Role::Own => 0,
            Role::Inlined(depth) => depth,
        };
        if depth > PREREQUISITE_DEPTH_MAX {
            return Err(Untranslatable::Depth);
        }
        let snapshot = self.source.snapshot;
        let Some(other) = snapshot.effective(self.source.environment, &prerequisite.flag.folded()) else {
            return Ok(Value::Boolean(true));
        };
        self.spend(BRANCH_BYTES)?;
        let decision = self.decision(&other, Role::Inlined(depth + 1))?;
        let unwanted = other.variants.iter().filter(|variant| !prerequisite.variants.contains(&variant.name));
        let unwanted = unwanted.map(|variant| variant.name.as_str());
        Ok(match &decision {
            Value::String(sole) => Value::Boolean(unwanted.into_iter().any(|name| *name == **sole)),
            _ => one_of(decision, unwanted),
        })
    }

    /// A flag's own targeting decides in place of rules, and leaves to the default serve whatever it makes null of.
    fn targeting(
        &mut self,
        flag: &EffectiveFlag,
        targeting: &str,
        mut chain: Chain,
        role: Role,
    ) -> Result<Value, Untranslatable> {
        let wrong = || Untranslatable::Targeting { flag: flag.key.clone() };
        let expression = json::parse(targeting).ok().ok_or_else(wrong)?;
        self.spend(targeting.len())?;
        let default_serve = self.default_serve(flag, role)?;
        match &expression {
            Value::Null => return Ok(chain.finish(default_serve)),
            Value::Object(fields) if fields.is_empty() => return Ok(chain.finish(default_serve)),
            Value::Object(_) => {}
            _ => return Err(wrong()),
        }
        let is_nothing = same(expression.clone(), Value::Null);
        match role {
            Role::Own => {
                if default_serve != Value::Null {
                    self.spend(targeting.len())?;
                    chain.push(is_nothing, default_serve);
                }
                Ok(chain.finish(expression))
            }
            Role::Inlined(_) => {
                if !stands_alone(&expression) {
                    return Err(Untranslatable::OwnTargeting { flag: flag.key.clone() });
                }
                self.spend(targeting.len() * INLINED_TARGETING_COPIES)?;
                chain.push(is_nothing, default_serve);
                // Truths and numbers name a variant by their text; whatever names none is the default variant.
                let name = op("cat", vec![expression.clone()]);
                let names = flag.variants.iter().map(|variant| variant.name.as_str());
                let is_name = all([is_no_list(expression), one_of(name.clone(), names)]);
                chain.push(is_name, name);
                Ok(chain.finish(text(flag.default_variant.as_str())))
            }
        }
    }
}

/// A split over the hash of a salt and a value.
pub(super) fn fractional(salt: &str, value: Value, entries: Vec<Value>) -> Value {
    let hashed = op("cat", vec![text(salt), value]);
    op("fractional", std::iter::once(hashed).chain(entries).collect())
}

/// Whether an expression means the same in another flag: it buckets by texts of its own, and reads by plain names that
/// are not flagd's.
fn stands_alone(expression: &Value) -> bool {
    match expression {
        Value::List(values) => values.iter().all(stands_alone),
        Value::Object(fields) => fields.iter().all(|(name, arguments)| {
            let first = match arguments {
                Value::List(values) => values.first(),
                single => Some(single),
            };
            let is_own = match &**name {
                "fractional" => !first.is_some_and(is_always_text),
                "var" => !matches!(first, Some(Value::String(path))
                    if !path.is_empty() && path.split('.').next() != Some("$flagd")),
                _ => false,
            };
            !is_own && stands_alone(arguments)
        }),
        _ => true,
    }
}

fn is_always_text(value: &Value) -> bool {
    match value {
        Value::String(_) => true,
        Value::Object(fields) => fields.keys().all(|name| matches!(&**name, "cat" | "substr")),
        _ => false,
    }
}
