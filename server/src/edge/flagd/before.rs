//! `schema.v1`: what `flagd.evaluation.v1` was called before, and what flagd's provider for PHP still says.
//!
//! The messages are the same, but that `metadata` was not among the answers' fields yet: who does not know it skips it. So
//! there is nothing to answer here, and only names to translate.

use axum::body::Body;
use http::Request;
use http::uri::{PathAndQuery, Uri};

/// Where the calls came before, for the router.
pub(crate) const ROUTE: &str = "/schema.v1.Service/{method}";

const BEFORE: &str = "/schema.v1.Service/";
const NOW: &str = "/flagd.evaluation.v1.Service/";

/// The path by which a call is known now; none when it never had another one.
pub(crate) fn path(path: &str) -> Option<String> {
    path.strip_prefix(BEFORE).map(|method| format!("{NOW}{method}"))
}

/// The call as it is known now.
pub(crate) fn request(mut request: Request<Body>) -> Request<Body> {
    let now = path(request.uri().path()).and_then(|path| PathAndQuery::try_from(path).ok());
    if let Some(now) = now {
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = Some(now);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_of_the_service_is_another() {
        assert_eq!(
            path("/schema.v1.Service/ResolveInt").as_deref(),
            Some("/flagd.evaluation.v1.Service/ResolveInt")
        );
        assert_eq!(path("/flagd.evaluation.v1.Service/ResolveInt"), None);
        assert_eq!(path("/schema.v2.Service/ResolveInt"), None);
        let call =
            Request::post("http://flags:8013/schema.v1.Service/ResolveAll").body(Body::empty()).unwrap();
        assert_eq!(request(call).uri(), "http://flags:8013/flagd.evaluation.v1.Service/ResolveAll");
        let other = Request::post("/schema.v1/ResolveAll").body(Body::empty()).unwrap();
        assert_eq!(request(other).uri(), "/schema.v1/ResolveAll");
    }
}
