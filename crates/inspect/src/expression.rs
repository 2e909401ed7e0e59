//! Built-in regular expressions: matching takes linear time (the regex crate), and a test compiles each of them.

use regex::Regex;

/// Compiles a built-in expression.
pub(crate) fn compile(pattern: &str) -> Regex {
    Regex::new(pattern).expect("because a test compiles the built-in expressions")
}
