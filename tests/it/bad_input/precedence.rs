//! What stands before a flag's own rules: prerequisites and overrides.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change as Kind;
use tonic::Code;

use super::stage::{CHAIN, Stage, prerequisite, production, set_override, set_prerequisites};
use super::{A_FLAG, Case, NAME, Violation, invalid, not_found, precondition};
use crate::server::apply_request;

pub(super) fn cases(stage: &Stage) -> Vec<Case> {
    [prerequisites(stage), overrides()].into_iter().flatten().collect()
}

fn prerequisites(stage: &Stage) -> Vec<Case> {
    let list = "set_prerequisites.prerequisites";
    let first = |name: &str| format!("{list}[0].{name}");
    let on = |flag: &str| prerequisite(flag, &["on"]);
    let needs = |prerequisites| set_prerequisites("dreams", prerequisites);
    let itself = "another flag: a flag cannot need itself";
    let back = "prerequisites that do not lead back to the flag";
    let names = "one of on, off of flag base";
    let many = (0..33).map(|number| on(&format!("f{number}"))).collect();
    let chain = format!("dreams → {}", CHAIN.join(" → "));
    let both =
        vec![set_prerequisites("base", vec![on("dreams")]), set_prerequisites("dreams", vec![on("base")])];
    vec![
        not_found(needs(vec![on("nowhere")]), "UNKNOWN_FLAG", &first("flag"), "nowhere", A_FLAG),
        invalid(needs(vec![on("")]), "REQUIRED", &first("flag"), "", NAME),
        precondition(
            needs(vec![on("archived")]),
            "FLAG_ARCHIVED",
            &first("flag"),
            "archived",
            stage.archived(),
        ),
        precondition(needs(vec![on("dreams")]), "PREREQUISITE_CYCLE", &first("flag"), "dreams", itself),
        precondition(
            set_prerequisites("oracle.chat", vec![on("oracle-chat")]),
            "PREREQUISITE_CYCLE",
            &first("flag"),
            "oracle-chat",
            itself,
        ),
        precondition(
            set_prerequisites("base", vec![on("above")]),
            "PREREQUISITE_CYCLE",
            "set_prerequisites",
            "base → above → base",
            back,
        ),
        Case::of(
            Code::FailedPrecondition,
            apply_request(both),
            vec![
                Violation::new(
                    "PREREQUISITE_CYCLE",
                    "changes[0].set_prerequisites",
                    "base → dreams → base",
                    back,
                ),
                Violation::new(
                    "PREREQUISITE_CYCLE",
                    "changes[1].set_prerequisites",
                    "dreams → base → dreams",
                    back,
                ),
            ],
        ),
        precondition(
            set_prerequisites("c11", vec![on("c01")]),
            "PREREQUISITE_CYCLE",
            "set_prerequisites",
            format!("c11 → {} → c11", CHAIN[..10].join(" → ")),
            back,
        ),
        invalid(
            needs(vec![on("c01")]),
            "TOO_LARGE",
            "set_prerequisites",
            chain,
            "at most 10 flags one behind the other",
        ),
        invalid(
            needs(vec![prerequisite("base", &["ON"])]),
            "UNKNOWN_VARIANT",
            &first("variants[0]"),
            "ON",
            names,
        ),
        invalid(
            needs(vec![prerequisite("base", &[])]),
            "REQUIRED",
            &first("variants"),
            "0",
            "at least one of on, off",
        ),
        invalid(
            needs(vec![prerequisite("base", &["on", "on"])]),
            "DUPLICATE",
            &first("variants[1]"),
            "on",
            "each variant once",
        ),
        invalid(
            needs(vec![on("oracle.chat"), on("oracle_chat")]),
            "DUPLICATE",
            &format!("{list}[1].flag"),
            "oracle_chat",
            "each flag once",
        ),
        invalid(needs(many), "TOO_LARGE", list, "33", "at most 32"),
    ]
}

fn overrides() -> Vec<Case> {
    let bounds = "1 to 2592000 seconds (30 days): an override is for debugging";
    let remove = |flag: &str, service: &str| {
        let (environment, flag) = production(flag);
        Kind::RemoveOverride(v1::RemoveOverride { environment, flag, service: service.to_owned() })
    };
    let nobody = "a service that flag dreams is overridden for";
    let full: Vec<Kind> =
        (0..65).map(|number| set_override("dreams", &format!("s{number}"), "on", 60)).collect();
    let seconds = "set_override.seconds";
    vec![
        invalid(set_override("dreams", "ui", "on", 0), "OUT_OF_RANGE", seconds, "0", bounds),
        invalid(set_override("dreams", "ui", "on", 2_592_001), "OUT_OF_RANGE", seconds, "2592001", bounds),
        invalid(
            set_override("dreams", "ui", "on", u64::MAX),
            "OUT_OF_RANGE",
            seconds,
            "18446744073709551615",
            bounds,
        ),
        invalid(set_override("dreams", "", "on", 60), "REQUIRED", "set_override.service", "", NAME),
        invalid(
            set_override("dreams", "no name", "on", 60),
            "INVALID_NAME",
            "set_override.service",
            "no name",
            NAME,
        ),
        invalid(
            set_override("dreams", "ui", "maybe", 60),
            "UNKNOWN_VARIANT",
            "set_override.variant",
            "maybe",
            "one of on, off of flag dreams",
        ),
        invalid(
            set_override("runner.only", "ui", "on", 60),
            "NOT_APPLICABLE",
            "set_override.service",
            "ui",
            "a service that may see flag runner.only: runner",
        ),
        Case::of(
            Code::InvalidArgument,
            apply_request(full),
            vec![Violation::new("TOO_LARGE", "changes[64].set_override.service", "65", "at most 64")],
        ),
        not_found(remove("dreams", "ui"), "UNKNOWN_OVERRIDE", "remove_override.service", "ui", nobody),
        not_found(remove("dreams", ""), "UNKNOWN_OVERRIDE", "remove_override.service", "", nobody),
    ]
}
