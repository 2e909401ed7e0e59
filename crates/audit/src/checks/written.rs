//! What was written in the end, and on whose word: for statements about a story that was judged lawful.

use super::Scene;
use super::books::{Books, Given};
use super::writes;
use crate::story::Story;
use countersign_core::act::{MemberKey, SignedAct};
use countersign_core::digest::ApprovalDigest;
use countersign_core::id::{MemberId, WriteIntentId};
use countersign_core::patch_set::PatchSet;
use countersign_core::record::EventRecord;
use countersign_core::workflow::Event;
use countersign_core::workflow::event::{Attempt, AttemptOutcome};
use countersign_ledger::Report;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// All of it.
pub(crate) struct Outcome {
    /// One per repository, in write order.
    pub(crate) written: Vec<Written>,
    /// What policy and gates said: tier, plan, policies, broken rules, gates 0 to 2, approval digests.
    pub(crate) verdict: Value,
    /// Who started it.
    pub(crate) started: Value,
}

/// One repository's write.
pub(crate) struct Written {
    /// The repository's short name.
    pub(crate) name: String,
    pub(crate) patch_set: PatchSet,
    /// What people decided on.
    pub(crate) digest: ApprovalDigest,
    /// How many people had to say yes.
    pub(crate) needed: usize,
    /// One yes per person, oldest first.
    pub(crate) yeses: Vec<Yes>,
}

/// One person's yes.
pub(crate) struct Yes {
    /// Entry that recorded it.
    pub(crate) seq: u64,
    pub(crate) member: MemberId,
    /// The key recorded for the member.
    pub(crate) key: MemberKey,
    pub(crate) act: SignedAct,
}

/// Goes through the story once more.
pub(crate) fn outcome(story: &Story, report: &Report) -> Outcome {
    let mut books = Books::new();
    let mut tried: BTreeMap<WriteIntentId, Written> = BTreeMap::new();
    let mut written = Vec::new();
    for record in story.records.iter().flatten() {
        let scene = Scene {
            story,
            report,
            books: &books,
            record,
        };
        if let Event::AttemptStarted { attempt } = &record.event
            && let Some(write) = begun(&scene, attempt)
        {
            tried.insert(attempt.intent.clone(), write);
        }
        if let Event::AttemptEnded {
            intent,
            outcome: AttemptOutcome::Written { .. },
            ..
        } = &record.event
        {
            written.extend(tried.remove(intent));
        }
        books.take(record);
    }
    Outcome {
        verdict: verdict(&books, &written),
        started: books.started.map(|s| started(s.what)).unwrap_or_default(),
        written,
    }
}

/// The write that an attempt begins, with those who carry it.
fn begun(scene: &Scene<'_>, attempt: &Attempt) -> Option<Written> {
    let books = scene.books;
    let intent = books.intents.iter().find(|i| i.id == attempt.intent)?;
    let patch_set = books.patch_sets.iter().find(|p| p.digest == intent.patch_set)?;
    let carried = writes::count(scene, patch_set).ok()?;
    Some(Written {
        name: books.name(&patch_set.repository),
        patch_set: patch_set.clone(),
        digest: writes::approval_digest(books, patch_set)?,
        needed: carried.needed,
        yeses: one_per_person(books, &carried.by),
    })
}

fn one_per_person(books: &Books<'_>, given: &[&Given<'_>]) -> Vec<Yes> {
    let mut seen = BTreeSet::new();
    let mut yeses = Vec::new();
    for given in given {
        let act = &given.approval.act;
        let id = &act.record.member;
        let known = books.roster.and_then(|roster| {
            let member = roster.members.iter().find(|m| m.id == *id)?;
            Some((member.person.as_str(), *roster.keys.get(id)?))
        });
        if let Some((person, key)) = known
            && seen.insert(person)
        {
            yeses.push(Yes {
                seq: given.seq,
                member: id.clone(),
                key,
                act: act.clone(),
            });
        }
    }
    yeses
}

fn verdict(books: &Books<'_>, written: &[Written]) -> Value {
    let gates: Vec<Value> = books
        .gates
        .values()
        .filter(|noted| noted.what.gate <= countersign_core::gate::GateId::Proposal)
        .map(|noted| json!({ "gate": noted.what.gate, "outcome": noted.what.outcome, "evidence": noted.what.evidence }))
        .collect();
    let policies: BTreeMap<String, Value> = books
        .repositories
        .iter()
        .map(|r| (books.name(&r.repository), json!(r.policy.digest())))
        .collect();
    let broken: Vec<Value> = books
        .violations
        .iter()
        .map(|v| json!({ "repository": books.name(&v.repository), "rule": v.id(), "waived_until": v.waived_until }))
        .collect();
    let approvals: BTreeMap<&str, Value> = written
        .iter()
        .map(|w| (w.name.as_str(), json!({ "digest": w.digest, "needed": w.needed })))
        .collect();
    json!({
        "revision": books.revision,
        "plan": books.plan,
        "tier": books.tier,
        "gates": gates,
        "policies": policies,
        "broken_rules": broken,
        "approvals": approvals,
    })
}

fn started(record: &EventRecord) -> Value {
    let Event::WorkflowStarted {
        agent, started_by, ..
    } = &record.event
    else {
        return Value::Null;
    };
    json!({ "entry": record.seq, "started_by": started_by, "proposed_by": agent.kind() })
}
