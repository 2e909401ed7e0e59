//! Judges what was written: by whose permit, and what stood at that moment, counted from the events alone.

use super::Findings;
use crate::evidence::{Evidence, Kept};
use crate::house::person_of;
use crate::repositories::{self, Deed, Did};
use countersign_core::act::{Act, SeenDigest};
use countersign_core::id::WorkflowId;
use countersign_core::policy::{EffectivePolicy, RiskTier};
use countersign_core::record::EventRecord;
use countersign_core::time::Timestamp;
use countersign_core::workflow::Event;
use countersign_core::workflow::event::{Subject, WriteIntent};
use countersign_ports::store::RepositoryRow;
use std::collections::{BTreeMap, BTreeSet};

/// What stood at one moment in one stream, counted from its events alone.
#[derive(Default)]
struct Stood {
    shown: BTreeMap<String, String>,
    yes: BTreeMap<(String, String), Timestamp>,
    shaped: BTreeSet<String>,
    against: bool,
    begun: bool,
    intended: bool,
    policy: Option<EffectivePolicy>,
    tier: Option<RiskTier>,
}

/// Nothing is in a repository that no permit brought there, and every permit was one of the workflow that it names.
pub(super) fn judge(evidence: &Evidence, findings: &mut Findings) {
    for (git_dir, branch, commit) in &evidence.branches {
        if evidence.is_touched(git_dir, branch) {
            continue;
        }
        let brought = |d: &Deed| d.git_dir == *git_dir && d.branch == *branch && d.commit == *commit;
        let permitted = |d: &Deed| brought(d) && d.did == Did::Branch && d.permit.is_some();
        let permitted = evidence.deeds.iter().any(permitted);
        findings.require(permitted, || {
            format!("nobody's permit brought {branch} to {}", git_dir.display())
        });
    }
    for (git_dir, pull_request) in &evidence.pull_requests {
        let opened = |d: &&Deed| {
            d.git_dir == *git_dir && d.did == Did::Opened(pull_request.number) && d.permit.is_some()
        };
        let permitted = evidence.deeds.iter().filter(opened).count();
        findings.require(permitted == 1, || {
            format!("{permitted} permits opened pull request #{}", pull_request.number)
        });
    }
    for deed in evidence.deeds.iter().filter(|d| d.permit.is_some()) {
        let mut of_whom = 0;
        for kept in &evidence.tenants {
            let named = |id: &&WorkflowId| deed.branch.as_str().contains(id.as_str());
            for id in kept.streams.keys().filter(named) {
                of_whom += 1;
                written(kept, id, &kept.streams[id], deed, findings);
            }
        }
        findings.require(of_whom == 1, || {
            format!("{} is the branch of {of_whom} workflows", deed.branch)
        });
    }
}

/// A branch of this workflow was created: at that moment everything spoke for it.
fn written(kept: &Kept, id: &WorkflowId, records: &[EventRecord], deed: &Deed, findings: &mut Findings) {
    let Some(permit) = &deed.permit else { return };
    let place = format!("{id} wrote {} at {}", deed.branch, deed.at);
    let row = kept
        .repositories
        .iter()
        .find(|row| repositories::folder(&row.place) == deed.git_dir);
    let Some(row) = row.filter(|_| permit.tenant == kept.tenant) else {
        let folder = deed.git_dir.display();
        findings
            .0
            .push(format!("{place} in {folder} with a permit of {}", permit.tenant));
        return;
    };
    let mut stood = Stood::default();
    for record in records.iter().take_while(|r| r.at <= deed.at) {
        stood.take(record, deed, row, &permit.intent.to_string());
    }
    findings.require(stood.intended, || format!("{place} without an intent"));
    findings.require(stood.begun, || format!("{place} without an attempt on record"));
    findings.require(!stood.against, || format!("{place} although it was rejected"));
    let (people, needed) = (stood.people(deed), stood.needed());
    findings.require(people >= needed, || {
        format!("{place} with the approvals of {people} people, where {needed} are needed")
    });
}

impl Stood {
    fn take(&mut self, record: &EventRecord, deed: &Deed, row: &RepositoryRow, intent: &str) {
        match &record.event {
            Event::WorkflowStarted { started_by, .. } => {
                self.shaped.insert(person_of(started_by).to_owned());
            }
            Event::ContextLoaded { repositories, .. } => {
                let here = repositories.iter().find(|r| r.repository == row.id);
                self.policy = here.map(|r| r.policy.clone());
            }
            Event::TierComputed { tier, .. } => self.tier = Some(*tier),
            Event::PatchSetsFixed { patch_sets } => {
                self.shown.clear();
                for p in patch_sets {
                    self.shown
                        .insert(p.digest.to_hex(), p.manifest.commit.to_string());
                }
            }
            Event::RequestOpened { request, .. } => {
                if let Subject::PatchSet {
                    patch_set, digest, ..
                } = &request.subject
                    && let Some(commit) = self.shown.get(&patch_set.to_hex()).cloned()
                {
                    self.shown.insert(SeenDigest::PatchSet(*digest).to_hex(), commit);
                }
            }
            Event::ApprovalGiven { approval } => {
                if let Act::Approve { seen, .. } = &approval.act.record.act {
                    let who = person_of(&approval.act.record.member).to_owned();
                    self.yes.insert((who, seen.to_hex()), approval.expires_at);
                }
            }
            Event::ApprovalsWithdrawn { act } => {
                let who = person_of(&act.record.member).to_owned();
                self.yes.retain(|(of, _), _| *of != who);
            }
            Event::ApprovalsVoided { .. } | Event::RevisionStarted { .. } | Event::Reconciled { .. } => {
                self.yes.clear();
            }
            Event::RejectionGiven { .. } => self.against = true,
            Event::ChangesRequested { act } => {
                self.shaped.insert(person_of(&act.record.member).to_owned());
            }
            Event::IntentsRecorded { intents } => {
                let operation = |i: &WriteIntent| match deed.did {
                    Did::Branch => i.id.to_string(),
                    Did::Opened(_) => i.id.pull_request().to_string(),
                };
                self.intended = intents
                    .iter()
                    .any(|i| i.commit == deed.commit && operation(i) == intent);
            }
            Event::AttemptStarted { attempt } if attempt.commit == deed.commit => {
                self.begun = attempt.deadline > deed.at;
            }
            Event::AttemptStarted { .. }
            | Event::StateEntered { .. }
            | Event::RosterRecorded { .. }
            | Event::EffectRequested { .. }
            | Event::RefsLookedUp { .. }
            | Event::GateEvaluated { .. }
            | Event::AgentCalled { .. }
            | Event::TriageRecorded { .. }
            | Event::PlanRecorded { .. }
            | Event::AnswerRefused { .. }
            | Event::DraftsRecorded { .. }
            | Event::CritiqueRecorded { .. }
            | Event::PolicyEvaluated { .. }
            | Event::PlanAccepted { .. }
            | Event::LedgerSealed { .. }
            | Event::RequestClosed { .. }
            | Event::AnswerGiven { .. }
            | Event::PatchesDeselected { .. }
            | Event::WaiverGiven { .. }
            | Event::ActTaken { .. }
            | Event::BasesChecked { .. }
            | Event::AttemptEnded { .. }
            | Event::PullRequestsSkipped { .. }
            | Event::BranchRetracted { .. }
            | Event::ChecksAwaited { .. }
            | Event::MergeAwaited { .. }
            | Event::MergesRead { .. }
            | Event::ChecksRead { .. }
            | Event::FixRoundBegun {}
            | Event::PullRequestClosed { .. }
            | Event::WorkflowEnded { .. }
            | Event::AgentCallReserved { .. }
            | Event::AgentCallEnded { .. } => {}
        }
    }

    /// How many people the policy demands that it was approved under; at least one.
    fn needed(&self) -> usize {
        let tier = self.tier.unwrap_or(RiskTier::High);
        let demanded = self
            .policy
            .as_ref()
            .map_or(1, |policy| policy.approvers_for(tier));
        usize::try_from(demanded.max(1)).unwrap_or(usize::MAX)
    }

    /// People who did not shape it, with a live yes to what shows exactly this commit.
    fn people(&self, deed: &Deed) -> usize {
        let of = |seen: &String| {
            self.shown
                .get(seen)
                .is_some_and(|c| *c == deed.commit.to_string())
        };
        let live = self
            .yes
            .iter()
            .filter(|((who, seen), until)| of(seen) && **until > deed.at && !self.shaped.contains(who));
        live.map(|((who, _), _)| who).collect::<BTreeSet<_>>().len()
    }
}
