//! `backup`: the whole log as a file, which is complete or not there.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use mycelia_flags_proto::v1;

use crate::args::store::BackupArgs;
use crate::connection::Connection;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::session::Session;
use crate::view::backup::{BackupView, print_bytes};

/// Progress is shown each time that this much has arrived.
const PROGRESS_BYTES: u64 = 1 << 20;

pub(crate) async fn run(args: BackupArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    if args.file == Path::new("-") {
        if session.terminal.stdout_is_terminal() {
            return Err(Failure::Usage("a backup is not text: send it to a file or a pipe".to_owned()));
        }
        receive(&connection, session, |chunk| session.terminal.print_bytes(chunk)).await?;
        return Ok(Exit::Done);
    }
    refuse_to_overwrite(&args)?;
    let mut partial = PartialFile::beside(&args.file)?;
    let received = receive(&connection, session, |chunk| partial.write(chunk));
    let bytes = tokio::select! {
        received = received => received?,
        _ = tokio::signal::ctrl_c() => return Err(Failure::Failed(anyhow::anyhow!("interrupted; nothing was written"))),
    };
    refuse_to_overwrite(&args)?;
    partial.complete(&args.file)?;
    session.show(&BackupView { file: args.file.display().to_string(), bytes })?;
    Ok(Exit::Done)
}

async fn receive(
    connection: &Connection,
    session: &Session<'_>,
    mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    let mut progress = Progress::new(session.terminal);
    let mut parts = connection.answer(connection.admin().backup(v1::BackupRequest {})).await?;
    let mut bytes: u64 = 0;
    while let Some(part) = parts.message().await.map_err(|status| connection.failure(&status))? {
        take(&part.chunk)?;
        let before = bytes;
        bytes += u64::try_from(part.chunk.len()).unwrap_or_default();
        if session.terminal.can_rewrite() && bytes / PROGRESS_BYTES > before / PROGRESS_BYTES {
            progress.update(format!("{} received", print_bytes(bytes)));
        }
    }
    if bytes == 0 {
        return Err(Failure::Failed(anyhow::anyhow!("the server sent an empty backup")));
    }
    Ok(bytes)
}

fn refuse_to_overwrite(args: &BackupArgs) -> Result<(), Failure> {
    // A link that leads nowhere is there too: renaming would replace it.
    if !args.force && fs::symlink_metadata(&args.file).is_ok() {
        return Err(Failure::Usage(format!("{} is already there (use --force)", args.file.display())));
    }
    Ok(())
}

/// A file that is removed unless it is completed.
#[derive(Debug)]
struct PartialFile {
    path: PathBuf,
    file: File,
    is_complete: bool,
}

impl PartialFile {
    /// In the same folder, so that the last step is a rename within one file system.
    fn beside(target: &Path) -> Result<Self, Failure> {
        let name = target
            .file_name()
            .ok_or_else(|| Failure::Usage(format!("{} does not name a file", target.display())))?;
        let name = format!(".{}.{}.partial", name.to_string_lossy(), uuid::Uuid::new_v4().simple());
        let path = target.with_file_name(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            // Rules may name people.
            options.mode(0o600);
        }
        let file = options.open(&path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { path, file, is_complete: false })
    }

    fn write(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        let written = self.file.write_all(chunk);
        Ok(written.with_context(|| format!("cannot write {}", self.path.display()))?)
    }

    /// Durable first, then visible under its name, then the name durable.
    fn complete(mut self, target: &Path) -> Result<(), Failure> {
        self.file.sync_all().with_context(|| format!("cannot write {}", self.path.display()))?;
        fs::rename(&self.path, target)
            .with_context(|| format!("cannot rename {} to {}", self.path.display(), target.display()))?;
        self.is_complete = true;
        let folder =
            target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        Ok(synced.with_context(|| format!("cannot sync {}", folder.display()))?)
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if !self.is_complete {
            // Nothing more can be done than to leave it behind.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_complete_or_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("backup");
        let mut partial = PartialFile::beside(&target).unwrap();
        partial.write(b"half").unwrap();
        drop(partial);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

        let mut partial = PartialFile::beside(&target).unwrap();
        partial.write(b"whole").unwrap();
        assert!(!target.exists());
        partial.complete(&target).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_backup_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("backup");
        fs::write(&file, b"old").unwrap();
        let mut args = BackupArgs { file, force: false };
        assert_eq!(refuse_to_overwrite(&args).unwrap_err().exit(), Exit::Usage);
        args.force = true;
        refuse_to_overwrite(&args).unwrap();
    }
}
