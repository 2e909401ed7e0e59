//! How many files the server may have open, and how many of them connections may take: never those that the database,
//! repositories and programs need.

use countersign_server::CONNECTIONS_MAX;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that connections never take; half of all where there are only few.
const KEPT: u64 = 512;

/// Raises the limit of open files as far as is allowed and useful, and gives the number of connections there is room for.
pub(super) fn room_for_connections() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let wanted = CONNECTIONS_MAX as u64 + KEPT;
    let current = limit.current.unwrap_or(wanted);
    let allowed = limit.maximum.unwrap_or(wanted).min(wanted);
    let mut files = current;
    if allowed > current {
        let raised = Rlimit {
            current: Some(allowed),
            ..limit
        };
        match setrlimit(Resource::Nofile, raised) {
            Ok(()) => files = allowed,
            Err(error) => tracing::warn!(%error, current, "the limit of open files can't be raised"),
        }
    }
    let room = files - KEPT.min(files / 2);
    let room = usize::try_from(room)
        .unwrap_or(CONNECTIONS_MAX)
        .min(CONNECTIONS_MAX);
    if room < CONNECTIONS_MAX {
        tracing::warn!(
            files,
            connections = room,
            "few files may be open (ulimit -n), so fewer connections are taken"
        );
    }
    room
}
