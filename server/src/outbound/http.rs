//! One HTTP/1.1 request to somebody else, within a time, with a bounded answer. Redirects are not followed: what is sent
//! is signed for, and trusted to, one address.

use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::uri::Scheme;
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::tls::Trust;

/// How much of an answer is read.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Where requests go. Its path and query may be a secret and are never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    uri: Uri,
    host: String,
    port: u16,
    is_tls: bool,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Address({})", self.shown())
    }
}

/// The text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an absolute http:// or https:// address with a host, and without a user's name or password")]
pub struct AddressError;

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// When it is none; the error does not repeat it.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let uri: Uri = text.parse().or(Err(AddressError))?;
        let is_tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(AddressError),
        };
        let authority = uri.authority().ok_or(AddressError)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() || authority.as_str().contains('@') {
            return Err(AddressError);
        }
        let port = authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        Ok(Self { uri, host, port, is_tls })
    }

    /// What may be shown of it: scheme, host and port.
    #[must_use]
    pub fn shown(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        format!("{scheme}://{authority}")
    }

    /// The same address with this after its path, which may bring a query.
    ///
    /// # Errors
    /// When that is no path.
    pub fn with(&self, more: &str) -> Result<Self, AddressError> {
        Self::parse(&format!("{}{}{more}", self.shown(), self.uri.path().trim_end_matches('/')))
    }
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// How long to wait before trying again, when the answer says so in seconds.
    pub retry_after: Option<Duration>,
    /// At most 1 MiB.
    pub body: Bytes,
}

/// There was no answer. None of these names more of the address than [`Address::shown`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// No connection.
    #[error("cannot connect to {address}: {cause}")]
    Connect {
        /// Where to.
        address: String,
        /// Why.
        cause: String,
    },
    /// The connection is not to be trusted.
    #[error("no TLS with {address}: {cause}")]
    Tls {
        /// Where to.
        address: String,
        /// Why.
        cause: String,
    },
    /// It broke on the way.
    #[error("{address} did not answer: {cause}")]
    Broken {
        /// Where to.
        address: String,
        /// Why.
        cause: String,
    },
    /// It took too long.
    #[error("{address} did not answer within {} ms", limit.as_millis())]
    Timeout {
        /// Where to.
        address: String,
        /// The time that it had.
        limit: Duration,
    },
    /// The answer is too long.
    #[error("{address} answers more than {ANSWER_BYTES_MAX} bytes")]
    TooLarge {
        /// Where to.
        address: String,
    },
}

/// Sends a request and waits for the whole answer.
///
/// # Errors
/// When there is none in time. That it says no is an answer too.
pub async fn send(
    trust: &Trust,
    method: Method,
    address: &Address,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
    limit: Duration,
) -> Result<Answer, SendError> {
    let exchange = exchange(trust, method, address, headers, body);
    match tokio::time::timeout(limit, exchange).await {
        Ok(answered) => answered,
        Err(_elapsed) => Err(SendError::Timeout { address: address.shown(), limit }),
    }
}

async fn exchange(
    trust: &Trust,
    method: Method,
    address: &Address,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
) -> Result<Answer, SendError> {
    let connect = |cause: String| SendError::Connect { address: address.shown(), cause };
    let broken = |cause: String| SendError::Broken { address: address.shown(), cause };
    let path = address.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::builder().method(method).uri(path);
    if let Some(authority) = address.uri.authority() {
        request = request.header(HOST, authority.as_str());
    }
    request = request.header(USER_AGENT, concat!("mycelia-flags/", env!("CARGO_PKG_VERSION")));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(body)).map_err(|error| broken(error.to_string()))?;
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await;
    let stream = stream.map_err(|error| connect(error.to_string()))?;
    if !address.is_tls {
        return converse(stream, request, address).await;
    }
    let tls = |cause: String| SendError::Tls { address: address.shown(), cause };
    let name = match address.host.parse::<IpAddr>() {
        Ok(address) => ServerName::from(address),
        Err(_no_address) => {
            ServerName::try_from(address.host.clone()).map_err(|error| tls(error.to_string()))?
        }
    };
    let config = trust.config().await.map_err(tls)?;
    let stream = TlsConnector::from(config).connect(name, stream).await;
    converse(stream.map_err(|error| tls(error.to_string()))?, request, address).await
}

/// Drives the connection beside the request, so that it ends with it.
async fn converse<S>(stream: S, request: Request<Full<Bytes>>, address: &Address) -> Result<Answer, SendError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = |cause: String| SendError::Broken { address: address.shown(), cause };
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(error.to_string()))?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| broken(error.to_string()))?;
        let status = response.status();
        let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => SendError::TooLarge { address: address.shown() },
            None => broken(error.to_string()),
        })?;
        Ok(Answer { status, retry_after: seconds.map(Duration::from_secs), body: body.to_bytes() })
    };
    beside(answer, connection).await
}

/// The first future's answer; the second one is driven meanwhile, and its end says nothing that the first one will not.
async fn beside<T>(answer: impl Future<Output = T>, driven: impl Future) -> T {
    tokio::pin!(answer, driven);
    tokio::select! {
        biased;
        answer = &mut answer => return answer,
        _ended = &mut driven => {}
    }
    answer.await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn shows(text: &str, shown: &str) {
        let address = Address::parse(text).unwrap();
        assert_eq!(address.shown(), shown);
        assert_eq!(format!("{address:?}"), format!("Address({shown})"));
    }

    #[test]
    fn the_path_of_an_address_is_never_shown() {
        shows("https://hooks.slack.com/services/T0/B0/secret?x=y", "https://hooks.slack.com");
        shows("http://[::1]:9000/hook", "http://[::1]:9000");
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for text in ["", "hooks.example/x", "ftp://a/b", "/only/a/path", "https://ana:secret@a/b", "https://"]
        {
            assert_eq!(Address::parse(text), Err(AddressError), "{text}");
        }
    }

    #[test]
    fn a_path_is_added_to_the_one_that_is_there() {
        let base = Address::parse("http://localhost:9090/prometheus/").unwrap();
        let query = base.with("/api/v1/query?query=up").unwrap();
        assert_eq!(query.uri.path_and_query().unwrap().as_str(), "/prometheus/api/v1/query?query=up");
    }

    #[tokio::test]
    async fn nobody_there_is_an_error_that_says_where() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let address = Address::parse(&format!("http://127.0.0.1:{port}/secret")).unwrap();
        let sent =
            send(&Trust::default(), Method::GET, &address, Vec::new(), Bytes::new(), Duration::from_secs(5))
                .await;
        let error = sent.unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot connect to http://127.0.0.1:{port}: ")), "{error}");
        assert!(!error.contains("secret"));
    }

    #[tokio::test]
    async fn whoever_is_silent_is_given_up() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let limit = Duration::from_millis(20);
        let sent = send(&Trust::default(), Method::GET, &address, Vec::new(), Bytes::new(), limit).await;
        assert_eq!(sent, Err(SendError::Timeout { address: address.shown(), limit }));
    }
}
