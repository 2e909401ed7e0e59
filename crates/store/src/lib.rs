//! The memory of the product over SQLite: streams, ledger, inputs, durable effects and bodies behind the
//! [`Store`](countersign_ports::store::Store) port. Nobody else speaks SQL.
//!
//! Start with [`SqliteStore`]; what one commit does is in `commit`, which work comes next in `claim`, what
//! the write gate gets to see in `facts`. What must never happen here: a transition without its ledger
//! entries in the same transaction (INV-4), a statement over two tenants' rows on behalf of one (INV-6), a
//! decision about a workflow.

mod access;
mod accounts;
mod alarms;
mod bodies;
mod claim;
mod commit;
mod db;
mod effects;
mod entries;
mod epoch;
mod erasing;
mod error;
mod facts;
mod forms;
mod freezes;
mod group;
mod hooks;
mod inputs;
mod log;
mod members;
mod migrations;
mod open;
mod outbox;
mod owner;
mod repositories;
mod reviewing;
mod rotating;
mod row;
mod schema;
mod seal;
mod sessions;
mod store;
mod tally;
mod tenant;
#[cfg(test)]
mod tests;
mod whole;
mod workflows;

pub use epoch::EpochStanding;
pub use owner::OwnerLock;
pub use schema::Schema;
pub use store::SqliteStore;
