//! Git hosts that we write to: repositories in folders of this machine ([`local`]), and GitHub ([`github`]).
//!
//! Every content write takes a permit by value; nothing here decides anything. [`Forges`] stands before them all.

mod forges;
pub mod github;
pub mod local;

pub use forges::Forges;
