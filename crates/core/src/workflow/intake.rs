//! From a submission to pinned bases: gate 0, and the effective policy of every repository.

use super::event::{Event, PinnedRepo, RepoLookup};
use super::input::{LoadedRepo, Submission};
use super::turn::Turn;
use super::{Effect, Refusal, State, Workflow, budget};
use crate::digest::ContextHash;
use crate::feedback::{REPOSITORIES_MAX, RepoRole, check_metadata};
use crate::forge::RequiredCheck;
use crate::gate::{Check, CheckId, GateId};
use crate::id::{BranchName, RepositoryId, WorkflowId};
use crate::member::{Role, Roster};
use crate::policy::{self, CiDemand, CiRequirement, EffectivePolicy, PolicyFile, PolicySource};
use std::collections::BTreeSet;

/// What was found besides the branches.
pub(super) struct Found {
    pub(super) policies: Vec<(RepositoryId, Option<Vec<u8>>)>,
    pub(super) protections: Vec<(RepositoryId, Vec<RequiredCheck>)>,
    pub(super) organisation: Option<Vec<u8>>,
    pub(super) duplicate_of: Option<WorkflowId>,
    pub(super) roster: Roster,
}

/// Refuses what can't be a workflow at all.
pub(super) fn check(submission: &Submission) -> Result<(), Refusal> {
    let bad = |text: String| Err(Refusal::BadSubmission(text));
    let repositories = &submission.repositories;
    if repositories.is_empty() || repositories.len() > REPOSITORIES_MAX {
        return bad(format!(
            "a workflow has 1 to {REPOSITORIES_MAX} repositories, not {}",
            repositories.len()
        ));
    }
    if repositories
        .iter()
        .filter(|r| r.role == RepoRole::Primary)
        .count()
        != 1
    {
        return bad(
            "exactly one repository has to be the primary one; mark the others `:secondary`".to_owned(),
        );
    }
    let ids: BTreeSet<_> = repositories.iter().map(|r| &r.id).collect();
    let names: BTreeSet<_> = repositories.iter().map(|r| &r.name).collect();
    if ids.len() != repositories.len() || names.len() != repositories.len() {
        return bad("the same repository, or the same repository name, is listed twice".to_owned());
    }
    if let Some(Err(error)) = submission.budget.map(|b| b.check()) {
        return bad(error.to_string());
    }
    check_metadata(&submission.metadata).map_err(|e| Refusal::BadSubmission(e.to_string()))
}

pub(super) fn begin(turn: &mut Turn, submission: Submission) {
    let Submission {
        feedback,
        repositories,
        agent,
        started_by,
        attendance,
        again,
        metadata,
        budget,
        signature,
    } = submission;
    turn.emit(Event::WorkflowStarted {
        feedback,
        repositories,
        agent,
        started_by,
        attendance,
        again,
        metadata,
        budget,
        signature,
    });
    turn.enter(State::Queued, "accepted");
    turn.request(Effect::LookUpRefs);
}

/// Gate 0.
pub(super) fn refs_looked_up(turn: &mut Turn, repositories: Vec<RepoLookup>, found: &Found) {
    turn.emit(Event::RefsLookedUp {
        repositories: repositories.clone(),
    });
    let mut checks = start_checks(turn, found);
    let organisation = read_policy("the organisation's policy", found.organisation.as_deref());
    for lookup in &repositories {
        checks.extend(repository_checks(turn, lookup, &organisation, found));
    }
    match turn.judge(GateId::Intake, checks) {
        Ok(()) => {
            turn.enter(State::LoadingContext, "gate 0 passed");
            turn.request(Effect::LoadContext);
        }
        Err(failures) => turn.end(State::Declined, failures.join("; ")),
    }
}

fn start_checks(turn: &Turn, found: &Found) -> Vec<Check> {
    let submission = turn
        .workflow
        .submission
        .as_ref()
        .expect("because a workflow begins with its submission");
    let starter = found.roster.entitled(&submission.started_by, Role::Reviewer);
    let starter_detail = match &starter {
        Ok(member) => format!("{} is {:?}", member.name, member.role),
        Err(why) => why.to_string(),
    };
    let duplicate = found.duplicate_of.as_ref().filter(|_| !submission.again);
    let duplicate_detail = match duplicate {
        Some(other) => format!("{other} is open with the same text and repositories"),
        None if submission.again => "asked for again".to_owned(),
        None => "no open workflow has the same text and repositories".to_owned(),
    };
    let (agent_allowed, agent_detail) = agent(submission);
    vec![
        Check::new(
            CheckId::WellFormed,
            true,
            format!("{} bytes of UTF-8 text", submission.feedback.text.len()),
        ),
        Check::new(CheckId::StarterAllowed, starter.is_ok(), starter_detail),
        Check::new(CheckId::AgentAllowed, agent_allowed, agent_detail),
        Check::new(CheckId::NotDuplicate, duplicate.is_none(), duplicate_detail),
    ]
}

/// Whether the agent may work on these repositories, and what holds it.
fn agent(submission: &Submission) -> (bool, String) {
    let agent = &submission.agent;
    let refused = submission
        .repositories
        .iter()
        .find(|r| !agent.allowed_on(r.id.forge));
    if let Some(remote) = refused {
        let detail = format!(
            "{} is on a {} forge, where an agent without confinement never works",
            remote.name,
            remote.id.forge.as_str()
        );
        return (false, detail);
    }
    let detail = match (agent.unconfined(), agent.reach()) {
        (true, _) => "runs without confinement, as asked for, on local repositories only".to_owned(),
        (false, None) => format!(
            "{} runs inside this process and reads only the snapshot",
            agent.label()
        ),
        (false, Some(_)) => format!("runs confined: {}", agent.reach_words().join(", ")),
    };
    (true, detail)
}

fn repository_checks(
    turn: &Turn,
    lookup: &RepoLookup,
    organisation: &Result<Option<PolicyFile>, String>,
    found: &Found,
) -> Vec<Check> {
    let id = &lookup.repository;
    let name = turn.workflow.repository_name(id);
    let branch = &lookup.base_branch;
    let exists = Check::new(
        CheckId::BaseExists,
        lookup.base_commit.is_some(),
        match &lookup.base_commit {
            Some(commit) => format!("{name}: {branch} is at {}", commit.short()),
            None => format!("{name} has no branch `{branch}` with a commit"),
        },
    );
    let text = found
        .policies
        .iter()
        .find(|(of, _)| of == id)
        .and_then(|(_, text)| text.as_deref());
    let file = read_policy(
        &format!("{name}: `{}` of {}", policy::POLICY_PATH, lookup.default_branch),
        text,
    );
    let both = organisation
        .as_ref()
        .map_err(Clone::clone)
        .and_then(|o| file.map(|f| (o, f)));
    let checks = match both {
        Ok((organisation, file)) => {
            let protection = found.protections.iter().find(|(of, _)| of == id);
            let protection = protection
                .map(|(_, checks)| checks.as_slice())
                .unwrap_or_default();
            let effective = policy::effective(organisation.as_ref(), file.as_ref(), None);
            let effective = effective.with_protection(protection);
            policy_checks(
                &turn.workflow,
                &effective,
                (&lookup.repository, &lookup.base_branch),
                &found.roster,
            )
        }
        Err(why) => vec![Check::new(CheckId::PolicyReadable, false, why)],
    };
    std::iter::once(exists)
        .chain(checks)
        .map(|c| c.about(id))
        .collect()
}

/// What a readable policy says about a base branch, and whether there are people enough for it.
pub(super) fn policy_checks(
    workflow: &Workflow,
    effective: &EffectivePolicy,
    (repository, branch): (&RepositoryId, &BranchName),
    roster: &Roster,
) -> Vec<Check> {
    let name = workflow.repository_name(repository);
    let allowed = effective.allows_base(branch);
    let allowed_detail = if allowed {
        format!("{name}: policy allows {branch}")
    } else {
        format!("{name}: policy does not allow base {branch}")
    };
    let mut checks = vec![
        Check::new(
            CheckId::PolicyReadable,
            true,
            format!("{name}: policy {}", effective.digest().first8()),
        ),
        Check::new(CheckId::BaseAllowed, allowed, allowed_detail),
        people_check(workflow, repository, effective, roster),
    ];
    checks.extend(budget::check(workflow, &name, effective));
    checks
}

/// Whether there are enough people for what policy demands, without those who had a hand in the content.
pub(super) fn people_check(
    workflow: &Workflow,
    repository: &RepositoryId,
    effective: &EffectivePolicy,
    roster: &Roster,
) -> Check {
    let name = workflow.repository_name(repository);
    if let Some(why) = ci_cannot_pass(effective, repository) {
        return Check::new(CheckId::PolicyCanBeMet, false, format!("{name}: {why}"));
    }
    let people = roster.eligible(&workflow.shapers).len();
    let (met, detail) = match effective.demands_people() {
        Some(demanded) => (
            people >= demanded as usize,
            format!("{name}: policy demands {demanded} approvers; people who may approve this: {people}"),
        ),
        None if roster.is_solo() => (true, format!("{name}: solo mode, one approval by the one member")),
        None => (
            people > 0,
            format!("{name}: people who may approve this: {people}"),
        ),
    };
    Check::new(CheckId::PolicyCanBeMet, met, detail)
}

/// Why gate 5 could not pass whatever CI says, known before any work is done.
fn ci_cannot_pass(effective: &EffectivePolicy, repository: &RepositoryId) -> Option<&'static str> {
    if !repository.forge.has_pull_requests() {
        let demanded = effective.ci.value == CiRequirement::Required;
        return demanded.then_some("policy requires CI, and a local repository has none");
    }
    match effective.ci_demand() {
        CiDemand::Checks(_) | CiDemand::NotRequired => None,
        CiDemand::Unsaid => Some(
            "neither policy nor the branch's protection names a check of CI; name some in `[ci] checks`, or say on the default branch that none is required: `[ci] required = false`",
        ),
    }
}

/// Pins the bases; a policy that can't be read closes gate 0 again.
pub(super) fn context_loaded(
    turn: &mut Turn,
    loaded: Vec<LoadedRepo>,
    organisation: Option<&[u8]>,
    context: ContextHash,
) {
    match pin_all(turn, loaded, organisation) {
        Ok(repositories) => {
            turn.emit(Event::ContextLoaded {
                repositories,
                context,
            });
            turn.enter(State::Triaging, "bases pinned");
            turn.request(Effect::Triage);
        }
        Err(why) => {
            let closed = turn.judge(
                GateId::Intake,
                vec![Check::new(CheckId::PolicyReadable, false, why.clone())],
            );
            assert!(closed.is_err(), "a gate with a failed check is closed");
            turn.end(State::Declined, why);
        }
    }
}

fn pin_all(
    turn: &Turn,
    loaded: Vec<LoadedRepo>,
    organisation: Option<&[u8]>,
) -> Result<Vec<PinnedRepo>, String> {
    let organisation = read_policy("the organisation's policy", organisation)?;
    loaded
        .into_iter()
        .map(|repo| pin(turn, repo, organisation.as_ref()))
        .collect()
}

fn pin(turn: &Turn, repo: LoadedRepo, organisation: Option<&PolicyFile>) -> Result<PinnedRepo, String> {
    let name = turn.workflow.repository_name(&repo.repository);
    let place = |of: &str| format!("{name}: `{}` of {of}", policy::POLICY_PATH);
    let from_default = read_policy(
        &place("the default branch"),
        repo.policies.default_branch.text.as_deref(),
    )?;
    let from_base = read_policy(&place("the base"), repo.policies.base.text.as_deref())?;
    let policy = policy::effective(organisation, from_default.as_ref(), from_base.as_ref())
        .with_own_rules(
            &repo.policies.default_branch.own_rules,
            PolicySource::DefaultBranch,
        )
        .with_own_rules(&repo.policies.base.own_rules, PolicySource::Base)
        .with_protection(&repo.policies.protection);
    if !policy.allows_base(&repo.base_branch) {
        return Err(format!("{name}: policy does not allow base {}", repo.base_branch));
    }
    Ok(PinnedRepo {
        repository: repo.repository,
        base_branch: repo.base_branch,
        base: repo.base,
        base_tree: repo.base_tree,
        default_commit: repo.default_commit,
        files: repo.files,
        policy,
    })
}

fn read_policy(place: &str, text: Option<&[u8]>) -> Result<Option<PolicyFile>, String> {
    let Some(bytes) = text else { return Ok(None) };
    let text = std::str::from_utf8(bytes).map_err(|_| format!("{place} is not UTF-8"))?;
    policy::parse(text)
        .map(Some)
        .map_err(|error| format!("{place} can't be read: {error}"))
}
