//! One transition, whole or not at all: events into the ledger, the list's row, the next effect, the bodies,
//! and the settlement of what led to it.

use crate::bodies;
use crate::db::Tx;
use crate::effects::{self, Taken, Wanted};
use crate::error;
use crate::inputs;
use crate::log::{Fact, KIND_EVENT, Log};
use crate::workflows;
use countersign_core::id::{EffectId, Version};
use countersign_core::record::{EventRecord, RECORD_VERSION, RECORDED_WITHIN_MS};
use countersign_core::time::Timestamp;
use countersign_ports::store::{ClaimedEffect, Commit, Committed, Settles, StoreError};

/// Records a commit.
pub(crate) async fn record(tx: &Tx<'_>, commit: &Commit) -> Result<Committed, StoreError> {
    refuse_inconsistent(tx, commit)?;
    let workflow = &commit.decision.workflow;
    let now = tx.now().await?;
    let outstanding = workflow.outstanding.as_ref().map(|(id, _)| id);
    check_claim(tx, commit, now).await?;
    workflows::project(tx, commit.expected, workflow, commit.at).await?;
    let ledger_size = append_events(tx, commit).await?;
    for body in &commit.bodies {
        bodies::put(tx, body).await?;
    }
    let done = settle(tx, commit, outstanding, now).await?;
    effects::enqueue(tx, &workflow.id, &commit.decision.effects, commit.at).await?;
    effects::end_others(tx, &workflow.id, outstanding, done).await?;
    let next = match outstanding {
        Some(id) => go_on(tx, commit, id, now).await?,
        None => None,
    };
    Ok(Committed { next, ledger_size })
}

/// Claims what the decision asks for, if its worker goes on and no input of the workflow waits.
async fn go_on(
    tx: &Tx<'_>,
    commit: &Commit,
    outstanding: &EffectId,
    now: Timestamp,
) -> Result<Option<ClaimedEffect>, StoreError> {
    let claimed = match &commit.goes_on {
        Some(worker) => effects::claim(tx, worker, &Wanted::This(outstanding), now).await?,
        None => None,
    };
    match claimed {
        Some(Taken::Effect(effect)) => Ok(Some(effect)),
        Some(Taken::Unreadable(error)) => Err(error),
        None => effects::refuse_missing(tx, outstanding).await.map(|()| None),
    }
}

/// A decision that was made for another place, or not by `decide`, is a mistake of the caller.
fn refuse_inconsistent(tx: &Tx<'_>, commit: &Commit) -> Result<(), StoreError> {
    let decision = &commit.decision;
    let events = u64::try_from(decision.events.len()).unwrap_or(u64::MAX);
    let refuse = |code, message: &str| {
        Err(StoreError::Refused {
            code,
            message: message.to_owned(),
        })
    };
    if decision.workflow.tenant != *tx.tenant() {
        return refuse("wrong-tenant", "this decision is about another tenant's workflow");
    }
    if decision.events.is_empty() {
        return refuse(
            "nothing-decided",
            "a decision without events changes nothing and can't be recorded",
        );
    }
    if decision.workflow.version != Version(commit.expected.0.saturating_add(events)) {
        return refuse(
            "wrong-version",
            "this decision was not made on the version that it names",
        );
    }
    Ok(())
}

async fn check_claim(tx: &Tx<'_>, commit: &Commit, now: Timestamp) -> Result<(), StoreError> {
    match &commit.settles {
        Settles::Effect { id, fence, .. } | Settles::KeepsClaim { id, fence } => {
            let held = effects::held(tx, id, *fence, now).await?;
            if held.workflow == commit.decision.workflow.id {
                Ok(())
            } else {
                Err(StoreError::ClaimLost)
            }
        }
        Settles::Input(_) | Settles::Nothing => Ok(()),
    }
}

/// The events are the entries of the workflow's stream; there is no second copy. The log's new size.
async fn append_events(tx: &Tx<'_>, commit: &Commit) -> Result<u64, StoreError> {
    let workflow = &commit.decision.workflow;
    let mut log = Log::open(tx, workflow.id.as_str()).await?;
    if log.count() != commit.expected.0 {
        return Err(error::damaged(format_args!(
            "the list and the ledger disagree on {}",
            workflow.id
        )));
    }
    if log.newest() > commit.at.plus_ms(RECORDED_WITHIN_MS) {
        return Err(StoreError::Clash);
    }
    let facts = (commit.expected.0 + 1..).zip(&commit.decision.events);
    let facts = facts.map(|(seq, event)| {
        let record = EventRecord {
            v: RECORD_VERSION,
            tenant: workflow.tenant.clone(),
            workflow: workflow.id.clone(),
            seq,
            at: commit.at,
            event: event.clone(),
        };
        Fact {
            kind: KIND_EVENT,
            at: commit.at,
            body: record.to_bytes(),
            ends: workflow.state.is_final() && seq == workflow.version.0,
        }
    });
    log.append(facts.collect()).await?;
    Ok(log.size())
}

/// Settles what led to the commit; gives the effect that is done with it.
async fn settle<'a>(
    tx: &Tx<'_>,
    commit: &'a Commit,
    outstanding: Option<&EffectId>,
    now: Timestamp,
) -> Result<Option<&'a EffectId>, StoreError> {
    match &commit.settles {
        Settles::Input(id) => {
            inputs::accept(tx, id, &commit.decision.workflow.id, now).await?;
            Ok(None)
        }
        Settles::Effect {
            id, again_after_ms, ..
        } if outstanding == Some(id) => {
            effects::release(tx, id, commit.at.plus_ms(*again_after_ms)).await?;
            Ok(None)
        }
        Settles::Effect { id, .. } => Ok(Some(id)),
        Settles::KeepsClaim { .. } | Settles::Nothing => Ok(None),
    }
}
