//! The mouth of `flagd-evaluation-engine`: questions as JSON on standard input, answers on standard output. An answer
//! is a list: the variant's name, or null, or nothing at all when the engine failed.

use std::error::Error;
use std::io;

use flagd_evaluation_engine::{FlagParser, Operator};
use open_feature::EvaluationContext;
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
struct Question {
    key: String,
    context: Map<String, Value>,
    document: Value,
}

fn answer(operator: &Operator, question: Question) -> Result<Option<String>, Box<dyn Error>> {
    let Question { key, context, document } = question;
    let flags = FlagParser::parse_string(&document.to_string())?.flags;
    let flag = flags.get(&key).ok_or("the document does not hold the flag")?;

    let mut evaluated = EvaluationContext::default();
    for (name, value) in context {
        evaluated = match value {
            Value::String(text) if name == "targetingKey" => evaluated.with_targeting_key(text),
            Value::String(text) => evaluated.with_custom_field(name, text),
            Value::Bool(truth) => evaluated.with_custom_field(name, truth),
            Value::Number(number) => match number.as_i64() {
                Some(number) => evaluated.with_custom_field(name, number),
                None => evaluated.with_custom_field(name, number.as_f64().ok_or("no number")?),
            },
            _ => return Err("the engine takes plain attributes only".into()),
        };
    }
    Ok(operator.apply(&key, &flag.get_targeting(), &evaluated)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let operator = Operator::new();
    let questions: Vec<Question> = serde_json::from_reader(io::stdin().lock())?;
    let answers: Vec<Vec<Option<String>>> =
        questions.into_iter().map(|question| answer(&operator, question).into_iter().collect()).collect();
    serde_json::to_writer(io::stdout().lock(), &answers)?;
    Ok(())
}
