//! Who asks: `?user=`, or the header `x-user`, or nobody. There are no cookies and no sessions.

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use mycelia_flags_sdk::Context;
use serde::Deserialize;

/// Whoever sent a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Visitor {
    /// The name, when there is one.
    pub user: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    user: Option<String>,
}

impl Visitor {
    /// Somebody with a name; an empty one is none.
    #[must_use]
    pub fn named(user: &str) -> Self {
        let user = user.trim();
        Self { user: (!user.is_empty()).then(|| user.to_owned()) }
    }

    /// The subject of an evaluation: a rollout to 10 % asks who it is.
    #[must_use]
    pub fn context(&self) -> Context {
        Context::new(self.user.as_deref().unwrap_or_default())
    }
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = QueryRejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let Query(named) = Query::<Named>::try_from_uri(&parts.uri)?;
        let header = || parts.headers.get("x-user")?.to_str().ok().map(str::to_owned);
        let user = named.user.or_else(header).unwrap_or_default();
        Ok(Self::named(&user))
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[track_caller]
    fn check(uri: &str, header: Option<&str>, expected: Option<&str>) {
        let mut request = Request::builder().uri(uri);
        if let Some(user) = header {
            request = request.header("x-user", user);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let visitor = runtime.block_on(Visitor::from_request_parts(&mut parts, &())).unwrap();
        assert_eq!(visitor.user.as_deref(), expected);
        assert_eq!(visitor.context().targeting_key(), expected);
    }

    #[test]
    fn a_visitor_is_named_by_query_or_header() {
        check("/", None, None);
        check("/?user=ada", None, Some("ada"));
        check("/?user=a%20b&x=1", None, Some("a b"));
        check("/?user=", None, None);
        check("/", Some("grace"), Some("grace"));
        check("/?user=ada", Some("grace"), Some("ada"));
    }
}
