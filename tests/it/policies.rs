//! Policies against every way in: the same refusal in the same words, whichever API it comes over, and a change request
//! from its asking to what the history says of it.

mod refusals;

use std::sync::Arc;
use std::time::Duration;

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change as Kind;
use mycelia_flags_proto::v1::freeze_window::Window;
use mycelia_flags_server::clock::ManualClock;
use serde_json::Value;
use tonic_types::StatusExt as _;

use crate::command_line::{json, run};
use crate::server::{Admin, Server, Wanted, apply_request, create, rollout};

/// A way in. A new one is a line here, and one in [`Stage::ask`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Path {
    Grpc,
    Cli,
    Http,
}

const PATHS: [Path; 2] = [Path::Grpc, Path::Cli];

/// What somebody asks for, as each way in takes it.
#[derive(Debug, Clone)]
struct Deed {
    actor: &'static str,
    reason: &'static str,
    changes: Vec<Kind>,
    arguments: Vec<&'static str>,
}

/// Why it was refused: the reason word, and each field with its description.
#[derive(Debug, Clone, PartialEq)]
struct Refusal {
    word: String,
    violations: Vec<(String, String)>,
}

/// 2026-11-26T12:00:00Z, a Thursday.
const THURSDAY_NOON_S: i64 = 1_795_694_400;

/// A server whose clock is moved by hand.
struct Stage {
    server: Server,
    clock: Arc<ManualClock>,
    admin: Admin,
}

impl Stage {
    /// At revision 4, with `dreams` at 10 %, `whispers` untouched, and a policy in production.
    async fn with(policy: v1::Policy) -> Self {
        Self::on(Wanted::default(), policy).await
    }

    async fn on(wanted: Wanted, policy: v1::Policy) -> Self {
        let clock = ManualClock::at(THURSDAY_NOON_S * 1_000_000);
        let server = Wanted { clock: clock.clone(), ..wanted }.start().await;
        let mut admin = server.admin().await;
        admin.apply(vec![create("dreams"), create("whispers")]).await;
        admin.apply(vec![rollout("dreams", 10.0)]).await;
        admin.apply(vec![set_policy(policy)]).await;
        Self { server, clock, admin }
    }

    fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    async fn revision(&mut self) -> u64 {
        self.admin.client.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner().revision
    }

    /// The revision that the deed made, or why it was refused.
    async fn ask(&mut self, path: Path, deed: &Deed) -> Result<u64, Refusal> {
        match path {
            Path::Grpc => {
                let mut request = apply_request(deed.changes.clone());
                let change_set = request.change_set.as_mut().unwrap();
                (change_set.actor, change_set.reason) = (deed.actor.to_owned(), deed.reason.to_owned());
                self.admin.request(request).await.map(|answer| answer.revision).map_err(|status| Refusal {
                    word: status.get_details_error_info().unwrap().reason,
                    violations: status
                        .get_details_bad_request()
                        .unwrap()
                        .field_violations
                        .into_iter()
                        .map(|violation| (violation.field, violation.description))
                        .collect(),
                })
            }
            Path::Http => {
                let body = deed.body().unwrap().to_string();
                let answer =
                    tokio::task::block_in_place(|| post(&self.server.url, "/api/admin/features/bulk", &body));
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                let Some(violations) = answer["violations"].as_array() else {
                    return Ok(answer["revision"].as_u64().unwrap());
                };
                let said = |violation: &Value| {
                    let (value, word) = (text(&violation["value"]), text(&violation["reason"]));
                    (
                        text(&violation["field"]),
                        format!("{value:?} ({word}): {}", text(&violation["allowed"])),
                    )
                };
                let word = text(&violations[0]["reason"]);
                Err(Refusal { word, violations: violations.iter().map(said).collect() })
            }
            Path::Cli => {
                let mut arguments = deed.arguments.clone();
                arguments.extend(["--json", "--actor", deed.actor]);
                if !deed.reason.is_empty() {
                    arguments.extend(["--reason", deed.reason]);
                }
                let output = tokio::task::block_in_place(|| run(&self.server.url, &arguments));
                if output.status.success() {
                    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
                    return Ok(answer["revision"].as_u64().unwrap());
                }
                let said = String::from_utf8_lossy(&output.stderr);
                let document: Value =
                    serde_json::from_str(&said).unwrap_or_else(|_| panic!("{arguments:?}: {said}"));
                let error = &document["error"];
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                let violations = error["violations"].as_array().unwrap().iter();
                Err(Refusal {
                    word: text(&error["reason"]),
                    violations: violations
                        .map(|violation| (text(&violation["field"]), text(&violation["description"])))
                        .collect(),
                })
            }
        }
    }
}

impl Deed {
    fn new(changes: Vec<Kind>, arguments: &[&'static str]) -> Self {
        Self { actor: "ana", reason: "day 2", changes, arguments: arguments.to_vec() }
    }

    fn by(self, actor: &'static str) -> Self {
        Self { actor, ..self }
    }

    fn silent(self) -> Self {
        Self { reason: "", ..self }
    }

    fn rollout(flag: &'static str, percent: f64, typed: &'static str) -> Self {
        Self::new(vec![rollout(flag, percent)], &["rollout", flag, typed])
    }

    fn approve(request: u64) -> Self {
        let typed: &'static str = Box::leak(request.to_string().into_boxed_str());
        let change = Kind::ApproveRequest(v1::ApproveRequest { request });
        Self::new(vec![change], &["request", "approve", typed])
    }

    /// As the bulk command takes it; none for what it cannot say.
    fn body(&self) -> Option<Value> {
        let changes = self.changes.iter().map(|change| match change {
            Kind::Rollout(rollout) if rollout.environment == "production" => {
                Some(serde_json::json!({ "key": rollout.flag, "rollout": rollout.percent }))
            }
            Kind::EnableFlag(enable) => Some(serde_json::json!({ "key": enable.flag, "enabled": true })),
            Kind::DisableFlag(disable) => Some(serde_json::json!({ "key": disable.flag, "enabled": false })),
            _ => None,
        });
        let changes = changes.collect::<Option<Vec<Value>>>()?;
        Some(serde_json::json!({ "changes": changes, "actor": self.actor, "reason": self.reason }))
    }

    /// The same, to be approved first.
    fn requested(mut self) -> Self {
        let changes = self.changes.into_iter().map(|change| v1::Change { change: Some(change) });
        self.changes = vec![Kind::RequestApproval(v1::RequestApproval { changes: changes.collect() })];
        self.arguments.push("--request");
        self
    }
}

fn post(url: &str, path: &str, body: &str) -> Value {
    let output = std::process::Command::new("curl")
        .args(["-sS", "-X", "POST", "-d", body])
        .arg(format!("{url}{path}"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn set_policy(policy: v1::Policy) -> Kind {
    Kind::SetPolicy(v1::SetPolicy { environment: "production".to_owned(), policy: Some(policy) })
}

/// Thursdays from 12:00 to 13:00.
fn lunch() -> v1::FreezeWindow {
    let weekly = v1::WeeklyWindow {
        weekdays: vec![v1::Weekday::Thursday.into()],
        from_minute: 12 * 60,
        lasts_minutes: 60,
        utc_offset_minutes: 0,
    };
    v1::FreezeWindow { name: "lunch".to_owned(), window: Some(Window::Weekly(weekly)) }
}

fn reviewed() -> v1::Policy {
    v1::Policy { approvals: 1, ..v1::Policy::default() }
}

async fn states(stage: &mut Stage) -> Vec<(u64, v1::RequestState, Vec<String>)> {
    let asked = v1::ListChangeRequestsRequest::default();
    let answer = stage.admin.client.list_change_requests(asked).await.unwrap().into_inner();
    let approved =
        |request: &v1::ChangeRequest| request.approvals.iter().map(|by| by.actor.clone()).collect();
    answer.requests.iter().map(|request| (request.id, request.state(), approved(request))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_approved_by_somebody_else_and_the_history_shows_both() {
    for path in PATHS {
        let mut stage = Stage::with(reviewed()).await;
        let deed = Deed::rollout("dreams", 50.0, "50");
        let refusal = stage.ask(path, &deed).await.unwrap_err();
        assert_eq!(refusal.word, "APPROVAL_REQUIRED", "{path:?}");
        let request = stage.ask(path, &deed.requested()).await.unwrap();
        assert_eq!(request, 5, "{path:?}");
        let own = stage.ask(path, &Deed::approve(request)).await.unwrap_err();
        assert_eq!(own.word, "WRONG_PERSON", "{path:?}");
        assert_eq!(states(&mut stage).await, [(5, v1::RequestState::Open, Vec::new())]);
        let applied = stage.ask(path, &Deed::approve(request).by("ben")).await.unwrap();
        assert_eq!(applied, 6, "one revision holds the approval and what it made happen");
        assert_eq!(states(&mut stage).await, [(5, v1::RequestState::Applied, vec!["ben".to_owned()])]);

        let records = v1::ListRecordsRequest { after_revision: 5, ..Default::default() };
        let records = stage.admin.client.list_records(records).await.unwrap().into_inner().records;
        let written: Vec<&str> = records[0].writes.iter().map(|write| write.entity.as_str()).collect();
        assert_eq!(written, ["configuration/production/dreams", "request/5"]);
        let history = tokio::task::block_in_place(|| json(&stage.server.url, &["history", "--limit", "1"]));
        let record = &history["records"][0];
        assert_eq!((&record["revision"], &record["actor"]), (&6.into(), &"ben".into()));
        let request = &record["writes"][1]["request"];
        assert_eq!((&request["author"], &request["approvals"][0]["actor"]), (&"ana".into(), &"ben".into()));
        assert_eq!(request["changes"][0]["words"], "roll out dreams to 50% in production");
        let listed = tokio::task::block_in_place(|| json(&stage.server.url, &["list"]));
        assert_eq!(listed["flags"][0]["environments"]["production"]["state"], "50%");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_rejected_or_withdrawn_and_then_closed() {
    for path in PATHS {
        let mut stage = Stage::with(reviewed()).await;
        let first = stage.ask(path, &Deed::rollout("dreams", 50.0, "50").requested()).await.unwrap();
        let second = stage.ask(path, &Deed::rollout("dreams", 60.0, "60").requested()).await.unwrap();
        let reject = Kind::RejectRequest(v1::RejectRequest { request: first });
        let reject = Deed::new(vec![reject], &["request", "reject", "5"]).by("ben");
        stage.ask(path, &reject).await.unwrap();
        let withdraw = Kind::WithdrawRequest(v1::WithdrawRequest { request: second });
        let withdraw = Deed::new(vec![withdraw], &["request", "withdraw", "6"]);
        let not_hers = stage.ask(path, &withdraw.clone().by("ben")).await.unwrap_err();
        assert_eq!(not_hers.word, "WRONG_PERSON");
        stage.ask(path, &withdraw).await.unwrap();
        let closed = stage.ask(path, &Deed::approve(first).by("ben")).await.unwrap_err();
        assert_eq!(closed.word, "REQUEST_CLOSED");
        assert!(closed.violations[0].1.contains("rejected by ben"), "{closed:?}");
        let found: Vec<_> = states(&mut stage).await.into_iter().map(|(id, state, _)| (id, state)).collect();
        assert_eq!(found, [(6, v1::RequestState::Withdrawn), (5, v1::RequestState::Rejected)]);
        let unknown = stage.ask(path, &Deed::approve(4).by("ben")).await.unwrap_err();
        assert_eq!(unknown.word, "UNKNOWN_REQUEST");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_policies_and_requests() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::on(Wanted::on_disk(folder.path()), reviewed()).await;
    let request = stage.ask(Path::Grpc, &Deed::rollout("dreams", 50.0, "50").requested()).await.unwrap();
    let (clock, server) = (stage.clock, stage.server);
    server.running.stop().await;
    let server = Wanted { clock: clock.clone(), ..Wanted::on_disk(folder.path()) }.start().await;
    let admin = server.admin().await;
    let mut stage = Stage { server, clock, admin };
    let still = stage.ask(Path::Grpc, &Deed::rollout("dreams", 50.0, "50")).await.unwrap_err();
    assert_eq!(still.word, "APPROVAL_REQUIRED");
    stage.ask(Path::Cli, &Deed::approve(request).by("ben")).await.unwrap();
    assert_eq!(states(&mut stage).await, [(5, v1::RequestState::Applied, vec!["ben".to_owned()])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_set_and_shown_on_the_command_line() {
    let stage = Stage::with(v1::Policy::default()).await;
    let url = &stage.server.url;
    let command = |arguments: &[&str]| tokio::task::block_in_place(|| json(url, arguments));
    let set = [
        "policy",
        "set",
        "--env",
        "production",
        "--reason-required",
        "--largest-step",
        "25",
        "--smallest-interval",
        "24h",
        "--approvals",
        "1",
        "--protect",
        "dreams",
        "--protect",
        "whispers",
        "--freeze",
        "fri 16:00-mon 08:00 +01:00 weekend",
        "--freeze-from",
        "2026-12-20",
        "--freeze-to",
        "2027-01-04",
        "--freeze-name",
        "holidays",
        "--drift",
        "refuse",
        "--reason",
        "four eyes",
    ];
    let applied = command(&set);
    assert_eq!((&applied["action"], &applied["environment"]), (&"policy set".into(), &"production".into()));
    let shown = command(&["policy", "show", "--env", "production"]);
    let policy = &shown["policies"][0]["policy"];
    assert_eq!(
        *policy,
        serde_json::json!({
            "reason_required": true, "largest_step_percent": 25.0, "smallest_interval_seconds": 86400,
            "freeze_windows": [
                { "name": "weekend", "when": "fri 16:00 to mon 08:00 +01:00" },
                {
                    "name": "holidays", "when": "2026-12-20T00:00:00Z to 2027-01-04T00:00:00Z",
                    "from": "2026-12-20T00:00:00.000000Z", "to": "2027-01-04T00:00:00.000000Z"
                }
            ],
            "approvals": 1, "protected_flags": ["dreams", "whispers"], "drift": "refuse", "break_glass": false
        })
    );
    let all = command(&["policy", "show"]);
    assert_eq!(all["policies"].as_array().unwrap().len(), 3);
    // Nobody takes a policy that wants approvals away alone; what is asked for says so.
    let hint = tokio::task::block_in_place(|| {
        run(url, &["policy", "clear", "--env", "production", "--reason", "no"])
    });
    let said = String::from_utf8_lossy(&hint.stderr);
    assert_eq!(hint.status.code(), Some(1));
    assert!(said.contains("hint: say the same with --request"), "{said}");
    let asked = command(&["policy", "clear", "--env", "production", "--reason", "no", "--request"]);
    assert_eq!(asked["requested"], true);
    let waiting = command(&["request", "list"]);
    assert_eq!(waiting["requests"][0]["changes"][0]["words"], "remove the policy in production");
    let request = asked["revision"].to_string();
    command(&["request", "approve", &request, "--actor", "ben"]);
    assert_eq!(command(&["policy", "show", "--env", "production"])["policies"][0]["policy"], Value::Null);
    assert_eq!(command(&["request", "show", &request])["state"], "applied");
    assert_eq!(command(&["request", "list"])["requests"].as_array().unwrap().len(), 0);
}
