//! The git crate against real repositories and the real `git` program.

mod bombs;
mod compared;
mod figures;
mod folders;
mod histories;
mod hostile;
mod interdiffs;
mod landing;
mod malformed;
mod places;
mod properties;
mod raw;
mod refusals;
mod round_trip;
mod second;
mod shown;
mod sources;
mod standing;
mod support;
mod traps;
