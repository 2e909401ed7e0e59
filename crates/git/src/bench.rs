//! A throwaway git folder in which the `git` program answers one question.
//!
//! Its configuration is written here and nowhere else, it has no hooks, attributes, replace refs or grafts,
//! and it reads the objects of others as alternates. So `git` never runs in a registered repository and never
//! sees that one's settings; what it writes goes away with the folder.

use crate::error::{from_io, unavailable, unsupported};
use crate::program::{self, Finished};
use countersign_core::path::quote;
use countersign_ports::trees::TreesError;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// How the folder's name begins, beside the mirrors.
const PREFIX: &str = ".bench-";
/// A folder this old was left by a process that was killed: nothing that runs in one may take so long.
const LEFT_AFTER: Duration = Duration::from_secs(3_600);
/// The whole configuration. Caches that could contradict the objects (commit-graph, multi-pack-index, bitmaps)
/// stay unread; a merge means the same under every version and default of git.
const CONFIG: &str = "[core]
	repositoryFormatVersion = 0
	bare = true
	fileMode = true
	autocrlf = false
	commitGraph = false
	multiPackIndex = false
	quotePath = true
[pack]
	useBitmaps = false
[uploadpack]
	allowAnySHA1InWant = true
[apply]
	whitespace = nowarn
	ignoreWhitespace = no
[merge]
	directoryRenames = conflict
	renames = true
	renameLimit = 1000
	renormalize = false
[diff]
	renames = true
	renameLimit = 1000
";

const MAKING: &str = "Making a throwaway git folder";

/// The folder; dropping it deletes it.
pub(crate) struct Bench {
    folder: TempDir,
}

impl Bench {
    /// Makes one in `root` that reads the objects of this object folder.
    pub(crate) fn new(root: &Path, objects: &Path) -> Result<Self, TreesError> {
        let bench = Self::empty(root)?;
        let borrow = || {
            let objects = fs::canonicalize(objects)?;
            // Quoted, so that no byte of the path means anything else.
            let line = quote(objects.as_os_str().as_bytes());
            fs::write(
                bench.folder().join("objects/info/alternates"),
                format!("{line}\n"),
            )
        };
        borrow().map_err(|e| from_io(MAKING, &e))?;
        Ok(bench)
    }

    /// Makes one in `root` that has no objects at all.
    pub(crate) fn empty(root: &Path) -> Result<Self, TreesError> {
        sweep(root);
        let make = || {
            let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(root)?;
            let at = folder.path();
            fs::create_dir_all(at.join("objects/info"))?;
            fs::create_dir(at.join("refs"))?;
            fs::write(at.join("HEAD"), "ref: refs/heads/none\n")?;
            fs::write(at.join("config"), CONFIG)?;
            Ok(folder)
        };
        let folder = make().map_err(|e| from_io(MAKING, &e))?;
        Ok(Self { folder })
    }

    /// Where it lies.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into it, relative to the folder.
    pub(crate) fn write(&self, name: &str, content: &str) -> Result<(), TreesError> {
        fs::write(self.folder().join(name), content)
            .map_err(|e| from_io("Writing into a throwaway git folder", &e))
    }

    /// Runs `git` in it.
    pub(crate) fn git<I, S>(&self, kind: &'static str, args: I, input: &[u8]) -> Result<Finished, TreesError>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let own = ["--git-dir=.", "--no-replace-objects"].map(OsStr::new);
        let args: Vec<S> = args.into_iter().collect();
        let all = own.into_iter().chain(args.iter().map(AsRef::as_ref));
        program::feed(kind, self.folder(), all, input)
    }

    /// Which git answers here.
    pub(crate) fn version(&self) -> Result<Version, TreesError> {
        let done = self.git("version", ["version"], &[])?;
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        Version::parse(&text).ok_or_else(|| {
            unavailable(
                "git-version",
                format!(
                    "The program `git` does not tell its version ({}{}). Repair its installation.",
                    crate::error::cause(&text),
                    done.said()
                ),
            )
        })
    }
}

/// Deletes what killed processes left. That it fails is no reason to stop: the next one tries again.
fn sweep(root: &Path) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let is_bench = entry.file_name().as_bytes().starts_with(PREFIX.as_bytes());
        let made = entry.metadata().and_then(|m| m.modified()).ok();
        let age = made.and_then(|m| m.elapsed().ok());
        if is_bench && age.is_some_and(|age| age > LEFT_AFTER) {
            let _tried_again_later = fs::remove_dir_all(entry.path());
        }
    }
}

/// The version of the `git` program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    major: u32,
    minor: u32,
    text: String,
}

/// The first git with `merge-tree --write-tree`.
const MERGES_SINCE: (u32, u32) = (2, 38);

impl Version {
    /// Reads `git version 2.39.5 (Apple Git-154)` and the like.
    fn parse(said: &str) -> Option<Self> {
        let text = said
            .trim()
            .strip_prefix("git version ")?
            .split_whitespace()
            .next()?;
        let mut numbers = text.split('.').map(str::parse);
        let (major, minor) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        let text = text.to_owned();
        let plain = text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".-+_".contains(&b));
        (plain && text.len() <= VERSION_MAX_BYTES).then_some(Self { major, minor, text })
    }

    /// Program and version, as evidence names it.
    pub(crate) fn name(&self) -> String {
        format!("git {}", self.text)
    }

    /// Missing evidence is no pass: an old git can't say whether a change merges, so nobody may.
    pub(crate) fn require_merges(&self) -> Result<(), TreesError> {
        if (self.major, self.minor) >= MERGES_SINCE {
            return Ok(());
        }
        let (major, minor) = MERGES_SINCE;
        Err(unsupported(
            "git-too-old",
            format!(
                "{} can't merge without a work tree, which is needed because the branch moved. Install git \
                 {major}.{minor} or newer, then retry.",
                self.name()
            ),
        ))
    }
}

/// Longest version that is believed.
const VERSION_MAX_BYTES: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_old_ones_may_not_merge() {
        let name = |said: &str| Version::parse(said).map(|v| v.name());
        assert_eq!(name("git version 2.39.5\n").as_deref(), Some("git 2.39.5"));
        assert_eq!(
            name("git version 2.39.5 (Apple Git-154)\n").as_deref(),
            Some("git 2.39.5")
        );
        assert_eq!(
            name("git version 2.47.0.windows.1").as_deref(),
            Some("git 2.47.0.windows.1")
        );
        for odd in [
            "",
            "git version",
            "git version x.y",
            "git version 2",
            "got 2.39",
            "git version 2.39.\u{1b}",
        ] {
            assert_eq!(name(odd), None, "{odd:?}");
        }
        let merges = |said: &str| Version::parse(said).expect("a version").require_merges();
        for old in ["git version 2.37.9", "git version 1.99.0"] {
            assert_eq!(merges(old).expect_err("too old").code(), "git-too-old");
        }
        for new in ["git version 2.38.0", "git version 2.47.3", "git version 3.0.0"] {
            merges(new).expect("new enough");
        }
    }

    #[test]
    fn a_bench_is_gone_when_it_is_dropped_and_reads_objects_of_odd_places() {
        let root = tempfile::tempdir().expect("a folder");
        let objects = root.path().join("odd \"place\":\n#é").join("objects");
        fs::create_dir_all(&objects).expect("made");
        let store = gix::odb::loose::Store::at(objects.clone(), gix::hash::Kind::Sha1);
        let id = gix::objs::Write::write_buf(&store, gix::objs::Kind::Blob, b"hello").expect("written");
        let bench = Bench::new(root.path(), &objects).expect("a bench");
        let shown = bench
            .git("cat-file", ["cat-file", "blob", &id.to_string()], &[])
            .expect("it runs");
        assert_eq!(shown.stdout, b"hello", "{}", shown.stderr);
        let folder = bench.folder().to_path_buf();
        drop(bench);
        assert!(!folder.exists());
    }
    #[test]
    fn what_a_killed_process_left_is_swept_away() {
        let root = tempfile::tempdir().expect("a folder");
        let long_ago = std::time::SystemTime::now() - 2 * LEFT_AFTER;
        for name in [".bench-old", ".bench-new", "local-1.git"] {
            fs::create_dir_all(root.path().join(name).join("objects")).expect("made");
        }
        for name in [".bench-old", "local-1.git"] {
            let folder = fs::File::open(root.path().join(name)).expect("opened");
            folder.set_modified(long_ago).expect("aged");
        }
        let bench = Bench::new(root.path(), root.path()).expect("a bench");
        assert!(bench.folder().exists());
        let left = |name: &str| root.path().join(name).exists();
        assert_eq!(
            [".bench-old", ".bench-new", "local-1.git"].map(left),
            [false, true, true]
        );
    }
}
