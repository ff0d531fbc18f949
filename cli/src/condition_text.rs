//! Conditions as people type them: `country in DE,AT`.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::condition::Condition;
use mycelia_flags_proto::v1::value::Kind;

use crate::view::value;

/// The grammar, for the help text; docs/cli.md says the same.
pub(crate) const GRAMMAR: &str = "\
Conditions:
  ATTRIBUTE [not] OPERATOR OPERAND[,OPERAND…]

  = !=                          the same value: `plan = pro`
  in                            one of several: `country in DE,AT`, `country not in DE,AT`
  contains                      a text with one of these parts, or a list with one of these elements
  starts-with, ends-with        `email ends-with @example.com,@example.org`
  < <= > >=                     numbers: `age >= 18`
  version= version!= version< version<= version> version>=
                                semantic versions: `app version>= 2.10.0`
  before, after                 RFC 3339 or a date: `signup after 2026-01-01`
  exists                        takes no operand: `beta exists`, `beta not exists`

  An attribute is a name or a dotted path; targetingKey is the targeting key. Operands are read as an --attr is: numbers,
  true and false as such, the rest as text. Quotes make a text of anything: `zip = \"10115\"`, `name in \"Smith, J\",Ada`.
  Several --when must all be true.";

/// How operands are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operands {
    None,
    OneValue,
    Values,
    OneText,
    Texts,
    OneNumber,
}

/// An operator: how it is spelled, and what it means.
struct Spelling {
    word: &'static str,
    operator: v1::Operator,
    negated: bool,
    operands: Operands,
}

const fn spelling(word: &'static str, operator: v1::Operator, negated: bool, operands: Operands) -> Spelling {
    Spelling { word, operator, negated, operands }
}

/// Signs; a longer one stands before its beginning.
const SIGNS: [Spelling; 7] = [
    spelling("==", v1::Operator::Equals, false, Operands::OneValue),
    spelling("=", v1::Operator::Equals, false, Operands::OneValue),
    spelling("!=", v1::Operator::Equals, true, Operands::OneValue),
    spelling("<=", v1::Operator::LessOrEqual, false, Operands::OneNumber),
    spelling("<", v1::Operator::Less, false, Operands::OneNumber),
    spelling(">=", v1::Operator::GreaterOrEqual, false, Operands::OneNumber),
    spelling(">", v1::Operator::Greater, false, Operands::OneNumber),
];

/// Signs behind `version`.
const VERSION_SIGNS: [Spelling; 7] = [
    spelling("==", v1::Operator::VersionEquals, false, Operands::OneText),
    spelling("=", v1::Operator::VersionEquals, false, Operands::OneText),
    spelling("!=", v1::Operator::VersionEquals, true, Operands::OneText),
    spelling("<=", v1::Operator::VersionLessOrEqual, false, Operands::OneText),
    spelling("<", v1::Operator::VersionLess, false, Operands::OneText),
    spelling(">=", v1::Operator::VersionGreaterOrEqual, false, Operands::OneText),
    spelling(">", v1::Operator::VersionGreater, false, Operands::OneText),
];

const WORDS: [Spelling; 7] = [
    spelling("in", v1::Operator::In, false, Operands::Values),
    spelling("contains", v1::Operator::Contains, false, Operands::Values),
    spelling("starts-with", v1::Operator::StartsWith, false, Operands::Texts),
    spelling("ends-with", v1::Operator::EndsWith, false, Operands::Texts),
    spelling("before", v1::Operator::Before, false, Operands::OneText),
    spelling("after", v1::Operator::After, false, Operands::OneText),
    spelling("exists", v1::Operator::Exists, false, Operands::None),
];

/// Reads one condition.
pub(crate) fn parse(text: &str) -> Result<v1::Condition, String> {
    let rest = text.trim();
    let end = rest.find(|letter: char| letter.is_whitespace() || "=<>!".contains(letter));
    let (attribute, rest) = rest.split_at(end.unwrap_or(rest.len()));
    if attribute.is_empty() {
        return Err("expected ATTRIBUTE [not] OPERATOR OPERANDS, such as `country in DE,AT`".to_owned());
    }
    let rest = rest.trim_start();
    let (is_not, rest) = match strip_word(rest, "not") {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let (spelling, rest) = operator(attribute, rest)?;
    let test = v1::Test {
        attribute: attribute.to_owned(),
        operator: spelling.operator.into(),
        operands: operands(attribute, spelling, rest.trim())?,
        negated: spelling.negated != is_not,
    };
    Ok(v1::Condition { condition: Some(Condition::Test(test)) })
}

/// True when all are; none of none.
pub(crate) fn all(mut conditions: Vec<v1::Condition>) -> Option<v1::Condition> {
    match conditions.len() {
        0 | 1 => conditions.pop(),
        _ => Some(v1::Condition { condition: Some(Condition::All(v1::ConditionList { conditions })) }),
    }
}

fn operator<'a>(attribute: &str, text: &'a str) -> Result<(&'static Spelling, &'a str), String> {
    let signed = |signs: &'static [Spelling], text: &'a str| {
        signs.iter().find_map(|sign| Some((sign, text.strip_prefix(sign.word)?)))
    };
    let version = text.strip_prefix("version").and_then(|rest| signed(&VERSION_SIGNS, rest.trim_start()));
    let word = || WORDS.iter().find_map(|word| Some((word, strip_word(text, word.word)?)));
    version.or_else(|| signed(&SIGNS, text)).or_else(word).ok_or_else(|| {
        let found = text.split_whitespace().next().unwrap_or_default();
        let found = if found.is_empty() { "nothing".to_owned() } else { format!("`{found}`") };
        format!(
            "expected an operator after `{attribute}`, not {found}: = != in contains starts-with ends-with < <= > \
             >= version= version!= version< version<= version> version>= before after exists"
        )
    })
}

/// What follows a word that ends there.
fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(word)?;
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then(|| rest.trim_start())
}

fn operands(attribute: &str, spelling: &Spelling, text: &str) -> Result<Vec<v1::Value>, String> {
    let word = spelling.word;
    let is_one = matches!(spelling.operands, Operands::OneValue | Operands::OneText | Operands::OneNumber);
    match (spelling.operands, text) {
        (Operands::None, "") => return Ok(Vec::new()),
        (Operands::None, _) => return Err(format!("`{word}` takes no operand, not `{text}`")),
        (_, "") => return Err(format!("`{attribute} {word}` lacks what it compares with")),
        _ => {}
    }
    let operands = split(text)?;
    if is_one && operands.len() > 1 {
        let advice = match spelling.operands {
            Operands::OneValue => {
                format!("for one of several write `{attribute} in {text}`, or quote a comma")
            }
            _ => "say it in several conditions".to_owned(),
        };
        return Err(format!("`{word}` takes one operand, not {}: {advice}", operands.len()));
    }
    operands.into_iter().map(|operand| operand.value(attribute, spelling)).collect()
}

/// An operand as it was typed.
struct Operand {
    text: String,
    is_quoted: bool,
}

impl Operand {
    fn value(self, attribute: &str, spelling: &Spelling) -> Result<v1::Value, String> {
        let is_text = matches!(spelling.operands, Operands::OneText | Operands::Texts);
        if self.is_quoted || is_text {
            return Ok(v1::Value { kind: Some(Kind::StringValue(self.text)) });
        }
        let value = value::of_attribute(&self.text)?;
        let is_number = matches!(value.kind, Some(Kind::IntegerValue(_) | Kind::FloatValue(_)));
        if spelling.operands == Operands::OneNumber && !is_number {
            let (text, word) = (&self.text, spelling.word);
            return Err(format!(
                "`{word}` compares numbers, and `{text}` is none: write `{attribute} version{word} {text}` for \
                 versions, `before` and `after` for dates"
            ));
        }
        Ok(value)
    }
}

/// Splits at the commas that are not within quotes.
fn split(text: &str) -> Result<Vec<Operand>, String> {
    let mut operands = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let (operand, after) = if rest.starts_with('"') { quoted(rest)? } else { plain(rest) };
        if operand.text.is_empty() && !operand.is_quoted {
            return Err(format!("an operand is missing in `{text}`"));
        }
        operands.push(operand);
        match after.trim_start().strip_prefix(',') {
            Some(next) => rest = next,
            None if after.trim().is_empty() => return Ok(operands),
            None => return Err(format!("expected a comma before `{}`", after.trim())),
        }
    }
}

/// Quoted as in JSON.
fn quoted(text: &str) -> Result<(Operand, &str), String> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<String>();
    match values.next() {
        Some(Ok(value)) => {
            let after = text.get(values.byte_offset()..).unwrap_or_default();
            Ok((Operand { text: value, is_quoted: true }, after))
        }
        _ => Err(format!("the quotes in `{text}` do not end, or hold what JSON does not allow")),
    }
}

fn plain(text: &str) -> (Operand, &str) {
    let (operand, after) = text.split_at(text.find(',').unwrap_or(text.len()));
    (Operand { text: operand.trim().to_owned(), is_quoted: false }, after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::condition::ConditionView;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let condition = parse(text).unwrap();
        assert_eq!(ConditionView::of(Some(&condition)).unwrap().words(), expected);
    }

    #[track_caller]
    fn check_wrong(text: &str, expected: &str) {
        let error = parse(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }

    #[test]
    fn conditions_are_read_as_they_are_typed() {
        check("country in DE,AT", r#"country in "DE", "AT""#);
        check("country not in DE, AT ", r#"country not in "DE", "AT""#);
        check("plan = pro", r#"plan equals "pro""#);
        check("plan=pro", r#"plan equals "pro""#);
        check("plan == pro", r#"plan equals "pro""#);
        check("plan != free", r#"plan not equals "free""#);
        check("plan not != free", r#"plan equals "free""#);
        check("age >= 18", "age greater or equal 18");
        check("age<18.5", "age less 18.5");
        check("beta = true", "beta equals true");
        check("email ends-with @example.com", r#"email ends with "@example.com""#);
        check("zip starts-with 10,11", r#"zip starts with "10", "11""#);
        check("city = New York", r#"city equals "New York""#);
        check("app.version version>= 2.10.0", r#"app.version version greater or equal "2.10.0""#);
        check("version version< 2", r#"version version less "2""#);
        check("app version != 2.0.0", r#"app not version equals "2.0.0""#);
        check("signup before 2026-01-01", r#"signup before "2026-01-01""#);
        check("beta exists", "beta exists");
        check("beta not exists", "beta not exists");
        check("tags contains beta,7", r#"tags contains "beta", 7"#);
    }

    #[test]
    fn quotes_make_a_text_of_anything() {
        check(r#"zip = "10115""#, r#"zip equals "10115""#);
        check(r#"name in "Smith, J", Ada ,"\"x\"""#, r#"name in "Smith, J", "Ada", "\"x\"""#);
        check(r#"name = """#, r#"name equals """#);
    }

    #[test]
    fn a_wrong_condition_says_what_is_wrong() {
        check_wrong("", "expected ATTRIBUTE");
        check_wrong("= pro", "expected ATTRIBUTE");
        check_wrong("country", "expected an operator after `country`, not nothing");
        check_wrong("country is DE", "expected an operator after `country`, not `is`");
        check_wrong("country inside DE", "not `inside`");
        check_wrong("country in", "`country in` lacks what it compares with");
        check_wrong("country in DE,,AT", "an operand is missing in `DE,,AT`");
        check_wrong("country in DE,", "an operand is missing");
        check_wrong("plan = pro,free", "for one of several write `plan in pro,free`");
        check_wrong("age >= 18,20", "`>=` takes one operand, not 2");
        check_wrong("age >= old", "`>=` compares numbers, and `old` is none");
        check_wrong("version >= 2.10.0", "write `version version>= 2.10.0` for versions");
        check_wrong("beta exists yes", "`exists` takes no operand");
        check_wrong(r#"zip = "10115"#, "do not end");
        check_wrong(r#"zip = "10115" x"#, "expected a comma before `x`");
    }

    #[test]
    fn several_conditions_must_all_be_true() {
        assert!(all(Vec::new()).is_none());
        let one = parse("a = 1").unwrap();
        assert_eq!(all(vec![one.clone()]), Some(one.clone()));
        let both = all(vec![one, parse("b = 2").unwrap()]);
        assert_eq!(ConditionView::of(both.as_ref()).unwrap().words(), "a equals 1 and b equals 2");
    }
}
