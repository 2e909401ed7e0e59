//! Reads what a change does out of the contents of the changed files, as findings for policy to weigh.
//!
//! Pure: contents come in, findings go out. It never runs a package manager, never follows a link, and never
//! decides how much a finding weighs.
