//! Evaluation on the server.

use mycelia_flags_proto::v1;

use crate::server::{Server, create, enable, rollout};

fn request(flag: &str, user: &str) -> v1::EvaluateRequest {
    let context = v1::EvaluationContext { targeting_key: user.to_owned(), ..Default::default() };
    v1::EvaluateRequest { flag: flag.to_owned(), context: Some(context), ..Default::default() }
}

#[tokio::test]
async fn a_flag_is_evaluated_at_the_newest_revision() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    let mut client = server.evaluation().await;
    admin.create("oracle.chat").await;
    let off =
        client.evaluate(request("oracle_chat", "alice")).await.unwrap().into_inner().evaluation.unwrap();
    assert_eq!(
        (off.flag.as_str(), off.variant.as_str(), off.reason()),
        ("oracle.chat", "off", v1::Reason::Disabled)
    );
    let revision = admin.enable("oracle.chat").await;
    let on = client.evaluate(request("oracle_chat", "alice")).await.unwrap().into_inner();
    assert_eq!(on.revision, revision);
    let on = on.evaluation.unwrap();
    assert_eq!((on.variant.as_str(), on.reason()), ("on", v1::Reason::Static));
    assert_eq!(on.value.unwrap().kind, Some(v1::value::Kind::BooleanValue(true)));
}

#[tokio::test]
async fn a_split_needs_somebody() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    let mut client = server.evaluation().await;
    admin.apply(vec![create("dreams"), rollout("dreams", 25.0)]).await;
    let nobody = client.evaluate(request("dreams", "")).await.unwrap().into_inner().evaluation.unwrap();
    assert_eq!(nobody.error_code(), v1::ErrorCode::TargetingKeyMissing);
    let mut on = 0;
    for number in 0..1_000 {
        let user = format!("user-{number}");
        let evaluation =
            client.evaluate(request("dreams", &user)).await.unwrap().into_inner().evaluation.unwrap();
        assert_eq!(evaluation.reason(), v1::Reason::Split);
        on += usize::from(evaluation.variant == "on");
    }
    assert!((200..300).contains(&on), "a quarter of a thousand: {on}");
}

#[tokio::test]
async fn unknown_flags_and_flags_of_other_services_are_the_same_thing() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    let mut client = server.evaluation().await;
    let definition = v1::FlagDefinition {
        key: "hidden".to_owned(),
        services: vec!["runner".to_owned()],
        ..Default::default()
    };
    let hidden = v1::CreateFlag { definition: Some(definition), ..Default::default() };
    admin.apply(vec![v1::change::Change::CreateFlag(hidden), create("shown"), enable("shown")]).await;
    for flag in ["hidden", "missing"] {
        let asked = v1::EvaluateRequest { service: "ui".to_owned(), ..request(flag, "alice") };
        let evaluation = client.evaluate(asked).await.unwrap().into_inner().evaluation.unwrap();
        assert_eq!((evaluation.error_code(), evaluation.flag.as_str()), (v1::ErrorCode::FlagNotFound, flag));
    }
    let all = v1::EvaluateAllRequest { service: "ui".to_owned(), ..Default::default() };
    let all = client.evaluate_all(all).await.unwrap().into_inner().evaluations;
    assert_eq!(all.iter().map(|evaluation| evaluation.flag.as_str()).collect::<Vec<_>>(), ["shown"]);
    let everything = client.evaluate_all(v1::EvaluateAllRequest::default()).await.unwrap().into_inner();
    assert_eq!(everything.evaluations.len(), 2);
}
