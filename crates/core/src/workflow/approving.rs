//! Asking for approvals, counting them, and gate 3.

use super::effect::SealPurpose;
use super::event::{Approval, CheckpointRef, Event, PinnedRepo, RequestStatus, ResumePoint, Subject};
use super::planning::{approval_window_ms, count};
use super::proposing::judge_proposal;
use super::turn::Turn;
use super::writing::gave_up;
use super::{Effect, Refusal, State, Workflow};
use crate::act::{Act, SeenDigest};
use crate::commit_signature::{CommitSignature, SignatureError, SignedCommits, is_committer, verify};
use crate::digest::ApprovalDigest;
use crate::gate::{Check, CheckId, GateId};
use crate::id::RepositoryId;
use crate::member::{Member, Roster};
use crate::owners::OwnedPath;
use crate::patch_set::{
    COMMITTER, Draft, ManifestContext, PatchSet, Sibling, branch_name, complete, unsigned_commit,
};
use crate::policy::RiskTier;
use crate::question::QuestionKind;
use crate::time::Timestamp;
use std::collections::BTreeSet;

pub(super) fn sealed(
    turn: &mut Turn,
    purpose: SealPurpose,
    checkpoint: CheckpointRef,
    roster: &Roster,
    signed: Option<&SignedCommits>,
) {
    match purpose {
        SealPurpose::BeforeApproval => fix_and_ask(turn, checkpoint, roster, signed),
        SealPurpose::Approved => {
            turn.emit(Event::LedgerSealed { purpose, checkpoint });
            judge_approvals(turn, roster);
        }
    }
}

/// How long before people are asked a commit may have been signed, in milliseconds: no effect takes longer. The date of a
/// signed commit is that moment.
const SIGNED_WITHIN_MS: u64 = 60 * 60 * 1000;

/// Fixes every byte that an approval will write, then asks. Signatures that don't fit these bytes are refused.
fn fix_and_ask(turn: &mut Turn, checkpoint: CheckpointRef, roster: &Roster, signed: Option<&SignedCommits>) {
    let purpose = SealPurpose::BeforeApproval;
    let patch_sets = match fix(&turn.workflow, &checkpoint, turn.at, signed) {
        Ok(patch_sets) => patch_sets,
        Err(error) => {
            let detail = format!("the signature of a commit is refused: {error}");
            return gave_up(turn, &Effect::SealLedger { purpose }, error.code(), &detail);
        }
    };
    turn.emit(Event::LedgerSealed { purpose, checkpoint });
    turn.emit(Event::PatchSetsFixed { patch_sets });
    ask_again(turn, "gates 0 to 2 passed", roster);
}

impl Workflow {
    /// The unsigned bytes of every commit that people would be asked about, under that checkpoint, name and time: what
    /// [`SignedCommits`] has to be of.
    pub fn commits_to_sign(
        &self,
        checkpoint: &CheckpointRef,
        committer: &str,
        at: Timestamp,
    ) -> Vec<(RepositoryId, String)> {
        with_context(self, checkpoint, committer, at, |context| {
            let commits = pinned_drafts(self);
            commits
                .map(|(draft, repo)| {
                    (
                        draft.repository.clone(),
                        unsigned_commit(draft, &repo.base, context),
                    )
                })
                .collect()
        })
    }
}

fn fix(
    workflow: &Workflow,
    checkpoint: &CheckpointRef,
    now: Timestamp,
    signed: Option<&SignedCommits>,
) -> Result<Vec<PatchSet>, SignatureError> {
    let (committer, at) = signed.map_or((COMMITTER, now), |s| (s.committer.as_str(), s.at));
    if !is_committer(committer) {
        return Err(SignatureError::Committer);
    }
    if at > now || at.plus_ms(SIGNED_WITHIN_MS) < now {
        return Err(SignatureError::Time);
    }
    with_context(workflow, checkpoint, committer, at, |context| {
        pinned_drafts(workflow)
            .map(|(draft, repo)| {
                let signature = signed
                    .map(|signed| signature_of(signed, draft, repo, context))
                    .transpose()?;
                Ok(complete(
                    draft.clone(),
                    &repo.base_branch,
                    &repo.base,
                    context,
                    signature,
                ))
            })
            .collect()
    })
}

/// The signature of one draft's commit, verified, with what is recorded of it.
fn signature_of<'a>(
    signed: &'a SignedCommits,
    draft: &Draft,
    repo: &PinnedRepo,
    context: &ManifestContext<'_>,
) -> Result<(&'a str, CommitSignature), SignatureError> {
    let mut own = signed.signatures.iter().filter(|(id, _)| *id == draft.repository);
    let (_, armour) = own.next().ok_or(SignatureError::Missing)?;
    let key = verify(unsigned_commit(draft, &repo.base, context).as_bytes(), armour)?;
    let (committer, at) = (signed.committer.clone(), signed.at);
    Ok((armour, CommitSignature { key, committer, at }))
}

fn pinned_drafts(workflow: &Workflow) -> impl Iterator<Item = (&Draft, &PinnedRepo)> {
    let pinned = |id: &RepositoryId| workflow.repositories.iter().find(|r| r.repository == *id);
    let drafts = workflow.drafts.iter();
    drafts.filter_map(move |d| pinned(&d.repository).map(|repo| (d, repo)))
}

/// What fixes the manifests of a workflow besides its drafts.
fn with_context<T>(
    workflow: &Workflow,
    checkpoint: &CheckpointRef,
    committer: &str,
    at: Timestamp,
    made: impl FnOnce(&ManifestContext<'_>) -> T,
) -> T {
    let submission = workflow
        .submission
        .as_ref()
        .expect("because a workflow begins with its submission");
    let listing = |id: &RepositoryId| {
        let mut lookups = workflow.lookups.iter();
        lookups.find(|l| l.repository == *id)?.listing.clone()
    };
    let siblings: Vec<Sibling> = workflow
        .drafts
        .iter()
        .map(|d| Sibling {
            repository: d.repository.clone(),
            name: workflow.repository_name(&d.repository),
            branch: branch_name(&workflow.id, workflow.revision, d),
            listing: listing(&d.repository),
        })
        .collect();
    let pinned = workflow.repositories.iter();
    let as_drafts: Vec<RepositoryId> = pinned
        .filter(|r| r.policy.opens_drafts())
        .map(|r| r.repository.clone())
        .collect();
    let plan = workflow.plan.iter().flat_map(|p| &p.steps);
    let steps: Vec<_> = plan.map(|s| (s.repository.clone(), s.title.clone())).collect();
    let context = ManifestContext {
        tenant: &workflow.tenant,
        workflow: &workflow.id,
        revision: workflow.revision,
        title: &submission.feedback.title,
        steps: &steps,
        at,
        committer,
        checkpoint: &format!("{} {}", checkpoint.size, checkpoint.root),
        siblings: &siblings,
        as_drafts: &as_drafts,
    };
    made(&context)
}

/// Enters `AwaitingApproval` and opens a request for every patch set, if there are people who may approve it.
pub(super) fn ask_again(turn: &mut Turn, reason: &str, roster: &Roster) {
    let patch_sets = turn.workflow.patch_sets.clone();
    let missing: Vec<String> = patch_sets
        .iter()
        .filter_map(|p| approvers_missing(&turn.workflow, p, roster))
        .collect();
    if !missing.is_empty() {
        return turn.ask(
            QuestionKind::ApproversMissing,
            missing,
            ResumePoint::AwaitingApproval,
        );
    }
    if turn.workflow.waiver_ran_out(turn.at) {
        return judge_proposal(turn, roster, "a waiver ran out");
    }
    let digests: Option<Vec<ApprovalDigest>> = patch_sets
        .iter()
        .map(|p| turn.workflow.approval_digest(p))
        .collect();
    let Some(digests) = digests else {
        let details = vec!["a gate before the approval is not passed; it is judged again".to_owned()];
        return turn.ask(QuestionKind::PlanRefused, details, ResumePoint::Planning);
    };
    turn.enter(State::AwaitingApproval, reason);
    let expires_at = decision_expires_at(&turn.workflow, turn.at);
    for (patch_set, digest) in patch_sets.into_iter().zip(digests) {
        let (repository, patch_set) = (patch_set.repository, patch_set.digest);
        let subject = Subject::PatchSet {
            repository,
            patch_set,
            digest,
        };
        turn.open(subject, Some(expires_at), None);
    }
}

/// When a decision made now runs out: with policy's window, or with the first waiver that it relies on.
pub(super) fn decision_expires_at(workflow: &Workflow, at: Timestamp) -> Timestamp {
    let window = at.plus_ms(approval_window_ms(workflow));
    let waivers = workflow.violations.iter().filter_map(|v| v.waived_until);
    waivers.fold(window, Timestamp::min)
}

/// Says so when fewer people may approve than are needed: a request that nobody can answer is not opened (INV-10).
fn approvers_missing(workflow: &Workflow, patch_set: &PatchSet, roster: &Roster) -> Option<String> {
    let needed = approvals_needed(workflow, &patch_set.repository, roster);
    let eligible = roster.eligible(&workflow.shapers).len();
    let name = workflow.repository_name(&patch_set.repository);
    if eligible < needed as usize {
        let eligible = people(u32::try_from(eligible).unwrap_or(u32::MAX));
        return Some(format!("{name}: {eligible} may approve and {needed} are needed"));
    }
    let may = |m: &&Member| roster.may_approve(&m.id, &workflow.shapers).is_ok();
    let unanswered = |o: &&OwnedPath| !roster.members.iter().filter(may).any(|m| o.is_owner(m));
    let owned: Vec<OwnedPath> = patch_set
        .draft
        .owners
        .iter()
        .filter(unanswered)
        .cloned()
        .collect();
    (!roster.is_solo() && !owned.is_empty())
        .then(|| format!("{name}: nobody who may approve is an owner: {}", named(&owned)))
}

/// How many people have to approve one patch set.
pub fn approvals_needed(workflow: &Workflow, repository: &RepositoryId, roster: &Roster) -> u32 {
    let Some(repo) = workflow.repositories.iter().find(|r| r.repository == *repository) else {
        return u32::MAX;
    };
    let needed = if roster.is_solo() {
        // Alone, one is enough whatever the tier, unless a policy explicitly demands more.
        repo.policy.demands_people().unwrap_or(1)
    } else {
        repo.policy.approvers_for(workflow.tier.unwrap_or(RiskTier::High))
    };
    needed.max(1)
}

/// How the approvals of one patch set stand at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalStanding {
    /// Different eligible human beings with a live approval of exactly the current digest.
    pub people: u32,
    /// How many are needed.
    pub needed: u32,
    /// Approvals of it that ran out.
    pub expired: u32,
    /// Approvals of it by people who are no longer eligible.
    pub ineligible: u32,
    /// Owned paths that no live approval is of an owner; empty in solo mode, where owners are only shown.
    pub owners_missing: Vec<OwnedPath>,
    /// When the first of the live ones runs out.
    pub first_expiry: Option<Timestamp>,
}

/// Counts the approvals of exactly what would be written, by people who are eligible now.
pub fn standing(
    workflow: &Workflow,
    patch_set: &PatchSet,
    roster: &Roster,
    at: Timestamp,
) -> ApprovalStanding {
    let needed = approvals_needed(workflow, &patch_set.repository, roster);
    let mut people: BTreeSet<&str> = BTreeSet::new();
    let mut owners_missing = if roster.is_solo() {
        Vec::new()
    } else {
        patch_set.draft.owners.clone()
    };
    let (mut expired, mut ineligible, mut first_expiry) = (0, 0, None);
    for approval in approvals_of(workflow, patch_set) {
        if approval.expires_at <= at {
            expired += 1;
            continue;
        }
        match roster.may_approve(&approval.act.record.member, &workflow.shapers) {
            Ok(member) => {
                people.insert(&member.person);
                owners_missing.retain(|owned| !owned.is_owner(member));
                first_expiry =
                    Some(first_expiry.map_or(approval.expires_at, |t: Timestamp| t.min(approval.expires_at)));
            }
            Err(_) => ineligible += 1,
        }
    }
    let people = u32::try_from(people.len()).unwrap_or(u32::MAX);
    ApprovalStanding {
        people,
        needed,
        expired,
        ineligible,
        owners_missing,
        first_expiry,
    }
}

impl ApprovalStanding {
    /// Enough people, and the owners among them.
    pub fn is_enough(&self) -> bool {
        self.people >= self.needed && self.owners_missing.is_empty()
    }
}

/// Approvals whose digest is the one that this patch set has now.
pub(crate) fn approvals_of<'a>(
    workflow: &'a Workflow,
    patch_set: &PatchSet,
) -> impl Iterator<Item = &'a Approval> {
    let current = workflow.approval_digest(patch_set).map(SeenDigest::PatchSet);
    workflow
        .approvals
        .iter()
        .filter(move |a| match &a.act.record.act {
            Act::Approve { seen, .. } => Some(seen) == current.as_ref(),
            Act::Reject { .. }
            | Act::RequestChanges { .. }
            | Act::Answer { .. }
            | Act::Deselect { .. }
            | Act::Waive { .. }
            | Act::Withdraw { .. }
            | Act::Cancel { .. }
            | Act::Retry { .. }
            | Act::Extend { .. }
            | Act::Wake => false,
        })
}

/// After a yes: closes the request when enough people said it, and goes on when all are closed.
pub(super) fn count_approvals(turn: &mut Turn, repository: &RepositoryId, roster: &Roster) {
    let Some(patch_set) = turn.workflow.patch_set(repository).cloned() else {
        return;
    };
    let now = standing(&turn.workflow, &patch_set, roster, turn.at);
    if !now.is_enough() {
        return;
    }
    let about =
        |subject: &Subject| matches!(subject, Subject::PatchSet { repository: of, .. } if of == repository);
    let request = turn
        .workflow
        .open_requests()
        .find(|r| about(&r.subject))
        .map(|r| r.id.clone());
    if let Some(request) = request {
        turn.close(&request, RequestStatus::Approved);
    }
    if turn.workflow.open_requests().next().is_none() {
        turn.request(Effect::SealLedger {
            purpose: SealPurpose::Approved,
        });
    }
}

/// Gate 3.
fn judge_approvals(turn: &mut Turn, roster: &Roster) {
    let checks = checks(&turn.workflow, roster, turn.at);
    match turn.judge(GateId::Approval, checks) {
        Ok(()) => {
            turn.enter(State::Applying, "gate 3 passed");
            turn.request(Effect::CheckBases);
        }
        Err(failures) => turn.ask(
            QuestionKind::ApprovalExpired,
            failures,
            ResumePoint::AwaitingApproval,
        ),
    }
}

fn checks(workflow: &Workflow, roster: &Roster, at: Timestamp) -> Vec<Check> {
    let mut checks = Vec::new();
    for patch_set in &workflow.patch_sets {
        let name = workflow.repository_name(&patch_set.repository);
        let now = standing(workflow, patch_set, roster, at);
        let digest = workflow
            .approval_digest(patch_set)
            .map(|d| d.first8())
            .unwrap_or_default();
        let mode = if roster.is_solo() { ", solo mode" } else { "" };
        let enough = format!(
            "{name}: {} of {} approved {digest}{mode}",
            now.people,
            people(now.needed)
        );
        checks.push(
            Check::new(
                CheckId::EnoughApprovals,
                !digest.is_empty() && now.people >= now.needed,
                enough,
            )
            .about(&patch_set.repository),
        );
        checks.push(owners(patch_set, &now, &name, roster));
        let live = format!(
            "{name}: {} live; {} expired, {} by people who are no longer eligible",
            now.people, now.expired, now.ineligible
        );
        checks.push(
            Check::new(CheckId::ApprovalsLive, now.people >= now.needed, live).about(&patch_set.repository),
        );
    }
    let sealed = sealed_approvals(workflow);
    let sealed_detail = match (&workflow.checkpoint, sealed) {
        (Some(c), true) => format!("every approval is in the signed checkpoint of size {}", c.size),
        (Some(_) | None, _) => "no signed checkpoint covers every approval".to_owned(),
    };
    checks.push(Check::new(
        CheckId::NoRejection,
        !workflow.rejected,
        "nobody rejected",
    ));
    checks.push(Check::new(CheckId::ApprovalsSealed, sealed, sealed_detail));
    checks
}

/// Owned paths need an owner among those who approved; alone, owners are shown only.
fn owners(patch_set: &PatchSet, now: &ApprovalStanding, name: &str, roster: &Roster) -> Check {
    let owned = &patch_set.draft.owners;
    let detail = if owned.is_empty() {
        format!("{name}: CODEOWNERS names nobody for the changed paths")
    } else if roster.is_solo() {
        format!(
            "{name}: CODEOWNERS names {}; shown and not required in solo mode",
            named(owned)
        )
    } else if now.owners_missing.is_empty() {
        format!(
            "{name}: an owner approved each of {}",
            count(owned.len(), "owned path")
        )
    } else {
        format!("{name}: still asked for: {}", named(&now.owners_missing))
    };
    let passed = now.owners_missing.is_empty();
    Check::new(CheckId::OwnersApproved, passed, detail).about(&patch_set.repository)
}

/// The first few owned paths with their owners.
fn named(owned: &[OwnedPath]) -> String {
    const NAMED: usize = 3;
    let each = owned.iter().take(NAMED);
    let mut words: Vec<String> = each
        .map(|o| format!("{} for {}", o.owners.join(" or "), o.path))
        .collect();
    if owned.len() > NAMED {
        words.push(format!("{} more", owned.len() - NAMED));
    }
    words.join(", ")
}

/// Whether the newest checkpoint covers every live approval.
pub(crate) fn sealed_approvals(workflow: &Workflow) -> bool {
    workflow
        .checkpoint
        .as_ref()
        .is_some_and(|c| workflow.approvals.iter().all(|a| a.recorded_at <= c.covers))
}

/// Ends what ran out.
pub(super) fn time_passed(turn: &mut Turn) -> Result<(), Refusal> {
    let ran_out = |t: Option<Timestamp>| t.is_some_and(|t| t <= turn.at);
    let expired: Vec<_> = turn
        .workflow
        .open_requests()
        .filter(|r| ran_out(r.expires_at))
        .map(|r| (r.id.clone(), r.subject.clone()))
        .collect();
    let Some((_, first)) = expired.first().cloned() else {
        return Err(Refusal::Stale);
    };
    for (request, _) in &expired {
        turn.close(request, RequestStatus::Expired);
    }
    let resume = match first {
        Subject::Plan { .. } => ResumePoint::Planning,
        Subject::PatchSet { .. } | Subject::Question { .. } => ResumePoint::AwaitingApproval,
    };
    turn.ask(
        QuestionKind::ApprovalExpired,
        vec!["the time to decide ran out; nothing was written".to_owned()],
        resume,
    );
    Ok(())
}

fn people(n: u32) -> String {
    if n == 1 {
        "1 person".to_owned()
    } else {
        format!("{n} people")
    }
}
