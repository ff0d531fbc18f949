//! Tokens that choose an environment, for callers that can send a credential and no selector.
//!
//! `Authorization: Bearer TOKEN` means what `flagd-selector: flagSetId=ENVIRONMENT` means, wherever that is known. It
//! chooses, and protects nothing: who sends none is answered as before.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use axum::RequestExt as _;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::middleware::Next;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use mycelia_flags_core::key::EnvironmentKey;
use sha2::{Digest as _, Sha256};
use tonic::Status;

use super::flagd;
use super::http::ofrep;
use super::selector::{SELECTOR, flag_set};
use crate::outbound::secret::Secret;

/// Fewer bytes can be guessed.
pub const TOKEN_BYTES_MIN: usize = 16;

const OFREP: &str = "/ofrep/v1/";

/// The gRPC services that know selectors.
const SERVICES: [&str; 4] = [
    "/flagd.evaluation.v1.Service/",
    "/flagd.evaluation.v2.Service/",
    "/flagd.sync.v1.FlagSyncService/",
    "/schema.v1.Service/",
];

/// The tokens of a server, none of which it keeps: only what SHA-256 makes of them.
#[derive(Clone, Default)]
pub struct SelectorTokens(HashMap<[u8; 32], EnvironmentKey>);

/// A token that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorTokenError {
    /// It could be guessed.
    #[error("the token has {bytes} bytes: at least {TOKEN_BYTES_MIN}")]
    Short {
        /// Its length.
        bytes: usize,
    },
    /// It fits in no header.
    #[error("the token: visible ASCII characters only, and no white space")]
    Characters,
    /// It cannot mean two environments.
    #[error("the token is that of {environment} already: each environment has its own")]
    Taken {
        /// What it means already.
        environment: EnvironmentKey,
    },
}

impl fmt::Debug for SelectorTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SelectorTokens({})", self.0.len())
    }
}

impl SelectorTokens {
    /// Lets a token mean an environment, which may have several.
    ///
    /// # Errors
    /// When it is too short, fits in no header, or means another environment. Nothing of it is told.
    pub fn add(&mut self, environment: EnvironmentKey, token: &Secret) -> Result<(), SelectorTokenError> {
        let token = token.reveal().as_bytes();
        if token.len() < TOKEN_BYTES_MIN {
            return Err(SelectorTokenError::Short { bytes: token.len() });
        }
        if !token.iter().all(u8::is_ascii_graphic) {
            return Err(SelectorTokenError::Characters);
        }
        match self.0.insert(digest(token), environment.clone()) {
            Some(before) if before != environment => Err(SelectorTokenError::Taken { environment: before }),
            _ => Ok(()),
        }
    }

    /// The environments that are meant.
    pub fn environments(&self) -> impl Iterator<Item = &EnvironmentKey> {
        self.0.values()
    }

    /// The selector that a call's token stands for; none when it has no token.
    fn selector(&self, headers: &HeaderMap) -> Result<Option<HeaderValue>, Refusal> {
        let Some(token) = bearer(headers) else { return Ok(None) };
        let environment = self.0.get(&digest(token)).ok_or(Refusal::UnknownToken)?;
        for said in headers.get_all(SELECTOR) {
            let said = said.to_str().map_err(|_not_ascii| {
                Refusal::Selector(format!("header {SELECTOR}: visible ASCII characters only"))
            })?;
            let named = flag_set(said).map_err(Refusal::Selector)?;
            if named.is_some_and(|named| named != environment.as_str()) {
                let words =
                    format!("the token is for {environment}, and the header {SELECTOR} says {said:?}");
                return Err(Refusal::Selector(words));
            }
        }
        let selector = HeaderValue::try_from(format!("flagSetId={environment}"));
        selector.map(Some).map_err(|error| Refusal::Selector(format!("{environment}: {error}")))
    }
}

fn digest(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// The token of a call. Credentials of other schemes are for whoever stands between us, such as a proxy.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get_all(header::AUTHORIZATION).iter().find_map(|value| {
        let value = value.as_bytes().trim_ascii();
        let (scheme, token) =
            value.split_at(value.iter().position(|byte| *byte == b' ').unwrap_or(value.len()));
        scheme.eq_ignore_ascii_case(b"bearer").then(|| token.trim_ascii())
    })
}

/// Why a call with a token is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Refusal {
    UnknownToken,
    Selector(String),
}

impl Refusal {
    /// In the words of the protocol that was spoken.
    async fn answer(self, mut request: Request<Body>) -> Response<Body> {
        let is_unknown = self == Self::UnknownToken;
        let words = match self {
            Self::UnknownToken => {
                "the bearer token chooses no environment: this server knows no such one".to_owned()
            }
            Self::Selector(words) => words,
        };
        if !request.uri().path().starts_with(OFREP) {
            let code = if is_unknown { Status::unauthenticated } else { Status::invalid_argument };
            return flagd::settled(code(words)).into_http();
        }
        let key = request.extract_parts::<Path<String>>().await.ok();
        let status = if is_unknown { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
        let mut response = ofrep::refused(status, words, key.as_ref().map(|key| key.as_str()));
        if is_unknown {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Lets a call's token choose its environment; all other calls stay as they are.
pub async fn choose(
    State(tokens): State<Arc<SelectorTokens>>,
    mut request: Request<Body>,
    next: Next,
) -> Response<Body> {
    let path = request.uri().path();
    let knows_selectors = path.starts_with(OFREP) || SERVICES.iter().any(|service| path.starts_with(service));
    if tokens.0.is_empty() || !knows_selectors {
        return next.run(request).await;
    }
    match tokens.selector(request.headers()) {
        Ok(selector) => {
            if let Some(selector) = selector {
                request.headers_mut().insert(SELECTOR, selector);
            }
            next.run(request).await
        }
        Err(refusal) => refusal.answer(request).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAGING: &str = "staging-0123456789";
    const PRODUCTION: &str = "production-0123456789";

    fn tokens() -> SelectorTokens {
        let mut tokens = SelectorTokens::default();
        tokens.add(EnvironmentKey::new("staging"), &Secret::new(STAGING)).unwrap();
        tokens.add(EnvironmentKey::new("production"), &Secret::new(PRODUCTION)).unwrap();
        tokens
    }

    fn asked(headers: &[(&'static str, &str)]) -> Result<Option<HeaderValue>, Refusal> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        tokens().selector(&map)
    }

    #[test]
    fn a_token_means_its_environment() {
        let selector = |value: &str| asked(&[("authorization", value)]).unwrap().unwrap();
        assert_eq!(selector(&format!("Bearer {STAGING}")), "flagSetId=staging");
        assert_eq!(selector(&format!("bearer   {PRODUCTION} ")), "flagSetId=production");
        let basic = ("authorization", "Basic YW5hOm5lZWRsZQ==");
        assert_eq!(asked(&[]), Ok(None));
        assert_eq!(asked(&[basic]), Ok(None));
        let both = asked(&[basic, ("authorization", &format!("Bearer {STAGING}"))]);
        assert_eq!(both.unwrap().unwrap(), "flagSetId=staging");
    }

    #[test]
    fn a_token_that_nobody_named_is_refused() {
        let almost = &STAGING[..STAGING.len() - 1];
        for value in
            ["Bearer", "Bearer ", "Bearer x", &format!("Bearer {almost}"), &format!("Bearer {STAGING}x")]
        {
            assert_eq!(asked(&[("authorization", value)]), Err(Refusal::UnknownToken), "{value}");
        }
        let other_scheme = asked(&[("authorization", &format!("Bearer{STAGING}"))]);
        assert_eq!(other_scheme, Ok(None));
    }

    #[test]
    fn a_selector_beside_a_token_says_the_same_or_nothing() {
        let token = ("authorization", &*format!("Bearer {STAGING}"));
        for same in ["flagSetId=staging", " flagSetId=staging ", ""] {
            assert_eq!(asked(&[token, (SELECTOR, same)]).unwrap().unwrap(), "flagSetId=staging", "{same:?}");
        }
        for other in ["flagSetId=production", "flagSetId=", "flagSetId=Staging"] {
            let Err(Refusal::Selector(words)) = asked(&[token, (SELECTOR, other)]) else { panic!("{other}") };
            assert!(words.contains("the token is for staging") && words.contains(other), "{words}");
        }
        let second = asked(&[token, (SELECTOR, "flagSetId=staging"), (SELECTOR, "flagSetId=production")]);
        assert!(second.is_err(), "which of two is read is nobody's business: {second:?}");
        assert!(asked(&[token, (SELECTOR, "source=flags.json")]).is_err());
    }

    #[test]
    fn what_can_be_no_token_is_refused_and_not_told() {
        let mut tokens = tokens();
        let mut add = |environment: &str, token: &str| {
            tokens
                .add(EnvironmentKey::new(environment), &Secret::new(token))
                .map_err(|error| error.to_string())
        };
        assert_eq!(add("staging", "another-0123456789"), Ok(()), "an environment may have several");
        assert_eq!(add("staging", STAGING), Ok(()), "said twice it is the same");
        assert_eq!(add("staging", "0123456789abcde").unwrap_err(), "the token has 15 bytes: at least 16");
        assert!(add("staging", "two words, and more").unwrap_err().contains("visible ASCII"));
        let taken = add("production", STAGING).unwrap_err();
        assert_eq!(taken, "the token is that of staging already: each environment has its own");
        let shown = format!("{tokens:?}");
        assert_eq!(shown, "SelectorTokens(3)");
    }
}
