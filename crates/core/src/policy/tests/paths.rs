//! Rules on paths: each with what it must catch and what it must leave alone.

use super::super::{RuleId, find_collisions, floor};
use super::{
    added, deleted, diff, edited, evaluate, evaluate_paths, ids, modified, of_findings, policy, renamed,
    repository,
};
use crate::diff::FileMode::{Executable, Regular};
use crate::path::RepoPath;

fn rules_at(path: impl Into<RepoPath>) -> Vec<RuleId> {
    evaluate_paths(&floor(), &repository(), &[path.into()])
        .iter()
        .map(|v| v.rule)
        .collect()
}

#[test]
fn built_in_lists_catch_and_let_pass() {
    let table: [(RuleId, &[&str], &[&str]); 4] = [
        (
            RuleId::CiFile,
            &[
                ".github/workflows/ci.yml",
                ".GitHub/WorkFlows/deep/er/ci.yml",
                ".github./workflows /ci.yml",
                ".github/actions/setup/action.yml",
                ".gitlab-ci.yml",
                ".circleci/config.yml",
                "Jenkinsfile",
                "ops/jenkinsfile.deploy",
                "azure-pipelines.yml",
                ".travis.yml",
                ".drone.yml",
                ".woodpecker.yaml",
                ".woodpecker/build.yml",
                ".buildkite/pipeline.yml",
                ".ci/run",
                ".ci",
                "bitbucket-pipelines.yml",
                "appveyor.yml",
                ".pre-commit-config.yaml",
                ".tekton/push.yaml",
            ],
            &[
                ".github/workflows.md",
                ".github/ISSUE_TEMPLATE/bug.md",
                "docs/.github/workflows/x.yml",
                "src/Jenkins.java",
                "ci/run",
                "x.ci/run",
                "travis.yml",
            ],
        ),
        (
            RuleId::PolicyFile,
            &[
                ".countersign.toml",
                ".COUNTERSIGN.TOML",
                ".countersign/prompts/coder.md",
                "CODEOWNERS",
                "codeowners",
                ".github/CODEOWNERS",
                "docs/CODEOWNERS",
                ".gitlab/CODEOWNERS",
            ],
            &[
                "countersign.toml",
                "src/CODEOWNERS",
                "CODEOWNERS.md",
                ".countersign.toml.bak",
            ],
        ),
        (
            RuleId::AgentInstructionFile,
            &[
                "AGENTS.md",
                "crates/core/agents.md",
                "CLAUDE.md",
                "GEMINI.md",
                ".cursorrules",
                ".cursor/rules/a.mdc",
                ".github/copilot-instructions.md",
                ".windsurfrules",
                ".aider.conf.yml",
                ".mcp.json",
                "web/.claude/settings.json",
                ".claude",
            ],
            &[
                "AGENTS.txt",
                "docs/agents-guide.md",
                "src/cursor/mod.rs",
                "claude/notes.txt",
                "aider.md",
            ],
        ),
        (
            RuleId::Submodule,
            &[".gitmodules", ".GitModules", "GITMOD~1"],
            &["src/.gitmodules.md", "gitmodules", "gitmod~x"],
        ),
    ];
    for (rule, hits, misses) in table {
        for path in hits {
            assert!(rules_at(*path).contains(&rule), "{rule} must catch {path}");
        }
        for path in misses {
            assert_eq!(rules_at(*path), [], "nothing is wrong with {path}");
        }
    }
}

#[test]
fn paths_that_escape() {
    let long = "a/".repeat(2048) + "b";
    let hits = [
        "",
        "/etc/passwd",
        "a//b",
        "a/",
        "..",
        "../a",
        "a/../b",
        "./a",
        "a/.",
        "a/.../b",
        "a/ /b",
        ".git/config",
        ".GIT/config",
        "sub/.git/hooks/pre-commit",
        ".git",
        ".git./config",
        ".git /config",
        ".git. ./config",
        ".g\u{200d}it/config",
        "git~1/config",
        "GIT~2",
        ".git::$INDEX_ALLOCATION/config",
        ".git:x",
        ".git :x",
        "a\\b",
        "..\\a",
        "a\0b",
        "C:/x",
        "c:x",
        "con",
        "src/AUX.rs",
        "nul.tar.gz",
        "com1",
        "lpt9.txt",
        "COM¹",
        "con .txt",
        "aux:x",
        "conin$",
        &long,
    ];
    for path in hits {
        assert!(
            rules_at(path).contains(&RuleId::PathEscape),
            "{path:?} must not pass"
        );
    }
    assert!(rules_at(RepoPath::from_bytes(*b"\xff/.git/x")).contains(&RuleId::PathEscape));
    let misses = [
        "a",
        "a/b.c",
        ".gitignore",
        ".gitattributes",
        ".github/x",
        "git/x",
        "git~/x",
        "src/.git.rs",
        "console.rs",
        "src/auxiliary.rs",
        "com.rs",
        "com10.txt",
        "pages/[...slug].tsx",
        "a..b",
        "..a",
        "a b",
        "notes: today.md",
        "größe.md",
        "lpt.md",
        "a~1",
    ];
    for path in misses {
        assert!(
            !rules_at(path).contains(&RuleId::PathEscape),
            "{path:?} is harmless"
        );
    }
}

#[test]
fn hidden_characters_are_named() {
    let table = [
        ("a\u{202e}b", "U+202E"),
        ("a\u{200b}b", "U+200B"),
        ("a\u{feff}b", "U+FEFF"),
        ("a\nb", "U+000A"),
        ("a\u{1b}[2Jb", "U+001B"),
        ("a\u{e0041}b", "U+E0041"),
        ("a\u{85}b", "U+0085"),
        ("a\u{fe0f}b", "U+FE0F"),
    ];
    for (path, name) in table {
        let found = evaluate_paths(&floor(), &repository(), &[path.into()]);
        assert_eq!(found.len(), 1, "{path:?}");
        assert_eq!(found[0].rule, RuleId::HiddenCharactersInPath);
        assert!(found[0].message.contains(name), "{}", found[0].message);
        assert!(found[0].id().is_ascii(), "{}", found[0].id());
    }
    for path in ["größe.md", "日本語.txt", "a b", "cafe\u{301}"] {
        assert_eq!(rules_at(path), [], "{path:?}");
    }
    let raw = evaluate_paths(
        &floor(),
        &repository(),
        &[RepoPath::from_bytes(*b"\xff\xe2\x80\xae")],
    );
    assert_eq!(ids(&raw), ["hidden-characters-in-path@\"\\377\\342\\200\\256\""]);
}

#[test]
fn both_sides_of_a_rename_count() {
    let policy = policy("paths.frozen = ['infra']");
    for file in [renamed("infra/a.tf", "b.tf"), renamed("b.tf", "infra/a.tf")] {
        assert_eq!(
            ids(&evaluate(&policy, &repository(), &diff(vec![file]))),
            ["frozen-path@infra/a.tf"]
        );
    }
    let both = evaluate(
        &policy,
        &repository(),
        &diff(vec![renamed("CODEOWNERS", "infra/AGENTS.md")]),
    );
    let expected = [
        "frozen-path@infra/AGENTS.md",
        "policy-file@CODEOWNERS",
        "agent-instruction-file@infra/AGENTS.md",
    ];
    assert_eq!(ids(&both), expected);
    let gone = evaluate(
        &floor(),
        &repository(),
        &diff(vec![deleted("CODEOWNERS", Regular)]),
    );
    assert_eq!(ids(&gone), ["policy-file@CODEOWNERS"]);
}

#[test]
fn paths_that_collide() {
    let hits = [
        ("README.md", "readme.md"),
        ("caf\u{e9}", "cafe\u{301}"),
        ("stra\u{df}e", "STRASSE"),
        ("\u{212a}ey", "key"),
        ("a/b", "A/b"),
        ("a/b", "A/c"),
        ("a", "A/c"),
        ("a", "a."),
        ("a", "a\u{200b}"),
    ];
    for (one, two) in hits {
        let found = evaluate(
            &floor(),
            &repository(),
            &diff(vec![added(one, Regular), added(two, Regular)]),
        );
        let count = found.iter().filter(|v| v.rule == RuleId::PathCollision).count();
        assert_eq!(count, 2, "{one:?} and {two:?}");
    }
    let one_is_old = diff(vec![added("A/b", Regular), edited("a/b")]);
    assert_eq!(
        ids(&evaluate(&floor(), &repository(), &one_is_old)),
        ["path-collision@A/b", "path-collision@a/b"]
    );
    let misses = [
        vec![renamed("README.MD", "README.md")],
        vec![deleted("README.MD", Regular), added("README.md", Regular)],
        vec![edited("Docs/a"), edited("docs/b")],
        vec![added("a", Regular), added("ab", Regular)],
        vec![
            added(RepoPath::from_bytes(*b"\xff"), Regular),
            added(RepoPath::from_bytes(*b"\xfe"), Regular),
        ],
    ];
    for files in misses {
        assert_eq!(ids(&evaluate(&floor(), &repository(), &diff(files))), [""; 0]);
    }
}

#[test]
fn paths_that_collide_with_the_tree() {
    let tree = ["README.md", "src/a.rs", "Docs/x", "docs/y"].map(RepoPath::from);
    let check = |files| of_findings(&find_collisions(&diff(files), &tree));
    assert_eq!(
        check(vec![added("readme.md", Regular)]),
        ["path-collision@readme.md"]
    );
    assert_eq!(
        check(vec![added("README.md::$DATA", Regular)]),
        ["path-collision@README.md::$DATA"]
    );
    assert_eq!(
        check(vec![added("SRC/b.rs", Regular)]),
        ["path-collision@SRC/b.rs"]
    );
    assert_eq!(
        check(vec![renamed("src/a.rs", "Readme.md")]),
        ["path-collision@Readme.md"]
    );
    assert_eq!(check(vec![renamed("README.md", "readme.md")]), [""; 0]);
    assert_eq!(check(vec![renamed("src/a.rs", "Src/a.rs")]), [""; 0]);
    assert_eq!(check(vec![added("src/b.rs", Regular), edited("Docs/x")]), [""; 0]);
}

#[test]
fn blocks_come_first_and_every_place_once() {
    let files = vec![
        modified(".ci/run", Regular, Executable),
        renamed("AGENTS.md", "docs/AGENTS.md"),
        edited("AGENTS.md"),
        edited(".ci/a"),
    ];
    let found = evaluate(&floor(), &repository(), &diff(files));
    let expected = [
        "agent-instruction-file@AGENTS.md",
        "agent-instruction-file@docs/AGENTS.md",
        "ci-file@.ci/a",
        "ci-file@.ci/run",
        "mode-change@.ci/run",
    ];
    assert_eq!(ids(&found), expected);
    assert_eq!(
        found[0].remedy,
        "Leave this file out, or have a maintainer change it outside Countersign."
    );
    let warned = "Look at it closely and acknowledge it with your decision, or keep the mode as it was.";
    assert_eq!(found[4].remedy, warned);
}
