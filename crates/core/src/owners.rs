//! Who CODEOWNERS asks for: which owner a changed path has, and whether the people who approved are among them.
//!
//! The file is read from the default branch, never from the proposal (INV-9), by the inspect crate.

use crate::member::Member;
use crate::path::RepoPath;
use serde::{Deserialize, Serialize};

/// A changed path with the owners that the last matching line names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnedPath {
    /// The path, on either side of the change.
    pub path: RepoPath,
    /// `@login`, `@organisation/team` or an address; never empty.
    pub owners: Vec<String>,
    /// The line of CODEOWNERS, from 1.
    pub line: u32,
}

impl OwnedPath {
    /// Whether that member is named. Teams can't be looked up here, so nobody is matched by one.
    pub fn is_owner(&self, member: &Member) -> bool {
        let same = |owner: &String| owner.trim_start_matches('@').eq_ignore_ascii_case(&member.name);
        self.owners.iter().any(same)
    }
}
