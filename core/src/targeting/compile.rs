//! From the text of an expression to a rule for the engine: checked, and with the operators renamed that are ours.

use std::collections::BTreeSet;

use datalogic_rs::datavalue::{NumberValue, OwnedDataValue};

use super::operators::{FOLD, GET, LIST, PREFIX, SPREAD, SPREADABLE};
use super::{FLAGD, TIMESTAMP, TargetingError};
use crate::limits::{TARGETING_BYTES_MAX, TARGETING_DEPTH_MAX};
use crate::number_text::javascript_number;

/// What can be said about an expression without evaluating it.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) needs_time: bool,
    pub(super) named_variants: BTreeSet<Box<str>>,
    pub(super) attributes: BTreeSet<Box<str>>,
}

/// All operators that there are: flagd's schema and its own four.
pub(super) const OPERATORS: [&str; 37] = [
    "var",
    "missing",
    "missing_some",
    "if",
    "==",
    "===",
    "!=",
    "!==",
    "!",
    "!!",
    "or",
    "and",
    ">",
    ">=",
    "<",
    "<=",
    "max",
    "min",
    "+",
    "-",
    "*",
    "/",
    "%",
    "map",
    "reduce",
    "filter",
    "all",
    "none",
    "some",
    "merge",
    "in",
    "cat",
    "substr",
    "fractional",
    "starts_with",
    "ends_with",
    "sem_ver",
];

/// Bytes of an unknown operator's name that a path shows.
const SHOWN_BYTES_MAX: usize = 40;

/// What `var` reads from.
#[derive(Clone, Copy, PartialEq)]
enum Frame {
    /// The evaluation's data.
    Root,
    /// An element, within `map` and its like.
    Element,
    /// An accumulator and an element, within `reduce`.
    Fold,
}

/// Where a value stands.
#[derive(Clone, Copy)]
struct Place {
    frame: Frame,
    depth: usize,
    /// Whether the value can be the whole expression's result.
    is_result: bool,
}

impl Place {
    const fn operand(self) -> Self {
        Self { is_result: false, ..self }
    }

    const fn result_if(self, is_result: bool) -> Self {
        Self { is_result: self.is_result && is_result, ..self }
    }

    const fn within(self, frame: Frame) -> Self {
        Self { frame, is_result: false, ..self }
    }
}

/// Reads, checks and rewrites an expression; nothing when it is `{}` or `null`.
pub(super) fn rewrite(text: &str) -> Result<(Option<OwnedDataValue>, Facts), TargetingError> {
    let mut rewriter = Rewriter::default();
    if text.len() > TARGETING_BYTES_MAX {
        return Err(rewriter.error(format!("at most {TARGETING_BYTES_MAX} bytes, not {}", text.len())));
    }
    let rule = OwnedDataValue::from_json(text).map_err(|error| rewriter.error(format!("JSON ({error})")))?;
    let rewritten = match rule {
        OwnedDataValue::Null => None,
        OwnedDataValue::Object(fields) if fields.is_empty() => None,
        OwnedDataValue::Object(_) => {
            let place = Place { frame: Frame::Root, depth: 0, is_result: true };
            Some(rewriter.value(&rule, place)?)
        }
        _ => return Err(rewriter.error("a JSON object with an operator".to_owned())),
    };
    Ok((rewritten, rewriter.facts))
}

#[derive(Default)]
struct Rewriter {
    path: String,
    facts: Facts,
}

impl Rewriter {
    fn error(&self, allowed: String) -> TargetingError {
        TargetingError { path: self.path.clone(), allowed }
    }

    /// Does something one step further down the path.
    fn at<T>(&mut self, step: &str, act: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        if length > 0 && !step.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(step);
        let result = act(self);
        self.path.truncate(length);
        result
    }

    fn value(&mut self, value: &OwnedDataValue, place: Place) -> Result<OwnedDataValue, TargetingError> {
        match value {
            OwnedDataValue::Object(fields) => match fields.as_slice() {
                [] => Ok(value.clone()),
                [(name, arguments)] => self.operator(name, arguments, self.deeper(place)?),
                _ => Err(self.error("an object with one operator".to_owned())),
            },
            OwnedDataValue::Array(elements) => {
                let place = self.deeper(place)?.operand();
                let elements = elements.iter().enumerate().map(|(index, element)| {
                    self.at(&format!("[{index}]"), |inner| inner.value(element, place))
                });
                elements.collect::<Result<_, _>>().map(OwnedDataValue::Array)
            }
            OwnedDataValue::Number(number) if !number.as_f64().is_finite() => {
                Err(self.error("a finite number".to_owned()))
            }
            OwnedDataValue::String(text) => {
                if place.is_result {
                    self.facts.named_variants.insert(Box::from(text.as_str()));
                }
                Ok(value.clone())
            }
            OwnedDataValue::Null | OwnedDataValue::Bool(_) | OwnedDataValue::Number(_) => Ok(value.clone()),
        }
    }

    fn deeper(&self, place: Place) -> Result<Place, TargetingError> {
        let depth = place.depth + 1;
        if depth > TARGETING_DEPTH_MAX {
            return Err(self.error(format!("at most {TARGETING_DEPTH_MAX} levels of operators and lists")));
        }
        Ok(Place { depth, ..place })
    }

    fn operator(
        &mut self,
        name: &str,
        arguments: &OwnedDataValue,
        place: Place,
    ) -> Result<OwnedDataValue, TargetingError> {
        if !OPERATORS.contains(&name) {
            return self.at(shown(name), |inner| Err(inner.error(not_an_operator(name))));
        }
        let arguments = Arguments::of(name, arguments);
        match name {
            "var" => self.var(&arguments, place),
            "missing" | "missing_some" => {
                let rewritten = self.arguments(&arguments, |_| place.operand())?;
                Ok(ours(name, std::iter::once(frame(place.frame)).chain(rewritten)))
            }
            "if" => {
                let last = arguments.values.len().saturating_sub(1);
                let place = |index: usize| place.result_if(index % 2 == 1 || index == last);
                Ok(call(name, self.arguments(&arguments, place)?))
            }
            "or" => Ok(call(name, self.arguments(&arguments, |_| place)?)),
            "and" => {
                let last = arguments.values.len().saturating_sub(1);
                Ok(call(name, self.arguments(&arguments, |index| place.result_if(index == last))?))
            }
            "!" | "!!" => Ok(call(name, self.arguments(&arguments, |_| place.operand())?)),
            "map" | "filter" | "all" | "none" | "some" => self.each(&arguments, place, Frame::Element),
            "reduce" => self.each(&arguments, place, Frame::Fold),
            "fractional" => self.fractional(&arguments, place),
            _ => {
                let rewritten = self.arguments(&arguments, |_| place.operand())?;
                let is_spread = !arguments.is_list && SPREADABLE.contains(&name);
                let spread = if is_spread { SPREAD } else { "" };
                Ok(ours(&format!("{name}{spread}"), rewritten))
            }
        }
    }

    fn arguments(
        &mut self,
        arguments: &Arguments<'_>,
        place: impl Fn(usize) -> Place,
    ) -> Result<Vec<OwnedDataValue>, TargetingError> {
        let numbered = arguments.values.iter().enumerate();
        numbered
            .map(|(index, value)| self.at(&arguments.step(index), |inner| inner.value(value, place(index))))
            .collect()
    }

    fn var(&mut self, arguments: &Arguments<'_>, place: Place) -> Result<OwnedDataValue, TargetingError> {
        if place.frame == Frame::Root {
            self.note_path(arguments.values.first().copied());
        }
        let rewritten = self.arguments(arguments, |index| place.result_if(index == 1))?;
        Ok(ours(GET, std::iter::once(frame(place.frame)).chain(rewritten)))
    }

    /// What a path says about the expression.
    fn note_path(&mut self, path: Option<&OwnedDataValue>) {
        let path = match path {
            Some(OwnedDataValue::String(path)) if !path.is_empty() => path.clone(),
            Some(OwnedDataValue::Number(NumberValue::Integer(index))) => index.to_string(),
            Some(OwnedDataValue::Number(NumberValue::Float(index))) => javascript_number(*index),
            // Everything, or a path that only the evaluation knows.
            _ => {
                self.facts.needs_time = true;
                return;
            }
        };
        let mut names = path.split('.');
        match (names.next(), names.next()) {
            (Some(FLAGD), None | Some(TIMESTAMP)) => self.facts.needs_time = true,
            (Some(FLAGD), _) | (None, _) => {}
            (Some(name), _) => {
                self.facts.attributes.insert(Box::from(name));
            }
        }
    }

    /// An operator that goes through a list: the library fails on anything else, so that is made an empty one.
    fn each(
        &mut self,
        arguments: &Arguments<'_>,
        place: Place,
        within: Frame,
    ) -> Result<OwnedDataValue, TargetingError> {
        let (count, allowed) = match within {
            Frame::Fold => (2..=3, "two or three arguments: a list, an expression and a first value"),
            _ => (2..=2, "two arguments: a list and an expression"),
        };
        if !count.contains(&arguments.values.len()) {
            return self.at(arguments.name, |inner| Err(inner.error(allowed.to_owned())));
        }
        let place = |index| if index == 1 { place.within(within) } else { place.operand() };
        let mut rewritten = self.arguments(arguments, place)?;
        if let Some(list) = rewritten.first_mut() {
            *list = ours(LIST, [std::mem::take(list)]);
        }
        Ok(call(arguments.name, rewritten))
    }

    /// The first elements of the entries are results.
    fn fractional(
        &mut self,
        arguments: &Arguments<'_>,
        place: Place,
    ) -> Result<OwnedDataValue, TargetingError> {
        if place.is_result {
            for entry in &arguments.values {
                if let OwnedDataValue::Array(entry) = entry
                    && let Some(OwnedDataValue::String(variant)) = entry.first()
                {
                    self.facts.named_variants.insert(Box::from(variant.as_str()));
                }
            }
        }
        Ok(ours(arguments.name, self.arguments(arguments, |_| place.operand())?))
    }
}

/// The arguments of an operator: a list of them, or one without brackets.
struct Arguments<'r> {
    name: &'r str,
    values: Vec<&'r OwnedDataValue>,
    is_list: bool,
}

impl<'r> Arguments<'r> {
    fn of(name: &'r str, value: &'r OwnedDataValue) -> Self {
        match value {
            OwnedDataValue::Array(values) => Self { name, values: values.iter().collect(), is_list: true },
            single => Self { name, values: vec![single], is_list: false },
        }
    }

    fn step(&self, index: usize) -> String {
        if self.is_list { format!("{}[{index}]", self.name) } else { self.name.to_owned() }
    }
}

/// An operator of the library's.
fn call(name: &str, arguments: Vec<OwnedDataValue>) -> OwnedDataValue {
    OwnedDataValue::Object(vec![(name.to_owned(), OwnedDataValue::Array(arguments))])
}

/// An operator of ours.
fn ours(name: &str, arguments: impl IntoIterator<Item = OwnedDataValue>) -> OwnedDataValue {
    call(&format!("{PREFIX}{name}"), arguments.into_iter().collect())
}

/// What `var` reads from, as an expression.
fn frame(frame: Frame) -> OwnedDataValue {
    let var = |path: &str| call("var", vec![OwnedDataValue::String(path.to_owned())]);
    match frame {
        Frame::Root | Frame::Element => var(""),
        Frame::Fold => ours(FOLD, [var("accumulator"), var("current")]),
    }
}

fn not_an_operator(name: &str) -> String {
    if name == "$ref" {
        return "an evaluator's expression in place of a $ref".to_owned();
    }
    format!("one of the operators {}", OPERATORS.join(", "))
}

fn shown(name: &str) -> &str {
    name.get(..name.floor_char_boundary(SHOWN_BYTES_MAX)).unwrap_or(name)
}
