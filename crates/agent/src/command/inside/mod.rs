//! The helper inside the fence: the product's own binary, started again. It closes what only a process can
//! close on itself, and becomes the command (or its parent, where it has to pass connections on).
//!
//! Every step that fails ends it: it never runs a command with less of a fence than it was told to make. It
//! reads no file of ours and holds no secret, so a command that takes it over wins nothing.

mod calls;
mod files;
mod inherited;
mod limits;
mod supervise;
mod way_out;

use super::orders::{Alone, OUTSIDE, Orders};
use std::ffi::OsString;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, ExitStatus};

/// Exit code when the fence could not be closed; the command did not run.
const NOT_CLOSED: i32 = 125;
/// Added to a signal's number where a command was killed, as shells do.
const SIGNAL_BASE: i32 = 128;

/// Does what the arguments behind [`super::CONFINED`] say. Gives the exit code; usually it becomes the command
/// and never returns.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> i32 {
    match confine(arguments) {
        Ok(code) => code,
        Err(why) => {
            // Nobody reads it as a log: it is the end of the command's standard error.
            eprintln!("countersign: the fence could not be closed: {why}");
            NOT_CLOSED
        }
    }
}

fn confine(mut arguments: impl Iterator<Item = OsString>) -> Result<i32, String> {
    inherited::close()?;
    let orders = arguments.next().unwrap_or_default();
    if orders == OUTSIDE {
        let program = arguments.next().ok_or("there is no program")?;
        let error = Command::new(&program).args(arguments).exec();
        return Err(format!("{} can't be started: {error}", program.display()));
    }
    let orders = orders.to_str().ok_or("the orders are not UTF-8")?;
    let orders: Orders =
        serde_json::from_str(orders).map_err(|e| format!("the orders can't be read: {e}"))?;
    let command = arguments.next().ok_or("there is no command")?;
    limits::lower(&orders)?;
    match &orders.alone {
        Some(alone) if orders.watched => restrict(alone, &orders, &command),
        Some(alone) => supervise::run(alone, &orders, &command),
        None => within_namespaces(&orders, &command),
    }
}

/// In bubblewrap's namespaces only the dangerous system calls are left to be closed.
fn within_namespaces(orders: &Orders, command: &OsString) -> Result<i32, String> {
    let passes_on = match &orders.way_out {
        Some(way_out) => {
            way_out::open(way_out)?;
            true
        }
        None => false,
    };
    calls::refuse(calls::dangerous())?;
    let mut shell = shell(command, orders);
    if !passes_on {
        return Err(format!("`sh` can't be started: {}", shell.exec()));
    }
    let status = shell
        .status()
        .map_err(|e| format!("`sh` can't be started: {e}"))?;
    Ok(code(status))
}

/// Without namespaces: files by Landlock, everything else by refusing system calls.
fn restrict(alone: &Alone, orders: &Orders, command: &OsString) -> Result<i32, String> {
    files::fence(alone)?;
    files::give_up_capabilities()?;
    calls::refuse(calls::dangerous())?;
    calls::refuse(calls::outward())?;
    Err(format!(
        "`sh` can't be started: {}",
        shell(command, orders).exec()
    ))
}

fn shell(command: &OsString, orders: &Orders) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(command);
    if let Some(user) = orders.user {
        shell.uid(user).gid(user);
    }
    shell
}

fn code(status: ExitStatus) -> i32 {
    status
        .code()
        .unwrap_or_else(|| SIGNAL_BASE + status.signal().unwrap_or_default())
}
