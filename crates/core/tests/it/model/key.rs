//! When two situations count as the same: everything that a later decision can depend on, and nothing else.
//!
//! The exact key also tells counters apart, so that a remembered decision is only used where its ids fit. A field that
//! is added to `Workflow` does not compile here until somebody says what it means for both.

use countersign_core::act::{Act, SeenDigest};
use countersign_core::gate::GateId;
use countersign_core::id::{Version, WriteIntentId};
use countersign_core::workflow::event::{Approval, Request, RequestStatus, Subject};
use countersign_core::workflow::pull_requests::opened;
use countersign_core::workflow::{Effect, Workflow};
use std::fmt::{self, Write as _};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The version that every workflow of the model has. Versions are only ever compared with what a checkpoint covers.
const VERSION: Version = Version(1_000);
/// What every checkpoint of the model covers, and where approvals that it covers were recorded.
const COVERED: Version = Version(500);

/// A workflow with both of its keys.
pub struct Flow {
    /// The workflow, in its plainest form.
    pub w: Workflow,
    /// The same for exactly the same workflow, ids included.
    pub exact: u64,
    /// The same for workflows that only differ in ids, counters, words for people, and what is over.
    pub alike: u64,
}

impl Flow {
    /// Brings a workflow into its plainest form and computes both keys.
    pub fn new(mut w: Workflow) -> Self {
        plain(&mut w);
        let alike = alike(&w);
        let mut exact = Hashing::default();
        exact.add(&(
            alike,
            w.effects_requested,
            &w.outstanding,
            &w.attempts,
            &w.intents,
        ));
        for request in &w.requests {
            exact.add(&(&request.id, request.status));
        }
        for gate in w.gates.values() {
            exact.add(&(gate.gate, gate.evidence));
        }
        let exact = exact.done();
        Self { w, exact, alike }
    }
}

/// The order in which people said yes and how many events that took make no difference to `decide`, which only asks
/// whether the newest checkpoint covers an approval. So all of that is made the same.
fn plain(w: &mut Workflow) {
    let covers = w.checkpoint.as_ref().map(|c| c.covers);
    for approval in &mut w.approvals {
        let sealed = covers.is_some_and(|c| approval.recorded_at <= c);
        approval.recorded_at = if sealed { COVERED } else { VERSION };
    }
    w.approvals
        .sort_by_key(|a| (a.act.record.member.clone(), a.request.clone(), a.expires_at));
    if let Some(checkpoint) = &mut w.checkpoint {
        checkpoint.covers = COVERED;
    }
    w.version = VERSION;
}

/// What a checkpoint covers that was signed when the workflow was `then`: all, unless a yes came since.
pub fn covers(then: &Workflow, now: &Workflow) -> Version {
    let known = |a: &Approval| then.approvals.iter().any(|old| old.act == a.act);
    if now.approvals.iter().all(known) {
        VERSION
    } else {
        COVERED
    }
}

/// Hashes what `Debug` writes, without keeping the text.
#[derive(Default)]
pub struct Hashing(DefaultHasher);

impl fmt::Write for Hashing {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

impl Hashing {
    /// Takes one more value in.
    pub fn add(&mut self, value: &dyn fmt::Debug) {
        write!(self, "{value:?};").unwrap();
    }

    /// The hash.
    pub fn done(self) -> u64 {
        self.0.finish()
    }
}

/// A value's hash.
pub fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn alike(w: &Workflow) -> u64 {
    let Workflow {
        tenant: _,
        id: _,
        version: _,
        state,
        reason: _,
        submission,
        roster: _,
        lookups,
        repositories,
        context,
        revision,
        change_rounds,
        rounds: _,
        refusals: _,
        refused_in_a_row,
        guidance: _,
        triage: _,
        architecture: _,
        plan: _,
        plan_digest,
        drafts,
        earlier_drafts,
        critique: _,
        violations,
        tier,
        tier_reasons: _,
        plan_accepted_under,
        plan_approved,
        patch_sets,
        gates,
        checkpoint: _,
        requests,
        approvals,
        waivers,
        left_out,
        rejected,
        shapers,
        standings,
        intents,
        attempts: _,
        retracted,
        // It is only told of, in the words of the end.
        left: _,
        cancelling,
        epoch,
        found,
        outstanding,
        resume,
        effects_requested: _,
        policy_digests: _,
        // Calls are reserved long before anybody is asked; `budget.rs` walks through their ways.
        calls: _,
        budget_grants: _,
        // No way of the models begins before CI is seen to where there are pull requests.
        fixing: _,
        failed_checks: _,
        checks_awaited: _,
        heads: _,
        merge_awaited,
        merges,
    } = w;
    let mut all = Hashing::default();
    all.add(&(
        state,
        revision,
        change_rounds,
        refused_in_a_row,
        context,
        plan_digest,
    ));
    all.add(&(
        tier,
        plan_accepted_under,
        plan_approved,
        rejected,
        cancelling,
        epoch,
        resume,
    ));
    all.add(found);
    all.add(&(submission.is_some(), lookups.len(), waivers.len(), left_out.len()));
    all.add(&(shapers, standings));
    all.add(&(merge_awaited, merges));
    for repo in repositories {
        all.add(&(&repo.repository, &repo.base));
    }
    for draft in drafts.iter().chain(earlier_drafts) {
        all.add(&(&draft.repository, draft.diff.diff_hash));
    }
    for violation in violations {
        all.add(&violation.id());
    }
    for patch_set in patch_sets {
        all.add(&(&patch_set.repository, patch_set.digest));
    }
    for gate in gates.values() {
        // What later gates saw is not a part of what people approve.
        let evidence = (gate.gate < GateId::Approval).then_some(gate.evidence);
        all.add(&(gate.gate, gate.outcome, evidence));
    }
    // What is over is over: a request or an attempt that ended only leaves what it led to.
    for request in requests.iter().filter(|r| r.status == RequestStatus::Open) {
        all.add(&(subject(request), request.expires_at));
    }
    let last_asked = requests
        .iter()
        .rev()
        .find(|r| !matches!(r.subject, Subject::Question { .. }));
    all.add(&last_asked.map(|r| {
        (
            matches!(r.subject, Subject::Plan { .. }),
            r.status == RequestStatus::Expired,
        )
    }));
    for intent in intents {
        all.add(&(&intent.branch, intent.patch_set, intent.approval));
        all.add(&(
            w.is_written(&intent.id),
            w.may_be_written(&intent.id),
            retracted.contains(&intent.id),
        ));
        all.add(&(
            opened(w, &intent.id).is_some(),
            retracted.contains(&intent.id.pull_request()),
        ));
        let last = w.last_attempt(&intent.id);
        all.add(&last.map(|(attempt, outcome)| outcome.is_none().then_some(attempt.deadline.0)));
    }
    let place = |id: &WriteIntentId| intents.iter().position(|i| i.id == *id);
    all.add(&match outstanding {
        Some((_, Effect::WriteBranch { intent })) => ("write", place(intent)),
        Some((_, Effect::RetractBranch { intent })) => ("retract", place(intent)),
        Some((_, Effect::ClosePullRequest { intent })) => ("close", place(intent)),
        Some((_, effect)) => (effect.kind(), None),
        None => ("", None),
    });
    let current: Vec<_> = patch_sets
        .iter()
        .map(|p| w.approval_digest(p).map(SeenDigest::PatchSet))
        .collect();
    for a in approvals {
        let of = approves(&current, a);
        all.add(&(
            a.act.record.member.as_str(),
            a.recorded_at == COVERED,
            a.expires_at.0,
            of,
        ));
    }
    all.done()
}

/// Which patch set an approval is about, if it is about what is there now.
fn approves(current: &[Option<SeenDigest>], approval: &Approval) -> Option<usize> {
    let Act::Approve { seen, .. } = &approval.act.record.act else {
        return None;
    };
    current.iter().position(|digest| digest.as_ref() == Some(seen))
}

fn subject(request: &Request) -> String {
    match &request.subject {
        Subject::Plan { digest } => format!("plan {digest:?}"),
        Subject::PatchSet { digest, .. } => format!("patch set {digest:?}"),
        Subject::Question { question, .. } => format!("question {:?}", question.kind),
    }
}
