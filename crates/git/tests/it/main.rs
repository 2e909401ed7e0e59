//! The git crate against real repositories and the real `git` program.

mod compared;
mod figures;
mod histories;
mod hostile;
mod properties;
mod refusals;
mod round_trip;
mod second;
mod sources;
mod standing;
mod support;
mod traps;
