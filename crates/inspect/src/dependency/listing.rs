//! What one manifest, lockfile or settings file says, in words that are the same for every ecosystem.
//!
//! Readers fill it, [`super::compare`] holds two of them against each other. It judges nothing.

use countersign_core::dependency::{DependencyState, Ecosystem};
use std::collections::{BTreeMap, BTreeSet};

/// Most packages read from one file.
pub(crate) const MAX_PACKAGES: usize = 50_000;
/// Longest version, source or program text that is kept, in characters.
const MAX_TEXT_CHARS: usize = 400;

/// How a lockfile's own packages are shown.
const OWN: &str = "in this repository";

/// Everything that was read from one file.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Listing {
    /// Packages by name; a lockfile can hold several versions of one.
    pub(crate) packages: BTreeMap<String, Vec<Package>>,
    /// Settings that say where packages come from, by the setting's name.
    pub(crate) origins: BTreeMap<String, Origin>,
    /// What installing or building runs, by the place that says so.
    pub(crate) programs: BTreeMap<String, String>,
    /// The rest, in short: only to name what else changed.
    pub(crate) settings: BTreeMap<String, String>,
    /// The licence that the package claims.
    pub(crate) licence: Option<String>,
    /// Settings that hold something back; losing one is said.
    pub(crate) guards: BTreeMap<String, Guard>,
    /// Names or folders of this repository's own packages that a lockfile covers.
    pub(crate) members: BTreeSet<String>,
    /// Scripts that people and CI call by name (`npm run NAME`).
    pub(crate) tasks: BTreeMap<String, String>,
}

/// One package as one file names it.
#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Package {
    /// Version or requirement.
    pub(crate) version: Option<String>,
    pub(crate) origin: Origin,
    pub(crate) integrity: Integrity,
    /// Installing it runs a program of its own.
    pub(crate) runs_script: bool,
    /// Features, markers and the like, in short.
    pub(crate) extra: String,
    /// Lockfiles of its ecosystem don't hold it (build requirements, peers).
    pub(crate) unlocked: bool,
}

impl Package {
    pub(crate) fn of_version(version: impl AsRef<str>) -> Self {
        Self {
            version: Some(clip(version.as_ref())),
            ..Self::default()
        }
    }

    pub(crate) fn from(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    pub(crate) fn state(&self) -> DependencyState {
        DependencyState {
            version: self.version.clone(),
            source: self.origin.text(),
        }
    }
}

/// What a setting holds back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Guard {
    /// Packages run no scripts while they are installed.
    Scripts,
    /// Content has to have a known hash.
    Hashes,
}

/// Where a package comes from.
#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// The ecosystem's public registry, said or unsaid.
    #[default]
    Default,
    /// Another registry.
    Registry(String),
    /// A git repository, without the commit.
    Git(String),
    /// A file at an address.
    Url(String),
    /// A folder or file of the machine that builds.
    Path(String),
    /// Another package of a registry under this name.
    Alias(String),
}

impl Origin {
    /// As people read it; none for the default registry.
    pub(crate) fn text(&self) -> Option<String> {
        match self {
            Origin::Default => None,
            Origin::Registry(url) => Some(format!("registry {url}")),
            Origin::Git(url) => Some(format!("git {url}")),
            Origin::Url(url) => Some(url.clone()),
            Origin::Path(path) => Some(format!("path {path}")),
            Origin::Alias(name) => Some(format!("package {name}")),
        }
    }

    /// A registry address: the default where it is the ecosystem's public one.
    pub(crate) fn registry(ecosystem: Ecosystem, url: &str) -> Self {
        let host = host(url);
        let public: &[&str] = match ecosystem {
            Ecosystem::Cargo => &["index.crates.io"],
            Ecosystem::Npm => &["registry.npmjs.org", "registry.yarnpkg.com"],
            Ecosystem::Python => &["pypi.org", "files.pythonhosted.org", "pypi.python.org"],
            Ecosystem::Go => &["proxy.golang.org"],
            Ecosystem::Java => &["repo.maven.apache.org", "repo1.maven.org", "plugins.gradle.org"],
        };
        let crates_io = ecosystem == Ecosystem::Cargo && is_crates_io_index(url);
        let encrypted = url.contains("https://") || crates_io;
        if encrypted && (crates_io || public.contains(&host)) {
            Origin::Default
        } else {
            Origin::Registry(clip(url))
        }
    }

    pub(crate) fn git(url: &str) -> Self {
        Origin::Git(clip(url))
    }

    pub(crate) fn url(url: &str) -> Self {
        Origin::Url(clip(url))
    }

    pub(crate) fn path(path: &str) -> Self {
        Origin::Path(clip(path))
    }

    /// A part of this repository, as lockfiles name it without a path.
    pub(crate) fn own() -> Self {
        Origin::Path(OWN.to_owned())
    }

    /// Whether it names a part of this repository without a path.
    pub(crate) fn is_own(&self) -> bool {
        *self == Self::own()
    }
}

fn is_crates_io_index(url: &str) -> bool {
    let url = url.trim_start_matches("registry+").trim_start_matches("sparse+");
    let url = url.trim_end_matches('/').trim_end_matches(".git");
    url == "https://github.com/rust-lang/crates.io-index" || url == "https://index.crates.io"
}

/// The host of an address, without login and port; empty where there is none.
pub(crate) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host.split_once(':').map_or(host, |(host, _)| host)
}

/// Hashes of what a package's files hold, by file name (empty where the lockfile names no file).
#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Integrity(BTreeMap<String, BTreeSet<String>>);

impl Integrity {
    pub(crate) fn of(hash: &str) -> Self {
        let mut integrity = Self::default();
        integrity.add("", hash);
        integrity
    }

    pub(crate) fn add(&mut self, file: &str, hash: &str) {
        let hashes = self.0.entry(clip(file)).or_default();
        hashes.extend(hash.split_whitespace().map(clip));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.values().all(BTreeSet::is_empty)
    }

    /// Whether the same version now accepts other content: a file's hashes were replaced, or all are gone.
    ///
    /// Files that come or go (a wheel for one more platform) replace nothing.
    pub(crate) fn is_broken_by(&self, after: &Integrity) -> bool {
        if self.is_empty() {
            return false;
        }
        let replaced = self.0.iter().any(|(file, before)| {
            let after = after.0.get(file);
            after.is_some_and(|after| before.is_disjoint(after))
        });
        after.is_empty() || replaced
    }
}

impl Listing {
    /// Adds a package under its name.
    pub(crate) fn add(&mut self, name: &str, package: Package) {
        self.packages.entry(clip(name)).or_default().push(package);
    }

    /// Notes that a package may run scripts while it is installed, whatever setting says so.
    pub(crate) fn allow_script(&mut self, name: &str) {
        self.programs
            .insert(clip(format!("scripts of {name}")), "allowed to run".to_owned());
    }

    /// How many packages there are, over all names.
    pub(crate) fn len(&self) -> usize {
        self.packages.values().map(Vec::len).sum()
    }

    /// Notes what else the file says, by names down to the second level.
    pub(crate) fn note(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.settings.insert(name.into(), value.into());
    }
}

/// Text of bounded length: what is cut off is replaced by a mark and the length, so that two texts that differ
/// after the cut seldom look alike.
pub(crate) fn clip(text: impl AsRef<str>) -> String {
    let text = text.as_ref();
    match text.char_indices().nth(MAX_TEXT_CHARS) {
        None => text.to_owned(),
        Some((at, _)) => format!(
            "{}…({} bytes, {:08x})",
            &text[..at],
            text.len(),
            fnv(text.as_bytes())
        ),
    }
}

/// A short fingerprint (FNV-1a, 32 bits) that tells clipped texts apart; it protects nothing.
fn fnv(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}
