//! The first way of confinement: what `bwrap` is told. Namespaces of its own for users, processes, the
//! network and the rest, and a file system put together from nothing.

use super::held::{PROCESSES_MAX, ROOM_PATH, ToRun, tasks_of, written};
use super::launch::{Group, Launch};
use super::orders::{OUTSIDE, Orders, WayOut};
use super::reads::{SETTINGS, SYSTEM};
use super::stage::Stage;
use countersign_ports::agent::AgentError;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Where the command works; the only folder that it can write to besides `/tmp` and shared memory.
pub(super) const ROOM: &str = "/agent";
/// Where it sees the copies.
pub(super) const REPOS: &str = "/agent/repos";
const HOME: &str = "/agent/home";
const TMPDIR: &str = "/agent/tmp";
/// The helper, and the proxy's socket.
const HELPER: &str = "/run/countersign";
const SOCKET: &str = "/run/way-out";
/// The port on the fence's own loopback that leads to the proxy.
const PORT: u16 = 3128;
/// The user inside, where Countersign is not run by root; it is the same user as outside.
const USER: u32 = 1000;
/// The users that commands become where Countersign is run by root: numbers that no distribution gives away,
/// between those of systemd's containers and the reserved ones
/// (<https://systemd.io/UIDS-GIDS/>). Each run gets its own, so that none can use up another's processes.
const USERS_BELOW_ROOT: u32 = 1_879_048_192;
/// How many runs of one process have different users.
const USERS_OF_PROCESS: u32 = 32;
/// Process ids have 22 bits at most (proc(5), `pid_max`).
const PROCESS_MASK: u32 = (1 << 22) - 1;
/// The kernel from which on a user namespace's processes are counted apart.
const COUNTED_APART: (u32, u32) = (5, 14);
/// How much the command may write in all, in bytes. Held in memory and swap.
const ROOM_BYTES: u64 = 1 << 30;
const TMP_BYTES: u64 = 256 << 20;
const SHARED_MEMORY_BYTES: u64 = 64 << 20;

/// The program that makes namespaces, and how it gets there.
#[derive(Debug, Clone)]
pub(super) struct Bubblewrap {
    program: PathBuf,
    by_root: bool,
}

impl Bubblewrap {
    /// As installed.
    pub(super) fn find() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_else(|| ROOM_PATH.into());
        let program = std::env::split_paths(&path)
            .map(|folder| folder.join("bwrap"))
            .find(|program| program.is_absolute() && program.is_file())?;
        Some(Self {
            program,
            by_root: rustix::process::geteuid().is_root(),
        })
    }

    /// A run of `to_run` with nothing around it but what is listed here.
    ///
    /// # Errors
    /// When the stand-ins of system files can't be written.
    pub(super) fn launch(&self, to_run: &ToRun<'_>) -> Result<Launch, AgentError> {
        let other_user = self.by_root.then(other_user);
        let mut words = Words::default();
        // The first process of the namespaces would keep what is open, for the command to find.
        words.say(&[super::CONFINED, OUTSIDE]);
        words.path(&self.program);
        self.namespaces(&mut words);
        system(&mut words);
        words.say(&["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]);
        memory(&mut words, SHARED_MEMORY_BYTES, "1777", "/dev/shm");
        memory(&mut words, TMP_BYTES, "1777", "/tmp");
        memory(&mut words, ROOM_BYTES, "0755", ROOM);
        // Root's command is another user than the one who makes these.
        words.say(&[
            "--perms", "0777", "--dir", HOME, "--perms", "0777", "--dir", TMPDIR,
        ]);
        words.bind(&to_run.stage.repos(), REPOS);
        stand_ins(&mut words, to_run.stage, other_user.unwrap_or(USER))?;
        for path in to_run.reads {
            named(&mut words, path);
        }
        words.bind(to_run.helper, HELPER);
        if let Some(socket) = to_run.socket {
            words.bind(socket, SOCKET);
        }
        words.say(&["--remount-ro", "/", "--chdir", ROOM, "--clearenv"]);
        for (name, value) in environment(to_run.socket.is_some()) {
            words.say(&["--setenv", name, &value]);
        }
        words.say(&["--", HELPER, super::CONFINED]);
        let orders = Orders {
            processes: PROCESSES_MAX,
            others: others(other_user),
            user: other_user,
            way_out: to_run.socket.map(|_| WayOut {
                port: PORT,
                socket: SOCKET.to_owned(),
            }),
            alone: None,
            watched: false,
        };
        words.say(&[&written(&orders)?, to_run.command]);
        Ok(Launch {
            program: to_run.helper.to_owned(),
            arguments: words.said,
            environment: Vec::new(),
            folder: to_run.stage.root().to_owned(),
            group: Group::Given,
        })
    }

    fn namespaces(&self, words: &mut Words) {
        words.say(&[
            "--unshare-pid",
            "--unshare-ipc",
            "--unshare-uts",
            "--unshare-net",
            "--unshare-cgroup-try",
        ]);
        words.say(&["--die-with-parent", "--new-session", "--hostname", "agent"]);
        words.say(&["--cap-drop", "ALL"]);
        if self.by_root {
            // Inside a user namespace root would stay root outside, and own its files: the helper becomes
            // another user instead.
            words.say(&["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]);
        } else {
            let user = USER.to_string();
            words.say(&[
                "--unshare-user",
                "--disable-userns",
                "--uid",
                &user,
                "--gid",
                &user,
            ]);
        }
    }
}

/// Processes that count against the command's limit although they are not its own: since Linux 5.14 a user
/// namespace counts for itself, and before that all of a user's processes count together.
fn others(other_user: Option<u32>) -> u64 {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release
        .split(['.', '-'])
        .map_while(|part| part.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    match (other_user, version >= COUNTED_APART) {
        (Some(user), _) => tasks_of(user),
        (None, true) => 0,
        (None, false) => tasks_of(rustix::process::geteuid().as_raw()),
    }
}

/// A user that nobody else is at the moment.
fn other_user() -> u32 {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let run = RUNS.fetch_add(1, Ordering::Relaxed) % USERS_OF_PROCESS;
    USERS_BELOW_ROOT + (std::process::id() & PROCESS_MASK) * USERS_OF_PROCESS + run
}

/// Arguments in the making.
#[derive(Default)]
struct Words {
    said: Vec<OsString>,
    /// Folders that are there already.
    made: BTreeSet<PathBuf>,
}

impl Words {
    fn say(&mut self, words: &[&str]) {
        self.said.extend(words.iter().map(OsString::from));
    }

    fn path(&mut self, path: &Path) {
        self.said.push(path.into());
    }

    /// Read-only.
    fn bind(&mut self, outside: &Path, inside: impl AsRef<Path>) {
        let inside = inside.as_ref();
        let above: Vec<&Path> = inside
            .ancestors()
            .skip(1)
            .filter(|a| a.parent().is_some())
            .collect();
        for folder in above.into_iter().rev() {
            // Made on the way it would be closed to all but its maker.
            if self.made.insert(folder.to_owned()) {
                self.say(&["--perms", "0755", "--dir"]);
                self.path(folder);
            }
        }
        self.say(&["--ro-bind"]);
        self.path(outside);
        self.path(inside);
    }
}

fn memory(words: &mut Words, bytes: u64, mode: &str, at: &str) {
    words.say(&["--size", &bytes.to_string(), "--perms", mode, "--tmpfs", at]);
}

/// Programs, libraries and settings. A link stays a link: what it leads to is there as well.
fn system(words: &mut Words) {
    for path in SYSTEM {
        match fs::read_link(path) {
            Ok(target) => {
                words.say(&["--symlink"]);
                words.path(&target);
                words.say(&[path]);
            }
            Err(_) if Path::new(path).is_dir() => words.bind(Path::new(path), path),
            Err(_) => {}
        }
    }
    for path in SETTINGS.iter().filter(|path| Path::new(path).exists()) {
        words.bind(Path::new(path), path);
    }
}

/// A path that was named, at its own place. What the system's folders hold is there already.
fn named(words: &mut Words, path: &Path) {
    if SYSTEM.iter().any(|system| path.starts_with(system)) {
        return;
    }
    words.bind(path, path);
}

/// Files that programs look for and whose real ones say too much.
fn stand_ins(words: &mut Words, stage: &Stage, user: u32) -> Result<(), AgentError> {
    let files = [
        ("passwd", format!("agent:x:{user}:{user}:agent:{HOME}:/bin/sh\n")),
        ("group", format!("agent:x:{user}:\n")),
        ("hosts", "127.0.0.1 localhost agent\n".to_owned()),
        (
            "nsswitch.conf",
            "passwd: files\ngroup: files\nhosts: files\n".to_owned(),
        ),
    ];
    for (name, text) in files {
        words.bind(&stage.write_outside(name, &text)?, Path::new("/etc").join(name));
    }
    Ok(())
}

fn environment(way_out: bool) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        ("PATH", ROOM_PATH.to_owned()),
        ("LANG", "C.UTF-8".to_owned()),
        ("HOME", HOME.to_owned()),
        ("TMPDIR", TMPDIR.to_owned()),
    ];
    if way_out {
        let proxy = format!("http://127.0.0.1:{PORT}");
        for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"] {
            variables.push((name, proxy.clone()));
        }
    }
    variables
}
