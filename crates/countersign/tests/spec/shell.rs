//! Runs a page: one bash for the whole page, without a terminal, in a fresh folder and with nobody's settings.

use crate::page::{Step, trim};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a page may take.
const PAGE_MAX: Duration = Duration::from_secs(180);
/// Shell functions that every page may use.
const PRELUDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec/prelude.sh");
/// The machinery around the page's own commands.
const DRIVER: &str = r#"
exec </dev/null
source "$SPEC_PRELUDE"
spec_step() { eval "$(cat "$SPEC_STEPS/$1")" >"$SPEC_STEPS/$1.out" 2>&1; echo $? >"$SPEC_STEPS/$1.code"; }
spec_file() { mkdir -p "$(dirname "$2")" && cp "$SPEC_STEPS/$1" "$2"; }
"#;

/// What a step printed and ended with; `None` when the shell never came to it.
pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) output: Vec<String>,
}

/// A page's folder, removed when all went well.
pub(crate) struct Sandbox {
    root: PathBuf,
}

impl Sandbox {
    pub(crate) fn new(page: &str) -> Self {
        let name = format!("{page}-{}", std::process::id());
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("spec").join(name);
        let _there_was_none = fs::remove_dir_all(&root);
        for folder in ["work", "home", "tmp", "steps"] {
            fs::create_dir_all(root.join(folder)).expect("a folder for the page");
        }
        Self { root }
    }

    /// Where it is.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// All went well.
    pub(crate) fn remove(self) {
        fs::remove_dir_all(&self.root).expect("the page's folder can be removed");
    }

    /// Does every step, in order, with these variables besides the usual ones.
    pub(crate) fn run(&self, steps: &[Step], environment: &[(&'static str, String)]) -> Vec<Answer> {
        let script = self.write(steps);
        let mut child = self
            .bash(&script)
            .envs(environment.iter().cloned())
            .spawn()
            .expect("`setsid` and `bash` are installed");
        wait(&mut child);
        (0..steps.len()).map(|number| self.answer(number)).collect()
    }

    fn steps(&self) -> PathBuf {
        self.root.join("steps")
    }

    fn write(&self, steps: &[Step]) -> PathBuf {
        let mut script = DRIVER.to_owned();
        for (number, step) in steps.iter().enumerate() {
            let (content, line) = match step {
                Step::Command(command) => (&command.text, format!("spec_step {number}\n")),
                Step::Setup { text, .. } => (text, format!("spec_step {number}\n")),
                Step::File { path, content } => {
                    let target = self.root.join("work").join(path);
                    (content, format!("spec_file {number} '{}'\n", target.display()))
                }
            };
            fs::write(self.steps().join(number.to_string()), content).expect("the step is written");
            script.push_str(&line);
        }
        let path = self.steps().join("script");
        fs::write(&path, script).expect("the script is written");
        path
    }

    fn bash(&self, script: &Path) -> Command {
        let binary = Path::new(env!("CARGO_BIN_EXE_countersign"))
            .parent()
            .expect("a folder");
        let path = std::env::var("PATH").expect("a PATH");
        let mut command = Command::new("setsid");
        command
            .arg("bash")
            .arg(script)
            .env_clear()
            .current_dir(self.root.join("work"));
        command.env("PATH", format!("{}:{path}", binary.display()));
        for (name, folder) in [
            ("HOME", "home"),
            ("TMPDIR", "tmp"),
            ("COUNTERSIGN_DATA", "data"),
            ("SPEC_STEPS", "steps"),
        ] {
            command.env(name, self.root.join(folder));
        }
        command.env("SPEC_PRELUDE", PRELUDE).env("SHELL", "/bin/bash");
        command.envs([
            ("LANG", "C.UTF-8"),
            ("TZ", "UTC"),
            ("TERM", "dumb"),
            ("NO_COLOR", "1"),
            ("COLUMNS", "100"),
        ]);
        command.envs([
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
        ]);
        for who in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{who}_NAME"), "Mara Lind")
                .env(format!("GIT_{who}_EMAIL"), "mara@example.org");
            command.env(format!("GIT_{who}_DATE"), "2024-05-06T07:08:09Z");
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit());
        command
    }

    fn answer(&self, number: usize) -> Answer {
        let read = |name: String| fs::read(self.steps().join(name)).unwrap_or_default();
        let code = String::from_utf8_lossy(&read(format!("{number}.code")))
            .trim()
            .parse()
            .ok();
        let text = String::from_utf8_lossy(&read(format!("{number}.out"))).into_owned();
        let mut output: Vec<String> = text.lines().map(|line| line.trim_end().to_owned()).collect();
        trim(&mut output);
        Answer { code, output }
    }
}

/// Waits for the page, and ends what takes too long.
fn wait(child: &mut Child) {
    let began = Instant::now();
    while child.try_wait().expect("the shell can be waited for").is_none() {
        if began.elapsed() > PAGE_MAX {
            let group = format!("-{}", child.id());
            let _gone = Command::new("kill").args(["-9", "--", &group]).status();
            let _ended = child.wait();
            eprintln!("the page took longer than {} s", PAGE_MAX.as_secs());
            return;
        }
        sleep(Duration::from_millis(20));
    }
}
