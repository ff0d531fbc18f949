//! The floor: tonic answers what was ready before it was asked.

use std::io::BufRead as _;
use std::net::SocketAddr;

use anyhow::Result;
use mycelia_flags_benches::our_server;
use mycelia_flags_benches::table::say;
use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::evaluation_service_server::{EvaluationService, EvaluationServiceServer};
use tokio::runtime::Runtime;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// The role of this server.
pub(crate) const ROLE: &str = "hello";

struct Hello {
    one: v1::EvaluateResponse,
    all: v1::EvaluateAllResponse,
}

#[tonic::async_trait]
impl EvaluationService for Hello {
    type WatchEvaluationsStream = tokio_stream::Empty<Result<v1::WatchEvaluationsResponse, Status>>;

    async fn evaluate(
        &self,
        _request: Request<v1::EvaluateRequest>,
    ) -> Result<Response<v1::EvaluateResponse>, Status> {
        Ok(Response::new(self.one.clone()))
    }

    async fn evaluate_all(
        &self,
        _request: Request<v1::EvaluateAllRequest>,
    ) -> Result<Response<v1::EvaluateAllResponse>, Status> {
        Ok(Response::new(self.all.clone()))
    }

    // Nobody asks for it here: a stream is no unary call.
    async fn watch_evaluations(
        &self,
        _request: Request<v1::WatchEvaluationsRequest>,
    ) -> Result<Response<Self::WatchEvaluationsStream>, Status> {
        Ok(Response::new(tokio_stream::empty()))
    }
}

fn evaluation(number: usize) -> v1::Evaluation {
    v1::Evaluation {
        flag: our_server::key(number),
        value: Some(v1::Value { kind: Some(v1::value::Kind::BooleanValue(true)) }),
        variant: "on".to_owned(),
        reason: v1::Reason::Split.into(),
        ..v1::Evaluation::default()
    }
}

/// Is the server.
pub(crate) fn play() -> Result<()> {
    let runtime = Runtime::new()?;
    let listener = runtime.block_on(tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))))?;
    say(&listener.local_addr()?.to_string())?;
    let hello = Hello {
        one: v1::EvaluateResponse { evaluation: Some(evaluation(7)), revision: 7 },
        all: v1::EvaluateAllResponse { evaluations: (0..1_000).map(evaluation).collect(), revision: 7 },
    };
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let server = tonic::transport::Server::builder()
        .add_service(EvaluationServiceServer::new(hello))
        .serve_with_incoming(incoming);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn_on(server, runtime.handle());
    // Until nobody listens any more.
    std::io::stdin().lock().lines().for_each(drop);
    Ok(())
}
