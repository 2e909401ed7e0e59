//! The policy that counts for a base now, put together layer by layer with where each was looked for. Reads commits, and
//! judges nothing; it must never look at a proposed tree (INV-9).

use crate::effects::policy_layer;
use countersign_core::id::{BranchName, CommitSha};
use countersign_core::policy::{
    EffectivePolicy, POLICY_PATH, PolicyError, PolicyFile, PolicySource, effective, parse,
};
use countersign_ports::trees::{Pinned, RepoSource, Trees, TreesError};

/// A policy and the layers that it is made of.
#[derive(Debug, Clone)]
pub struct Layers {
    /// What counts.
    pub policy: EffectivePolicy,
    /// The layers from the loosest on, the floor first.
    pub layers: Vec<Layer>,
    /// The commit whose file counts for the default branch.
    pub default_commit: CommitSha,
    /// The base.
    pub base: CommitSha,
}

/// One layer.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Which.
    pub source: PolicySource,
    /// Where it is looked for.
    pub place: String,
    /// Whether there is one.
    pub there: bool,
}

/// The organisation's policy as it was read.
#[derive(Debug, Clone)]
pub struct Organisation {
    /// Where it is looked for.
    pub place: String,
    /// Its bytes, where there is one.
    pub text: Option<Vec<u8>>,
}

/// Which commits count; all of them are pinned.
#[derive(Debug, Clone, Copy)]
pub struct Counting<'a> {
    /// The repository.
    pub source: &'a RepoSource,
    /// Its default branch.
    pub default_branch: &'a BranchName,
    /// The commit that counts for it.
    pub default_commit: &'a CommitSha,
    /// What work starts from.
    pub base: &'a CommitSha,
}

/// Why there is no policy.
#[derive(Debug, thiserror::Error)]
pub enum LayersError {
    /// A layer is not text.
    #[error("{place} is not UTF-8")]
    NotUtf8 {
        /// Which one.
        place: String,
    },
    /// A layer can't be read strictly.
    #[error("{place}: {why}")]
    Unreadable {
        /// Which one.
        place: String,
        /// The place in it, what is wrong, and the allowed words.
        why: PolicyError,
    },
    /// Git can't answer.
    #[error(transparent)]
    Trees(#[from] TreesError),
}

impl LayersError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            LayersError::NotUtf8 { .. } => "policy-not-utf8",
            LayersError::Unreadable { why, .. } => why.code,
            LayersError::Trees(error) => error.code(),
        }
    }
}

/// Puts floor, organisation, default branch and base together. With `instead` that text counts in the place of the
/// repository's own file, on the default branch and in the base alike. Blocks.
///
/// # Errors
/// When a layer that is there can't be read.
pub fn layers(
    trees: &dyn Trees,
    organisation: Organisation,
    at: Counting<'_>,
    instead: Option<&str>,
) -> Result<Layers, LayersError> {
    let mut of_default = policy_layer(trees, at.source, at.default_commit)?;
    let mut of_base = policy_layer(trees, at.source, at.base)?;
    let mut names = [
        format!("`{POLICY_PATH}` of {}", at.default_branch),
        format!("`{POLICY_PATH}` of the base"),
    ];
    let mut places = [
        format!(
            "{POLICY_PATH} of {} at {}",
            at.default_branch,
            at.default_commit.short()
        ),
        format!("{POLICY_PATH} of the base at {}", at.base.short()),
    ];
    if let Some(text) = instead {
        of_default.text = Some(text.as_bytes().to_vec());
        of_base.text = of_default.text.clone();
        names = ["the policy that was given"; 2].map(str::to_owned);
        places = names.clone();
    }
    let [default_name, base_name] = names;
    let from_organisation = read("the organisation's policy", organisation.text)?;
    let from_default = read(&default_name, of_default.text)?;
    let from_base = read(&base_name, of_base.text)?;
    let layer = |source, place, there| Layer { source, place, there };
    let [default_place, base_place] = places;
    let layers = vec![
        layer(
            PolicySource::Floor,
            format!("countersign {}", env!("CARGO_PKG_VERSION")),
            true,
        ),
        layer(
            PolicySource::Organisation,
            organisation.place,
            from_organisation.is_some(),
        ),
        layer(PolicySource::DefaultBranch, default_place, from_default.is_some()),
        layer(PolicySource::Base, base_place, from_base.is_some()),
    ];
    let policy = effective(
        from_organisation.as_ref(),
        from_default.as_ref(),
        from_base.as_ref(),
    )
    .with_own_rules(&of_default.own_rules, PolicySource::DefaultBranch)
    .with_own_rules(&of_base.own_rules, PolicySource::Base);
    Ok(Layers {
        policy,
        layers,
        default_commit: at.default_commit.clone(),
        base: at.base.clone(),
    })
}

/// Reads one layer strictly.
///
/// # Errors
/// When it is there and is no policy file.
pub fn read(place: &str, text: Option<Vec<u8>>) -> Result<Option<PolicyFile>, LayersError> {
    let Some(bytes) = text else { return Ok(None) };
    let place = || place.to_owned();
    let text = String::from_utf8(bytes).map_err(|_| LayersError::NotUtf8 { place: place() })?;
    let parsed = parse(&text).map_err(|why| LayersError::Unreadable { place: place(), why })?;
    Ok(Some(parsed))
}

/// Where work on a branch would start now, and what counts there.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) default_branch: BranchName,
    pub(crate) default_commit: CommitSha,
    pub(crate) base_branch: BranchName,
    pub(crate) base: Pinned,
}

/// Pins the default branch and a base as they are now. A repository whose HEAD names a branch without commits takes its
/// policy from the base alone. Blocks.
pub(crate) fn standing(
    trees: &dyn Trees,
    source: &RepoSource,
    base: Option<&BranchName>,
) -> Result<Standing, TreesError> {
    let heads = trees.heads(source)?;
    let base_branch = base.unwrap_or(&heads.default_branch).clone();
    let base = trees.pin(source, &base_branch)?;
    let default_commit =
        if base_branch != heads.default_branch && heads.heads.contains_key(&heads.default_branch) {
            trees.pin(source, &heads.default_branch)?.commit
        } else {
            base.commit.clone()
        };
    Ok(Standing {
        default_branch: heads.default_branch,
        default_commit,
        base_branch,
        base,
    })
}

/// What counts for work on a branch now; on the default branch where none is named. Blocks.
///
/// # Errors
/// When the branch is not there, or a layer can't be read.
pub fn now(
    trees: &dyn Trees,
    organisation: Organisation,
    source: &RepoSource,
    base: Option<&BranchName>,
) -> Result<Layers, LayersError> {
    let found = standing(trees, source, base)?;
    let at = Counting {
        source,
        default_branch: &found.default_branch,
        default_commit: &found.default_commit,
        base: &found.base.commit,
    };
    layers(trees, organisation, at, None)
}
