//! A provider for OpenFeature's own Rust SDK (crate `open-feature`): its callers evaluate in process, by a [`Client`].
//!
//! What that SDK has no place for, version 0.3 knows neither events nor tracking nor a caller's default, stays with the
//! client: [`MyceliaProvider::client`], and [`context`] for what is told to it.

mod context;
mod values;

use std::time::Duration;

use mycelia_flags_core::evaluation::{ErrorCode, ResolutionReason};
use mycelia_flags_core::value::Value;
use open_feature::provider::{FeatureProvider, ProviderMetadata, ProviderStatus, ResolutionDetails};
use open_feature::{
    EvaluationContext, EvaluationError, EvaluationErrorCode, EvaluationReason, EvaluationResult,
    FlagMetadata, StructValue,
};
use tracing::warn;

use crate::client::Client;
use crate::details::{EvaluationDetails, Reason};
use crate::status::ClientState;

pub use self::context::context;

/// How OpenFeature calls the provider.
const NAME: &str = "mycelia-flags";

/// How long [`FeatureProvider::initialize`] waits for the server unless said otherwise. OpenFeature's SDK lets nobody
/// evaluate meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);

/// Evaluates for OpenFeature's Rust SDK what a [`Client`] knows.
///
/// A value has the reason and the metadata that the server gives over OFREP, and `CACHED` or `STALE` when the server cannot
/// confirm it. An evaluation that has none of the flag's values is an error: the SDK passes no default to a provider, so
/// that its caller writes `unwrap_or(default)`.
///
/// The client ends when the SDK lets go of the provider and nobody else holds a clone of it.
#[derive(Debug)]
pub struct MyceliaProvider {
    client: Client,
    metadata: ProviderMetadata,
    patience: Duration,
}

impl MyceliaProvider {
    /// Over a client, which may be used beside it.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client, metadata: ProviderMetadata::new(NAME), patience: PATIENCE }
    }

    /// How long initialisation waits until the client is ready: two seconds unless said otherwise. After that the
    /// provider evaluates what it has, the last known good state on disk or nothing, and becomes ready by itself.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The client: to listen to changes, to track and to observe, for all that the SDK has no place for.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// What the client found, in the SDK's words.
    fn resolution<T, U>(
        &self,
        found: EvaluationDetails<T>,
        own: impl FnOnce(T) -> EvaluationResult<U>,
    ) -> EvaluationResult<ResolutionDetails<U>> {
        let Some(variant) = found.variant else {
            let code = code(found.error_code.unwrap_or(ErrorCode::General));
            return Err(EvaluationError { code, message: found.error_message });
        };
        // Where an identity is missing the default variant stands in, which is a value, as in every other form of the flag.
        Ok(ResolutionDetails {
            value: own(found.value)?,
            variant: Some(variant.to_string()),
            reason: Some(reason(found.reason)),
            flag_metadata: Some(self.flag_metadata(found.resolution_reason)),
        })
    }

    fn flag_metadata(&self, reason: Option<ResolutionReason>) -> FlagMetadata {
        let mut metadata = FlagMetadata::default();
        let environment = self.client.status().environment;
        if !environment.is_empty() {
            metadata.add_value("flagSetId", &*environment);
        }
        match reason {
            Some(ResolutionReason::Disabled) => metadata.add_value("disabled", true),
            Some(ResolutionReason::PrerequisiteFailed) => metadata.add_value("prerequisiteFailed", true),
            _ => {}
        }
        metadata
    }
}

#[open_feature::async_trait]
impl FeatureProvider for MyceliaProvider {
    async fn initialize(&mut self, _context: &EvaluationContext) {
        if let Err(not_ready) = self.client.ready(self.patience).await {
            warn!(%not_ready, "OpenFeature's provider begins without the server's newest state");
        }
    }

    fn status(&self) -> ProviderStatus {
        match self.client.status().state {
            ClientState::NotReady | ClientState::Closed => ProviderStatus::NotReady,
            ClientState::Ready => ProviderStatus::Ready,
            ClientState::Stale => ProviderStatus::STALE,
            ClientState::Error => ProviderStatus::Error,
        }
    }

    fn metadata(&self) -> &ProviderMetadata {
        &self.metadata
    }

    async fn resolve_bool_value(
        &self,
        flag_key: &str,
        evaluation_context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<bool>> {
        let subject = context(evaluation_context)?;
        self.resolution(self.client.bool_details(flag_key, false, &subject), Ok)
    }

    async fn resolve_int_value(
        &self,
        flag_key: &str,
        evaluation_context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<i64>> {
        let subject = context(evaluation_context)?;
        self.resolution(self.client.int_details(flag_key, 0, &subject), Ok)
    }

    async fn resolve_float_value(
        &self,
        flag_key: &str,
        evaluation_context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<f64>> {
        let subject = context(evaluation_context)?;
        self.resolution(self.client.float_details(flag_key, 0.0, &subject), Ok)
    }

    async fn resolve_string_value(
        &self,
        flag_key: &str,
        evaluation_context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<String>> {
        let subject = context(evaluation_context)?;
        self.resolution(self.client.string_details(flag_key, "", &subject), Ok)
    }

    async fn resolve_struct_value(
        &self,
        flag_key: &str,
        evaluation_context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<StructValue>> {
        let subject = context(evaluation_context)?;
        let found = self.client.object_details(flag_key, Value::Null, &subject);
        self.resolution(found, |value| values::structure(&value))
    }
}

/// As OFREP says it: a disabled flag serves its off variant to everybody, which is `STATIC`, one whose prerequisite fails
/// serves it by `DEFAULT`, and the metadata say the rest.
fn reason(reason: Reason) -> EvaluationReason {
    match reason {
        Reason::Static | Reason::Disabled => EvaluationReason::Static,
        Reason::Default | Reason::PrerequisiteFailed => EvaluationReason::Default,
        Reason::TargetingMatch => EvaluationReason::TargetingMatch,
        Reason::Split => EvaluationReason::Split,
        Reason::Cached => EvaluationReason::Cached,
        Reason::Error => EvaluationReason::Error,
        Reason::Stale => EvaluationReason::Other(reason.as_str().to_owned()),
    }
}

fn code(code: ErrorCode) -> EvaluationErrorCode {
    match code {
        ErrorCode::FlagNotFound => EvaluationErrorCode::FlagNotFound,
        ErrorCode::TypeMismatch => EvaluationErrorCode::TypeMismatch,
        ErrorCode::ParseError => EvaluationErrorCode::ParseError,
        ErrorCode::TargetingKeyMissing => EvaluationErrorCode::TargetingKeyMissing,
        ErrorCode::InvalidContext => EvaluationErrorCode::InvalidContext,
        ErrorCode::ProviderNotReady => EvaluationErrorCode::ProviderNotReady,
        ErrorCode::General => EvaluationErrorCode::General(code.as_str().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use open_feature::OpenFeature;

    use super::*;

    fn offline() -> Client {
        let object = Value::Object([(Box::from("few"), Value::Integer(3))].into_iter().collect());
        Client::builder()
            .service("runner")
            .offline()
            .value("dreams", Value::Boolean(true))
            .value("title", Value::string("Whispers"))
            .value("whispers.max", Value::Integer(6))
            .value("share", Value::Float(0.25))
            .value("limits", object)
            .connect()
            .unwrap()
    }

    #[tokio::test]
    async fn five_types_are_answered_through_the_sdk() {
        let mut api = OpenFeature::default();
        api.set_provider(MyceliaProvider::new(offline())).await;
        let client = api.create_client();
        let dreams = client.get_bool_details("dreams", None, None).await.unwrap();
        assert_eq!((dreams.value, dreams.reason), (true, Some(EvaluationReason::Static)));
        assert_eq!(client.get_string_value("title", None, None).await.unwrap(), "Whispers");
        assert_eq!(client.get_int_value("whispers_max", None, None).await.unwrap(), 6);
        assert!((client.get_float_value("share", None, None).await.unwrap() - 0.25).abs() < f64::EPSILON);
        let limits = client.get_struct_value::<StructValue>("limits", None, None).await.unwrap();
        assert_eq!(limits.fields.get("few").and_then(open_feature::Value::as_i64), Some(3));
        assert_eq!(api.provider_metadata().await.name, NAME);
    }

    #[tokio::test]
    async fn what_has_no_value_is_an_error_with_its_code() {
        let mut api = OpenFeature::default();
        api.set_provider(MyceliaProvider::new(offline())).await;
        let client = api.create_client();
        let missing = client.get_bool_value("dream", None, None).await.unwrap_err();
        assert_eq!(missing.code, EvaluationErrorCode::FlagNotFound);
        let mistyped = client.get_float_value("whispers.max", None, None).await.unwrap_err();
        assert_eq!(mistyped.code, EvaluationErrorCode::TypeMismatch);
        assert!(mistyped.message.unwrap().contains("the flag is of type integer"));
        let strange = EvaluationContext::default()
            .with_custom_field("who", open_feature::EvaluationContextFieldValue::new_struct(()));
        let refused = client.get_bool_value("dreams", Some(&strange), None).await.unwrap_err();
        assert_eq!(refused.code, EvaluationErrorCode::InvalidContext);
    }

    #[tokio::test]
    async fn the_status_is_the_clients() {
        let ready = MyceliaProvider::new(offline());
        assert_eq!(ready.status(), ProviderStatus::Ready);
        ready.client().close().await;
        assert_eq!(ready.status(), ProviderStatus::NotReady);
        // Nobody listens there: initialisation waits as long as it was told to, and evaluations say why there is nothing.
        let nobody = Client::builder().service("runner").server("http://127.0.0.1:9").connect().unwrap();
        let mut alone = MyceliaProvider::new(nobody).with_patience(Duration::from_millis(10));
        alone.initialize(&EvaluationContext::default()).await;
        assert_eq!(alone.status(), ProviderStatus::NotReady);
        let error = alone.resolve_bool_value("dreams", &EvaluationContext::default()).await.unwrap_err();
        assert_eq!(error.code, EvaluationErrorCode::ProviderNotReady);
    }
}
