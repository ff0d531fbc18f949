//! What the file says: a form of its own, neither core's nor the wire's.

use mycelia_flags_core::key::{EnvironmentKey, FoldedKey, ServiceName, VariantName};
use mycelia_flags_core::observation::bucket::{Bucket, Spread};
use mycelia_flags_core::observation::presence::{Presence, Silence};
use mycelia_flags_core::observation::ring::{PACES, Ring};
use mycelia_flags_core::observation::series::Series;
use mycelia_flags_core::observation::sketch::Sketch;
use mycelia_flags_core::observation::users::USERS_PER_HOUR;
use mycelia_flags_core::observation::window::{Heard, SeriesKey, Windows};
use mycelia_flags_core::revision::Timestamp;

use crate::control::observations::Observations;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Kept {
    #[prost(message, repeated, tag = "1")]
    series: Vec<KeptSeries>,
    #[prost(message, repeated, tag = "2")]
    heard: Vec<KeptHeard>,
    #[prost(message, repeated, tag = "3")]
    reporters: Vec<KeptReporter>,
    /// Sixteen bytes each, the newest first.
    #[prost(bytes = "vec", repeated, tag = "4")]
    batches: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct KeptSeries {
    #[prost(string, tag = "1")]
    environment: String,
    /// Empty means the service as such.
    #[prost(string, tag = "2")]
    flag: String,
    /// Empty means that none is known.
    #[prost(string, tag = "3")]
    variant: String,
    #[prost(string, tag = "4")]
    service: String,
    #[prost(message, repeated, tag = "5")]
    rings: Vec<KeptRing>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct KeptRing {
    /// Seconds of a bucket: a ring that this version does not have is left out.
    #[prost(int64, tag = "1")]
    step_seconds: i64,
    #[prost(message, repeated, tag = "2")]
    buckets: Vec<KeptBucket>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct KeptBucket {
    #[prost(int64, tag = "1")]
    index: i64,
    #[prost(uint64, tag = "2")]
    evaluations: u64,
    #[prost(uint64, tag = "3")]
    fallbacks: u64,
    #[prost(uint64, tag = "4")]
    ok: u64,
    #[prost(uint64, tag = "5")]
    errors: u64,
    #[prost(uint64, tag = "6")]
    crashes: u64,
    #[prost(uint64, tag = "7")]
    impressions: u64,
    #[prost(uint64, tag = "8")]
    clicks: u64,
    #[prost(message, optional, tag = "9")]
    latency: Option<KeptSpread>,
    #[prost(btree_map = "string, uint64", tag = "10")]
    counters: std::collections::BTreeMap<String, u64>,
    #[prost(btree_map = "string, message", tag = "11")]
    values: std::collections::BTreeMap<String, KeptSpread>,
    #[prost(fixed64, repeated, tag = "12")]
    users: Vec<u64>,
    #[prost(uint64, tag = "13")]
    answered: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct KeptSpread {
    #[prost(uint64, tag = "1")]
    count: u64,
    #[prost(double, tag = "2")]
    sum: f64,
    #[prost(double, tag = "3")]
    squares: f64,
    #[prost(uint64, tag = "4")]
    zeros: u64,
    #[prost(sint32, repeated, tag = "5")]
    bins: Vec<i32>,
    #[prost(uint64, repeated, tag = "6")]
    bin_counts: Vec<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct KeptHeard {
    #[prost(string, tag = "1")]
    environment: String,
    #[prost(int64, tag = "2")]
    since_micros: i64,
    #[prost(int64, tag = "3")]
    last_micros: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct KeptReporter {
    #[prost(string, tag = "1")]
    environment: String,
    #[prost(string, tag = "2")]
    service: String,
    #[prost(int64, tag = "3")]
    last_micros: i64,
    /// Absent in what older versions have written: then it is known since it was heard of last.
    #[prost(int64, optional, tag = "4")]
    since_micros: Option<i64>,
    #[prost(message, repeated, tag = "5")]
    silences: Vec<KeptSilence>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct KeptSilence {
    #[prost(int64, tag = "1")]
    from_micros: i64,
    #[prost(int64, tag = "2")]
    until_micros: i64,
}

impl KeptReporter {
    fn of(environment: &EnvironmentKey, service: &ServiceName, presence: &Presence) -> Self {
        let silences = presence.silences.iter().map(|silence| KeptSilence {
            from_micros: silence.from.unix_micros(),
            until_micros: silence.until.unix_micros(),
        });
        Self {
            environment: environment.to_string(),
            service: service.to_string(),
            last_micros: presence.last.unix_micros(),
            since_micros: Some(presence.since.unix_micros()),
            silences: silences.collect(),
        }
    }

    fn presence(&self) -> Presence {
        let moment = Timestamp::from_unix_micros;
        let silences = self.silences.iter().map(|silence| Silence {
            from: moment(silence.from_micros),
            until: moment(silence.until_micros),
        });
        Presence {
            since: moment(self.since_micros.unwrap_or(self.last_micros)),
            last: moment(self.last_micros),
            silences: silences.collect(),
        }
    }
}

impl Kept {
    /// What is held now. The lock is taken for each series anew, so that nobody waits for all of them.
    pub(super) fn of(observations: &Observations, batches_max: usize) -> Self {
        let (mut kept, keys) = {
            let mut windows = observations.windows();
            windows.settle();
            let heard = windows.heard().map(|(environment, heard)| KeptHeard {
                environment: environment.to_string(),
                since_micros: heard.since.unix_micros(),
                last_micros: heard.last.unix_micros(),
            });
            let reporters = windows
                .reporters()
                .map(|(environment, service, presence)| KeptReporter::of(environment, service, presence));
            let batches = windows.batches().take(batches_max).map(|hash| hash.to_be_bytes().to_vec());
            let kept = Self {
                series: Vec::new(),
                heard: heard.collect(),
                reporters: reporters.collect(),
                batches: batches.collect(),
            };
            (kept, windows.keys().cloned().collect::<Vec<SeriesKey>>())
        };
        for key in keys {
            let mut windows = observations.windows();
            windows.settle();
            kept.series.extend(windows.series(&key).map(|series| KeptSeries::of(&key, series)));
        }
        kept
    }

    pub(super) fn windows(self, now: Timestamp) -> Windows {
        let mut windows = Windows::new(now);
        let moment = Timestamp::from_unix_micros;
        for series in self.series {
            let (key, series) = series.restored();
            windows.restore(key, series);
        }
        for KeptHeard { environment, since_micros, last_micros } in self.heard {
            let heard = Heard { since: moment(since_micros), last: moment(last_micros) };
            windows.restore_heard(EnvironmentKey::new(&environment), heard);
        }
        for reporter in self.reporters {
            let environment = EnvironmentKey::new(&reporter.environment);
            let service = ServiceName::new(&reporter.service);
            windows.restore_reporter(environment, service, reporter.presence());
        }
        for batch in self.batches.iter().rev() {
            if let Ok(bytes) = <[u8; 16]>::try_from(&**batch) {
                windows.remember_hash(u128::from_be_bytes(bytes));
            }
        }
        windows
    }
}

impl KeptSeries {
    fn of(key: &SeriesKey, series: &Series) -> Self {
        let ring = |(ring, pace): (&Ring, mycelia_flags_core::observation::ring::Pace)| KeptRing {
            step_seconds: pace.step_seconds,
            buckets: ring.iter().map(|(index, bucket)| KeptBucket::of(*index, bucket)).collect(),
        };
        Self {
            environment: key.environment.to_string(),
            flag: key.flag.as_ref().map(ToString::to_string).unwrap_or_default(),
            variant: key.variant.as_ref().map(ToString::to_string).unwrap_or_default(),
            service: key.service.to_string(),
            rings: series.rings.iter().zip(PACES).map(ring).collect(),
        }
    }

    fn restored(self) -> (SeriesKey, Series) {
        let key = SeriesKey {
            environment: EnvironmentKey::new(&self.environment),
            flag: (!self.flag.is_empty()).then(|| FoldedKey::of(&self.flag)),
            variant: (!self.variant.is_empty()).then(|| VariantName::new(&self.variant)),
            service: ServiceName::new(&self.service),
        };
        let mut series = Series::default();
        for kept in self.rings {
            let place = PACES.iter().position(|pace| pace.step_seconds == kept.step_seconds);
            let Some(ring) = place.and_then(|place| series.rings.get_mut(place)) else { continue };
            for bucket in kept.buckets {
                ring.restore(bucket.index, bucket.restored());
            }
        }
        (key, series)
    }
}

impl KeptBucket {
    fn of(index: i64, bucket: &Bucket) -> Self {
        Self {
            index,
            evaluations: bucket.evaluations,
            answered: bucket.answered,
            fallbacks: bucket.fallbacks,
            ok: bucket.ok,
            errors: bucket.errors,
            crashes: bucket.crashes,
            impressions: bucket.impressions,
            clicks: bucket.clicks,
            latency: (bucket.latency.count > 0).then(|| KeptSpread::of(&bucket.latency)),
            counters: bucket.counters.iter().map(|(name, count)| (name.to_string(), *count)).collect(),
            values: bucket
                .values
                .iter()
                .map(|(name, spread)| (name.to_string(), KeptSpread::of(spread)))
                .collect(),
            users: bucket.users.hashes().to_vec(),
        }
    }

    fn restored(self) -> Bucket {
        let mut bucket = Bucket {
            evaluations: self.evaluations,
            answered: self.answered,
            fallbacks: self.fallbacks,
            ok: self.ok,
            errors: self.errors,
            crashes: self.crashes,
            impressions: self.impressions,
            clicks: self.clicks,
            latency: self.latency.map(KeptSpread::restored).unwrap_or_default(),
            counters: self.counters.into_iter().map(|(name, count)| (Box::from(name), count)).collect(),
            values: self
                .values
                .into_iter()
                .map(|(name, spread)| (Box::from(name), spread.restored()))
                .collect(),
            ..Bucket::default()
        };
        self.users.iter().for_each(|hash| bucket.users.add(*hash, USERS_PER_HOUR));
        bucket
    }
}

impl KeptSpread {
    fn of(spread: &Spread) -> Self {
        Self {
            count: spread.count,
            sum: spread.sum,
            squares: spread.squares,
            zeros: spread.sketch.zeros(),
            bins: spread.sketch.bins().iter().map(|(bin, _)| *bin).collect(),
            bin_counts: spread.sketch.bins().iter().map(|(_, count)| *count).collect(),
        }
    }

    fn restored(self) -> Spread {
        let mut sketch = Sketch::default();
        sketch.add_zeros(self.zeros);
        for (bin, count) in self.bins.into_iter().zip(self.bin_counts) {
            sketch.add_bin(bin, count);
        }
        Spread { count: self.count, sum: self.sum, squares: self.squares, sketch }
    }
}
