//! Which pages of other origins may read answers: Cross-Origin Resource Sharing, by an allowlist of exact origins.
//!
//! Credentials are never allowed, so that no cookie of ours could be ridden on. A page whose origin is not on the list gets
//! no header of this, and its browser keeps the answer from it.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::middleware::Next;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header};

/// What a page may send: of OFREP, Connect, gRPC-Web, and what tracing libraries add by themselves.
const ALLOWED_HEADERS: &str = "content-type, authorization, x-api-key, if-none-match, cache-control, last-event-id, \
                               flagd-selector, mycelia-service, connect-protocol-version, connect-timeout-ms, \
                               connect-accept-encoding, connect-content-encoding, grpc-timeout, x-grpc-web, \
                               x-user-agent, traceparent, tracestate, baggage";

/// What a page may read beside the body.
const EXPOSED_HEADERS: &str = "etag, retry-after, grpc-status, grpc-message, grpc-status-details-bin";

/// How long a browser may remember that it may ask, in seconds. Chromium remembers no longer.
const MAX_AGE_SECONDS: &str = "7200";

/// The origins whose pages may read answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins {
    any: bool,
    exact: Arc<BTreeSet<String>>,
}

/// A text that is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{origin:?}: expected SCHEME://HOST or SCHEME://HOST:PORT as a browser sends it, or * for every page ({why})"
)]
pub struct OriginError {
    origin: String,
    why: &'static str,
}

impl Origins {
    /// Reads a list of origins; none allows nobody.
    ///
    /// # Errors
    /// Names the first text that no browser would send.
    pub fn parse(origins: &[String]) -> Result<Self, OriginError> {
        let exact = origins.iter().filter(|origin| *origin != "*");
        for origin in exact.clone() {
            if let Some(why) = fault(origin) {
                return Err(OriginError { origin: origin.clone(), why });
            }
        }
        let exact = exact.cloned().collect();
        Ok(Self { any: origins.iter().any(|origin| origin == "*"), exact: Arc::new(exact) })
    }

    /// Whether there is nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.any && self.exact.is_empty()
    }

    /// What is answered to a page of this origin; none when it is not allowed.
    fn allowed(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        if self.any {
            return Some(HeaderValue::from_static("*"));
        }
        let said = origin.to_str().ok()?;
        self.exact.contains(said).then(|| origin.clone())
    }

    fn allows_page(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        self.allowed(headers.get(header::ORIGIN)?)
    }
}

/// What is wrong with an origin. Origins are compared byte by byte, so a spelling that no browser sends would never match.
fn fault(origin: &str) -> Option<&'static str> {
    let Some((scheme, host)) = origin.split_once("://") else { return Some("there is no scheme") };
    if scheme.is_empty() || !scheme.bytes().all(|byte| byte.is_ascii_lowercase() || b"+-.".contains(&byte)) {
        return Some("the scheme is in lower case, such as https");
    }
    if host.contains(['/', '?', '#']) {
        return Some("an origin has no path, not even a slash at the end");
    }
    if host.contains('@') {
        return Some("an origin has no user");
    }
    if host.contains('*') {
        return Some("patterns are not known: name each origin");
    }
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Some("the host is in lower case");
    }
    let Ok(uri) = origin.parse::<Uri>() else { return Some("the host or the port is none") };
    let Some(authority) = uri.authority().filter(|authority| !authority.host().is_empty()) else {
        return Some("there is no host");
    };
    match (scheme, authority.port_u16()) {
        ("https", Some(443)) | ("http", Some(80)) => {
            Some("a browser leaves out the port that goes without saying")
        }
        (_, None) if authority.as_str().ends_with(':') => Some("there is no port after the colon"),
        _ => None,
    }
}

/// Answers preflights, and says in other answers who may read them.
pub async fn share(State(origins): State<Origins>, request: Request<Body>, next: Next) -> Response<Body> {
    if origins.is_empty() {
        return next.run(request).await;
    }
    let allowed = origins.allows_page(request.headers());
    let asked = HeaderName::from_static("access-control-request-method");
    let is_preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ORIGIN)
        && request.headers().contains_key(asked);
    let mut response = if is_preflight { preflight(allowed.is_some()) } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(allowed) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        if !is_preflight {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
        }
    }
    response
}

/// Whatever the path is: what is not there says so when it is asked.
fn preflight(is_allowed: bool) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    if !is_allowed {
        *response.status_mut() = StatusCode::FORBIDDEN;
        return response;
    }
    *response.status_mut() = StatusCode::NO_CONTENT;
    let said = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS),
    ];
    for (name, value) in said {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refuse(origin: &str, why: &str) {
        let words = Origins::parse(&[origin.to_owned()]).unwrap_err().to_string();
        assert!(words.contains(why) && words.contains(origin), "{words}");
    }

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        let origins = ["https://shop.example", "http://localhost:5173", "http://[::1]:8080"];
        let origins = Origins::parse(&origins.map(str::to_owned)).unwrap();
        let allowed = |origin: &'static str| origins.allowed(&HeaderValue::from_static(origin)).is_some();
        assert!(allowed("https://shop.example") && allowed("http://localhost:5173"));
        assert!(!allowed("https://shop.example.evil") && !allowed("http://shop.example") && !allowed("null"));
    }

    #[test]
    fn what_no_browser_sends_is_refused_with_why() {
        refuse("shop.example", "no scheme");
        refuse("https://shop.example/", "no path");
        refuse("https://Shop.example", "lower case");
        refuse("HTTPS://shop.example", "lower case");
        refuse("https://*.example", "patterns");
        refuse("https://ana@shop.example", "no user");
        refuse("https://shop.example:443", "goes without saying");
        refuse("https://shop.example:", "no port");
        refuse("https://", "host");
        refuse("null", "no scheme");
    }

    #[test]
    fn every_page_is_allowed_only_when_that_is_said() {
        assert!(Origins::parse(&[]).unwrap().is_empty());
        let any = Origins::parse(&["*".to_owned()]).unwrap();
        assert_eq!(any.allowed(&HeaderValue::from_static("https://a.example")).unwrap(), "*");
    }
}
