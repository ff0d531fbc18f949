//! A condition on a metric, asked of what was observed: what is gathered from the rings for it.
//!
//! Of a flag, those are looked at who are served another variant than its off variant: at 1 % the failures of the feature
//! would be lost among all others. While nobody is, everybody is looked at, so that one sees what became of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::bucket::Bucket;
use super::metric::Metric;
use super::presence::Presence;
use super::ring::{PACES, Pace};
use super::series::Series;
use super::window::{Heard, SeriesKey, Windows};
use crate::key::{EnvironmentKey, FoldedKey, ServiceName, VariantName};
use crate::plan::metric_check::{Asked, MetricCheck, Versus};
use crate::revision::Timestamp;

/// The window of a condition that names none.
pub const WINDOW_SECONDS: i64 = 300;

/// The window of a condition that names none and must stay true: so much at each moment, or as long as it must stay true,
/// if that is shorter.
pub const SUSTAINED_WINDOW_SECONDS: i64 = 60;

/// But no less than this, which is how often instances report.
const REPORT_SECONDS: i64 = 5;

/// The variant that a flag serves to those who do not have the feature.
pub type Control<'a> = &'a dyn Fn(&FoldedKey) -> Option<VariantName>;

/// Buckets by their place in a ring.
pub(super) type Steps = BTreeMap<i64, Bucket>;

/// Everything that the answer to a condition rests on.
#[derive(Debug)]
pub struct Gathered {
    pub(super) check: MetricCheck,
    pub(super) metric: Metric,
    pub(super) now: Timestamp,
    pub(super) pace: Pace,
    /// Buckets of the window, beside the one that is not over.
    pub(super) window_steps: i64,
    /// The window lies so far back that nobody knows it any more as finely as this.
    pub(super) is_forgotten: bool,
    pub(super) sustained_steps: i64,
    /// Who has the feature.
    pub(super) compared: Steps,
    /// What it is compared with in the same window.
    pub(super) reference: Steps,
    /// What it is compared with, when that is the time before the change.
    pub(super) baseline: Bucket,
    /// Both since the change, span by span.
    pub(super) strata: Vec<(Bucket, Bucket)>,
    /// Before this nothing is looked at.
    pub(super) not_before: Option<Timestamp>,
    pub(super) heard: Option<Heard>,
    /// Whether somebody counts this, so that not having counted is 0.
    pub(super) is_counted: bool,
    /// How long nothing was heard, in seconds, and of whom.
    pub(super) silence: Option<(f64, ServiceName)>,
    /// When the services were there that are asked about, where that is asked; and since when somebody listens.
    pub(super) presences: Vec<Presence>,
    pub(super) listening_since: Timestamp,
    pub(super) instances: BTreeMap<(ServiceName, Arc<str>), Bucket>,
}

/// Which series a condition is about.
pub(super) struct Selection<'a> {
    environment: &'a EnvironmentKey,
    flags: Vec<FoldedKey>,
    service: Option<&'a ServiceName>,
}

impl<'a> Selection<'a> {
    pub(super) fn of(check: &'a MetricCheck, asked: &Asked<'a>) -> Self {
        let flags: Vec<FoldedKey> = match &check.flag {
            Some(flag) => vec![flag.folded()],
            None => asked.flags.iter().map(|flag| flag.folded()).collect(),
        };
        Self { environment: asked.environment, flags, service: check.service.as_ref() }
    }
}

/// What a condition is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A verdict: by which instances plays no part in it.
    Verdict,
    /// What the verdict rests on.
    Measurement,
}

impl Windows {
    /// Gathers what a condition is asked of.
    #[must_use]
    pub fn gather(
        &mut self,
        check: &MetricCheck,
        asked: &Asked<'_>,
        control: Control<'_>,
        purpose: Purpose,
    ) -> Gathered {
        self.settle();
        self.gather_at(check, asked, control, (self.asked_at(asked.now), purpose))
    }

    pub(super) fn gather_at(
        &self,
        check: &MetricCheck,
        asked: &Asked<'_>,
        control: Control<'_>,
        (now, purpose): (Timestamp, Purpose),
    ) -> Gathered {
        let metric = Metric::of(&check.metric);
        let (window, sustained) = lengths(check);
        let age = self.newest.unix_seconds().saturating_sub(now.unix_seconds());
        let pace = Pace::at(Pace::reaching(window.saturating_add(sustained).saturating_add(age)));
        let steps = |seconds: i64| seconds.saturating_add(pace.step_seconds - 1) / pace.step_seconds;
        let selection = Selection::of(check, asked);
        let mut gathered = Gathered {
            window_steps: steps(window),
            is_forgotten: pace.step_seconds > window,
            sustained_steps: steps(sustained),
            not_before: asked.changed_at.filter(|_| check.versus != Versus::Threshold),
            heard: self.heard.get(asked.environment).copied(),
            is_counted: metric.counts() || self.is_counter(&metric),
            silence: self.silence(&selection, now),
            presences: match metric {
                Metric::Uptime => self.asked(&selection).map(|(_, presence)| presence.clone()).collect(),
                _ => Vec::new(),
            },
            listening_since: self.listening_since,
            check: check.clone(),
            metric,
            now,
            pace,
            compared: Steps::new(),
            reference: Steps::new(),
            baseline: Bucket::default(),
            strata: Vec::new(),
            instances: BTreeMap::new(),
        };
        let series = self.selected(&selection);
        let sides: Vec<(bool, &SeriesKey, &Series)> =
            series.map(|(key, series)| (is_control(key, &gathered.metric, control), key, series)).collect();
        gathered.fill(&sides, purpose);
        gathered
    }

    fn is_counter(&self, metric: &Metric) -> bool {
        match metric {
            Metric::Custom { name, .. } => self.counters.contains(name),
            Metric::Ratio { part, whole } => [part, whole]
                .into_iter()
                .all(|name| Metric::of(name).counts() || self.counters.contains(name)),
            _ => false,
        }
    }

    pub(super) fn selected<'w>(
        &'w self,
        selection: &Selection<'w>,
    ) -> impl Iterator<Item = (&'w SeriesKey, &'w Series)> {
        let begin = |flag: Option<FoldedKey>| SeriesKey {
            environment: selection.environment.clone(),
            flag,
            variant: None,
            service: ServiceName::new(""),
        };
        let environment = selection.environment;
        let service = selection.service;
        let flags: Vec<Option<FoldedKey>> = match selection.flags.is_empty() {
            true => vec![None],
            false => selection.flags.iter().cloned().map(Some).collect(),
        };
        flags.into_iter().flat_map(move |flag| {
            let from = begin(flag.clone());
            let series = self.series.range(from..);
            let here = series.take_while(move |(key, _)| {
                key.environment == *environment && (flag.is_none() || key.flag == flag)
            });
            here.filter(move |(key, _)| service.is_none_or(|service| key.service == *service))
        })
    }

    /// The services that are asked about, and when they were there.
    pub(super) fn asked<'w>(
        &'w self,
        selection: &Selection<'_>,
    ) -> impl Iterator<Item = (&'w ServiceName, &'w Presence)> {
        let here = self.reporters.iter().filter(|((environment, service), _)| {
            environment == selection.environment && selection.service.is_none_or(|asked| asked == service)
        });
        here.map(|((_, service), presence)| (service, presence))
    }

    /// The longest silence of the services that are asked about.
    fn silence(&self, selection: &Selection<'_>, now: Timestamp) -> Option<(f64, ServiceName)> {
        let silent = self.asked(selection).map(|(service, presence)| {
            let since = presence.last.max(self.listening_since);
            (now.micros_since(since), service)
        });
        let (micros, service) = silent.max_by_key(|(micros, _)| *micros)?;
        Some((super::sketch::float(micros) / 1e6, service.clone()))
    }
}

fn is_control(key: &SeriesKey, metric: &Metric, control: Control<'_>) -> bool {
    // An evaluation that falls back serves no variant at all.
    let (Some(flag), false) = (&key.flag, *metric == Metric::FallbackRate) else { return false };
    key.variant.is_some() && key.variant == control(flag)
}

impl Gathered {
    fn fill(&mut self, sides: &[(bool, &SeriesKey, &Series)], purpose: Purpose) {
        let last = self.pace.index_of(self.now);
        let reach = self.window_steps.saturating_add(self.sustained_steps);
        let mut first = last.saturating_sub(reach);
        if let Some(changed_at) = self.not_before {
            first = first.max(self.pace.index_of(changed_at));
        }
        for (is_control, _, series) in sides {
            let side = if *is_control { &mut self.reference } else { &mut self.compared };
            add((side, &self.metric), series, self.pace, first, last);
        }
        let has_nobody = self
            .compared
            .values()
            .all(|bucket| self.metric.read(bucket).is_none_or(|found| found.samples == 0));
        // Versus control there must be two groups.
        let everybody = has_nobody && self.check.versus != Versus::Control;
        if everybody {
            let reference = std::mem::take(&mut self.reference);
            for (index, bucket) in reference {
                self.metric.add(self.compared.entry(index).or_default(), &bucket);
            }
        }
        if purpose == Purpose::Measurement {
            let looked_at = sides.iter().filter(|(is_control, ..)| everybody || !is_control);
            self.fill_instances(looked_at.map(|(_, key, series)| (*key, *series)));
        }
        match self.check.versus {
            Versus::Threshold => {}
            Versus::Control => self.fill_strata(sides),
            Versus::Baseline => self.fill_baseline(sides, everybody),
        }
    }

    fn fill_instances<'s>(&mut self, series: impl Iterator<Item = (&'s SeriesKey, &'s Series)>) {
        let minute = PACES[super::ring::MINUTES];
        let steps = self.window_steps.saturating_mul(self.pace.step_seconds) / minute.step_seconds;
        let last = minute.index_of(self.now);
        for (key, series) in series {
            let minutes = series.instances.iter();
            for (_, instances) in minutes.filter(|(index, _)| (last - steps..=last).contains(index)) {
                #[expect(clippy::iter_over_hash_type, reason = "each adds to its own, in whatever order")]
                for (instance, bucket) in instances {
                    let id = (key.service.clone(), Arc::clone(instance));
                    self.metric.add(self.instances.entry(id).or_default(), bucket);
                }
            }
        }
    }

    /// Both groups since the change; where nobody says when that was, since a day ago.
    fn fill_strata(&mut self, sides: &[(bool, &SeriesKey, &Series)]) {
        const DAY: i64 = 24 * 60 * 60;
        let ago = |since: Timestamp| self.now.unix_seconds().saturating_sub(since.unix_seconds());
        let seconds = self.not_before.map_or(DAY, ago).max(0);
        // Never the finest: there the two groups would seldom be in one span.
        let pace = Pace::at(Pace::reaching(seconds).max(1));
        let last = pace.index_of(self.now);
        let first = last.saturating_sub(seconds / pace.step_seconds);
        let (mut compared, mut reference) = (Steps::new(), Steps::new());
        for (is_control, _, series) in sides {
            let side = if *is_control { &mut reference } else { &mut compared };
            add((side, &self.metric), series, pace, first, last);
        }
        self.strata = compared
            .into_iter()
            .filter_map(|(index, bucket)| Some((bucket, reference.remove(&index)?)))
            .collect();
    }

    /// Everybody in a window that ends at the change, and who has the feature since: everybody, while nobody has it.
    fn fill_baseline(&mut self, sides: &[(bool, &SeriesKey, &Series)], everybody: bool) {
        let Some(changed_at) = self.not_before else { return };
        let window = self.window_steps.saturating_mul(self.pace.step_seconds);
        let ago = self.now.unix_seconds().saturating_sub(changed_at.unix_seconds());
        let pace = Pace::at(Pace::reaching(window.saturating_add(ago)));
        let change = pace.index_of(changed_at);
        let first = change.saturating_sub((window / pace.step_seconds).max(1));
        let (mut before, mut since) = (Steps::new(), Steps::new());
        for (is_control, _, series) in sides {
            // The bucket in which it was changed belongs to neither.
            add((&mut before, &self.metric), series, pace, first, change - 1);
            if everybody || !is_control {
                add((&mut since, &self.metric), series, pace, change + 1, i64::MAX);
            }
        }
        self.baseline = sum(before.values());
        self.strata = vec![(sum(since.values()), self.baseline.clone())];
    }
}

fn add((steps, metric): (&mut Steps, &Metric), series: &Series, pace: Pace, first: i64, last: i64) {
    let place = PACES.iter().position(|known| *known == pace);
    let Some(ring) = place.and_then(|place| series.rings.get(place)) else { return };
    for (index, bucket) in ring.range(first, last) {
        metric.add(steps.entry(index).or_default(), bucket);
    }
}

pub(super) fn sum<'b>(buckets: impl Iterator<Item = &'b Bucket>) -> Bucket {
    let mut sum = Bucket::default();
    buckets.for_each(|bucket| sum.merge(bucket));
    sum
}

/// The window of a condition and how long it must stay true, in seconds.
pub(super) fn lengths(check: &MetricCheck) -> (i64, i64) {
    let sustained = signed(check.sustained_seconds);
    let window = match (signed(check.window_seconds), sustained) {
        (0, 0) => WINDOW_SECONDS,
        (0, sustained) => sustained.clamp(REPORT_SECONDS, SUSTAINED_WINDOW_SECONDS),
        (window, _) => window,
    };
    (window, sustained)
}

fn signed(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}
