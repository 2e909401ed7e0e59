//! From words such as `src/lib.rs#2,3` to the patches and hunks that are left out.

use crate::error::CliError;
use crate::render::hunks::{Patch, patches};
use crate::render::seen::Seen;
use crate::render::story::counted;
use countersign_core::act::Act;
use countersign_core::id::RepositoryId;
use countersign_core::narrow::LeftOut;
use countersign_core::path::RepoPath;
use countersign_core::workflow::event::{Request, Subject};
use std::collections::{BTreeMap, BTreeSet};

/// What is left out of which patch; no hunks: all of it.
type Parts = BTreeMap<(RepositoryId, RepoPath), BTreeSet<u32>>;

/// Reads what is to be left out. With `numbers`, a patch may be named by its place in the list, from 1.
///
/// # Errors
/// When a word names no patch, one in several repositories, or hunks that are not there.
pub(crate) fn read(
    seen: &Seen,
    words: &[String],
    repo: Option<&str>,
    numbers: bool,
) -> Result<Vec<LeftOut>, CliError> {
    let all = patches(seen);
    let mut parts = Parts::new();
    for word in words {
        let (patch, hunks) = one(seen, &all, word, (repo, numbers))?;
        let key = (patch.repository.clone(), patch.path.clone());
        let whole = hunks.is_empty() || parts.get(&key).is_some_and(BTreeSet::is_empty);
        let gathered = parts.entry(key).or_default();
        gathered.extend(hunks);
        // All hunks are the whole patch, unless its mode changes beside them.
        let all_hunks = gathered.len() == usize::try_from(patch.hunks).unwrap_or(usize::MAX);
        if whole || (all_hunks && !patch.mode_changes) {
            gathered.clear();
        }
    }
    let left_out = |((repository, path), hunks): (_, BTreeSet<u32>)| LeftOut {
        repository,
        path,
        hunks: hunks.into_iter().collect(),
    };
    Ok(parts.into_iter().map(left_out).collect())
}

/// One word: a patch, and perhaps hunks of it. A path that there is wins over hunks behind a `#`.
fn one<'a>(
    seen: &Seen,
    all: &'a [Patch],
    word: &str,
    how: (Option<&str>, bool),
) -> Result<(&'a Patch, BTreeSet<u32>), CliError> {
    let next = format!(
        "The patches and their hunks: countersign diff {}",
        seen.workflow.id
    );
    let refuse = |text: String| CliError::refused("not-deselectable", text).next(next.clone());
    if let Some(patch) = named(all, word, how)? {
        return Ok((patch, BTreeSet::new()));
    }
    let split = word.rsplit_once('#');
    let patch = match split {
        Some((name, _)) => named(all, name, how)?,
        None => None,
    };
    let (Some(patch), Some((_, hunks))) = (patch, split) else {
        return Err(refuse(format!("no patch of this revision is called `{word}`")));
    };
    if patch.hunks == 0 {
        return Err(refuse(format!(
            "`{}` has no parts: leave the whole patch out, or none of it",
            patch.path
        )));
    }
    let number = |text: &str| text.trim().parse().ok().filter(|n| (1..=patch.hunks).contains(n));
    let read: Option<BTreeSet<u32>> = hunks.split(',').map(number).collect();
    let read = read.filter(|r| !r.is_empty());
    read.map(|hunks| (patch, hunks)).ok_or_else(|| {
        refuse(format!(
            "`{}` has {} and nothing that `#{hunks}` names; write it as `#1,3`",
            patch.path,
            counted(patch.hunks as usize, "hunk")
        ))
    })
}

/// The patch of that name, as it is shown or as git quotes it, or of that number.
fn named<'a>(
    all: &'a [Patch],
    name: &str,
    (repo, numbers): (Option<&str>, bool),
) -> Result<Option<&'a Patch>, CliError> {
    let is = |p: &&Patch| p.path == RepoPath::from_bytes(name) || p.path.to_text() == name;
    let here = |p: &&Patch| repo.is_none_or(|r| p.name == r);
    let found: Vec<&Patch> = all.iter().filter(is).filter(here).collect();
    match found.as_slice() {
        [] if numbers => {
            let number: Option<usize> = name.parse().ok();
            Ok(number.and_then(|n| n.checked_sub(1)).and_then(|n| all.get(n)))
        }
        [] => Ok(None),
        [one] => Ok(Some(one)),
        several => {
            let names: Vec<&str> = several.iter().map(|p| p.name.as_str()).collect();
            let text = format!("{} have a patch for `{name}`", names.join(" and "));
            Err(CliError::refused("ambiguous", text).next("Say which with --repo."))
        }
    }
}

/// The open request that is answered by leaving something out: that of the first repository concerned, or another.
pub(crate) fn request<'a>(seen: &'a Seen, left_out: &[LeftOut]) -> Option<&'a Request> {
    let first = left_out.first().map(|l| &l.repository);
    let of = |r: &&Request| match &r.subject {
        Subject::PatchSet { repository, .. } => Some(repository) == first,
        Subject::Plan { .. } | Subject::Question { .. } => false,
    };
    let any = |r: &&Request| matches!(r.subject, Subject::PatchSet { .. });
    let open = || seen.workflow.open_requests();
    open().find(of).or_else(|| open().find(any))
}

/// The act.
pub(crate) fn act(seen: &Seen, request: &Request, left_out: Vec<LeftOut>, reason: String) -> Act {
    Act::Deselect {
        request: request.id.clone(),
        seen: seen.subject(request).1,
        left_out,
        reason,
    }
}
