//! The pure heart: ids, the state machine, gates, policy, patch sets, approvals and permits.
//!
//! Nothing here does I/O, reads a clock, draws randomness or keeps global state: all of it is an argument.
//! Read [`workflow`] first; `ARCHITECTURE.md` has the map.

pub mod act;
pub mod artifact;
pub mod budget;
mod canonical;
pub mod command;
pub mod commit_signature;
pub mod confinement;
pub mod dependency;
pub mod diff;
pub mod diff_view;
pub mod digest;
pub mod epoch;
pub mod erasure;
pub mod facts;
pub mod feedback;
pub mod forge;
pub mod gate;
pub mod id;
pub mod line_comment;
pub mod member;
pub mod narrow;
pub mod notice;
pub mod outbound;
pub mod owners;
pub mod patch;
pub mod patch_set;
pub mod path;
pub mod permit;
pub mod policy;
pub mod proposal;
pub mod question;
pub mod record;
pub mod time;
pub mod workflow;
