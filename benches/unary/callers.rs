//! Those who call: a few connections with several calls in flight on each, as the peers of `docs/performance.md` were
//! measured.

use std::net::SocketAddr;

use anyhow::Result;
use mycelia_flags_benches::our_server;
use mycelia_flags_benches::stopwatch::Stopwatch;
use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::evaluation_service_client::EvaluationServiceClient;
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};

pub(crate) const CONNECTIONS: usize = 4;
pub(crate) const IN_FLIGHT: usize = 16;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// One flag.
    One,
    /// All flags.
    All,
}

/// What came of many calls.
pub(crate) struct Turn {
    /// In a second.
    pub(crate) rate: f64,
    pub(crate) latencies_ms: Vec<f64>,
}

/// Connected callers.
#[derive(Clone)]
pub(crate) struct Callers {
    clients: Vec<EvaluationServiceClient<Channel>>,
}

impl Callers {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self> {
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            let endpoint = Endpoint::from_shared(format!("http://{address}"))?.tcp_nodelay(true);
            clients.push(EvaluationServiceClient::new(endpoint.connect().await?));
        }
        Ok(Self { clients })
    }

    /// Calls so often, in equal shares.
    pub(crate) async fn call(&self, question: Question, calls: usize) -> Result<Turn> {
        let each = calls / (CONNECTIONS * IN_FLIGHT);
        let started = Stopwatch::start();
        let mut calling = JoinSet::new();
        for client in &self.clients {
            for _ in 0..IN_FLIGHT {
                calling.spawn(ask(client.clone(), question, each));
            }
        }
        let mut latencies_ms = Vec::new();
        while let Some(asked) = calling.join_next().await {
            latencies_ms.extend(asked??);
        }
        let elapsed = started.elapsed().as_secs_f64();
        Ok(Turn { rate: f64::from(u32::try_from(latencies_ms.len())?) / elapsed, latencies_ms })
    }
}

async fn ask(
    mut client: EvaluationServiceClient<Channel>,
    question: Question,
    times: usize,
) -> Result<Vec<f64>> {
    let mut latencies_ms = Vec::with_capacity(times);
    for _ in 0..times {
        let started = Stopwatch::start();
        match question {
            Question::One => drop(client.evaluate(one()).await?),
            Question::All => drop(client.evaluate_all(all()).await?),
        }
        latencies_ms.push(started.elapsed().as_secs_f64() * 1e3);
    }
    Ok(latencies_ms)
}

fn context() -> v1::EvaluationContext {
    let text = |text: &str| v1::Value { kind: Some(v1::value::Kind::StringValue(text.to_owned())) };
    v1::EvaluationContext {
        targeting_key: "user-0000042".to_owned(),
        attributes: [("country".to_owned(), text("DE")), ("plan".to_owned(), text("basic"))].into(),
    }
}

fn one() -> v1::EvaluateRequest {
    v1::EvaluateRequest {
        flag: our_server::key(7),
        environment: our_server::ENVIRONMENT.to_owned(),
        context: Some(context()),
        ..v1::EvaluateRequest::default()
    }
}

fn all() -> v1::EvaluateAllRequest {
    v1::EvaluateAllRequest {
        environment: our_server::ENVIRONMENT.to_owned(),
        context: Some(context()),
        ..v1::EvaluateAllRequest::default()
    }
}
