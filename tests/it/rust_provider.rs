//! OpenFeature's own Rust SDK over our provider, against a real server.

use std::time::Duration;

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change as Kind;
use mycelia_flags_proto::v1::telemetry_service_client::TelemetryServiceClient;
use mycelia_flags_proto::v1::value::Kind as ValueKind;
use mycelia_flags_sdk::openfeature::{MyceliaProvider, context};
use mycelia_flags_sdk::{Backoff, Client, Event};
use open_feature::provider::{FeatureProvider as _, ProviderStatus};
use open_feature::{
    EvaluationContext, EvaluationContextFieldValue, EvaluationDetails, EvaluationErrorCode, EvaluationReason,
    EvaluationResult, FlagMetadataValue, Hook, HookContext, HookHints, OpenFeature, StructValue,
};

use crate::patience::{PATIENCE, eventually, within};
use crate::providers::five;
use crate::server::{Server, Wanted, create, enable};

/// How soon a change must be seen.
const SOON: Duration = Duration::from_secs(2);

fn client(url: &str) -> Client {
    let mut backoff = Backoff::default();
    (backoff.base, backoff.cap) = (Duration::from_millis(20), Duration::from_millis(500));
    let builder = Client::builder().server(url).environment("production").service("runner");
    builder.backoff(backoff).connect().unwrap()
}

/// An API of its own for each story, and not the process's.
async fn api(client: Client) -> OpenFeature {
    let mut api = OpenFeature::default();
    api.set_provider(MyceliaProvider::new(client).with_patience(PATIENCE)).await;
    api
}

fn ana() -> EvaluationContext {
    let account = StructValue::default()
        .with_field("plan", "pro")
        .with_field("owner", StructValue::default().with_field("age", 41));
    EvaluationContext::default()
        .with_targeting_key("ana")
        .with_custom_field("account", EvaluationContextFieldValue::new_struct(account))
}

/// `by.age` serves another variant to those whose account has an owner of forty or more.
fn by_nested_age() -> Kind {
    let forty = v1::Value { kind: Some(ValueKind::IntegerValue(40)) };
    let test = v1::Test {
        attribute: "account.owner.age".to_owned(),
        operator: v1::Operator::GreaterOrEqual.into(),
        operands: vec![forty],
        negated: false,
    };
    let rule = v1::Rule {
        name: "grown up".to_owned(),
        condition: Some(v1::Condition { condition: Some(v1::condition::Condition::Test(test)) }),
        serve: Some(v1::Serve { serve: Some(v1::serve::Serve::Variant("on".to_owned())) }),
    };
    Kind::SetRules(v1::SetRules {
        environment: "production".to_owned(),
        flag: "by.age".to_owned(),
        rules: vec![rule],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn five_types_nested_contexts_and_errors() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    let off = v1::Serve { serve: Some(v1::serve::Serve::Variant("off".to_owned())) };
    let off = v1::SetDefaultServe {
        environment: "production".to_owned(),
        flag: "by.age".to_owned(),
        serve: Some(off),
    };
    admin.apply(five()).await;
    admin
        .apply(vec![
            create("by.age"),
            enable("by.age"),
            by_nested_age(),
            Kind::SetDefaultServe(off),
            create("idle"),
        ])
        .await;
    let flags = client(&server.url);
    let api = api(flags.clone()).await;
    let ask = api.create_client();
    let ana = ana();
    assert!(ask.get_bool_value("dreams", Some(&ana), None).await.unwrap());
    assert_eq!(ask.get_string_value("title", Some(&ana), None).await.unwrap(), "Whispers");
    assert_eq!(ask.get_int_value("whispers.max", Some(&ana), None).await.unwrap(), 6);
    assert!((ask.get_float_value("share", Some(&ana), None).await.unwrap() - 0.25).abs() < f64::EPSILON);
    let limits: StructValue = ask.get_struct_value("limits", Some(&ana), None).await.unwrap();
    assert_eq!(limits.fields["few"].as_i64(), Some(3));

    let matched = ask.get_bool_details("by.age", Some(&ana), None).await.unwrap();
    assert_eq!((matched.value, &matched.reason), (true, &Some(EvaluationReason::TargetingMatch)));
    assert_eq!(matched.variant.as_deref(), Some("on"));
    let environment = FlagMetadataValue::String("production".to_owned());
    assert_eq!(matched.flag_metadata.values["flagSetId"], environment);
    let nobody = ask.get_bool_details("by.age", None, None).await.unwrap();
    assert_eq!((nobody.value, nobody.reason), (false, Some(EvaluationReason::Default)));
    // A disabled flag serves its off variant to everybody, as OFREP says it.
    let idle = ask.get_bool_details("idle", Some(&ana), None).await.unwrap();
    assert_eq!((idle.value, idle.reason), (false, Some(EvaluationReason::Static)));
    assert_eq!(idle.flag_metadata.values["disabled"], FlagMetadataValue::Bool(true));
    // Nobody to split by: the default variant stands in.
    let split = ask.get_bool_details("oracle.chat", None, None).await.unwrap();
    assert_eq!((split.value, split.variant.as_deref()), (false, Some("off")));

    let missing = ask.get_bool_value("dream", Some(&ana), None).await;
    assert_eq!(missing.as_ref().unwrap_err().code, EvaluationErrorCode::FlagNotFound);
    assert!(missing.unwrap_or(true), "the caller's default");
    let mistyped = ask.get_bool_value("title", Some(&ana), None).await.unwrap_err();
    assert_eq!(mistyped.code, EvaluationErrorCode::TypeMismatch);
    let strange = ana.clone().with_custom_field("now", EvaluationContextFieldValue::new_struct(()));
    let refused = ask.get_bool_value("dreams", Some(&strange), None).await.unwrap_err();
    assert_eq!(refused.code, EvaluationErrorCode::InvalidContext);
    assert!(refused.message.unwrap().contains("context.now"));
    flags.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_seen_within_two_seconds_and_nobody_polls() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    admin.apply(vec![create("dreams"), enable("dreams")]).await;
    let flags = client(&server.url);
    let api = api(flags.clone()).await;
    let ask = api.create_client();
    assert!(ask.get_bool_value("dreams", Some(&ana()), None).await.unwrap());
    let mut changes = flags.changes();
    admin.disable("dreams").await;
    let change =
        tokio::time::timeout(SOON, changes.next()).await.expect("the change within two seconds").unwrap();
    assert!(change.concerns("dreams"));
    assert!(!ask.get_bool_value("dreams", Some(&ana()), None).await.unwrap());
    flags.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_outlives_its_server() {
    let dir = tempfile::tempdir().unwrap();
    let server = Wanted::on_disk(dir.path()).start().await;
    server.admin().await.apply(vec![create("dreams"), enable("dreams")]).await;
    let flags = client(&server.url);
    let provider = MyceliaProvider::new(flags.clone());
    let api = api(flags.clone()).await;
    let ask = api.create_client();
    let address = server.running.address();
    within("stop", server.running.stop()).await;
    eventually("the loss is noticed", || async { provider.status() == ProviderStatus::STALE }).await;
    let stale = ask.get_bool_details("dreams", Some(&ana()), None).await.unwrap();
    assert_eq!((stale.value, stale.reason), (true, Some(EvaluationReason::Other("STALE".to_owned()))));
    let server = Wanted { listen: address, ..Wanted::on_disk(dir.path()) }.start().await;
    server.admin().await.disable("dreams").await;
    eventually("the new state", || async {
        !ask.get_bool_value("dreams", Some(&ana()), None).await.unwrap()
    })
    .await;
    eventually("the provider is ready", || async { provider.status() == ProviderStatus::Ready }).await;
    flags.close().await;
}

/// Says of whom a flag is asked, and keeps what was found.
struct Witness(std::sync::mpsc::SyncSender<Option<String>>);

#[open_feature::async_trait]
impl Hook for Witness {
    async fn before<'a>(
        &self,
        _context: &HookContext<'a>,
        _hints: Option<&'a HookHints>,
    ) -> EvaluationResult<Option<EvaluationContext>> {
        Ok(Some(ana()))
    }

    async fn after<'a>(
        &self,
        _context: &HookContext<'a>,
        details: &EvaluationDetails<open_feature::Value>,
        _hints: Option<&'a HookHints>,
    ) -> EvaluationResult<()> {
        self.0.send(details.variant.clone()).unwrap();
        Ok(())
    }

    async fn error<'a>(
        &self,
        _context: &HookContext<'a>,
        _error: &open_feature::EvaluationError,
        _hints: Option<&'a HookHints>,
    ) {
    }

    async fn finally<'a>(
        &self,
        _context: &HookContext<'a>,
        _details: &EvaluationDetails<open_feature::Value>,
        _hints: Option<&'a HookHints>,
    ) {
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_are_the_sdks_and_tracking_is_the_clients() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    let on = v1::Serve { serve: Some(v1::serve::Serve::Variant("off".to_owned())) };
    let on = v1::SetDefaultServe {
        environment: "production".to_owned(),
        flag: "by.age".to_owned(),
        serve: Some(on),
    };
    admin.apply(vec![create("by.age"), enable("by.age"), by_nested_age(), Kind::SetDefaultServe(on)]).await;
    let flags = client(&server.url);
    let api = api(flags.clone()).await;
    let (sender, seen) = std::sync::mpsc::sync_channel(1);
    let ask = api.create_client().with_hook(Witness(sender));
    // The hook says who asks, and hears what was found.
    assert!(ask.get_bool_value("by.age", None, None).await.unwrap());
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap().as_deref(), Some("on"));
    flags.track("by.age", &context(&ana()).unwrap(), Event::Click);
    flags.close().await;
    // What was counted is told when the client closes: what the SDK asked, and not what was tracked.
    let mut telemetry = TelemetryServiceClient::new(server.channel().await);
    let used = telemetry.get_usage(v1::GetUsageRequest::default()).await.unwrap().into_inner().rows;
    assert_eq!(used.len(), 1, "{used:?}");
    assert_eq!((used[0].flag.as_str(), used[0].evaluations), ("by.age", 1));
}
