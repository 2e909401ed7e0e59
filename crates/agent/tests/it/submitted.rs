//! A ready-made diff gets a plan, and is handed on as it is.

use crate::support::*;
use countersign_core::artifact::{AgentRole, Verdict};
use countersign_core::id::RepositoryId;
use countersign_ports::agent::ResolvedAgent;
use countersign_ports::agent::{AgentCall, AgentRepo};

const DIFF: &str = "diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-old\n+new\n\
diff --git a/b.txt b/c.txt\nsimilarity index 100%\nrename from b.txt\nrename to c.txt\n\
diff --git a/n.txt b/n.txt\nnew file mode 100644\n--- /dev/null\n+++ b/n.txt\n@@ -0,0 +1 @@\n+hi\n";

fn spec(diff: &[u8]) -> ResolvedAgent {
    ResolvedAgent::Diff {
        diffs: vec![(RepositoryId::local(1), diff.to_vec())],
    }
}

fn one() -> [AgentRepo; 1] {
    [repo(1, "one", &[("a.txt", "old\n"), ("b.txt", "b\n")])]
}

#[tokio::test]
async fn the_plan_is_read_off_the_diff() {
    let agent = agent(spec(DIFF.as_bytes()));
    let call = call(AgentRole::Triage, "# Tidy up\nplease", &one());
    let decision = triage(&agent, &call).await;
    assert_eq!(
        (decision.verdict, decision.summary.as_str()),
        (Verdict::Go, "Tidy up…")
    );
    let (_, plan) = plan(&agent, &call).await;
    assert!(plan.derived_from_proposal);
    assert_eq!(
        planned(&call, &plan),
        [
            "s1 one a.txt Exists",
            "s1 one b.txt Exists",
            "s1 one c.txt New",
            "s1 one n.txt New"
        ]
    );
    let call = AgentCall {
        plan: Some(plan),
        ..call
    };
    let proposals = propose(&agent, &call).await;
    assert_eq!(proposals[0].diff, DIFF);
    assert_eq!(proposals[0].rationales.len(), 4);
}

#[tokio::test]
async fn an_unreadable_diff_is_a_question() {
    let call = call(AgentRole::Triage, "x", &one());
    let asked = question(&agent(spec(b"no diff at all\n")), &call).await;
    assert!(asked.starts_with("the diff for one can't be read: "), "{asked}");
    let latin = agent(spec(b"--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-old\n+\xe9\n"));
    let asked = question(&latin, &call).await;
    assert!(asked.contains("only UTF-8 diffs in this version"), "{asked}");
    assert_eq!(
        answer(&latin, &call, AgentRole::Coder).await.unwrap_err().code(),
        "diff-not-utf8"
    );
    let foreign = ResolvedAgent::Diff {
        diffs: vec![(RepositoryId::local(9), DIFF.as_bytes().to_vec())],
    };
    let asked = question(&agent(foreign), &call).await;
    assert_eq!(
        asked,
        "there is a diff for local-9, which is not part of this workflow"
    );
}

#[tokio::test]
async fn a_comment_brings_a_new_diff() {
    let new = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-old\n+newer\n";
    let mut one_repo = call(AgentRole::Coder, "x", &one());
    one_repo.guidance = vec![
        comment(1, &format!("rather:\n```diff\n{new}```\n")),
        comment(2, "thanks"),
    ];
    assert_eq!(propose(&agent(spec(b"\xff")), &one_repo).await[0].diff, new);
    let repos = [one()[0].clone(), repo(2, "two", &[("a.txt", "old\n")])];
    let mut two = call(AgentRole::Coder, "x", &repos);
    two.guidance = vec![comment(1, &format!("```diff repo=two\n{new}```\n"))];
    let agent = agent(spec(DIFF.as_bytes()));
    let diffs: Vec<String> = propose(&agent, &two).await.into_iter().map(|p| p.diff).collect();
    assert_eq!(diffs, [DIFF, new]);
    two.guidance = vec![comment(1, &format!("a\n```diff\n{new}```\n"))];
    let asked = question(&agent, &two).await;
    assert_eq!(
        asked,
        "line 2 of the comment on revision 1: say which repository the diff is for, as in ```diff repo=NAME; there are `one`, `two`"
    );
}
