//! The same people on the same flags, asked by every way there is: one variant each.
//!
//! What is asked is made of a seed, which a failure prints; `MYCELIA_SEED=n` asks the same again. The first answers come from
//! core alone, in this process: the changes are checked, folded and evaluated here, and no server is asked.

pub(crate) mod world;

use std::collections::BTreeMap;

use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_proto::{convert, v1};
use mycelia_flags_sdk::Client;
use mycelia_flags_sdk::openfeature::MyceliaProvider;
use serde_json::{Value, json};

use self::world::{FLAGS, Person, World};
use crate::binary::tool;
use crate::patience::PATIENCE;
use crate::providers::{Asker, go, java, node, python, web};
use crate::server::{Server, Wanted};

/// How many people are asked for.
const PEOPLE: usize = 1_000;

/// The variants of each person, in the order of [`FLAGS`].
type Variants = Vec<[String; FLAGS.len()]>;

#[track_caller]
fn compare(who: &str, world: &World, expected: &Variants, found: &Variants) {
    assert_eq!(found.len(), expected.len(), "{who}");
    for ((person, expected), found) in world.people.iter().zip(expected).zip(found) {
        assert_eq!(
            found, expected,
            "{who} of MYCELIA_SEED={}, {:?}: {:?} for {}",
            world.seed, world.generation, FLAGS, person.context
        );
    }
}

/// Every flag serves each of its variants to somebody: people who are all alike would show nothing.
#[track_caller]
fn check_spread(expected: &Variants) {
    for (place, (flag, _)) in FLAGS.iter().enumerate() {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for variants in expected {
            *counts.entry(&variants[place]).or_default() += 1;
        }
        println!("{flag}: {counts:?}");
        assert!(counts.len() >= 2 && counts.values().all(|count| *count >= 10), "{flag}: {counts:?}");
    }
}

async fn started(world: &World) -> Server {
    let server = Wanted { bucketing: Some(world.generation), ..Wanted::default() }.start().await;
    server.admin().await.apply(world.changes()).await;
    server
}

fn of_evaluations(found: Vec<v1::Evaluation>) -> [String; FLAGS.len()] {
    let mut by_key: BTreeMap<String, String> =
        found.into_iter().map(|evaluation| (evaluation.flag, evaluation.variant)).collect();
    FLAGS.map(|(flag, _)| by_key.remove(flag).unwrap_or_default())
}

async fn asked_one_by_one(server: &Server, world: &World) -> Variants {
    let mut rpc = server.evaluation().await;
    let mut all = Variants::new();
    for person in &world.people {
        let mut found = Vec::new();
        for (flag, _) in FLAGS {
            let request = v1::EvaluateRequest {
                flag: flag.to_owned(),
                context: Some(person.wire()),
                ..v1::EvaluateRequest::default()
            };
            found.extend(rpc.evaluate(request).await.unwrap().into_inner().evaluation);
        }
        all.push(of_evaluations(found));
    }
    all
}

async fn asked_at_once(server: &Server, world: &World) -> Variants {
    let mut rpc = server.evaluation().await;
    let mut all = Variants::new();
    for person in &world.people {
        let request = v1::EvaluateAllRequest { context: Some(person.wire()), ..Default::default() };
        all.push(of_evaluations(rpc.evaluate_all(request).await.unwrap().into_inner().evaluations));
    }
    all
}

async fn by_the_sdk(server: &Server, world: &World) -> (Variants, Variants) {
    let client = Client::builder().server(&*server.url).environment("production").service("runner");
    let client = client.connect().unwrap();
    client.ready(PATIENCE).await.unwrap();
    let mut api = open_feature::OpenFeature::default();
    api.set_provider(MyceliaProvider::new(client.clone())).await;
    let openfeature = api.create_client();
    let (mut ours, mut theirs) = (Variants::new(), Variants::new());
    for person in &world.people {
        let context = convert::context_from_wire("context", &person.wire()).unwrap();
        let of = |flag: &str, flag_type: &str| match flag_type {
            "string" => client.string_details(flag, "", &context).variant,
            _ => client.bool_details(flag, false, &context).variant,
        };
        ours.push(FLAGS.map(|(flag, flag_type)| of(flag, flag_type).unwrap().to_string()));
        let subject = person.openfeature();
        let mut variants = FLAGS.map(|_| String::new());
        for (variant, (flag, flag_type)) in variants.iter_mut().zip(FLAGS) {
            let found = match flag_type {
                "string" => openfeature.get_string_details(flag, Some(&subject), None).await.unwrap().variant,
                _ => openfeature.get_bool_details(flag, Some(&subject), None).await.unwrap().variant,
            };
            *variant = found.unwrap();
        }
        theirs.push(variants);
    }
    client.close().await;
    (ours, theirs)
}

/// All people by one `curl`, which keeps its connection.
async fn by_bulk(server: &Server, world: &World) -> Option<Variants> {
    let curl = tool("curl")?;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("people");
    let url = format!("{}/ofrep/v1/evaluate/flags", server.url);
    let one = |person: &Person| {
        let body = json!({ "context": person.context }).to_string();
        format!("url = {url}\nsilent\nshow-error\ndata = {body:?}\nwrite-out = \"\\n\"\n")
    };
    let all: Vec<String> = world.people.iter().map(one).collect();
    std::fs::write(&config, all.join("next\n")).unwrap();
    let command = tokio::task::spawn_blocking(move || {
        std::process::Command::new(curl).arg("--config").arg(&config).output()
    });
    let output = command.await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let of = |line: &str| {
        let body: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let flags = body["flags"].as_array().unwrap().clone();
        FLAGS.map(|(key, _)| {
            let found = flags.iter().find(|flag| flag["key"] == key).unwrap();
            found["variant"].as_str().unwrap_or_else(|| panic!("{found}")).to_owned()
        })
    };
    Some(String::from_utf8(output.stdout).unwrap().lines().map(of).collect())
}

/// The core, the SDK, and every protocol of the server.
async fn check_ours(generation: Generation) {
    let world = World::draw(generation, PEOPLE);
    let expected = world.by_core();
    check_spread(&expected);
    let server = started(&world).await;
    let (ours, theirs) = by_the_sdk(&server, &world).await;
    compare("the SDK", &world, &expected, &ours);
    compare("the SDK's OpenFeature provider", &world, &expected, &theirs);
    compare("Evaluate", &world, &expected, &asked_one_by_one(&server, &world).await);
    compare("EvaluateAll", &world, &expected, &asked_at_once(&server, &world).await);
    if let Some(found) = by_bulk(&server, &world).await {
        compare("OFREP's bulk evaluation", &world, &expected, &found);
    }
}

/// A stock provider, in a process of its own.
async fn check_provider(
    generation: Generation,
    who: &'static str,
    command: crate::providers::Client,
    kind: &str,
) {
    let mut world = World::draw(generation, PEOPLE);
    if kind == "in-process" && generation == Generation::V2 {
        // The generation before hashed what its language made of the text: only for ASCII is that the same everywhere.
        world.people.iter_mut().for_each(Person::in_ascii);
    }
    let server = started(&world).await;
    let Some(mut command) = command(kind, &server.url) else { return };
    if kind == "in-process" {
        // Go's logs each rule that meets an attribute which somebody lacks.
        command.stderr(std::process::Stdio::null());
    }
    let expected = world.by_core();
    let found = tokio::task::block_in_place(|| {
        let asker = Asker::begin(command);
        let questions = world.people.iter().flat_map(|person| {
            FLAGS.map(|(flag, flag_type)| {
                let default = if flag_type == "string" { json!("") } else { json!(false) };
                json!({ "type": flag_type, "key": flag, "default": default, "context": person.context })
            })
        });
        asker.ask_all(questions.collect())
    });
    let of =
        |answer: &Value| answer["variant"].as_str().unwrap_or_else(|| panic!("{who}: {answer}")).to_owned();
    let found: Variants =
        found.chunks(FLAGS.len()).map(|answers| std::array::from_fn(|place| of(&answers[place]))).collect();
    compare(&format!("{who} {kind}"), &world, &expected, &found);
}

macro_rules! same {
    ($name:ident, $command:ident, $kind:literal, $($generation:ident),+) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            $(check_provider(Generation::$generation, stringify!($command), $command, $kind).await;)+
        }
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn core_the_sdk_and_our_protocols_agree_on_a_thousand_people() {
    check_ours(Generation::V3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn and_they_agree_in_a_store_of_the_generation_before() {
    check_ours(Generation::V2).await;
}

same!(python_by_ofrep_agrees, python, "ofrep", V3, V2);
same!(python_by_rpc_agrees, python, "rpc", V3, V2);
same!(python_in_process_agrees, python, "in-process", V3);
same!(node_by_ofrep_agrees, node, "ofrep", V3, V2);
same!(node_by_rpc_agrees, node, "rpc", V3, V2);
same!(node_in_process_agrees, node, "in-process", V2);
same!(go_by_ofrep_agrees, go, "ofrep", V3, V2);
same!(go_by_rpc_agrees, go, "rpc", V3, V2);
same!(go_in_process_agrees, go, "in-process", V2);
same!(java_by_ofrep_agrees, java, "ofrep", V3, V2);
same!(java_by_rpc_agrees, java, "rpc", V3, V2);
same!(a_page_agrees, web, "web", V3, V2);
