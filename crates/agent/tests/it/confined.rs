//! Commands behind a fence: what they find, what they are told, and that they work.

use crate::support::*;
use countersign_agent::{Agents, Fence, Names};
use countersign_core::artifact::{AgentRole, Verdict};
use countersign_core::confinement::{Confinement, NetworkHost, Rights};
use countersign_ports::agent::{Agent, AgentCall, AgentFactory as _, AgentRepo, ResolvedAgent};
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What holds a command in a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    ByBubblewrap,
    ByLandlock,
    Not,
}

/// Every name is this machine's.
struct Here;

#[async_trait::async_trait]
impl Names for Here {
    async fn look_up(&self, _: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))])
    }
}

/// An agent that is held that way, or a panic: a machine where it can't be had fails these tests.
pub fn agent_held(
    held: Held,
    scratch: &Path,
    off_limits: &[PathBuf],
    command: &str,
    rights: Rights,
) -> Arc<dyn Agent> {
    let helper = PathBuf::from(env!("CARGO_BIN_EXE_confined"));
    let fence = Fence::new(helper, off_limits.to_vec()).naming(Arc::new(Here));
    let fence = match held {
        Held::ByBubblewrap | Held::Not => fence,
        Held::ByLandlock => fence.without_bubblewrap(),
    };
    let command = command.to_owned();
    Agents::new(scratch.to_owned())
        .fenced(fence)
        .build(ResolvedAgent::Command { command, rights })
        .unwrap()
}

struct Scene {
    scratch: TempDir,
    agent: Arc<dyn Agent>,
}

fn scene(held: Held, command: &str) -> Scene {
    scene_with(held, command, Rights::fewest())
}

fn scene_with(held: Held, command: &str, rights: Rights) -> Scene {
    let scratch = tempfile::tempdir().unwrap();
    Scene {
        agent: agent_held(held, scratch.path(), &[], command, rights),
        scratch,
    }
}

impl Scene {
    async fn says(&self) -> String {
        triage(&self.agent, &coder()).await.summary
    }
}

fn repos() -> [AgentRepo; 1] {
    [repo(1, "tollgate", &[("src/deep/a.txt", "old\n")])]
}

fn coder() -> AgentCall {
    call(AgentRole::Coder, "Do it", &repos())
}

/// Answers with the output of `script`, on one line.
fn saying(script: &str) -> String {
    format!(
        "cat >/dev/null; out=$({{ {script}; }} 2>&1 | tr '\\n\\t\"' '  .'); echo \"{{\\\"verdict\\\": \\\"go\\\", \\\"summary\\\": \\\"$out\\\"}}\""
    )
}

/// Every way of confinement that this machine must have: Landlock is demanded as Linux 6.12 has it.
pub fn ways() -> Vec<Held> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release
        .split(['.', '-'])
        .map_while(|part| part.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) >= (Some(6), Some(12)) {
        true => vec![Held::ByBubblewrap, Held::ByLandlock],
        false => vec![Held::ByBubblewrap],
    }
}

#[tokio::test]
async fn the_run_log_learns_what_held_it() {
    for held in ways() {
        let (confinement, words) = match held {
            Held::ByBubblewrap => (Confinement::Bubblewrap, "confined by bubblewrap"),
            Held::ByLandlock => (Confinement::Landlock, "confined by Landlock"),
            Held::Not => (Confinement::Unconfined, "unconfined"),
        };
        let scene = scene(held, "echo '{\"verdict\": \"go\"}'");
        assert_eq!(
            scene.agent.confinement(AgentRole::Coder).await.unwrap(),
            confinement
        );
        assert_eq!(
            scene.agent.confinement(AgentRole::Critic).await.unwrap(),
            Confinement::InProcess
        );
        let report = answer(&scene.agent, &coder(), AgentRole::Triage).await.unwrap();
        assert_eq!(
            report.answered_by,
            format!("command echo '{{\"verdict\": \"go\"}}' ({words})")
        );
        assert_eq!(fs::read_dir(scene.scratch.path()).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn it_reads_its_copies_and_writes_where_it_may() {
    for held in ways() {
        let scene = scene(
            held,
            &saying(
                "cat repos/tollgate/src/deep/a.txt; cp -r repos/tollgate tmp/mine; echo new > home/x; sed s/old/new/ repos/tollgate/src/deep/a.txt > $TMPDIR/y; cat $TMPDIR/y; touch repos/tollgate/new 2>/dev/null || echo closed",
            ),
        );
        assert_eq!(scene.says().await, "old new closed ", "{held:?}");
    }
}

#[tokio::test]
async fn the_environment_and_the_machine_hold_nothing_of_ours() {
    let scene = scene(
        Held::ByBubblewrap,
        &saying(
            "env | cut -d= -f1 | sort; pwd; id -un; hostname; ls -A / /agent /home /root /run /etc /proc/1/fd 2>/dev/null",
        ),
    );
    let said = scene.says().await;
    assert!(
        said.starts_with("HOME LANG PATH PWD TMPDIR /agent agent agent /: "),
        "{said}"
    );
    for ours in [
        scene.scratch.path().to_str().unwrap(),
        "shadow",
        "machine-id",
        "countersign.db",
    ] {
        assert!(!said.contains(ours), "{said}");
    }
}

#[tokio::test]
async fn what_was_named_is_there_read_only() {
    for held in ways() {
        let folder = tempfile::tempdir().unwrap();
        let named = folder.path().join("tool");
        fs::create_dir(&named).unwrap();
        fs::write(named.join("data"), "found\n").unwrap();
        fs::write(folder.path().join("beside"), "hidden\n").unwrap();
        let (named, at) = (named.display().to_string(), folder.path().display().to_string());
        let script = format!(
            "cat {at}/tool/data; cat {at}/beside >/dev/null || echo closed; echo x 2>/dev/null >> {at}/tool/data || echo closed"
        );
        let rights = Rights::Confined {
            reads: vec![named],
            reaches: vec![],
        };
        let said = scene_with(held, &saying(&format!("{{ {script}; }} 2>/dev/null")), rights)
            .says()
            .await;
        assert_eq!(said, "found closed closed ", "{held:?}");
        assert_eq!(fs::read(folder.path().join("tool/data")).unwrap(), b"found\n");
    }
}

#[tokio::test]
async fn what_holds_the_keys_is_never_let_in() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir_all(data.join("scratch")).unwrap();
    let rights = Rights::Confined {
        reads: vec![folder.path().display().to_string()],
        reaches: vec![],
    };
    let agent = agent_held(Held::ByBubblewrap, &data.join("scratch"), &[data], ":", rights);
    let error = agent.confinement(AgentRole::Coder).await.unwrap_err();
    assert_eq!(error.code(), "agent-may-not-read");
    assert!(answer(&agent, &coder(), AgentRole::Coder).await.is_err());
}

#[tokio::test]
async fn a_missing_program_is_told_apart() {
    let scene = scene(Held::ByBubblewrap, "/nonexistent/agent");
    let error = answer(&scene.agent, &coder(), AgentRole::Coder)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "command-failed");
    let text = error.to_string();
    assert!(
        text.contains("exit status: 127") && text.contains("--agent-allow"),
        "{text}"
    );
}

#[tokio::test]
async fn the_deadline_ends_everything_behind_the_fence() {
    for held in ways() {
        let seconds = format!("3{:08}", std::process::id() * 10 + held as u32);
        let scene = scene(held, &format!("sleep {seconds} & trap '' TERM; sleep {seconds}"));
        // Found out before, so that the deadline is the command's own.
        scene.agent.confinement(AgentRole::Coder).await.unwrap();
        let call = AgentCall {
            deadline: Duration::from_millis(1_500),
            ..coder()
        };
        let error = answer(&scene.agent, &call, AgentRole::Coder).await.unwrap_err();
        assert_eq!(error.code(), "agent-deadline", "{held:?}");
        gone(&seconds);
        assert_eq!(fs::read_dir(scene.scratch.path()).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn a_process_left_behind_does_not_hold_the_answer() {
    for held in ways() {
        let seconds = format!("4{:08}", std::process::id() * 10 + held as u32);
        let scene = scene(
            held,
            &format!("cat >/dev/null; sleep {seconds} & echo '{{\"verdict\": \"go\"}}'"),
        );
        assert_eq!(
            triage(&scene.agent, &coder()).await.verdict,
            Verdict::Go,
            "{held:?}"
        );
        gone(&seconds);
    }
}

#[tokio::test]
async fn a_killed_command_is_a_failure() {
    for held in ways() {
        let error = answer(&scene(held, "kill -9 $$").agent, &coder(), AgentRole::Coder)
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("exit status: 137"),
            "{held:?}: {error}"
        );
    }
}

/// A request to the proxy with nothing but perl, and what came back.
fn asking(target: &str) -> String {
    saying(&format!(
        "perl -MSocket -e 'socket(S, PF_INET, SOCK_STREAM, 0) or die \"no socket\"; connect(S, pack_sockaddr_in(3128, inet_aton(q(127.0.0.1)))) or die \"no way out\"; syswrite S, qq(CONNECT {target} HTTP/1.1\\r\\n\\r\\n); print <S>' | tr -d '\\r'; echo $HTTPS_PROXY"
    ))
}

fn reaching(host: &str) -> Rights {
    Rights::Confined {
        reads: vec![],
        reaches: vec![NetworkHost::parse(host).unwrap()],
    }
}

#[tokio::test]
async fn a_named_host_is_asked_for_through_the_one_way_out() {
    let said = scene_with(
        Held::ByBubblewrap,
        &asking("evil.test:443"),
        reaching("api.example.com"),
    )
    .says()
    .await;
    assert!(said.starts_with("HTTP/1.1 403 Forbidden"), "{said}");
    assert!(
        said.contains("evil.test:443 is none of the hosts that this agent may reach"),
        "{said}"
    );
    assert!(said.ends_with("http://127.0.0.1:3128 "), "{said}");
    // The name is looked up outside, and leads to this machine.
    let said = scene_with(
        Held::ByBubblewrap,
        &asking("api.example.com:443"),
        reaching("api.example.com"),
    )
    .says()
    .await;
    assert!(
        said.contains("api.example.com:443 leads to 127.0.0.1, which is not a public address"),
        "{said}"
    );
}

#[tokio::test]
async fn without_a_named_host_there_is_no_way_out() {
    let said = scene(Held::ByBubblewrap, &asking("api.example.com:443"))
        .says()
        .await;
    assert!(said.starts_with("no way out"), "{said}");
}

#[tokio::test]
async fn landlock_has_no_way_out() {
    let scene = scene_with(Held::ByLandlock, ":", reaching("api.example.com"));
    let error = scene.agent.confinement(AgentRole::Coder).await.unwrap_err();
    let code = match ways().contains(&Held::ByLandlock) {
        true => "confinement-network-unavailable",
        // An older kernel's can't hold a command at all.
        false => "confinement-unavailable",
    };
    assert_eq!(error.code(), code);
    assert!(error.to_string().contains("apt install bubblewrap"), "{error}");
}

#[tokio::test]
async fn where_nothing_confines_nothing_runs() {
    let (scratch, ran) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // A helper that can't close anything.
    let fence = Fence::new(PathBuf::from("/bin/false"), vec![]);
    let command = ResolvedAgent::Command {
        command: format!("touch {}/evil", ran.path().display()),
        rights: Rights::fewest(),
    };
    for agents in [
        Agents::new(scratch.path().to_owned()).fenced(fence),
        Agents::new(scratch.path().to_owned()),
    ] {
        let agent = agents.build(command.clone()).unwrap();
        let error = answer(&agent, &coder(), AgentRole::Coder).await.unwrap_err();
        assert_eq!(error.code(), "confinement-unavailable");
        assert!(error.to_string().contains("--unconfined"), "{error}");
    }
    assert_eq!(fs::read_dir(ran.path()).unwrap().count(), 0);
}

/// Waits until no process has that argument.
fn gone(argument: &str) {
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        let runs = fs::read_dir("/proc").unwrap().flatten().any(|process| {
            let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
            line.split(|b| *b == 0).any(|word| word == argument.as_bytes())
        });
        if !runs {
            return;
        }
        assert!(Instant::now() < until, "`sleep {argument}` still runs");
        std::thread::sleep(Duration::from_millis(10));
    }
}
