//! Backups and what became of them.

use crate::backup::{Manifest, PutBack};
use crate::commands::Resumed;
use crate::render::restored;
use serde::Serialize;

/// `backup --json`.
#[derive(Debug, Serialize)]
pub(crate) struct BackupWire {
    /// Where it is.
    folder: String,
    /// Where the keys are, which are not in it.
    keys: String,
    /// What it says of itself.
    manifest: Manifest,
}

impl BackupWire {
    /// From what was made.
    pub(crate) fn of(folder: &str, keys: &str, manifest: &Manifest) -> Self {
        Self {
            folder: folder.to_owned(),
            keys: keys.to_owned(),
            manifest: manifest.clone(),
        }
    }
}

/// `restore --from --json`.
#[derive(Debug, Serialize)]
pub(crate) struct PutBackWire {
    /// The data folder.
    data: String,
    /// Entries of its ledger.
    entries: u64,
    /// When the backup was made.
    made_at: String,
    /// Whether the ledger key of the keys folder signed it.
    signed: bool,
    /// Entries that were signed once and are not in it.
    lost: u64,
}

impl PutBackWire {
    /// From what was done.
    pub(crate) fn of(data: &str, done: &PutBack) -> Self {
        Self {
            data: data.to_owned(),
            entries: done.manifest.entries,
            made_at: done.manifest.made_at.clone(),
            signed: done.signed,
            lost: done.lost,
        }
    }
}

/// `restore --resume --json`.
#[derive(Debug, Serialize)]
pub(crate) struct ResumedWire {
    /// The epoch that the data folder is in.
    epoch: Option<u64>,
    /// It was at work already.
    at_work: bool,
    /// Entries that were given up.
    given_up: u64,
    /// What was reconciled now.
    workflows: Vec<ReconciledWire>,
    /// Bases that can't be fetched again.
    unfetched: Vec<String>,
}

/// One workflow of it.
#[derive(Debug, Serialize)]
struct ReconciledWire {
    workflow: String,
    before: &'static str,
    after: &'static str,
    /// Approvals that are void now.
    approvals_void: usize,
    /// What became of it, one sentence each.
    said: Vec<String>,
}

impl ResumedWire {
    /// From what was done.
    pub(crate) fn of(done: &Resumed) -> Self {
        let given_up = done.epoch.as_ref().and_then(|e| e.given_up.as_ref());
        let workflows = done.workflows.iter().map(|found| ReconciledWire {
            workflow: found.after.id.to_string(),
            before: found.before.state.as_str(),
            after: found.after.state.as_str(),
            approvals_void: found.before.approvals.len(),
            said: restored::sentences(found),
        });
        Self {
            epoch: done.epoch.as_ref().map(|e| e.epoch),
            at_work: done.at_work,
            given_up: given_up.map_or(0, |g| g.lost),
            workflows: workflows.collect(),
            unfetched: done.unfetched.clone(),
        }
    }
}
