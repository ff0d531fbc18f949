//! `/metrics`: read from the floors below at the moment of the scrape, so that nothing is counted twice.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};

use super::following::OpenStreams;
use super::listener::Connections;
use super::subscribers::by_service;
use super::tls::Tls;
use crate::distribution::hub::Hub;
use crate::state::{Store, WriterHealth};
use crate::tasks::Tasks;

/// What the numbers are read from.
#[derive(Debug)]
pub struct Metrics {
    /// The log and the snapshot.
    pub store: Store,
    /// Who follows what.
    pub hub: Arc<Hub>,
    /// The main port.
    pub main: ListenerNumbers,
    /// The listener for browsers, if there is one.
    pub browsers: Option<ListenerNumbers>,
    /// TLS, if it is spoken.
    pub tls: Option<Arc<Tls>>,
    /// The tasks of the server.
    pub tasks: Tasks,
}

/// What is open on a listener.
#[derive(Debug)]
pub struct ListenerNumbers {
    /// Its connections.
    pub connections: Arc<Connections>,
    /// Its streams of answers.
    pub streams: OpenStreams,
}

type ByScope = Family<[(&'static str, String); 2], Gauge<u64, AtomicU64>>;

impl Metrics {
    /// The numbers as text.
    ///
    /// # Errors
    /// When text cannot be written, which only memory could cause.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix("mycelia");
        self.store_numbers(&mut registry);
        self.subscriber_numbers(&mut registry);
        self.connection_numbers(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }

    fn store_numbers(&self, registry: &mut Registry) {
        let snapshot = self.store.snapshot();
        let stats = self.store.stats();
        let poisoned =
            u64::from(matches!(*self.store.writer_health().borrow(), WriterHealth::Poisoned { .. }));
        let info = vec![
            ("epoch", self.store.epoch().to_string()),
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ];
        registry.register("store", "What store this is", prometheus_client::metrics::info::Info::new(info));
        gauge(registry, "head_revision", "The newest revision", snapshot.revision().get());
        gauge(
            registry,
            "flags",
            "Flags in the store",
            u64::try_from(snapshot.flag_count()).unwrap_or(u64::MAX),
        );
        gauge(registry, "store_poisoned", "1 when nothing can be committed until a restart", poisoned);
        counter(registry, "commits", "Revisions committed by this process", stats.commits);
        counter(registry, "commit_groups", "Groups of commits that were made durable together", stats.groups);
        counter(registry, "change_sets_rejected", "Change sets that were refused", stats.rejected);
        counter(registry, "change_sets_replayed", "Requests that repeated an earlier one", stats.replayed);
        gauge(registry, "change_sets_waiting", "Change sets that wait for the writer", stats.waiting);
        gauge(registry, "log_bytes", "Bytes of the log's file", stats.log_bytes);
        let help = "How long the newest group took to become durable";
        let seconds = micros_as_seconds(stats.append_micros_last);
        registry.register_with_unit("store_append", help, Unit::Seconds, ConstGauge::new(seconds));
    }

    fn subscriber_numbers(&self, registry: &mut Registry) {
        let gauges: [ByScope; 4] = Default::default();
        for ((environment, service), found) in by_service(&self.hub) {
            let labels = [("environment", environment.to_string()), ("service", service)];
            let numbers = [found.streams, found.lagging, found.digest_mismatches, found.refusing];
            for (gauge, number) in gauges.iter().zip(numbers) {
                gauge.get_or_create(&labels).set(number);
            }
        }
        let names = [
            ("subscribers", "Connected streams"),
            ("subscribers_lagging", "Streams that have not applied their scope's newest revision"),
            ("digest_mismatches", "Updates that connected streams discarded for a wrong digest"),
            ("subscribers_refusing", "Streams that refused their newest update or a part of it"),
        ];
        for ((name, help), gauge) in names.into_iter().zip(gauges) {
            registry.register(name, help, gauge);
        }
        let counts = self.hub.counts();
        counter(
            registry,
            "deltas_encoded",
            "Deltas encoded, one for each scope and revision",
            counts.deltas_encoded,
        );
        counter(registry, "snapshots_encoded", "Snapshots encoded", counts.snapshots_encoded);
        counter(registry, "deltas_sent", "Deltas handed to streams", counts.deltas_sent);
        counter(registry, "snapshots_sent", "Snapshots handed to streams", counts.snapshots_sent);
        counter(registry, "coalesced", "Merged deltas handed to late readers", counts.merged_sent);
        counter(
            registry,
            "slow_disconnects",
            "Streams ended for want of progress",
            self.hub.slow_disconnects(),
        );
    }

    fn connection_numbers(&self, registry: &mut Registry) {
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let main = &self.main;
        gauge(registry, "connections", "Open connections", count(main.connections.open()));
        counter(
            registry,
            "connections_refused",
            "Connections refused for their address",
            count(main.connections.refused()),
        );
        gauge(
            registry,
            "answer_streams",
            "Open streams of answers and of events",
            count(main.streams.count()),
        );
        if let Some(browsers) = &self.browsers {
            let open = count(browsers.connections.open());
            gauge(registry, "browser_connections", "Open connections of the listener for browsers", open);
            let refused = count(browsers.connections.refused());
            let help = "Connections that the listener for browsers refused for their address";
            counter(registry, "browser_connections_refused", help, refused);
            let help = "Open streams of answers and of events on the listener for browsers";
            gauge(registry, "browser_answer_streams", help, count(browsers.streams.count()));
        }
        if let Some(tls) = &self.tls {
            let failed = count(tls.handshakes_failed());
            counter(registry, "tls_handshakes_failed", "Connections that did not come to speak TLS", failed);
            let reloads = count(tls.reloads());
            counter(registry, "tls_reloads", "Times that new certificate files were gone over to", reloads);
            let refused = count(tls.reloads_refused());
            counter(
                registry,
                "tls_reloads_refused",
                "Times that new certificate files were unusable",
                refused,
            );
        }
        gauge(registry, "open_files", "Open file descriptors of the process", open_files());
        gauge(registry, "tasks", "Running tasks of the server itself", count(self.tasks.len()));
    }
}

/// 0 where the system does not tell.
fn open_files() -> u64 {
    std::fs::read_dir("/proc/self/fd").map_or(0, |files| u64::try_from(files.count()).unwrap_or(u64::MAX))
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: u64) {
    registry.register(name, help, ConstGauge::new(value));
}

fn counter(registry: &mut Registry, name: &str, help: &str, value: u64) {
    registry.register(name, help, ConstCounter::new(value));
}

#[expect(clippy::cast_precision_loss, reason = "a metric; 2^53 microseconds are 285 years")]
const fn micros_as_seconds(micros: u64) -> f64 {
    micros as f64 / 1_000_000.0
}
