//! Parsing, as RFC 8259 says and no further: no comments, no trailing commas, no bare words, nothing after the value.

use std::collections::BTreeMap;

use super::places::{Places, position};
use crate::value::Value;

/// Levels of lists and objects. Most parsers refuse more than about as many, and whoever reads a value recurses.
pub const DEPTH_MAX: usize = 128;

/// The text is no JSON, or none that can be held.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: expected {expected}")]
pub struct JsonError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What may stand there.
    pub expected: &'static str,
}

/// Reads a value. Of several fields of one name in one object the last counts, as everywhere.
///
/// # Errors
/// When the text is no JSON, or has more than [`DEPTH_MAX`] levels or a number that is not finite.
pub fn parse(text: &str) -> Result<Value, JsonError> {
    Parser { text, at: 0, places: None }.whole().map(|(value, _)| value)
}

/// Reads a value, and where each value in it begins.
///
/// # Errors
/// As [`parse`].
pub fn parse_with_places(text: &str) -> Result<(Value, Places), JsonError> {
    let parser = Parser { text, at: 0, places: Some(Places::default()) };
    parser.whole().map(|(value, places)| (value, places.unwrap_or_default()))
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    /// Filled while reading, when somebody wants to know.
    places: Option<Places>,
}

type Parsed<T> = Result<T, &'static str>;

impl<'t> Parser<'t> {
    fn whole(mut self) -> Result<(Value, Option<Places>), JsonError> {
        match self.value(0).and_then(|value| self.end().map(|()| value)) {
            Ok(value) => {
                if let Some(places) = &mut self.places {
                    places.resolve(self.text);
                }
                Ok((value, self.places))
            }
            Err(expected) => {
                let (line, column) = position(self.text, self.at);
                Err(JsonError { line, column, expected })
            }
        }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Takes a byte if it is the next one.
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn end(&mut self) -> Parsed<()> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { Err("nothing after the value") }
    }

    fn enter(&mut self, step: impl FnOnce(&mut Places) -> usize) -> usize {
        self.places.as_mut().map_or(0, step)
    }

    fn leave(&mut self, outer: usize) {
        if let Some(places) = &mut self.places {
            places.leave(outer);
        }
    }

    fn value(&mut self, depth: usize) -> Parsed<Value> {
        self.space();
        if let Some(places) = &mut self.places {
            places.begin(self.at);
        }
        match self.peek() {
            Some(b'{' | b'[') if depth >= DEPTH_MAX => Err("at most 128 levels of lists and objects"),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(|text| Value::String(text.into())),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Parsed<Value> {
        let words = [("true", Value::Boolean(true)), ("false", Value::Boolean(false)), ("null", Value::Null)];
        for (word, value) in words {
            if self.rest().starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err("a value")
    }

    fn list(&mut self, depth: usize) -> Parsed<Value> {
        self.at += 1;
        let mut values = Vec::new();
        self.space();
        if self.take(b']') {
            return Ok(Value::List(values));
        }
        loop {
            let outer = self.enter(|places| places.enter_item(values.len()));
            values.push(self.value(depth + 1)?);
            self.leave(outer);
            self.space();
            if self.take(b']') {
                return Ok(Value::List(values));
            }
            if !self.take(b',') {
                return Err("`,` or `]`");
            }
        }
    }

    fn object(&mut self, depth: usize) -> Parsed<Value> {
        self.at += 1;
        let mut fields = BTreeMap::new();
        self.space();
        if self.take(b'}') {
            return Ok(Value::Object(fields));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err("a field's name in double quotes");
            }
            let name = self.string()?;
            self.space();
            if !self.take(b':') {
                return Err("`:`");
            }
            let outer = self.enter(|places| places.enter_field(&name));
            fields.insert(name.into(), self.value(depth + 1)?);
            self.leave(outer);
            self.space();
            if self.take(b'}') {
                return Ok(Value::Object(fields));
            }
            if !self.take(b',') {
                return Err("`,` or `}`");
            }
        }
    }

    fn string(&mut self) -> Parsed<String> {
        self.at += 1;
        let mut string = String::new();
        loop {
            let rest = self.rest();
            let plain = rest.find(|character| matches!(character, '"' | '\\' | '\0'..='\u{1f}'));
            let plain = plain.unwrap_or(rest.len());
            string.push_str(rest.get(..plain).unwrap_or(""));
            self.at += plain;
            if self.take(b'"') {
                return Ok(string);
            }
            if !self.take(b'\\') {
                return Err("text without control characters, and `\"` at its end");
            }
            string.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Parsed<char> {
        let character = match self.peek() {
            Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.code_point();
            }
            _ => return Err("one of \" \\ / b f n r t u"),
        };
        self.at += 1;
        Ok(character)
    }

    /// A code point, or the two halves of one.
    fn code_point(&mut self) -> Parsed<char> {
        const HALVES: &str = "both halves of a surrogate pair";
        let first = self.hex()?;
        if !(0xd800..0xe000).contains(&first) {
            return char::from_u32(first).ok_or(HALVES);
        }
        if first >= 0xdc00 || !(self.take(b'\\') && self.take(b'u')) {
            return Err(HALVES);
        }
        let second = self.hex()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(HALVES);
        }
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)).ok_or(HALVES)
    }

    fn hex(&mut self) -> Parsed<u32> {
        let digits =
            self.rest().get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let number = number.ok_or("four hexadecimal digits")?;
        self.at += 4;
        Ok(number)
    }

    fn digits(&mut self) -> Parsed<()> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err("a digit") } else { Ok(()) }
    }

    fn number(&mut self) -> Parsed<Value> {
        let start = self.at;
        let mut is_integer = true;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            is_integer = false;
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            is_integer = false;
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        let text = self.text.get(start..self.at).unwrap_or("");
        if let Some(integer) = is_integer.then(|| text.parse().ok()).flatten() {
            return Ok(Value::Integer(integer));
        }
        let float = text.parse().ok().filter(|float: &f64| float.is_finite());
        float.map(Value::Float).ok_or("a number that 64 bits hold")
    }
}
