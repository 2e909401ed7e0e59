//! Programs of others that check us: `in-toto-verify` and `schemathesis` (PyPI) in scratch environments, and Go's transparency
//! log.
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
const SCHEMATHESIS: &str = include_str!("../others/schemathesis.txt");
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
