//! The write gate: every fact that keeps it closed (hazards 4, 35, 37, 40), and the one way in.

use crate::canned::{self, START, Team};
use countersign_core::id::{Fence, Revision, TreeSha};
use countersign_core::permit::{
    ClaimFacts, DeleteBranch, FreshFacts, GateRefusal, PushBranch, REMOTE_WRITE_MAX_MS, WriteGate,
};
use countersign_core::time::Timestamp;
use countersign_core::workflow::Workflow;
use countersign_core::workflow::event::Attempt;
use countersign_core::workflow::event::RevisionCause;

const NOW: Timestamp = Timestamp(START.0 + 60_000);

/// A workflow whose first attempt is recorded.
fn attempting() -> (Workflow, Attempt, PushBranch) {
    attempting_in(canned::writing(Team::Solo))
}

fn attempting_in(w: Workflow) -> (Workflow, Attempt, PushBranch) {
    let attempt = w.attempts[0].0.clone();
    let intent = w.intents.iter().find(|i| i.id == attempt.intent).unwrap();
    let op = PushBranch {
        repository: intent.repository.clone(),
        branch: intent.branch.clone(),
        commit: intent.commit.clone(),
        tree: intent.tree.clone(),
        patch_set: intent.patch_set,
        approval: intent.approval,
    };
    (w, attempt, op)
}

fn held() -> ClaimFacts {
    ClaimFacts {
        now: NOW,
        fence: Fence(1),
        lease_until: NOW.plus_ms(60_000),
        undecided_inputs: 0,
        approvals_authentic: true,
        tenant_active: true,
        baseline_unchanged: true,
        base_stands: true,
        frozen: false,
    }
}

/// Spoils one thing and asks.
fn refusal(spoil: impl FnOnce(&mut Workflow, &mut Attempt, &mut PushBranch, &mut ClaimFacts)) -> GateRefusal {
    let (mut w, mut attempt, mut op) = attempting();
    let mut held = held();
    spoil(&mut w, &mut attempt, &mut op, &mut held);
    let facts = FreshFacts::attest(w, attempt, held, Team::Solo.roster());
    WriteGate::open(&facts, op).err().expect("the gate stays closed")
}

#[test]
fn everything_in_place_gives_a_permit_that_is_used_once_and_runs_out() {
    let (w, attempt, op) = attempting();
    let facts = FreshFacts::attest(w, attempt, held(), Team::Solo.roster());
    let permit = WriteGate::open(&facts, op.clone()).unwrap();
    assert_eq!(permit.redeem(NOW).unwrap().op, op);
    let old = WriteGate::open(&facts, op).unwrap();
    assert!(
        old.redeem(NOW.plus_ms(10_000)).is_err(),
        "a permit lives for seconds"
    );
}

/// INV-1: no permit while anything speaks against it.
#[test]
fn each_fact_alone_keeps_it_closed() {
    let code = |r: GateRefusal| r.code();
    assert_eq!(code(refusal(|_, _, _, h| h.frozen = true)), "gate-frozen");
    assert_eq!(
        code(refusal(|_, _, _, h| h.undecided_inputs = 1)),
        "gate-undecided-inputs"
    );
    assert_eq!(
        code(refusal(|_, _, _, h| h.approvals_authentic = false)),
        "gate-not-authentic"
    );
    assert_eq!(
        code(refusal(|_, _, _, h| h.base_stands = false)),
        "gate-base-moved"
    );
    assert_eq!(
        code(refusal(|_, _, _, h| h.tenant_active = false)),
        "gate-tenant-inactive"
    );
    assert_eq!(
        code(refusal(|_, _, _, h| h.baseline_unchanged = false)),
        "gate-baseline-changed"
    );
    assert_eq!(code(refusal(|_, _, _, h| h.fence = Fence(2))), "gate-claim-lost");
    assert_eq!(code(refusal(|_, _, _, h| h.lease_until = NOW)), "gate-claim-lost");
    assert_eq!(code(refusal(|_, a, _, _| a.deadline = NOW)), "gate-no-attempt");
    assert_eq!(code(refusal(|w, _, _, _| w.attempts.clear())), "gate-no-attempt");
    assert_eq!(code(refusal(|w, _, _, _| w.cancelling = true)), "gate-cancelling");
    assert_eq!(
        code(refusal(|w, _, _, _| w.fixing = Some(RevisionCause::CiRed))),
        "gate-cancelling"
    );
    assert_eq!(code(refusal(|w, _, _, _| w.rejected = true)), "gate-rejected");
    assert_eq!(
        code(refusal(|w, _, _, _| w.approvals.truncate(1))),
        "gate-approvals-missing"
    );
    assert_eq!(code(refusal(|w, _, _, _| w.checkpoint = None)), "gate-not-sealed");
    assert_eq!(
        code(refusal(|w, _, _, _| w.revision = Revision(2))),
        "gate-no-intent"
    );
    assert_eq!(code(refusal(|w, _, _, _| w.gates.clear())), "gate-not-passed");
    let week = 7 * 24 * 60 * 60 * 1000;
    let late = |w: &mut Workflow, a: &mut Attempt, _: &mut PushBranch, h: &mut ClaimFacts| {
        h.now = NOW.plus_ms(week);
        h.lease_until = h.now.plus_ms(1);
        a.deadline = h.now.plus_ms(1);
        w.attempts[0].0.deadline = a.deadline;
    };
    assert_eq!(
        code(refusal(late)),
        "gate-approvals-missing",
        "expired approvals do not count"
    );
}

/// Hazard 38: what is on its way over a network arrives before a cancel may conclude that nothing comes any more.
#[test]
fn a_write_over_a_network_begins_so_early_that_it_ends_before_its_attempt() {
    let here = canned::writing(Team::Solo);
    let there = canned::go(
        canned::approved_remote(Team::Solo),
        Team::Solo,
        &[
            "seal-ledger: sealed",
            "check-bases: unmoved",
            "write-branch: attempt starts",
        ],
    );
    for (w, early_ms) in [(here, 0), (there, REMOTE_WRITE_MAX_MS)] {
        let (w, attempt, op) = attempting_in(w);
        let last = Timestamp(attempt.deadline.0 - early_ms);
        let at = |now: Timestamp| {
            let held = ClaimFacts {
                now,
                lease_until: now.plus_ms(60_000),
                ..held()
            };
            let facts = FreshFacts::attest(w.clone(), attempt.clone(), held, Team::Solo.roster());
            WriteGate::open(&facts, op.clone())
        };
        let permit = at(Timestamp(last.0 - 1)).unwrap();
        assert!(permit.redeem(last).is_err(), "it runs out with the last moment");
        assert_eq!(at(last).err().map(|r| r.code()), Some("gate-no-attempt"));
    }
}

#[test]
fn a_field_that_differs_from_what_was_approved_is_named() {
    let other = TreeSha::parse(&"a".repeat(40)).unwrap();
    assert_eq!(
        refusal(|_, _, op, _| op.tree = other),
        GateRefusal::NotAsApproved { field: "the tree" }
    );
    let master = countersign_core::id::BranchName::parse("main").unwrap();
    assert_eq!(
        refusal(|_, _, op, _| op.branch = master),
        GateRefusal::NotAsApproved { field: "the branch" }
    );
    let (_, _, op) = attempting();
    let repository = countersign_core::id::RepositoryId::local(op.repository.number + 1);
    assert_eq!(
        refusal(|_, _, op, _| op.repository = repository),
        GateRefusal::NotAsApproved {
            field: "the repository"
        }
    );
}

#[test]
fn nothing_is_taken_out_of_play_unless_it_was_cancelled() {
    let (w, attempt, op) = attempting();
    let delete = DeleteBranch {
        repository: op.repository,
        branch: op.branch,
        commit: op.commit,
    };
    let facts = FreshFacts::attest(w.clone(), attempt.clone(), held(), Team::Solo.roster());
    assert_eq!(
        WriteGate::retract(&facts, delete.clone()).err().unwrap().code(),
        "gate-not-retracting"
    );
    let ended: [fn(&mut Workflow); 2] = [|w| w.cancelling = true, |w| w.fixing = Some(RevisionCause::CiRed)];
    for end in ended {
        let mut w = w.clone();
        end(&mut w);
        let facts = FreshFacts::attest(w, attempt.clone(), held(), Team::Solo.roster());
        assert!(WriteGate::retract(&facts, delete.clone()).is_ok());
    }
}
