//! Leaving patches or hunks out: what a reviewer takes away from a proposal, from its plan and from its diff.
//!
//! It only ever takes away. What is left is applied to the base again like any other proposal.

use crate::artifact::Plan;
use crate::diff::{ChangeKind, FileMode, TreeDiff};
use crate::id::RepositoryId;
use crate::path::RepoPath;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most patches that one decision leaves out.
pub const LEFT_OUT_MAX: usize = 1_000;

/// One patch, or some hunks of it, that a reviewer leaves out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// In which repository.
    pub repository: RepositoryId,
    /// Which patch: its path after the change, or before it where the file is deleted.
    pub path: RepoPath,
    /// Which hunks, from 1, in the order of the canonical diff; none means the whole patch.
    pub hunks: Vec<u32>,
}

impl LeftOut {
    /// The whole patch, not some hunks.
    pub fn is_whole(&self) -> bool {
        self.hunks.is_empty()
    }
}

/// Why something can't be left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NarrowError {
    /// No such patch in the diff.
    #[error("the diff has no patch for `{0}`")]
    NoPatch(RepoPath),
    /// No such hunk in the patch.
    #[error("the patch for `{path}` has {hunks} hunks and no hunk {asked}")]
    NoHunk {
        /// Of which file.
        path: RepoPath,
        /// How many it has.
        hunks: u32,
        /// Which was asked for.
        asked: u32,
    },
    /// Only whole patches of new, deleted and renamed files can be left out.
    #[error("`{0}` is new, deleted or renamed: leave the whole patch out, or none of it")]
    NotInParts(RepoPath),
}

/// The plan without the paths of patches that are left out as a whole; steps that lose all paths go.
///
/// `paths` are both sides of every such patch.
pub fn narrow_plan(plan: &Plan, repository: &RepositoryId, paths: &BTreeSet<RepoPath>) -> Plan {
    let mut narrowed = plan.clone();
    for step in narrowed.steps.iter_mut().filter(|s| s.repository == *repository) {
        step.paths.retain(|planned| !paths.contains(&planned.path));
    }
    narrowed.steps.retain(|step| !step.paths.is_empty());
    narrowed
}

/// One file's section of a canonical diff.
struct Section<'a> {
    /// From `diff --git` to the first hunk.
    head: Vec<&'a [u8]>,
    hunks: Vec<Vec<&'a [u8]>>,
}

/// The paths of a canonical diff's sections, in order: one for each file, two where a file turns into a link, a
/// link into a file, or either into a submodule.
fn section_paths(diff: &TreeDiff) -> Vec<&RepoPath> {
    let kind = |mode: FileMode| match mode {
        FileMode::Regular | FileMode::Executable => 0,
        FileMode::Symlink => 1,
        FileMode::Submodule => 2,
    };
    let mut paths = Vec::with_capacity(diff.files.len());
    for file in &diff.files {
        paths.push(file.path());
        if let ChangeKind::Modified { old, new } = &file.change
            && kind(old.mode) != kind(new.mode)
        {
            paths.push(file.path());
        }
    }
    paths
}

/// A canonical diff without what is left out of it.
///
/// It relies on the canonical form: every line of a hunk begins with its sign, so that no content looks like a
/// header. The `index` line goes where hunks go, because the blob that it names does not come about any more.
///
/// # Errors
/// When something that is to be left out is not there, or can't be left out in parts.
pub fn without(canonical: &[u8], diff: &TreeDiff, left_out: &[&LeftOut]) -> Result<Vec<u8>, NarrowError> {
    let (parsed, sections) = (split(canonical), section_paths(diff));
    assert_eq!(
        parsed.len(),
        sections.len(),
        "a canonical diff has one section for every changed file"
    );
    if let Some(missing) = left_out.iter().find(|l| !sections.contains(&&l.path)) {
        return Err(NarrowError::NoPatch(missing.path.clone()));
    }
    let mut kept = Vec::with_capacity(canonical.len());
    for (section, path) in parsed.iter().zip(sections) {
        let of_file: Vec<&&LeftOut> = left_out.iter().filter(|l| l.path == *path).collect();
        if of_file.iter().any(|l| l.is_whole()) {
            continue;
        }
        let gone: BTreeSet<u32> = of_file.iter().flat_map(|l| l.hunks.iter().copied()).collect();
        keep(section, path, &gone, &mut kept)?;
    }
    Ok(kept)
}

fn keep(
    section: &Section<'_>,
    path: &RepoPath,
    gone: &BTreeSet<u32>,
    kept: &mut Vec<u8>,
) -> Result<(), NarrowError> {
    let hunks = u32::try_from(section.hunks.len()).unwrap_or(u32::MAX);
    if let Some(asked) = gone.iter().find(|n| **n == 0 || **n > hunks) {
        let (path, asked) = (path.clone(), *asked);
        return Err(NarrowError::NoHunk { path, hunks, asked });
    }
    let all_gone = hunks > 0 && gone.len() == section.hunks.len();
    let says = |words: &[&[u8]]| {
        section
            .head
            .iter()
            .any(|l| words.iter().any(|w| l.starts_with(w)))
    };
    if !gone.is_empty() && says(&[b"new file ", b"deleted file ", b"rename ", b"copy "]) {
        return Err(NarrowError::NotInParts(path.clone()));
    }
    if all_gone && !says(&[b"old mode "]) {
        return Ok(());
    }
    // Without hunks, `---` and `+++` would promise some.
    let names_go = |line: &&&[u8]| all_gone && (line.starts_with(b"--- ") || line.starts_with(b"+++ "));
    let index_goes = |line: &&&[u8]| !gone.is_empty() && line.starts_with(b"index ");
    let head = section.head.iter().filter(|l| !names_go(l) && !index_goes(l));
    head.for_each(|line| kept.extend_from_slice(line));
    let numbered = (1_u32..).zip(&section.hunks);
    for (_, hunk) in numbered.filter(|(number, _)| !gone.contains(number)) {
        hunk.iter().for_each(|line| kept.extend_from_slice(line));
    }
    Ok(())
}

fn split(canonical: &[u8]) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for line in canonical.split_inclusive(|b| *b == b'\n') {
        if line.starts_with(b"diff --git ") {
            sections.push(Section {
                head: vec![line],
                hunks: Vec::new(),
            });
        } else if let Some(section) = sections.last_mut() {
            match section.hunks.last_mut() {
                _ if line.starts_with(b"@@ ") => section.hunks.push(vec![line]),
                Some(hunk) => hunk.push(line),
                None => section.head.push(line),
            }
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::{FileChange, FileSide};
    use crate::digest::DiffHash;
    use crate::id::{BlobSha, TreeSha};

    const DIFF: &str = "diff --git a/a b/a\nindex 1111111..2222222 100644\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-@@ -1 +1 @@\n+diff --git a/a b/a\n@@ -9 +9 @@\n-y\n+z\ndiff --git a/n b/n\nnew file mode 100644\nindex 0000000..3333333\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+n\n";

    /// The facts of a diff that changes `a` and, perhaps, adds `n`.
    fn facts(paths: &[&str]) -> TreeDiff {
        let side = |path: &str| FileSide {
            path: path.into(),
            mode: FileMode::Regular,
            blob: BlobSha::parse(&"1".repeat(40)).expect("40 digits"),
            size: 1,
        };
        let tree = || TreeSha::parse(&"2".repeat(40)).expect("40 digits");
        let file = |path: &&str| FileChange {
            change: match *path {
                "n" => ChangeKind::Added { new: side(path) },
                _ => ChangeKind::Modified {
                    old: side(path),
                    new: side(path),
                },
            },
            added: 1,
            removed: 1,
            binary: false,
            symlink_target: None,
        };
        TreeDiff {
            base_tree: tree(),
            result_tree: tree(),
            diff_hash: DiffHash::of_bytes(b""),
            files: paths.iter().map(file).collect(),
        }
    }

    fn out(path: &str, hunks: &[u32]) -> LeftOut {
        LeftOut {
            repository: RepositoryId::local(1),
            path: RepoPath::from_bytes(path),
            hunks: hunks.to_vec(),
        }
    }

    fn left(parts: &[LeftOut]) -> Result<String, NarrowError> {
        let refs: Vec<&LeftOut> = parts.iter().collect();
        without(DIFF.as_bytes(), &facts(&["a", "n"]), &refs).map(|b| String::from_utf8(b).expect("text"))
    }

    #[test]
    fn nothing_left_out_changes_nothing() {
        assert_eq!(left(&[]).as_deref(), Ok(DIFF));
    }

    #[test]
    fn a_whole_patch_goes_with_all_its_lines() {
        let rest = left(&[out("a", &[])]).expect("it can go");
        assert!(rest.starts_with("diff --git a/n b/n\nnew file"), "{rest}");
    }

    #[test]
    fn a_hunk_goes_and_its_siblings_stay_where_they_were() {
        let rest = left(&[out("a", &[1]), out("n", &[])]).expect("it can go");
        assert_eq!(
            rest,
            "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -9 +9 @@\n-y\n+z\n"
        );
    }

    #[test]
    fn all_hunks_of_a_patch_are_the_whole_patch() {
        assert_eq!(left(&[out("a", &[1, 2])]), left(&[out("a", &[])]));
    }

    #[test]
    fn a_mode_change_stays_when_its_hunks_go() {
        let diff = "diff --git a/a b/a\nold mode 100644\nnew mode 100755\nindex 1111111..2222222\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n+y\n";
        let gone = out("a", &[1]);
        let rest = without(diff.as_bytes(), &facts(&["a"]), &[&gone]).expect("it can go");
        assert_eq!(
            String::from_utf8_lossy(&rest),
            "diff --git a/a b/a\nold mode 100644\nnew mode 100755\n"
        );
    }

    #[test]
    fn what_is_not_there_or_not_divisible_is_refused() {
        assert_eq!(
            left(&[out("z", &[])]),
            Err(NarrowError::NoPatch(RepoPath::from_bytes("z")))
        );
        assert!(matches!(
            left(&[out("a", &[3])]),
            Err(NarrowError::NoHunk {
                hunks: 2,
                asked: 3,
                ..
            })
        ));
        assert!(matches!(left(&[out("a", &[0])]), Err(NarrowError::NoHunk { .. })));
        assert!(matches!(left(&[out("n", &[1])]), Err(NarrowError::NotInParts(_))));
    }
}
