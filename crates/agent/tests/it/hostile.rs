//! Hazard 33: a hostile agent tries everything that would let it approve, read or leave. It is the same script
//! each time; without a fence most of it works, which shows that the tests can fail.

use crate::confined::{Held, agent_held, ways};
use crate::support::*;
use countersign_core::artifact::AgentRole;
use countersign_core::confinement::Rights;
use countersign_ports::agent::AgentAnswer;
use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A machine with everything that an agent must not get at.
struct Machine {
    folder: TempDir,
    victim: Child,
    other: Child,
    stays: String,
    targets: String,
    /// Where datagrams arrive.
    ear: UdpSocket,
    _open: (TcpListener, UnixListener, UnixListener, fs::File),
}

/// System calls by number, for a script that has no names for them.
#[cfg(target_arch = "x86_64")]
const CALLS: [(&str, u32); 4] = [
    ("ptrace", 101),
    ("unshare", 272),
    ("keyctl", 250),
    ("fallocate", 285),
];
#[cfg(target_arch = "aarch64")]
const CALLS: [(&str, u32); 4] = [
    ("ptrace", 117),
    ("unshare", 97),
    ("keyctl", 219),
    ("fallocate", 47),
];

/// A folder that children inherit, as from a careless shell.
fn left_open(folder: &Path) -> fs::File {
    let open = fs::File::open(folder).unwrap();
    rustix::io::fcntl_setfd(&open, rustix::io::FdFlags::empty()).unwrap();
    open
}

fn sleeper(seconds: &str) -> Child {
    let mut command = Command::new("sleep");
    command.arg(seconds).env("SECRET", "MARK").spawn().unwrap()
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (home, data) = (folder.path().join("home"), folder.path().join("home/data"));
        for secret in [
            "data/countersign.db",
            "data/keys/ledger",
            "data/mirrors/packed-refs",
            "data/scratch/.keep",
            "repository/file",
            ".config/gh/hosts.yml",
            ".git-credentials",
            ".ssh/id_ed25519",
            ".profile",
            ".bashrc",
        ] {
            let path = home.join(secret);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "MARK").unwrap();
        }
        // The last digits make processes of this test known by their arguments.
        let unique = std::process::id() % 100_000 * 1_000 + u32::from(rand_byte());
        let (sleeps, stays) = (format!("1{unique:08}"), format!("2{unique:08}"));
        let (victim, other) = (sleeper(&sleeps), sleeper(&sleeps));
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let abstract_name = format!("countersign-hostile-{unique}");
        let hidden = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        let mut targets = String::new();
        let mut target = |name: &str, value: String| targets.push_str(&format!("'{name}' => '{value}', "));
        target("home", home.display().to_string());
        target("data", data.display().to_string());
        target("victim", victim.id().to_string());
        target("other", other.id().to_string());
        target("sleeps", sleeps);
        target("stays", stays.clone());
        target("port", tcp.local_addr().unwrap().port().to_string());
        target("udp", udp.local_addr().unwrap().port().to_string());
        target("abstract", abstract_name);
        for (name, number) in CALLS {
            targets.push_str(&format!("'{name}' => {number}, "));
        }
        let socket = home.join("socket");
        Self {
            victim,
            other,
            stays,
            targets,
            ear: udp,
            _open: (
                tcp,
                UnixListener::bind(&socket).unwrap(),
                UnixListener::bind_addr(&hidden).unwrap(),
                left_open(&home),
            ),
            folder,
        }
    }

    /// Whether a datagram came.
    fn heard(&self) -> bool {
        self.ear.set_nonblocking(true).unwrap();
        self.ear.recv(&mut [0]).is_ok()
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Every file with its content and rights.
    fn state(&self) -> Vec<(PathBuf, u32, Vec<u8>)> {
        let (mut found, mut open) = (Vec::new(), vec![self.home()]);
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let kind = fs::symlink_metadata(&path).unwrap();
                if kind.is_dir() {
                    open.push(path);
                } else if kind.is_file() {
                    found.push((path.clone(), kind.permissions().mode(), fs::read(&path).unwrap()));
                }
            }
        }
        found.sort();
        found
    }

    /// What the hostile agent could do.
    async fn attack(&self, held: Held) -> Vec<String> {
        let script = self.folder.path().join("hostile.pl");
        let mut file = fs::File::create(&script).unwrap();
        let text = include_str!("hostile.pl").replace("@@TARGETS@@", &self.targets);
        file.write_all(text.as_bytes()).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let script = script.display().to_string();
        let command = format!("/usr/bin/perl {script}");
        let rights = match held {
            Held::Not => Rights::Unconfined,
            Held::ByBubblewrap | Held::ByLandlock => Rights::Confined {
                reads: vec![script],
                reaches: vec![],
            },
        };
        let data = self.home().join("data");
        let agent = agent_held(held, &data.join("scratch"), &[data], &command, rights);
        let repos = [repo(1, "tollgate", &[("src/a.txt", "old\n")])];
        let decision = triage(&agent, &call(AgentRole::Triage, "Do it", &repos)).await;
        let worked = decision.summary;
        worked.split("; ").skip(1).map(str::to_owned).collect()
    }

    /// Whether a process that the agent left runs still, a while after the answer.
    fn left_behind(&self) -> Vec<i32> {
        let until = Instant::now() + Duration::from_secs(5);
        loop {
            let found = processes_with(&self.stays);
            if found.is_empty() || Instant::now() > until {
                return found;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for child in [&mut self.victim, &mut self.other] {
            let _ = child.kill();
            let _ = child.wait();
        }
        for pid in processes_with(&self.stays) {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
    }
}

fn rand_byte() -> u8 {
    let folder = tempfile::tempdir().unwrap();
    folder
        .path()
        .to_str()
        .unwrap()
        .bytes()
        .fold(0, |sum: u8, byte| sum.wrapping_mul(31).wrapping_add(byte))
}

/// Processes that have that argument.
fn processes_with(argument: &str) -> Vec<i32> {
    let has = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|b| *b == 0).any(|word| word == argument.as_bytes())
    };
    let names = fs::read_dir("/proc").unwrap().flatten();
    names
        .filter_map(|name| name.file_name().to_str()?.parse().ok())
        .filter(has)
        .collect()
}

async fn gets_nothing(held: Held, except: &[&str]) {
    let mut machine = Machine::new();
    let before = machine.state();
    let worked = machine.attack(held).await;
    assert_eq!(worked, except);
    assert!(!machine.heard());
    assert_eq!(machine.left_behind(), [0; 0]);
    assert!(machine.victim.try_wait().unwrap().is_none() && machine.other.try_wait().unwrap().is_none());
    let script = Path::new("hostile.pl");
    let after: Vec<_> = machine
        .state()
        .into_iter()
        .filter(|(path, ..)| !path.ends_with(script))
        .collect();
    assert_eq!(before, after);
}

/// INV-11.
#[tokio::test]
async fn behind_bubblewrap_a_hostile_agent_gets_nothing() {
    gets_nothing(Held::ByBubblewrap, &[]).await;
}

#[tokio::test]
async fn behind_landlock_it_sees_that_a_file_is_there_and_nothing_else() {
    if !ways().contains(&Held::ByLandlock) {
        return;
    }
    gets_nothing(Held::ByLandlock, &["sees that the data folder is there"]).await;
}

#[tokio::test]
async fn without_a_fence_the_same_agent_gets_nearly_everything() {
    let mut machine = Machine::new();
    let before = machine.state();
    let worked = machine.attack(Held::Not).await;
    for trick in [
        "reads the database",
        "reads a key",
        "lists the data folder",
        "reads the login of gh",
        "reads the login of git",
        "reads the key of ssh",
        "reads a secret through a symlink",
        "reads through an inherited folder",
        "goes through an inherited folder",
        "reads the environment of another process",
        "sees other processes",
        "connects to a local port",
        "connects to a socket in /tmp",
        "connects to an abstract socket",
        "changes the source repository",
        "changes the mirror",
        "writes into the home",
        "changes the rights of a file",
        "changes the times of a file",
        "deletes a file",
        "types into a terminal",
        "kills another process",
    ] {
        assert!(
            worked.iter().any(|w| w == trick),
            "`{trick}` did not work: {worked:?}"
        );
    }
    assert!(machine.heard());
    assert_eq!(machine.left_behind().len(), 1);
    assert!(machine.other.wait().unwrap().code().is_none());
    assert_ne!(before, machine.state());
}

/// Tries to have 700 processes at once, and says how many it had.
const FORKS: &str = r#"cat >/dev/null; perl -e 'my @c; while (@c < 700) { my $p = fork; last unless defined $p; if (!$p) { sleep 60; exit } push @c, $p } sleep 1; kill "KILL", @c; wait for @c; print "{\"verdict\": \"go\", \"summary\": \"", scalar @c, "\"}"'"#;

#[tokio::test]
async fn processes_are_bounded_behind_a_fence() {
    let scratch = tempfile::tempdir().unwrap();
    let had = async |held, rights| {
        let agent = agent_held(held, scratch.path(), &[], FORKS, rights);
        let triaged = answer(&agent, &call(AgentRole::Triage, "Do it", &[]), AgentRole::Triage).await;
        triaged.map(|report| match report.answer {
            AgentAnswer::Triage(decision) => decision.summary.parse::<u32>().unwrap(),
            other @ (AgentAnswer::Architecture(_)
            | AgentAnswer::Plan(_)
            | AgentAnswer::Proposal(_)
            | AgentAnswer::Critique(_)) => panic!("{other:?}"),
        })
    };
    assert_eq!(had(Held::Not, Rights::Unconfined).await.unwrap(), 700);
    let bounded = had(Held::ByBubblewrap, Rights::fewest()).await.unwrap();
    assert!((100..=512).contains(&bounded), "{bounded}");
    if !ways().contains(&Held::ByLandlock) {
        return;
    }
    // Root has no such bound of the kernel; whoever watches the session ends it instead.
    match had(Held::ByLandlock, Rights::fewest()).await {
        Ok(bounded) => assert!(bounded < 700, "{bounded}"),
        Err(killed) => assert!(killed.to_string().contains("SIGKILL"), "{killed}"),
    }
}

#[tokio::test]
async fn what_is_written_is_bounded_behind_bubblewrap() {
    let scratch = tempfile::tempdir().unwrap();
    let command = "cat >/dev/null; mounts=$(df --block-size=1M --output=avail,target /agent /tmp /dev/shm | tail -n 3 | tr -s ' \n' ' '); \
                   for d in / /dev /etc /usr /run /agent/repos; do touch $d/x 2>/dev/null && mounts=\"$mounts $d\"; done; \
                   echo \"{\\\"verdict\\\": \\\"go\\\", \\\"summary\\\": \\\"$mounts\\\"}\"";
    let agent = agent_held(Held::ByBubblewrap, scratch.path(), &[], command, Rights::fewest());
    let decision = triage(&agent, &call(AgentRole::Triage, "Do it", &[])).await;
    assert_eq!(decision.summary.trim(), "1024 /agent 256 /tmp 64 /dev/shm");
}
