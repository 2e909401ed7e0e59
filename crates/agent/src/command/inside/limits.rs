//! Limits of the kernel on the command and all that it starts. They can't be raised again.

use crate::command::orders::Orders;
use rustix::process::{Resource, Rlimit, setrlimit};

/// Largest file that it may write, in bytes.
const FILE_MAX_BYTES: u64 = 1 << 30;
/// Most memory that one process may fill, in bytes; reserved but unused addresses don't count.
const DATA_MAX_BYTES: u64 = 8 << 30;
/// Most open files of one process.
const OPEN_FILES_MAX: u64 = 4_096;

pub(super) fn lower(orders: &Orders) -> Result<(), String> {
    let limits = [
        (Resource::Nproc, orders.processes + orders.others),
        (Resource::Fsize, FILE_MAX_BYTES),
        (Resource::Data, DATA_MAX_BYTES),
        (Resource::Nofile, OPEN_FILES_MAX),
        (Resource::Core, 0),
    ];
    for (resource, limit) in limits {
        // Who started us may have set a lower one.
        let most = rustix::process::getrlimit(resource)
            .maximum
            .map_or(limit, |most| most.min(limit));
        let both = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        setrlimit(resource, both).map_err(|e| format!("{resource:?} can't be limited: {e}"))?;
    }
    Ok(())
}
