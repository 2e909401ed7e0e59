//! External programs: told what they need, given nothing else, and never outliving their call.

use crate::support::*;
use countersign_agent::Agents;
use countersign_core::artifact::{AgentRole, Verdict};
use countersign_core::confinement::Rights;
use countersign_core::diff::FileMode;
use countersign_core::forge::{CheckRun, CheckState, FailedCheck};
use countersign_ports::agent::{Agent, AgentCall, AgentError, AgentFactory, AgentRepo, ResolvedAgent};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

struct Scene {
    scratch: TempDir,
    agent: Arc<dyn Agent>,
}

fn scene(command: &str) -> Scene {
    let scratch = tempfile::tempdir().unwrap();
    let spec = ResolvedAgent::Command {
        command: command.to_owned(),
        rights: Rights::Unconfined,
    };
    Scene {
        agent: agent_in(scratch.path(), spec),
        scratch,
    }
}

impl Scene {
    fn left_over(&self) -> usize {
        std::fs::read_dir(self.scratch.path()).unwrap().count()
    }
}

fn repos() -> [AgentRepo; 1] {
    let files = [
        ("src/deep/a.txt".into(), (FileMode::Regular, b"old\n".to_vec())),
        ("run.sh".into(), (FileMode::Executable, b"#!/bin/sh\n".to_vec())),
        ("link".into(), (FileMode::Symlink, b"/etc/passwd".to_vec())),
        (
            ".git/hooks/post-checkout".into(),
            (FileMode::Regular, b"evil".to_vec()),
        ),
        ("../../escape".into(), (FileMode::Regular, b"evil".to_vec())),
    ];
    [repo_of(1, "tollgate", files.into_iter().collect())]
}

fn coder() -> AgentCall {
    call(AgentRole::Coder, "Do it", &repos())
}

const DIFF: &str = "--- a/src/deep/a.txt\n+++ b/src/deep/a.txt\n@@ -1 +1 @@\n-old\n+new\n";

/// Codes with `diff`, and does nothing else.
const CODES: &str = r#"grep -q '"role":"coder"' || { echo '{"unsupported": true}'; exit; }
diff=$(printf -- '--- a/src/deep/a.txt\\n+++ b/src/deep/a.txt\\n@@ -1 +1 @@\\n-%s\\n+new\\n' "$(cat repos/tollgate/src/deep/a.txt)")
printf '{"diffs": {"tollgate": "%s"}}' "$diff""#;

#[tokio::test]
async fn a_program_that_only_codes_is_enough() {
    let scene = scene(CODES);
    let call = coder();
    let decision = triage(&scene.agent, &call).await;
    assert_eq!(
        (decision.verdict, decision.unknowns[0].as_str()),
        (Verdict::Go, "The command did not triage.")
    );
    let (_, plan) = plan(&scene.agent, &call).await;
    assert_eq!(planned(&call, &plan), ["s1 tollgate src/deep/a.txt Exists"]);
    assert!(plan.derived_from_proposal);
    let call = AgentCall {
        plan: Some(plan),
        ..call
    };
    assert_eq!(propose(&scene.agent, &call).await[0].diff, DIFF);
    assert_eq!(scene.left_over(), 0);
}

#[tokio::test]
async fn it_is_told_everything_in_one_object() {
    let scene =
        scene(r#"cat > tmp/in; echo "{\"verdict\": \"defer\", \"summary\": \"$(base64 -w0 tmp/in)\"}""#);
    let mut call = coder();
    call.guidance = vec![comment(1, "more")];
    call.refusals = vec!["no".to_owned()];
    call.failed_checks = vec![FailedCheck {
        repository: call.repositories[0].id.clone(),
        run: CheckRun {
            app_number: None,
            app: "github-actions".to_owned(),
            name: "test".to_owned(),
            head: "1".repeat(40).try_into().unwrap(),
            state: CheckState::Failure,
            said: Some("2 of 7 failed".to_owned()),
        },
    }];
    let encoded = triage(&scene.agent, &call).await.summary;
    let text = String::from_utf8(decode(&encoded)).unwrap();
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&told["version"], &told["role"], &told["round"]),
        (&1.into(), &"triage".into(), &1.into())
    );
    assert_eq!(
        (
            &told["feedback"],
            &told["guidance"][0]["text"],
            &told["refusals"][0]
        ),
        (&"Do it".into(), &"more".into(), &"no".into())
    );
    assert_eq!(
        told["failed_checks"],
        serde_json::json!([{"repository": "tollgate", "app": "github-actions", "name": "test",
            "state": "failure", "said": "2 of 7 failed"}])
    );
    let repo = &told["repositories"][0];
    assert_eq!(
        (&repo["name"], &repo["id"], &repo["role"]),
        (&"tollgate".into(), &"local-1".into(), &"primary".into())
    );
    assert_eq!(
        repo["skipped"],
        serde_json::json!(["../../escape", ".git/hooks/post-checkout", "link"])
    );
    assert!(Path::new(repo["path"].as_str().unwrap()).starts_with(scene.scratch.path()));
    assert!(told["deadline_seconds"].as_u64().unwrap() <= 60);
}

#[tokio::test]
async fn the_copy_is_read_only_and_complete() {
    let scene = scene(
        r#"cat >/dev/null; out=$( (find repos -printf '%m %y %P\n' | sort; stat -c %a . ; ls -A home tmp; cat repos/tollgate/src/deep/a.txt) | base64 -w0)
echo "{\"verdict\": \"go\", \"summary\": \"$out\"}""#,
    );
    let seen = decode(&triage(&scene.agent, &coder()).await.summary);
    assert_eq!(
        String::from_utf8(seen).unwrap(),
        "444 f tollgate/run.sh\n444 f tollgate/src/deep/a.txt\n555 d tollgate\n555 d tollgate/src\n555 d tollgate/src/deep\n755 d \n700\nhome:\n\ntmp:\nold\n"
    );
    assert_eq!(scene.left_over(), 0);
}

#[tokio::test]
async fn the_environment_holds_nothing_of_ours() {
    // CARGO_MANIFEST_DIR stands for a secret: cargo sets it for this test, so the parent has it.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let scene = scene(
        r#"cat >/dev/null; echo "{\"verdict\": \"go\", \"summary\": \"$(env | cut -d= -f1 | sort | tr '\n' ' ')$HOME $LANG\"}""#,
    );
    let summary = triage(&scene.agent, &coder()).await.summary;
    let (names, rest) = summary.split_once('/').unwrap();
    assert_eq!(names, "HOME LANG PATH PWD TMPDIR ");
    assert!(
        format!("/{rest}").starts_with(scene.scratch.path().to_str().unwrap())
            && rest.ends_with("/home C.UTF-8")
    );
}

#[tokio::test]
async fn the_deadline_kills_the_whole_group() {
    let pids = tempfile::tempdir().unwrap();
    let file = pids.path().join("pids");
    let scene = scene(&format!(
        "sleep 1000 & echo $! > {0}; echo $$ >> {0}; trap '' TERM; wait",
        file.display()
    ));
    let call = AgentCall {
        deadline: Duration::from_millis(700),
        ..coder()
    };
    let started = Instant::now();
    let error = answer(&scene.agent, &call, AgentRole::Coder).await.unwrap_err();
    assert!(
        matches!(
            error,
            AgentError::Unavailable {
                code: "agent-deadline",
                ..
            }
        ),
        "{error:?}"
    );
    assert!(started.elapsed() < Duration::from_secs(10));
    gone(&file);
    assert_eq!(scene.left_over(), 0);
}

#[tokio::test]
async fn a_dropped_call_kills_and_cleans_up() {
    let pids = tempfile::tempdir().unwrap();
    let file = pids.path().join("pids");
    let scene = scene(&format!(
        "sleep 1000 & echo $! > {0}; echo $$ >> {0}; wait",
        file.display()
    ));
    let call = coder();
    let dropped = tokio::time::timeout(
        Duration::from_millis(700),
        answer(&scene.agent, &call, AgentRole::Coder),
    )
    .await;
    assert!(dropped.is_err());
    gone(&file);
    assert_eq!(scene.left_over(), 0);
}

#[tokio::test]
async fn a_process_left_behind_is_killed_and_does_not_hold_the_answer() {
    let pids = tempfile::tempdir().unwrap();
    let file = pids.path().join("pids");
    let command = format!(
        "cat >/dev/null; sleep 1000 & echo $! > {}; echo '{{\"verdict\": \"go\"}}'",
        file.display()
    );
    let scene = scene(&command);
    let started = Instant::now();
    assert_eq!(triage(&scene.agent, &coder()).await.verdict, Verdict::Go);
    assert!(started.elapsed() < Duration::from_secs(10));
    gone(&file);
}

#[tokio::test]
async fn too_much_output_is_cut_off() {
    let scene = scene("cat >/dev/null; trap '' PIPE; while :; do head -c 1000000 /dev/zero; done");
    let error = answer(&scene.agent, &coder(), AgentRole::Coder)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            AgentError::Malformed {
                code: "command-output-too-large",
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(scene.left_over(), 0);
}

#[tokio::test]
async fn a_failure_quotes_its_last_words_visibly() {
    let scene = scene(
        "cat >/dev/null; head -c 300000 /dev/zero | tr '\\0' 'x' >&2; printf '\\nfirst\\n\\033[2Jcleared\\n' >&2; exit 7",
    );
    let error = answer(&scene.agent, &coder(), AgentRole::Coder)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "command-failed");
    let text = error.to_string();
    assert!(
        text.starts_with("the command ended with exit status: 7; the end of its standard error:"),
        "{text}"
    );
    assert!(
        text.ends_with("first\n\\u{1b}[2Jcleared") && text.len() < 3_000,
        "{text}"
    );
}

#[tokio::test]
async fn answers_are_read_strictly() {
    let error = answer(
        &scene("cat >/dev/null; echo hello").agent,
        &coder(),
        AgentRole::Coder,
    )
    .await
    .unwrap_err();
    assert_eq!(error.code(), "command-answer-malformed");
    assert!(
        error.to_string().contains("expected value at line 1 column 1"),
        "{error}"
    );
    let unknown = scene("cat >/dev/null; echo '{\"diffs\": {\"other\": \"x\"}}'");
    let error = answer(&unknown.agent, &coder(), AgentRole::Coder)
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("there is no repository `other` here; there are `tollgate`"),
        "{error}"
    );
    let idle = scene("cat >/dev/null; echo '{\"unsupported\": true}'");
    let error = answer(&idle.agent, &coder(), AgentRole::Coder).await.unwrap_err();
    assert!(
        matches!(
            error,
            AgentError::Unsupported {
                code: "command-cannot-code",
                ..
            }
        ),
        "{error:?}"
    );
    let deaf = scene("echo '{\"verdict\": \"go\"}'");
    assert_eq!(triage(&deaf.agent, &coder()).await.verdict, Verdict::Go);
    let report = answer(&deaf.agent, &coder(), AgentRole::Triage).await.unwrap();
    assert_eq!(report.raw_output, b"{\"verdict\": \"go\"}\n");
    assert_eq!(
        report.answered_by,
        "command echo '{\"verdict\": \"go\"}' (unconfined)"
    );
}

#[tokio::test]
async fn the_factory_gives_commands_its_scratch_folder() {
    let scratch = tempfile::tempdir().unwrap();
    let command = "cat >/dev/null; printf '{\"verdict\": \"go\", \"summary\": \"%s\"}' \"$PWD\"".to_owned();
    let agent = Agents::new(scratch.path().to_owned())
        .build(ResolvedAgent::Command {
            command,
            rights: Rights::Unconfined,
        })
        .unwrap();
    assert!(Path::new(&triage(&agent, &coder()).await.summary).starts_with(scratch.path()));
}

#[tokio::test]
async fn a_missing_scratch_folder_is_said() {
    let spec = ResolvedAgent::Command {
        command: "true".to_owned(),
        rights: Rights::Unconfined,
    };
    let agent = agent_in(Path::new("/nonexistent/scratch"), spec);
    let error = answer(&agent, &coder(), AgentRole::Coder).await.unwrap_err();
    assert_eq!(error.code(), "command-scratch");
    assert!(error.to_string().contains("/nonexistent/scratch"), "{error}");
}

/// Waits until none of the processes in the file runs (a zombie is gone).
fn gone(file: &Path) {
    let pids = std::fs::read_to_string(file).unwrap();
    assert!(!pids.trim().is_empty());
    for pid in pids.split_whitespace() {
        let runs = || {
            let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            status
                .rsplit(')')
                .next()
                .is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with('Z'))
        };
        let until = Instant::now() + Duration::from_secs(5);
        while runs() {
            assert!(Instant::now() < until, "process {pid} still runs");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn decode(base64: &str) -> Vec<u8> {
    let value = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0u32, 0);
    for c in base64.bytes().filter(|c| *c != b'=') {
        bits = (bits << 6) | u32::from(value(c));
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    bytes
}
