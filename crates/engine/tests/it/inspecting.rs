//! What contents show, what is waived and what is left out, on real git and a real store.

use crate::house::{House, commit, diff, git};
use countersign_core::act::{Act, SeenDigest};
use countersign_core::id::Revision;
use countersign_core::narrow::LeftOut;
use countersign_core::patch_set::SecondOutcome;
use countersign_core::policy::RuleId;
use countersign_core::workflow::event::Subject;
use countersign_core::workflow::{State, Workflow};
use countersign_ports::store::InputStatus;

/// A new file that holds what looks like a token, put together here so that this file holds no such thing.
fn leaking() -> String {
    let token = format!("glpat-{}", "x7Yb2Kq9Lm4Np6Rt8VwZ");
    format!(
        "{}diff --git a/b.py b/b.py\\nnew file mode 100644\\n--- /dev/null\\n+++ b/b.py\\n@@ -0,0 +1,2 @@\\n+a = 1\\n+key = '{token}'\\n",
        diff()
    )
}

fn asked(w: &Workflow) -> (countersign_core::id::RequestId, SeenDigest) {
    let open = w.open_requests().next().expect("something is asked");
    let seen = match &open.subject {
        Subject::Plan { digest } => SeenDigest::Plan(*digest),
        Subject::PatchSet { digest, .. } => SeenDigest::PatchSet(*digest),
        Subject::Question { digest, .. } => SeenDigest::Question(*digest),
    };
    (open.id.clone(), seen)
}

/// INV-11.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_blocks_until_it_is_waived_and_no_record_holds_its_value() {
    let house = House::new().await;
    let id = house.start_with(&leaking(), diff()).await;
    let w = house.load(&id).await;
    assert_eq!(w.state, State::BlockedPolicy);
    let secret = w
        .violations
        .iter()
        .find(|v| v.rule == RuleId::Secret)
        .expect("it was seen");
    assert_eq!(secret.lines, [2]);
    let (request, seen) = asked(&w);
    let until = house
        .ports
        .store
        .now()
        .await
        .unwrap()
        .plus_ms(24 * 60 * 60 * 1000);
    let status = house
        .act(
            &id,
            Act::Waive {
                request,
                seen,
                repository: secret.repository.clone(),
                violation: secret.id(),
                reason: "made up for the documentation".to_owned(),
                until,
            },
        )
        .await;
    assert!(matches!(status, InputStatus::Accepted), "{status:?}");
    assert_eq!(house.load(&id).await.state, State::AwaitingApproval);
    house.approve_all(&id).await;
    assert_eq!(house.load(&id).await.state, State::Done);
    let records = house.store.events(&id).await.unwrap();
    assert!(
        !format!("{records:?}").contains("x7Yb2Kq9"),
        "the value is in no record"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn both_appliers_are_asked_about_every_draft() {
    let house = House::new().await;
    let id = house.start().await;
    for draft in &house.load(&id).await.drafts {
        let opinion = &draft.second_opinion;
        assert!(opinion.applier.starts_with("git "), "{opinion:?}");
        let tree = draft.diff.result_tree.clone();
        assert_eq!(opinion.outcome, SecondOutcome::Tree { tree });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hunk_that_is_left_out_is_not_written_and_the_rest_is() {
    let house = House::new().await;
    let lines: String = (1..=30).map(|n| format!("line {n}\n")).collect();
    commit(&house.repos[0].1, "long.txt", &lines);
    let hunk = |n: u32| {
        format!(
            "@@ -{},3 +{},3 @@\\n line {}\\n-line {n}\\n+LINE {n}\\n line {}\\n",
            n - 1,
            n - 1,
            n - 1,
            n + 1
        )
    };
    let long = format!("--- a/long.txt\\n+++ b/long.txt\\n{}{}", hunk(3), hunk(20));
    let id = house.start_with(&format!("{}{long}", diff()), diff()).await;
    let w = house.load(&id).await;
    assert_eq!(w.state, State::AwaitingApproval);
    let (request, seen) = asked(&w);
    let left_out = vec![LeftOut {
        repository: house.repos[0].0.clone(),
        path: "long.txt".into(),
        hunks: vec![1],
    }];
    let reason = "line 3 stays".to_owned();
    let deselect = Act::Deselect {
        request,
        seen,
        left_out,
        reason,
    };
    let status = house.act(&id, deselect).await;
    assert!(matches!(status, InputStatus::Accepted), "{status:?}");
    let w = house.load(&id).await;
    assert_eq!((w.state, w.revision), (State::AwaitingApproval, Revision(2)));
    house.approve_all(&id).await;
    let branch = &house.branches()[0][0];
    let text = git(&house.repos[0].1, &["show", &format!("{branch}:long.txt")]);
    assert!(text.contains("line 3\n") && text.contains("LINE 20\n"), "{text}");
    house.assert_written_once();
}
