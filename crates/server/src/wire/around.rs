//! What drafts pull in and whose paths they change, as programs see it.

use crate::shown::Seen;
use countersign_core::dependency::{DependencyChange, DependencyFile, DependencyState};
use serde::Serialize;
use utoipa::ToSchema;

/// One dependency that moves.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DependencyWire {
    repository: String,
    /// `cargo`, `npm`, `python`, `go` or `java`.
    ecosystem: &'static str,
    /// The file that says it.
    path: String,
    /// `manifest`, `lockfile` or `settings`.
    file: &'static str,
    name: String,
    /// `added`, `removed`, `up`, `down`, `altered`, `source` or `integrity`.
    what: &'static str,
    before: Option<StateWire>,
    after: Option<StateWire>,
}

#[derive(Debug, Serialize, ToSchema)]
struct StateWire {
    version: Option<String>,
    /// null: the default registry.
    source: Option<String>,
}

/// One path with its owners.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OwnerWire {
    repository: String,
    path: String,
    owners: Vec<String>,
    /// The line of CODEOWNERS.
    line: u32,
    /// One of them has to approve; alone, they are shown only.
    required: bool,
}

pub(super) fn dependencies(seen: &Seen) -> Vec<DependencyWire> {
    let of_draft = seen.drafts().iter().flat_map(|draft| {
        let name = seen.workflow.repository_name(&draft.repository);
        draft
            .dependencies
            .iter()
            .map(move |change| dependency(&name, change))
    });
    of_draft.collect()
}

fn dependency(repository: &str, change: &DependencyChange) -> DependencyWire {
    let state = |state: &DependencyState| StateWire {
        version: state.version.clone(),
        source: state.source.clone(),
    };
    DependencyWire {
        repository: repository.to_owned(),
        ecosystem: change.ecosystem.as_str(),
        path: change.path.to_text(),
        file: match change.file {
            DependencyFile::Manifest => "manifest",
            DependencyFile::Lockfile => "lockfile",
            DependencyFile::Settings => "settings",
        },
        name: change.name.clone(),
        what: change.what.as_str(),
        before: change.before.as_ref().map(state),
        after: change.after.as_ref().map(state),
    }
}

pub(super) fn owners(seen: &Seen) -> Vec<OwnerWire> {
    let of_draft = seen.drafts().iter().flat_map(|draft| {
        let name = seen.workflow.repository_name(&draft.repository);
        draft.owners.iter().map(move |owned| OwnerWire {
            repository: name.clone(),
            path: owned.path.to_text(),
            owners: owned.owners.clone(),
            line: owned.line,
            required: !seen.roster.is_solo(),
        })
    });
    of_draft.collect()
}
