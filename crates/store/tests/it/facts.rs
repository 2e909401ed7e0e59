//! What the write gate gets to see comes out of one claim transaction, and nothing of it is stale.

use crate::support::{World, ada, input_id, sha};
use countersign_core::act::{Act, SeenDigest};
use countersign_core::digest::{ApprovalDigest, EvidenceDigest, PatchSetDigest};
use countersign_core::gate::{GateId, GateOutcome, GateResult};
use countersign_core::id::{
    AttemptNumber, BranchName, EffectId, Fence, RepositoryId, RequestId, Revision, TenantId, TreeSha,
    Version, WriteIntentId,
};
use countersign_core::permit::{FreshFacts, GateRefusal, PushBranch, WriteGate};
use countersign_core::workflow::event::{Approval, Attempt, WriteIntent};
use countersign_core::workflow::{Effect, Event, State, Workflow};
use countersign_ports::store::{
    ClaimedEffect, Clock as _, InputStatus, LEASE_MS, NewInput, OutsideFacts, Settles, StoreError,
};

#[tokio::test]
async fn genuine_facts_get_past_everything_that_the_store_looks_at() {
    let writing = Writing::new(false).await;
    // What is left is the gate's own business: this crafted workflow has no checkpoint.
    assert_eq!(writing.gate().await, GateRefusal::NotSealed);
}

#[tokio::test]
async fn a_lost_claim_gives_no_facts() {
    let writing = Writing::new(false).await;
    let mut old = writing.effect.clone();
    old.fence = Fence(old.fence.0 + 1);
    let local = writing.world.local();
    assert!(matches!(
        local.fresh_facts(&old, &writing.attempt, outside(true)).await,
        Err(StoreError::ClaimLost)
    ));
    writing.world.clock.forward(LEASE_MS);
    assert!(matches!(writing.facts(true).await, Err(StoreError::ClaimLost)));
}

#[tokio::test]
async fn an_input_that_nobody_has_judged_closes_the_gate() {
    let writing = Writing::new(false).await;
    let (local, workflow) = (writing.world.local(), writing.effect.workflow.clone());
    let act = NewInput::Act(writing.world.cancel(&workflow));
    local.insert_input(&input_id(1), &workflow, &act).await.unwrap();
    assert_eq!(writing.gate().await, GateRefusal::UndecidedInputs(1));
    let held = InputStatus::Held {
        code: "poison".to_owned(),
        message: "unreadable".to_owned(),
    };
    local.settle_input(&input_id(1), &held).await.unwrap();
    assert_eq!(writing.gate().await, GateRefusal::UndecidedInputs(1));
    let refused = InputStatus::Refused {
        code: "x".to_owned(),
        message: "x".to_owned(),
    };
    local.settle_input(&input_id(1), &refused).await.unwrap();
    assert_eq!(writing.gate().await, GateRefusal::NotSealed);
}

#[tokio::test]
async fn an_approval_without_its_members_key_is_not_authentic() {
    assert_eq!(Writing::new(true).await.gate().await, GateRefusal::NotAuthentic);
}

#[tokio::test]
async fn a_changed_baseline_and_a_tenant_that_was_stopped_are_seen() {
    let writing = Writing::new(false).await;
    let facts = writing.facts(false).await.unwrap();
    assert_eq!(refusal(&facts), GateRefusal::BaselineChanged);
    writing.world.sql("UPDATE tenants SET active = 0").await.unwrap();
    assert_eq!(writing.gate().await, GateRefusal::TenantInactive);
}

#[tokio::test]
async fn a_clock_behind_the_ledger_gives_no_facts() {
    let writing = Writing::new(false).await;
    writing.world.clock.back(5_000);
    assert_eq!(writing.gate().await, GateRefusal::NotSealed);
    writing.world.clock.back(1);
    let Err(error) = writing.facts(true).await else {
        panic!("facts from a wrong clock")
    };
    assert_eq!(error.code(), "clock-behind");
}

#[tokio::test]
async fn a_stream_that_was_changed_gives_no_facts() {
    let writing = Writing::new(false).await;
    let sql = "DROP TRIGGER entry_bodies_never_change;
        UPDATE entry_bodies SET body = CAST(body || ' ' AS BLOB) WHERE idx = 4";
    writing.world.sql(sql).await.unwrap();
    assert!(matches!(
        writing.facts(true).await,
        Err(StoreError::Corrupt { .. })
    ));
}

/// A workflow whose one write is claimed and whose attempt is recorded.
struct Writing {
    world: World,
    effect: ClaimedEffect,
    attempt: Attempt,
}

impl Writing {
    async fn new(forged: bool) -> Self {
        let world = World::new().await;
        world.local().ensure_member(&ada()).await.unwrap();
        let workflow = world.started(1).await;
        let applying = crate::support::crafted(&workflow, applying_events(&world, &workflow, forged));
        let version = applying.workflow.version.0;
        world
            .local()
            .commit(&world.commit(3, applying.clone(), Settles::Nothing))
            .await
            .unwrap();
        let effect = world.claim_effect().await;
        let attempt = Attempt {
            intent: intent(&workflow).id,
            number: AttemptNumber(1),
            fence: effect.fence,
            commit: sha('c'),
            expected_old: None,
            deadline: world.clock.now().plus_ms(LEASE_MS),
        };
        let started = Event::AttemptStarted {
            attempt: attempt.clone(),
        };
        let decision = crate::support::crafted(&applying.workflow, vec![started]);
        let keeps = Settles::KeepsClaim {
            id: effect.id.clone(),
            fence: effect.fence,
        };
        world
            .local()
            .commit(&world.commit(version, decision, keeps))
            .await
            .unwrap();
        Self {
            world,
            effect,
            attempt,
        }
    }

    async fn facts(&self, baseline_unchanged: bool) -> Result<FreshFacts, StoreError> {
        self.world
            .local()
            .fresh_facts(&self.effect, &self.attempt, outside(baseline_unchanged))
            .await
    }

    async fn gate(&self) -> GateRefusal {
        refusal(&self.facts(true).await.unwrap())
    }
}

fn refusal(facts: &FreshFacts) -> GateRefusal {
    let intent = intent(&Workflow::empty(
        TenantId::local(),
        crate::support::workflow_id(1),
    ));
    let push = PushBranch {
        repository: intent.repository,
        branch: intent.branch,
        commit: intent.commit,
        tree: intent.tree,
        patch_set: intent.patch_set,
        approval: intent.approval,
    };
    match WriteGate::open(facts, push) {
        Ok(_) => panic!("a crafted workflow got a permit"),
        Err(refusal) => refusal,
    }
}

fn applying_events(world: &World, workflow: &Workflow, forged: bool) -> Vec<Event> {
    let request = RequestId::derive(&workflow.id, 1);
    let seen = SeenDigest::PatchSet(ApprovalDigest::of_bytes(b"approval"));
    let mut act = world.act(
        &workflow.id,
        Act::Approve {
            request: request.clone(),
            seen,
            acknowledged: vec![],
        },
    );
    if forged {
        act.record.at.0 += 1;
    }
    let approval = Approval {
        request,
        revision: Revision(1),
        act,
        expires_at: world.clock.now().plus_ms(1_000_000),
        recorded_at: Version(4),
    };
    let intent = intent(workflow);
    let effect = Effect::WriteBranch {
        intent: intent.id.clone(),
    };
    let mut events = vec![
        Event::ApprovalGiven { approval },
        Event::StateEntered {
            state: State::Applying,
            reason: "crafted".to_owned(),
        },
        Event::IntentsRecorded {
            intents: vec![intent],
        },
        Event::EffectRequested {
            id: EffectId::derive(&workflow.id, 2),
            effect,
        },
    ];
    let passed = |gate| GateResult {
        gate,
        revision: Revision(1),
        outcome: GateOutcome::Passed,
        checks: vec![],
        evidence: EvidenceDigest::of_bytes(b"crafted"),
    };
    let before = GateId::ALL.into_iter().filter(|gate| *gate < GateId::Ci);
    events.extend(before.map(|gate| Event::GateEvaluated { result: passed(gate) }));
    events
}

fn intent(workflow: &Workflow) -> WriteIntent {
    WriteIntent {
        id: WriteIntentId::derive(&workflow.id, 1),
        revision: Revision(1),
        repository: RepositoryId::local(1),
        branch: BranchName::parse("countersign/crafted").unwrap(),
        commit: sha('c'),
        tree: TreeSha::parse(&"d".repeat(40)).unwrap(),
        patch_set: PatchSetDigest::of_bytes(b"patch set"),
        approval: ApprovalDigest::of_bytes(b"approval"),
    }
}

fn outside(baseline_unchanged: bool) -> OutsideFacts {
    OutsideFacts {
        baseline_unchanged,
        base_stands: true,
    }
}
