//! The exit codes: part of the interface, so that scripts can tell a refusal from a server that is away.

use std::process::ExitCode;

/// The exit codes in words; part of the help text, and what docs/ quotes.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the server refused, or something failed
  2  the command line or the configuration is wrong
  3  the server cannot be reached, or is not available
  4  timed out waiting
  5  not found
  6  the answer is no: not a member, not as required, or not all of it";

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// The server refused, or something failed.
    Failed = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// The server cannot be reached, or is not available.
    Unreachable = 3,
    /// Timed out waiting.
    TimedOut = 4,
    /// Not found.
    NotFound = 5,
    /// What was asked is answered with no.
    No = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_in_the_help_text() {
        let all = [
            Exit::Done,
            Exit::Failed,
            Exit::Usage,
            Exit::Unreachable,
            Exit::TimedOut,
            Exit::NotFound,
            Exit::No,
        ];
        for (number, exit) in all.into_iter().enumerate() {
            assert_eq!(usize::from(exit as u8), number);
            assert!(EXIT_CODES.contains(&format!("\n  {number}  ")), "{exit:?}");
        }
        assert_eq!(EXIT_CODES.lines().count(), all.len() + 1);
    }
}
