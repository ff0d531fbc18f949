//! What a Prometheus-compatible server answers to an instant query.

use serde::Deserialize;
use serde_json::Value;

/// How much of a complaint is repeated.
const COMPLAINT_LETTERS_MAX: usize = 300;

#[derive(Deserialize)]
struct Body {
    status: String,
    data: Option<Data>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "resultType")]
    kind: String,
    /// Its form depends on the kind.
    result: Value,
}

#[derive(Deserialize)]
struct Series {
    value: Sample,
}

/// The moment, and the value as text.
#[derive(Deserialize)]
struct Sample(#[expect(dead_code, reason = "its place is before the value")] f64, String);

/// The one number of an answer.
///
/// # Errors
/// When there is none, or more than one, or it is no number: why, in words.
pub(super) fn value_of(body: &[u8]) -> Result<f64, String> {
    let body: Body =
        serde_json::from_slice(body).map_err(|error| format!("the answer is not understood: {error}"))?;
    if body.status != "success" {
        return Err(format!("the query failed: {}", cut(&body.error.unwrap_or_default())));
    }
    let data = body.data.ok_or("the answer has no data")?;
    let odd = |error: serde_json::Error| format!("the answer is not understood: {error}");
    let sample = match data.kind.as_str() {
        "scalar" => serde_json::from_value::<Sample>(data.result).map_err(odd)?,
        "vector" => {
            let mut series = serde_json::from_value::<Vec<Series>>(data.result).map_err(odd)?;
            match (series.pop(), series.len()) {
                (None, _) => return Err("the answer is empty".to_owned()),
                (Some(series), 0) => series.value,
                (Some(_), more) => {
                    let all = more.saturating_add(1);
                    return Err(format!("the answer has {all} series: a condition needs one"));
                }
            }
        }
        other => return Err(format!("the answer is a {}: neither a scalar nor a vector", cut(other))),
    };
    // Prometheus writes NaN, +Inf and -Inf, of which nothing can be said.
    match sample.1.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(_) | Err(_) => Err(format!("the answer is {}, which is no number", cut(&sample.1))),
    }
}

/// What a server that refuses a query says about it, to be put behind its status; may be empty.
pub(super) fn complaint(body: &[u8]) -> String {
    let said = serde_json::from_slice::<Body>(body).ok().and_then(|body| body.error);
    said.map(|said| format!(": {}", cut(&said))).unwrap_or_default()
}

fn cut(text: &str) -> String {
    text.chars().take(COMPLAINT_LETTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(data: &str, expected: Result<f64, &str>) {
        let body = format!("{{\"status\":\"success\",\"data\":{data}}}");
        assert_eq!(value_of(body.as_bytes()), expected.map_err(str::to_owned));
    }

    #[test]
    fn one_number_is_an_answer_and_nothing_else() {
        check(r#"{"resultType":"scalar","result":[1790000000.1,"0.25"]}"#, Ok(0.25));
        let one = r#"{"metric":{"job":"a"},"value":[1790000000,"7"]}"#;
        check(&format!(r#"{{"resultType":"vector","result":[{one}]}}"#), Ok(7.0));
        check(r#"{"resultType":"vector","result":[]}"#, Err("the answer is empty"));
        check(
            &format!(r#"{{"resultType":"vector","result":[{one},{one},{one}]}}"#),
            Err("the answer has 3 series: a condition needs one"),
        );
        for text in ["NaN", "+Inf", "-Inf"] {
            let data = format!(r#"{{"resultType":"scalar","result":[1,"{text}"]}}"#);
            check(&data, Err(&format!("the answer is {text}, which is no number")));
        }
        let matrix = r#"{"resultType":"matrix","result":[{"metric":{},"values":[[1,"1"]]}]}"#;
        check(matrix, Err("the answer is a matrix: neither a scalar nor a vector"));
    }

    #[test]
    fn a_refusal_is_repeated_in_its_own_words() {
        let body = br#"{"status":"error","errorType":"bad_data","error":"parse error: unexpected end"}"#;
        assert_eq!(value_of(body), Err("the query failed: parse error: unexpected end".to_owned()));
        assert_eq!(complaint(body), ": parse error: unexpected end");
        assert_eq!(complaint(b"<html>"), "");
        assert!(value_of(b"<html>").unwrap_err().starts_with("the answer is not understood"));
    }
}
