//! What other people's implementations say: `tests/vectors/targeting`.

use super::*;

const CONTEXTS: &str = include_str!("../../../../tests/vectors/targeting/contexts.jsonl");
const VECTORS: &str = include_str!("../../../../tests/vectors/targeting/vectors.jsonl");
const DISAGREEMENTS: &str = include_str!("../../../../tests/vectors/targeting/disagreements.jsonl");
const KNOWN: &str = include_str!("../../../../tests/vectors/targeting/known.jsonl");

fn generations(line: &OwnedDataValue) -> &'static [Generation] {
    match line["generation"].as_str().unwrap() {
        "v2" => &[Generation::V2],
        "v3" => &[Generation::V3],
        "any" => &BOTH,
        other => panic!("{other} is no generation"),
    }
}

type Answer = Result<Option<Box<str>>, TargetingFault>;

/// Each line, with what we say to it in each of its generations.
fn answers(text: &str) -> impl Iterator<Item = (OwnedDataValue, Generation, Answer)> {
    let contexts: Vec<Context> = CONTEXTS.lines().map(|line| context_of(&json(line))).collect();
    text.lines().map(json).flat_map(move |line| {
        let place = usize::try_from(line["context"].as_i64().unwrap()).unwrap();
        let rule = line["rule"].to_json_string();
        let answer = |generation: Generation| {
            let answer = compiled(&rule, generation).evaluate("flag-a", &contexts[place], 1_800_000_000);
            (line.clone(), generation, answer)
        };
        generations(&line).iter().copied().map(answer).collect::<Vec<_>>()
    })
}

#[test]
fn we_agree_with_implementations_that_agree() {
    let mut faults = Vec::new();
    let mut checked = 0;
    for (line, generation, answer) in answers(VECTORS) {
        if answer.as_ref().map(Option::as_deref) != Ok(line["variant"].as_str()) {
            faults.push(format!("{generation:?} {}: {answer:?}", line.to_json_string()));
        }
        checked += 1;
    }
    assert!(faults.is_empty(), "{} of {checked}:\n{}", faults.len(), faults.join("\n"));
    // A file that was cut short must not pass.
    assert_eq!(checked, 6592);
}

#[test]
fn where_they_disagree_we_have_an_answer_all_the_same() {
    let mut as_one_of_them = 0;
    let mut checked = 0;
    for (line, _, answer) in answers(DISAGREEMENTS) {
        assert_ne!(answer, Err(TargetingFault::Parse), "{}", line.to_json_string());
        let mut theirs = line["answers"].as_object().unwrap().iter().filter_map(|(_, said)| said.get(0));
        as_one_of_them +=
            usize::from(theirs.any(|said| answer.as_ref().map(Option::as_deref) == Ok(said.as_str())));
        checked += 1;
    }
    // Whoever changes what we say where nobody agrees shall notice, and say so in the README of the vectors.
    assert_eq!((as_one_of_them, checked), (1476, 1666));
}

#[test]
fn the_splits_that_we_were_given_before_we_had_code_come_out() {
    let mut rules = BTreeMap::new();
    let mut checked = 0;
    for line in KNOWN.lines().map(json) {
        let flag = line["flag"].as_str().unwrap().to_owned();
        if let Some(rule) = line.get("rule") {
            rules.insert(flag, rule.to_json_string());
            continue;
        }
        for generation in BOTH {
            let context = context_of(&line["context"]);
            let answer = compiled(&rules[&flag], generation).evaluate(&flag, &context, 0).unwrap();
            let expected = line[generation.as_str()].as_str();
            assert_eq!(answer.as_deref(), expected, "{generation:?} {}", line.to_json_string());
        }
        checked += 1;
    }
    assert_eq!(checked, 69);
}
