//! What the helper inside the fence is told: one JSON object as its first argument; the command line is its
//! second. It holds no secret: the confined program can read it.

use serde::{Deserialize, Serialize};

/// In place of orders: outside of any fence, become the program that follows, with its arguments, and take no
/// open file along.
pub(crate) const OUTSIDE: &str = "outside";

/// What the helper has to do before it runs the command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Orders {
    /// Most processes and threads that the command may have.
    pub(crate) processes: u64,
    /// How many its user has already, outside; where the kernel counts them together they come on top.
    pub(crate) others: u64,
    /// Become this user and group; only where Countersign itself runs as root.
    pub(crate) user: Option<u32>,
    /// Offer this way out.
    pub(crate) way_out: Option<WayOut>,
    /// Nothing but the helper itself makes the fence.
    pub(crate) alone: Option<Alone>,
    /// A helper outside the fence watches this one already.
    pub(crate) watched: bool,
}

/// How connections leave: a port on the loopback of the fence's own network leads to a socket of the proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WayOut {
    /// The port on 127.0.0.1.
    pub(crate) port: u16,
    /// The socket's path inside.
    pub(crate) socket: String,
}

/// The fence that Landlock makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Alone {
    /// Who started this; when it is gone, everything ends.
    pub(crate) parent: u32,
    /// Files and folders that may be read and executed; each of them exists.
    pub(crate) reads: Vec<String>,
    /// Folders and devices that may be read and written.
    pub(crate) writes: Vec<String>,
}
