//! The file that the windows are kept in: `observations.bin`, beside the store.
//!
//! It is a cache of measurements and no part of the store: what cannot be read is left out with a warning, and the server
//! starts all the same. It is written as a whole into another file that then takes its place, so that a crash leaves the
//! one or the other. What was observed after it was last written is lost in a crash: at most `RHYTHM_MIN` of it, or so
//! long that writing takes `SHARE_MAX` of the time.
//!
//! ```text
//! 0       8        12      28       36          36 + n
//! magic ┆ format ┆ epoch ┆ length n ┆ content … ┆ crc32c of all before
//! ```
//!
//! Numbers are big-endian; the content is a message of `kept/form.rs`.

mod form;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mycelia_flags_core::observation::window::Windows;
use mycelia_flags_core::revision::Timestamp;
use prost::Message as _;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Observations;
use crate::clock::SharedClock;
use crate::state::Epoch;

/// The file's name in the data directory.
const NAME: &str = "observations.bin";

const MAGIC: &[u8; 8] = b"MYCELIAO";
const FORMAT: u32 = 1;
const HEAD_BYTES: usize = 36;
const CHECKSUM_BYTES: usize = 4;

/// A file larger than this is none of ours. Windows that are full to their bounds stay well below it.
const FILE_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;

/// How often the file is written at most.
const RHYTHM_MIN: Duration = Duration::from_secs(10);

/// Writing takes at most this part of the time: one fiftieth.
const SHARE_MAX: u32 = 50;

/// Batches whose ids are kept, the newest: what is sent again after a restart was sent shortly before it.
const BATCHES_MAX: usize = 8_192;

/// What a file is not.
#[derive(Debug, thiserror::Error)]
enum KeptFault {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it is no file of observations, or a damaged one")]
    Damaged,
    #[error("it has format {0}, and this version knows {FORMAT}")]
    Newer(u32),
    #[error("it belongs to the store of epoch {0}")]
    Foreign(Epoch),
}

/// Where windows are kept, and of which store.
#[derive(Debug, Clone)]
pub struct Keep {
    path: PathBuf,
    epoch: Epoch,
}

impl Keep {
    /// Beside a store.
    #[must_use]
    pub fn beside(data_dir: &Path, epoch: Epoch) -> Self {
        Self { path: data_dir.join(NAME), epoch }
    }

    /// What was kept; nothing observed yet, when that cannot be read.
    #[must_use]
    pub fn load(&self, now: Timestamp) -> Windows {
        match self.read() {
            Ok(Some(kept)) => {
                let windows = kept.windows(now);
                info!(series = windows.keys().count(), "observations of before the restart are back");
                windows
            }
            Ok(None) => Windows::new(now),
            Err(fault) => {
                let path = self.path.display();
                warn!(%path, %fault, "what was observed before cannot be read, and is left out");
                Windows::new(now)
            }
        }
    }

    fn read(&self) -> Result<Option<form::Kept>, KeptFault> {
        match fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(KeptFault::Io(error)),
            Ok(about) if about.len() > FILE_BYTES_MAX => return Err(KeptFault::Damaged),
            Ok(_) => {}
        }
        let bytes = fs::read(&self.path)?;
        let content = content(&bytes, self.epoch)?;
        form::Kept::decode(content).map(Some).map_err(|_undecodable| KeptFault::Damaged)
    }

    /// Writes what is held now. Blocks until it is on disk.
    ///
    /// # Errors
    /// When it cannot be written; the file of before is still there.
    pub fn save(&self, observations: &Observations) -> io::Result<()> {
        let bytes = sealed(self.epoch, &form::Kept::of(observations, BATCHES_MAX).encode_to_vec());
        let temporary = self.path.with_extension("new");
        let mut file = File::create(&temporary)?;
        file.write_all(&bytes)?;
        file.sync_data()?;
        fs::rename(&temporary, &self.path)
    }
}

fn sealed(epoch: Epoch, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD_BYTES + content.len() + CHECKSUM_BYTES);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&FORMAT.to_be_bytes());
    bytes.extend_from_slice(&epoch.to_bytes());
    bytes.extend_from_slice(&u64::try_from(content.len()).unwrap_or(u64::MAX).to_be_bytes());
    bytes.extend_from_slice(content);
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&checksum.to_be_bytes());
    bytes
}

fn content(bytes: &[u8], epoch: Epoch) -> Result<&[u8], KeptFault> {
    let (rest, checksum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(KeptFault::Damaged)?;
    let (magic, after) = rest.split_first_chunk::<8>().ok_or(KeptFault::Damaged)?;
    let (format, after) = after.split_first_chunk::<4>().ok_or(KeptFault::Damaged)?;
    let (found, after) = after.split_first_chunk::<16>().ok_or(KeptFault::Damaged)?;
    let (length, content) = after.split_first_chunk::<8>().ok_or(KeptFault::Damaged)?;
    if magic != MAGIC || crc32c::crc32c(rest) != u32::from_be_bytes(*checksum) {
        return Err(KeptFault::Damaged);
    }
    let (format, found) = (u32::from_be_bytes(*format), Epoch::from_bytes(*found));
    if format != FORMAT {
        return Err(KeptFault::Newer(format));
    }
    if found != epoch {
        return Err(KeptFault::Foreign(found));
    }
    let is_whole = u64::try_from(content.len()) == Ok(u64::from_be_bytes(*length));
    if is_whole { Ok(content) } else { Err(KeptFault::Damaged) }
}

/// Writes the file on its rhythm, and a last time when it is told to stop.
pub async fn run(
    observations: Arc<Observations>,
    keep: Keep,
    clock: SharedClock,
    stopping: CancellationToken,
) {
    let mut pause = RHYTHM_MIN;
    loop {
        let stopped = stopping.run_until_cancelled(tokio::time::sleep(pause)).await.is_none();
        let (begun, keep, observations) = (clock.elapsed(), keep.clone(), Arc::clone(&observations));
        let path = keep.path.clone();
        observations.settle(clock.now());
        let saved = tokio::task::spawn_blocking(move || keep.save(&observations)).await;
        if let Ok(Err(error)) = saved {
            let path = path.display();
            warn!(%path, %error, "what was observed cannot be kept");
        }
        if stopped {
            return;
        }
        pause = RHYTHM_MIN.max(clock.elapsed().saturating_sub(begun).saturating_mul(SHARE_MAX));
    }
}

#[cfg(test)]
mod tests;
