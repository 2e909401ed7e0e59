//! Programs of others that check us: `in-toto-verify`, `schemathesis`, `check-jsonschema`, a mail server, the library of Standard
//! Webhooks and Prometheus' own reader (PyPI) in scratch environments, Go's transparency log, and the TypeScript compiler with
//! what else `web/` names, and GitHub's description of its API (npm).
//!
//! All are made once under `target/` and kept. Where that can't be done the tests fail and say why; whoever can't reach
//! PyPI or has no Go says so by `COUNTERSIGN_TESTS_WITHOUT_OTHERS=1`, and then nothing is shown about any.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Set to `1`: leave these tests out.
const LEAVE_OUT: &str = "COUNTERSIGN_TESTS_WITHOUT_OTHERS";
/// Exactly these versions, so that a release of theirs never breaks ours unseen.
const IN_TOTO: &str = include_str!("../others/in-toto.txt");
const NOTICES: &str = include_str!("../others/notices.txt");
const SCHEMATHESIS: &str = include_str!("../others/schemathesis.txt");
const CHECK_JSONSCHEMA: &str = include_str!("../others/check-jsonschema.txt");
const PROMETHEUS: &str = include_str!("../others/prometheus.txt");
const GITHUB_OPENAPI: &str = include_str!("../others/github-openapi.json");
const GITHUB_WEBHOOKS: &str = include_str!("../others/github-webhooks.json");
const TLOG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/others/tlog.go");
/// Where Debian's packages of Go libraries (`golang-…-dev`) put their sources.
const DEBIAN_GO_PATH: &str = "/usr/share/gocode";

/// Whether somebody asked for leaving these tests out; says so.
pub(crate) fn left_out() -> bool {
    let asked = std::env::var_os(LEAVE_OUT).is_some_and(|value| value == "1");
    if asked {
        eprintln!("left out, because {LEAVE_OUT}=1: nobody else's program has checked anything");
    }
    asked
}

/// `in-toto-verify` from PyPI.
pub(crate) fn in_toto_verify() -> PathBuf {
    from_pypi("in-toto", IN_TOTO, "in-toto-verify")
}

/// `schemathesis` from PyPI.
pub(crate) fn schemathesis() -> PathBuf {
    from_pypi("schemathesis", SCHEMATHESIS, "schemathesis")
}

/// `check-jsonschema` from PyPI, with the published schemas in it.
pub(crate) fn check_jsonschema() -> PathBuf {
    from_pypi("check-jsonschema", CHECK_JSONSCHEMA, "check-jsonschema")
}

/// A Python that has `aiosmtpd`, `trustme` and `standardwebhooks` from PyPI.
pub(crate) fn notice_tools() -> PathBuf {
    from_pypi("notices", NOTICES, "python")
}

/// Python with Prometheus' own reader of what it scrapes, for `prometheus.py`.
pub(crate) fn prometheus() -> PathBuf {
    from_pypi("prometheus", PROMETHEUS, "python")
}

/// A program from PyPI, installed into an environment of its own on first use.
fn from_pypi(name: &str, requirements: &str, program: &str) -> PathBuf {
    let home = kept(name);
    let _held = only_one(&home);
    let environment = home.join("environment");
    let program = environment.join("bin").join(program);
    let finished = home.join("installed.txt");
    if fs::read_to_string(&finished).is_ok_and(|text| text == requirements) && program.exists() {
        return program;
    }
    let _gone = fs::remove_dir_all(&environment);
    let made = Command::new("python3")
        .args(["-m", "venv"])
        .arg(&environment)
        .output();
    succeeded(
        made,
        "Python can't make an environment; on Debian install python3-venv",
    );
    let list = home.join("requirements.txt");
    fs::write(&list, requirements).unwrap();
    let installed = Command::new(environment.join("bin/python"))
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
        ])
        .arg(&list)
        .output();
    succeeded(installed, &format!("{name} can't be installed from PyPI"));
    fs::write(finished, requirements).unwrap();
    program
}

/// `tlog.go`, built by Go against Debian's `golang-golang-x-mod-dev`.
pub(crate) fn tlog() -> PathBuf {
    let home = kept("tlog");
    let _held = only_one(&home);
    let program = home.join("tlog");
    let built = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .arg(TLOG)
        .env("GO111MODULE", "off")
        .env("GOPATH", DEBIAN_GO_PATH)
        .env("GOCACHE", home.join("cache"))
        .env("GOFLAGS", "")
        .output();
    succeeded(
        built,
        "Go can't build the checker; on Debian install golang-go and golang-golang-x-mod-dev",
    );
    program
}

/// A copy of `web/` with the packages that its lock file names; nobody else uses it before it is dropped.
pub(crate) struct Web {
    /// It lies beside a copy of `docs/openapi.json`, as `web/` does.
    pub(crate) folder: PathBuf,
    _held: File,
}

impl Web {
    /// Runs a script of `package.json`; what it said where it failed.
    pub(crate) fn run(&self, script: &str) -> Result<(), String> {
        let ran = npm(&self.folder, &["run", "--silent", script]).output().unwrap();
        match ran.status.success() {
            true => Ok(()),
            false => Err(format!(
                "{}{}",
                String::from_utf8_lossy(&ran.stdout),
                String::from_utf8_lossy(&ran.stderr)
            )),
        }
    }
}

/// `web/`, copied anew, with packages that were installed on first use.
pub(crate) fn web() -> Web {
    let home = kept("web");
    let held = only_one(&home);
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = home.join("web");
    let _built_before = fs::remove_dir_all(folder.join("built"));
    for part in ["shared", "tests"] {
        let _gone = fs::remove_dir_all(folder.join(part));
        copy_all(&repository.join("web").join(part), &folder.join(part));
    }
    fs::create_dir_all(home.join("docs")).unwrap();
    fs::copy(
        repository.join("docs/openapi.json"),
        home.join("docs/openapi.json"),
    )
    .unwrap();
    let mut wanted = String::new();
    for name in ["package.json", "package-lock.json", ".npmrc", "tsconfig.json"] {
        let text = fs::read_to_string(repository.join("web").join(name)).unwrap();
        fs::write(folder.join(name), &text).unwrap();
        wanted.push_str(&text);
    }
    let finished = home.join("installed.txt");
    if fs::read_to_string(&finished).is_ok_and(|text| text == wanted) {
        return Web { folder, _held: held };
    }
    let installed = npm(&folder, &["ci", "--no-audit", "--no-fund"]).output();
    succeeded(
        installed,
        "the packages of web/ can't be installed from npm; on Debian install nodejs and npm",
    );
    fs::write(finished, wanted).unwrap();
    Web { folder, _held: held }
}

/// GitHub's description of its API (<https://github.com/octokit/openapi>), out of the package, of which nothing else is kept:
/// it has 385 MB.
pub(crate) fn github_description() -> PathBuf {
    of_package(
        "github-openapi",
        GITHUB_OPENAPI,
        "@octokit/openapi/generated/api.github.com.json",
    )
}

/// Payloads that GitHub sent (<https://github.com/octokit/webhooks>).
pub(crate) fn webhook_examples() -> PathBuf {
    of_package(
        "github-webhooks",
        GITHUB_WEBHOOKS,
        "@octokit/webhooks-examples/api.github.com/index.json",
    )
}

/// One file out of a package from npm; the rest of it is not kept.
fn of_package(name: &str, package: &str, file: &str) -> PathBuf {
    let home = kept(name);
    let _held = only_one(&home);
    let (wanted, finished) = (home.join("wanted.json"), home.join("installed.txt"));
    if fs::read_to_string(&finished).is_ok_and(|text| text == package) && wanted.exists() {
        return wanted;
    }
    fs::write(home.join("package.json"), package).unwrap();
    let installed = npm(
        &home,
        &["install", "--no-audit", "--no-fund", "--no-package-lock"],
    )
    .output();
    succeeded(
        installed,
        "what GitHub publishes can't be installed from npm; on Debian install nodejs and npm",
    );
    let packages = home.join("node_modules");
    fs::rename(packages.join(file), &wanted).unwrap();
    fs::remove_dir_all(packages).unwrap();
    fs::write(finished, package).unwrap();
    wanted
}

fn npm(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(folder).args(words);
    command
}

/// A folder with everything in it; none where there is none.
fn copy_all(from: &Path, to: &Path) {
    let Ok(entries) = fs::read_dir(from) else { return };
    fs::create_dir_all(to).unwrap();
    for entry in entries {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_all(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// A folder under `target/` that outlives the tests.
fn kept(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("others").join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// One test at a time, across processes; until the file is closed.
fn only_one(folder: &Path) -> File {
    let file = File::create(folder.join("lock")).unwrap();
    file.lock().unwrap();
    file
}

#[track_caller]
fn succeeded(ran: std::io::Result<Output>, why: &str) {
    let detail = match ran {
        Ok(output) if output.status.success() => return,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    panic!("{why}, or leave this test out with {LEAVE_OUT}=1. It said:\n{detail}");
}
