//! Lists of targeting keys: read from the command line and files, sent in parts that the server takes.

use std::collections::HashSet;

use mycelia_flags_core::limits::LIST_EDIT_KEYS_MAX;
use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change;

use crate::args::canary::KeysArgs;
use crate::args::write::WriteArgs;
use crate::connection::Connection;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::session::Session;
use crate::submission::{self, Told};
use crate::text_file;
use crate::view::applied::Subject;

/// So many keys are named in the answer; of more, the number is said.
const KEYS_NAMED_MAX: usize = 3;

/// Which way a list is edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Add,
    Remove,
}

/// An edit of one list.
#[derive(Debug)]
pub(crate) struct ListEdit {
    /// As the wire names it.
    pub(crate) list: String,
    pub(crate) direction: Direction,
    /// The command, for the document.
    pub(crate) action: &'static str,
}

pub(crate) async fn run(edit: ListEdit, args: KeysArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let keys = keys(&args)?;
    let connection = session.connection()?;
    let answer = send(&edit, &keys, &args.write, &connection, session).await?;
    let subject = Subject::List(edit.list.clone());
    let deed = deed(edit.direction, &keys, answer.writes.len(), &subject.words());
    let told = Told::here(subject, edit.action, deed);
    submission::present(answer, told, args.write, &connection, session).await
}

/// Each key once, in the order in which they were said.
fn keys(args: &KeysArgs) -> Result<Vec<String>, Failure> {
    let file = args.file.as_deref().map(text_file::read).transpose()?.unwrap_or_default();
    let lines = file.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned);
    let mut seen = HashSet::new();
    let keys = args.users.iter().cloned().chain(lines);
    let keys: Vec<_> = keys.filter(|key| seen.insert(key.clone())).collect();
    if keys.is_empty() {
        return Err(Failure::Usage(
            "the file names nobody: expected one targeting key on each line".to_owned(),
        ));
    }
    Ok(keys)
}

/// Sends as many change sets as it takes, one after the other, and sums up their answers.
async fn send(
    edit: &ListEdit,
    keys: &[String],
    args: &WriteArgs,
    connection: &Connection,
    session: &Session<'_>,
) -> Result<v1::ApplyResponse, Failure> {
    let mut progress = Progress::new(session.terminal);
    let mut write = args.clone();
    let mut total = v1::ApplyResponse::default();
    let mut sent = 0;
    for part in keys.chunks(LIST_EDIT_KEYS_MAX) {
        let change = Change::EditList(edit.of(part, &session.settings.environment));
        let answer = match submission::send(vec![change], &write, connection, session).await {
            Ok(answer) => answer,
            Err(failure) => {
                drop(progress);
                if sent > 0 && !args.dry_run {
                    let (count, revision) = (keys.len(), total.revision);
                    session.terminal.note(&format!(
                        "{sent} of {count} keys were sent, up to revision {revision}; to send the same again does no harm"
                    ));
                }
                return Err(failure);
            }
        };
        sent += part.len();
        if keys.len() > LIST_EDIT_KEYS_MAX {
            progress.update(format!("{sent} of {} keys", keys.len()));
        }
        if write.expect_revision.is_some() && !write.dry_run {
            // What was expected has been met; from here on nobody else may come between.
            write.expect_revision = Some(answer.revision);
        }
        add(&mut total, answer);
    }
    Ok(total)
}

fn add(total: &mut v1::ApplyResponse, answer: v1::ApplyResponse) {
    total.revision = answer.revision;
    total.writes.extend(answer.writes);
    total.replayed |= answer.replayed;
    total.committed_at = answer.committed_at.or(total.committed_at);
    total.differences.extend(answer.differences);
    total.impacts.extend(answer.impacts);
    total.sampled = total.sampled.max(answer.sampled);
    for warning in answer.warnings {
        if !total.warnings.contains(&warning) {
            total.warnings.push(warning);
        }
    }
}

impl ListEdit {
    fn of(&self, keys: &[String], environment: &str) -> v1::EditList {
        let (add, remove) = match self.direction {
            Direction::Add => (keys.to_vec(), Vec::new()),
            Direction::Remove => (Vec::new(), keys.to_vec()),
        };
        v1::EditList { environment: environment.to_owned(), list: self.list.clone(), add, remove }
    }
}

/// `added ada, bob to the canary allowlist`; of many keys only those count that were not there before.
fn deed(direction: Direction, keys: &[String], written: usize, list: &str) -> String {
    let (verb, preposition, already) = match direction {
        Direction::Add => ("added", "to", "on it already"),
        Direction::Remove => ("removed", "from", "not on it"),
    };
    let unmoved = keys.len().saturating_sub(written);
    let who = match (unmoved, keys.len()) {
        (0, count) if count <= KEYS_NAMED_MAX => keys.join(", "),
        (0, count) => format!("{count} keys"),
        _ => format!("{written} keys"),
    };
    let rest = if unmoved == 0 {
        String::new()
    } else {
        format!(" ({unmoved} {} {already})", if unmoved == 1 { "was" } else { "were" })
    };
    format!("{verb} {who} {preposition} {list}{rest}")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[track_caller]
    fn check(direction: Direction, keys: &[&str], written: usize, expected: &str) {
        let keys: Vec<_> = keys.iter().map(|&key| key.to_owned()).collect();
        assert_eq!(deed(direction, &keys, written, "the canary allowlist"), expected);
    }

    #[test]
    fn few_keys_are_named_and_many_are_counted() {
        check(Direction::Add, &["user123"], 1, "added user123 to the canary allowlist");
        check(Direction::Remove, &["a", "b"], 2, "removed a, b from the canary allowlist");
        check(Direction::Add, &["a", "b", "c", "d"], 4, "added 4 keys to the canary allowlist");
        check(
            Direction::Add,
            &["a", "b", "c"],
            2,
            "added 2 keys to the canary allowlist (1 was on it already)",
        );
    }

    #[test]
    fn keys_come_from_the_command_line_and_a_file_once_each() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys");
        std::fs::write(&file, "ada\r\n\n  bob \neve\n").unwrap();
        let args = |users: &[&str], file: Option<PathBuf>| KeysArgs {
            users: users.iter().map(|&user| user.to_owned()).collect(),
            file,
            write: WriteArgs::default(),
        };
        assert_eq!(keys(&args(&["eve"], Some(file.clone()))).unwrap(), ["eve", "ada", "bob"]);
        std::fs::write(&file, "\n").unwrap();
        assert_eq!(keys(&args(&[], Some(file))).unwrap_err().exit(), Exit::Usage);
    }
}
