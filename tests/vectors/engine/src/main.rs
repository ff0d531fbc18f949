//! The mouth of `flagd-evaluation-engine`: questions as JSON on standard input, answers on standard output.

use std::collections::HashMap;
use std::error::Error;
use std::io;

use flagd_evaluation_engine::{FlagParser, Operator};
use open_feature::EvaluationContext;
use serde::Deserialize;

#[derive(Deserialize)]
struct Question {
    key: String,
    context: HashMap<String, String>,
    document: serde_json::Value,
}

fn answer(operator: &Operator, question: Question) -> Result<Option<String>, Box<dyn Error>> {
    let Question {
        key,
        context,
        document,
    } = question;
    let flags = FlagParser::parse_string(&document.to_string())?.flags;
    let flag = flags.get(&key).ok_or("the document does not hold the flag")?;

    let mut evaluated = EvaluationContext::default();
    for (name, value) in context {
        evaluated = if name == "targetingKey" {
            evaluated.with_targeting_key(value)
        } else {
            evaluated.with_custom_field(name, value)
        };
    }
    Ok(operator.apply(&key, &flag.get_targeting(), &evaluated)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let operator = Operator::new();
    let questions: Vec<Question> = serde_json::from_reader(io::stdin().lock())?;
    let answers = questions
        .into_iter()
        .map(|question| answer(&operator, question))
        .collect::<Result<Vec<_>, _>>()?;
    serde_json::to_writer(io::stdout().lock(), &answers)?;
    Ok(())
}
