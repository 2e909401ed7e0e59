//! Traits to the outside world and their errors. No implementation lives here.

pub mod access;
pub mod agent;
pub mod conversation;
pub mod directory;
pub mod forge;
pub mod hook;
pub mod identity;
pub mod moment;
pub mod notice;
pub mod reviewing;
pub mod signing;
pub mod store;
pub mod trees;
