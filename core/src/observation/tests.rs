//! Windows, judged: worlds of reports in simulated time.

mod answered;
mod clocks;
mod conditions;
mod limits;
mod recorded;
mod rollouts;
mod used;

use std::sync::Arc;

use super::batch::{Batch, Observation, Taken};
use super::bucket::Bucket;
use super::measurement::Measurement;
use super::users;
use super::window::Windows;
use crate::key::{EnvironmentKey, FlagKey, FoldedKey, ServiceName, VariantName};
use crate::plan::metric_check::{Asked, MetricCheck, Verdict};
use crate::revision::Timestamp;

/// A Monday, on the hour.
const START: i64 = 1_800_000_000 / 3_600 * 3_600;

struct World {
    windows: Windows,
    /// Seconds since the start.
    now: i64,
    changed_at: Option<i64>,
    batches: u64,
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_micros((START + seconds) * 1_000_000)
}

fn requests(ok: u64, errors: u64) -> Bucket {
    Bucket { ok, errors, ..Bucket::default() }
}

impl World {
    fn new() -> Self {
        Self { windows: Windows::new(at(0)), now: 0, changed_at: None, batches: 0 }
    }

    /// What an instance of a service has observed of the flag `dreams`.
    fn report(&mut self, service: &str, variant: &str, bucket: Bucket) -> Taken {
        self.batches += 1;
        let batch = Batch {
            environment: EnvironmentKey::new("production"),
            service: ServiceName::new(service),
            instance: Arc::from("one"),
            id: Box::from(self.batches.to_string()),
            observations: vec![Observation {
                flag: Some(FoldedKey::of("dreams")),
                variant: Some(VariantName::new(variant)),
                bucket,
            }],
        };
        self.windows.take(batch, at(self.now))
    }

    /// The same every five seconds, for so many seconds.
    fn steadily(&mut self, seconds: i64, service: &str, variant: &str, bucket: &Bucket) {
        let until = self.now + seconds;
        while self.now < until {
            self.now += 5;
            self.report(service, variant, bucket.clone());
        }
    }

    fn ask<R>(&mut self, text: &str, ask: impl FnOnce(&mut Windows, &MetricCheck, &Asked<'_>) -> R) -> R {
        let (check, environment) = (MetricCheck::parse(text).unwrap(), EnvironmentKey::new("production"));
        let flag = FlagKey::new("dreams");
        let changed_at = self.changed_at.map(at);
        let asked = Asked { environment: &environment, flags: &[&flag], changed_at, now: at(self.now) };
        ask(&mut self.windows, &check, &asked)
    }

    fn judge(&mut self, text: &str) -> Verdict {
        self.ask(text, |windows, check, asked| windows.judge(check, asked, &off))
    }

    fn measure(&mut self, text: &str) -> Option<Measurement> {
        self.ask(text, |windows, check, asked| windows.measure(check, asked, &off))
    }

    /// What is known, in a word.
    fn word(&mut self, text: &str) -> &'static str {
        match self.judge(text) {
            Verdict::Met { .. } => "met",
            Verdict::NotMet { .. } => "not met",
            Verdict::InsufficientData => "insufficient",
        }
    }
}

#[test]
fn what_is_asked_in_between_changes_no_sum() {
    let bucket = |number: u64| {
        let mut bucket = requests(number, 1);
        bucket.latency.add(super::sketch::float(number * 7 % 31));
        bucket.users.add(users::hash(&number.to_string()), users::USERS_PER_HOUR);
        bucket
    };
    let report = |asked: bool| {
        let mut world = World::new();
        // Several in one second, and gaps; a clock that goes back a little.
        for (number, seconds) in (0..200).zip([0, 0, 1, 0, 7, -2, 61].into_iter().cycle()) {
            world.now += seconds;
            world.report("ui", if number % 3 == 0 { "on" } else { "off" }, bucket(number));
            if asked {
                world.measure("error_rate > 1% over 5m");
            }
        }
        world.windows.settle();
        world.windows
    };
    assert_eq!(report(true), report(false));
}

fn off(_flag: &FoldedKey) -> Option<VariantName> {
    Some(VariantName::new("off"))
}

fn seen(users: std::ops::Range<u32>) -> Bucket {
    let mut bucket = Bucket::default();
    for user in users {
        bucket.users.add(users::hash(&format!("user-{user}")), users::USERS_PER_HOUR);
    }
    bucket
}
