//! A real Prometheus: a gate that asks it opens when it says so, and stays shut when it says nothing.
//!
//! `.ci/setup` installs Debian's `prometheus`; without it this story says that it did not run, but for CI, where it must.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use mycelia_flags_server::control::prometheus::PrometheusOptions;
use mycelia_flags_server::outbound::http::Address;
use mycelia_flags_server::outbound::tls::Trust;
use mycelia_flags_server::tasks::Tasks;
use serde_json::Value;

use crate::command_line::json;
use crate::patience::eventually;
use crate::server::{Wanted, create};

/// A service with two metrics, of which a story sets the one: errors in thousandths of all requests.
async fn service(tasks: &Tasks, errors: Arc<AtomicU32>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let metrics = |State(errors): State<Arc<AtomicU32>>| async move {
        let ratio = f64::from(errors.load(Ordering::Relaxed)) / 1_000.0;
        format!("# TYPE errors gauge\nerrors {ratio}\n# TYPE requests gauge\nrequests 1\n")
    };
    let app = Router::new().route("/metrics", get(metrics)).with_state(errors);
    let stopping = tasks.stopping().clone();
    tasks.spawn(async move {
        let serving = async { axum::serve(listener, app).await.unwrap() };
        stopping.run_until_cancelled(serving).await;
    });
    address
}

/// A Prometheus process, which is killed with this value.
struct Prometheus {
    child: Child,
    url: String,
}

impl Prometheus {
    fn start(folder: &Path, scraped: &str) -> Self {
        // Found free and given back: Prometheus cannot say which port it has taken.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "global: {{ scrape_interval: 200ms, scrape_timeout: 200ms }}\n\
             scrape_configs: [ {{ job_name: service, static_configs: [ {{ targets: ['{scraped}'] }} ] }} ]\n"
        );
        let file = folder.join("prometheus.yml");
        std::fs::write(&file, config).unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("tsdb").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=error")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, url: format!("http://127.0.0.1:{port}") }
    }

    fn answers(&self, query: &str) -> String {
        let url = format!("{}/api/v1/query?query={query}", self.url);
        let output = Command::new("curl").args(["-sS", &url]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

const PLAN: &str = r#"
plan: careful
description: As long as Prometheus says so
owner: memory
stages:
  - name: beta
    set: { dreams: 10% }
    gate:
      checks:
        - 'promql("sum(errors) / sum(requests)") < 5%'
  - name: half
    set: { dreams: 50% }
    gate:
      checks:
        - 'promql("sum(errors{job=\"service\"}) / sum(requests)") < 5% for 1s'
  - name: everybody
    set: { dreams: 100% }
"#;

fn waits_for(url: &str) -> String {
    let status = json(url, &["plan", "status", "careful"]);
    let missing = status["plans"][0]["missing"].as_array().or_else(|| status["missing"].as_array());
    let words = missing.into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>();
    words.join("; ")
}

fn state(url: &str) -> String {
    let status = json(url, &["plan", "status", "careful"]);
    format!("{status}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_asks_prometheus_and_stays_shut_when_it_is_gone() {
    if Command::new("prometheus")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_err()
    {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), ".ci/setup installs prometheus");
        eprintln!("skipped: prometheus is not installed");
        return;
    }
    let (folder, tasks) = (tempfile::tempdir().unwrap(), Tasks::default());
    let errors = Arc::new(AtomicU32::new(80));
    let scraped = service(&tasks, Arc::clone(&errors)).await;
    let mut prometheus = Prometheus::start(folder.path(), &scraped);
    let options = PrometheusOptions {
        trust: Trust::default(),
        address: Address::parse(&prometheus.url).unwrap(),
        token: None,
        rhythm: Duration::from_millis(200),
        timeout: Duration::from_secs(5),
    };
    let server = Wanted { prometheus: Some(options), ..Wanted::default() }.start().await;
    let url = &*server.url;
    server.admin().await.apply(vec![create("dreams")]).await;
    let file = folder.path().join("plan.yaml");
    std::fs::write(&file, PLAN).unwrap();
    json(url, &["plan", "apply", file.to_str().unwrap()]);
    json(url, &["plan", "start", "careful"]);
    // 80 of 1,000 are 8 %, in the unit of the condition.
    eventually("the gate says what Prometheus says", || async { waits_for(url).contains("is not met: 8%") })
        .await;
    errors.store(20, Ordering::Relaxed);
    eventually("the second stage", || async { serves(url) == "50%" || serves(url) == "100%" }).await;
    eventually("one second of it is enough for the third", || async { serves(url) == "100%" }).await;
    eventually("it is through", || async { state(url).contains("\"completed\"") }).await;
    // A second time, with a Prometheus that dies while the gate waits; other queries, of which no answer is kept.
    errors.store(80, Ordering::Relaxed);
    eventually("Prometheus has seen it", || async { prometheus.answers("errors").contains("\"0.08\"") })
        .await;
    let again =
        PLAN.replace("careful", "again").replace("10%", "90%").replace("sum(requests)", "max(requests)");
    std::fs::write(&file, again).unwrap();
    json(url, &["plan", "apply", file.to_str().unwrap()]);
    json(url, &["plan", "start", "again"]);
    let status = || json(url, &["plan", "status", "again"]).to_string();
    eventually("the gate says it again", || async { status().contains("is not met: 8%") }).await;
    prometheus.kill();
    eventually("nobody knows", || async { status().contains("not enough data") }).await;
    errors.store(0, Ordering::Relaxed);
    assert_eq!(serves(url), "90%", "what is not known opens no gate");
    tasks.stop().await;
    server.running.stop().await;
}

fn serves(url: &str) -> String {
    let listed = json(url, &["list"]);
    listed["flags"][0]["environments"]["production"]["state"].as_str().unwrap_or_default().to_owned()
}
