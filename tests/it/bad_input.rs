//! Bad input over the wire: each is refused with the right code, everything that is wrong with it is named (where, what
//! stands there, what may stand there), and nothing has changed.

#![expect(clippy::too_many_lines, reason = "a table is as long as what stands in it")]

mod audiences;
mod configurations;
mod definitions;
mod places;
mod plans;
mod precedence;
mod rules;
mod stage;
mod wire;

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change as Kind;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::server::{apply_request, create, enable};
use stage::{Look, Stage};

const NAME: &str = "1 to 128 of A-Z a-z 0-9 . _ -, beginning with a letter or digit";
const A_FLAG: &str = "the key of a flag that exists";
const PERCENT: &str = "0 to 100 with at most three decimals";

/// What is asked, and how it is refused.
struct Case {
    request: v1::ApplyRequest,
    code: Code,
    violations: Vec<Violation>,
}

/// What is wrong: the reason word, the field, what stands there, what may stand there.
#[derive(Debug, PartialEq)]
struct Violation {
    word: String,
    field: String,
    value: String,
    allowed: String,
}

impl Violation {
    fn new(word: &str, field: &str, value: impl Into<String>, allowed: impl Into<String>) -> Self {
        let (word, field) = (word.to_owned(), field.to_owned());
        Self { word, field, value: value.into(), allowed: allowed.into() }
    }

    /// As `google.rpc.BadRequest` describes it.
    fn description(&self) -> String {
        format!("{:?} ({}): {}", self.value, self.word, self.allowed)
    }
}

impl Case {
    /// A request of its own.
    fn of(code: Code, request: v1::ApplyRequest, violations: Vec<Violation>) -> Self {
        Self { request, code, violations }
    }

    /// One change, and something that is wrong with it; the field is the one within the change.
    fn refused(
        code: Code,
        change: Kind,
        word: &str,
        field: &str,
        value: impl Into<String>,
        allowed: impl Into<String>,
    ) -> Self {
        Self::of(code, apply_request(vec![change]), Vec::new()).and(word, field, value, allowed)
    }

    /// The same change is wrong in another way too.
    fn and(mut self, word: &str, field: &str, value: impl Into<String>, allowed: impl Into<String>) -> Self {
        let dot = if field.is_empty() { "" } else { "." };
        self.violations.push(Violation::new(word, &format!("changes[0]{dot}{field}"), value, allowed));
        self
    }
}

fn invalid(
    change: Kind,
    word: &str,
    field: &str,
    value: impl Into<String>,
    allowed: impl Into<String>,
) -> Case {
    Case::refused(Code::InvalidArgument, change, word, field, value, allowed)
}

fn not_found(
    change: Kind,
    word: &str,
    field: &str,
    value: impl Into<String>,
    allowed: impl Into<String>,
) -> Case {
    Case::refused(Code::NotFound, change, word, field, value, allowed)
}

fn precondition(
    change: Kind,
    word: &str,
    field: &str,
    value: impl Into<String>,
    allowed: impl Into<String>,
) -> Case {
    Case::refused(Code::FailedPrecondition, change, word, field, value, allowed)
}

/// As much of a long text as an answer repeats.
fn cut(text: &str) -> String {
    text.chars().take(80).chain(['…']).collect()
}

fn too_long(bytes_max: usize, bytes: usize) -> String {
    format!("at most {bytes_max} bytes; this has {bytes}")
}

/// How the answer differs from what is expected; nothing when it does not.
fn difference(case: &Case, status: &Status) -> Option<String> {
    let field_violations = status.get_details_bad_request().map(|details| details.field_violations);
    let found: Vec<(String, String)> = field_violations
        .unwrap_or_default()
        .into_iter()
        .map(|violation| (violation.field, violation.description))
        .collect();
    let expected: Vec<(String, String)> =
        case.violations.iter().map(|violation| (violation.field.clone(), violation.description())).collect();
    if (status.code(), &found) != (case.code, &expected) {
        let code = (case.code, status.code());
        return Some(format!(
            "codes {code:?}\n  expected {expected:#?}\n  found {found:#?}\n  {}",
            status.message()
        ));
    }
    let info = status.get_details_error_info();
    let first = &case.violations[0];
    let info = info.map(|info| {
        let metadata = |name: &str| info.metadata.get(name).cloned().unwrap_or_default();
        let said = Violation {
            word: info.reason,
            field: metadata("field"),
            value: metadata("value"),
            allowed: metadata("allowed"),
        };
        (info.domain, said)
    });
    match &info {
        Some((domain, said)) if domain == "flags.mycelia" && said == first => None,
        _ => Some(format!("expected {first:?} in the ErrorInfo, found {info:?}")),
    }
}

/// Asks for each, for real and as a dry run, and looks at everything before and after.
async fn check(stage: &mut Stage, cases: Vec<Case>) {
    let mut wrong = Vec::new();
    let count = cases.len();
    for (index, case) in cases.into_iter().enumerate() {
        let before = Look::at(stage).await;
        for dry_run in [false, true] {
            let request = v1::ApplyRequest { dry_run, ..case.request.clone() };
            let asked = format!("case {index} (dry run: {dry_run}, {:?})", case.violations.first());
            match stage.admin.request(request).await {
                Ok(answer) => wrong.push(format!("{asked}: was committed as {}", answer.revision)),
                Err(status) => {
                    wrong.extend(difference(&case, &status).map(|words| format!("{asked}: {words}")));
                }
            }
        }
        if Look::at(stage).await != before {
            wrong.push(format!("case {index}: something has changed"));
        }
        for Violation { field, .. } in &case.violations {
            if let Some(why) = stage.fields.miss(field) {
                wrong.push(format!("case {index}: there is no field {field:?}: {why}"));
            }
        }
    }
    println!("{count} bad requests");
    assert!(wrong.is_empty(), "{} of {count} answers are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn a_request_that_is_wrong_as_a_whole_is_told_so() {
    let mut stage = Stage::set().await;
    let cases = whole_requests();
    check(&mut stage, cases).await;
}

#[tokio::test]
async fn what_all_environments_share_of_a_flag_is_looked_at() {
    let mut stage = Stage::set().await;
    let cases = [definitions::created(), definitions::changed(&stage)].into_iter().flatten();
    check(&mut stage, cases.collect()).await;
}

#[tokio::test]
async fn what_a_flag_does_somewhere_is_looked_at() {
    let mut stage = Stage::set().await;
    let (before, own) = (precedence::cases(&stage), configurations::cases(&stage));
    let cases = [places::cases(&stage), before, own, rules::cases()];
    check(&mut stage, cases.into_iter().flatten().collect()).await;
}

#[tokio::test]
async fn whom_it_is_about_is_looked_at() {
    let mut stage = Stage::set().await;
    let cases = audiences::cases(&stage);
    check(&mut stage, cases).await;
}

#[tokio::test]
async fn what_plans_promotions_and_incidents_ask_for_is_looked_at() {
    let mut stage = Stage::set().await;
    plans::set_up(&mut stage).await;
    let cases = plans::cases(&stage);
    check(&mut stage, cases).await;
    let before = Look::at(&mut stage).await;
    let refused = |code, said: &str| (code, said.to_owned());
    assert_eq!(
        plans::reports(&stage).await,
        [
            refused(Code::NotFound, r#"plan: "gone" (UNKNOWN_PLAN): the key of a plan that exists"#),
            refused(Code::FailedPrecondition, r#"plan: "draft" (PLAN_STATE): a plan that has started"#),
            refused(Code::InvalidArgument, r#"day: "0" (OUT_OF_RANGE): a day from 1 to 1"#),
            refused(Code::InvalidArgument, r#"day: "2" (OUT_OF_RANGE): a day from 1 to 1"#),
        ]
    );
    assert!(Look::at(&mut stage).await == before, "reading changes nothing");
}

/// What is wrong with a change set beside its changes.
fn whole_requests() -> Vec<Case> {
    let with = |edit: fn(&mut v1::ApplyRequest)| {
        let mut request = apply_request(vec![enable("dreams")]);
        edit(&mut request);
        request
    };
    let change_set = |request: &mut v1::ApplyRequest, actor: String, reason: String| {
        let changes = request.change_set.take().unwrap().changes;
        request.change_set = Some(v1::ChangeSet { changes, actor, reason });
    };
    let said = |actor: &str, reason: &str| {
        let mut request = with(|_| {});
        change_set(&mut request, actor.to_owned(), reason.to_owned());
        request
    };
    let bad = |request, word, field, value: &str, allowed: &str| {
        Case::of(Code::InvalidArgument, request, vec![Violation::new(word, field, value, allowed)])
    };
    let (who, changes) = ("who asks for the change", "1 to 1000 changes");
    let (long, longer) = ("x".repeat(257), "x".repeat(2049));
    let clean = "text without control characters";
    let both = vec![
        Violation::new("REQUIRED", "actor", "", who),
        Violation::new("REQUIRED", "changes", "0", changes),
    ];
    let many = apply_request((0..1001).map(|_| enable("dreams")).collect());
    // The first faults are said in full, and that there are more.
    let unknown = (0..16).map(|index| {
        Violation::new("UNKNOWN_FLAG", &format!("changes[{index}].enable_flag.flag"), "nowhere", A_FLAG)
    });
    let unknown = Case::of(
        Code::NotFound,
        apply_request((0..1000).map(|_| enable("nowhere")).collect()),
        unknown.collect(),
    );
    let a_change = "a change, such as create_flag, rollout or set_rules";
    let mut empty = apply_request(vec![enable("dreams")]);
    empty.change_set.as_mut().unwrap().changes.push(v1::Change::default());
    vec![
        Case::of(Code::InvalidArgument, v1::ApplyRequest::default(), both),
        bad(apply_request(Vec::new()), "REQUIRED", "changes", "0", changes),
        bad(many, "TOO_LARGE", "changes", "1001", "at most 1000"),
        unknown,
        bad(empty, "REQUIRED", "changes[1]", "", a_change),
        bad(said("", ""), "REQUIRED", "actor", "", who),
        bad(said(" \t", ""), "REQUIRED", "actor", " \t", who),
        bad(said(&long, ""), "TOO_LARGE", "actor", &cut(&long), &too_long(256, 257)),
        bad(said("a\0na", ""), "INVALID_TEXT", "actor", "a\u{fffd}na", clean),
        bad(said("a\u{85}na", ""), "INVALID_TEXT", "actor", "a\u{fffd}na", clean),
        bad(said("ana", &longer), "TOO_LARGE", "reason", &cut(&longer), &too_long(2048, 2049)),
        bad(said("ana", "why\x1b[31m"), "INVALID_TEXT", "reason", "why\u{fffd}[31m", clean),
        bad(
            with(|request| request.idempotency_key = "k".repeat(129)),
            "TOO_LARGE",
            "idempotency_key",
            "129",
            "at most 128 bytes",
        ),
        Case::of(
            Code::Aborted,
            with(|request| request.expected_revision = Some(3)),
            vec![Violation::new(
                "REVISION_MISMATCH",
                "expected_revision",
                "3",
                "4, the store's head, or no expectation",
            )],
        ),
        Case::of(
            Code::Aborted,
            with(|request| request.expected_revision = Some(u64::MAX)),
            vec![Violation::new(
                "REVISION_MISMATCH",
                "expected_revision",
                "18446744073709551615",
                "4, the store's head, or no expectation",
            )],
        ),
        Case::of(
            Code::AlreadyExists,
            v1::ApplyRequest {
                idempotency_key: stage::IDEMPOTENCY_KEY.to_owned(),
                ..apply_request(vec![create("another")])
            },
            vec![Violation::new(
                "IDEMPOTENCY_KEY_REUSED",
                "idempotency_key",
                stage::IDEMPOTENCY_KEY,
                "a key of its own: revision 4 was committed under this one with another change set",
            )],
        ),
    ]
}
