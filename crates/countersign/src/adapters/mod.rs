//! Small implementations of ports that belong to this machine: clock, keys, the one that signs commits, the organisation's baseline, and the
//! process in which a repository's own rules run.

mod committing;
pub(crate) mod own_rules;
mod progress;
mod signing;

pub(crate) use committing::{CommitKey, UnusableKey};
pub(crate) use progress::{Progress, Silent};
pub(crate) use signing::{FolderKeys, FolderWitness, HandOver, Signer};

use countersign_core::policy::POLICY_MAX_BYTES;
use countersign_core::time::Timestamp;
use countersign_engine::Baseline;
use countersign_ports::store::Clock;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// The machine's clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// The organisation's policy as a file in the data folder; read anew every time.
pub(crate) struct BaselineFile(pub(crate) PathBuf);

impl Baseline for BaselineFile {
    fn read(&self) -> Result<Option<Vec<u8>>, String> {
        let why = |error: io::Error| {
            format!(
                "the organisation's policy {} can't be read: {error}",
                self.0.display()
            )
        };
        let file = match std::fs::File::open(&self.0) {
            // A link that leads nowhere is no missing policy.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.0.is_symlink() => {
                return Ok(None);
            }
            opened => opened.map_err(why)?,
        };
        let mut bytes = Vec::new();
        // One byte more than is allowed, so that whoever parses it sees that it is too large.
        file.take(POLICY_MAX_BYTES as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(why)?;
        Ok(Some(bytes))
    }
}
