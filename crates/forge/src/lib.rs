//! Git hosts that we write to. Today: repositories in folders of this machine.
//!
//! Every content write takes a permit by value; nothing here decides anything.

pub mod local;
