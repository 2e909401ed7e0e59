//! What the checks have to know of the story so far: plain notes, kept without the state machine.

use crate::replay::act_of;
use countersign_core::act::Act;
use countersign_core::digest::PlanDigest;
use countersign_core::gate::{GateId, GateResult};
use countersign_core::id::{MemberId, RepositoryId, Revision};
use countersign_core::member::Roster;
use countersign_core::patch_set::PatchSet;
use countersign_core::policy::{RiskTier, Violation, Waiver};
use countersign_core::record::EventRecord;
use countersign_core::time::Timestamp;
use countersign_core::workflow::Event;
use countersign_core::workflow::effect::SealPurpose;
use countersign_core::workflow::event::{
    Approval, CheckpointRef, PinnedRepo, ReadHead, ReadMerge, Request, RevisionCause, Subject, WriteIntent,
};
use std::collections::{BTreeMap, BTreeSet};

/// Something with the entry that recorded it.
#[derive(Clone, Copy)]
pub(crate) struct Noted<T> {
    pub(crate) seq: u64,
    pub(crate) what: T,
}

/// An approval as it was given.
pub(crate) struct Given<'a> {
    pub(crate) seq: u64,
    pub(crate) approval: &'a Approval,
}

/// The notes.
pub(crate) struct Books<'a> {
    pub(crate) started: Option<Noted<&'a EventRecord>>,
    pub(crate) roster: Option<&'a Roster>,
    pub(crate) repositories: &'a [PinnedRepo],
    names: BTreeMap<&'a RepositoryId, &'a str>,
    pub(crate) shapers: BTreeSet<&'a MemberId>,
    pub(crate) revision: Revision,
    pub(crate) plan: Option<PlanDigest>,
    pub(crate) tier: Option<RiskTier>,
    pub(crate) violations: &'a [Violation],
    pub(crate) waivers: Vec<Noted<&'a Waiver>>,
    pub(crate) gates: BTreeMap<GateId, Noted<&'a GateResult>>,
    pub(crate) patch_sets: &'a [PatchSet],
    /// Requests by who asked for what, oldest first.
    pub(crate) requests: Vec<&'a Request>,
    /// Approvals that nothing has ended but time.
    pub(crate) approvals: Vec<Given<'a>>,
    /// The newest seal for each purpose.
    pub(crate) asked_under: Option<Noted<&'a CheckpointRef>>,
    pub(crate) approved_under: Option<Noted<&'a CheckpointRef>>,
    pub(crate) intents: &'a [WriteIntent],
    /// The newest look at CI since it is waited for.
    pub(crate) heads: &'a [ReadHead],
    /// The newest look at what was merged since that is waited for.
    pub(crate) merges: &'a [ReadMerge],
    /// A rejection or a cancellation.
    pub(crate) stopped: Option<u64>,
    pub(crate) at: Timestamp,
}

impl<'a> Books<'a> {
    pub(crate) fn new() -> Self {
        Self {
            started: None,
            roster: None,
            repositories: &[],
            names: BTreeMap::new(),
            shapers: BTreeSet::new(),
            revision: Revision(1),
            plan: None,
            tier: None,
            violations: &[],
            waivers: Vec::new(),
            gates: BTreeMap::new(),
            patch_sets: &[],
            requests: Vec::new(),
            approvals: Vec::new(),
            asked_under: None,
            approved_under: None,
            intents: &[],
            heads: &[],
            merges: &[],
            stopped: None,
            at: Timestamp(0),
        }
    }

    /// A repository's short name.
    pub(crate) fn name(&self, id: &RepositoryId) -> String {
        self.names
            .get(id)
            .map_or_else(|| id.to_string(), |n| (*n).to_owned())
    }

    /// A repository as it was pinned.
    pub(crate) fn pinned(&self, id: &RepositoryId) -> Option<&'a PinnedRepo> {
        self.repositories.iter().find(|r| r.repository == *id)
    }

    /// What was asked about a repository, by the newest request.
    pub(crate) fn asked(&self, id: &RepositoryId) -> Option<&'a Request> {
        let about =
            |r: &&&Request| matches!(&r.subject, Subject::PatchSet { repository, .. } if repository == id);
        self.requests.iter().rev().find(about).copied()
    }

    /// Notes one entry down.
    pub(crate) fn take(&mut self, record: &'a EventRecord) {
        self.at = record.at;
        let seq = record.seq;
        if let Some(act) = act_of(&record.event)
            && shapes(&act.record.act)
        {
            self.shapers.insert(&act.record.member);
        }
        match &record.event {
            Event::WorkflowStarted {
                repositories,
                started_by,
                ..
            } => {
                self.shapers.insert(started_by);
                self.started = Some(Noted { seq, what: record });
                self.names = repositories.iter().map(|r| (&r.id, r.name.as_str())).collect();
            }
            Event::RosterRecorded { roster } => self.roster = Some(roster),
            Event::GateEvaluated { result } => {
                self.gates.insert(result.gate, Noted { seq, what: result });
            }
            Event::ContextLoaded { repositories, .. } => self.repositories = repositories,
            Event::PlanRecorded { digest, .. } | Event::PatchesDeselected { digest, .. } => {
                self.plan = Some(*digest);
            }
            Event::PolicyEvaluated { violations } => self.violations = violations,
            Event::TierComputed { tier, .. } => self.tier = Some(*tier),
            Event::LedgerSealed { purpose, checkpoint } => self.seal(
                *purpose,
                Noted {
                    seq,
                    what: checkpoint,
                },
            ),
            Event::PatchSetsFixed { patch_sets } => self.patch_sets = patch_sets,
            Event::RequestOpened { request, .. } => self.requests.push(request),
            Event::ApprovalGiven { approval } => self.approvals.push(Given { seq, approval }),
            Event::WaiverGiven { waiver, .. } => self.waivers.push(Noted { seq, what: waiver }),
            Event::ApprovalsWithdrawn { act } => {
                let member = &act.record.member;
                self.approvals.retain(|g| g.approval.act.record.member != *member);
                self.intents = &[];
            }
            Event::ApprovalsVoided { .. } | Event::Reconciled { .. } => self.approvals.clear(),
            Event::RejectionGiven { .. } => self.stopped = Some(seq),
            Event::AnswerGiven { act } | Event::ActTaken { act } => {
                if cancels(&act.record.act) {
                    self.stopped = Some(seq);
                }
            }
            Event::RevisionStarted { revision, cause } => self.revise(*revision, *cause),
            Event::IntentsRecorded { intents } => self.intents = intents,
            Event::ChecksAwaited { .. } => self.heads = &[],
            Event::ChecksRead { repositories } => self.heads = repositories,
            Event::MergeAwaited { .. } => self.merges = &[],
            Event::MergesRead { repositories } => self.merges = repositories,
            Event::StateEntered { .. }
            | Event::EffectRequested { .. }
            | Event::RefsLookedUp { .. }
            | Event::AgentCalled { .. }
            | Event::TriageRecorded { .. }
            | Event::AnswerRefused { .. }
            | Event::DraftsRecorded { .. }
            | Event::CritiqueRecorded { .. }
            | Event::PlanAccepted { .. }
            | Event::RequestClosed { .. }
            | Event::ChangesRequested { .. }
            | Event::BasesChecked { .. }
            | Event::AttemptStarted { .. }
            | Event::AttemptEnded { .. }
            | Event::PullRequestsSkipped { .. }
            | Event::BranchRetracted { .. }
            | Event::FixRoundBegun {}
            | Event::PullRequestClosed { .. }
            | Event::WorkflowEnded { .. }
            | Event::AgentCallReserved { .. }
            | Event::AgentCallEnded { .. } => {}
        }
    }

    fn seal(&mut self, purpose: SealPurpose, seal: Noted<&'a CheckpointRef>) {
        match purpose {
            SealPurpose::BeforeApproval => self.asked_under = Some(seal),
            SealPurpose::Approved => self.approved_under = Some(seal),
        }
    }

    /// A new revision ends everything that was about the old one.
    fn revise(&mut self, revision: Revision, cause: RevisionCause) {
        self.revision = revision;
        self.violations = &[];
        self.patch_sets = &[];
        self.approvals.clear();
        self.asked_under = None;
        self.approved_under = None;
        self.intents = &[];
        let kept = match cause {
            RevisionCause::ChangesRequested | RevisionCause::Deselected | RevisionCause::CiRed => {
                GateId::Plan
            }
            RevisionCause::BaseMoved | RevisionCause::PolicyChanged => GateId::Intake,
        };
        self.gates.retain(|gate, _| *gate <= kept);
    }
}

/// Whether whoever did this has had a hand in the content from then on.
fn shapes(act: &Act) -> bool {
    match act {
        Act::RequestChanges { comment, .. } => !comment.is_empty(),
        Act::Answer { text, .. } => !text.is_empty(),
        Act::Deselect { .. } | Act::Waive { .. } => true,
        Act::Approve { .. }
        | Act::Reject { .. }
        | Act::Withdraw { .. }
        | Act::Cancel { .. }
        | Act::Retry { .. }
        | Act::Extend { .. }
        | Act::Wake => false,
    }
}

fn cancels(act: &Act) -> bool {
    match act {
        Act::Cancel { .. } => true,
        Act::Answer { choice, .. } => *choice == countersign_core::question::Choice::Cancel,
        Act::Approve { .. }
        | Act::Reject { .. }
        | Act::RequestChanges { .. }
        | Act::Deselect { .. }
        | Act::Waive { .. }
        | Act::Withdraw { .. }
        | Act::Retry { .. }
        | Act::Extend { .. }
        | Act::Wake => false,
    }
}
