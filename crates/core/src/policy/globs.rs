//! Globs of policy files: checked when read, compiled when used.
//!
//! Where a glob can't be compiled after all (a stored policy that was tampered with), the tighter side wins:
//! every path counts as frozen, no branch as allowed.

use super::fold::{fold, is_hidden_character, match_key, squeeze};
use super::{GLOB_MAX_CHARS, GLOBS_MAX};
use crate::id::BranchName;
use crate::path::RepoPath;
use globset::{Candidate, Glob, GlobBuilder, GlobSet, GlobSetBuilder};

/// Globs compiled into one automaton; keeps each one far below the compiler's size limit.
const GLOBS_PER_SET: usize = 50;

/// What is wrong with a glob of paths, if anything.
pub(super) fn path_glob_problem(glob: &str) -> Option<String> {
    let named = without_slash(glob);
    if let Some(problem) = text_problem(named) {
        return Some(problem);
    }
    if named.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Some(
            "has an empty part, `.` or `..`; write it from the repository's root, as in `infra/**`".into(),
        );
    }
    Matcher::compile(&[glob])
        .err()
        .map(|error| format!("can't be read: {error}"))
}

/// What is wrong with a glob of branches, if anything.
pub(super) fn branch_glob_problem(glob: &str) -> Option<String> {
    if let Some(problem) = text_problem(glob) {
        return Some(problem);
    }
    if glob.contains('[') {
        return Some("has `[`; branch globs know `*`, `**`, `?` and `{a,b}`".into());
    }
    if glob.starts_with("refs/") {
        return Some("begins with `refs/`; write the branch alone, as in `main` or `release/*`".into());
    }
    branch_set([glob.to_owned()])
        .err()
        .map(|error| format!("can't be read: {error}"))
}

fn text_problem(glob: &str) -> Option<String> {
    if glob.is_empty() {
        return Some("is empty".into());
    }
    if glob.chars().count() > GLOB_MAX_CHARS {
        return Some(format!("has more than {GLOB_MAX_CHARS} characters"));
    }
    let hidden = glob.chars().find(|c| is_hidden_character(*c))?;
    Some(format!(
        "holds the invisible character U+{:04X}",
        u32::from(hidden)
    ))
}

/// Frozen paths, compiled. A glob also freezes everything below a folder that it matches.
pub(super) struct FrozenGlobs {
    matchers: Vec<Matcher>,
    /// The first glob of a list that could not be compiled: then every path is frozen by it.
    broken: Option<usize>,
}

impl FrozenGlobs {
    /// Compiles globs; their order gives the numbers of [`FrozenGlobs::first_match`].
    pub(super) fn compile(globs: &[&str]) -> Self {
        let mut compiled = Self {
            matchers: Vec::new(),
            broken: None,
        };
        for (chunk, globs) in globs.chunks(GLOBS_PER_SET).enumerate() {
            match Matcher::compile(globs) {
                Ok(matcher) => compiled.matchers.push(Matcher {
                    offset: chunk * GLOBS_PER_SET,
                    ..matcher
                }),
                Err(_) => compiled.broken = compiled.broken.or(Some(chunk * GLOBS_PER_SET)),
            }
        }
        compiled
    }

    /// The number of the first glob that freezes the path.
    pub(super) fn first_match(&self, path: &RepoPath) -> Option<usize> {
        let key = match_key(path.as_bytes());
        let squeezed = squeeze(&key);
        let found = self
            .matchers
            .iter()
            .find_map(|m| m.first_match(path.as_bytes(), &key, &squeezed));
        found.or(self.broken)
    }
}

/// One chunk of globs in three forms, any of which freezes: as written on the raw bytes; folded on the folded
/// path; folded and squeezed, so that `?` and `[…]` stand for one character beyond ASCII too.
struct Matcher {
    offset: usize,
    raw: GlobSet,
    folded: GlobSet,
    squeezed: GlobSet,
    squeezed_numbers: Vec<usize>,
}

impl Matcher {
    fn compile(globs: &[&str]) -> Result<Self, globset::Error> {
        let names: Vec<&str> = globs.iter().map(|glob| without_slash(glob)).collect();
        let folded: Vec<String> = names.iter().map(|glob| fold(glob)).collect();
        let counted = |glob: &String| glob.contains(['?', '[']);
        let squeezed_numbers = (0..folded.len()).filter(|n| counted(&folded[*n])).collect();
        let squeezed = folded
            .iter()
            .filter(|glob| counted(glob))
            .map(|g| squeeze(g.as_bytes()));
        let squeezed = squeezed.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(Self {
            offset: 0,
            raw: path_set(names.into_iter().map(str::to_owned), false)?,
            squeezed: path_set(squeezed, true)?,
            folded: path_set(folded, true)?,
            squeezed_numbers,
        })
    }

    fn first_match(&self, raw: &[u8], key: &[u8], squeezed: &[u8]) -> Option<usize> {
        let squeezed = first_in(&self.squeezed, squeezed).map(|n| self.squeezed_numbers[n]);
        let found = [first_in(&self.raw, raw), first_in(&self.folded, key), squeezed];
        found.into_iter().flatten().min().map(|n| n + self.offset)
    }
}

fn first_in(set: &GlobSet, path: &[u8]) -> Option<usize> {
    set.matches_candidate(&Candidate::from_bytes(path))
        .into_iter()
        .min()
        .map(|n| n / FORMS)
}

/// A list of branch globs, compiled. Branch names are compared exactly: an allow-list must not widen.
pub(super) struct BranchGlobs(Option<GlobSet>);

impl BranchGlobs {
    /// Compiles globs; a list that can't be compiled allows nothing.
    pub(super) fn compile(globs: &[String]) -> Self {
        if globs.len() > GLOBS_MAX {
            Self(None)
        } else {
            Self(branch_set(globs.iter().cloned()).ok())
        }
    }

    /// Whether the list has that branch.
    pub(super) fn is_match(&self, branch: &BranchName) -> bool {
        let candidate = Candidate::from_bytes(branch.as_str());
        self.0
            .as_ref()
            .is_some_and(|set| set.is_match_candidate(&candidate))
    }
}

/// Patterns made of one glob of paths.
const FORMS: usize = 2;

/// Globs of paths in one set, [`FORMS`] patterns for each: what it matches, and everything below that.
pub(super) fn path_set(
    globs: impl IntoIterator<Item = String>,
    case_insensitive: bool,
) -> Result<GlobSet, globset::Error> {
    let mut builder = GlobSetBuilder::new();
    for glob in globs {
        builder.add(pattern(&glob, case_insensitive)?);
        builder.add(pattern(&format!("{glob}/**"), case_insensitive)?);
    }
    builder.build()
}

fn branch_set(globs: impl IntoIterator<Item = String>) -> Result<GlobSet, globset::Error> {
    let mut builder = GlobSetBuilder::new();
    for glob in globs {
        builder.add(pattern(&glob, false)?);
    }
    builder.build()
}

/// `*` and `?` stay inside a folder, `**` crosses folders, `\` escapes on every machine.
fn pattern(glob: &str, case_insensitive: bool) -> Result<Glob, globset::Error> {
    let mut builder = GlobBuilder::new(glob);
    builder
        .literal_separator(true)
        .backslash_escape(true)
        .case_insensitive(case_insensitive)
        .build()
}

/// `infra/` means the folder `infra`.
fn without_slash(glob: &str) -> &str {
    glob.strip_suffix('/').unwrap_or(glob)
}
