//! Bodies that are gone: recorded ones leave a story that is judged as far as it can be, others are a problem.

use crate::canned::Team;
use crate::teller::{Log, Teller, Told, assert_found, assert_lawful, ledger_key, sealed_anew, trust};
use countersign_audit::{ProblemCode as Code, Verdict, audit};
use countersign_core::digest::BodyHash;
use countersign_core::erasure::{Erasure, KIND_ERASED};
use countersign_core::id::MemberId;
use countersign_core::workflow::Event;
use countersign_ledger::Body;
use std::collections::BTreeSet;

/// The story with these bodies and this evidence gone, and an entry about it if `recorded`.
fn erased(told: &[Told], entries: &[u64], evidence: &[BodyHash], recorded: bool) -> Verdict {
    let mut log = Log::of(told);
    let erasure = Erasure::new(
        crate::teller::workflow_id(),
        entries.iter().copied().collect(),
        evidence.iter().copied().collect(),
        MemberId::parse("mb_alice").unwrap(),
        "asked for by the person".to_owned(),
    );
    let notice = recorded.then(|| log.notice(KIND_ERASED, &erasure.to_bytes()));
    let mut builder = log.bundle(told);
    if let Some(notice) = notice {
        builder.notice(notice);
    }
    let mut bundle = builder.finish(log.note(log.size()), &[ledger_key().verifier()]);
    for seq in entries {
        bundle.entries[usize::try_from(*seq).unwrap() - 1].body = Body::Erased;
    }
    let gone: BTreeSet<String> = evidence.iter().map(BodyHash::to_hex).collect();
    bundle.attachments.retain(|a| !gone.contains(&a.hash.to_string()));
    audit(&bundle.to_bytes().unwrap(), &trust()).unwrap()
}

fn diff_of(told: &[Told]) -> BodyHash {
    let diff = |(_, event): &Told| match event {
        Event::DraftsRecorded { drafts } => drafts.first().map(|d| d.canonical),
        _other => None,
    };
    told.iter().find_map(diff).unwrap()
}

#[test]
fn a_recorded_erasure_is_no_problem_and_no_proof() {
    let told = Teller::done(Team::Three).told;
    let found = erased(&told, &[1], &[], true);
    assert!(found.problems.is_empty(), "{:#?}", found.problems);
    assert!(!found.unjudged.is_empty() && !found.is_lawful());
    assert_eq!(found.erasures.len(), 1);
    assert_eq!(found.report.erased, 1);
}

#[test]
fn a_body_that_is_gone_without_a_word_is_a_problem() {
    let told = Teller::done(Team::Three).told;
    assert_found(&erased(&told, &[1], &[], false), Code::ErasedUnrecorded);
    assert_found(
        &erased(&told, &[], &[diff_of(&told)], false),
        Code::EvidenceMissing,
    );
}

#[test]
fn evidence_that_was_erased_leaves_the_steps_to_be_judged() {
    let told = Teller::done(Team::Three).told;
    let found = erased(&told, &[], &[diff_of(&told)], true);
    assert!(found.problems.is_empty(), "{:#?}", found.problems);
}

#[test]
fn what_is_left_of_an_erased_story_is_still_judged() {
    let mut told = Teller::done(Team::Three).told;
    for (_, event) in &mut told {
        if let Event::ApprovalGiven { approval } = event {
            approval.act.signature = "00".repeat(64);
        }
    }
    let found = erased(&sealed_anew(&told), &[1], &[], true);
    assert_found(&found, Code::ActNotAuthentic);
}

#[test]
fn an_erasure_that_can_not_be_read_is_a_problem() {
    let told = Teller::done(Team::Solo).told;
    let mut log = Log::of(&told);
    let notice = log.notice(KIND_ERASED, b"{}");
    let mut builder = log.bundle(&told);
    builder.notice(notice);
    let bundle = builder.finish(log.note(log.size()), &[ledger_key().verifier()]);
    let found = audit(&bundle.to_bytes().unwrap(), &trust()).unwrap();
    assert_found(&found, Code::ErasureUnreadable);
    // An entry of another kind is none of ours.
    let mut log = Log::of(&told);
    let notice = log.notice("member.added", b"{}");
    let mut builder = log.bundle(&told);
    builder.notice(notice);
    let bundle = builder.finish(log.note(log.size()), &[ledger_key().verifier()]);
    assert_lawful(&audit(&bundle.to_bytes().unwrap(), &trust()).unwrap());
}
