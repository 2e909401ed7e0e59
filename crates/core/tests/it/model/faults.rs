//! Seeded faults: what the checker must find. Each is a switch in the model's adapter; the product has none of them.

use super::key::Flow;
use countersign_core::act::Act;
use countersign_core::id::RepositoryId;
use countersign_core::workflow::event::{Approval, Request, Subject};
use countersign_core::workflow::{Event, Workflow};

/// A fault around the production `decide` and the production gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// None: the product as it is.
    None,
    /// A yes to an earlier revision counts for the next one.
    ApprovalsCountAcrossRevisions,
    /// A worker writes what it loaded, without attempt and gate.
    SupersededDigestIsWritten,
    /// Nobody counts as having shaped the content.
    RequesterApprovesOwn,
    /// Every push makes a branch of its own, and nothing is read back.
    NoIdempotencyKey,
    /// The gate does not look into the inbox.
    ObjectionIsOvertaken,
    /// The approvals are used up, and the write is not put into the queue.
    ApprovalUsedUpWithoutEffect,
    /// Once something is written, the gate counts at the moment of gate 4 instead of now.
    ExpiryBetweenRepositories,
    /// A permit never runs out, and a lost claim is not noticed at the push.
    PermitWithoutEnd,
    /// A base that nobody could look at counts as unmoved.
    MissingLookIsAPass,
    /// The critic's yes is taken as a person's yes to the plan.
    WordsOfAnAgentApprove,
    /// Every question is asked twice.
    AsksTwice,
}

impl Fault {
    /// All that are seeded.
    pub const SEEDED: [Fault; 11] = [
        Fault::ApprovalsCountAcrossRevisions,
        Fault::SupersededDigestIsWritten,
        Fault::RequesterApprovesOwn,
        Fault::NoIdempotencyKey,
        Fault::ObjectionIsOvertaken,
        Fault::ApprovalUsedUpWithoutEffect,
        Fault::ExpiryBetweenRepositories,
        Fault::PermitWithoutEnd,
        Fault::MissingLookIsAPass,
        Fault::WordsOfAnAgentApprove,
        Fault::AsksTwice,
    ];

    /// What the fault makes of a workflow after a decision.
    pub fn distort(self, before: &Flow, events: &[Event], w: &mut Workflow) {
        match self {
            Fault::ApprovalsCountAcrossRevisions => carry(&before.w, events, w),
            Fault::RequesterApprovesOwn => w.shapers.clear(),
            Fault::AsksTwice => ask_twice(events, w),
            Fault::WordsOfAnAgentApprove => {
                let critic = |e: &Event| matches!(e, Event::CritiqueRecorded { .. });
                w.plan_approved |= events.iter().any(critic);
            }
            Fault::None
            | Fault::SupersededDigestIsWritten
            | Fault::NoIdempotencyKey
            | Fault::ObjectionIsOvertaken
            | Fault::ApprovalUsedUpWithoutEffect
            | Fault::ExpiryBetweenRepositories
            | Fault::PermitWithoutEnd
            | Fault::MissingLookIsAPass => {}
        }
    }
}

fn repository(request: &Request) -> Option<&RepositoryId> {
    match &request.subject {
        Subject::PatchSet { repository, .. } => Some(repository),
        Subject::Plan { .. } | Subject::Question { .. } => None,
    }
}

/// Approvals are kept by repository: a new revision keeps them, and a new request of the repository takes them over.
fn carry(before: &Workflow, events: &[Event], w: &mut Workflow) {
    for event in events {
        if let Event::RevisionStarted { .. } = event {
            w.approvals.clone_from(&before.approvals);
        }
        if let Event::RequestOpened { request, .. } = event {
            take_over(request, w);
        }
    }
}

fn take_over(request: &Request, w: &mut Workflow) {
    let requests = w.requests.clone();
    let same = |a: &Approval| {
        let old = requests.iter().find(|r| r.id == a.request);
        repository(request).is_some() && old.and_then(repository) == repository(request)
    };
    for approval in w.approvals.iter_mut().filter(|a| same(a)) {
        approval.request = request.id.clone();
        if let Act::Approve {
            request: of, seen, ..
        } = &mut approval.act.record.act
        {
            *of = request.id.clone();
            *seen = crate::canned::seen(&request.subject);
        }
    }
}

fn ask_twice(events: &[Event], w: &mut Workflow) {
    for event in events {
        if let Event::RequestOpened { request, .. } = event {
            w.requests.push(request.clone());
        }
    }
}
