//! Histories of real repositories, read with the real `git`: each commit's diff, and what git says it changed.

use super::model::{Base, Changes, State};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// One change of a history.
pub(crate) struct Change {
    pub(crate) parent: String,
    pub(crate) commit: String,
    pub(crate) patch: Vec<u8>,
}

/// A repository that is only read.
pub(crate) struct History {
    git_dir: PathBuf,
    batch: Child,
    ask: ChildStdin,
    answer: BufReader<ChildStdout>,
}

/// The program without any configuration of this machine.
pub(crate) fn git(git_dir: &Path) -> Command {
    // By its full path: looked up in the child's PATH, it would cost a fork of this process.
    let program = if Path::new("/usr/bin/git").is_file() {
        "/usr/bin/git"
    } else {
        "git"
    };
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*")
        .arg("--git-dir")
        .arg(git_dir);
    command
}

impl History {
    /// Opens a git folder.
    pub(crate) fn open(git_dir: &Path) -> Self {
        let mut batch = git(git_dir)
            .args(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("git starts");
        let ask = batch.stdin.take().expect("stdin");
        let answer = BufReader::new(batch.stdout.take().expect("stdout"));
        Self {
            git_dir: git_dir.to_owned(),
            batch,
            ask,
            answer,
        }
    }

    pub(crate) fn run(&self, args: &[&str], input: &[u8]) -> Vec<u8> {
        let mut command = git(&self.git_dir);
        command.args(args);
        feed(command, input).unwrap_or_else(|e| panic!("git {args:?}: {e}"))
    }

    /// The newest first-parent non-merge commits, with their diffs by these options.
    pub(crate) fn changes(&self, rev: &str, most: usize, options: &[&str]) -> Vec<Change> {
        let most = format!("--max-count={most}");
        let args = [
            "rev-list",
            "--first-parent",
            "--no-merges",
            "--min-parents=1",
            "--parents",
            &most,
            rev,
        ];
        let listed = String::from_utf8(self.run(&args, b"")).expect("ids");
        let pairs: Vec<(&str, &str)> = listed.lines().filter_map(|l| l.split_once(' ')).collect();
        let mut args = vec![
            "diff-tree",
            "--stdin",
            "-r",
            "-p",
            "--no-ext-diff",
            "--no-textconv",
        ];
        args.extend_from_slice(options);
        let input: String = pairs.iter().map(|(commit, _)| format!("{commit}\n")).collect();
        let out = self.run(&args, input.as_bytes());
        let mut bodies: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut wanted = pairs.iter().map(|p| p.0).peekable();
        let mut current: Option<&mut Vec<u8>> = None;
        for line in out.split_inclusive(|b| *b == b'\n') {
            let id = line.strip_suffix(b"\n").unwrap_or(line);
            // A commit without changes prints nothing, not even its id.
            if id.len() == 40 && id.iter().all(u8::is_ascii_hexdigit) {
                let id = String::from_utf8_lossy(id).into_owned();
                while wanted.peek().is_some_and(|w| *w != id) {
                    wanted.next();
                }
                wanted.next();
                current = Some(bodies.entry(id).or_default());
            } else if let Some(body) = current.as_mut() {
                body.extend_from_slice(line);
            }
        }
        let change = |(commit, parent): &(&str, &str)| {
            let patch = bodies.remove(*commit)?;
            Some(Change {
                parent: (*parent).to_owned(),
                commit: (*commit).to_owned(),
                patch: patch.strip_prefix(b"\n").unwrap_or(&patch).to_vec(),
            })
        };
        pairs.iter().filter_map(change).collect()
    }

    /// What git itself says that a commit changed, and the files before; `None` with submodules.
    pub(crate) fn truth(&mut self, change: &Change, sources: &[Vec<u8>]) -> Option<(Base, Changes)> {
        let args = [
            "diff-tree",
            "-r",
            "-z",
            "--raw",
            "--no-renames",
            &change.parent,
            &change.commit,
        ];
        let out = self.run(&args, b"");
        let mut fields = out.split(|b| *b == 0);
        let (mut base, mut changes) = (Base::new(), Changes::new());
        while let Some(head) = fields.next().filter(|f| !f.is_empty()) {
            let path = fields.next().expect("a path").to_vec();
            let head = String::from_utf8_lossy(head).into_owned();
            let words: Vec<&str> = head.trim_start_matches(':').split(' ').collect();
            let mut state = |mode: &str, id: &str| -> Option<Option<State>> {
                let mode = u32::from_str_radix(mode, 8).expect("a mode");
                match mode {
                    0 => Some(None),
                    0o160_000 => None,
                    _ => Some(Some(State {
                        mode,
                        bytes: self.blob(id),
                    })),
                }
            };
            let (old, new) = (state(words[0], words[2])?, state(words[1], words[3])?);
            if let Some(old) = old {
                base.insert(path.clone(), old);
            }
            changes.insert(path, new);
        }
        for path in sources {
            if !base.contains_key(path)
                && let Some(state) = self.file(&change.parent, path)
            {
                base.insert(path.clone(), state);
            }
        }
        Some((base, changes))
    }

    fn file(&mut self, commit: &str, path: &[u8]) -> Option<State> {
        use std::os::unix::ffi::OsStrExt;
        let mut command = git(&self.git_dir);
        command.args([
            "--literal-pathspecs",
            "ls-tree",
            "-z",
            "--full-tree",
            commit,
            "--",
        ]);
        command.arg(std::ffi::OsStr::from_bytes(path));
        let out = feed(command, b"").ok()?;
        let text = out.split(|b| *b == b'\t').next()?;
        let text = String::from_utf8_lossy(text).into_owned();
        let words: Vec<&str> = text.split(' ').collect();
        let mode = u32::from_str_radix(words.first()?, 8).ok()?;
        Some(State {
            mode,
            bytes: self.blob(words.get(2)?),
        })
    }

    fn blob(&mut self, id: &str) -> Vec<u8> {
        writeln!(self.ask, "{id}").expect("git listens");
        self.ask.flush().expect("git listens");
        let mut head = String::new();
        self.answer.read_line(&mut head).expect("git answers");
        let size: usize = head
            .trim()
            .rsplit(' ')
            .next()
            .and_then(|s| s.parse().ok())
            .unwrap_or_else(|| panic!("{head}"));
        let mut bytes = vec![0; size + 1];
        self.answer.read_exact(&mut bytes).expect("git answers");
        bytes.pop();
        bytes
    }
}

/// Runs a program on an input.
pub(crate) fn feed(mut command: Command, input: &[u8]) -> Result<Vec<u8>, String> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| e.to_string())?;
    let mut stdin = child.stdin.take().expect("stdin");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let done = child.wait_with_output().map_err(|e| e.to_string())?;
    let _broken_pipe_is_fine = writer.join().expect("the writer ends");
    match done.status.success() {
        true => Ok(done.stdout),
        false => Err(String::from_utf8_lossy(&done.stderr).into_owned()),
    }
}

impl Drop for History {
    fn drop(&mut self) {
        let _it_may_have_ended = self.batch.kill();
        let _it_is_gone = self.batch.wait();
    }
}
