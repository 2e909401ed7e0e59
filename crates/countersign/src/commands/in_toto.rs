//! `ledger export --in-toto`: the same story as a folder that in-toto's own verifier checks.
//!
//! It must never speak for a member by another key than the one that the story records for them.

use super::ledger::vkey;
use crate::error::{CliError, file_error};
use crate::session::Session;
use crate::terminal::{Page, Style};
use crate::wire::InTotoWire;
use countersign_audit::in_toto::{InTotoError, LAYOUT_FILE, OWNER_KEY_FILE, chain};
use countersign_audit::{Verdict, audit};
use countersign_core::act::MemberKey;
use countersign_core::id::MemberId;
use countersign_ledger::{StatementKey, Trust};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A folder that is not written yet.
pub(super) struct Attested<'a> {
    folder: &'a Path,
    files: BTreeMap<String, Vec<u8>>,
    expires: String,
    key_id: String,
}

impl<'a> Attested<'a> {
    /// Judges the bundle, and has everybody who approved say so once more; nothing is written.
    pub(super) fn of(session: &Session, bundle: &[u8], folder: &'a Path) -> Result<Self, CliError> {
        if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) || folder.is_file() {
            let text = format!("{} is there and not an empty folder", folder.display());
            return Err(CliError::refused("folder-not-empty", text).next("Name one that is not there yet."));
        }
        let verdict = judged(session, bundle)?;
        let chain = chain(&verdict).map_err(refusal)?;
        let keys = session.keys();
        let held = |(member, recorded): (MemberId, MemberKey)| {
            let key = keys.statement(&member, &recorded)?;
            Ok((member, key))
        };
        let members: Result<BTreeMap<MemberId, StatementKey>, CliError> =
            chain.approvers().into_iter().map(held).collect();
        let owner = StatementKey::of_ledger(&keys.ledger()?);
        Ok(Self {
            folder,
            files: chain.files(&owner, &members?).map_err(refusal)?,
            expires: chain.expires().to_rfc3339(),
            key_id: owner.verifier().id(),
        })
    }

    /// Writes the folder.
    pub(super) fn write(&self) -> Result<(), CliError> {
        for (name, bytes) in &self.files {
            let file = self.folder.join(name);
            let folder = file.parent().unwrap_or(self.folder);
            let written = fs::create_dir_all(folder).and_then(|()| fs::write(&file, bytes));
            written.map_err(|e| file_error("can't write", &file, &e))?;
        }
        Ok(())
    }

    /// For programs.
    pub(super) fn wire(&self) -> InTotoWire {
        InTotoWire {
            folder: self.folder.display().to_string(),
            files: self.files.keys().cloned().collect(),
            key_id: self.key_id.clone(),
            expires: self.expires.clone(),
            command: command(),
        }
    }

    /// For people.
    pub(super) fn page(&self, page: &mut Page) {
        let links = self.files.keys().filter(|name| name.ends_with(".link")).count();
        let day: String = self.expires.chars().take(10).collect();
        let folder = self.folder.display();
        page.line(0).add(Style::Good, "✓ ").add(
            Style::Plain,
            format!("wrote {folder}: an in-toto layout, good until {day}, and {links} signed links"),
        );
        page.line(2)
            .add(Style::Plain, format!("cd {folder} && {}", command()));
        let key = format!(
            "The layout is signed by the ledger's own key, in-toto's id {}.",
            self.key_id
        );
        page.line(2).add(Style::Dim, key);
    }
}

/// What a stranger runs inside the folder.
fn command() -> String {
    format!("in-toto-verify --layout {LAYOUT_FILE} --verification-keys {OWNER_KEY_FILE}")
}

fn judged(session: &Session, bundle: &[u8]) -> Result<Verdict, CliError> {
    let key = vkey(session)
        .parse()
        .map_err(|e: countersign_ledger::KeyError| CliError::internal(e.code(), e.to_string()))?;
    let trust = Trust {
        keys: vec![key],
        ..Trust::default()
    };
    audit(bundle, &trust).map_err(|e| CliError::refused(e.code(), e.to_string()))
}

fn refusal(error: InTotoError) -> CliError {
    let next = match &error {
        InTotoError::Unlawful { .. } => "`countersign verify` on an export says where.",
        InTotoError::Erased | InTotoError::NothingWritten | InTotoError::NotDone { .. } => {
            "The export without --in-toto still has everything that is left to prove."
        }
        InTotoError::Unfinished => "Export it with --in-toto once it is Done.",
        InTotoError::Name => "Register the repository under another name.",
        InTotoError::KeyMissing { .. } => "Put the keys folder back from where it is kept.",
    };
    CliError::refused(error.code(), error.to_string()).next(next)
}
