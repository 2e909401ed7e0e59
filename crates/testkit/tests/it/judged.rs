//! The judges are shown broken evidence, and complain: each forgery out of a run in which nothing was wrong.

use countersign_core::gate::{GateId, GateOutcome};
use countersign_core::id::{RepositoryId, WorkflowId};
use countersign_core::question::QuestionKind;
use countersign_core::workflow::Event;
use countersign_core::workflow::event::Subject;
use countersign_ports::store::{Alarm, AlarmRow, Freeze, InputStatus};
use countersign_testkit::evidence::{Evidence, Kept, Ledger};
use countersign_testkit::judges::judge;
use countersign_testkit::simulate;
use std::sync::LazyLock;

/// A run in which both tenants wrote something.
static SOUND: LazyLock<Evidence> = LazyLock::new(|| {
    let wrote = |e: &Evidence| e.tenants.iter().all(|kept| e.deeds.iter().any(|d| of(kept, d)));
    let mut runs = (1..=50).map(|seed| simulate(seed).unwrap());
    let run = runs
        .find(|run| wrote(&run.evidence))
        .expect("both wrote in one of these");
    run.evidence
});

fn of(kept: &Kept, deed: &countersign_testkit::repositories::Deed) -> bool {
    deed.permit.as_ref().is_some_and(|p| p.tenant == kept.tenant)
}

/// A run in which something was merged that nobody approved, and that is on record; and one in which what was approved was.
static MERGED: LazyLock<[Evidence; 2]> = LazyLock::new(|| {
    let mut runs = (1..=200).map(|seed| simulate(seed).unwrap().evidence);
    let mut one_with = |has: fn(&Event) -> bool| {
        let has = |kept: &Kept| kept.streams.values().flatten().any(|r| has(&r.event));
        let run = runs.find(|e| e.tenants.iter().any(has));
        run.expect("there is one among these")
    };
    let asks = |event: &Event| {
        if let Event::RequestOpened { request, .. } = event
            && let Subject::Question { question, .. } = &request.subject
        {
            question.kind == QuestionKind::LandedDifferent
        } else {
            false
        }
    };
    let landed = |event: &Event| {
        if let Event::GateEvaluated { result } = event {
            result.gate == GateId::Delivery && result.outcome == GateOutcome::Passed
        } else {
            false
        }
    };
    [one_with(asks), one_with(landed)]
});

fn row_of(alarm: Alarm) -> AlarmRow {
    let at = countersign_core::time::Timestamp(1);
    AlarmRow {
        index: 0,
        at,
        alarm,
        cleared: None,
    }
}

/// Breaks it, and expects a complaint with these words.
#[track_caller]
fn found(words: &str, broken: impl FnOnce(&mut Evidence)) {
    found_in(&SOUND, words, broken);
}

#[track_caller]
fn found_in(sound: &Evidence, words: &str, broken: impl FnOnce(&mut Evidence)) {
    let mut evidence = sound.clone();
    broken(&mut evidence);
    let findings = judge(&evidence).0;
    assert!(
        findings.iter().any(|f| f.contains(words)),
        "nobody says `{words}`: {findings:#?}"
    );
}

/// The workflow that wrote the first branch.
fn writer(evidence: &mut Evidence) -> (&mut Kept, WorkflowId) {
    let deed = evidence.deeds.iter().find(|d| d.permit.is_some()).unwrap();
    let tenant = deed.permit.as_ref().unwrap().tenant.clone();
    let kept = evidence.tenants.iter_mut().find(|k| k.tenant == tenant).unwrap();
    let mut ids = kept.streams.keys();
    let id = ids
        .find(|id| deed.branch.as_str().contains(id.as_str()))
        .unwrap()
        .clone();
    (kept, id)
}

/// Leaves out what fits of the story of the workflow that wrote first.
fn without(evidence: &mut Evidence, fits: impl Fn(&Event) -> bool) {
    let (kept, id) = writer(evidence);
    let stream = kept.streams.get_mut(&id).unwrap();
    let before = stream.len();
    stream.retain(|record| !fits(&record.event));
    assert!(stream.len() < before, "there was nothing to leave out");
}

fn ledger(evidence: &mut Evidence) -> &mut Ledger {
    evidence.tenants[0].ledger.as_mut().unwrap()
}

#[test]
fn nothing_is_wrong_with_what_was_not_touched() {
    assert_eq!(judge(&SOUND).0, Vec::<String>::new());
}

#[test]
fn a_branch_that_no_permit_brought_is_found() {
    found("nobody's permit brought", |e| e.deeds.clear());
    found("nobody's permit brought", |e| {
        let (_, branch, _) = e.branches[0].clone();
        let elsewhere = e
            .branches
            .iter()
            .map(|b| b.0.clone())
            .find(|dir| *dir != e.branches[0].0);
        let commit = e.branches[0].2.clone();
        e.branches.push((elsewhere.unwrap(), branch, commit));
    });
}

#[test]
fn a_write_without_approvals_is_found() {
    found("people, where", |e| {
        without(e, |event| matches!(event, Event::ApprovalGiven { .. }))
    });
}

#[test]
fn an_approval_that_was_given_too_late_is_found() {
    found("people, where", |e| {
        let (kept, id) = writer(e);
        for record in kept.streams.get_mut(&id).unwrap() {
            if let Event::ApprovalGiven { approval } = &mut record.event {
                approval.expires_at = record.at;
            }
        }
    });
}

#[test]
fn a_write_without_an_intent_or_an_attempt_is_found() {
    found("without an intent", |e| {
        without(e, |event| matches!(event, Event::IntentsRecorded { .. }))
    });
    found("without an attempt", |e| {
        without(e, |event| matches!(event, Event::AttemptStarted { .. }))
    });
}

#[test]
fn a_write_with_the_permit_of_another_tenant_is_found() {
    found("with a permit of", |e| {
        let other = e.tenants[1].tenant.clone();
        let of_first = |d: &&mut countersign_testkit::repositories::Deed| {
            d.permit.as_ref().is_some_and(|p| p.tenant != other)
        };
        let deed = e.deeds.iter_mut().find(of_first).unwrap();
        deed.permit.as_mut().unwrap().tenant = other.clone();
    });
}

#[test]
fn a_write_into_the_repository_of_another_tenant_is_found() {
    found("with a permit of", |e| {
        let theirs = e.tenants[1].repositories[0].place.to_string().into();
        let mine = &e.tenants[0];
        let deed = e.deeds.iter_mut().find(|d| of(mine, d)).unwrap();
        deed.git_dir = theirs;
    });
}

#[test]
fn a_branch_of_nobodys_workflow_is_found() {
    found("is the branch of 0 workflows", |e| {
        let (kept, id) = writer(e);
        kept.streams.remove(&id);
    });
}

#[test]
fn something_else_than_what_was_approved_is_found() {
    found("which is not the head", |e| {
        let (kept, id) = writer(e);
        let own = kept.repositories.clone();
        let ours = |(dir, branch, _): &&mut (std::path::PathBuf, countersign_core::id::BranchName, _)| {
            branch.as_str().contains(id.as_str())
                && own
                    .iter()
                    .any(|row| std::path::Path::new(&row.place.to_string()) == *dir)
        };
        let other = countersign_core::id::CommitSha::parse(&"ab".repeat(20)).unwrap();
        e.branches.iter_mut().find(ours).unwrap().2 = other;
    });
}

#[test]
fn an_end_without_its_branches_is_found() {
    found("is done without its branches", |e| e.branches.clear());
}

#[test]
fn events_of_another_tenant_or_workflow_are_found() {
    found("is in the stream of", |e| {
        let other = e.tenants[1].tenant.clone();
        e.tenants[0].streams.values_mut().next().unwrap()[1].tenant = other;
    });
    found("is about repositories of others", |e| {
        for row in &mut writer(e).0.repositories {
            row.id = countersign_core::id::RepositoryId::local(77);
        }
    });
}

#[test]
fn a_workflow_that_stands_still_asks_nobody_or_asks_twice_is_found() {
    found("stands still in", |e| {
        let (kept, id) = writer(e);
        kept.streams.get_mut(&id).unwrap().truncate(2);
    });
    let until_asked = |e: &mut Evidence, keeps: usize| {
        let (kept, id) = writer(e);
        let stream = kept.streams.get_mut(&id).unwrap();
        let asks = |event: &Event| {
            matches!(event, Event::RequestOpened { request, .. }
                if matches!(request.subject, Subject::PatchSet { .. }))
        };
        let first = stream.iter().position(|r| asks(&r.event)).unwrap();
        stream.truncate(first + keeps);
        (id, first)
    };
    found("asks nobody", |e| {
        until_asked(e, 0);
    });
    found("asks twice", |e| {
        let (id, first) = until_asked(e, 1);
        let stream = writer(e).0.streams.get_mut(&id).unwrap();
        let mut again = stream[first].clone();
        if let Event::RequestOpened { request, .. } = &mut again.event {
            request.id = countersign_core::id::RequestId::parse(&format!("{}9", request.id)).unwrap();
        }
        stream.push(again);
    });
}

#[test]
fn an_input_that_nobody_judged_and_an_alarm_are_found() {
    found("Pending", |e| {
        let kept = e.tenants.iter_mut().find(|k| !k.inputs.is_empty()).unwrap();
        kept.inputs[0].1 = InputStatus::Pending;
    });
    found("an alarm about", |e| {
        let (kept, id) = writer(e);
        let alarm = Alarm::new("act-not-authentic", &id, "somebody forged an act".to_owned());
        kept.alarms.push(row_of(alarm));
    });
}

/// The tenant whose repositories are on a forge.
fn remote(evidence: &mut Evidence) -> &mut Kept {
    &mut evidence.tenants[1]
}

#[test]
fn a_merge_of_something_else_that_is_called_done_is_found() {
    let [_, done] = &*MERGED;
    found_in(done, "what was approved did not land in", |e| {
        e.landings.iter_mut().for_each(|l| l.as_approved = false);
    });
    found_in(done, "what was approved did not land in", |e| e.landings.clear());
}

#[test]
fn a_merge_of_something_else_without_freeze_or_with_another_alarm_is_found() {
    let [other, _] = &*MERGED;
    found_in(other, "before it was frozen", |e| {
        remote(e).ledger.as_mut().unwrap().frozen.clear();
    });
    found_in(other, "before it was frozen", |e| {
        let last = remote(e).ledger.as_ref().unwrap().leaves.len() as u64;
        for (index, _) in &mut remote(e).ledger.as_mut().unwrap().frozen {
            *index = last;
        }
    });
    found_in(other, "its alarms are at", |e| remote(e).alarms.clear());
    found_in(other, "its alarms are at", |e| {
        let again = remote(e).alarms.clone();
        remote(e).alarms.extend(again);
    });
}

#[test]
fn a_freeze_and_an_alarm_for_nothing_are_found() {
    let [_, done] = &*MERGED;
    let id = |e: &mut Evidence| remote(e).streams.keys().next().unwrap().clone();
    found_in(done, "was frozen for nothing", |e| {
        e.landings.iter_mut().for_each(|l| l.as_approved = true);
        let because = Some(id(e));
        let freeze = Freeze {
            v: 1,
            repository: Some(RepositoryId::github(1)),
            by: None,
            because,
            reason: "who knows".to_owned(),
        };
        remote(e).ledger.as_mut().unwrap().frozen.push((0, freeze));
    });
    found_in(done, "for nothing: it is another", |e| {
        e.landings.iter_mut().for_each(|l| l.as_approved = true);
        let alarm = Alarm::new("landed-different", &id(e), "it is another".to_owned());
        remote(e).alarms.push(row_of(alarm));
    });
}

#[test]
fn a_ledger_with_one_other_byte_is_found() {
    found("is not what was signed", |e| {
        let leaf = ledger(e).leaves.last_mut().unwrap();
        *leaf.last_mut().unwrap() ^= 1;
    });
    found("is not what was signed", |e| {
        ledger(e).leaves.pop();
    });
    found("does not verify", |e| {
        ledger(e).head = ledger(e).head.replacen('A', "B", 1)
    });
    found("holds a leaf that is not its own", |e| {
        let theirs = e.tenants[1].ledger.as_ref().unwrap().leaves[0].clone();
        ledger(e).leaves[0] = theirs;
    });
}

#[test]
fn a_story_that_is_missing_changed_or_of_somebody_else_is_found() {
    found("it is missing", |e| ledger(e).stories.clear());
    found("the story of", |e| {
        let story = ledger(e).stories.values_mut().next().unwrap();
        let bytes = story.as_mut().unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
    found("the story of", |e| {
        let theirs = e.tenants[1]
            .ledger
            .as_ref()
            .unwrap()
            .stories
            .values()
            .next()
            .unwrap()
            .clone();
        *ledger(e).stories.values_mut().next().unwrap() = theirs;
    });
    found("lacks events", |e| {
        let (kept, id) = writer(e);
        let stream = kept.streams.get_mut(&id).unwrap();
        let twice = stream.last().unwrap().clone();
        stream.push(twice);
    });
}
