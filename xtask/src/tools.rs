//! What a fresh machine may lack, and how it gets it: apt as root, else one line that says what to do.

use crate::Outcome;
use crate::command::run;
use std::path::Path;
use std::process::{Command, Stdio};

/// A program that something here needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tool {
    program: &'static str,
    package: &'static str,
    why: &'static str,
}

/// git: the demonstration's repositories are real ones.
pub(crate) const GIT: Tool = Tool {
    program: "git",
    package: "git",
    why: "repositories",
};
/// A C compiler: SQLite and the grammars are C.
pub(crate) const CC: Tool = Tool {
    program: "cc",
    package: "gcc libc6-dev",
    why: "building SQLite",
};
/// `script`: the pages in spec/ have people at terminals.
pub(crate) const SCRIPT: Tool = Tool {
    program: "script",
    package: "bsdutils",
    why: "a terminal for tests",
};
/// `setsid`: and commands without one.
pub(crate) const SETSID: Tool = Tool {
    program: "setsid",
    package: "util-linux",
    why: "a test without a terminal",
};

/// bubblewrap: the tests confine hostile agents with it.
pub(crate) const BWRAP: Tool = Tool {
    program: "bwrap",
    package: "bubblewrap",
    why: "confined agents",
};
/// perl: and those are written in it, because every Debian has it.
pub(crate) const PERL: Tool = Tool {
    program: "perl",
    package: "perl-base",
    why: "a hostile agent for tests",
};

/// Looks for the tools, and installs what is missing where that can be done without asking.
pub(crate) fn need(tools: &[Tool]) -> Outcome {
    let missing: Vec<&Tool> = tools.iter().filter(|tool| !is_there(tool.program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().flat_map(|tool| tool.package.split(' ')).collect();
    let packages = packages.join(" ");
    if !(is_there("apt-get") && is_root()) {
        let told = |t: &&Tool| format!("`{}` (for {})", t.program, t.why);
        let told: Vec<String> = missing.iter().map(told).collect();
        return Err(format!(
            "{} is missing; install it, on Debian or Ubuntu with: sudo apt-get install {packages}",
            told.join(" and ")
        ));
    }
    for line in [
        "apt-get update -qq".to_owned(),
        format!("apt-get install -y -qq {packages}"),
    ] {
        println!("$ {line}");
        let mut words = line.split(' ');
        let program = words.next().unwrap_or("apt-get");
        run(Command::new(program)
            .args(words)
            .env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    match missing.iter().find(|tool| !is_there(tool.program)) {
        Some(tool) => Err(format!(
            "`{}` is still missing after installing {}",
            tool.program, tool.package
        )),
        None => Ok(()),
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
    }
}
