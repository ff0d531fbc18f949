//! Stock providers of other languages, unmodified, against a real server.
//!
//! `.ci/setup` installs them; without them these stories say that they did not run.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::Receiver;

use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_proto::flagd::evaluation::v2::{ResolveBooleanRequest, service_client as flagd};
use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change as Kind;
use mycelia_flags_proto::v1::value::Kind as ValueKind;
use serde_json::{Value, json};
use tonic::Code;

use crate::binary::tool;
use crate::patience::{PATIENCE, eventually};
use crate::server::{Server, Wanted, create, enable, rollout};

/// Starts a provider of a kind; none when its language is not installed.
pub(crate) type Client = fn(&str, &str) -> Option<Command>;

/// A process that asks a provider.
pub(crate) struct Asker {
    child: Child,
    questions: ChildStdin,
    answers: Receiver<String>,
}

impl Asker {
    pub(crate) fn begin(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (questions, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, receiver) = std::sync::mpsc::sync_channel(16);
        std::thread::spawn(move || {
            for line in BufReader::new(answers).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let asker = Self { child, questions, answers: receiver };
        assert_eq!(asker.next(), json!({ "ready": true }));
        asker
    }

    #[track_caller]
    fn next(&self) -> Value {
        serde_json::from_str(&self.answers.recv_timeout(PATIENCE).expect("the provider answers")).unwrap()
    }

    #[track_caller]
    pub(crate) fn ask(&mut self, flag_type: &str, key: &str, default: &Value, context: &Value) -> Value {
        let question = json!({ "type": flag_type, "key": key, "default": default, "context": context });
        writeln!(self.questions, "{question}").unwrap();
        self.next()
    }

    /// Asks all of these, without waiting for one answer before the next question.
    pub(crate) fn ask_all(mut self, questions: Vec<Value>) -> Vec<Value> {
        let count = questions.len();
        std::thread::scope(|scope| {
            let pipe = &mut self.questions;
            scope.spawn(move || {
                for question in questions {
                    writeln!(pipe, "{question}").unwrap();
                }
            });
            let next = || self.answers.recv_timeout(PATIENCE).expect("the provider answers");
            (0..count).map(|_| serde_json::from_str(&next()).unwrap()).collect()
        })
    }

    /// Asks for a boolean flag until it has this value.
    pub(crate) async fn until(&mut self, value: bool, key: &str, context: &Value) -> Value {
        let mut answer = Value::Null;
        let asked = eventually("the flag's new value", || {
            answer = self.ask("boolean", key, &json!(!value), context);
            std::future::ready(answer["value"] == value)
        });
        asked.await;
        answer
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _gone = self.child.wait();
    }
}

pub(crate) fn python(provider: &str, url: &str) -> Option<Command> {
    let mut command = Command::new(tool("python-clients")?);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/ask.py")).args([provider, url]);
    Some(command)
}

pub(crate) fn go(provider: &str, url: &str) -> Option<Command> {
    let mut command = Command::new(tool("go-client")?);
    command.args([provider, url]);
    Some(command)
}

pub(crate) fn java(provider: &str, url: &str) -> Option<Command> {
    let mut command = Command::new(tool("java-client")?);
    // It says at each start that nobody reads its log.
    command.args([provider, url]).stderr(Stdio::null());
    Some(command)
}

pub(crate) fn web(provider: &str, url: &str) -> Option<Command> {
    script("ask-web.mjs", provider, url)
}

pub(crate) fn node(provider: &str, url: &str) -> Option<Command> {
    script("ask.mjs", provider, url)
}

fn script(name: &str, provider: &str, url: &str) -> Option<Command> {
    let clients = tool("node-clients")?.canonicalize().unwrap();
    let mut command = Command::new("node");
    command
        .env("MYCELIA_NODE_CLIENTS", clients)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name))
        .args([provider, url]);
    Some(command)
}

fn configuration(key: &str, flag_type: v1::FlagType, value: ValueKind) -> Kind {
    let variant = v1::Variant { name: "set".to_owned(), value: Some(v1::Value { kind: Some(value) }) };
    let definition = v1::FlagDefinition {
        key: key.to_owned(),
        r#type: flag_type.into(),
        variants: vec![variant],
        ..Default::default()
    };
    Kind::CreateFlag(v1::CreateFlag {
        definition: Some(definition),
        default_variant: "set".to_owned(),
        off_variant: "set".to_owned(),
    })
}

/// On for accounts of one plan.
fn for_pros(flag: &str) -> Kind {
    let test = v1::Test {
        attribute: "account.plan".to_owned(),
        operator: v1::Operator::Equals.into(),
        operands: vec![v1::Value { kind: Some(ValueKind::StringValue("pro".to_owned())) }],
        negated: false,
    };
    let rule = v1::Rule {
        name: "pros".to_owned(),
        condition: Some(v1::Condition { condition: Some(v1::condition::Condition::Test(test)) }),
        serve: Some(v1::Serve { serve: Some(v1::serve::Serve::Variant("on".to_owned())) }),
    };
    Kind::SetRules(v1::SetRules {
        environment: "production".to_owned(),
        flag: flag.to_owned(),
        rules: vec![rule],
    })
}

/// Flags of all five types.
pub(crate) fn five() -> Vec<Kind> {
    let map = [("few".to_owned(), v1::Value { kind: Some(ValueKind::IntegerValue(3)) })];
    vec![
        create("dreams"),
        enable("dreams"),
        create("oracle.chat"),
        rollout("oracle.chat", 50.0),
        create("exports"),
        for_pros("exports"),
        rollout("exports", 0.0),
        configuration("title", v1::FlagType::String, ValueKind::StringValue("Whispers".to_owned())),
        configuration("subtitle", v1::FlagType::String, ValueKind::StringValue("of sleep".to_owned())),
        configuration("whispers.max", v1::FlagType::Integer, ValueKind::IntegerValue(6)),
        configuration("share", v1::FlagType::Float, ValueKind::FloatValue(0.25)),
        configuration(
            "limits",
            v1::FlagType::Object,
            ValueKind::ObjectValue(v1::ValueMap { fields: map.into_iter().collect() }),
        ),
    ]
}

/// Fifty people, half of them on, and the same ones as the RPC says.
async fn check_half(server: &Server, asker: &mut Asker) {
    let mut rpc = server.evaluation().await;
    for number in 0..50 {
        let key = format!("user-{number}");
        let answer = asker.ask("boolean", "oracle.chat", &json!(false), &json!({ "targetingKey": key }));
        let context = v1::EvaluationContext { targeting_key: key.clone(), ..Default::default() };
        let request = v1::EvaluateRequest {
            flag: "oracle.chat".to_owned(),
            context: Some(context),
            ..Default::default()
        };
        let expected = rpc.evaluate(request).await.unwrap().into_inner().evaluation.unwrap();
        assert_eq!(answer["variant"], expected.variant.as_str(), "{key}: {answer}");
    }
}

/// Half of many people, whichever.
fn check_some_half(asker: &mut Asker) {
    let mut on = 0;
    for number in 0..200 {
        let subject = json!({ "targetingKey": format!("user-{number}") });
        let answer = asker.ask("boolean", "oracle.chat", &json!(false), &subject);
        assert_eq!(answer["variant"], if answer["value"] == true { "on" } else { "off" }, "{answer}");
        on += u32::from(answer["value"] == true);
    }
    // Eight standard deviations.
    assert!((44..=156).contains(&on), "{on} of 200");
}

/// Who a provider serves which part of a split.
#[derive(Clone, Copy)]
pub(crate) enum Buckets {
    Ours,
    /// Of a generation that no store has.
    Others,
}

pub(crate) async fn check(server: &Server, command: Option<Command>, buckets: Buckets) {
    let Some(command) = command else { return };
    let mut admin = server.admin().await;
    let mut asker = Asker::begin(command);
    let ana = json!({ "targetingKey": "ana", "account": { "plan": "pro", "seats": [1, 2] } });
    let mut value = |flag_type: &str, key: &str, default: Value| {
        let answer = asker.ask(flag_type, key, &default, &ana);
        assert_eq!(answer["error"], Value::Null, "{key}: {answer}");
        answer["value"].clone()
    };
    assert_eq!(value("boolean", "dreams", json!(false)), json!(true));
    assert_eq!(value("string", "title", json!("")), json!("Whispers"));
    assert_eq!(value("integer", "whispers.max", json!(0)), json!(6));
    assert_eq!(value("float", "share", json!(0.5)), json!(0.25));
    // flagd's protocol has one kind of number in an object.
    assert_eq!(value("object", "limits", json!({}))["few"].as_f64(), Some(3.0));
    assert_eq!(value("boolean", "exports", json!(false)), json!(true));
    let free = json!({ "targetingKey": "ben", "account": { "plan": "free" } });
    let other = asker.ask("boolean", "exports", &json!(true), &free);
    assert_eq!((&other["value"], &other["variant"]), (&json!(false), &json!("off")), "{other}");
    match buckets {
        Buckets::Ours => check_half(server, &mut asker).await,
        Buckets::Others => check_some_half(&mut asker),
    }
    let missing = asker.ask("boolean", "dream", &json!(true), &ana);
    assert_eq!((&missing["value"], &missing["error"]), (&json!(true), &json!("FLAG_NOT_FOUND")), "{missing}");
    // A flag that nobody has asked for yet: Node's provider keeps answers by key, whatever their type.
    let mistyped = asker.ask("boolean", "subtitle", &json!(true), &ana);
    assert_eq!(
        (&mistyped["value"], &mistyped["error"]),
        (&json!(true), &json!("TYPE_MISMATCH")),
        "{mistyped}"
    );
    // Nobody polls: a provider that keeps what it knows must be told.
    admin.disable("dreams").await;
    let disabled = asker.until(false, "dreams", &ana).await;
    assert_eq!(disabled["variant"], "off", "{disabled}");
}

/// A provider whose server is restarted sees what changes afterwards.
async fn check_restart(command: impl FnOnce(&str) -> Option<Command>) {
    let dir = tempfile::tempdir().unwrap();
    let server = Wanted::on_disk(dir.path()).start().await;
    server.admin().await.apply(vec![create("dreams"), enable("dreams")]).await;
    let Some(command) = command(&server.url) else { return };
    let mut asker = Asker::begin(command);
    let ana = json!({ "targetingKey": "ana" });
    asker.until(true, "dreams", &ana).await;
    let address = server.running.address();
    server.running.stop().await;
    let server = Wanted { listen: address, ..Wanted::on_disk(dir.path()) }.start().await;
    server.admin().await.disable("dreams").await;
    asker.until(false, "dreams", &ana).await;
}

/// Java's and Python's are built to ask again whatever was refused, until the deadline of their caller is over.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_is_told_not_to_ask_again_for_what_is_not_there() {
    let server = Server::in_memory().await;
    server.admin().await.apply(five()).await;
    let mut flagd = flagd::ServiceClient::new(server.channel().await);
    let nobody = prost_types::Struct::default();
    let seven = prost_types::Value { kind: Some(prost_types::value::Kind::NumberValue(7.0)) };
    let keyless = [("targetingKey".to_owned(), seven)];
    let keyless = prost_types::Struct { fields: keyless.into_iter().collect() };
    let refused = [
        ("dream", nobody.clone(), Code::NotFound),
        ("title", nobody, Code::InvalidArgument),
        ("dreams", keyless, Code::InvalidArgument),
    ];
    for (flag_key, context, code) in refused {
        let request = ResolveBooleanRequest { flag_key: flag_key.to_owned(), context: Some(context) };
        let status = flagd.resolve_boolean(request).await.unwrap_err();
        let advice = status.metadata().get("grpc-retry-pushback-ms").expect("an advice").to_str().unwrap();
        assert_eq!((status.code(), advice), (code, "-1"), "{flag_key}: {status}");
    }
}

macro_rules! provider {
    ($name:ident, $command:ident, $kind:literal, $generation:ident) => {
        provider!($name, $command, $kind, $generation, Ours);
    };
    ($name:ident, $command:ident, $kind:literal, $generation:ident, $buckets:ident) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            let wanted = Wanted { bucketing: Some(Generation::$generation), ..Wanted::default() };
            let server = wanted.start().await;
            server.admin().await.apply(five()).await;
            check(&server, $command($kind, &server.url), Buckets::$buckets).await;
        }
    };
}

provider!(python_asks_by_ofrep, python, "ofrep", V3);
provider!(python_asks_by_rpc, python, "rpc", V3);
provider!(python_evaluates_in_process, python, "in-process", V3);
provider!(node_asks_by_ofrep, node, "ofrep", V3);
provider!(node_asks_by_rpc, node, "rpc", V3);
// Node's flagd core buckets as the generation before did.
provider!(node_evaluates_in_process, node, "in-process", V2);

provider!(go_asks_by_ofrep, go, "ofrep", V3);
// By Connect, over HTTP/1.1.
provider!(go_asks_by_rpc, go, "rpc", V3);
provider!(go_evaluates_in_process, go, "in-process", V2);
provider!(java_asks_by_ofrep, java, "ofrep", V3);
provider!(java_asks_by_rpc, java, "rpc", V3);
// The newest that Maven finds buckets as flagd did before 0.15.
provider!(java_evaluates_in_process, java, "in-process", V2, Others);
// By Connect in JSON, as a page does.
provider!(a_page_asks_by_connect, web, "web", V3);

#[tokio::test(flavor = "multi_thread")]
async fn the_go_providers_outlive_their_server() {
    check_restart(|url| go("ofrep", url)).await;
    check_restart(|url| go("rpc", url)).await;
    check_restart(|url| go("in-process", url)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_java_providers_outlive_their_server() {
    check_restart(|url| java("ofrep", url)).await;
    check_restart(|url| java("rpc", url)).await;
    check_restart(|url| java("in-process", url)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_outlives_its_server() {
    check_restart(|url| web("web", url)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_providers_outlive_their_server() {
    check_restart(|url| python("ofrep", url)).await;
    check_restart(|url| python("rpc", url)).await;
    check_restart(|url| python("in-process", url)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_providers_outlive_their_server() {
    check_restart(|url| node("ofrep", url)).await;
    check_restart(|url| node("rpc", url)).await;
    check_restart(|url| node("in-process", url)).await;
}
