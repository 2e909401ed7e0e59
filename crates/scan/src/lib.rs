//! Finds secrets in text: a keyword prefilter, rules with expressions and entropy, allowlists.
//!
//! Pure, and knows nothing of workflows. It never gives back what it found, only where and by which rule.
