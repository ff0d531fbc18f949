//! The operators of ours, by the names that `compile` gives them, and the engines that know them.

use std::sync::LazyLock;

use datalogic_rs::bumpalo::Bump;
use datalogic_rs::datavalue::NumberValue;
use datalogic_rs::operator::EvalContext;
use datalogic_rs::{ArenaExt, CustomOperator, DataValue, Engine, Result};

use super::coercion::{compare, compare_numbers, loosely_equal, number, strictly_equal};
use super::steps::{spend, spend_on};
use super::{access, fractional, text};
use crate::bucketing::Generation;

/// What the names of ours begin with: no operator of flagd's or of the library's does.
pub(super) const PREFIX: &str = "flagd:";
/// What a name ends with when the elements of a single list are the arguments.
pub(super) const SPREAD: &str = "...";
/// A value if it is a list, and the empty list if not.
pub(super) const LIST: &str = "list";
/// What stands around a body of `reduce`, as an object.
pub(super) const FOLD: &str = "fold";
/// `var`, with the frame before its arguments.
pub(super) const GET: &str = "get";

/// Those that can be spread, and have a second name for it.
pub(super) const SPREADABLE: [&str; 6] = ["+", "*", "max", "min", "cat", "merge"];

const NAMES: [(&str, Kind); 29] = [
    (LIST, Kind::List),
    (FOLD, Kind::Fold),
    (GET, Kind::Get),
    ("missing", Kind::Missing),
    ("missing_some", Kind::MissingSome),
    ("==", Kind::Equal),
    ("!=", Kind::Unequal),
    ("===", Kind::Same),
    ("!==", Kind::Different),
    ("<", Kind::Less),
    ("<=", Kind::LessOrEqual),
    (">", Kind::Greater),
    (">=", Kind::GreaterOrEqual),
    ("+", Kind::Add),
    ("-", Kind::Subtract),
    ("*", Kind::Multiply),
    ("/", Kind::Divide),
    ("%", Kind::Remainder),
    ("max", Kind::Max),
    ("min", Kind::Min),
    ("cat", Kind::Cat),
    ("substr", Kind::Substr),
    ("in", Kind::In),
    ("merge", Kind::Merge),
    ("starts_with", Kind::StartsWith),
    ("ends_with", Kind::EndsWith),
    ("sem_ver", Kind::SemVer),
    ("fractional", Kind::Fractional(Generation::V2)),
    ("fractional", Kind::Fractional(Generation::V3)),
];

#[derive(Clone, Copy)]
enum Kind {
    List,
    Fold,
    Get,
    Missing,
    MissingSome,
    Equal,
    Unequal,
    Same,
    Different,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Max,
    Min,
    Cat,
    Substr,
    In,
    Merge,
    StartsWith,
    EndsWith,
    SemVer,
    Fractional(Generation),
}

/// The engine of a generation.
pub(super) fn engine(generation: Generation) -> &'static Engine {
    static V2: LazyLock<Engine> = LazyLock::new(|| build(Generation::V2));
    static V3: LazyLock<Engine> = LazyLock::new(|| build(Generation::V3));
    match generation {
        Generation::V2 => &V2,
        Generation::V3 => &V3,
    }
}

fn build(generation: Generation) -> Engine {
    let mut builder = Engine::builder();
    for (name, kind) in NAMES {
        if matches!(kind, Kind::Fractional(other) if other != generation) {
            continue;
        }
        builder = builder.add_operator(format!("{PREFIX}{name}"), kind);
        if SPREADABLE.contains(&name) {
            builder = builder.add_operator(format!("{PREFIX}{name}{SPREAD}"), Spread(kind));
        }
    }
    builder.build()
}

struct Spread(Kind);

impl CustomOperator for Spread {
    fn evaluate<'a>(
        &self,
        values: &[&'a DataValue<'a>],
        context: &mut EvalContext<'_, 'a>,
        arena: &'a Bump,
    ) -> Result<&'a DataValue<'a>> {
        match values {
            [DataValue::Array(elements)] => {
                let elements: Vec<_> = elements.iter().collect();
                self.0.evaluate(&elements, context, arena)
            }
            _ => self.0.evaluate(values, context, arena),
        }
    }
}

impl CustomOperator for Kind {
    fn evaluate<'a>(
        &self,
        values: &[&'a DataValue<'a>],
        context: &mut EvalContext<'_, 'a>,
        arena: &'a Bump,
    ) -> Result<&'a DataValue<'a>> {
        spend(1)?;
        if self.reads_its_operands() {
            spend_on(values.iter().copied())?;
        }
        let truth = |truth| Ok(arena.bool(truth));
        let perhaps = |truth: Option<bool>| Ok(truth.map_or_else(|| arena.null(), |truth| arena.bool(truth)));
        match self {
            Self::List | Self::Fold | Self::Get | Self::Missing | Self::MissingSome | Self::Merge => {
                self.gather(values, arena)
            }
            Self::Equal | Self::Unequal | Self::Same | Self::Different => truth(self.equates(values, arena)),
            Self::Less | Self::LessOrEqual | Self::Greater | Self::GreaterOrEqual => {
                truth(self.orders(values, arena))
            }
            Self::Add
            | Self::Subtract
            | Self::Multiply
            | Self::Divide
            | Self::Remainder
            | Self::Max
            | Self::Min => Ok(arena.alloc(DataValue::Number(self.compute(values)))),
            Self::Cat => Ok(text::cat(values, arena)),
            Self::Substr => {
                let length = values.get(2).copied().filter(|length| !length.is_null());
                Ok(text::substr(nth(values, 0, arena), nth(values, 1, arena), length, arena))
            }
            Self::In => truth(text::contains(nth(values, 0, arena), nth(values, 1, arena))),
            Self::StartsWith => perhaps(text::two_texts(values, |whole, part| whole.starts_with(part))),
            Self::EndsWith => perhaps(text::two_texts(values, |whole, part| whole.ends_with(part))),
            Self::SemVer => perhaps(text::sem_ver(values)),
            Self::Fractional(generation) => {
                Ok(fractional::pick(*generation, context.root_input(), values, arena))
            }
        }
    }
}

impl Kind {
    /// Whether all of its operands are gone through. The others pass a frame, a list or an element on as it is, and pay
    /// for what else they do.
    const fn reads_its_operands(self) -> bool {
        !matches!(self, Self::List | Self::Fold | Self::Get | Self::Missing | Self::MissingSome | Self::Merge)
    }

    /// Paths and lists.
    fn gather<'a>(self, values: &[&'a DataValue<'a>], arena: &'a Bump) -> Result<&'a DataValue<'a>> {
        let first = nth(values, 0, arena);
        let second = nth(values, 1, arena);
        let third = nth(values, 2, arena);
        Ok(match (self, second, third) {
            (Self::Get, path, default) => {
                spend_on([path])?;
                access::get(first, path, default, arena)
            }
            (Self::Fold, current, _) => arena.object(&[("accumulator", *first), ("current", *current)]),
            (Self::Missing, DataValue::Array(paths), _) => {
                spend_on(*paths)?;
                arena.array(&access::missing(first, paths, arena))
            }
            (Self::Missing, ..) => {
                let paths: Vec<_> = values.iter().skip(1).map(|path| **path).collect();
                spend_on(&paths)?;
                arena.array(&access::missing(first, &paths, arena))
            }
            (Self::MissingSome, wanted, DataValue::Array(paths)) => {
                spend_on([wanted])?;
                spend_on(*paths)?;
                arena.array(&access::missing_some(first, wanted, paths, arena))
            }
            (Self::Merge, ..) => merge(values, arena)?,
            (Self::List, ..) if let DataValue::Array(elements) = first => {
                spend(elements.len())?;
                first
            }
            _ => arena.array(&[]),
        })
    }

    fn equates<'a>(self, values: &[&'a DataValue<'a>], arena: &'a Bump) -> bool {
        let (left, right) = (nth(values, 0, arena), nth(values, 1, arena));
        match self {
            Self::Equal => loosely_equal(left, right),
            Self::Unequal => !loosely_equal(left, right),
            Self::Same => strictly_equal(left, right),
            _ => !strictly_equal(left, right),
        }
    }

    /// Whether each value and the next are in order: three of them say what is between two.
    fn orders<'a>(self, values: &[&'a DataValue<'a>], arena: &'a Bump) -> bool {
        let in_order = |left: &DataValue<'_>, right: &DataValue<'_>| {
            compare(left, right).is_some_and(|ordering| match self {
                Self::Less => ordering.is_lt(),
                Self::LessOrEqual => ordering.is_le(),
                Self::Greater => ordering.is_gt(),
                _ => ordering.is_ge(),
            })
        };
        match values {
            [] | [_] => in_order(nth(values, 0, arena), arena.null()),
            _ => values.iter().zip(values.iter().skip(1)).all(|(left, right)| in_order(left, right)),
        }
    }

    fn compute(self, values: &[&DataValue<'_>]) -> NumberValue {
        let mut numbers = values.iter().map(|value| number(value));
        match (self, numbers.len()) {
            (Self::Add, 0) => return NumberValue::Integer(0),
            (Self::Multiply, 0) => return NumberValue::Integer(1),
            (Self::Subtract, 1) => numbers.next().map(|number| number.neg()),
            (Self::Divide, 1) => numbers.next().map(|number| divide(NumberValue::Integer(1), number)),
            (Self::Remainder, 1) => None,
            _ => numbers.reduce(|left, right| self.combine(left, right)),
        }
        .unwrap_or(NumberValue::Float(f64::NAN))
    }

    fn combine(self, left: NumberValue, right: NumberValue) -> NumberValue {
        match self {
            Self::Add => left.add(&right),
            Self::Subtract => left.sub(&right),
            Self::Multiply => left.mul(&right),
            Self::Divide => divide(left, right),
            Self::Remainder => left.rem(&right).unwrap_or(NumberValue::Float(f64::NAN)),
            _ => match compare_numbers(left, right) {
                None => NumberValue::Float(f64::NAN),
                Some(ordering) if ordering.is_lt() == matches!(self, Self::Max) => right,
                Some(_) => left,
            },
        }
    }
}

fn divide(left: NumberValue, right: NumberValue) -> NumberValue {
    left.div(&right).unwrap_or_else(|| NumberValue::Float(left.as_f64() / right.as_f64()))
}

fn merge<'a>(values: &[&'a DataValue<'a>], arena: &'a Bump) -> Result<&'a DataValue<'a>> {
    let mut merged = Vec::new();
    for value in values {
        match value {
            DataValue::Array(elements) => {
                spend(elements.len())?;
                merged.extend_from_slice(elements);
            }
            plain => merged.push(**plain),
        }
    }
    Ok(arena.array(&merged))
}

fn nth<'a>(values: &[&'a DataValue<'a>], index: usize, arena: &'a Bump) -> &'a DataValue<'a> {
    values.get(index).copied().unwrap_or_else(|| arena.null())
}
