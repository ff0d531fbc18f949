//! The body of a batch: `{"service":"checkout","observations":[{"flag":"dreams","variant":"on","ok":10,"errors":1}]}`.
//!
//! Becomes the message that instances report over gRPC, so that both are judged by the same words. Who somebody is, is
//! hashed here and forgotten.

use std::collections::BTreeMap;

use mycelia_flags_core::observation::bucket::{Bucket, Spread};
use mycelia_flags_core::observation::users::{self, USERS_PER_HOUR};
use mycelia_flags_core::rejection::Reason;
use mycelia_flags_core::value::Value;
use mycelia_flags_proto::{convert, v1};

use super::body::{Object, object, unknown, wrong_type};
use crate::edge::limits::REPORT_OBSERVATIONS_MAX;
use crate::edge::problem::Faults;

const EXAMPLE: &str =
    r#"an object such as {"service":"checkout","observations":[{"flag":"dreams","variant":"on","ok":10}]}"#;

const FIELDS: [&str; 13] = [
    "flag",
    "variant",
    "evaluations",
    "fallbacks",
    "ok",
    "errors",
    "crashes",
    "impressions",
    "clicks",
    "latencies_ms",
    "counters",
    "values",
    "users",
];

const COUNT: &str = "a whole number from 0 on";
const NUMBERS: &str = "a list of numbers";

/// Reads a body. What is wrong is noted; the answer is of no use then.
pub(super) fn read(body: &[u8], faults: &mut Faults) -> v1::ReportRequest {
    const KNOWN: [&str; 4] = ["service", "instance", "batch_id", "observations"];
    let Some(fields) = object(body, EXAMPLE, faults) else { return v1::ReportRequest::default() };
    let mut reader = Reader { fields: &fields, path: "", faults };
    let service = reader.text("service");
    if service.is_empty() && !fields.contains_key("service") {
        reader.faults.note(Reason::Required, "service", "", "the name of the service");
    }
    let (instance, batch_id) = (reader.text("instance"), reader.text("batch_id"));
    let mut observations = Vec::new();
    match fields.get("observations") {
        Some(Value::List(items)) if items.len() > REPORT_OBSERVATIONS_MAX => {
            let allowed = format!("at most {REPORT_OBSERVATIONS_MAX}");
            faults.note(Reason::TooLarge, "observations", items.len().to_string(), allowed);
        }
        Some(Value::List(items)) => {
            for (index, item) in items.iter().enumerate() {
                let path = format!("observations[{index}]");
                match item {
                    Value::Object(fields) => observations.push(observation(fields, &path, faults)),
                    other => wrong_type(&path, other, "an object", faults),
                }
            }
        }
        Some(other) => wrong_type("observations", other, "a list of observations", faults),
        None => {}
    }
    unknown(&fields, "", &KNOWN, faults);
    v1::ReportRequest { service, instance, batch_id, observations, ..v1::ReportRequest::default() }
}

fn observation(fields: &Object, path: &str, faults: &mut Faults) -> v1::Observation {
    let mut reader = Reader { fields, path, faults };
    let (flag, variant) = (reader.text("flag"), reader.text("variant"));
    let mut bucket = Bucket {
        evaluations: reader.count("evaluations"),
        fallbacks: reader.count("fallbacks"),
        ok: reader.count("ok"),
        errors: reader.count("errors"),
        crashes: reader.count("crashes"),
        impressions: reader.count("impressions"),
        clicks: reader.count("clicks"),
        latency: reader.spread("latencies_ms"),
        counters: reader.counters(),
        values: reader.values(),
        ..Bucket::default()
    };
    for user in reader.texts("users") {
        bucket.users.add(users::hash(&user), USERS_PER_HOUR);
    }
    unknown(fields, path, &FIELDS, faults);
    convert::observation_to_wire(&flag, &variant, &bucket)
}

/// Reads the fields of an object; what is not there is empty.
struct Reader<'r> {
    fields: &'r Object,
    path: &'r str,
    faults: &'r mut Faults,
}

impl Reader<'_> {
    fn at(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn wrong(&mut self, name: &str, value: &Value, allowed: &str) {
        wrong_type(&self.at(name), value, allowed, self.faults);
    }

    fn text(&mut self, name: &str) -> String {
        match self.fields.get(name) {
            Some(Value::String(text)) => text.to_string(),
            Some(other) => {
                self.wrong(name, other, "text");
                String::new()
            }
            None => String::new(),
        }
    }

    fn texts(&mut self, name: &str) -> Vec<String> {
        let mut texts = Vec::new();
        match self.fields.get(name) {
            Some(Value::List(items)) => {
                for item in items {
                    match item {
                        Value::String(text) => texts.push(text.to_string()),
                        other => self.wrong(name, other, "a list of targeting keys"),
                    }
                }
            }
            Some(other) => self.wrong(name, other, "a list of targeting keys"),
            None => {}
        }
        texts
    }

    fn count(&mut self, name: &str) -> u64 {
        match self.fields.get(name) {
            Some(Value::Integer(number)) if *number >= 0 => number.unsigned_abs(),
            Some(other) => {
                self.wrong(name, other, COUNT);
                0
            }
            None => 0,
        }
    }

    fn spread(&mut self, name: &str) -> Spread {
        let Some(value) = self.fields.get(name) else { return Spread::default() };
        self.numbers(name, value)
    }

    fn numbers(&mut self, name: &str, value: &Value) -> Spread {
        let mut spread = Spread::default();
        let Value::List(items) = value else {
            self.wrong(name, value, NUMBERS);
            return spread;
        };
        for item in items {
            match item {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "beyond 2^53 the last digits of a value are lost"
                )]
                Value::Integer(number) => spread.add(*number as f64),
                Value::Float(number) => spread.add(*number),
                other => self.wrong(name, other, NUMBERS),
            }
        }
        spread
    }

    fn counters(&mut self) -> BTreeMap<Box<str>, u64> {
        let mut counters = BTreeMap::new();
        match self.fields.get("counters") {
            Some(Value::Object(fields)) => {
                for (name, value) in fields {
                    match value {
                        Value::Integer(number) if *number >= 0 => {
                            counters.insert(name.clone(), number.unsigned_abs());
                        }
                        other => self.wrong(&format!("counters.{name}"), other, COUNT),
                    }
                }
            }
            Some(other) => self.wrong("counters", other, "an object of whole numbers"),
            None => {}
        }
        counters
    }

    fn values(&mut self) -> BTreeMap<Box<str>, Spread> {
        let mut values = BTreeMap::new();
        match self.fields.get("values") {
            Some(Value::Object(fields)) => {
                for (name, value) in fields {
                    let spread = self.numbers(&format!("values.{name}"), value);
                    values.insert(name.clone(), spread);
                }
            }
            Some(other) => self.wrong("values", other, "an object of lists of numbers"),
            None => {}
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_becomes_what_instances_report() {
        let body = br#"{"service":"checkout","instance":"c-1","batch_id":"7","observations":[
            {"flag":"dreams","variant":"on","evaluations":9,"fallbacks":1,"ok":5,"errors":2,"crashes":1,
             "impressions":4,"clicks":2,"latencies_ms":[12.5,80],"counters":{"saves":3},"values":{"score":[4.5,4]},
             "users":["ana","ben","ana"]},{"ok":1}]}"#;
        let mut faults = Faults::default();
        let report = read(body, &mut faults);
        assert_eq!(faults.as_slice(), []);
        assert_eq!((&*report.service, &*report.instance, &*report.batch_id), ("checkout", "c-1", "7"));
        let first = convert::observation_from_wire(&"", &report.observations[0]).unwrap().bucket;
        assert_eq!(
            (first.evaluations, first.fallbacks, first.ok, first.errors, first.crashes),
            (9, 1, 5, 2, 1)
        );
        assert_eq!((first.impressions, first.clicks, first.counters["saves"]), (4, 2, 3));
        assert_eq!((first.latency.mean(), first.values["score"].mean()), (Some(46.25), Some(4.25)));
        assert_eq!(first.users.count(USERS_PER_HOUR), 2);
        let second = &report.observations[1];
        assert_eq!((&*second.flag, &*second.variant, second.ok), ("", "", 1));
    }

    #[track_caller]
    fn refuse(body: &str, expected: &[(&str, &str)]) {
        let mut faults = Faults::default();
        read(body.as_bytes(), &mut faults);
        let found: Vec<_> = faults.as_slice().iter().map(|fault| (fault.reason, &*fault.field)).collect();
        assert_eq!(found, expected, "{body}");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        refuse("[]", &[("WRONG_TYPE", "body")]);
        refuse("{", &[("INVALID_JSON", "body")]);
        refuse("{}", &[("REQUIRED", "service")]);
        refuse(
            r#"{"service":1,"observations":{}}"#,
            &[("WRONG_TYPE", "service"), ("WRONG_TYPE", "observations")],
        );
        refuse(r#"{"service":"ui","observation":[]}"#, &[("UNKNOWN_FIELD", "observation")]);
        refuse(
            r#"{"service":"ui","observations":[3,{"ok":-1,"errors":1.5,"oks":1,"latencies_ms":["a"],"users":[1]}]}"#,
            &[
                ("WRONG_TYPE", "observations[0]"),
                ("WRONG_TYPE", "observations[1].ok"),
                ("WRONG_TYPE", "observations[1].errors"),
                ("WRONG_TYPE", "observations[1].latencies_ms"),
                ("WRONG_TYPE", "observations[1].users"),
                ("UNKNOWN_FIELD", "observations[1].oks"),
            ],
        );
        refuse(
            r#"{"service":"ui","observations":[{"counters":{"a":"b"},"values":{"c":1}},{"counters":1,"values":[]}]}"#,
            &[
                ("WRONG_TYPE", "observations[0].counters.a"),
                ("WRONG_TYPE", "observations[0].values.c"),
                ("WRONG_TYPE", "observations[1].counters"),
                ("WRONG_TYPE", "observations[1].values"),
            ],
        );
    }
}
