//! Rules in an issue become decision, plan and diff.

use crate::support::*;
use countersign_core::artifact::{AgentRole, Verdict};
use countersign_core::diff::FileMode;
use countersign_core::patch;
use countersign_core::path::RepoPath;
use countersign_ports::agent::ResolvedAgent;
use countersign_ports::agent::{AgentCall, AgentError, AgentRepo};
use std::collections::BTreeMap;

/// `f(f(f(1)))`, that deep.
fn nested(depth: usize) -> String {
    format!("{}1{}\n", "f(".repeat(depth), ")".repeat(depth))
}

const RENAME: &str = "Prices go in grams.\n\n```codemod\n[[step]]\ntitle = \"Rename quote\"\npattern = \"quote($$$A)\"\nrewrite = \"quote_grams($$$A)\"\n```\n";

fn block(toml: &str) -> String {
    format!("Please do.\n```codemod\n{toml}\n```\n")
}

async fn asked(repos: &[AgentRepo], feedback: &str) -> String {
    question(
        &agent(ResolvedAgent::Codemod),
        &call(AgentRole::Triage, feedback, repos),
    )
    .await
}

/// Plans and codes; every diff is applied with real git. Answers the changed files by `repository/path`.
async fn changed(call: &AgentCall) -> BTreeMap<String, String> {
    let agent = agent(ResolvedAgent::Codemod);
    let verdict = triage(&agent, call).await;
    assert_eq!(verdict.verdict, Verdict::Go, "{verdict:?}");
    let (_, plan) = plan(&agent, call).await;
    let call = AgentCall {
        plan: Some(plan),
        ..call.clone()
    };
    let mut changed = BTreeMap::new();
    for proposal in propose(&agent, &call).await {
        let repo = call
            .repositories
            .iter()
            .find(|r| r.id == proposal.repository)
            .unwrap();
        assert!(
            patch::read(proposal.diff.as_bytes()).is_ok(),
            "our own reader refuses it"
        );
        for (path, content) in git_apply(repo, &proposal.diff) {
            if repo
                .snapshot
                .read(&RepoPath::from(path.as_str()))
                .unwrap()
                .unwrap()
                != content
            {
                let claim = proposal
                    .rationales
                    .iter()
                    .find(|r| r.path.as_str() == Some(&path));
                assert!(claim.is_some(), "{path} has no rationale");
                changed.insert(
                    format!("{}/{path}", repo.name),
                    String::from_utf8(content).unwrap(),
                );
            }
        }
    }
    changed
}

#[tokio::test]
async fn one_rule_rewrites_every_language_that_can_read_it() {
    let repos = [
        repo(
            1,
            "tollgate",
            &[
                (
                    "src/lib.rs",
                    "pub fn f() -> u32 {\n    quote(1, 2) + quote(quote(3))\n}\n",
                ),
                ("src/unquote.rs", "fn g() { unquote(1) }\n"),
                ("README.md", "call quote(1)\n"),
            ],
        ),
        repo(
            2,
            "site",
            &[
                ("a.py", "x = quote(1)\n"),
                ("b.ts", "const y: number = quote( 4 );\n"),
                ("c.tsx", "let z = <b>{quote(5)}</b>;\n"),
            ],
        ),
    ];
    let call = call(AgentRole::Triage, RENAME, &repos);
    let changed = changed(&call).await;
    assert_eq!(
        changed.into_iter().collect::<Vec<_>>(),
        [
            ("site/a.py".into(), "x = quote_grams(1)\n".into()),
            ("site/b.ts".into(), "const y: number = quote_grams(4);\n".into()),
            ("site/c.tsx".into(), "let z = <b>{quote_grams(5)}</b>;\n".into()),
            (
                "tollgate/src/lib.rs".into(),
                "pub fn f() -> u32 {\n    quote_grams(1, 2) + quote_grams(quote_grams(3))\n}\n".to_owned()
            ),
        ]
    );
}

#[tokio::test]
async fn decision_and_plan_list_rule_by_file() {
    let repos = [repo(
        1,
        "tollgate",
        &[
            ("src/a.rs", "fn f() { quote(1); quote(2); }\n"),
            ("b.rs", "fn g() { quote(1) }\n"),
        ],
    )];
    let text = format!(
        "{RENAME}{}",
        block("[[step]]\nsearch = \"nowhere\"\nreplace = \"x\"")
    );
    let call = call(AgentRole::Triage, &text, &repos);
    let agent = agent(ResolvedAgent::Codemod);
    let decision = triage(&agent, &call).await;
    assert_eq!(decision.summary, "Run 2 rules; 2 files in tollgate change.");
    assert_eq!(decision.reasons, ["rule 1 (Rename quote) matches 3 places"]);
    assert_eq!(
        decision.unknowns,
        ["rule 2 (Replace `nowhere` by `x`) of line 11 of the issue text matches nothing"]
    );
    assert!(
        decision.risks.iter().any(|risk| risk.contains("assert_eq!")),
        "{:?}",
        decision.risks
    );
    let (architecture, plan) = plan(&agent, &call).await;
    assert_eq!(
        architecture.components,
        ["tollgate: src/ (rust, 1 file), the root folder (rust, 1 file)"]
    );
    assert_eq!(
        planned(&call, &plan),
        ["s1 tollgate b.rs Exists", "s1 tollgate src/a.rs Exists"]
    );
    assert_eq!(plan.steps[0].title, "Rename quote");
    assert_eq!(
        plan.steps[0].rationale,
        "Rule 1 (Rewrite `quote($$$A)` to `quote_grams($$$A)`) matches 3 places in 2 files of tollgate."
    );
    assert_eq!(
        plan.acceptance[3].text,
        "No match of rule 1 (Rename quote) is left in the changed files."
    );
    assert!(!plan.derived_from_proposal);
}

#[tokio::test]
async fn plain_text_words_globs_and_repositories() {
    let files = [
        ("docs/a.md", "quote quotes\n"),
        ("docs/deep/b.md", "quote\n"),
        ("c.txt", "quote\n"),
    ];
    let repos = [repo(1, "one", &files), repo(2, "two", &files)];
    let text = block(
        "[[step]]\nrepo = \"two\"\nfiles = [\"docs/*.md\", \"*.txt\"]\nsearch = \"quote\"\nreplace = \"price\"\nword = true\n\
         [[step]]\nfiles = \"docs/**/*.md\"\nsearch = \"price\"\nreplace = \"cost\"",
    );
    let changed = changed(&call(AgentRole::Triage, &text, &repos)).await;
    assert_eq!(
        changed.into_iter().collect::<Vec<_>>(),
        [
            ("two/c.txt".into(), "price\n".into()),
            ("two/docs/a.md".to_owned(), "cost quotes\n".to_owned())
        ]
    );
}

#[tokio::test]
async fn an_ast_grep_rule_object_is_a_rule() {
    let repos = [repo(
        1,
        "one",
        &[
            ("a.py", "quote = 1\nprint(quote, 'quote')\n"),
            ("b.rs", "fn quote() {}\n"),
        ],
    )];
    let text = block(
        "[[step]]\nlanguage = \"py\"\nrule = { kind = \"identifier\", regex = \"^quote$\", inside = { kind = \"argument_list\" } }\nrewrite = \"price\"",
    );
    let changed = changed(&call(AgentRole::Triage, &text, &repos)).await;
    assert_eq!(
        changed.into_iter().collect::<Vec<_>>(),
        [(
            "one/a.py".to_owned(),
            "quote = 1\nprint(price, 'quote')\n".to_owned()
        )]
    );
}

#[tokio::test]
async fn diffs_are_exact_whatever_lines_and_names_look_like() {
    let long: String = (1..=60)
        .map(|n| format!("line {n}{}\n", if n % 25 == 0 { " old" } else { "" }))
        .collect();
    let repos = [repo(
        1,
        "one",
        &[
            ("no newline.txt", "first\nold"),
            ("crlf.txt", "a\r\nold\r\nb\r\n"),
            ("cr.txt", "a\rold\rb\n"),
            ("tab\tand \"quote\" é.txt", "old\n"),
            ("long.txt", &long),
            ("only.txt", "old"),
        ],
    )];
    let text = block("[[step]]\nsearch = \"old\"\nreplace = \"new\"");
    let done = changed(&call(AgentRole::Triage, &text, &repos)).await;
    assert_eq!(done["one/no newline.txt"], "first\nnew");
    assert_eq!(done["one/crlf.txt"], "a\r\nnew\r\nb\r\n");
    assert_eq!(done["one/cr.txt"], "a\rnew\rb\n");
    assert_eq!(done["one/only.txt"], "new");
    assert_eq!(done["one/long.txt"], long.replace("old", "new"));
    assert_eq!(done.len(), 6);
    let emptied = block("[[step]]\nfiles = \"only.txt\"\nsearch = \"old\"\nreplace = \"\"");
    assert_eq!(
        changed(&call(AgentRole::Triage, &emptied, &repos)).await["one/only.txt"],
        ""
    );
}

#[tokio::test]
async fn a_diff_looks_as_git_writes_it() {
    let repos = [repo(1, "one", &[("é b.txt", "1\n2\n3\n4\nold\n6\n7\n8\n9")])];
    let call = call(
        AgentRole::Coder,
        &block("[[step]]\nsearch = \"old\"\nreplace = \"new\""),
        &repos,
    );
    let proposals = propose(&agent(ResolvedAgent::Codemod), &call).await;
    let name = "\\303\\251 b.txt\"";
    let expected = format!(
        "diff --git \"a/{name} \"b/{name}\n--- \"a/{name}\t\n+++ \"b/{name}\t\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-old\n+new\n 6\n 7\n 8\n"
    );
    assert_eq!(proposals[0].diff, expected);
    assert_eq!(proposals[0].rationales[0].step, "s1");
    assert_eq!(
        proposals[0].rationales[0].text,
        "rule 1 (Replace `old` by `new`): 1 place"
    );
}

#[tokio::test]
async fn malformed_rules_are_a_question_with_line_and_field() {
    let repos = [
        repo(1, "tollgate", &[("a.rs", "fn f() {}\n")]),
        repo(2, "site", &[]),
    ];
    let cases = [
        (
            "[[step]]\nsearch = \"a\"\nreplac = \"b\"",
            "line 5 of the issue text: unknown field `replac`",
        ),
        (
            "[[step]]\nsearch = 1\nreplace = \"b\"",
            "line 4 of the issue text: invalid type: integer `1`, expected a string",
        ),
        ("[[step]\nsearch = \"a\"", "line 3 of the issue text: "),
        (
            "[[steps]]\nsearch = \"a\"",
            "line 3 of the issue text: unknown field `steps`, expected `step`",
        ),
        (
            "# nothing",
            "line 2 of the issue text: the block holds no `[[step]]`",
        ),
        (
            "\n[[step]]\nsearch = \"a\"",
            "line 4 of the issue text: `search` needs `replace`",
        ),
        (
            "[[step]]\ntitle = \"x\"",
            "line 3 of the issue text: a step needs exactly one of `pattern`",
        ),
        (
            "[[step]]\npattern = \"a\"\nsearch = \"b\"\nrewrite = \"\"",
            "exactly one of `pattern`",
        ),
        (
            "[[step]]\npattern = \"f($A)\"\nrewrite = \"g($B)\"",
            "`rewrite` uses `$B`, which the pattern or rule does not define",
        ),
        (
            "[[step]]\npattern = \"f($A)\"\nrewrite = \"g($A)\"\nword = true",
            "`replace` and `word` go with `search`",
        ),
        (
            "[[step]]\nlanguage = \"cobol\"\npattern = \"f($A)\"\nrewrite = \"g($A)\"",
            "`language` is `cobol`; known are bash, go,",
        ),
        (
            "[[step]]\nlanguage = \"rust\"\npattern = \"fn (\"\nrewrite = \"\"",
            "`pattern` can't be read as rust",
        ),
        (
            "[[step]]\nlanguage = \"rust\"\nrule = { kind = \"nonsense\" }\nrewrite = \"\"",
            "`rule` can't be used for rust",
        ),
        (
            "[[step]]\nrule = { kid = \"x\" }\nrewrite = \"\"",
            "`rule` can't be read: unknown field `kid`",
        ),
        (
            "[[step]]\nrule = { regex = \"x\" }\nrewrite = \"\"",
            "`rule` would look at every node",
        ),
        (
            "[[step]]\nrepo = \"toll\"\nsearch = \"a\"\nreplace = \"b\"",
            "`repo` names `toll`, which is not part of this workflow; it has `tollgate`, `site`",
        ),
        (
            "[[step]]\nfiles = \"a[\"\nsearch = \"a\"\nreplace = \"b\"",
            "`files` holds a broken glob",
        ),
        (
            "[[step]]\nfiles = 3\nsearch = \"a\"\nreplace = \"b\"",
            "expected a glob or a list of globs",
        ),
        ("[[step]]\nsearch = \"\"\nreplace = \"b\"", "`search` is empty"),
    ];
    for (toml, expected) in cases {
        let question = asked(&repos, &block(toml)).await;
        assert!(
            question.contains(expected),
            "{toml}\n→ {question}\nexpected: {expected}"
        );
    }
    let many = "[[step]]\nsearch = \"a\"\nreplace = \"b\"\n".repeat(101);
    assert!(
        asked(&repos, &block(&many))
            .await
            .contains("line 303 of the issue text: more than 100 steps")
    );
    let huge = format!("[[step]]\n{} = 1", "k".repeat(100_000));
    assert!(asked(&repos, &block(&huge)).await.len() < 8 << 10);
}

#[tokio::test]
async fn without_a_block_the_question_shows_one() {
    let repos = [repo(1, "tollgate", &[])];
    let question = asked(&repos, "please fix").await;
    assert!(
        question.contains("no `codemod` block") && question.contains("[[step]]"),
        "{question}"
    );
    assert!(
        asked(&repos, "x\n```codemod\n[[step]]\n")
            .await
            .contains("line 2 of the issue text: the `codemod` block is never closed")
    );
    let call = call(AgentRole::Planner, "please fix", &repos);
    let error = answer(&agent(ResolvedAgent::Codemod), &call, AgentRole::Planner)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            AgentError::Malformed {
                code: "codemod-rules",
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn no_match_is_a_no_that_names_the_rule() {
    let repos = [repo(1, "tollgate", &[("a.rs", "fn f() {}\n")])];
    let agent = agent(ResolvedAgent::Codemod);
    let call = call(AgentRole::Triage, RENAME, &repos);
    let decision = triage(&agent, &call).await;
    assert_eq!(decision.verdict, Verdict::NoGo);
    assert_eq!(
        decision.reasons,
        ["rule 1 (Rename quote) of line 4 of the issue text matches nothing"]
    );
    let error = answer(&agent, &call, AgentRole::Coder).await.unwrap_err();
    assert_eq!(error.code(), "codemod-no-change");
}

#[tokio::test]
async fn the_latest_comment_with_rules_replaces_them_all() {
    let repos = [repo(1, "one", &[("a.txt", "one two three\n")])];
    let mut call = call(
        AgentRole::Triage,
        &block("[[step]]\nsearch = \"one\"\nreplace = \"1\""),
        &repos,
    );
    call.guidance = vec![
        comment(1, &block("[[step]]\nsearch = \"two\"\nreplace = \"2\"")),
        comment(2, &block("[[step]]\nsearch = \"three\"\nreplace = \"3\"")),
        comment(3, "fine, but hurry\n> ```codemod\n> [[step]]\n> ```\n"),
    ];
    assert_eq!(changed(&call).await["one/a.txt"], "one two 3\n");
    call.guidance[2] = comment(3, "```codemod\n[[step]]\nsearch = 3\n```");
    let question = question(&agent(ResolvedAgent::Codemod), &call).await;
    assert!(
        question.starts_with("line 3 of the comment on revision 3: invalid type"),
        "{question}"
    );
}

#[tokio::test]
async fn what_is_not_looked_at_is_said() {
    let mut files: BTreeMap<RepoPath, (FileMode, Vec<u8>)> = BTreeMap::new();
    files.insert("big.txt".into(), (FileMode::Regular, vec![b'a'; (2 << 20) + 1]));
    files.insert("bin.txt".into(), (FileMode::Regular, b"a\0b".to_vec()));
    files.insert(
        "deep.py".into(),
        (FileMode::Regular, nested(100_000).into_bytes()),
    );
    files.insert("latin.txt".into(), (FileMode::Regular, b"a\xe9".to_vec()));
    files.insert("link.txt".into(), (FileMode::Symlink, b"a".to_vec()));
    files.insert("ok.txt".into(), (FileMode::Executable, b"a".to_vec()));
    let repos = [repo_of(1, "one", files)];
    let text = block(
        "[[step]]\nfiles = \"*.txt\"\nsearch = \"a\"\nreplace = \"b\"\n[[step]]\npattern = \"f($A)\"\nrewrite = \"g($A)\"",
    );
    let call = call(AgentRole::Triage, &text, &repos);
    let unknowns = triage(&agent(ResolvedAgent::Codemod), &call).await.unknowns;
    assert_eq!(
        unknowns[..4],
        [
            "1 file of one not looked at, because binary: bin.txt",
            "1 file of one not looked at, because larger than 2 MiB: big.txt",
            "1 file of one not looked at, because nested too deeply: deep.py",
            "1 file of one not looked at, because not UTF-8: latin.txt",
        ]
    );
    assert_eq!(
        changed(&call).await.into_keys().collect::<Vec<_>>(),
        ["one/ok.txt"]
    );
}

#[tokio::test]
async fn limits_are_questions_too() {
    let repos = [repo(1, "one", &[("a.txt", &"a".repeat(60_000))])];
    let question = asked(&repos, &block("[[step]]\nsearch = \"a\"\nreplace = \"b\"")).await;
    assert!(question.contains("more than 50000 places"), "{question}");
    let names: Vec<String> = (0..2_001).map(|n| format!("{n}.txt")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "a\n")).collect();
    let question = asked(
        &[repo(1, "one", &files)],
        &block("[[step]]\nsearch = \"a\"\nreplace = \"b\""),
    )
    .await;
    assert!(
        question.contains("would change 2001 files; at most 2000 fit"),
        "{question}"
    );
}

#[tokio::test]
async fn the_same_call_gives_the_same_bytes() {
    let repos = [repo(
        1,
        "one",
        &[
            ("a.rs", "fn f() { quote(1) }\n"),
            ("b.rs", "fn f() { quote(1) }\n"),
        ],
    )];
    let agent = agent(ResolvedAgent::Codemod);
    let call = call(AgentRole::Triage, RENAME, &repos);
    for role in [
        AgentRole::Triage,
        AgentRole::Architect,
        AgentRole::Planner,
        AgentRole::Coder,
    ] {
        let first = answer(&agent, &call, role).await.unwrap();
        assert_eq!(first, answer(&agent, &call, role).await.unwrap());
        assert_eq!(first.answered_by, "codemod 0.1.0");
    }
    for role in [AgentRole::Fixer, AgentRole::Extractor] {
        assert_eq!(
            answer(&agent, &call, role).await.unwrap_err().code(),
            "agent-role-unsupported"
        );
    }
}

#[tokio::test]
async fn deep_nesting_overflows_no_stack() {
    let deep = nested(2_000);
    let text = format!("{} == {}\n", deep.trim(), deep.trim());
    let repos = [repo(1, "one", &[("deep.py", &text)])];
    let rule = "[[step]]\npattern = \"$A == $A\"\nrewrite = \"same($A)\"";
    let done = changed(&call(AgentRole::Triage, &block(rule), &repos)).await;
    assert!(done["one/deep.py"].starts_with("same(f(f("));
    let pattern = format!(
        "[[step]]\npattern = \"{}\"\nrewrite = \"x\"",
        nested(3_500).trim()
    );
    assert!(
        asked(&repos, &block(&pattern))
            .await
            .contains("nested too deeply")
    );
}
