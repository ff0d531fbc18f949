//! The last known good state in a file. Written whole and swapped in, so that there is always an old or a new one;
//! whatever cannot be read, or belongs to somebody else, is as good as none.
//!
//! The format: 8 bytes of magic, the format's version and the CRC-32C of the rest (4 bytes each, little-endian), and an
//! [`Image`] in protobuf.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::murmur3;
use mycelia_flags_core::revision::{Revision, Timestamp};
use mycelia_flags_core::update::View;
use mycelia_flags_proto::{convert, v1};
use prost::Message as _;
use tracing::{debug, warn};

use crate::limits::{DISK_BYTES_MAX, DISK_LEFTOVER_AGE};
use crate::state::{Entry, Lineage, State};
use crate::status::Since;
use crate::{clock, decode};

const MAGIC: &[u8; 8] = b"MYCFLAGS";
const FORMAT: u32 = 1;

/// Whose state it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binding {
    /// The server's URL.
    pub(crate) server: String,
    /// The environment as it was asked for.
    pub(crate) environment: String,
    /// The service that may see it.
    pub(crate) service: String,
}

/// The content of the file.
#[derive(Clone, PartialEq, prost::Message)]
struct Image {
    #[prost(string, tag = "1")]
    server: String,
    #[prost(string, tag = "2")]
    environment: String,
    #[prost(string, tag = "3")]
    service: String,
    #[prost(string, tag = "4")]
    epoch: String,
    #[prost(string, tag = "5")]
    followed_environment: String,
    #[prost(uint64, tag = "6")]
    revision: u64,
    #[prost(string, tag = "7")]
    bucketing: String,
    #[prost(int64, tag = "8")]
    written_at: i64,
    #[prost(bytes = "bytes", tag = "9")]
    digest: Bytes,
    #[prost(bytes = "bytes", repeated, tag = "10")]
    flags: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "11")]
    segments: Vec<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "12")]
    canary: Option<Bytes>,
    #[prost(message, repeated, tag = "13")]
    lists: Vec<v1::KeyList>,
}

/// Why a file is ignored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IgnoredError {
    #[error("it cannot be read")]
    Io(#[from] io::Error),
    #[error("it is no regular file")]
    NotAFile,
    #[error("it has {0} bytes, more than {DISK_BYTES_MAX}")]
    TooLarge(u64),
    #[error("it is no file of this kind, or only a part of one")]
    Foreign,
    #[error("its format is {0}, and this version of the SDK knows {FORMAT}")]
    Newer(u32),
    #[error("its checksum is wrong")]
    Checksum,
    #[error("its content cannot be decoded")]
    Undecodable(#[from] prost::DecodeError),
    #[error("its content is damaged")]
    Damaged,
    #[error("it belongs to server {0:?}, environment {1:?}, service {2:?}")]
    OfAnother(String, String, String),
}

/// A state that was found.
#[derive(Debug)]
pub(crate) struct Kept {
    /// The state.
    pub(crate) state: State,
    /// When it was known to be good.
    pub(crate) since: Since,
}

/// Where one client keeps its state.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    directory: PathBuf,
    name: String,
    binding: Binding,
}

impl Store {
    pub(crate) fn new(directory: PathBuf, binding: Binding) -> Self {
        let bound = [&*binding.server, "\0", &*binding.environment, "\0", &*binding.service].concat();
        let name = format!("{}-{:032x}.flags", binding.service, murmur3::x64_128(bound.as_bytes(), 0));
        Self { directory, name, binding }
    }

    /// The file.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.join(&self.name)
    }

    /// The state that was kept; none, with one warning, when the file is of no use.
    pub(crate) fn load(&self) -> Option<Kept> {
        self.sweep();
        let path = self.path();
        found(&path, read(&path, Some(&self.binding)))
    }

    /// Replaces the file.
    ///
    /// # Errors
    /// When the state is too large or the disk refuses. The file is then as it was.
    pub(crate) fn save(&self, state: &State) -> io::Result<()> {
        let bytes = encode(state, &self.binding);
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > DISK_BYTES_MAX {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "the state is too large to be kept on disk",
            ));
        }
        fs::create_dir_all(&self.directory)?;
        let temporary =
            self.directory.join(format!("{}{}-{:08x}", self.prefix(), process::id(), fastrand::u32(..)));
        let written = write_synced(&temporary, &bytes).and_then(|()| fs::rename(&temporary, self.path()));
        if let Err(error) = written {
            // Best effort: what is left behind is swept by a later start.
            drop(fs::remove_file(&temporary));
            return Err(error);
        }
        sync_directory(&self.directory)
    }

    /// Temporary files begin like this: hidden, and in the same directory, because a rename does not cross disks.
    fn prefix(&self) -> String {
        format!(".{}.", self.name)
    }

    /// Removes what crashes have left behind.
    fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.directory) else {
            return;
        };
        let prefix = self.prefix();
        for entry in entries.flatten() {
            let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(&prefix));
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            let old = modified.is_ok_and(|modified| {
                let age = clock::wall().micros_since(clock::timestamp_of(modified));
                Duration::from_micros(age) > DISK_LEFTOVER_AGE
            });
            if ours && old {
                debug!(file = %entry.path().display(), "removing what a crash left behind");
                drop(fs::remove_file(entry.path()));
            }
        }
    }
}

/// Reads a file of whatever binding.
pub(crate) fn load_any(path: &Path) -> Option<Kept> {
    let kept = found(path, read(path, None));
    if kept.is_none() && !path.exists() {
        warn!(file = %path.display(), "the bootstrap file is not there");
    }
    kept
}

fn found(path: &Path, read: Result<Kept, IgnoredError>) -> Option<Kept> {
    match read {
        Ok(kept) => Some(kept),
        Err(IgnoredError::Io(error)) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            warn!(file = %path.display(), %error, cause, "ignoring the last known good state");
            None
        }
    }
}

fn read(path: &Path, binding: Option<&Binding>) -> Result<Kept, IgnoredError> {
    // Looked at before it is opened: opening a FIFO waits for a writer, for ever.
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(IgnoredError::NotAFile);
    }
    if metadata.len() > DISK_BYTES_MAX {
        return Err(IgnoredError::TooLarge(metadata.len()));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(DISK_BYTES_MAX).read_to_end(&mut bytes)?;
    parse(&bytes, binding)
}

fn parse(bytes: &[u8], binding: Option<&Binding>) -> Result<Kept, IgnoredError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(IgnoredError::Foreign)?;
    let (format, rest) = rest.split_first_chunk().ok_or(IgnoredError::Foreign)?;
    let format = u32::from_le_bytes(*format);
    if format != FORMAT {
        return Err(IgnoredError::Newer(format));
    }
    let (checksum, body) = rest.split_first_chunk().ok_or(IgnoredError::Foreign)?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*checksum) {
        return Err(IgnoredError::Checksum);
    }
    let image = Image::decode(Bytes::copy_from_slice(body))?;
    if binding.is_some_and(|binding| {
        binding.server != image.server
            || binding.environment != image.environment
            || binding.service != image.service
    }) {
        return Err(IgnoredError::OfAnother(image.server, image.environment, image.service));
    }
    let bucketing = Generation::parse(&image.bucketing).ok_or(IgnoredError::Damaged)?;
    let flags = image.flags.iter().map(|raw| decode::flag(raw, bucketing, true));
    let segments = image.segments.iter().map(|raw| decode::segment(raw, bucketing, true));
    let canary = image.canary.iter().map(|raw| decode::canary(raw, true));
    let lists = image.lists.iter().map(convert::key_list_from_wire).collect::<Result<Vec<_>, _>>();
    let lists = lists.map_err(|_unknown_list| IgnoredError::Damaged)?;
    let view = View::of(Revision::new(image.revision), flags.chain(segments).chain(canary), lists);
    if view.digest().to_bytes() != *image.digest {
        return Err(IgnoredError::Damaged);
    }
    let lineage =
        Lineage { epoch: Arc::from(image.epoch), environment: Arc::from(image.followed_environment) };
    let age = clock::wall().micros_since(Timestamp::from_unix_micros(image.written_at));
    Ok(Kept {
        state: State::of(lineage, bucketing, Arc::from(image.service), view),
        since: Since { before: Duration::from_micros(age), at: clock::now() },
    })
}

fn encode(state: &State, binding: &Binding) -> Vec<u8> {
    let raw = |wanted: fn(&Entry) -> bool| {
        let members = state.view.members().filter(move |member| wanted(&member.content.entry));
        members.map(|member| member.content.raw.clone())
    };
    let image = Image {
        server: binding.server.clone(),
        environment: binding.environment.clone(),
        service: binding.service.clone(),
        epoch: state.lineage.epoch.to_string(),
        followed_environment: state.lineage.environment.to_string(),
        revision: state.revision().get(),
        bucketing: state.bucketing.as_str().to_owned(),
        written_at: clock::wall().unix_micros(),
        digest: Bytes::copy_from_slice(&state.view.digest().to_bytes()),
        flags: raw(|entry| matches!(entry, Entry::Flag(_))).collect(),
        segments: raw(|entry| matches!(entry, Entry::Segment(_) | Entry::BrokenSegment { .. })).collect(),
        canary: raw(|entry| matches!(entry, Entry::Canary(_))).next(),
        lists: state.view.lists().map(|(list, keys)| convert::key_list_to_wire(list, keys)).collect(),
    };
    let body = image.encode_to_vec();
    let mut bytes = Vec::with_capacity(body.len().saturating_add(16));
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    // Rules may name people: the file is for this user only.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests;
