//! `policy check`: which rules would this diff break, under the policy that counts for its base?

use super::throwaway::{Throwaway, blocking};
use super::{files, patch};
use crate::adapters::BaselineFile;
use crate::cli::CheckArgs;
use crate::error::{CliError, Exit};
use crate::keys::passing_salt;
use crate::render::policy::page;
use crate::session::App;
use crate::terminal::Style;
use crate::wire::ViolationWire;
use countersign_core::id::CommitSha;
use countersign_core::path::RepoPath;
use countersign_core::policy::{
    EffectivePolicy, POLICY_PATH, PolicyFile, Severity, effective, evaluate, parse, risk_tier,
};
use countersign_engine::Baseline as _;
use countersign_engine::inspection::{At, inspect};
use countersign_ports::trees::Trees as _;
use serde::Serialize;

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

/// `policy check`.
pub(super) async fn check(app: &App, args: CheckArgs) -> Result<Exit, CliError> {
    let bytes = files::read_diff(&args.diff)?;
    let copy = Throwaway::of(&args.repo).await?;
    let default = copy.default_branch.to_string();
    let base = copy.pin(args.base.as_deref().unwrap_or(&default)).await?.commit;
    let policy = policy_for(app, &copy, &base).await?;
    let default_commit = copy.pin(&default).await?.commit;
    let (git, source, pinned) = (copy.git.clone(), copy.source.clone(), base.clone());
    // Nothing of a check is kept, so its hashes need not outlive it.
    let salt = passing_salt()?;
    let tried = blocking(move || {
        let applied = match git.apply(&source, &pinned, &bytes)? {
            Ok(applied) => applied,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let at = At {
            source: &source,
            base: &pinned,
            default_commit: &default_commit,
        };
        let findings = inspect(git.as_ref(), &at, &applied, &salt)?;
        Ok::<_, countersign_ports::trees::TreesError>(Ok((applied, findings.findings)))
    });
    let (applied, findings) = match tried.await?? {
        Ok(found) => found,
        Err(refusal) => {
            patch::say_refused(app, refusal);
            return Ok(Exit::Refused);
        }
    };
    let violations = evaluate(&policy, &copy.source.id, &applied.diff, &findings);
    let blocked = violations.iter().any(|v| v.severity == Severity::Block);
    let risk = risk_tier(&[(copy.source.id.clone(), &applied.diff)]);
    let exit = if blocked { Exit::Refused } else { Exit::Ok };
    let name = args.repo.display().to_string();
    if app.terminal.is_json() {
        app.terminal.print_json(&CheckWire {
            blocked,
            violations: violations.iter().map(|v| ViolationWire::of(v, &name)).collect(),
            risk: risk.tier.to_string(),
            risk_reasons: risk.reasons,
            policy: policy.digest().to_hex(),
        });
        return Ok(exit);
    }
    let mut shown = page(&violations, |_| name.clone());
    shown.line(2).add(
        Style::Dim,
        format!("risk {}: {}", risk.tier, risk.reasons.join(" ")),
    );
    app.terminal.print(&shown);
    Ok(exit)
}

/// Floor, organisation, default branch and base put together.
async fn policy_for(app: &App, copy: &Throwaway, base: &CommitSha) -> Result<EffectivePolicy, CliError> {
    let organisation = BaselineFile(app.folder.baseline())
        .read()
        .map_err(|message| CliError::refused("baseline-unreadable", message))?;
    let default = copy.pin(copy.default_branch.as_str()).await?.commit;
    let (git, source, base) = (copy.git.clone(), copy.source.clone(), base.clone());
    let texts = blocking(move || {
        let at = |commit: &CommitSha| git.file(&source, commit, &RepoPath::from_bytes(POLICY_PATH));
        Ok::<_, countersign_ports::trees::TreesError>((at(&default)?, at(&base)?))
    });
    let (default, base) = texts.await??;
    let organisation = read("the organisation's policy", organisation)?;
    let default = read(&format!("`{POLICY_PATH}` of {}", copy.default_branch), default)?;
    let base = read(&format!("`{POLICY_PATH}` of the base"), base)?;
    Ok(effective(organisation.as_ref(), default.as_ref(), base.as_ref()))
}

fn read(place: &str, text: Option<Vec<u8>>) -> Result<Option<PolicyFile>, CliError> {
    let Some(bytes) = text else { return Ok(None) };
    let text = String::from_utf8(bytes)
        .map_err(|_| CliError::refused("policy-not-utf8", format!("{place} is not UTF-8")))?;
    let parsed = parse(&text).map_err(|e| CliError::refused(e.code, format!("{place}: {e}")))?;
    Ok(Some(parsed))
}
