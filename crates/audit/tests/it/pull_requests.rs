//! Stories on a forge with pull requests and CI: the honest ones pass, and no gate 5 is believed without its evidence.

use crate::canned::Team;
use crate::teller::{Teller, Told, assert_found, assert_lawful, sealed_anew, verdict};
use countersign_audit::ProblemCode as Code;
use countersign_core::forge::{CheckState, Landed, PullRequestState};
use countersign_core::gate::{self, GateId};
use countersign_core::id::{AccountId, Revision};
use countersign_core::workflow::event::{AttemptOutcome, ReadMerge};
use countersign_core::workflow::{Event, State};

fn done() -> Vec<Told> {
    let mut teller = Teller::verifying(Team::Three);
    teller.result("read-checks: green");
    assert_eq!(teller.workflow.state, State::Done);
    teller.told
}

/// The story with each event changed by that, the log signed anew by the genuine key.
fn told_otherwise(change: impl Fn(&mut Event)) -> Vec<Told> {
    let mut told = done();
    told.iter_mut().for_each(|(_, event)| change(event));
    sealed_anew(&told)
}

#[test]
fn honest_stories_are_lawful_green_red_and_cancelled() {
    assert_lawful(&verdict(&done()));
    let mut red = Teller::verifying(Team::Three);
    red.result("read-checks: red");
    assert_lawful(&verdict(&red.told));
    for _ in 0..2 {
        red.result("close-pull-request: closed")
            .result("retract-branch: deleted");
    }
    assert_eq!(red.workflow.revision.0, 2, "the agent tries again");
    assert_lawful(&verdict(&red.told));
    let mut pushed = Teller::verifying(Team::Solo);
    pushed.result("read-checks: pushed");
    assert_lawful(&verdict(&pushed.told));
    let mut cancelled = Teller::verifying(Team::Three);
    let reason = "not now".to_owned();
    cancelled.act("bob", countersign_core::act::Act::Cancel { reason });
    for _ in 0..2 {
        cancelled
            .result("close-pull-request: closed")
            .result("retract-branch: deleted");
    }
    assert_eq!(cancelled.workflow.state, State::Cancelled);
    assert_lawful(&verdict(&cancelled.told));
}

#[test]
fn no_event_of_it_can_be_left_out_or_told_twice() {
    let told = done();
    for at in 0..told.len() - 1 {
        let (mut without, mut twice) = (told.clone(), told.clone());
        without.remove(at);
        twice.insert(at, told[at].clone());
        let kind = told[at].1.kind();
        assert!(
            !verdict(&sealed_anew(&without)).is_lawful(),
            "without {at}: {kind}"
        );
        assert!(!verdict(&sealed_anew(&twice)).is_lawful(), "{at} twice: {kind}");
    }
}

/// INV-8.
#[test]
fn gate_5_is_not_believed_without_its_evidence() {
    let spoils: [fn(&mut countersign_core::workflow::event::ReadHead); 6] = [
        |h| h.checks.clear(),
        |h| h.checks[0].app = "somebody-else".to_owned(),
        |h| h.checks[0].head = "9".repeat(40).try_into().unwrap(),
        |h| h.checks[0].state = CheckState::Skipped,
        |h| h.branch = Some("9".repeat(40).try_into().unwrap()),
        |h| h.pull_request = None,
    ];
    for spoil in spoils {
        let told = told_otherwise(|event| {
            if let Event::ChecksRead { repositories } = event {
                spoil(&mut repositories[1]);
            }
        });
        assert_found(&verdict(&told), Code::CiUnproven);
    }
}

#[test]
fn not_required_is_not_believed_where_no_policy_says_so() {
    let told = told_otherwise(|event| {
        if let Event::GateEvaluated { result } = event
            && result.gate == GateId::Ci
        {
            *result = gate::not_required(GateId::Ci, Revision(1), "CI: not required by policy");
        }
    });
    assert_found(&verdict(&told), Code::CiUnproven);
}

#[test]
fn a_pull_request_of_somebody_else_or_into_another_base_is_found() {
    let spoils: [fn(&mut countersign_core::forge::PullRequest); 3] = [
        |p| p.author = AccountId(5),
        |p| p.base_branch = "dev".to_owned().try_into().unwrap(),
        |p| p.head = "9".repeat(40).try_into().unwrap(),
    ];
    for spoil in spoils {
        let told = told_otherwise(|event| {
            if let Event::AttemptEnded {
                outcome: AttemptOutcome::Opened { pull_request, .. },
                ..
            } = event
            {
                spoil(pull_request);
            }
        });
        assert_found(&verdict(&told), Code::WriteOther);
    }
}

#[test]
fn words_of_a_pull_request_that_leave_out_the_workflow_are_found() {
    let told = told_otherwise(|event| {
        if let Event::PatchSetsFixed { patch_sets } = event {
            patch_sets[0].manifest.pull_request = None;
        }
    });
    assert_found(&verdict(&told), Code::ManifestContent);
}

/// The story of a merge, with what was read of it changed by that, the log signed anew by the genuine key.
fn landed(spoil: impl Fn(&mut ReadMerge)) -> Vec<Told> {
    let mut teller = Teller::awaiting_merge(Team::Three);
    teller.result("read-merges: merged");
    assert_eq!(teller.workflow.state, State::Done);
    for (_, event) in &mut teller.told {
        if let Event::MergesRead { repositories } = event {
            spoil(&mut repositories[1]);
        }
    }
    sealed_anew(&teller.told)
}

#[test]
fn honest_merges_are_lawful_merged_or_not() {
    assert_lawful(&verdict(&landed(|_| {})));
    for result in ["merged otherwise", "closed", "pushed"] {
        let mut teller = Teller::awaiting_merge(Team::Solo);
        teller.result(&format!("read-merges: {result}"));
        assert_eq!(teller.workflow.state, State::NeedsHuman, "{result}");
        assert_lawful(&verdict(&teller.told));
    }
}

/// INV-12.
#[test]
fn gate_6_is_not_believed_without_what_landed() {
    let spoils: [fn(&mut ReadMerge); 6] = [
        |m| m.pull_request.as_mut().unwrap().head = "9".repeat(40).try_into().unwrap(),
        |m| m.landed = None,
        |m| m.pull_request = None,
        |m| m.pull_request.as_mut().unwrap().state = PullRequestState::Open,
        |m| {
            if let Some(Landed::As { expected, .. }) = &mut m.landed {
                *expected = None;
            }
        },
        |m| {
            if let Some(Landed::As { brings, .. }) = &mut m.landed {
                brings.push("9".repeat(40).try_into().unwrap());
            }
        },
    ];
    for spoil in spoils {
        assert_found(&verdict(&landed(spoil)), Code::LandingUnproven);
    }
}
