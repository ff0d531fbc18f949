//! Metrics that a Prometheus-compatible server keeps: asks the queries that guards and plans name, on a rhythm, and judges
//! conditions by the answers that it has kept.
//!
//! Whoever judges waits for nobody: an answer that is not there, is too old, or is no number, says nothing, and what is
//! not known never opens a gate. What is deliberately absent: PromQL. A query is a text that somebody else understands.

mod answer;
mod kept;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderValue};
use http::{Method, StatusCode};
use mycelia_flags_core::observation::measurement::Measurement;
use mycelia_flags_core::plan::metric_check::{Asked, MetricCheck, Metrics, Verdict};
use mycelia_flags_core::snapshot::Snapshot;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::measured::Measured;
use crate::clock::SharedClock;
use crate::outbound::http::{Address, send};
use crate::outbound::secret::Secret;
use crate::outbound::tls::Trust;
use crate::state::Store;
use answer::value_of;
use kept::Answers;

/// How many queries are asked. Those beyond it, in the order of their texts, say nothing.
const QUERIES_MAX: usize = 200;

/// How many are asked at a time.
const AT_ONCE: usize = 8;

/// Which server is asked, and how.
#[derive(Debug, Clone)]
pub struct PrometheusOptions {
    /// Its address, up to where `/api/v1/query` follows.
    pub address: Address,
    /// Whose certificates are trusted.
    pub trust: Trust,
    /// A bearer token.
    pub token: Option<Secret>,
    /// How often each query is asked.
    pub rhythm: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
}

/// How often each query is asked, unless somebody says otherwise.
pub const RHYTHM: Duration = Duration::from_secs(5);

/// Judges conditions whose metric is a query, and leaves the others to somebody else.
pub struct Prometheus {
    options: PrometheusOptions,
    others: Measured,
    kept: Mutex<BTreeMap<String, Answers>>,
}

impl fmt::Debug for Prometheus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Prometheus({})", self.options.address.shown())
    }
}

impl Metrics for Prometheus {
    fn judge(&self, check: &MetricCheck, asked: &Asked<'_>) -> Verdict {
        match check.query() {
            None => self.others.judge(check, asked),
            Some(query) => {
                let kept = self.kept();
                let answers = kept.get(&query);
                answers.map_or(Verdict::InsufficientData, |answers| {
                    answers.judge(check, asked.now, self.options.rhythm)
                })
            }
        }
    }

    fn measure(&self, check: &MetricCheck, asked: &Asked<'_>) -> Option<Measurement> {
        match check.query() {
            None => self.others.measure(check, asked),
            Some(query) => self.kept().get(&query)?.measure(check, asked.now, self.options.rhythm),
        }
    }
}

impl Prometheus {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(options: PrometheusOptions, others: Measured) -> Arc<Self> {
        Arc::new(Self { options, others, kept: Mutex::default() })
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<String, Answers>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks on the rhythm, until it is told to stop. `pace` is how often the clock is looked at.
    pub async fn run(
        self: Arc<Self>,
        store: Store,
        clock: SharedClock,
        pace: Duration,
        stopping: CancellationToken,
    ) {
        let asking = async {
            let mut head = store.head();
            loop {
                head.borrow_and_update();
                let begun = clock.elapsed();
                let wanted = queries(&store.snapshot());
                self.keep_only(&wanted);
                self.ask(wanted.into_keys().collect(), &clock).await;
                loop {
                    let left = (begun + self.options.rhythm).saturating_sub(clock.elapsed());
                    if left.is_zero() {
                        break;
                    }
                    tokio::select! {
                        () = tokio::time::sleep(left.min(pace)) => {}
                        // Whatever was committed may name a query that has no answer yet.
                        moved = head.changed() => if moved.is_err() {
                            return;
                        } else if self.has_new(&queries(&store.snapshot())) {
                            break;
                        }
                    }
                }
            }
        };
        stopping.run_until_cancelled(asking).await;
    }

    fn keep_only(&self, wanted: &BTreeMap<String, u64>) {
        let mut kept = self.kept();
        kept.retain(|query, _| wanted.contains_key(query));
        for (query, seconds) in wanted {
            kept.entry(query.clone()).or_default().keep_for(Duration::from_secs(*seconds));
        }
    }

    fn has_new(&self, wanted: &BTreeMap<String, u64>) -> bool {
        let kept = self.kept();
        wanted.keys().any(|query| !kept.contains_key(query))
    }

    /// Asks each query once. The set owns its tasks: they end with it.
    async fn ask(self: &Arc<Self>, queries: Vec<String>, clock: &SharedClock) {
        let (mut asking, mut queries) = (JoinSet::new(), queries.into_iter());
        loop {
            while asking.len() < AT_ONCE {
                let Some(query) = queries.next() else {
                    break;
                };
                let (this, clock) = (Arc::clone(self), Arc::clone(clock));
                asking.spawn(async move {
                    let answer = this.ask_one(&query).await;
                    this.keep(&query, answer, &clock);
                });
            }
            if asking.join_next().await.is_none() {
                return;
            }
        }
    }

    fn keep(&self, query: &str, answer: Result<f64, String>, clock: &SharedClock) {
        let mut kept = self.kept();
        let Some(answers) = kept.get_mut(query) else {
            return;
        };
        let said = answers.why().map(str::to_owned);
        answers.add(clock.now(), answer);
        match (said.as_deref(), answers.why()) {
            (before, Some(why)) if before != Some(why) => {
                warn!(query, why, "a query has no usable answer: conditions on it are not known");
            }
            (Some(_), None) => info!(query, "a query has an answer again"),
            _ => {}
        }
    }

    async fn ask_one(&self, query: &str) -> Result<f64, String> {
        let PrometheusOptions { address, trust, token, timeout, .. } = &self.options;
        let address = address
            .with(&format!("/api/v1/query?query={}", encoded(query)))
            .map_err(|error| error.to_string())?;
        let mut headers = Vec::new();
        if let Some(token) = token {
            let bearer = HeaderValue::try_from(format!("Bearer {}", token.reveal()));
            headers.push((AUTHORIZATION, bearer.map_err(|_no_header| "the token is no header".to_owned())?));
        }
        let answer = send(trust, Method::GET, &address, headers, Bytes::new(), *timeout).await;
        let answer = answer.map_err(|error| error.to_string())?;
        if answer.status != StatusCode::OK {
            let why = answer::complaint(&answer.body);
            return Err(format!("{} answered {}{why}", address.shown(), answer.status));
        }
        value_of(&answer.body)
    }
}

/// The queries that guards name, and plans which have begun, and for how many seconds their answers are needed.
fn queries(snapshot: &Snapshot) -> BTreeMap<String, u64> {
    let mut queries: BTreeMap<String, u64> = BTreeMap::new();
    let plans = snapshot.plans().filter(|(_, progress)| progress.state.is_active());
    let checks = plans.flat_map(|(plan, _)| {
        let gates = plan.stages.iter().flat_map(|stage| &stage.gate.checks);
        gates.chain(plan.guards.iter().map(|guard| &guard.when))
    });
    for check in checks.chain(snapshot.guards().map(|(guard, _)| &guard.when)) {
        if let Some(query) = check.query() {
            let seconds = queries.entry(query).or_default();
            *seconds = (*seconds).max(check.sustained_seconds);
        }
    }
    while queries.len() > QUERIES_MAX {
        queries.pop_last();
    }
    queries
}

/// A text as it stands in the query of an address.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_encoded_for_an_address() {
        assert_eq!(
            encoded("rate(e{a=\"ä+b\"}[5m]) > 0"),
            "rate%28e%7Ba%3D%22%C3%A4%2Bb%22%7D%5B5m%5D%29%20%3E%200"
        );
    }
}
