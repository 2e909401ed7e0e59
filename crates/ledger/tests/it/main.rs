//! The ledger from outside: vectors, properties, forgeries.
#![allow(clippy::unwrap_used, reason = "tests")]

mod bundle_form;
mod checkpoints;
mod forgeries;
mod leaves;
mod mutations;
mod rotating;
mod support;
mod trees;
mod vectors;
mod verifying;
