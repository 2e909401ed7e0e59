//! People who merge on the forge's own page, and what landed by the branch's own commits.
//!
//! Each merge is taken down as it happens, by content: judges hold it against what was said of it later.

use super::objects::{merged, read, replaced, tree_of};
use super::{Did, Files, Repositories, Repository, folder, unavailable};
use countersign_core::forge::{DIFFERING_MAX, Landed, PullRequest, PullRequestState};
use countersign_core::id::{BranchName, CommitSha, PullRequestNumber};
use countersign_core::path::RepoPath;
use countersign_ports::trees::{Merged, RepoSource, TreesError};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// How somebody merges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// As a commit with two parents.
    Merge,
    /// As one commit on the base.
    Squash,
    /// Every commit anew on the base.
    Rebase,
}

/// What somebody does with a pull request.
#[derive(Debug, Clone, Copy)]
pub struct Merging<'a> {
    /// How.
    pub how: How,
    /// A file and its line that get into the merge, and were in no commit before.
    pub beside: Option<(&'a str, &'a str)>,
    /// Whether the branch is deleted then.
    pub deletes: bool,
}

/// A merge as it happened.
#[derive(Debug, Clone)]
pub struct Landing {
    /// In which folder.
    pub git_dir: PathBuf,
    /// Of which pull request.
    pub number: PullRequestNumber,
    /// Of which branch.
    pub branch: BranchName,
    /// What the branch held.
    pub head: CommitSha,
    /// Whether the base has exactly what merging the commit gives that a permit brought to the branch.
    pub as_approved: bool,
}

impl Repository {
    /// The newest commit of the one's own line that the other has as well.
    fn fork(&self, one: &CommitSha, other: &CommitSha) -> Option<CommitSha> {
        self.line(one).find(|c| self.holds(other, c)).cloned()
    }

    fn files_of(&self, commit: &CommitSha) -> Option<&Files> {
        self.commits.get(commit).map(|c| &c.files)
    }

    /// What merging a commit into a tip gives; `None`: it conflicts.
    fn merging(&self, tip: &CommitSha, commit: &CommitSha) -> Option<Files> {
        let fork = self.fork(commit, tip)?;
        merged(self.files_of(&fork)?, self.files_of(tip)?, self.files_of(commit)?)
    }

    /// Makes every commit since the fork anew on the tip; `None`: one of them conflicts.
    fn rebase(&mut self, tip: &CommitSha, head: &CommitSha) -> Option<CommitSha> {
        let fork = self.fork(head, tip)?;
        let since: Vec<CommitSha> = self.line(head).take_while(|c| **c != fork).cloned().collect();
        let mut on = tip.clone();
        for commit in since.iter().rev() {
            let before = self.before(commit)?.clone();
            let files = merged(
                self.files_of(&before)?,
                self.files_of(&on)?,
                self.files_of(commit)?,
            )?;
            on = self.keep(vec![on], files, &format!("{commit} anew"));
        }
        Some(on)
    }
}

impl Repositories {
    /// What is open in a folder, with whether CI has ended on it.
    pub fn open_ones(&self, dir: &Path) -> Vec<(PullRequest, bool)> {
        let all = self.lock();
        let Some(r) = all.get(dir) else { return Vec::new() };
        let open = r.pulls.all.iter().filter(|p| p.state == PullRequestState::Open);
        open.map(|p| (p.clone(), r.pulls.ended.contains_key(&p.head)))
            .collect()
    }

    /// Every merge, oldest first.
    pub fn landings(&self) -> Vec<Landing> {
        self.landings
            .lock()
            .expect("because landings are only pushed and cloned")
            .clone()
    }

    /// Branches that people pushed to or deleted, by folder.
    pub fn touched(&self) -> Vec<(PathBuf, BranchName)> {
        self.touched
            .lock()
            .expect("because branches are only pushed and cloned")
            .clone()
    }

    fn touch(&self, dir: &Path, branch: &BranchName) {
        let mut touched = self
            .touched
            .lock()
            .expect("because branches are only pushed and cloned");
        touched.push((dir.to_owned(), branch.clone()));
    }

    /// Somebody adds a commit to the branch of an open pull request: this file with this line.
    pub fn somebody_pushes(&self, dir: &Path, branch: &BranchName, (file, line): (&str, &str)) {
        let mut all = self.lock();
        let Some(r) = all.get_mut(dir) else { return };
        let Some(head) = r.heads.get(branch).cloned() else {
            return;
        };
        let Some(mut files) = r.files_of(&head).cloned() else {
            return;
        };
        files.insert(file.into(), format!("{line}\n").into_bytes());
        let pushed = r.keep(vec![head], files, "one more");
        r.heads.insert(branch.clone(), pushed.clone());
        self.touch(dir, branch);
        let shown = |p: &&mut PullRequest| p.branch == *branch && p.state == PullRequestState::Open;
        for pull in r.pulls.all.iter_mut().filter(shown) {
            pull.head = pushed.clone();
        }
    }

    /// Somebody merges a pull request: the commit that the base holds then. `None`: it is not open, or it conflicts and
    /// nobody puts anything else in its place, which the forge refuses to merge.
    pub fn somebody_merges(
        &self,
        dir: &Path,
        number: PullRequestNumber,
        merging: Merging<'_>,
    ) -> Option<CommitSha> {
        let mut all = self.lock();
        let r = all.get_mut(dir)?;
        let open = |p: &&PullRequest| p.number == number && p.state == PullRequestState::Open;
        let pull = r.pulls.all.iter().find(open)?.clone();
        let tip = r.heads.get(&pull.base_branch)?.clone();
        let ours = self.deeds().into_iter().rev().find(|d| {
            d.git_dir == *dir && d.branch == pull.branch && d.did == Did::Branch && d.permit.is_some()
        });
        let wanted = ours.and_then(|deed| r.merging(&tip, &deed.commit));
        let mut files = match r.merging(&tip, &pull.head) {
            Some(files) => files,
            // Settled by hand.
            None => merging.beside.and_then(|_| r.files_of(&tip).cloned())?,
        };
        let words = format!("pull request {number}");
        if let Some((file, line)) = merging.beside {
            files.insert(file.into(), format!("{line}\n").into_bytes());
        }
        let made = match (merging.how, merging.beside) {
            (How::Merge, _) => r.keep(vec![tip, pull.head.clone()], files, &words),
            (How::Rebase, None) => r.rebase(&tip, &pull.head)?,
            (How::Squash, _) | (How::Rebase, Some(_)) => r.keep(vec![tip], files, &words),
        };
        let as_approved = wanted.as_ref() == r.files_of(&made);
        r.heads.insert(pull.base_branch.clone(), made.clone());
        if merging.deletes {
            r.heads.remove(&pull.branch);
            self.touch(dir, &pull.branch);
        }
        for found in r.pulls.all.iter_mut().filter(|p| p.number == number) {
            (found.state, found.merged_as) = (PullRequestState::Merged, Some(made.clone()));
        }
        let mut landings = self
            .landings
            .lock()
            .expect("because landings are only pushed and cloned");
        landings.push(Landing {
            git_dir: dir.to_owned(),
            number,
            branch: pull.branch,
            head: pull.head,
            as_approved,
        });
        Some(made)
    }

    /// The oldest commit on the branch's own line that has the approved one; where it is in none, what the forge says.
    pub(super) fn landing(&self, repo: &RepoSource, asked: &Merged<'_>) -> Result<Landed, TreesError> {
        self.with(&folder(&repo.place), |r| {
            let Some(tip) = r.heads.get(asked.branch) else {
                let detail = format!("there is no branch {} any more", asked.branch);
                return Ok(Landed::Nowhere { detail });
            };
            if !r.holds(tip, asked.merged_as) {
                let detail = format!(
                    "branch {} does not hold {}",
                    asked.branch,
                    asked.merged_as.short()
                );
                return Ok(Landed::Nowhere { detail });
            }
            let kept = r.holds(asked.merged_as, asked.approved);
            let first = r.line(asked.merged_as).find(|c| {
                let before = r.before(c);
                !(kept && before.is_some_and(|before| r.holds(before, asked.approved)))
            });
            let found = first.and_then(|c| Some((c, r.commits.get(c)?.parents.split_first()?)));
            let Some((commit, (before, brings))) = found else {
                let detail = format!("what came before {} is not to be seen", asked.merged_as.short());
                return Ok(Landed::Nowhere { detail });
            };
            let missing = || unavailable("commit-missing", "there is no such commit");
            let files = |c: &CommitSha| r.files_of(c).ok_or_else(missing);
            let changes = read(asked.canonical).map_err(|_| missing())?;
            let (approved, _) = replaced(files(asked.base)?, changes).map_err(|_| missing())?;
            let expected = merged(files(asked.base)?, files(before)?, &approved);
            let there = files(commit)?;
            let differing = expected.as_ref().map(|expected| {
                let paths: BTreeSet<&RepoPath> = expected.keys().chain(there.keys()).collect();
                let differ = |path: &&RepoPath| expected.get(*path) != there.get(*path);
                paths
                    .into_iter()
                    .filter(differ)
                    .take(DIFFERING_MAX)
                    .cloned()
                    .collect()
            });
            Ok(Landed::As {
                commit: commit.clone(),
                tree: tree_of(there),
                before: before.clone(),
                brings: brings.to_vec(),
                expected: expected.as_ref().map(tree_of),
                differing: differing.unwrap_or_default(),
            })
        })
    }
}
