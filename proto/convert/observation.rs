//! What instances observe, and how much flags are used.

use std::fmt;

use mycelia_flags_core::key::{FoldedKey, NAME_GRAMMAR, VariantName};
use mycelia_flags_core::observation::batch::{Limit, Observation, Refused};
use mycelia_flags_core::observation::bucket::{Bucket, CUSTOM_MAX, Spread};
use mycelia_flags_core::observation::metric::{CUSTOM_NAME_GRAMMAR, Metric, is_custom_name};
use mycelia_flags_core::observation::sketch::{BIN_MAX, BIN_MIN, BINS_MAX, Sketch};
use mycelia_flags_core::observation::usage::{Granularity, Row, RowKey};
use mycelia_flags_core::observation::users::USERS_PER_HOUR;
use mycelia_flags_core::rejection::{Reason, Violation};

use crate::v1;

/// Reads what was observed; every number of it is looked at. `field` is where it stands.
///
/// # Errors
/// When a name is none, a sketch does not add up, or there is too much of something: everything that is wrong.
pub fn observation_from_wire(
    field: &dyn fmt::Display,
    wire: &v1::Observation,
) -> Result<Observation, Vec<Violation>> {
    let mut faults = Found { field, violations: Vec::new() };
    let flag = (!wire.flag.is_empty()).then(|| FoldedKey::parse(&wire.flag));
    if let Some(Err(_)) = flag {
        faults.note(Reason::InvalidName, "flag", &wire.flag, NAME_GRAMMAR);
    }
    let variant = (!wire.variant.is_empty()).then(|| VariantName::parse(&wire.variant));
    if let Some(Err(_)) = variant {
        faults.note(Reason::InvalidName, "variant", &wire.variant, NAME_GRAMMAR);
    }
    if wire.fallbacks > wire.evaluations {
        let allowed = format!("at most evaluations, {}", wire.evaluations);
        faults.note(Reason::OutOfRange, "fallbacks", &wire.fallbacks.to_string(), &allowed);
    }
    if wire.users.len() > USERS_PER_HOUR {
        let allowed = format!("at most {USERS_PER_HOUR}");
        faults.note(Reason::TooLarge, "users", &wire.users.len().to_string(), &allowed);
    }
    let custom = wire.counters.len().saturating_add(wire.values.len());
    if custom > CUSTOM_MAX {
        let allowed = format!("at most {CUSTOM_MAX} names with values");
        faults.note(Reason::TooLarge, "counters", &custom.to_string(), &allowed);
    }
    for (list, name) in wire
        .counters
        .keys()
        .map(|name| ("counters", name))
        .chain(wire.values.keys().map(|name| ("values", name)))
    {
        if !is_custom_name(name) {
            faults.note(Reason::InvalidName, list, name, CUSTOM_NAME_GRAMMAR);
        }
    }
    let mut bucket = Bucket {
        evaluations: wire.evaluations,
        fallbacks: wire.fallbacks,
        ok: wire.ok,
        errors: wire.errors,
        crashes: wire.crashes,
        impressions: wire.impressions,
        clicks: wire.clicks,
        latency: wire.latency.as_ref().map(|wire| spread("latency", wire, &mut faults)).unwrap_or_default(),
        counters: wire.counters.iter().map(|(name, count)| (Box::from(&**name), *count)).collect(),
        ..Bucket::default()
    };
    for (name, wire) in &wire.values {
        let values = spread(&format!("values[{name:?}]"), wire, &mut faults);
        bucket.values.insert(Box::from(&**name), values);
    }
    bucket.users.reserve(wire.users.len().min(USERS_PER_HOUR));
    wire.users.iter().for_each(|hash| bucket.users.add(*hash, USERS_PER_HOUR));
    if faults.violations.is_empty() {
        return Ok(Observation {
            flag: flag.and_then(Result::ok),
            variant: variant.and_then(Result::ok),
            bucket,
        });
    }
    Err(faults.violations)
}

struct Found<'f> {
    field: &'f dyn fmt::Display,
    violations: Vec<Violation>,
}

impl Found<'_> {
    fn note(&mut self, reason: Reason, field: &str, value: &str, allowed: &str) {
        let field = format!("{}.{field}", self.field);
        self.violations.push(Violation {
            reason,
            field,
            value: value.to_owned(),
            allowed: allowed.to_owned(),
        });
    }
}

fn spread(field: &str, wire: &v1::Spread, faults: &mut Found<'_>) -> Spread {
    let mut sketch = Sketch::default();
    sketch.add_zeros(wire.zeros);
    if wire.bins.len() != wire.bin_counts.len() {
        let allowed = format!("as many as bins, {}", wire.bins.len());
        let found = wire.bin_counts.len().to_string();
        faults.note(Reason::OutOfRange, &format!("{field}.bin_counts"), &found, &allowed);
        return Spread::default();
    }
    sketch.reserve(wire.bins.len().min(BINS_MAX));
    for (bin, count) in wire.bins.iter().zip(&wire.bin_counts) {
        if !(BIN_MIN..=BIN_MAX).contains(bin) {
            let allowed = format!("{BIN_MIN} to {BIN_MAX}");
            faults.note(Reason::OutOfRange, &format!("{field}.bins"), &bin.to_string(), &allowed);
            return Spread::default();
        }
        sketch.add_bin(*bin, *count);
    }
    if sketch.count() != wire.count {
        let allowed = format!("the sum of zeros and bin_counts, {}", sketch.count());
        faults.note(Reason::OutOfRange, &format!("{field}.count"), &wire.count.to_string(), &allowed);
    }
    for (name, number) in [("sum", wire.sum), ("squares", wire.squares)] {
        if !number.is_finite() {
            let field = format!("{field}.{name}");
            faults.note(Reason::OutOfRange, &field, &number.to_string(), "a finite number");
        }
    }
    Spread { count: wire.count, sum: wire.sum, squares: wire.squares, sketch }
}

/// What was observed, as it is sent. `flag` is its key in the caller's spelling.
#[must_use]
pub fn observation_to_wire(flag: &str, variant: &str, bucket: &Bucket) -> v1::Observation {
    v1::Observation {
        flag: flag.to_owned(),
        variant: variant.to_owned(),
        evaluations: bucket.evaluations,
        fallbacks: bucket.fallbacks,
        ok: bucket.ok,
        errors: bucket.errors,
        crashes: bucket.crashes,
        impressions: bucket.impressions,
        clicks: bucket.clicks,
        latency: (bucket.latency.count > 0).then(|| spread_to_wire(&bucket.latency)),
        counters: bucket.counters.iter().map(|(name, count)| (name.to_string(), *count)).collect(),
        values: bucket
            .values
            .iter()
            .map(|(name, spread)| (name.to_string(), spread_to_wire(spread)))
            .collect(),
        users: bucket.users.hashes().to_vec(),
    }
}

fn spread_to_wire(spread: &Spread) -> v1::Spread {
    v1::Spread {
        count: spread.count,
        sum: spread.sum,
        squares: spread.squares,
        zeros: spread.sketch.zeros(),
        bins: spread.sketch.bins().iter().map(|(bin, _)| *bin).collect(),
        bin_counts: spread.sketch.bins().iter().map(|(_, count)| *count).collect(),
    }
}

/// What was not counted, and why.
#[must_use]
pub fn refused_to_wire(refused: &Refused) -> v1::RefusedObservation {
    let (value, allowed) = match &refused.why {
        Limit::Series { max } => {
            (String::new(), format!("at most {max} combinations of environment, flag, variant and service"))
        }
        Limit::Names { name, max } => {
            (name.to_string(), format!("at most {max} names of counters and values in all"))
        }
        Limit::Custom { max } => {
            (String::new(), format!("at most {max} counters and values in one observation"))
        }
    };
    v1::RefusedObservation {
        index: u32::try_from(refused.index).unwrap_or(u32::MAX),
        reason: Reason::TooLarge.as_str().to_owned(),
        value,
        allowed,
    }
}

/// How finely time is divided; none of a number that this version does not know.
#[must_use]
pub fn granularity_from_wire(number: i32) -> Option<Granularity> {
    Some(match v1::UsageGranularity::try_from(number).ok()? {
        v1::UsageGranularity::Minute => Granularity::Minute,
        v1::UsageGranularity::Hour => Granularity::Hour,
        v1::UsageGranularity::Day => Granularity::Day,
        v1::UsageGranularity::Whole | v1::UsageGranularity::Unspecified => Granularity::Whole,
    })
}

/// A row of usage. `flag` is its key as it was spelled at creation.
#[must_use]
pub fn usage_row_to_wire(flag: &str, key: &RowKey, row: &Row) -> v1::UsageRow {
    let bucket = &row.bucket;
    let read = |metric: &str| Metric::of(metric).read(bucket).map(|reading| reading.value);
    v1::UsageRow {
        flag: flag.to_owned(),
        variant: key.variant.as_ref().map(ToString::to_string).unwrap_or_default(),
        service: key.service.as_ref().map(ToString::to_string).unwrap_or_default(),
        begin_seconds: key.begin.unix_seconds(),
        evaluations: bucket.evaluated(),
        evaluations_on_server: bucket.answered,
        fallbacks: bucket.fallbacks,
        requests: bucket.requests(),
        errors: bucket.errors.saturating_add(bucket.crashes),
        crashes: bucket.crashes,
        users: row.users,
        impressions: bucket.impressions,
        clicks: bucket.clicks,
        click_through_percent: read("ctr"),
        error_percent: read("error_rate"),
        latency_mean_ms: read("latency.mean"),
        latency_p50_ms: read("latency.p50"),
        latency_p95_ms: read("latency.p95"),
        latency_p99_ms: read("latency.p99"),
        counters: bucket.counters.iter().map(|(name, count)| (name.to_string(), *count)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use mycelia_flags_core::key::FoldedKey;

    use super::*;

    fn bucket() -> Bucket {
        let mut bucket = Bucket {
            evaluations: 9,
            fallbacks: 1,
            ok: 5,
            errors: 2,
            crashes: 1,
            impressions: 4,
            clicks: 2,
            ..Bucket::default()
        };
        for ms in [0.0, 12.5, 13.0, 8_000.0] {
            bucket.latency.add(ms);
        }
        bucket.counters.insert(Box::from("saves"), 3);
        bucket.values.entry(Box::from("score")).or_default().add(4.5);
        for hash in [7, 3] {
            bucket.users.add(hash, USERS_PER_HOUR);
        }
        bucket
    }

    #[test]
    fn an_observation_goes_there_and_back() {
        let wire = observation_to_wire("oracle.chat", "on", &bucket());
        let back = observation_from_wire(&"observations[0]", &wire).unwrap();
        assert_eq!(back.flag, Some(FoldedKey::of("oracle_chat")));
        assert_eq!((back.variant, back.bucket), (Some(VariantName::new("on")), bucket()));
        let nothing = observation_from_wire(&"", &v1::Observation::default()).unwrap();
        assert!(nothing.bucket.is_empty() && nothing.flag.is_none() && nothing.variant.is_none());
    }

    #[track_caller]
    fn refuse(change: impl FnOnce(&mut v1::Observation), expected: &[(Reason, &str, &str)]) {
        let mut wire = observation_to_wire("dreams", "on", &bucket());
        change(&mut wire);
        let violations = observation_from_wire(&"observations[3]", &wire).unwrap_err();
        let found = violations
            .iter()
            .map(|found| (found.reason, &found.field["observations[3].".len()..], &*found.value));
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_does_not_add_up_is_refused_with_its_field() {
        refuse(|wire| wire.flag = "a/b".to_owned(), &[(Reason::InvalidName, "flag", "a/b")]);
        refuse(|wire| wire.variant = " ".to_owned(), &[(Reason::InvalidName, "variant", " ")]);
        refuse(|wire| wire.fallbacks = 10, &[(Reason::OutOfRange, "fallbacks", "10")]);
        refuse(|wire| wire.users = (0..257).collect(), &[(Reason::TooLarge, "users", "257")]);
        let latency =
            |wire: &mut v1::Observation, change: fn(&mut v1::Spread)| change(wire.latency.as_mut().unwrap());
        refuse(
            |wire| latency(wire, |spread| spread.count = 9),
            &[(Reason::OutOfRange, "latency.count", "9")],
        );
        refuse(
            |wire| latency(wire, |spread| spread.bins.push(1)),
            &[(Reason::OutOfRange, "latency.bin_counts", "3")],
        );
        refuse(
            |wire| latency(wire, |spread| spread.bins[0] = 1_397),
            &[(Reason::OutOfRange, "latency.bins", "1397")],
        );
        refuse(
            |wire| latency(wire, |spread| spread.sum = f64::NAN),
            &[(Reason::OutOfRange, "latency.sum", "NaN")],
        );
        for name in ["error_rate", "Score", "a.p95", ""] {
            refuse(
                |wire| wire.counters.extend([(name.to_owned(), 1)]),
                &[(Reason::InvalidName, "counters", name)],
            );
        }
        refuse(
            |wire| wire.counters = (0..32).map(|name| (format!("c{name}"), 1)).collect(),
            &[(Reason::TooLarge, "counters", "33")],
        );
    }
}
