//! The floor: one write and one sync, on the same disk.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

/// Where the next write goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Behind the last one: the file's size is synced too.
    Append,
    /// Where the last one was.
    Overwrite,
}

/// A file whose writes are durable.
#[derive(Debug)]
pub(crate) struct SyncedFile {
    file: File,
    way: Way,
    offset: u64,
}

impl SyncedFile {
    pub(crate) fn create(path: PathBuf, way: Way) -> Result<Self> {
        let file = File::create(&path).with_context(|| path.display().to_string())?;
        Ok(Self { file, way, offset: 0 })
    }

    /// One durable write.
    pub(crate) fn write(&mut self, bytes: usize) -> Result<()> {
        const PAGE: [u8; 4096] = [7; 4096];
        let bytes = PAGE.get(..bytes).context("larger than a page")?;
        self.file.write_all_at(bytes, self.offset)?;
        self.file.sync_data()?;
        if self.way == Way::Append {
            self.offset += u64::try_from(bytes.len())?;
        }
        Ok(())
    }
}

/// Does something several times and answers how often.
pub(crate) fn repeat(times: usize, mut write: impl FnMut() -> Result<()>) -> Result<u64> {
    for _ in 0..times {
        write()?;
    }
    Ok(u64::try_from(times)?)
}
