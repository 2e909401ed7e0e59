//! `policy check`: which rules does this change break, under the policy that counts for its base?

use super::{layers, sarif};
use crate::adapters::own_rules;
use crate::cli::{CheckArgs, CheckFormat};
use crate::commands::throwaway::{Throwaway, blocking};
use crate::commands::{files, patch};
use crate::error::{CliError, Exit};
use crate::keys::passing_salt;
use crate::render::policy::page;
use crate::session::App;
use crate::terminal::Style;
use crate::wire::ViolationWire;
use countersign_core::diff::{FileMode, FileSide};
use countersign_core::id::{CommitSha, RepositoryId};
use countersign_core::policy::{EffectivePolicy, Severity, TierReport, Violation, evaluate, risk_tier};
use countersign_engine::inspection::{At, inspect};
use countersign_engine::policies::Layers;
use countersign_git::GitTrees;
use countersign_ports::trees::{Applied, ApplyRefusal, RepoSource, Trees as _, TreesError};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// `policy check --json`.
#[derive(Debug, Serialize)]
struct CheckWire {
    /// Whether something blocks.
    blocked: bool,
    /// Every broken rule, blocks first.
    violations: Vec<ViolationWire>,
    /// `low`, `medium` or `high`.
    risk: String,
    /// Why.
    risk_reasons: Vec<String>,
    /// Digest of the effective policy.
    policy: String,
}

/// What a change came to.
pub(super) struct Judged {
    /// Every broken rule, blocks first.
    pub(super) violations: Vec<Violation>,
    /// How risky it is.
    pub(super) risk: TierReport,
    /// The change.
    pub(super) applied: Applied,
}

impl Judged {
    /// Whether something blocks.
    pub(super) fn blocked(&self) -> bool {
        self.violations.iter().any(|v| v.severity == Severity::Block)
    }
}

/// What is held against the policy.
enum Asked {
    /// A diff and its base.
    Diff { base: CommitSha, bytes: Vec<u8> },
    /// What a commit did to its first parent.
    Commit { base: CommitSha, commit: CommitSha },
}

/// `policy check`.
pub(crate) async fn check(app: &App, args: CheckArgs) -> Result<Exit, CliError> {
    let copy = Throwaway::of(&args.repo).await?;
    let asked = asked(&copy, &args).await?;
    let (base, judged_commit) = match &asked {
        Asked::Diff { base, .. } => (base.clone(), None),
        Asked::Commit { base, commit } => (base.clone(), Some(commit.clone())),
    };
    let found = layers(app, &copy, &base, judged_commit.as_ref()).await?;
    let at = Start {
        git: copy.git.clone(),
        source: copy.source.clone(),
        base,
        default_commit: found.default_commit.clone(),
    };
    let judged = match judge(at, asked, found.policy.clone()).await? {
        Ok(judged) => judged,
        Err(refusal) => {
            match args.format {
                CheckFormat::Sarif => app.terminal.print_json(&sarif::not_applied(&refusal)),
                CheckFormat::Text => patch::say_refused(app, refusal),
            }
            return Ok(Exit::Refused);
        }
    };
    say(app, &args, &found, &judged);
    Ok(if judged.blocked() { Exit::Refused } else { Exit::Ok })
}

async fn asked(copy: &Throwaway, args: &CheckArgs) -> Result<Asked, CliError> {
    if let Some(named) = &args.commit {
        let commit = copy.pin(named).await?.commit;
        let (git, source, child) = (copy.git.clone(), copy.source.clone(), commit.clone());
        let parent = blocking(move || git.first_parent(&source, &child)).await??;
        let Some(parent) = parent else {
            let text = format!("{} is a first commit: there is nothing before it", commit.short());
            return Err(CliError::refused("no-parent", text).next("Give a diff and a base instead."));
        };
        let base = copy
            .pin(parent.as_str())
            .await
            .map_err(|e| match e.code.as_str() {
                "commit-missing" => {
                    let text = format!(
                        "{}, the parent of {}, is not there",
                        parent.short(),
                        commit.short()
                    );
                    CliError::refused("commit-missing", text)
                        .next("A shallow clone leaves it out; have it fetched: git fetch --deepen=1")
                }
                _ => e,
            })?;
        return Ok(Asked::Commit {
            base: base.commit,
            commit,
        });
    }
    let Some(diff) = &args.diff else {
        return Err(CliError::usage("usage", "give --diff FILE or --commit COMMIT"));
    };
    let bytes = files::read_diff(diff)?;
    let default = copy.default_branch.to_string();
    let base = copy.pin(args.base.as_deref().unwrap_or(&default)).await?.commit;
    Ok(Asked::Diff { base, bytes })
}

/// Where a change starts from.
pub(super) struct Start {
    pub(super) git: Arc<GitTrees>,
    pub(super) source: RepoSource,
    pub(super) base: CommitSha,
    pub(super) default_commit: CommitSha,
}

/// Holds a diff against a policy.
///
/// # Errors
/// When git can't answer; a diff that doesn't apply is the answer's other half.
pub(super) async fn judge_diff(
    at: Start,
    bytes: Vec<u8>,
    policy: EffectivePolicy,
) -> Result<Result<Judged, ApplyRefusal>, CliError> {
    let base = at.base.clone();
    judge(at, Asked::Diff { base, bytes }, policy).await
}

async fn judge(
    at: Start,
    asked: Asked,
    policy: EffectivePolicy,
) -> Result<Result<Judged, ApplyRefusal>, CliError> {
    // Nothing of a check is kept, so its hashes need not outlive it.
    let salt = passing_salt()?;
    let work = move || -> Result<_, TreesError> {
        let Start {
            git,
            source,
            base,
            default_commit,
        } = at;
        let applied = match asked {
            Asked::Diff { bytes, .. } => match git.apply(&source, &base, &bytes)? {
                Ok(applied) => applied,
                Err(refusal) => return Ok(Err(refusal)),
            },
            Asked::Commit { commit, .. } => done_by(&git, &source, (&base, &commit))?,
        };
        let at = At {
            source: &source,
            base: &base,
            default_commit: &default_commit,
            origin: None,
            own_rules: &own_rules::Runner,
        };
        let seen = inspect(git.as_ref(), &at, &applied, &salt)?;
        let violations = evaluate(&policy, &source.id, &applied.diff, &seen.findings);
        let risk = risk_tier(&[(source.id.clone(), &applied.diff)]);
        Ok(Ok(Judged {
            violations,
            risk,
            applied,
        }))
    };
    Ok(blocking(work).await??)
}

/// What a commit did, as if it had been proposed.
fn done_by(
    git: &GitTrees,
    source: &RepoSource,
    (base, commit): (&CommitSha, &CommitSha),
) -> Result<Applied, TreesError> {
    let (diff, canonical) = git.between(source, base, commit)?;
    let has_content = |side: &&FileSide| match side.mode {
        FileMode::Regular | FileMode::Executable => true,
        FileMode::Symlink | FileMode::Submodule => false,
    };
    let sides = diff.files.iter().filter_map(|f| f.new_side()).filter(has_content);
    let read = |side: &FileSide| Ok((side.path.clone(), git.blob(source, &side.blob)?));
    let contents = sides.map(read).collect::<Result<BTreeMap<_, _>, TreesError>>()?;
    Ok(Applied {
        diff,
        canonical,
        contents,
        warnings: Vec::new(),
    })
}

fn say(app: &App, args: &CheckArgs, found: &Layers, judged: &Judged) {
    let (name, policy) = (args.repo.display().to_string(), found.policy.digest());
    let Judged { violations, risk, .. } = judged;
    if args.format == CheckFormat::Sarif {
        app.terminal.print_json(&sarif::log(judged, &found.policy));
        return;
    }
    if app.terminal.is_json() {
        app.terminal.print_json(&CheckWire {
            blocked: judged.blocked(),
            violations: violations.iter().map(|v| ViolationWire::of(v, &name)).collect(),
            risk: risk.tier.to_string(),
            risk_reasons: risk.reasons.clone(),
            policy: policy.to_hex(),
        });
        return;
    }
    let mut shown = page(violations, |_: &RepositoryId| name.clone());
    shown.line(2).add(
        Style::Dim,
        format!("risk {}: {}", risk.tier, risk.reasons.join(" ")),
    );
    app.terminal.print(&shown);
}
