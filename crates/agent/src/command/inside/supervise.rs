//! Where there is no namespace that ends with its first process: a session of its own, which nobody inside
//! can leave, and somebody outside the fence who watches it.

use crate::command::orders::{Alone, Orders};
use rustix::process::{Signal, getppid, kill_current_process_group, setsid};
use std::ffi::OsString;
use std::fs;
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

/// How often it is looked after the session.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The watcher: starts the helper once more, inside, and gives its exit code.
///
/// When whoever started us is gone, or there are too many processes, the whole session is killed, we too.
pub(super) fn run(alone: &Alone, orders: &Orders, command: &OsString) -> Result<i32, String> {
    let session = setsid().map_err(|e| format!("there is no session of its own: {e}"))?;
    let group = session.as_raw_nonzero().get();
    let mut inside = start(orders, command)?;
    loop {
        if let Some(status) = inside
            .try_wait()
            .map_err(|e| format!("the command is lost: {e}"))?
        {
            return Ok(super::code(status));
        }
        let orphaned =
            getppid().is_none_or(|parent| parent.as_raw_nonzero().get().unsigned_abs() != alone.parent);
        if orphaned || members(group) > orders.processes {
            let _ = kill_current_process_group(Signal::KILL);
        }
        thread::sleep(LOOK_EVERY);
    }
}

fn start(orders: &Orders, command: &OsString) -> Result<Child, String> {
    let within = Orders {
        watched: true,
        ..orders.clone()
    };
    let orders = serde_json::to_string(&within).map_err(|e| format!("the orders can't be written: {e}"))?;
    Command::new("/proc/self/exe")
        .arg(crate::command::CONFINED)
        .arg(orders)
        .arg(command)
        .spawn()
        .map_err(|e| format!("the helper can't be started again: {e}"))
}

/// How many processes the group has, by the fifth field of `/proc/PID/stat` (proc(5)).
fn members(group: i32) -> u64 {
    let Ok(processes) = fs::read_dir("/proc") else {
        return u64::MAX;
    };
    let is_member = |stat: &String| {
        let behind_name = stat.rsplit(')').next().unwrap_or_default();
        behind_name.split_whitespace().nth(2).and_then(|g| g.parse().ok()) == Some(group)
    };
    let members = processes
        .flatten()
        .filter_map(|process| fs::read_to_string(process.path().join("stat")).ok())
        .filter(is_member);
    members.count() as u64
}
