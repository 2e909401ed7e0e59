//! Scripts: pleasant to write, strict to read.

use crate::support::*;
use countersign_agent::Agents;
use countersign_core::artifact::{AgentRole, Verdict};
use countersign_ports::agent::{AgentCall, AgentError, AgentRepo};
use countersign_ports::agent::{AgentFactory as _, ResolvedAgent};
use std::time::Duration;

const DIFF: &str = r"--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-old\n+new\n";

fn repos() -> [AgentRepo; 2] {
    let files = [("a.txt", "old\n")];
    [repo(1, "tollgate", &files), repo(2, "site", &files)]
}

fn refused(script: &str) -> String {
    let spec = ResolvedAgent::Scripted {
        script: script.as_bytes().to_vec(),
    };
    match Agents::new("/nonexistent".into()).build(spec) {
        Err(error @ AgentError::Malformed { .. }) => error.to_string(),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("accepted: {script}"),
    }
}

fn scripted(script: &str) -> ResolvedAgent {
    ResolvedAgent::Scripted {
        script: script.as_bytes().to_vec(),
    }
}

#[tokio::test]
async fn a_coder_alone_is_a_whole_script() {
    let agent = agent(scripted(&format!(
        r#"{{"coder": [{{"diffs": {{"site": "{DIFF}"}}}}]}}"#
    )));
    let call = call(AgentRole::Triage, "Do it", &repos());
    assert_eq!(triage(&agent, &call).await.verdict, Verdict::Go);
    let (architecture, plan) = plan(&agent, &call).await;
    assert_eq!(architecture.components, ["site: a.txt"]);
    assert_eq!(planned(&call, &plan), ["s1 site a.txt Exists"]);
    let call = AgentCall {
        plan: Some(plan),
        ..call
    };
    let proposals = propose(&agent, &call).await;
    assert_eq!(proposals[0].diff, DIFF.replace("\\n", "\n"));
    assert_eq!(
        (
            proposals[0].rationales[0].step.as_str(),
            proposals[0].rationales.len()
        ),
        ("s1", 1)
    );
}

#[tokio::test]
async fn every_role_can_be_written_out() {
    let script = r#"{
        "triage": [{"verdict": "no-go"}, {"verdict": "ask", "missing": ["why?"]}],
        "architect": [{"summary": "One file.", "components": ["tollgate"]}],
        "planner": [{"scope": {"non_goals": ["docs"]}, "acceptance": ["it builds", {"id": "x", "text": "it runs"}],
                     "steps": [{"title": "Change", "repo": "tollgate", "rationale": "asked",
                                "paths": ["a.txt", "b.txt", {"path": "c.txt", "expectation": "exists"}]}]}],
        "coder": [{"diffs": {"tollgate": "x", "site": "y"},
                   "rationales": [{"repo": "site", "path": "a.txt", "step": "s1", "text": "because"}]}],
        "critic": [{"findings": [{"code": "c", "level": "reject", "repo": "site", "path": "a.txt", "text": "no"}]},
                   {"findings": []}]
    }"#;
    let agent = agent(scripted(script));
    let mut call = call(AgentRole::Triage, "Do it", &repos());
    assert_eq!(triage(&agent, &call).await.verdict, Verdict::NoGo);
    let (_, plan) = plan(&agent, &call).await;
    assert_eq!(
        planned(&call, &plan),
        [
            "s1 tollgate a.txt Exists",
            "s1 tollgate b.txt New",
            "s1 tollgate c.txt Exists"
        ]
    );
    assert_eq!(
        plan.acceptance.iter().map(|a| a.id.as_str()).collect::<Vec<_>>(),
        ["a1", "x"]
    );
    assert_eq!(plan.scope.includes, ["Change"]);
    let proposals = propose(&agent, &call).await;
    assert_eq!(proposals[1].rationales[0].text, "because");
    assert_eq!(codes(&criticise(&agent, &call).await), ["c a.txt"]);
    call.round = 2;
    assert_eq!(triage(&agent, &call).await.missing, ["why?"]);
    assert_eq!(criticise(&agent, &call).await.findings, []);
    call.round = 7;
    assert_eq!(triage(&agent, &call).await.verdict, Verdict::Ask);
}

#[tokio::test]
async fn failures_and_delays_are_modelled() {
    let script = format!(
        r#"{{"coder": [{{"fail": "unavailable"}}, {{"fail": "malformed", "message": "half"}}, {{"delay_ms": 30, "diffs": {{"site": "{DIFF}"}}}}]}}"#
    );
    let agent = agent(scripted(&script));
    let mut call = call(AgentRole::Coder, "Do it", &repos());
    let error = answer(&agent, &call, AgentRole::Coder).await.unwrap_err();
    assert!(
        matches!(
            error,
            AgentError::Unavailable {
                code: "scripted-unavailable",
                ..
            }
        ),
        "{error:?}"
    );
    call.round = 2;
    let error = answer(&agent, &call, AgentRole::Coder).await.unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        ("scripted-malformed", "half")
    );
    call.round = 3;
    assert_eq!(propose(&agent, &call).await.len(), 1);
    assert_eq!(
        planned(
            &call,
            &plan(
                &agent,
                &AgentCall {
                    round: 1,
                    ..call.clone()
                }
            )
            .await
            .1
        ),
        ["s1 site a.txt Exists"]
    );
    call.deadline = Duration::from_millis(5);
    assert_eq!(
        answer(&agent, &call, AgentRole::Coder).await.unwrap_err().code(),
        "agent-deadline"
    );
}

#[tokio::test]
async fn mistakes_are_named_with_their_place() {
    let cases = [
        (
            "{\"coder\": [\n  {\"dif\": {}}\n]}",
            "unknown field `dif`, expected `diffs` or `rationales` at line 2 column 8",
        ),
        (
            "{\"codr\": []}",
            "unknown field `codr`, expected one of `triage`, `architect`, `planner`, `coder`, `critic` at line 1 column 7",
        ),
        (
            "{\"triage\": [{\"verdict\": \"maybe\"}]}",
            "unknown variant `maybe`, expected one of `go`, `no-go`, `defer`, `ask` at line 1",
        ),
        ("{\"coder\": [{}]}", "missing field `diffs` at line 1"),
        (
            "{\"coder\": [{\"fail\": \"later\"}]}",
            "unknown variant `later`, expected `unavailable` or `malformed` at line 1",
        ),
        (
            "{\"coder\": [{\"fail\": \"malformed\", \"diffs\": {}}]}",
            "an entry either fails or answers at line 1",
        ),
        (
            "{\"coder\": [{\"fail\": \"malformed\", \"difs\": {}}]}",
            "unknown field `difs`",
        ),
        (
            "{\"coder\": [7]}",
            "invalid type: integer `7`, expected an object with an answer or `fail` at line 1 column 12",
        ),
        ("{\"coder\": [", "EOF while parsing"),
    ];
    for (script, expected) in cases {
        let message = refused(script);
        assert!(message.contains(expected), "{script}\n→ {message}");
    }
    let agent = agent(scripted(
        r#"{"coder": [{"diffs": {"toll": "x"}}], "critic": [{"findings": [{"code": "c", "level": "note", "repo": "x", "text": "t"}]}]}"#,
    ));
    let call = call(AgentRole::Coder, "x", &repos());
    let error = answer(&agent, &call, AgentRole::Coder).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "entry 1 of `coder` in the script: `diffs`: there is no repository `toll` here; there are `tollgate`, `site`"
    );
    let error = answer(&agent, &call, AgentRole::Critic).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("entry 1 of `critic` in the script: finding 1: there is no repository `x`")
    );
}
