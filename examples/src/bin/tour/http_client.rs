//! One HTTP request, one answer, one connection.

use anyhow::Context as _;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::PATIENCE;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
}

/// Asks `url`, which is `http://HOST:PORT`, for a path.
pub(crate) async fn ask(url: &str, method: Method, path: &str, json: &str) -> anyhow::Result<Answer> {
    timeout(PATIENCE, exchange(url, method, path, json))
        .await
        .with_context(|| format!("{url}{path} has not answered for {PATIENCE:?}"))?
        .with_context(|| format!("{url}{path}"))
}

async fn exchange(url: &str, method: Method, path: &str, json: &str) -> anyhow::Result<Answer> {
    let authority = url.trim_start_matches("http://");
    let stream = TcpStream::connect(authority).await?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, authority)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::copy_from_slice(json.as_bytes())))?;
    // The connection ends when its sender is gone, so neither outlives this function.
    let answer = async move {
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        anyhow::Ok(Answer { status, body: String::from_utf8_lossy(&body).into_owned() })
    };
    let (answer, ended) = tokio::join!(answer, connection);
    let answer = answer?;
    ended?;
    Ok(answer)
}
