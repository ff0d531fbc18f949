//! The published decisions: the engine, the server and the SDK each decide every case of `tests/vectors/decisions.json`
//! as it was reasoned by hand.

mod world;

use std::collections::BTreeMap;

use mycelia_flags_core::change::{Change, ChangeSet};
use mycelia_flags_core::check::{Circumstances, Origin, check};
use mycelia_flags_core::compiled::{Around, Now, Slot, of_snapshot};
use mycelia_flags_core::context::Context;
use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_core::record::Record;
use mycelia_flags_core::revision::Timestamp;
use mycelia_flags_core::schema::AnyValue;
use mycelia_flags_core::snapshot::Snapshot;
use mycelia_flags_core::value::Value;
use mycelia_flags_proto::convert;
use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::evaluation_service_client::EvaluationServiceClient;
use mycelia_flags_sdk::{Client, EvaluationDetails};
use tonic::transport::Channel;

use crate::patience::PATIENCE;
use crate::server::{Server, Wanted, apply_request};
use world::{Answer, Case, ENVIRONMENT, World};

const AT: Timestamp = Timestamp::from_unix_micros(1_800_000_000_000_000);

fn worlds() -> Vec<World> {
    let file: serde_json::Value =
        serde_json::from_str(include_str!("../vectors/decisions.json")).expect("the file is JSON");
    file["worlds"].as_array().unwrap().iter().cloned().map(World).collect()
}

fn context(case: &Case) -> Context {
    convert::context_from_wire("context", &case.context).unwrap()
}

/// The same change sets, checked and folded in this process.
struct Folded(Snapshot);

impl Folded {
    fn of(world: &World) -> Self {
        let mut folded = Self(Snapshot::default());
        let environments = ["development", "staging", ENVIRONMENT].map(str::to_owned).to_vec();
        let store = Change::CreateStore { bucketing: world.bucketing(), environments };
        folded.commit(
            ChangeSet { actor: "store".to_owned(), changes: vec![store], ..ChangeSet::default() },
            Origin::Store,
        );
        for changes in world.change_sets() {
            let wire = apply_request(changes).change_set.unwrap();
            folded.commit(convert::change_set_from_wire(&wire).unwrap(), Origin::Caller);
        }
        folded
    }

    fn commit(&mut self, change_set: ChangeSet, origin: Origin) {
        let circumstances = Circumstances { origin, at: AT, schemas: &AnyValue, undone: &[] };
        let writes = check(&self.0, &change_set, circumstances).unwrap().writes;
        let (revision, idempotency_key) = (self.0.revision().next(), Box::from(""));
        self.0.fold(&Record { revision, committed_at: AT, change_set, writes, idempotency_key }).unwrap();
    }

    fn decide(&self, case: &Case) -> Answer {
        let service = (!case.service.is_empty()).then_some(&*case.service);
        let set = of_snapshot::compiled(&self.0, &EnvironmentKey::new(ENVIRONMENT), service);
        match set.get(&case.flag).map(|slot| &**slot) {
            None => Answer {
                variant: None,
                value: None,
                reason: "ERROR".to_owned(),
                error: Some("FLAG_NOT_FOUND".to_owned()),
            },
            Some(Slot::Broken { why, .. }) => panic!("{} does not compile: {why}", case.flag),
            Some(Slot::Flag(flag)) => {
                let around = Around::new(&set, &case.service, Now::At(AT.unix_seconds()));
                let context = context(case);
                let resolution = flag.evaluate(around, &context);
                Answer {
                    variant: Some(resolution.variant.name.to_string()),
                    value: Some(convert::value_to_wire(&resolution.variant.value)),
                    reason: resolution.reason.to_string(),
                    error: resolution.error.map(|error| error.to_string()),
                }
            }
        }
    }
}

async fn asked(client: &mut EvaluationServiceClient<Channel>, case: &Case) -> Answer {
    let request = v1::EvaluateRequest {
        flag: case.flag.clone(),
        environment: ENVIRONMENT.to_owned(),
        context: Some(case.context.clone()),
        service: case.service.clone(),
        ..Default::default()
    };
    let evaluation = client.evaluate(request).await.unwrap().into_inner().evaluation.unwrap();
    let error = evaluation.error_code().as_str_name().strip_prefix("ERROR_CODE_").unwrap();
    Answer {
        reason: evaluation.reason().as_str_name().strip_prefix("REASON_").unwrap().to_owned(),
        error: (error != "UNSPECIFIED").then(|| error.to_owned()),
        variant: (!evaluation.variant.is_empty()).then_some(evaluation.variant),
        value: evaluation.value,
    }
}

fn answer<T>(details: EvaluationDetails<T>, value: impl FnOnce(T) -> Value) -> Answer {
    let variant = details.variant.map(|variant| variant.to_string());
    Answer {
        value: variant.is_some().then(|| convert::value_to_wire(&value(details.value))),
        variant,
        reason: details.reason.to_string(),
        error: details.error_code.map(|error| error.to_string()),
    }
}

fn decided(client: &Client, flag_type: &str, case: &Case) -> Answer {
    let (flag, context) = (case.flag.as_str(), &context(case));
    match flag_type {
        "boolean" => answer(client.bool_details(flag, false, context), Value::Boolean),
        "integer" => answer(client.int_details(flag, 0, context), Value::Integer),
        "float" => answer(client.float_details(flag, 0.0, context), Value::Float),
        "string" => answer(client.string_details(flag, "", context), |text| Value::string(&text)),
        "object" => answer(client.object_details(flag, Value::Null, context), |value| value),
        unknown => panic!("{unknown}"),
    }
}

async fn connected(server: &Server, service: &str) -> Client {
    let builder = Client::builder().server(&*server.url).environment(ENVIRONMENT).service(service);
    let client = builder.connect().unwrap();
    client.ready(PATIENCE).await.unwrap();
    client
}

/// How many cases ran, and how many of them in the SDK as well.
#[derive(Default)]
struct Count {
    cases: usize,
    in_the_sdk: usize,
}

async fn run(world: &World, count: &mut Count, wrong: &mut Vec<String>) {
    let folded = Folded::of(world);
    let server = Wanted { bucketing: Some(world.bucketing()), ..Wanted::default() }.start().await;
    let mut admin = server.admin().await;
    for changes in world.change_sets() {
        admin.apply(changes).await;
    }
    let mut evaluation = server.evaluation().await;
    let mut clients: BTreeMap<String, Client> = BTreeMap::new();
    for case in world.cases() {
        let mut answers =
            vec![("core", folded.decide(&case)), ("Evaluate", asked(&mut evaluation, &case).await)];
        count.cases += 1;
        // Whoever is no service has no SDK.
        if !case.service.is_empty() {
            if !clients.contains_key(&case.service) {
                clients.insert(case.service.clone(), connected(&server, &case.service).await);
            }
            let client = &clients[&case.service];
            answers.push(("the SDK", decided(client, world.type_of(&case.flag), &case)));
            count.in_the_sdk += 1;
        }
        for (who, answer) in answers {
            if answer != case.expected {
                let Case { flag, service, context, expected } = &case;
                wrong.push(format!(
                    "{}: {flag} for {service:?} and {context:?}: {who} says {answer:?}, expected {expected:?}",
                    world.name()
                ));
            }
        }
    }
    for client in clients.values() {
        client.close().await;
    }
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn engine_server_and_sdk_decide_as_it_was_reasoned_by_hand() {
    let worlds = worlds();
    let (mut count, mut wrong) = (Count::default(), Vec::new());
    for world in &worlds {
        run(world, &mut count, &mut wrong).await;
    }
    let Count { cases, in_the_sdk } = count;
    println!("{cases} decisions in {} worlds, {in_the_sdk} of them in the SDK too", worlds.len());
    assert!(wrong.is_empty(), "{} answers are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(cases >= 300 && worlds.len() >= 25, "the file was cut: {cases} cases in {} worlds", worlds.len());
}
