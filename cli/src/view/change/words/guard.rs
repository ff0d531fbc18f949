//! Guards in words, without the place.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::acknowledge_guard::What;
use mycelia_flags_proto::v1::change::Change;
use mycelia_flags_proto::v1::step_guard::Step;

/// What was asked; none of a change that is about something else.
pub(super) fn of(change: &Change) -> Option<String> {
    Some(match change {
        Change::SetGuard(set) => {
            let guard = set.guard.clone().unwrap_or_default();
            let over = if guard.feature.is_empty() { guard.flags.join(", ") } else { guard.feature };
            format!("set guard {} over {over}: {}", guard.key, guard.when)
        }
        Change::DeleteGuard(delete) => {
            format!("delete guard {}{}", delete.guard, if delete.force { " by force" } else { "" })
        }
        Change::AcknowledgeGuard(acknowledge) => match &acknowledge.what {
            Some(What::Guard(guard)) => format!("acknowledge what guard {guard} did"),
            Some(What::Flag(there)) => format!("acknowledge what guards did to {}", there.flag),
            None => "acknowledge a guard".to_owned(),
        },
        Change::StepGuard(step) => of_step(&step.guard, step.step.as_ref()),
        _ => return None,
    })
}

fn of_step(guard: &str, step: Option<&Step>) -> String {
    match step {
        Some(Step::Trip(_)) => format!("guard {guard} trips"),
        Some(Step::Fire(_)) => format!("guard {guard} alerts"),
        Some(Step::Quiet(_)) => format!("guard {guard} is quiet again"),
        Some(Step::StateRecovery(statement)) => {
            let verdict = match statement.verdict() {
                v1::RecoveryVerdict::Recovered => "recovered",
                v1::RecoveryVerdict::NotCaused => "not caused by this flag",
                v1::RecoveryVerdict::InsufficientData | v1::RecoveryVerdict::Unspecified => {
                    "insufficient data"
                }
            };
            format!("guard {guard}: {verdict}")
        }
        Some(Step::ClockWentBack(_)) => format!("guard {guard} counts anew: the clock went back"),
        Some(Step::Block(_)) => format!("guard {guard} is blocked"),
        None => format!("guard {guard} acts"),
    }
}

/// The name on the wire, the flag if it is one, and the environment if it happens in one.
pub(crate) fn subject(change: &Change) -> Option<(&'static str, Option<&str>, Option<&str>)> {
    Some(match change {
        Change::SetGuard(set) => {
            let guard = set.guard.as_ref();
            let flags = guard.map_or(&[][..], |guard| &guard.flags);
            let flag = flags.first().filter(|_| flags.len() == 1);
            ("set_guard", flag.map(String::as_str), guard.map(|guard| guard.environment.as_str()))
        }
        Change::DeleteGuard(_) => ("delete_guard", None, None),
        Change::AcknowledgeGuard(acknowledge) => match &acknowledge.what {
            Some(What::Flag(there)) => ("acknowledge_guard", Some(&there.flag), Some(&there.environment)),
            Some(What::Guard(_)) | None => ("acknowledge_guard", None, None),
        },
        Change::StepGuard(_) => ("step_guard", None, None),
        _ => return None,
    })
}
