//! What a fresh machine may lack, and how it gets it: apt as root, else one line that says what to do.

use crate::Outcome;
use crate::command::run;
use std::path::Path;
use std::process::{Command, Stdio};

/// A program that something here needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tool {
    sign: Sign,
    package: &'static str,
    why: &'static str,
}

/// How one sees that it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// A program on the path.
    Program(&'static str),
    /// Modules that Python can import.
    Python(&'static str),
    /// A folder.
    Folder(&'static str),
}

/// git: the demonstration's repositories are real ones.
pub(crate) const GIT: Tool = Tool {
    sign: Sign::Program("git"),
    package: "git",
    why: "repositories",
};
/// A C compiler: SQLite and the grammars are C.
pub(crate) const CC: Tool = Tool {
    sign: Sign::Program("cc"),
    package: "gcc libc6-dev",
    why: "building SQLite",
};
/// `script`: the pages in spec/ have people at terminals.
pub(crate) const SCRIPT: Tool = Tool {
    sign: Sign::Program("script"),
    package: "bsdutils",
    why: "a terminal for tests",
};
/// `setsid`: and commands without one.
pub(crate) const SETSID: Tool = Tool {
    sign: Sign::Program("setsid"),
    package: "util-linux",
    why: "a test without a terminal",
};

/// bubblewrap: the tests confine hostile agents with it.
pub(crate) const BWRAP: Tool = Tool {
    sign: Sign::Program("bwrap"),
    package: "bubblewrap",
    why: "confined agents",
};
/// perl: and those are written in it, because every Debian has it.
pub(crate) const PERL: Tool = Tool {
    sign: Sign::Program("perl"),
    package: "perl-base",
    why: "a hostile agent for tests",
};

/// Python's environments: a test installs in-toto's verifier into one.
pub(crate) const PYTHON: Tool = Tool {
    sign: Sign::Python("ensurepip, venv"),
    package: "python3 python3-venv",
    why: "in-toto's verifier",
};
/// Go, and its transparency log: they check what we call a checkpoint.
pub(crate) const GO: Tool = Tool {
    sign: Sign::Program("go"),
    package: "golang-go",
    why: "Go's transparency log",
};
/// Its sources, where Debian puts them.
pub(crate) const GO_MOD: Tool = Tool {
    sign: Sign::Folder("/usr/share/gocode/src/golang.org/x/mod/sumdb"),
    package: "golang-golang-x-mod-dev",
    why: "Go's transparency log",
};
/// Node: it compiles the client in web/ and runs its tests.
pub(crate) const NODE: Tool = Tool {
    sign: Sign::Program("node"),
    package: "nodejs",
    why: "the client in web/",
};
/// npm: and brings the packages for that.
pub(crate) const NPM: Tool = Tool {
    sign: Sign::Program("npm"),
    package: "npm",
    why: "the client in web/",
};

/// Looks for the tools, and installs what is missing where that can be done without asking.
pub(crate) fn need(tools: &[Tool]) -> Outcome {
    let missing: Vec<&Tool> = tools.iter().filter(|tool| !tool.sign.is_there()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().flat_map(|tool| tool.package.split(' ')).collect();
    let packages = packages.join(" ");
    if !(is_there("apt-get") && is_root()) {
        let told = |t: &&Tool| format!("`{}` (for {})", t.sign.name(), t.why);
        let told: Vec<String> = missing.iter().map(told).collect();
        return Err(format!(
            "{} is missing; install it, on Debian or Ubuntu with: sudo apt-get install {packages}",
            told.join(" and ")
        ));
    }
    for line in [
        "apt-get update -qq".to_owned(),
        format!("apt-get install -y -qq --no-install-recommends {packages}"),
    ] {
        println!("$ {line}");
        let mut words = line.split(' ');
        let program = words.next().unwrap_or("apt-get");
        run(Command::new(program)
            .args(words)
            .env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    match missing.iter().find(|tool| !tool.sign.is_there()) {
        Some(tool) => Err(format!(
            "`{}` is still missing after installing {}",
            tool.sign.name(),
            tool.package
        )),
        None => Ok(()),
    }
}

impl Sign {
    fn name(self) -> &'static str {
        match self {
            Sign::Program(name) | Sign::Python(name) | Sign::Folder(name) => name,
        }
    }

    fn is_there(self) -> bool {
        match self {
            Sign::Program(name) => is_there(name),
            Sign::Folder(path) => Path::new(path).is_dir(),
            Sign::Python(modules) => Command::new("python3")
                .args(["-c", &format!("import {modules}")])
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success()),
        }
    }
}

/// Whether the program is on the path.
pub(crate) fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::new(&folder).join(program).is_file())
}

fn is_root() -> bool {
    let asked = Command::new("id").arg("-u").stderr(Stdio::null()).output();
    asked.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_found_and_what_is_not_is_not() {
        assert!(is_there("sh"));
        assert!(!is_there("no-such-program-anywhere"));
        assert!(Sign::Folder("/").is_there());
        assert!(!Sign::Folder("/no/such/folder").is_there());
        assert!(!Sign::Python("no_such_module_anywhere").is_there());
    }
}
