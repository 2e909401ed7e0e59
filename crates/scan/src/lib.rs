//! Finds secrets in text: a keyword prefilter, rules with expressions and entropy, allowlists.
//!
//! Pure, and knows nothing of workflows. It never gives back what it found, only where and by which rule.
//!
//! Read [`Scanner`] first. `pack` reads our own rules (`rules/*.toml`), `gitleaks` reads rule files of that tool;
//! both become `rule::Rule`s, which `find` keeps behind one keyword automaton and
//! `search` runs over a text. `allowed` says which values
//! are placeholders, `check` what only code can decide (checksums, randomness). `docs/secrets.md` says what is found
//! and what isn't.

mod allowed;
mod block;
mod check;
mod edges;
mod entropy;
mod expression;
mod find;
mod gitleaks;
mod hit;
mod pack;
mod plausible;
mod rule;
mod salt;
mod scanner;
mod search;

pub use find::{MAX_TEXT_BYTES, WORK_PER_BYTE};
pub use gitleaks::RuleFileError;
pub use hit::{Hit, Place, Scan, Skipped};
pub use salt::{Fingerprint, Salt};
pub use scanner::{MAX_HITS, RuleInfo, Scanner, Spans};
