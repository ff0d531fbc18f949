//! What an instance declares that it needs, and what that keeps from happening.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change as Kind;
use mycelia_flags_sdk::{BreachKind, Client, FlagType};
use tonic::Code;

use crate::patience::{PATIENCE, eventually};
use crate::server::{Server, create};

fn delete(flag: &str, force: bool) -> Kind {
    Kind::DeleteFlag(v1::DeleteFlag { flag: flag.to_owned(), force })
}

fn archive(flag: &str, force: bool) -> Kind {
    Kind::ArchiveFlag(v1::ArchiveFlag { flag: flag.to_owned(), force })
}

async fn declaring(server: &Server, flags: &[(&str, FlagType)]) -> Client {
    let builder = Client::builder().server(&*server.url).environment("production").service("runner");
    let builder = flags
        .iter()
        .fold(builder.instance("runner-7"), |builder, (flag, flag_type)| builder.declare(*flag, *flag_type));
    let client = builder.connect().unwrap();
    client.ready(PATIENCE).await.unwrap();
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_declares_flags_is_told_at_once_what_is_wrong_with_them() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    admin.apply(vec![create("dreams"), create("old"), archive("old", false)]).await;
    let declared = [
        ("dreams", FlagType::Boolean),
        ("whispers.max", FlagType::Integer),
        ("old", FlagType::Boolean),
        ("dreams", FlagType::String),
    ];
    let client = declaring(&server, &declared).await;
    let breaches = client.status().breaches;
    let told: Vec<(&str, BreachKind)> = breaches.iter().map(|breach| (&*breach.flag, breach.kind)).collect();
    assert_eq!(
        told,
        [
            ("whispers.max", BreachKind::Missing),
            ("old", BreachKind::Archived),
            ("dreams", BreachKind::Mistyped)
        ]
    );
    assert_eq!(breaches[2].message, "flag dreams is of type boolean, and is declared as string");
    client.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_that_a_live_instance_has_declared_goes_only_by_force() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    admin.apply(vec![create("oracle.chat"), create("free")]).await;
    let client = declaring(&server, &[("oracle-chat", FlagType::Boolean)]).await;
    for change in [delete("oracle_chat", false), archive("oracle.chat", false)] {
        let refused = admin.try_apply(vec![delete("free", false), change]).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);
        let said = refused.message();
        for part in ["FLAG_DECLARED", "runner", "runner-7", "force"] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
    admin.apply(vec![archive("oracle.chat", true)]).await;
    eventually("the archived flag has left", || async { client.keys() == ["free"] }).await;
    client.close().await;
    eventually("the instance is gone", || async {
        admin.clone().try_apply(vec![delete("oracle.chat", false)]).await.is_ok()
    })
    .await;
}
