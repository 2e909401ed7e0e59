//! Who proposes: from `--agent` and what belongs to it to a specification that is kept. A command that can't be
//! held as asked for is refused here, before anything starts.

use super::files;
use crate::cli::StartFlags;
use crate::error::CliError;
use crate::session::Session;
use crate::terminal::{Page, Style};
use countersign_agent::unseen;
use countersign_core::artifact::AgentRole;
use countersign_core::confinement::{HOSTS_MAX, NetworkHost, READS_MAX, Rights};
use countersign_core::feedback::AgentSpec;
use countersign_ports::agent::ResolvedAgent;
use std::path::{Path, PathBuf};

/// Largest script that is read, in bytes.
const SCRIPT_MAX_BYTES: usize = 16 << 20;

/// Who is asked for, before anything is loaded.
pub(super) enum Proposer {
    Codemod,
    Scripted(PathBuf),
    Command { command: String, rights: Rights },
}

/// Reads the flags.
///
/// # Errors
/// When they name no agent, or give one what it can't use.
pub(super) fn read(flags: &StartFlags) -> Result<Proposer, CliError> {
    let text = flags.agent.as_deref().unwrap_or("codemod");
    let known = "It is one of: codemod, scripted:FILE, command:CMD.";
    let proposer = match text.split_once(':') {
        None if text == "codemod" => Proposer::Codemod,
        Some(("scripted", file)) if !file.is_empty() => Proposer::Scripted(PathBuf::from(file)),
        Some(("command", command)) if !command.trim().is_empty() => Proposer::Command {
            rights: rights(flags, command)?,
            command: command.to_owned(),
        },
        Some(_) | None => {
            return Err(CliError::usage("unknown-agent", format!("`{text}` is not an agent")).next(known));
        }
    };
    let for_commands = [
        ("--unconfined", flags.unconfined),
        ("--agent-allow", !flags.agent_allow.is_empty()),
        ("--agent-network", !flags.agent_network.is_empty()),
    ];
    match (&proposer, for_commands.iter().find(|(_, given)| *given)) {
        (Proposer::Codemod | Proposer::Scripted(_), Some((flag, _))) => {
            let text = format!("{flag} is for `command:` agents only");
            Err(CliError::usage("rights-without-command", text))
        }
        (Proposer::Command { .. }, _) | (Proposer::Codemod | Proposer::Scripted(_), None) => Ok(proposer),
    }
}

/// What a command may do: what was named, and the program that it names itself.
fn rights(flags: &StartFlags, command: &str) -> Result<Rights, CliError> {
    if flags.unconfined {
        return Ok(Rights::Unconfined);
    }
    let mut reads = Vec::new();
    for path in own_program(command).iter().chain(&flags.agent_allow) {
        let whole = std::path::absolute(path).ok();
        let Some(text) = whole.as_deref().and_then(Path::to_str) else {
            let text = format!("--agent-allow {}: the path is not UTF-8", path.display());
            return Err(CliError::usage("agent-may-not-read", text));
        };
        if !reads.iter().any(|known| known == text) {
            reads.push(text.to_owned());
        }
    }
    let mut reaches = Vec::new();
    for text in &flags.agent_network {
        let host = NetworkHost::parse(text).map_err(|e| {
            CliError::usage(e.code(), e.to_string())
                .next("Name it like this: --agent-network api.example.com:443")
        })?;
        if !reaches.contains(&host) {
            reaches.push(host);
        }
    }
    if reads.len() > READS_MAX || reaches.len() > HOSTS_MAX {
        let text = format!("an agent may be given at most {READS_MAX} paths and {HOSTS_MAX} hosts");
        return Err(CliError::usage("too-many-rights", text));
    }
    Ok(Rights::Confined { reads, reaches })
}

/// The file that the command begins with, where it does: who asks for it to be run wants it to be read.
fn own_program(command: &str) -> Option<PathBuf> {
    let program = PathBuf::from(command.split_whitespace().next()?);
    (program.is_absolute() && program.is_file()).then_some(program)
}

/// A script's file as a server takes it.
///
/// # Errors
/// When it can't be read, or is no JSON.
pub(super) fn script_for_server(file: &Path) -> Result<serde_json::Value, CliError> {
    let bytes = files::read("the script", file, SCRIPT_MAX_BYTES)?;
    serde_json::from_slice(&bytes).map_err(|e| {
        let text = format!("the script {} is no JSON: {e}", file.display());
        CliError::refused("bad-script", text).next("Correct it and run it again.")
    })
}

/// A file that the command names and its fence hides is said before anybody wonders why it is not there.
fn say_unseen(session: &Session, command: &str, rights: &Rights) {
    let Rights::Confined { reads, .. } = rights else {
        return;
    };
    for file in unseen(command, reads) {
        let file = file.display();
        let mut page = Page::new();
        page.line(0).add(Style::Warn, "! ").add(
            Style::Plain,
            format!("the command names {file}, and its fence hides that file"),
        );
        page.line(2).add(
            Style::Dim,
            format!("→ To let it be read, name it by its whole path and add --agent-allow {file}"),
        );
        session.app.terminal.note(&page);
    }
}

/// Keeps what the specification needs.
///
/// # Errors
/// When a script can't be used, or a command can't be held as asked for on this machine.
pub(super) async fn keep(session: &Session, proposer: Proposer) -> Result<AgentSpec, CliError> {
    match proposer {
        Proposer::Codemod => Ok(AgentSpec::Codemod),
        Proposer::Command { command, rights } => {
            let agent = ResolvedAgent::Command {
                command: command.clone(),
                rights: rights.clone(),
            };
            session
                .ports
                .agents
                .build(agent)?
                .confinement(AgentRole::Coder)
                .await?;
            say_unseen(session, &command, &rights);
            Ok(AgentSpec::Command { command, rights })
        }
        Proposer::Scripted(file) => {
            let script = files::read("the script", &file, SCRIPT_MAX_BYTES)?;
            let agent = ResolvedAgent::Scripted {
                script: script.clone(),
            };
            let built = session.ports.agents.build(agent);
            built.map_err(|e| {
                CliError::from(e).next(format!("Correct {} and run it again.", file.display()))
            })?;
            Ok(AgentSpec::Scripted {
                script: session.store.put_body(&script).await?,
            })
        }
    }
}
