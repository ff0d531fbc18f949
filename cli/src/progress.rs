//! How far something is: one line rewritten on a terminal, plain lines elsewhere. On the standard error.

use crate::terminal::Terminal;

/// The line of progress; it is wiped when this is dropped.
#[derive(Debug)]
pub(crate) struct Progress<'a> {
    terminal: &'a Terminal,
    shown: Option<String>,
}

impl<'a> Progress<'a> {
    pub(crate) const fn new(terminal: &'a Terminal) -> Self {
        Self { terminal, shown: None }
    }

    /// Shows the line, if it is another one than before.
    pub(crate) fn update(&mut self, line: String) {
        if self.shown.as_ref() == Some(&line) {
            return;
        }
        if self.terminal.can_rewrite() {
            self.terminal.rewrite(&line);
        } else {
            self.terminal.note(&line);
        }
        self.shown = Some(line);
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if self.shown.is_some() && self.terminal.can_rewrite() {
            self.terminal.rewrite("");
        }
    }
}
