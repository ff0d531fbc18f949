//! The real binary as a process of its own, and the tools that a story may need.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// Where cargo has put the binary: beside this test's own.
pub(crate) fn path() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let binary = test.parent().and_then(Path::parent).unwrap().join("mycelia-flags");
    assert!(
        binary.exists(),
        "{} is missing: run plain `cargo test`, or `cargo build` first",
        binary.display()
    );
    binary
}

/// A server process.
pub(crate) struct Process {
    pub(crate) url: String,
    child: Child,
}

impl Process {
    /// Starts `serve` on a free port and waits until it says where it listens.
    pub(crate) fn serve(data_dir: &Path) -> Self {
        Self::serve_with(data_dir, &[], &[])
    }

    /// Starts `serve` with more arguments, behind a wrapper such as strace.
    pub(crate) fn serve_with(data_dir: &Path, wrapper: &[&str], more: &[&str]) -> Self {
        Self::try_serve(data_dir, wrapper, more, &[])
            .unwrap_or_else(|status| panic!("serve ended with {status}"))
    }

    /// Starts `serve`; an error is the status with which it ended before it served.
    pub(crate) fn try_serve(
        data_dir: &Path,
        wrapper: &[&str],
        more: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Self, ExitStatus> {
        let binary = path();
        let mut command = match wrapper.split_first() {
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(binary);
                command
            }
            None => Command::new(binary),
        };
        let mut child = command
            .args(["serve", "--data-dir"])
            .arg(data_dir)
            .env("MYCELIA_LISTEN", "127.0.0.1:0")
            .args(more)
            .envs(environment.iter().copied())
            .env("RUST_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines.find_map(|line| {
            let line = line.ok()?;
            line.split_whitespace()
                .find(|word| word.starts_with("http://") || word.starts_with("https://"))
                .map(str::to_owned)
        });
        match url {
            Some(url) => Ok(Self { url, child }),
            None => Err(child.wait().unwrap()),
        }
    }

    /// SIGKILL, and waits until the process is gone.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and waits for the exit status.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        self.signal("TERM");
        self.child.wait().unwrap()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let status =
            Command::new("kill").args([&format!("-{signal}"), &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Waits until the process ends by itself.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A story that failed leaves no server behind; one that ended well has none left to kill.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// Finds a tool that `.ci/setup` installs. In CI it must be there; elsewhere the story says that it did not run.
pub(crate) fn tool(name: &str) -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/bin").join(name);
    let in_path = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).map(|folder| folder.join(name)).collect::<Vec<_>>())
        .unwrap_or_default();
    let found = std::iter::once(tools).chain(in_path).find(|path| path.exists());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "{name} is missing: .ci/setup installs it");
        eprintln!("NOT RUN: {name} is missing; .ci/setup installs it");
    }
    found
}

/// Whether this process may mount file systems. In CI it must.
pub(crate) fn may_mount() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    let root = output.stdout.starts_with(b"0");
    assert!(root || std::env::var_os("CI").is_none(), "CI runs as root");
    if !root {
        eprintln!("NOT RUN: mounting a small file system needs root");
    }
    root
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
