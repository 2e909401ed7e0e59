//! Runs other programs: cargo, git, the binary itself. Errors are sentences that name the command line.

use crate::Outcome;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The workspace's folder.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// `cargo`, the one that runs us, in the workspace's folder.
pub(crate) fn cargo(words: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.current_dir(root()).args(words);
    command
}

/// `git` with nobody's configuration, no hooks and no prompts.
pub(crate) fn git(repository: &Path, words: &[&str]) -> Command {
    let mut command = Command::new("git");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            command.env_remove(name);
        }
    }
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .args(["-c", "core.hooksPath=/dev/null"])
        .arg("--git-dir")
        .arg(repository)
        .args(words);
    command
}

/// Runs with the terminal of ours.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let status = command.status().map_err(|e| not_started(command, &e))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("`{}` ended with {status}", shown(command))),
    }
}

/// Runs in silence and gives what it printed.
pub(crate) fn capture(command: &mut Command) -> Result<String, String> {
    command.stdin(std::process::Stdio::null());
    let output = command.output().map_err(|e| not_started(command, &e))?;
    if !output.status.success() {
        return Err(failed(command, &output));
    }
    text(command, output.stdout)
}

pub(crate) fn failed(command: &Command, output: &Output) -> String {
    let words = String::from_utf8_lossy(&output.stderr);
    format!(
        "`{}` ended with {}\n{}",
        shown(command),
        output.status,
        words.trim_end()
    )
}

pub(crate) fn text(command: &Command, bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|_| format!("`{}` printed something that is no text", shown(command)))
}

fn not_started(command: &Command, error: &std::io::Error) -> String {
    format!("`{}` can't be started: {error}", shown(command))
}

/// The command line, as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program
        .file_name()
        .unwrap_or(program.as_os_str())
        .to_string_lossy();
    let words = command.get_args().map(|word| word.to_string_lossy());
    std::iter::once(name).chain(words).collect::<Vec<_>>().join(" ")
}

/// How much is built along with a program. Cargo compiles dependencies with the features that all of that asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The binary alone: the least to wait for on a fresh machine.
    Binary,
    /// All that the tests have built already, so that nothing of it is compiled a second time.
    Workspace,
}

/// Builds programs and says where they are, in the order of their names.
pub(crate) fn build<const N: usize>(scope: Scope, names: [&str; N]) -> Result<[PathBuf; N], String> {
    let what: &[&str] = match scope {
        Scope::Binary => &["--package", "countersign"],
        Scope::Workspace => &["--workspace", "--bins", "--examples"],
    };
    let mut command = cargo(&["build", "--message-format", "json-render-diagnostics"]);
    command
        .args(what)
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::inherit());
    let output = command.output().map_err(|e| not_started(&command, &e))?;
    if !output.status.success() {
        return Err(failed(&command, &output));
    }
    let messages = text(&command, output.stdout)?;
    let built: Vec<PathBuf> = messages
        .lines()
        .filter_map(executable)
        .map(PathBuf::from)
        .collect();
    let mut found = Vec::new();
    for name in names {
        let program = built.iter().find(|p| p.file_name().is_some_and(|n| n == name));
        found.push(
            program
                .cloned()
                .ok_or_else(|| format!("cargo built no `{name}`"))?,
        );
    }
    <[PathBuf; N]>::try_from(found).map_err(|_| "cargo built something else".to_owned())
}

/// The path in `"executable":"…"` of one of cargo's JSON messages.
fn executable(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("\"executable\":\"")?;
    let mut path = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next()? {
            '"' => return Some(path),
            '\\' => path.push(chars.next()?),
            c => path.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_is_found_in_cargos_words() {
        let message = r#"{"reason":"compiler-artifact","executable":"/a \"b\"/countersign","fresh":true}"#;
        assert_eq!(executable(message).as_deref(), Some("/a \"b\"/countersign"));
        assert_eq!(executable(r#"{"executable":null}"#), None);
    }
}
