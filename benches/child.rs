//! The benchmark's own program, started again in a process of its own: for memory, and for processor time, that belong
//! to one side only. Parent and child talk in lines.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// Marks the arguments of a child.
const ROLE: &str = "--role";

/// A process that plays a role.
#[derive(Debug)]
pub struct Player {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

/// The role of this process and its arguments; none in the process that was started by a person.
#[must_use]
pub fn role() -> Option<(String, Vec<String>)> {
    let mut arguments = std::env::args().skip_while(|argument| argument != ROLE).skip(1);
    let role = arguments.next()?;
    Some((role, arguments.collect()))
}

impl Player {
    /// Starts this program again in a role.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(role: &str, arguments: &[String]) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--bench", ROLE, role])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start a process for {role}"))?;
        let to = child.stdin.take().context("no pipe to the child")?;
        let from = BufReader::new(child.stdout.take().context("no pipe from the child")?);
        Ok(Self { child, to, from })
    }

    /// The process.
    #[must_use]
    pub fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// Waits for the child's next line.
    ///
    /// # Errors
    /// When it has ended.
    pub fn hear(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.from.read_line(&mut line)? == 0 {
            bail!("the child ended: {:?}", self.child.wait());
        }
        Ok(line.trim_end().to_owned())
    }

    /// Says a line to the child, which answers each; see [`Player::hear`].
    ///
    /// # Errors
    /// When it has ended.
    pub fn tell(&mut self, line: &str) -> Result<()> {
        writeln!(self.to, "{line}")?;
        self.to.flush()?;
        Ok(())
    }

    /// Says a line to the child and waits for its answer.
    ///
    /// # Errors
    /// When it has ended.
    pub fn ask(&mut self, line: &str) -> Result<String> {
        self.tell(line)?;
        self.hear()
    }

    /// Ends the child: its standard input closes, and it goes.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn end(self) -> Result<()> {
        let Self { mut child, to, from } = self;
        drop(to);
        child.wait()?;
        drop(from);
        Ok(())
    }
}
