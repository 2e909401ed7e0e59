//! What people would expect to be told of a change to what their repository pulls in, per ecosystem.

mod agreement;
mod cargo;
mod go;
mod java;
mod npm;
mod python;
mod readers;

use crate::scenario::Scenario;

/// What the change of one file alone says.
fn edit(path: &str, old: &str, new: &str) -> Vec<String> {
    Scenario::default().edit(path, old, new).sentences()
}

/// The dependencies that move, as people read them.
fn moves(path: &str, old: &str, new: &str) -> Vec<String> {
    let inspection = Scenario::default().edit(path, old, new).inspect();
    inspection.dependencies.iter().map(ToString::to_string).collect()
}
