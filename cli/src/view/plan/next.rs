//! What somebody may type now, so that a plan goes on.

use mycelia_flags_core::plan::metric_check::MetricCheck;
use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::plans::FoundPlan;

/// A command that brings a plan further.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct NextView {
    /// What to type.
    pub(crate) command: String,
    /// Why, in words.
    pub(crate) because: String,
}

/// What brings the plan further; nothing when it goes on by itself, or is over.
pub(crate) fn next(found: &FoundPlan) -> Vec<NextView> {
    let key = &found.status.plan;
    let command = |verb: &str, rest: &str, because: String| NextView {
        command: format!("mycelia-flags plan {verb} {key}{rest}"),
        because,
    };
    match found.status.state() {
        v1::PlanState::Draft => match found.plan.starts_at {
            Some(_) => vec![command("start", "", "or wait for its date".to_owned())],
            None => vec![command("start", "", "nothing happens before".to_owned())],
        },
        v1::PlanState::Running | v1::PlanState::Holding | v1::PlanState::WaitingForGate => {
            of_gate(found, &command)
        }
        v1::PlanState::Paused => vec![command("resume", "", "it is paused".to_owned())],
        v1::PlanState::RollingBack => {
            vec![command("go", "", "when health has returned: stop here".to_owned())]
        }
        v1::PlanState::Latched if found.progress.acknowledged.is_none() => {
            vec![command("acknowledge", " --reason CAUSE", "the cause must be known first".to_owned())]
        }
        v1::PlanState::Latched => {
            vec![command("resume", "", "the cause is known: the stage begins anew".to_owned())]
        }
        v1::PlanState::Completed | v1::PlanState::Cancelled | v1::PlanState::Unspecified => Vec::new(),
    }
}

fn of_gate(found: &FoundPlan, command: &impl Fn(&str, &str, String) -> NextView) -> Vec<NextView> {
    let progress = &found.progress;
    let stage = usize::try_from(progress.stage).ok().and_then(|stage| found.plan.stages.get(stage));
    let Some(gate) = stage.and_then(|stage| stage.gate.as_ref()) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    match &progress.decision {
        Some(decision) if !decision.go => {
            let by = decision.deed.as_ref().map(|deed| deed.by.as_str()).unwrap_or_default();
            all.push(command("go", "", format!("{by} said no-go")));
        }
        None if gate.go => all.push(command("go", "", "nobody has said go".to_owned())),
        Some(_) | None => {}
    }
    let given = progress.approvals.len();
    if u32::try_from(given).is_ok_and(|given| given < gate.approvals) {
        all.push(command("approve", "", format!("{given} of {} approvals", gate.approvals)));
    }
    for (number, item) in (1..).zip(&gate.checklist) {
        if !progress.ticks.iter().any(|tick| tick.item == *item) {
            all.push(command("check", &format!(" {number}"), item.clone()));
        }
    }
    for check in &gate.checks {
        let is_missing = found.status.missing.iter().any(|missing| missing.starts_with(check.as_str()));
        if let Some(check) = MetricCheck::parse(check).ok().filter(|_| is_missing) {
            let subject = check.subject();
            all.push(command(
                "report-value",
                &format!(" {} VALUE", for_a_shell(&subject)),
                check.to_string(),
            ));
        }
    }
    all
}

/// A word as it is typed in a shell: in double quotation marks where they do, since people read it.
fn for_a_shell(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else if word.contains(['"', '$', '`', '\\', '!', '\'']) {
        format!("'{}'", word.replace('\'', r"'\''"))
    } else {
        format!("\"{word}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_typed_is_one_word_of_a_shell() {
        for word in [
            "error_rate",
            "error_rate of dreams",
            r#"promql("sum(rate(e{job='a'}[5m])) / 2")"#,
            r#"promql("$x `y` \\ !z")"#,
        ] {
            let script = format!("printf %s {}", for_a_shell(word));
            let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word, "{script}");
        }
        assert_eq!(for_a_shell("error_rate of dreams"), r#""error_rate of dreams""#);
    }
}
