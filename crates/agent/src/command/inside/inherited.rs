//! Open files that came from whoever started Countersign: a shell may have left a folder open, and through it
//! everything would be reached.

use std::fs;

/// Standard input, output and error.
const KEPT: i32 = 2;

/// Closes all other ones. It has to be the first thing that a process does: it closes whatever is open.
pub(super) fn close() -> Result<(), String> {
    let failed = |e: std::io::Error| format!("open files can't be listed: {e}");
    let mut open = Vec::new();
    for entry in fs::read_dir("/proc/self/fd").map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        open.extend(name.to_str().and_then(|number| number.parse::<i32>().ok()));
    }
    for number in open.into_iter().filter(|number| *number > KEPT) {
        // The listing itself is among them, and closed already.
        let _ = nix::unistd::close(number);
    }
    Ok(())
}
