//! Ready-made facts: a two-repository workflow, every result that an effect can give, signed acts of three people.

use countersign_core::act::{Act, ActRecord, Attendance, AuthenticatedBy, MemberKey, SeenDigest, SignedAct};
use countersign_core::artifact::{
    AcceptanceCriterion, AgentRole, Architecture, Critique, Finding, FindingLevel, PathExpectation, Plan,
    PlannedPath, Scope, Step, TriageDecision, Verdict,
};
use countersign_core::budget::BudgetAsked;
use countersign_core::diff::{ChangeKind, FileChange, FileMode, FileSide, TreeDiff};
use countersign_core::digest::{ArtifactDigest, BodyHash, ContextHash, DiffHash};
use countersign_core::feedback::{AgentSpec, Feedback, FeedbackOrigin, RepoRole, RepoSelection};
use countersign_core::forge::{CheckRun, CheckState, Landed, Listing, PullRequest, PullRequestState};
use countersign_core::id::{
    AccountId, AttemptNumber, BlobSha, BranchName, CommitSha, EffectId, Fence, InputId, MemberId,
    PullRequestNumber, RepositoryId, TenantId, TreeSha, Version, WorkflowId,
};
use countersign_core::member::{Member, Role, Roster};
use countersign_core::owners::OwnedPath;
use countersign_core::patch_set::{Draft, SecondOpinion, SecondOutcome};
use countersign_core::policy::{self, RuleId};
use countersign_core::time::Timestamp;
use countersign_core::workflow::budget::Call;
use countersign_core::workflow::event::{
    AgentRun, Attempt, AttemptOutcome, BranchHolds, CheckpointRef, FoundBranch, ReadHead, ReadMerge,
    RepoLookup, Standing, Subject, WriteIntent,
};
use countersign_core::workflow::input::{LoadedRepo, PathLookup, PolicyLayer, PolicyLayers, Refused};
use countersign_core::workflow::{Effect, EffectResult, Input, State, Submission, Workflow, start};
use ed25519_dalek::SigningKey;

/// When every canned workflow begins.
pub const START: Timestamp = Timestamp(1_795_000_000_000);
/// When an exploration begins.
pub const LATER: Timestamp = Timestamp(START.0 + 60_000);
/// Longer than an approval lives.
pub const EIGHT_DAYS_MS: u64 = 8 * 24 * 60 * 60 * 1000;

/// Who is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Team {
    /// Alice alone.
    Solo,
    /// Alice, who starts everything, Bob and Carol.
    Three,
}

impl Team {
    /// Names of the members.
    pub fn members(self) -> &'static [&'static str] {
        match self {
            Team::Solo => &["alice"],
            Team::Three => &["alice", "bob", "carol"],
        }
    }

    /// The roster.
    pub fn roster(self) -> Roster {
        let member = |name: &&str| Member {
            id: member_id(name),
            person: (*name).to_owned(),
            name: (*name).to_owned(),
            role: if *name == "alice" {
                Role::Owner
            } else {
                Role::Reviewer
            },
            active: true,
        };
        Roster {
            members: self.members().iter().map(member).collect(),
            keys: self
                .members()
                .iter()
                .map(|name| {
                    (
                        member_id(name),
                        MemberKey::from_bytes(key_of(name).verifying_key().to_bytes()),
                    )
                })
                .collect(),
        }
    }
}

/// A member's id.
pub fn member_id(name: &str) -> MemberId {
    MemberId::parse(&format!("mb_{name}")).unwrap()
}

/// The key that is held for a member, for tests of signatures.
pub fn key_of(name: &str) -> SigningKey {
    let mut seed = [7; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    SigningKey::from_bytes(&seed)
}

/// The workflow's id.
pub fn workflow_id() -> WorkflowId {
    WorkflowId::from_parts(START.0, 1)
}

/// The two repositories.
pub fn repositories() -> [RepositoryId; 2] {
    [RepositoryId::local(1), RepositoryId::local(2)]
}

fn sha(text: &str) -> String {
    BodyHash::of_bytes(text.as_bytes()).to_hex()[..40].to_owned()
}

fn commit(text: &str) -> CommitSha {
    CommitSha::parse(&sha(text)).unwrap()
}

fn tree(text: &str) -> TreeSha {
    TreeSha::parse(&sha(text)).unwrap()
}

fn main_branch() -> BranchName {
    BranchName::parse("main").unwrap()
}

/// The same two on GitHub.
pub fn remote_repositories() -> [RepositoryId; 2] {
    [RepositoryId::github(11), RepositoryId::github(12)]
}

/// Two on GitHub whose policy wants a merge to be waited for.
pub fn merging_repositories() -> [RepositoryId; 2] {
    [RepositoryId::github(13), RepositoryId::github(14)]
}

/// Two whose policy wants every plan approved.
pub fn planned_repositories() -> [RepositoryId; 2] {
    [RepositoryId::local(3), RepositoryId::local(4)]
}

/// What a repository on GitHub says: one check that has to succeed.
pub const REQUIRES_TEST: &[u8] =
    b"version = 1\n[ci]\nchecks = [{ app = \"github-actions\", name = \"test\" }]\n";

/// The account under which Countersign writes.
pub const ACCOUNT: AccountId = AccountId(77);

/// What starts it.
pub fn submission() -> Submission {
    submission_on(repositories())
}

/// What starts it on these.
pub fn submission_on(repositories: [RepositoryId; 2]) -> Submission {
    let selection = |(index, id): (usize, RepositoryId)| RepoSelection {
        name: format!("repo{}", index + 1),
        id,
        role: if index == 0 {
            RepoRole::Primary
        } else {
            RepoRole::Secondary
        },
        base: None,
    };
    Submission {
        feedback: Feedback::read(FeedbackOrigin::Issue, b"Rename quote\n\nPlease.").unwrap(),
        repositories: repositories.into_iter().enumerate().map(selection).collect(),
        agent: AgentSpec::Scripted {
            script: BodyHash::of_bytes(b"script"),
        },
        started_by: member_id("alice"),
        attendance: Attendance::Attended,
        again: false,
        metadata: std::collections::BTreeMap::new(),
        budget: None,
        signature: None,
    }
}

/// The same, as it is made since there are budgets: every call of the script is reserved.
pub fn budgeted(agent_calls: u32, agent_time_ms: Option<u64>) -> Submission {
    let asked = BudgetAsked {
        agent_calls: Some(agent_calls),
        agent_time_ms,
    };
    Submission {
        budget: Some(asked),
        ..submission()
    }
}

/// Such a workflow right after its start.
pub fn started_with(agent_calls: u32, agent_time_ms: Option<u64>) -> Workflow {
    let empty = Workflow::empty(TenantId::local(), workflow_id());
    start(&empty, budgeted(agent_calls, agent_time_ms), START)
        .unwrap()
        .workflow
}

/// Such a workflow whose calls are spent when the critic is to be asked.
pub fn spent_before_review(team: Team) -> Workflow {
    let (begins, ends) = ("a call begins", "a call ends");
    let mut w = started_with(4, None);
    for (kind, names) in [
        ("look-up-refs", &["found"][..]),
        ("load-context", &["loaded"]),
        ("triage", &[begins, ends, "GO"]),
        ("plan", &[begins, ends, begins, ends, "planned"]),
        ("draft", &[begins, ends, "drafted"]),
    ] {
        for name in names {
            let name = format!("{kind}: {name}");
            let found = results(&w, team, START).into_iter().find(|(n, _)| *n == name);
            let (_, input) = found.unwrap_or_else(|| panic!("`{name}` is not possible in {}", w.state));
            w = countersign_core::workflow::decide(&w, input, START)
                .unwrap()
                .workflow;
        }
    }
    assert_eq!(w.state, State::Reviewing);
    w
}

/// A workflow right after its start.
pub fn started() -> Workflow {
    started_by(submission())
}

/// A workflow on GitHub right after its start.
pub fn started_remote() -> Workflow {
    started_by(submission_on(remote_repositories()))
}

fn started_by(submission: Submission) -> Workflow {
    let empty = Workflow::empty(TenantId::local(), workflow_id());
    start(&empty, submission, START).unwrap().workflow
}

/// The repositories that a workflow is about.
fn of(w: &Workflow) -> Vec<RepositoryId> {
    let selections = w.submission.iter().flat_map(|s| &s.repositories);
    selections.map(|s| s.id.clone()).collect()
}

fn policy_of(id: &RepositoryId) -> Option<Vec<u8>> {
    let waits: &[u8] = match merging_repositories().contains(id) {
        true => b"[merge]\nwait = true\n",
        false => b"",
    };
    if planned_repositories().contains(id) {
        return Some(b"version = 1\n[approval]\nplan = \"always\"\n".to_vec());
    }
    id.forge.is_remote().then(|| [REQUIRES_TEST, waits].concat())
}

/// Something a human does. `decide` gets acts whose signature was checked, so the signature is empty here.
pub fn act(w: &Workflow, team: Team, name: &str, act: Act, attendance: Attendance, at: Timestamp) -> Input {
    let record = ActRecord {
        tenant: w.tenant.clone(),
        workflow: w.id.clone(),
        member: member_id(name),
        authenticated_by: AuthenticatedBy::OsUser,
        attendance,
        at,
        act,
    };
    let input = InputId::from_parts(at.0, 1);
    Input::Act {
        input,
        act: SignedAct {
            record,
            signature: "00".repeat(64),
        },
        roster: team.roster(),
    }
}

/// What a person who looks at a request sees.
pub fn seen(subject: &Subject) -> SeenDigest {
    match subject {
        Subject::Plan { digest } => SeenDigest::Plan(*digest),
        Subject::PatchSet { digest, .. } => SeenDigest::PatchSet(*digest),
        Subject::Question { digest, .. } => SeenDigest::Question(*digest),
    }
}

/// The next epoch, with all branches as they were approved, gone, holding something else, or unreadable.
pub fn reconciling(w: &Workflow, team: Team) -> Vec<(String, Input)> {
    let all = ["ours", "gone", "other", "unreadable"];
    let with = |what: &str| {
        let branches = w.patch_sets.iter().map(|p| FoundBranch {
            repository: p.repository.clone(),
            branch: p.manifest.branch.clone(),
            holds: match what {
                "ours" => BranchHolds::Commit {
                    commit: p.manifest.commit.clone(),
                    tree: p.draft.diff.result_tree.clone(),
                },
                "other" => BranchHolds::Commit {
                    commit: commit("a stranger's"),
                    tree: tree("a stranger's"),
                },
                "unreadable" => BranchHolds::Unreadable {
                    detail: "it is not mounted".to_owned(),
                },
                _gone => BranchHolds::Nothing,
            },
        });
        Input::Reconciling {
            epoch: w.epoch + 1,
            branches: branches.collect(),
            roster: team.roster(),
        }
    };
    // One epoch in a way is enough to see what it does.
    let once = if w.epoch == 0 { &all[..] } else { &[] };
    let looked = once
        .iter()
        .filter(|what| **what == "gone" || !w.patch_sets.is_empty());
    looked
        .map(|what| (format!("restored: branches {what}"), with(what)))
        .collect()
}

/// Every result that the outstanding effect can give.
pub fn results(w: &Workflow, team: Team, at: Timestamp) -> Vec<(String, Input)> {
    let Some((id, effect)) = &w.outstanding else {
        return Vec::new();
    };
    let named = |(name, result): (&str, EffectResult)| {
        (
            format!("{}: {name}", effect.kind()),
            Input::Effect {
                id: id.clone(),
                result,
            },
        )
    };
    let (found, mut all) = match awaited(w, id, effect) {
        Some(role) => (Vec::new(), calls(w, id, effect, role)),
        None => (effect_results(w, effect, team), Vec::new()),
    };
    all.extend(
        found
            .into_iter()
            .map(|(name, result)| named((name, reserved(w, id, result)))),
    );
    let gave_up = EffectResult::GaveUp {
        code: "x".to_owned(),
        detail: "every try failed".to_owned(),
    };
    all.push(named(("gave up", gave_up)));
    if let Effect::WriteBranch { intent } | Effect::OpenPullRequest { intent } = effect {
        let of = w.intents.iter().find(|i| i.id == *intent).unwrap();
        let operation = if matches!(effect, Effect::OpenPullRequest { .. }) {
            intent.pull_request()
        } else {
            intent.clone()
        };
        let earlier = w.attempts.iter().filter(|(a, _)| a.intent == operation).count();
        let attempt = Attempt {
            intent: operation,
            number: AttemptNumber(u32::try_from(earlier).unwrap() + 1),
            fence: Fence(1),
            commit: of.commit.clone(),
            expected_old: None,
            deadline: at.plus_ms(45_000),
        };
        all.push((
            format!("{}: attempt starts", effect.kind()),
            Input::AttemptStarting {
                id: id.clone(),
                attempt,
            },
        ));
    }
    all
}

/// The first role that an effect asks whose call is still to come, or to end; `None` where no call is reserved.
fn awaited(w: &Workflow, id: &EffectId, effect: &Effect) -> Option<AgentRole> {
    w.submission.as_ref()?.budget?;
    let roles: &[AgentRole] = match effect {
        Effect::Triage => &[AgentRole::Triage],
        Effect::Plan => &[AgentRole::Architect, AgentRole::Planner],
        Effect::Draft => &[AgentRole::Coder],
        Effect::Critique => &[AgentRole::Critic],
        Effect::LookUpRefs
        | Effect::LoadContext
        | Effect::Narrow
        | Effect::SealLedger { .. }
        | Effect::CheckBases
        | Effect::WriteBranch { .. }
        | Effect::OpenPullRequest { .. }
        | Effect::ReadChecks
        | Effect::ReadMerges
        | Effect::RetractBranch { .. }
        | Effect::ClosePullRequest { .. } => &[],
    };
    let ended = |role: &AgentRole| call_of(w, id, *role).is_some_and(|c| c.took_ms.is_some());
    roles.iter().copied().find(|role| !ended(role))
}

/// The newest call of an effect in a role.
fn call_of<'a>(w: &'a Workflow, id: &EffectId, role: AgentRole) -> Option<&'a Call> {
    let of = |c: &&Call| c.reservation.effect == *id && c.reservation.role == role;
    w.calls.iter().rev().find(of)
}

/// A call begins; where one goes on, it ends, or its process died and it begins again.
fn calls(w: &Workflow, id: &EffectId, effect: &Effect, role: AgentRole) -> Vec<(String, Input)> {
    let kind = effect.kind();
    let (id, fence) = (id.clone(), Fence(1));
    let begins = Input::AgentCallStarting {
        id: id.clone(),
        role,
        fence,
    };
    let Some(call) = call_of(w, &id, role) else {
        return vec![(format!("{kind}: a call begins"), begins)];
    };
    let number = call.reservation.number;
    let took_ms = run(role).took_ms;
    let ends = Input::AgentCallEnded { id, number, took_ms };
    vec![
        (format!("{kind}: a call ends"), ends),
        (format!("{kind}: a call begins"), begins),
    ]
}

/// The result with the calls that it rests on.
fn reserved(w: &Workflow, id: &EffectId, mut result: EffectResult) -> EffectResult {
    let number = |role| call_of(w, id, role).map(|c| c.reservation.number);
    match &mut result {
        EffectResult::Triaged { run, .. }
        | EffectResult::Drafted { run, .. }
        | EffectResult::Critiqued { run, .. } => run.call = number(run.role),
        EffectResult::Planned { runs, .. } => runs.iter_mut().for_each(|run| run.call = number(run.role)),
        EffectResult::RefsLookedUp { .. }
        | EffectResult::ContextLoaded { .. }
        | EffectResult::Narrowed { .. }
        | EffectResult::Sealed { .. }
        | EffectResult::BasesChecked { .. }
        | EffectResult::WriteEnded { .. }
        | EffectResult::ChecksRead { .. }
        | EffectResult::MergesRead { .. }
        | EffectResult::Retracted { .. }
        | EffectResult::PullRequestClosed { .. }
        | EffectResult::GaveUp { .. } => {}
    }
    result
}

fn effect_results(w: &Workflow, effect: &Effect, team: Team) -> Vec<(&'static str, EffectResult)> {
    match effect {
        Effect::LookUpRefs => vec![
            ("found", refs(w, team, Some("base"), None)),
            ("no such branch", refs(w, team, None, None)),
            (
                "duplicate",
                refs(w, team, Some("base"), Some(WorkflowId::from_parts(1, 1))),
            ),
        ],
        Effect::LoadContext => vec![("loaded", context(w))],
        Effect::Triage => [Verdict::Go, Verdict::NoGo, Verdict::Defer, Verdict::Ask]
            .map(triaged)
            .to_vec(),
        Effect::Plan => vec![
            ("planned", planned(w, team, true, "src/a.rs")),
            ("planned, high risk", planned(w, team, true, "src/auth/login.rs")),
            ("planned, blocked path", planned(w, team, true, "AGENTS.md")),
            ("a path is not there", planned(w, team, false, "src/a.rs")),
        ],
        Effect::Draft => vec![
            ("drafted", drafted(w, "src/a.rs", 1)),
            ("outside the plan", drafted(w, "src/b.rs", 1)),
            ("too large", drafted(w, "src/a.rs", 20_000)),
            ("high risk", drafted(w, "src/a.rs", 2_000)),
            ("a secret", with_secret(drafted(w, "src/a.rs", 1))),
            ("owned", with_owner(drafted(w, "src/a.rs", 1))),
            ("appliers differ", with_other_opinion(drafted(w, "src/a.rs", 1))),
            (
                "does not apply",
                EffectResult::Drafted {
                    run: run(AgentRole::Coder),
                    answer: refused("context not found"),
                },
            ),
        ],
        Effect::Narrow => vec![
            ("narrowed", narrowed(w)),
            (
                "not there",
                EffectResult::Narrowed {
                    answer: refused("no hunk 9"),
                },
            ),
        ],
        Effect::Critique => vec![
            ("no finding", critiqued(team, false)),
            ("rejected", critiqued(team, true)),
        ],
        Effect::SealLedger { .. } => vec![("sealed", sealed(w, team))],
        Effect::CheckBases => vec![
            ("unmoved", bases(w, team, Standing::Unmoved)),
            (
                "moved, clean",
                bases(w, team, Standing::MovedClean { tip: commit("tip") }),
            ),
            (
                "moved, conflict",
                bases(w, team, Standing::MovedConflict { tip: commit("tip") }),
            ),
            ("gone", bases(w, team, Standing::Gone)),
        ],
        Effect::WriteBranch { intent } => write_results(w, intent),
        Effect::OpenPullRequest { intent } => opening_results(w, intent),
        Effect::ReadChecks => vec![
            ("green", checks(w, CheckState::Success)),
            ("red", checks(w, CheckState::Failure)),
            ("pushed", pushed(checks(w, CheckState::Success))),
            ("not ended", checks(w, CheckState::Pending)),
        ],
        Effect::ReadMerges => vec![
            ("merged", merges(w, PullRequestState::Merged)),
            (
                "merged otherwise",
                merged_otherwise(merges(w, PullRequestState::Merged)),
            ),
            ("closed", merges(w, PullRequestState::Closed)),
            ("pushed", pushed_unmerged(merges(w, PullRequestState::Open))),
            ("not ended", merges(w, PullRequestState::Open)),
        ],
        Effect::ClosePullRequest { intent } => {
            let closed = |closed| EffectResult::PullRequestClosed {
                intent: intent.clone(),
                closed,
            };
            vec![("closed", closed(true)), ("not there", closed(false))]
        }
        Effect::RetractBranch { intent } => {
            let retracted = |deleted| EffectResult::Retracted {
                intent: intent.clone(),
                deleted,
            };
            vec![("deleted", retracted(true)), ("not there", retracted(false))]
        }
    }
}

fn write_results(
    w: &Workflow,
    intent: &countersign_core::id::WriteIntentId,
) -> Vec<(&'static str, EffectResult)> {
    let Some((attempt, None)) = w.last_attempt(intent) else {
        return Vec::new();
    };
    let of = w.intents.iter().find(|i| i.id == *intent).unwrap();
    let ended = |outcome| EffectResult::WriteEnded {
        intent: intent.clone(),
        number: attempt.number,
        outcome,
    };
    let text = || "for a reason".to_owned();
    // What an earlier try may have written is looked at before anything is written.
    let open = |o: &Option<AttemptOutcome>| matches!(o, None | Some(AttemptOutcome::Unknown { .. }));
    let earlier = |a: &Attempt| a.intent == *intent && a.number < attempt.number;
    let found = w.attempts.iter().any(|(a, o)| earlier(a) && open(o));
    let written = |commit, tree| AttemptOutcome::Written { commit, tree, found };
    vec![
        ("written", ended(written(of.commit.clone(), of.tree.clone()))),
        (
            "written, other tree",
            ended(written(of.commit.clone(), tree("foreign"))),
        ),
        (
            "foreign",
            ended(AttemptOutcome::Foreign {
                commit: None,
                detail: text(),
            }),
        ),
        (
            "failed",
            ended(AttemptOutcome::Failed {
                code: "x".to_owned(),
                detail: text(),
            }),
        ),
        ("unknown", ended(AttemptOutcome::Unknown { detail: text() })),
        (
            "base moved since",
            ended(AttemptOutcome::Refused {
                code: "gate-base-moved".to_owned(),
                detail: text(),
            }),
        ),
        (
            "policy changed since",
            ended(AttemptOutcome::Refused {
                code: "gate-baseline-changed".to_owned(),
                detail: text(),
            }),
        ),
        (
            "approvals lapsed",
            ended(AttemptOutcome::Refused {
                code: "gate-approvals-missing".to_owned(),
                detail: text(),
            }),
        ),
    ]
}

/// A pull request as it was approved.
pub fn pull_request(w: &Workflow, intent: &WriteIntent) -> PullRequest {
    PullRequest {
        number: PullRequestNumber(intent.repository.number + 100),
        branch: intent.branch.clone(),
        head: intent.commit.clone(),
        base_branch: w.patch_set(&intent.repository).unwrap().base_branch.clone(),
        author: ACCOUNT,
        state: PullRequestState::Open,
        merged_as: None,
    }
}

fn opening_results(
    w: &Workflow,
    intent: &countersign_core::id::WriteIntentId,
) -> Vec<(&'static str, EffectResult)> {
    let operation = intent.pull_request();
    let Some((attempt, None)) = w.last_attempt(&operation) else {
        return Vec::new();
    };
    let of = w.intents.iter().find(|i| i.id == *intent).unwrap();
    let ours = pull_request(w, of);
    let ended = |outcome| EffectResult::WriteEnded {
        intent: operation.clone(),
        number: attempt.number,
        outcome,
    };
    let opened = |pull_request| {
        ended(AttemptOutcome::Opened {
            pull_request,
            account: ACCOUNT,
            found: false,
        })
    };
    let refused = |code: &str| {
        ended(AttemptOutcome::Refused {
            code: code.to_owned(),
            detail: "for a reason".to_owned(),
        })
    };
    let (mut theirs, mut closed) = (ours.clone(), ours.clone());
    theirs.author = AccountId(5);
    closed.state = PullRequestState::Closed;
    let detail = "for a reason".to_owned();
    vec![
        ("opened", opened(ours)),
        ("opened by another", opened(theirs)),
        ("opened and closed", opened(closed)),
        (
            "foreign",
            ended(AttemptOutcome::Foreign {
                commit: None,
                detail: detail.clone(),
            }),
        ),
        ("unknown", ended(AttemptOutcome::Unknown { detail })),
        ("base moved since", refused("gate-base-moved")),
        ("policy changed since", refused("gate-baseline-changed")),
        ("approvals lapsed", refused("gate-approvals-missing")),
    ]
}

/// Every branch and pull request as it was written, with the required check in that state.
pub fn checks(w: &Workflow, state: CheckState) -> EffectResult {
    let head = |intent: &WriteIntent| ReadHead {
        repository: intent.repository.clone(),
        branch: Some(intent.commit.clone()),
        pull_request: Some(pull_request(w, intent)),
        checks: vec![CheckRun {
            app: "github-actions".to_owned(),
            app_number: None,
            name: "test".to_owned(),
            head: intent.commit.clone(),
            state,
            said: None,
        }],
    };
    EffectResult::ChecksRead {
        repositories: w.intents.iter().map(head).collect(),
    }
}

/// The same, with a stranger's commit on the last branch.
fn pushed(result: EffectResult) -> EffectResult {
    let EffectResult::ChecksRead { mut repositories } = result else {
        panic!("not of CI")
    };
    for head in repositories.iter_mut().skip(1) {
        head.branch = Some(commit("a stranger's"));
    }
    EffectResult::ChecksRead { repositories }
}

/// Every pull request in that state; what was merged landed exactly.
pub fn merges(w: &Workflow, state: PullRequestState) -> EffectResult {
    let merge = |intent: &WriteIntent| {
        let is_merged = state == PullRequestState::Merged;
        ReadMerge {
            repository: intent.repository.clone(),
            pull_request: Some(PullRequest {
                state,
                merged_as: is_merged.then(|| commit("merge")),
                ..pull_request(w, intent)
            }),
            landed: is_merged.then(|| Landed::As {
                commit: commit("merge"),
                tree: tree("merged"),
                before: commit("tip"),
                brings: vec![intent.commit.clone()],
                expected: Some(tree("merged")),
                differing: Vec::new(),
            }),
        }
    };
    EffectResult::MergesRead {
        repositories: w.intents.iter().map(merge).collect(),
    }
}

/// The same, with another tree in the last repository.
fn merged_otherwise(result: EffectResult) -> EffectResult {
    merges_with(result, |merge| {
        if let Some(Landed::As { tree: landed, .. }) = &mut merge.landed {
            *landed = tree("another");
        }
    })
}

/// The same, with a stranger's commit on the last branch.
fn pushed_unmerged(result: EffectResult) -> EffectResult {
    merges_with(result, |merge| {
        if let Some(pull) = &mut merge.pull_request {
            pull.head = commit("a stranger's");
        }
    })
}

/// The same with something else in every repository but the first.
pub fn merges_with(result: EffectResult, change: impl Fn(&mut ReadMerge)) -> EffectResult {
    let EffectResult::MergesRead { mut repositories } = result else {
        panic!("not of merges")
    };
    repositories.iter_mut().skip(1).for_each(change);
    EffectResult::MergesRead { repositories }
}

fn refs(w: &Workflow, team: Team, base: Option<&str>, duplicate_of: Option<WorkflowId>) -> EffectResult {
    let listing = |id: &RepositoryId| {
        id.forge.is_remote().then(|| Listing {
            name: format!("octo/{id}"),
            private: false,
        })
    };
    let lookup = |id: RepositoryId| RepoLookup {
        listing: listing(&id),
        repository: id,
        default_branch: main_branch(),
        default_commit: Some(commit("base")),
        base_branch: main_branch(),
        base_commit: base.map(commit),
    };
    EffectResult::RefsLookedUp {
        repositories: w
            .submission
            .iter()
            .flat_map(|s| &s.repositories)
            .map(|s| lookup(s.id.clone()))
            .collect(),
        policies: of(w).into_iter().map(|id| (id.clone(), policy_of(&id))).collect(),
        protections: Vec::new(),
        organisation: None,
        duplicate_of,
        roster: team.roster(),
    }
}

fn context(w: &Workflow) -> EffectResult {
    let loaded = |lookup: &RepoLookup| LoadedRepo {
        repository: lookup.repository.clone(),
        base_branch: lookup.base_branch.clone(),
        base: commit("base"),
        base_tree: tree("base"),
        default_commit: commit("base"),
        files: 2,
        policies: PolicyLayers {
            default_branch: PolicyLayer {
                text: policy_of(&lookup.repository),
                ..PolicyLayer::default()
            },
            base: PolicyLayer::default(),
            protection: Vec::new(),
        },
    };
    EffectResult::ContextLoaded {
        repositories: w.lookups.iter().map(loaded).collect(),
        organisation: None,
        context: ContextHash::of_bytes(b"context"),
    }
}

/// The run log's record of one call.
pub fn run(role: AgentRole) -> AgentRun {
    AgentRun {
        role,
        revision: countersign_core::id::Revision(1),
        round: 1,
        answered_by: "canned".to_owned(),
        confinement: countersign_core::confinement::Confinement::InProcess,
        context: ContextHash::of_bytes(b"context"),
        answer: ArtifactDigest::of_bytes(b"answer"),
        output: BodyHash::of_bytes(b"output"),
        took_ms: 1,
        call: None,
    }
}

fn refused<T>(reason: &str) -> Result<T, Refused> {
    Err(Refused {
        reasons: vec![reason.to_owned()],
    })
}

fn triaged(verdict: Verdict) -> (&'static str, EffectResult) {
    let (name, missing) = match verdict {
        Verdict::Go => ("GO", vec![]),
        Verdict::NoGo => ("NO-GO", vec![]),
        Verdict::Defer => ("DEFER", vec![]),
        Verdict::Ask => ("a question", vec!["which file?".to_owned()]),
    };
    let decision = TriageDecision {
        verdict,
        summary: "Rename quote.".to_owned(),
        reasons: vec!["it was asked for".to_owned()],
        risks: vec![],
        unknowns: vec![],
        missing,
    };
    (
        name,
        EffectResult::Triaged {
            run: run(AgentRole::Triage),
            answer: Ok(decision),
        },
    )
}

fn planned(w: &Workflow, team: Team, exists: bool, also: &str) -> EffectResult {
    let paths = if also == "src/a.rs" {
        vec![also]
    } else {
        vec!["src/a.rs", also]
    };
    let step = |(index, repository): (usize, RepositoryId)| Step {
        id: format!("s{}", index + 1),
        title: "Rename".to_owned(),
        repository,
        paths: paths
            .iter()
            .map(|p| PlannedPath {
                path: (*p).into(),
                expectation: PathExpectation::Exists,
            })
            .collect(),
        rationale: "asked for".to_owned(),
    };
    let plan = Plan {
        scope: Scope {
            includes: vec!["the name".to_owned()],
            non_goals: vec![],
        },
        steps: of(w).into_iter().enumerate().map(step).collect(),
        acceptance: vec![AcceptanceCriterion {
            id: "a1".to_owned(),
            text: "no old name is left".to_owned(),
        }],
        derived_from_proposal: false,
    };
    let architecture = Architecture {
        summary: "One name.".to_owned(),
        components: vec![],
    };
    let lookup = |repository: RepositoryId| {
        paths.iter().map(move |p| PathLookup {
            repository: repository.clone(),
            path: (*p).into(),
            exists,
        })
    };
    let lookups = of(w).into_iter().flat_map(lookup).collect();
    EffectResult::Planned {
        runs: vec![run(AgentRole::Architect), run(AgentRole::Planner)],
        answer: Ok((architecture, plan, lookups)),
        roster: team.roster(),
    }
}

/// A draft that changes one path; its result depends on the revision.
pub fn draft(w: &Workflow, repository: RepositoryId, path: &str, added: u32) -> Draft {
    let side = |blob: &str| FileSide {
        path: path.into(),
        mode: FileMode::Regular,
        blob: BlobSha::parse(&sha(blob)).unwrap(),
        size: 10,
    };
    // Every second revision changes nothing, so that an unchanged result is seen too.
    let result = format!("result {repository} {}", w.revision.0 / 2);
    let change = ChangeKind::Modified {
        old: side("old"),
        new: side(&result),
    };
    Draft {
        repository,
        diff: TreeDiff {
            base_tree: tree("base"),
            result_tree: tree(&result),
            diff_hash: DiffHash::of_bytes(result.as_bytes()),
            files: vec![FileChange {
                change,
                added,
                removed: 1,
                binary: false,
                symlink_target: None,
            }],
        },
        canonical: BodyHash::of_bytes(result.as_bytes()),
        rationales: vec![],
        warnings: vec![],
        findings: vec![],
        dependencies: vec![],
        owners: vec![],
        second_opinion: SecondOpinion {
            applier: "git 2.39.5".to_owned(),
            outcome: SecondOutcome::Tree { tree: tree(&result) },
        },
    }
}

fn drafted(w: &Workflow, path: &str, added: u32) -> EffectResult {
    let drafts = of(w).into_iter().map(|id| draft(w, id, path, added)).collect();
    EffectResult::Drafted {
        run: run(AgentRole::Coder),
        answer: Ok(drafts),
    }
}

/// The same drafts, with something in them that looks like a secret.
fn with_secret(result: EffectResult) -> EffectResult {
    changed(result, |draft| {
        let path = draft.diff.files[0].path().clone();
        let secret = policy::Finding::at(RuleId::Secret, &path, "Line 1 holds what looks like a key.");
        draft.findings.push(secret);
    })
}

/// The same drafts, of a path that Bob owns.
fn with_owner(result: EffectResult) -> EffectResult {
    changed(result, |draft| {
        let path = draft.diff.files[0].path().clone();
        let owners = vec!["@Bob".to_owned()];
        draft.owners.push(OwnedPath {
            path,
            owners,
            line: 1,
        });
    })
}

/// The same drafts, with a second applier that comes to another tree.
fn with_other_opinion(result: EffectResult) -> EffectResult {
    changed(result, |draft| {
        draft.second_opinion.outcome = SecondOutcome::Tree {
            tree: tree("another"),
        };
    })
}

fn changed(result: EffectResult, change: impl Fn(&mut Draft)) -> EffectResult {
    let EffectResult::Drafted { run, answer } = result else {
        panic!("not drafts")
    };
    let mut drafts = answer.unwrap();
    drafts.iter_mut().for_each(change);
    EffectResult::Drafted {
        run,
        answer: Ok(drafts),
    }
}

/// What is left of the drafts before.
fn narrowed(w: &Workflow) -> EffectResult {
    let gone = |d: &Draft| w.left_out.iter().any(|l| l.repository == d.repository);
    let left = w.earlier_drafts.iter().filter(|d| !gone(d)).cloned().collect();
    EffectResult::Narrowed { answer: Ok(left) }
}

fn critiqued(team: Team, reject: bool) -> EffectResult {
    let finding = Finding {
        code: "task-unfulfilled".to_owned(),
        level: FindingLevel::Reject,
        repository: None,
        path: None,
        text: "the name is still there".to_owned(),
    };
    let findings = if reject { vec![finding] } else { vec![] };
    EffectResult::Critiqued {
        run: run(AgentRole::Critic),
        answer: Ok(Critique { findings }),
        roster: team.roster(),
    }
}

fn sealed(w: &Workflow, team: Team) -> EffectResult {
    let checkpoint = CheckpointRef {
        size: w.version.0,
        root: sha("root") + &sha("root")[..24],
        note: BodyHash::of_bytes(b"note"),
        covers: Version(w.version.0),
    };
    EffectResult::Sealed {
        checkpoint,
        roster: team.roster(),
        signed: None,
    }
}

fn bases(w: &Workflow, team: Team, standing: Standing) -> EffectResult {
    let standings = of(w).into_iter().map(|id| (id, standing.clone())).collect();
    EffectResult::BasesChecked {
        standings,
        roster: team.roster(),
    }
}

/// Takes the named results and acts one after the other; `approve` is by the first member who may.
pub fn walk(team: Team, names: &[&str]) -> Workflow {
    walk_from(started(), team, names)
}

/// The same from there.
pub fn walk_from(mut w: Workflow, team: Team, names: &[&str]) -> Workflow {
    let mut at = START;
    for name in names {
        at = at.plus_ms(1_000);
        let input = results(&w, team, at)
            .into_iter()
            .find(|(n, _)| n == name)
            .map(|(_, input)| input);
        let input =
            input.unwrap_or_else(|| panic!("`{name}` is not possible in {} ({:?})", w.state, w.outstanding));
        w = countersign_core::workflow::decide(&w, input, at)
            .unwrap_or_else(|e| panic!("{name}: {e}"))
            .workflow;
    }
    w
}

/// The way to the question for approval.
pub const TO_APPROVAL: [&str; 7] = [
    "look-up-refs: found",
    "load-context: loaded",
    "triage: GO",
    "plan: planned",
    "draft: drafted",
    "critique: no finding",
    "seal-ledger: sealed",
];

/// A workflow in which humans are asked about the plan, because policy wants that.
pub fn awaiting_plan_approval(team: Team) -> Workflow {
    let first = started_by(submission_on(planned_repositories()));
    let w = walk_from(first, team, &TO_APPROVAL[..4]);
    assert_eq!(w.state, State::AwaitingPlanApproval);
    w
}

/// A workflow that policy blocks: both repositories' drafts hold what looks like a secret.
pub fn blocked(team: Team) -> Workflow {
    let mut names = TO_APPROVAL[..4].to_vec();
    names.extend(["draft: a secret", "critique: no finding"]);
    let w = walk(team, &names);
    assert_eq!(w.state, State::BlockedPolicy);
    w
}

/// A workflow in which humans are asked about both patch sets.
pub fn awaiting_approval(team: Team) -> Workflow {
    let w = walk(team, &TO_APPROVAL);
    assert_eq!(w.state, State::AwaitingApproval);
    w
}

/// Everybody who may has approved everything.
pub fn approved(team: Team) -> Workflow {
    approved_from(awaiting_approval(team), team)
}

/// All branches on GitHub are written and read back, and the first pull request is to be opened.
pub fn opening(team: Team) -> Workflow {
    let written = [
        "seal-ledger: sealed",
        "check-bases: unmoved",
        "write-branch: attempt starts",
        "write-branch: written",
        "write-branch: attempt starts",
        "write-branch: written",
    ];
    go(approved_remote(team), team, &written)
}

/// The same as [`approved`], on GitHub.
pub fn approved_remote(team: Team) -> Workflow {
    approved_from(walk_from(started_remote(), team, &TO_APPROVAL), team)
}

/// Both pull requests are open, and CI is waited for.
pub fn verifying(team: Team) -> Workflow {
    let opened = [
        "open-pull-request: attempt starts",
        "open-pull-request: opened",
        "open-pull-request: attempt starts",
        "open-pull-request: opened",
    ];
    go(opening(team), team, &opened)
}

/// Both pull requests are open and green, and somebody at the forge is to merge them.
pub fn awaiting_merge(team: Team) -> Workflow {
    go(verifying_to_merge(team), team, &["read-checks: green"])
}

/// Both pull requests are open; CI is waited for, and then a merge.
pub fn verifying_to_merge(team: Team) -> Workflow {
    let started = started_by(submission_on(merging_repositories()));
    let mut names = vec!["seal-ledger: sealed", "check-bases: unmoved"];
    for what in [
        ["write-branch: attempt starts", "write-branch: written"],
        ["open-pull-request: attempt starts", "open-pull-request: opened"],
    ] {
        names.extend(what.into_iter().chain(what));
    }
    go(
        approved_from(walk_from(started, team, &TO_APPROVAL), team),
        team,
        &names,
    )
}

/// Takes the named results at one later moment.
pub fn go(mut w: Workflow, team: Team, names: &[&str]) -> Workflow {
    for name in names {
        let found = results(&w, team, LATER).into_iter().find(|(n, _)| n == name);
        let found = found.unwrap_or_else(|| panic!("`{name}` is not possible in {}", w.state));
        w = countersign_core::workflow::decide(&w, found.1, LATER)
            .unwrap_or_else(|e| panic!("{name}: {e}"))
            .workflow;
    }
    w
}

fn approved_from(mut w: Workflow, team: Team) -> Workflow {
    loop {
        let next = w.open_requests().next().cloned();
        let Some(open) = next else { return w };
        let who = if team == Team::Solo { "alice" } else { "bob" };
        let approve = Act::Approve {
            request: open.id.clone(),
            seen: seen(&open.subject),
            acknowledged: vec![],
        };
        let input = act(&w, team, who, approve, Attendance::Attended, LATER);
        w = countersign_core::workflow::decide(&w, input, LATER)
            .unwrap()
            .workflow;
    }
}

/// The first attempt to write is recorded.
pub fn writing(team: Team) -> Workflow {
    let mut w = approved(team);
    for name in [
        "seal-ledger: sealed",
        "check-bases: unmoved",
        "write-branch: attempt starts",
    ] {
        let found = results(&w, team, LATER)
            .into_iter()
            .find(|(n, _)| n == name)
            .unwrap();
        w = countersign_core::workflow::decide(&w, found.1, LATER)
            .unwrap()
            .workflow;
    }
    w
}
