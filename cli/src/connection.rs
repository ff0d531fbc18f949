//! The connection to the server.

use std::future::Future;
use std::time::Duration;

use mycelia_flags_proto::client_tls::ClientTls;
use mycelia_flags_proto::v1::admin_service_client::AdminServiceClient;
use mycelia_flags_proto::v1::evaluation_service_client::EvaluationServiceClient;
use mycelia_flags_proto::v1::guard_service_client::GuardServiceClient;
use mycelia_flags_proto::v1::notification_service_client::NotificationServiceClient;
use mycelia_flags_proto::v1::plan_service_client::PlanServiceClient;
use mycelia_flags_proto::v1::promotion_service_client::PromotionServiceClient;
use mycelia_flags_proto::v1::sync_service_client::SyncServiceClient;
use mycelia_flags_proto::v1::telemetry_service_client::TelemetryServiceClient;
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status};

use crate::failure::Failure;
use crate::settings::Settings;

/// How long an answer may take unless it was said otherwise.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A dead peer on a quiet stream is found out within this and [`KEEP_ALIVE_TIMEOUT`].
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// A snapshot or a page of flags with large values; tonic's 4 MiB would cut off big stores.
const MESSAGE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// A server that is connected to when it is first needed, and again after it was lost.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    url: String,
    channel: Channel,
    timeout: Duration,
}

impl Connection {
    /// Nothing is sent yet.
    pub(crate) fn new(settings: &Settings) -> Result<Self, Failure> {
        let (url, timeout) = (&*settings.server, settings.timeout.unwrap_or(TIMEOUT_DEFAULT));
        let endpoint = Endpoint::from_shared(url.to_owned())
            .map_err(|error| Failure::Usage(format!("the server `{url}` is not a URL: {error}")))?
            .connect_timeout(CONNECT_TIMEOUT.min(timeout))
            .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .keep_alive_while_idle(true);
        let is_secure = endpoint.uri().scheme_str() == Some("https");
        let tls = if is_secure { settings.tls.read()? } else { ClientTls::default() };
        let endpoint = tls.secure(endpoint).map_err(|error| settings.tls.blame(&error))?;
        Ok(Self { url: url.to_owned(), channel: endpoint.connect_lazy(), timeout })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn admin(&self) -> AdminServiceClient<Channel> {
        AdminServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    pub(crate) fn promotions(&self) -> PromotionServiceClient<Channel> {
        PromotionServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    pub(crate) fn notifications(&self) -> NotificationServiceClient<Channel> {
        NotificationServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    pub(crate) fn evaluation(&self) -> EvaluationServiceClient<Channel> {
        EvaluationServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    pub(crate) fn plans(&self) -> PlanServiceClient<Channel> {
        PlanServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    pub(crate) fn guards(&self) -> GuardServiceClient<Channel> {
        GuardServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    pub(crate) fn sync(&self) -> SyncServiceClient<Channel> {
        SyncServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    pub(crate) fn telemetry(&self) -> TelemetryServiceClient<Channel> {
        TelemetryServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// Waits for an answer (of a stream: for its beginning), but not for ever.
    pub(crate) async fn answer<T>(
        &self,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, Failure> {
        match tokio::time::timeout(self.timeout, call).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(self.failure(&status)),
            Err(_elapsed) => Err(Failure::no_answer(&self.url, self.timeout)),
        }
    }

    /// An error of this server in words.
    pub(crate) fn failure(&self, status: &Status) -> Failure {
        Failure::of_status(&self.url, status)
    }
}
