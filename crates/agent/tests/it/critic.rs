//! The built-in critic finds what is missing, what is too much, and what is broken.

use crate::support::*;
use countersign_core::artifact::{AgentRole, Critique, FindingLevel};
use countersign_core::diff::{ChangeKind, FileChange, FileMode, FileSide, TreeDiff};
use countersign_core::digest::DiffHash;
use countersign_core::id::{BlobSha, TreeSha};
use countersign_core::path::RepoPath;
use countersign_ports::agent::ResolvedAgent;
use countersign_ports::agent::{AgentCall, AgentRepo, CriticSubject};
use std::collections::BTreeMap;
use std::sync::Arc;

const RULES: &str = "```codemod\n[[step]]\nsearch = \"old\"\nreplace = \"new\"\n```\n";

fn side(path: &str) -> FileSide {
    let blob = BlobSha::parse(&"d".repeat(40)).unwrap();
    FileSide {
        path: RepoPath::from(path),
        mode: FileMode::Regular,
        blob,
        size: 1,
    }
}

fn modified(path: &str) -> ChangeKind {
    ChangeKind::Modified {
        old: side(path),
        new: side(path),
    }
}

fn subject(repo: &AgentRepo, changes: Vec<ChangeKind>, contents: &[(&str, &str)]) -> CriticSubject {
    let tree = TreeSha::parse(&"e".repeat(40)).unwrap();
    let file = |change| FileChange {
        change,
        added: 1,
        removed: 1,
        binary: false,
        symlink_target: None,
    };
    let diff_hash = DiffHash::of_bytes(b"");
    let files = changes.into_iter().map(file).collect();
    let contents: BTreeMap<RepoPath, Vec<u8>> = contents
        .iter()
        .map(|(path, text)| (RepoPath::from(*path), text.as_bytes().to_vec()))
        .collect();
    CriticSubject {
        repository: repo.id.clone(),
        diff: TreeDiff {
            base_tree: tree.clone(),
            result_tree: tree,
            diff_hash,
            files,
        },
        canonical: Arc::new(vec![]),
        contents: Arc::new(contents),
    }
}

/// Plans by the rules, then lets the critic judge another change than the planned one.
async fn judged(
    feedback: &str,
    repos: &[AgentRepo],
    changes: Vec<ChangeKind>,
    contents: &[(&str, &str)],
) -> Critique {
    let agent = agent(ResolvedAgent::Codemod);
    let mut call = call(AgentRole::Critic, feedback, repos);
    call.plan = Some(plan(&agent, &call).await.1);
    call.subjects = vec![subject(&repos[0], changes, contents)];
    criticise(&agent, &call).await
}

#[tokio::test]
async fn a_faithful_change_has_no_finding() {
    let repos = [repo(1, "one", &[("a.txt", "old\n")])];
    let critique = judged(RULES, &repos, vec![modified("a.txt")], &[("a.txt", "new\n")]).await;
    assert_eq!(critique.findings, []);
}

#[tokio::test]
async fn what_is_missing_and_what_is_too_much_is_rejected() {
    let repos = [repo(
        1,
        "one",
        &[("a.txt", "old\n"), ("b.txt", "old\n"), ("c.txt", "")],
    )];
    let moved = ChangeKind::Renamed {
        old: side("c.txt"),
        new: side("d.txt"),
    };
    let changes = vec![
        modified("a.txt"),
        moved,
        ChangeKind::Deleted { old: side("e.txt") },
    ];
    let critique = judged(RULES, &repos, changes, &[("a.txt", "new\n")]).await;
    assert_eq!(
        codes(&critique),
        [
            "task-unfulfilled b.txt",
            "unplanned-change c.txt",
            "unplanned-change d.txt",
            "unplanned-change e.txt"
        ]
    );
    assert!(critique.rejects());
}

#[tokio::test]
async fn only_new_syntax_errors_count() {
    let files = [
        ("a.rs", "fn f() { old }\n"),
        ("b.py", "def f(:\n    old\n"),
        ("c.txt", "old (\n"),
        ("d.json", "[\"old\"]\n"),
    ];
    let repos = [repo(1, "one", &files)];
    let after = [
        ("a.rs", "fn f( { new }\n"),
        ("b.py", "def f(:\n    new\n"),
        ("c.txt", "new (((\n"),
        ("d.json", "[\"new\",,]\n"),
    ];
    let changes = files.iter().map(|(path, _)| modified(path)).collect();
    let critique = judged(RULES, &repos, changes, &after).await;
    assert_eq!(
        codes(&critique),
        ["new-parse-error a.rs", "new-parse-error d.json"]
    );
}

#[tokio::test]
async fn what_was_not_parsed_is_noted() {
    let repos = [repo(1, "one", &[("a.py", "old\n")])];
    let deep = format!("{}1{}\n", "(".repeat(100_000), ")".repeat(100_000));
    let critique = judged(RULES, &repos, vec![modified("a.py")], &[("a.py", &deep)]).await;
    assert_eq!(codes(&critique), ["not-parsed a.py"]);
    assert_eq!(critique.findings[0].level, FindingLevel::Note);
    assert_eq!(
        critique.findings[0].text,
        "Nobody looked for syntax errors in this file: it is nested too deeply."
    );
}

#[tokio::test]
async fn rules_that_feed_themselves_are_announced_and_rejected() {
    let repos = [repo(1, "one", &[("a.py", "f(1)\n")])];
    let text = "```codemod\n[[step]]\npattern = \"f($A)\"\nrewrite = \"g(f($A))\"\n```\n";
    let agent = agent(ResolvedAgent::Codemod);
    let decision = triage(&agent, &call(AgentRole::Triage, text, &repos)).await;
    assert!(
        decision
            .risks
            .iter()
            .any(|r| r.contains("change their own result when they run again (a.py)")),
        "{decision:?}"
    );
    let critique = judged(text, &repos, vec![modified("a.py")], &[("a.py", "g(f(1))\n")]).await;
    assert_eq!(codes(&critique), ["not-idempotent a.py"]);
    let call = AgentCall {
        subjects: vec![subject(&repos[0], vec![], &[])],
        ..call(AgentRole::Critic, "no rules", &repos)
    };
    assert_eq!(
        answer(&agent, &call, AgentRole::Critic).await.unwrap_err().code(),
        "critic-without-plan"
    );
}

#[tokio::test]
async fn every_agent_without_words_of_its_own_has_this_critic() {
    let repos = [repo(1, "one", &[("a.txt", "old\n")])];
    let mut call = call(AgentRole::Critic, RULES, &repos);
    call.plan = Some(plan(&agent(ResolvedAgent::Codemod), &call).await.1);
    call.subjects = vec![subject(&repos[0], vec![], &[])];
    let scratch = tempfile::tempdir().unwrap();
    let specs = [
        ResolvedAgent::Diff { diffs: vec![] },
        ResolvedAgent::Scripted {
            script: b"{}".to_vec(),
        },
        ResolvedAgent::Command {
            command: "exit 1".to_owned(),
            rights: countersign_core::confinement::Rights::fewest(),
        },
    ];
    for spec in specs {
        let agent = agent_in(scratch.path(), spec);
        assert_eq!(codes(&criticise(&agent, &call).await), ["task-unfulfilled a.txt"]);
        let report = answer(&agent, &call, AgentRole::Critic).await.unwrap();
        assert_eq!(report.answered_by, "built-in critic 0.1.0");
    }
}
