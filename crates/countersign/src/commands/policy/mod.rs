//! `policy`: what counts for a base and where it comes from, diffs held against it, and expectations of it. Needs no
//! data folder and touches no repository.

mod check;
mod expectations;
mod sarif;
mod show;
mod test;
mod under_test;

pub(super) use check::check;
pub(super) use show::show;
pub(super) use test::test;

use super::throwaway::{Throwaway, blocking};
use crate::adapters::BaselineFile;
use crate::error::CliError;
use crate::session::App;
use countersign_core::id::CommitSha;
use countersign_core::path::RepoPath;
use countersign_core::policy::{EffectivePolicy, POLICY_PATH, PolicyFile, PolicySource, effective, parse};
use countersign_engine::Baseline as _;
use countersign_engine::own_rules::{RuleFile, rule_files};
use countersign_ports::trees::{Trees as _, TreesError};

/// A policy and the layers that it is made of.
struct Layers {
    /// What counts.
    policy: EffectivePolicy,
    /// The layers from the loosest on, the floor first.
    layers: Vec<Layer>,
    /// The commit whose file counts for the default branch.
    default_commit: CommitSha,
}

/// One layer.
struct Layer {
    source: PolicySource,
    /// Where it is looked for.
    place: String,
    /// Whether there is one.
    there: bool,
}

/// Floor, organisation, default branch and base put together. `judged` is a commit that is itself held against the
/// policy: where the default branch ends in it, the file before it counts, so that no commit is its own judge.
async fn layers(
    app: &App,
    copy: &Throwaway,
    base: &CommitSha,
    judged: Option<&CommitSha>,
) -> Result<Layers, CliError> {
    let organisation = BaselineFile(app.folder.baseline())
        .read()
        .map_err(|message| CliError::refused("baseline-unreadable", message))?;
    let tip = copy.pin(copy.default_branch.as_str()).await?.commit;
    let default = if Some(&tip) == judged { base.clone() } else { tip };
    let (git, source) = (copy.git.clone(), copy.source.clone());
    let commits = (default.clone(), base.clone());
    let read_both = blocking(move || {
        let at = |commit| {
            let text = git.file(&source, commit, &RepoPath::from_bytes(POLICY_PATH))?;
            let rules = rule_files(git.as_ref(), &source, commit)?;
            Ok::<_, TreesError>((text, rules.iter().map(RuleFile::named).collect::<Vec<_>>()))
        };
        Ok::<_, TreesError>((at(&commits.0)?, at(&commits.1)?))
    });
    let ((of_default, default_rules), (of_base, base_rules)) = read_both.await??;
    let places = [
        format!("{}", app.folder.baseline().display()),
        format!("{POLICY_PATH} of {} at {}", copy.default_branch, default.short()),
        format!("{POLICY_PATH} of the base at {}", base.short()),
    ];
    let organisation = read("the organisation's policy", organisation)?;
    let of_default = read(&format!("`{POLICY_PATH}` of {}", copy.default_branch), of_default)?;
    let of_base = read(&format!("`{POLICY_PATH}` of the base"), of_base)?;
    let sources = [
        (PolicySource::Organisation, organisation.is_some()),
        (PolicySource::DefaultBranch, of_default.is_some()),
        (PolicySource::Base, of_base.is_some()),
    ];
    let floor = Layer {
        source: PolicySource::Floor,
        place: format!("countersign {}", env!("CARGO_PKG_VERSION")),
        there: true,
    };
    let files = sources.into_iter().zip(places);
    let files = files.map(|((source, there), place)| Layer { source, place, there });
    Ok(Layers {
        policy: effective(organisation.as_ref(), of_default.as_ref(), of_base.as_ref())
            .with_own_rules(&default_rules, PolicySource::DefaultBranch)
            .with_own_rules(&base_rules, PolicySource::Base),
        layers: std::iter::once(floor).chain(files).collect(),
        default_commit: default,
    })
}

fn read(place: &str, text: Option<Vec<u8>>) -> Result<Option<PolicyFile>, CliError> {
    let Some(bytes) = text else { return Ok(None) };
    let text = String::from_utf8(bytes)
        .map_err(|_| CliError::refused("policy-not-utf8", format!("{place} is not UTF-8")))?;
    let parsed = parse(&text).map_err(|e| CliError::refused(e.code, format!("{place}: {e}")))?;
    Ok(Some(parsed))
}
