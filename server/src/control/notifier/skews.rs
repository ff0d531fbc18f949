//! Which skews were told and are not over yet: one small file beside the ledgers, so that a restart tells their end.
//!
//! Nothing is lost for good without it: a file that cannot be read is left out with a warning, and those skews are found
//! anew where they go on.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_core::revision::{Revision, Timestamp};
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::ledger;
use crate::state::Epoch;

/// The file's name, which no target can have: theirs begin with a letter, a digit, `-` or `_`.
const NAME: &str = ".skews";

/// A skew that was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToldSkew {
    /// What others had, that somebody lacked.
    pub revision: Revision,
    /// When it was told.
    pub at: Timestamp,
}

/// Told skews by environment: there is one at a time.
pub type ToldSkews = BTreeMap<EnvironmentKey, ToldSkew>;

/// What the file says.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    /// The store that the revisions are of.
    epoch: String,
    told: BTreeMap<String, KeptSkew>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptSkew {
    revision: u64,
    at_micros: i64,
}

/// Reads what was told of a store; nothing when nothing was, or when that cannot be read.
pub(super) fn read(folder: &Path, epoch: Epoch) -> ToldSkews {
    let kept = match fs::read(ledger::file(folder, NAME)) {
        Ok(bytes) => serde_json::from_slice::<Kept>(&bytes).map_err(io::Error::from),
        Err(error) => Err(error),
    };
    let kept = kept.unwrap_or_else(|error| {
        if error.kind() != io::ErrorKind::NotFound {
            warn!(folder = %folder.display(), %error, "which skews were told before cannot be read");
        }
        Kept::default()
    });
    if kept.epoch != epoch.to_string() {
        return ToldSkews::new();
    }
    let told = kept.told.into_iter().filter_map(|(environment, skew)| {
        let at = Timestamp::from_unix_micros(skew.at_micros);
        Some((
            EnvironmentKey::parse(&environment).ok()?,
            ToldSkew { revision: Revision::new(skew.revision), at },
        ))
    });
    told.collect()
}

/// Writes what is told and not over.
///
/// # Errors
/// When the disk does not take it.
pub(super) fn write(folder: &Path, epoch: Epoch, told: &ToldSkews) -> io::Result<()> {
    let kept = |skew: &ToldSkew| KeptSkew { revision: skew.revision.get(), at_micros: skew.at.unix_micros() };
    let told = told.iter().map(|(environment, skew)| (environment.to_string(), kept(skew)));
    let kept = Kept { epoch: epoch.to_string(), told: told.collect() };
    // Text and numbers always have a form in JSON.
    ledger::write(folder, NAME, &serde_json::to_vec(&kept).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_known_again_of_the_same_store_alone() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("notify");
        let (ours, other) = (Epoch::from_bytes([7; 16]), Epoch::from_bytes([8; 16]));
        assert!(read(&folder, ours).is_empty());
        let skew = ToldSkew { revision: Revision::new(9), at: Timestamp::from_unix_micros(5) };
        let told = ToldSkews::from([(EnvironmentKey::new("production"), skew)]);
        write(&folder, ours, &told).unwrap();
        assert_eq!(read(&folder, ours), told);
        assert!(read(&folder, other).is_empty(), "a restored store is another one");
        fs::write(folder.join(".skews.json"), "{").unwrap();
        assert!(read(&folder, ours).is_empty());
    }
}
