//! The whole engine out of a seed: real store, real decisions, virtual time, and everything that can go wrong.
//!
//! [`simulate`] runs a house with two tenants through a storm: inputs lost, doubled and reordered, agents that are
//! slow, silent or wrong, stale looks, a store that fails, lost answers, people who merge something else than was
//! approved, and workers that die at any await. Then [`judges`] look at what is kept. [`github`] is a model of GitHub for
//! whoever speaks to it. For tests and `cargo xtask simulate` alone: no other crate may depend on it but for its tests.

pub mod agents;
pub mod evidence;
pub mod faults;
pub mod github;
pub mod house;
pub mod judges;
pub mod life;
pub mod people;
pub mod random;
pub mod repositories;
pub mod run;
pub mod store;
pub mod weather;

pub use run::{Report, simulate};
