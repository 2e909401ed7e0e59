//! Repositories on other hosts, over `https`: what their branches hold, fetches into our mirrors, and the one push.
//!
//! Where a repository lies now is asked anew for every call, by the number that the host gave it, so that one that was
//! renamed is found and one that took its name is not. The token goes by the environment to that one address; it is
//! never among arguments, in a mirror's settings, or in an error. Redirects are not followed.

mod failure;
mod push;

use crate::bench::Bench;
use crate::error::{corrupt, unsupported};
use crate::program::{self, ADVERTISED_MAX_BYTES, ASK_DEADLINE, FETCH_DEADLINE, Finished, Network};
use crate::source::HEADS_MAX;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::id::{BranchName, CommitSha, RepositoryId};
use countersign_core::permit::{ContentPermit, DeleteBranch, PushBranch, RetractPermit};
use countersign_ports::trees::{Heads, Remote, TreesError};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use push::{create_branch, delete_branch, mismatch, require_tip};

/// Most generations of history that are looked through for a base; beyond, it counts as not contained.
const ANCESTRY_MAX_DEPTH: u32 = 2_000;
/// As whom a token signs in (<https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app>).
const TOKEN_USER: &str = "x-access-token";
/// How many bytes a second a transfer has to make, and for how many seconds it may make less.
const SLOWEST: [(&str, &str); 2] = [("http.lowSpeedLimit", "1000"), ("http.lowSpeedTime", "15")];

/// What a location is asked for. To write, the permit has to be shown; that does not use it up.
#[derive(Clone, Copy)]
pub enum Purpose<'p> {
    /// To look and to fetch.
    Read,
    /// To push one branch.
    Push {
        /// What allows it.
        permit: &'p ContentPermit<PushBranch>,
        /// Whether the commit changes something below `.github/workflows`, for which some hosts want more.
        workflows: bool,
    },
    /// To delete our branch.
    Delete(&'p RetractPermit<DeleteBranch>),
}

impl Purpose<'_> {
    fn writes(self) -> bool {
        match self {
            Purpose::Read => false,
            Purpose::Push { .. } | Purpose::Delete(_) => true,
        }
    }
}

/// Where a repository lies at this moment.
#[derive(Debug, Clone)]
pub struct Location {
    /// `https://HOST/OWNER/NAME.git`; `http://127.0.0.1:PORT/…` for a model on this machine.
    pub clone_url: String,
    /// What lets us in; none for a look at what everybody may see.
    pub token: Option<Token>,
}

/// A token of a host. It is shown nowhere.
#[derive(Clone)]
pub struct Token {
    text: String,
    passes: bool,
    /// Dropped when git has ended, and with it what the token came from.
    held: Option<Arc<dyn Send + Sync>>,
}

impl Token {
    /// One that somebody made and set.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            text,
            passes: false,
            held: None,
        }
    }

    /// One that was made for this purpose, and is made anew where it is not taken any more.
    pub fn passing(text: impl Into<String>) -> Self {
        Self {
            passes: true,
            ..Self::new(text)
        }
    }

    /// It counts for as long as this is held.
    #[must_use]
    pub fn held_by(self, held: Arc<dyn Send + Sync>) -> Self {
        Self {
            held: Some(held),
            ..self
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Says where the repository with that number lies now, and with which token it may be reached for that purpose. A
/// reader's token never needs to be one that can write.
pub type Locate =
    Arc<dyn Fn(&RepositoryId, &Remote, Purpose<'_>) -> Result<Location, TreesError> + Send + Sync>;

/// The hosts that we may speak to.
#[derive(Clone, Default)]
pub(crate) struct Hosts {
    locate: Option<Locate>,
}

impl fmt::Debug for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosts")
            .field("set_up", &self.locate.is_some())
            .finish()
    }
}

/// A repository on another host, found, for one purpose.
pub(crate) struct Reached<'r> {
    pub(crate) remote: &'r Remote,
    may_write: bool,
    token_passes: bool,
    url: String,
    protocol: &'static str,
    settings: Vec<(String, String)>,
    _held: Option<Arc<dyn Send + Sync>>,
}

impl Hosts {
    pub(crate) fn new(locate: Locate) -> Self {
        Self { locate: Some(locate) }
    }

    /// Looks up where it lies now.
    pub(crate) fn reach<'r>(
        &self,
        id: &RepositoryId,
        remote: &'r Remote,
        purpose: Purpose<'_>,
    ) -> Result<Reached<'r>, TreesError> {
        let locate = self.locate.as_ref().ok_or_else(|| {
            unsupported(
                "remote-not-set-up",
                format!(
                    "{} lies on another host, and none is set up here.",
                    remote.full_name
                ),
            )
        })?;
        let Location { clone_url, token } = locate(id, remote, purpose)?;
        let protocol = protocol(&clone_url)?;
        let mut settings: Vec<(String, String)> = SLOWEST
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let token_passes = token.as_ref().is_some_and(|token| token.passes);
        let mut held = None;
        if let Some(token) = token {
            held = token.held;
            let text = token.text;
            let login = STANDARD.encode(format!("{TOKEN_USER}:{text}"));
            settings.push((
                format!("http.{clone_url}.extraHeader"),
                format!("Authorization: Basic {login}"),
            ));
        }
        Ok(Reached {
            remote,
            may_write: purpose.writes(),
            token_passes,
            url: clone_url,
            protocol,
            settings,
            _held: held,
        })
    }
}

/// Only what is encrypted, or does not leave this machine.
fn protocol(url: &str) -> Result<&'static str, TreesError> {
    let rest = |scheme: &str| url.strip_prefix(scheme);
    let found = match (rest("https://"), rest("http://127.0.0.1:")) {
        (Some(rest), _) => Some(("https", rest)),
        (None, Some(rest)) => Some(("http", rest)),
        (None, None) => None,
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/:%[]".contains(c);
    match found {
        Some((protocol, rest)) if !rest.is_empty() && rest.chars().all(plain) => Ok(protocol),
        Some(_) | None => Err(unsupported(
            "clone-url-unusable",
            "The host names an address that git is not let to: it has to be https:// without anybody's name in it.",
        )),
    }
}

impl Reached<'_> {
    fn git<I, S>(
        &self,
        kind: &'static str,
        folder: &Path,
        args: I,
        limit: Duration,
    ) -> Result<Finished, TreesError>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let network = Network {
            protocol: self.protocol,
            settings: &self.settings,
            limit,
            stdout_max: ADVERTISED_MAX_BYTES,
            writes: kind == "push" && self.may_write,
        };
        program::reach(kind, folder, args, &network)
    }

    /// What the host advertises for these patterns: full ref name → commit, and what HEAD names.
    fn advertised(
        &self,
        patterns: &[&str],
    ) -> Result<(Option<String>, BTreeMap<String, CommitSha>), TreesError> {
        let mut arguments = vec!["ls-remote", "--symref", "--", self.url.as_str()];
        arguments.extend(patterns);
        let done = self.git("ls-remote", Path::new("/"), arguments, ASK_DEADLINE)?;
        if !done.status.success() {
            return Err(failure::of(self, "Looking at", &done));
        }
        if done.stdout.len() as u64 >= ADVERTISED_MAX_BYTES {
            return Err(too_many());
        }
        let text = String::from_utf8_lossy(&done.stdout);
        let (mut head, mut refs) = (None, BTreeMap::new());
        for (value, name) in text.lines().filter_map(|line| line.split_once('\t')) {
            if let Some(named) = value.strip_prefix("ref: ") {
                if name == "HEAD" {
                    head = Some(named.to_owned());
                }
            } else if let Ok(commit) = CommitSha::parse(value) {
                refs.insert(name.to_owned(), commit);
            }
        }
        Ok((head, refs))
    }

    /// All branches.
    pub(crate) fn heads(&self) -> Result<Heads, TreesError> {
        let (head, refs) = self.advertised(&["HEAD", "refs/heads/*"])?;
        let mut heads = BTreeMap::new();
        for (name, commit) in refs {
            if let Some(branch) = name
                .strip_prefix("refs/heads/")
                .and_then(|n| BranchName::parse(n).ok())
            {
                heads.insert(branch, commit);
            }
        }
        if heads.len() > HEADS_MAX {
            return Err(too_many());
        }
        let default = head.as_deref().and_then(|full| full.strip_prefix("refs/heads/"));
        let default_branch = default
            .and_then(|name| BranchName::parse(name).ok())
            .ok_or_else(|| {
                unsupported(
                    "no-commit-yet",
                    format!(
                        "{} has no default branch with a commit. Make a first commit there.",
                        self.remote.full_name
                    ),
                )
            })?;
        Ok(Heads {
            default_branch,
            heads,
        })
    }

    /// The commit of one branch; `None`: there is no such branch.
    pub(crate) fn tip(&self, branch: &BranchName) -> Result<Option<CommitSha>, TreesError> {
        let full = branch.full_ref();
        // The pattern also matches names that end so: only the whole name counts.
        let (_, mut refs) = self.advertised(&[&full])?;
        Ok(refs.remove(&full))
    }

    /// Fetches one commit at depth 1 into a ref of this folder.
    pub(crate) fn fetch(&self, folder: &Path, commit: &CommitSha, into: &str) -> Result<(), TreesError> {
        let refspec = format!("+{commit}:{into}");
        let arguments = [
            "fetch",
            "--quiet",
            "--depth=1",
            "--no-tags",
            "--no-recurse-submodules",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--",
            self.url.as_str(),
            refspec.as_str(),
        ];
        let done = self.git("fetch", folder, arguments, FETCH_DEADLINE)?;
        match done.status.success() {
            true => Ok(()),
            false => Err(failure::of(self, "Fetching from", &done)),
        }
    }

    /// Whether `base` is `tip` or one of its ancestors, by the commits alone, fetched for this question into a throwaway
    /// folder. Too long a history: no.
    pub(crate) fn contains(
        &self,
        bench: &Bench,
        tip: &CommitSha,
        base: &CommitSha,
    ) -> Result<bool, TreesError> {
        self.fetch_history(bench, tip)?;
        let listed = bench.git(
            "merge-base",
            ["merge-base", "--is-ancestor", base.as_str(), tip.as_str()],
            &[],
        )?;
        Ok(listed.status.success())
    }

    /// Fetches the commits below a tip without their files, so many generations of them as are looked through.
    pub(crate) fn fetch_history(&self, bench: &Bench, tip: &CommitSha) -> Result<(), TreesError> {
        let (refspec, depth) = (
            format!("+{tip}:{}", crate::landing::TIP),
            format!("--depth={ANCESTRY_MAX_DEPTH}"),
        );
        let arguments = [
            "fetch",
            "--quiet",
            depth.as_str(),
            "--filter=tree:0",
            "--no-tags",
            "--no-recurse-submodules",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--",
            self.url.as_str(),
            refspec.as_str(),
        ];
        let done = self.git("fetch", bench.folder(), arguments, FETCH_DEADLINE)?;
        match done.status.success() {
            true => Ok(()),
            false => Err(failure::of(self, "Fetching the history of", &done)),
        }
    }
}

fn too_many() -> TreesError {
    corrupt(
        "too-many-branches",
        format!("The repository has more than {HEADS_MAX} branches. Delete some."),
    )
}

/// For a call that a repository on another host has no answer to.
pub(crate) fn gone(remote: &Remote, branch: &BranchName) -> TreesError {
    unsupported(
        "branch-missing",
        format!(
            "{} has no branch `{branch}`. Name one that exists.",
            remote.full_name
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_goes_only_where_it_is_encrypted_or_stays_here() {
        assert_eq!(protocol("https://github.com/o/n.git").ok(), Some("https"));
        assert_eq!(protocol("http://127.0.0.1:8080/o/n.git").ok(), Some("http"));
        for wrong in [
            "http://github.com/o/n.git",
            "https://me:pw@github.com/o/n.git",
            "ssh://git@github.com/o/n.git",
            "file:///srv/n.git",
            "ext::sh -c true",
            "https://",
            "https://github.com/o/n.git --upload-pack=x",
            "http://127.0.0.1.example.org/o/n.git",
        ] {
            assert!(protocol(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_token_is_not_shown() {
        let shown = format!("{:?}", Token::new("canary"));
        assert!(!shown.contains("canary"), "{shown}");
    }
}
