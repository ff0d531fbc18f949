//! The only place that writes to the standard output and the standard error.

use std::env;
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use anyhow::Context as _;
use serde::Serialize;

use crate::failure::Failure;
use crate::page::{Page, visible, visible_json};

/// What a command answers: a document for programs, a page for people.
pub(crate) trait View: Serialize {
    /// The same for people.
    fn page(&self) -> Page;
}

/// Where the output goes, and therefore how it looks.
#[derive(Debug, Clone)]
pub(crate) struct Terminal {
    json_asked: bool,
    stdout_is_terminal: bool,
    stderr_is_terminal: bool,
    colours: bool,
}

impl Terminal {
    /// Looks at the process's own streams.
    pub(crate) fn of_process(json_asked: bool) -> Self {
        let stdout_is_terminal = io::stdout().is_terminal();
        let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            json_asked,
            stdout_is_terminal,
            stderr_is_terminal: io::stderr().is_terminal(),
            colours: stdout_is_terminal && !is_dumb && !no_color,
        }
    }

    /// Is the answer for a person?
    pub(crate) const fn is_for_people(&self) -> bool {
        self.stdout_is_terminal && !self.json_asked
    }

    /// Would raw bytes land on somebody's screen?
    pub(crate) const fn stdout_is_terminal(&self) -> bool {
        self.stdout_is_terminal
    }

    /// Can a line on the standard error be rewritten?
    pub(crate) const fn can_rewrite(&self) -> bool {
        self.stderr_is_terminal && !self.json_asked
    }

    /// Shows an answer: one document, or a page.
    pub(crate) fn show(&self, view: &impl View) -> Result<(), Failure> {
        if self.is_for_people() {
            return self.print(&view.page().render(self.colours));
        }
        let json = if self.stdout_is_terminal {
            serde_json::to_string_pretty(view)
        } else {
            serde_json::to_string(view)
        };
        self.print_json(&json.context("cannot write the answer as JSON")?)
    }

    /// Shows one of many answers: one document on one line, or a page.
    pub(crate) fn show_next(&self, view: &impl View) -> Result<(), Failure> {
        if self.is_for_people() {
            return self.print(&view.page().render(self.colours));
        }
        self.print_json(&serde_json::to_string(view).context("cannot write the answer as JSON")?)
    }

    /// Writes a text as it is.
    pub(crate) fn print(&self, text: &str) -> Result<(), Failure> {
        self.print_bytes(text.as_bytes())
    }

    /// Writes bytes as they are.
    pub(crate) fn print_bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Failure::ReaderGone,
            _ => Failure::Failed(anyhow::Error::new(error).context("cannot write to the standard output")),
        })
    }

    fn print_json(&self, json: &str) -> Result<(), Failure> {
        let json = if self.stdout_is_terminal { visible_json(json) } else { json.to_owned() };
        self.print(&format!("{json}\n"))
    }

    /// Says something beside the answer. Nothing with `--json`: then the standard error is for a program too.
    pub(crate) fn note(&self, text: &str) {
        if !self.json_asked {
            to_stderr(&format!("{}\n", visible(text)));
        }
    }

    /// Warns. With `--json` the warning is part of the document.
    pub(crate) fn warn(&self, text: &str) {
        self.note(&format!("warning: {text}"));
    }

    /// Replaces the line that was written last. Call it only when [`Terminal::can_rewrite`].
    pub(crate) fn rewrite(&self, text: &str) {
        to_stderr(&format!("\r\x1b[2K{}", visible(text)));
    }

    /// Says why the command failed.
    pub(crate) fn report(&self, failure: &Failure) {
        if matches!(failure, Failure::ReaderGone) {
            return;
        }
        if self.json_asked {
            let json = serde_json::to_string(&failure.document()).unwrap_or_default();
            return to_stderr(&format!("{}\n", visible_json(&json)));
        }
        to_stderr(&in_words(failure));
    }
}

fn in_words(failure: &Failure) -> String {
    let message = failure.message();
    let violations = failure.violations();
    // A server that sums up the violations in its message would have all of them said twice.
    let is_sum = violations.iter().all(|violation| message.contains(&violation.description));
    let (message, violations) = match violations {
        [] => (message, violations),
        [_] if is_sum => (message, [].as_slice()),
        _ if is_sum => {
            (format!("{} things are wrong, and nothing was changed", violations.len()), violations)
        }
        _ => (message, violations),
    };
    // Our own messages may have several lines (a configuration file's excerpt), the server's may not.
    let message = match failure {
        Failure::Usage(_) => message.lines().map(visible).collect::<Vec<_>>().join("\n"),
        _ => visible(&message),
    };
    let mut text = format!("error: {message}\n");
    for violation in violations {
        text.push_str(&format!("  {}: {}\n", visible(&violation.field), visible(&violation.description)));
    }
    if let Some(hint) = failure.hint() {
        text.push_str(&format!("hint: {hint}\n"));
    }
    text
}

/// Nobody can be told when even this fails.
fn to_stderr(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;
    use crate::failure::Violation;

    #[track_caller]
    fn check(message: &str, violations: &[(&str, &str)], expected: &str) {
        let violation = |(field, description): &(&str, &str)| Violation {
            field: (*field).to_owned(),
            description: (*description).to_owned(),
        };
        let failure = Failure::Refused {
            code: Code::InvalidArgument,
            reason: None,
            message: message.to_owned(),
            violations: violations.iter().map(violation).collect(),
        };
        assert_eq!(in_words(&failure), expected);
    }

    #[test]
    fn each_violation_is_said_once() {
        check("a\x1b", &[], "error: a\\u{1b}\n");
        check("a: x", &[("a", "x")], "error: a: x\n");
        check("not valid", &[("a", "x")], "error: not valid\n  a: x\n");
        let both = "error: 2 things are wrong, and nothing was changed\n  a: x\n  b: y\n";
        check("a: x; b: y", &[("a", "x"), ("b", "y")], both);
        check("not valid", &[("a", "x"), ("b", "y")], "error: not valid\n  a: x\n  b: y\n");
    }
}
