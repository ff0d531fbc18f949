//! Which flag, where: every change of a configuration names both, and both are looked at first. And undo.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change as Kind;

use super::stage::{Stage, set_override, set_prerequisites, set_rules, set_targeting, variant_serve};
use super::{A_FLAG, Case, NAME, invalid, not_found, precondition};
use crate::server::{disable, enable, rollout};

const ENVIRONMENTS: &str = "one of development, staging, production";

/// One of each change of a configuration, of a flag in production.
fn everything(flag: &str) -> Vec<(&'static str, Kind)> {
    let (environment, named) = ("production".to_owned(), flag.to_owned());
    let serve = Some(variant_serve("on"));
    vec![
        ("enable_flag", enable(flag)),
        ("disable_flag", disable(flag)),
        ("rollout", rollout(flag, 1.0)),
        ("set_rules", set_rules(flag, Vec::new())),
        ("set_targeting", set_targeting(flag, "{}")),
        ("set_prerequisites", set_prerequisites(flag, Vec::new())),
        ("set_override", set_override(flag, "ui", "on", 60)),
        ("set_default_serve", {
            let (environment, flag) = (environment.clone(), named.clone());
            Kind::SetDefaultServe(v1::SetDefaultServe { environment, flag, serve })
        }),
        ("set_off_variant", {
            let (environment, flag) = (environment.clone(), named.clone());
            Kind::SetOffVariant(v1::SetOffVariant { environment, flag, variant: "off".to_owned() })
        }),
        ("set_salt", {
            let (environment, flag) = (environment.clone(), named.clone());
            Kind::SetSalt(v1::SetSalt { environment, flag, salt: "s".to_owned() })
        }),
        ("set_matrix", {
            let (environment, flag) = (environment.clone(), named.clone());
            Kind::SetMatrix(v1::SetMatrix { environment, flag, ..Default::default() })
        }),
        ("set_canary_part", {
            let (environment, flag) = (environment.clone(), named.clone());
            Kind::SetCanaryPart(v1::SetCanaryPart { environment, flag, part: None })
        }),
        ("remove_override", {
            Kind::RemoveOverride(v1::RemoveOverride { environment, flag: named, service: "ui".to_owned() })
        }),
    ]
}

pub(super) fn cases(stage: &Stage) -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, change) in everything("nowhere") {
        cases.push(not_found(change, "UNKNOWN_FLAG", &format!("{name}.flag"), "nowhere", A_FLAG));
    }
    for (name, change) in everything("no name") {
        cases.push(invalid(change, "INVALID_NAME", &format!("{name}.flag"), "no name", NAME));
    }
    for (name, change) in everything("archived") {
        let field = format!("{name}.flag");
        cases.push(precondition(change, "FLAG_ARCHIVED", &field, "archived", stage.archived()));
    }
    let in_environment = |environment: &str| {
        let environment = environment.to_owned();
        Kind::EnableFlag(v1::EnableFlag { environment, flag: "dreams".to_owned() })
    };
    let field = "enable_flag.environment";
    cases.extend([
        not_found(in_environment("mars"), "UNKNOWN_ENVIRONMENT", field, "mars", ENVIRONMENTS),
        not_found(in_environment("Production"), "UNKNOWN_ENVIRONMENT", field, "Production", ENVIRONMENTS),
        invalid(in_environment("no name"), "INVALID_NAME", field, "no name", NAME),
    ]);
    let both =
        Kind::DisableFlag(v1::DisableFlag { environment: "mars".to_owned(), flag: "nowhere".to_owned() });
    cases.push(not_found(both, "UNKNOWN_ENVIRONMENT", "disable_flag.environment", "mars", ENVIRONMENTS).and(
        "UNKNOWN_FLAG",
        "disable_flag.flag",
        "nowhere",
        A_FLAG,
    ));
    cases.extend(undone());
    cases.extend(reserved());
    cases
}

fn undone() -> Vec<Case> {
    let undo = |revision| Kind::Undo(v1::Undo { revision });
    let field = "undo.revision";
    let known = "a revision of this store, up to 4";
    let since = "what nobody has changed since; test changed it again in revision 4: undo that first";
    vec![
        not_found(undo(0), "UNKNOWN_REVISION", field, "0", known),
        not_found(undo(5), "UNKNOWN_REVISION", field, "5", known),
        not_found(undo(u64::MAX), "UNKNOWN_REVISION", field, "18446744073709551615", known),
        invalid(
            undo(1),
            "NOT_APPLICABLE",
            field,
            "1",
            "a revision that changed flags, and not the store itself",
        ),
        precondition(undo(2), "CHANGED_SINCE", field, "configuration/production/dreams", since),
        precondition(undo(3), "CHANGED_SINCE", field, "configuration/production/dreams", since),
    ]
}

fn reserved() -> Vec<Case> {
    let store = v1::CreateStore { environments: vec!["x".to_owned()], ..Default::default() };
    let restored = v1::RestoreStore { from_epoch: "x".to_owned() };
    let who = "only the server itself may ask for this";
    let unknown = Kind::CreateStore(v1::CreateStore { bucketing: 9, ..Default::default() });
    vec![
        invalid(Kind::CreateStore(store), "RESERVED", "create_store", "", who),
        invalid(Kind::RestoreStore(restored), "RESERVED", "restore_store", "", who),
        invalid(unknown, "OUT_OF_RANGE", "create_store.bucketing", "9", "v2 (2) or v3 (3)"),
    ]
}
