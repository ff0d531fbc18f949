//! Which router answers now: while the store is being loaded one that only tells its health, afterwards the whole one.

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use tower::ServiceExt as _;

use super::router::say_whose_fault;

/// The ways in.
#[derive(Debug, Clone)]
pub struct Doors {
    /// Takes every call, and translates what is spoken.
    pub whole: Router,
    /// Takes calls that need no translation: native gRPC, of which there may be tens of thousands in a second. A layer that
    /// lets them pass costs each of them a copy of what lies below it.
    pub native: Option<Router>,
}

impl From<Router> for Doors {
    fn from(whole: Router) -> Self {
        Self { whole, native: None }
    }
}

/// The router of the moment.
#[derive(Debug)]
pub struct Gate {
    doors: ArcSwap<Doors>,
}

impl Gate {
    /// Begins with a router.
    #[must_use]
    pub fn new(router: Router) -> Arc<Self> {
        Arc::new(Self { doors: ArcSwap::from_pointee(Doors::from(router)) })
    }

    /// Goes over to other doors: for every request from now on, on open connections too.
    pub fn open(&self, doors: impl Into<Doors>) {
        self.doors.store(Arc::new(doors.into()));
    }

    /// Answers a call.
    pub async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let native = if is_native(request.headers()) { self.doors.load().native.clone() } else { None };
        let Some(native) = native else {
            let whole = self.doors.load().whole.clone();
            return whole.oneshot(request).await.unwrap_or_else(|never| match never {});
        };
        say_whose_fault(native.oneshot(request).await.unwrap_or_else(|never| match never {})).await
    }
}

/// Whether a call is gRPC of which no layer wants to know anything: no page makes it, and no token.
fn is_native(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let is_grpc = content_type
        .strip_prefix(b"application/grpc")
        .is_some_and(|rest| rest.first().is_none_or(|next| matches!(next, b'+' | b';')));
    is_grpc && !headers.contains_key(header::ORIGIN) && !headers.contains_key(header::AUTHORIZATION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_needs_no_translation_is_native() {
        let native = |lines: &[(header::HeaderName, &'static str)]| {
            let lines = lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
            is_native(&lines.collect())
        };
        for content_type in ["application/grpc", "application/grpc+proto", "application/grpc;x=y"] {
            assert!(native(&[(header::CONTENT_TYPE, content_type)]), "{content_type}");
            for other in [(header::ORIGIN, "https://page.example"), (header::AUTHORIZATION, "Bearer x")] {
                assert!(!native(&[(header::CONTENT_TYPE, content_type), other]));
            }
        }
        for content_type in
            ["application/grpc-web", "application/grpc-web-text+proto", "application/json", ""]
        {
            assert!(!native(&[(header::CONTENT_TYPE, content_type)]), "{content_type}");
        }
        assert!(!native(&[]));
    }
}
