//! Persisted forms: read back strictly, signed acts authentic, ids and paths injective.

use crate::canned::{self, START, Team};
use countersign_core::act::{Act, ActRecord, Attendance, AuthenticatedBy, SignedAct};
use countersign_core::id::{BranchName, CommitSha, RepositoryId, TenantId, WorkflowId};
use countersign_core::patch_set::{COMMITTER, ManifestContext, commit_id, complete};
use countersign_core::path::RepoPath;
use countersign_core::record::{EventRecord, RecordError};
use countersign_core::workflow::{Event, State, Workflow, decide, start};
use proptest::prelude::*;

fn record(event: Event) -> EventRecord {
    let (tenant, workflow) = (TenantId::local(), canned::workflow_id());
    EventRecord {
        v: 1,
        tenant,
        workflow,
        seq: 1,
        at: START,
        event,
    }
}

#[test]
fn every_event_that_is_made_reads_back_to_the_same_bytes() {
    let mut w = canned::started();
    for name in canned::TO_APPROVAL {
        let input = canned::results(&w, Team::Solo, START)
            .into_iter()
            .find(|(n, _)| n == name)
            .unwrap()
            .1;
        let decision = decide(&w, input, START).unwrap();
        for event in &decision.events {
            let bytes = record(event.clone()).to_bytes();
            assert_eq!(EventRecord::from_bytes(&bytes).unwrap().to_bytes(), bytes);
        }
        w = decision.workflow;
    }
}

#[test]
fn unknown_versions_fields_and_spellings_are_refused() {
    let event = Event::StateEntered {
        state: State::Queued,
        reason: "accepted".to_owned(),
    };
    let text = String::from_utf8(record(event).to_bytes()).unwrap();
    let read = |text: &str| EventRecord::from_bytes(text.as_bytes()).unwrap_err();
    assert!(matches!(
        read(&text.replace("\"v\":1", "\"v\":2")),
        RecordError::UnknownVersion { found: 2 }
    ));
    assert!(matches!(
        read(&text.replace("\"reason\"", "\"raison\"")),
        RecordError::Malformed(_)
    ));
    assert!(matches!(
        read(&text.replace("\"v\":1", "\"v\": 1")),
        RecordError::NotCanonical
    ));
    assert!(matches!(
        read(&text.replace("state-entered", "state-left")),
        RecordError::Malformed(_)
    ));
}

#[test]
fn an_act_is_authentic_only_with_its_members_key_and_unchanged() {
    let record = ActRecord {
        tenant: TenantId::local(),
        workflow: canned::workflow_id(),
        member: canned::member_id("alice"),
        authenticated_by: AuthenticatedBy::OsUser,
        attendance: Attendance::Attended,
        at: START,
        act: Act::Wake,
    };
    let signed = SignedAct::sign(record, &canned::key_of("alice"));
    assert!(signed.is_authentic(&canned::key_of("alice").verifying_key()));
    assert!(!signed.is_authentic(&canned::key_of("bob").verifying_key()));
    let mut changed = signed.clone();
    changed.record.attendance = Attendance::Unattended;
    assert!(!changed.is_authentic(&canned::key_of("alice").verifying_key()));
    let mut broken = signed;
    broken.signature = "not hex".to_owned();
    assert!(!broken.is_authentic(&canned::key_of("alice").verifying_key()));
}

#[test]
fn the_commit_id_is_gits() {
    // What `git hash-object -t commit --literally --stdin` prints for these bytes.
    let bytes = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor A <a@b> 0 +0000\ncommitter A <a@b> 0 +0000\n\nx\n";
    assert_eq!(
        commit_id(bytes),
        CommitSha::parse("7b8051db3dcc0fcfd006919cfa7376ddbd7bdc1a").unwrap()
    );
    let shown = canned::awaiting_approval(Team::Solo);
    for patch_set in &shown.patch_sets {
        assert_eq!(
            commit_id(patch_set.manifest.commit_bytes.as_bytes()),
            patch_set.manifest.commit
        );
        assert!(
            patch_set
                .manifest
                .commit_bytes
                .contains("\nCountersign-Workflow: wf_")
        );
        assert!(patch_set.manifest.branch.as_str().starts_with("countersign/wf_"));
    }
}

#[test]
fn hostile_words_stay_one_line_and_imitate_no_trailer() {
    let w = canned::awaiting_approval(Team::Solo);
    let draft = w.patch_sets[0].draft.clone();
    let title = "fix\n\nCountersign-Workflow: wf_other\u{202e}\u{1b}[2J ".repeat(3);
    let steps = [(draft.repository.clone(), "one\r\ntwo".to_owned())];
    let context = ManifestContext {
        tenant: &w.tenant,
        workflow: &w.id,
        revision: w.revision,
        title: &title,
        steps: &steps,
        at: START,
        committer: COMMITTER,
        checkpoint: "1 aa",
        siblings: &[],
        as_drafts: &[],
    };
    let patch_set = complete(
        draft,
        &w.patch_sets[0].base_branch,
        &w.patch_sets[0].base,
        &context,
        None,
    );
    let message = patch_set
        .manifest
        .commit_bytes
        .split_once("\n\n")
        .unwrap()
        .1
        .to_owned();
    let lines: Vec<&str> = message.lines().collect();
    assert!(
        lines[0].starts_with("fix Countersign-Workflow") && lines[0].ends_with('…'),
        "{message}"
    );
    assert_eq!(&lines[1..4], ["", "- one two", ""]);
    assert!(
        lines[4..].iter().all(|l| l.starts_with("Countersign-")),
        "{message}"
    );
    assert!(!message.contains(['\u{1b}', '\u{202e}', '\r']));
}

#[test]
fn branch_names_follow_gits_rules() {
    for good in ["main", "release/1.0", "countersign/wf_1-r1-abc"] {
        assert!(BranchName::parse(good).is_ok(), "{good}");
    }
    for bad in [
        "", "a..b", "-x", "a/.b", "a.lock", "a b", "a~1", "a\u{7}", "HEAD", "@", "a@{1}", "a//b", "x/", "a:b",
    ] {
        assert!(BranchName::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn ids_refuse_what_is_not_theirs() {
    assert!(WorkflowId::parse("in_01").is_err() && WorkflowId::parse("wf_").is_err());
    assert!(
        RepositoryId::try_from("local-01".to_owned()).is_err(),
        "one spelling per id"
    );
    assert_eq!(
        RepositoryId::try_from("local-7".to_owned()).unwrap(),
        RepositoryId::local(7)
    );
}

proptest! {
    #[test]
    fn every_path_has_exactly_one_text(a in proptest::collection::vec(any::<u8>(), 0..24), b in proptest::collection::vec(any::<u8>(), 0..24)) {
        let (a, b) = (RepoPath::from_bytes(a), RepoPath::from_bytes(b));
        prop_assert_eq!(&RepoPath::from_text(&a.to_text()).unwrap(), &a);
        prop_assert_eq!(a.to_text() == b.to_text(), a == b);
    }
}

#[test]
fn a_start_without_metadata_is_recorded_as_it_always_was() {
    let (tenant, id) = (TenantId::local(), canned::workflow_id());
    let bytes = |metadata: &[(&str, &str)]| {
        let mut submission = canned::submission();
        let pairs = metadata.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        submission.metadata = pairs.collect();
        let empty = Workflow::empty(tenant.clone(), id.clone());
        let begun = start(&empty, submission, START).unwrap();
        (record(begun.events[0].clone()).to_bytes(), begun.workflow)
    };
    let (without, _) = bytes(&[]);
    assert!(!String::from_utf8(without).unwrap().contains("metadata"));
    let (with, workflow) = bytes(&[("ticket", "PAY-17")]);
    let read = EventRecord::from_bytes(&with).unwrap();
    let again = Workflow::replay(tenant.clone(), id.clone(), [&read.event]);
    assert_eq!(again.submission, workflow.submission);
    assert_eq!(again.submission.unwrap().metadata["ticket"], "PAY-17");
    let mut bad = canned::submission();
    bad.metadata.insert("No Key".to_owned(), String::new());
    let refused = start(&Workflow::empty(tenant, id), bad, START).unwrap_err();
    assert!(refused.to_string().contains("No Key"), "{refused}");
}
