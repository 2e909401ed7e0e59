//! From diffs to drafts: applied exactly, tried by a second applier, looked at for what only contents show.

use super::{EffectError, Job, Performed};
use crate::inspection;
use countersign_core::artifact::{Rationale, RepoProposal};
use countersign_core::digest::BodyHash;
use countersign_core::facts::Origin;
use countersign_core::id::RepositoryId;
use countersign_core::narrow::{LeftOut, without};
use countersign_core::patch_set::{Draft, SecondOpinion, SecondOutcome};
use countersign_core::workflow::EffectResult;
use countersign_core::workflow::event::PinnedRepo;
use countersign_core::workflow::input::Refused;
use countersign_inspect::Salt;
use countersign_ports::trees::{self, ApplyRefusal, Trees, TreesError};

/// One repository's diff with the claims that come with it.
struct Proposed {
    repository: RepositoryId,
    diff: Vec<u8>,
    rationales: Vec<Rationale>,
}

impl Job<'_> {
    /// Drafts out of a coder's answer, in write order.
    pub(super) async fn apply_all(
        &self,
        proposals: Vec<RepoProposal>,
        bodies: &mut Vec<Vec<u8>>,
    ) -> Result<Result<Vec<Draft>, Refused>, EffectError> {
        let proposed = |p: RepoProposal| Proposed {
            repository: p.repository,
            diff: p.diff.into_bytes(),
            rationales: p.rationales,
        };
        self.drafts(proposals.into_iter().map(proposed).collect(), bodies)
            .await
    }

    /// The drafts of the revision before, without what a reviewer left out.
    pub(super) async fn narrow(&self) -> Result<Performed, EffectError> {
        let mut bodies = Vec::new();
        let answer = match self.left().await? {
            Ok(left) => self.drafts(left, &mut bodies).await?,
            Err(refused) => Err(refused),
        };
        Ok(Performed {
            result: EffectResult::Narrowed { answer },
            bodies,
            for_good: false,
        })
    }

    /// What is left of every draft; repositories of which nothing is left are not among them.
    async fn left(&self) -> Result<Result<Vec<Proposed>, Refused>, EffectError> {
        let (mut left, mut reasons) = (Vec::new(), Vec::new());
        for draft in &self.workflow.earlier_drafts {
            let of_draft = |l: &&LeftOut| l.repository == draft.repository;
            let parts: Vec<&LeftOut> = self.workflow.left_out.iter().filter(of_draft).collect();
            let canonical = self.store.body(&draft.canonical).await?;
            match without(&canonical, &draft.diff, &parts) {
                Ok(diff) if diff.is_empty() => {}
                Ok(diff) => left.push(Proposed {
                    repository: draft.repository.clone(),
                    diff,
                    rationales: draft.rationales.clone(),
                }),
                Err(error) => {
                    let name = self.workflow.repository_name(&draft.repository);
                    reasons.push(format!("{name}: {error}"));
                }
            }
        }
        Ok(if reasons.is_empty() {
            Ok(left)
        } else {
            Err(Refused { reasons })
        })
    }

    async fn drafts(
        &self,
        proposals: Vec<Proposed>,
        bodies: &mut Vec<Vec<u8>>,
    ) -> Result<Result<Vec<Draft>, Refused>, EffectError> {
        let (mut drafts, mut reasons) = (Vec::new(), Vec::new());
        for repo in &self.workflow.repositories {
            let Some(proposal) = proposals.iter().find(|p| p.repository == repo.repository) else {
                continue;
            };
            match self.one_draft(repo, proposal).await? {
                Ok((draft, canonical)) => {
                    drafts.push(draft);
                    bodies.push(canonical);
                }
                Err(refusal) => {
                    let name = self.workflow.repository_name(&repo.repository);
                    reasons.push(format!(
                        "{name}: {} at {} ({})",
                        refusal.message, refusal.place, refusal.code
                    ));
                }
            }
        }
        Ok(if reasons.is_empty() {
            Ok(drafts)
        } else {
            Err(Refused { reasons })
        })
    }

    /// Applies one diff to its pinned base; also gives the canonical diff.
    async fn one_draft(
        &self,
        repo: &PinnedRepo,
        proposal: &Proposed,
    ) -> Result<Result<(Draft, Vec<u8>), ApplyRefusal>, EffectError> {
        let source = self.source(&repo.repository).await?;
        let (pinned, diff, salt) = (repo.clone(), proposal.diff.clone(), self.ports.salt.clone());
        let (origin, own_rules) = (Origin::of(self.submission()?), self.ports.own_rules.clone());
        let rationales = proposal.rationales.clone();
        let work = move |trees: &dyn Trees| {
            let at = inspection::At {
                source: &source,
                base: &pinned.base,
                default_commit: &pinned.default_commit,
                origin: Some(&origin),
                own_rules: own_rules.as_ref(),
            };
            draft(trees, &at, (&diff, &rationales), &salt)
        };
        self.git(work).await
    }
}

/// Applies a diff to a base, has a second applier try the outcome, and looks at what contents show; also gives the
/// canonical diff. Writes nothing. Blocks.
///
/// # Errors
/// When git can't answer; a diff that doesn't apply is the answer's other half.
pub(crate) fn draft(
    trees: &dyn Trees,
    at: &inspection::At<'_>,
    (diff, rationales): (&[u8], &[Rationale]),
    salt: &Salt,
) -> Result<Result<(Draft, Vec<u8>), ApplyRefusal>, TreesError> {
    let applied = match trees.apply(at.source, at.base, diff)? {
        Ok(applied) => applied,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let second = trees.second_opinion(at.source, at.base, &applied.canonical)?;
    let seen = inspection::inspect(trees, at, &applied, salt)?;
    let warnings = applied.warnings.iter();
    let changed = |r: &&Rationale| applied.diff.files.iter().any(|f| f.paths().contains(&&r.path));
    let draft = Draft {
        repository: at.source.id.clone(),
        canonical: BodyHash::of_bytes(&applied.canonical),
        rationales: rationales.iter().filter(changed).cloned().collect(),
        warnings: warnings
            .map(|w| format!("{} at {} ({})", w.message, w.place, w.code))
            .collect(),
        findings: seen.findings,
        dependencies: seen.dependencies,
        owners: seen.owners,
        second_opinion: opinion(second),
        diff: applied.diff,
    };
    Ok(Ok((draft, applied.canonical)))
}

/// The port's words in those of the record.
fn opinion(second: trees::SecondOpinion) -> SecondOpinion {
    let outcome = match second.outcome {
        trees::SecondOutcome::Gives { tree } => SecondOutcome::Tree { tree },
        trees::SecondOutcome::Refused { said } => SecondOutcome::Refused { detail: said },
    };
    SecondOpinion {
        applier: second.applier,
        outcome,
    }
}
