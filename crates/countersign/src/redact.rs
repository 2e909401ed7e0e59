//! Takes what looks like a secret out of text before it is logged.
//!
//! The scanner's rules, and some looser shapes that would be wrong in content and do no harm here: headers, fields,
//! credentials in addresses. It is the last net under a log that should hold none.

use countersign_scan::Scanner;
use regex::Regex;
use std::borrow::Cow;
use std::sync::LazyLock;

/// What stands where a secret was.
const MARK: &str = "[redacted]";

/// Shapes of secrets; what is kept of a match is its group `keep`.
const SHAPES: [&str; 5] = [
    r"(?P<keep>)\b(?:gh[opsur]_|github_pat_|glpat-|xox[abprs]-|csk_|npm_|pypi-|sk-)[A-Za-z0-9_\-]{16,}",
    r"(?P<keep>)\bA(?:KIA|SIA)[A-Z0-9]{16}\b",
    r"(?P<keep>(?i:authorization|proxy-authorization|x-api-key|password|passwd|token|secret)[\x22']?\s*[:=]\s*(?i:bearer |basic )?[\x22']?)[^\s\x22',;]{6,}",
    r"(?P<keep>://[^\s/:@]{1,64}:)[^\s/@]{3,}(?:@)",
    r"(?P<keep>)(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
];

static RULES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let compiled = SHAPES.iter().map(|shape| Regex::new(shape));
    compiled
        .map(|rule| rule.expect("because the shapes are tested"))
        .collect()
});

/// The text without what looks like a secret.
pub(crate) fn redact(text: &str) -> Cow<'_, str> {
    let mut clean = Scanner::built_in().redact(text);
    for rule in RULES.iter() {
        if rule.is_match(&clean) {
            clean = Cow::Owned(rule.replace_all(&clean, format!("${{keep}}{MARK}")).into_owned());
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::redact;

    #[test]
    fn secrets_go_and_the_rest_stays() {
        let cases = [
            (
                "pushed with ghp_0123456789abcdefABCDEF0123456789abcd now",
                "pushed with [redacted] now",
            ),
            ("key AKIAIOSFODNN7EXAMPLE.", "key [redacted]."),
            (
                "Authorization: Bearer abc.def-123",
                "Authorization: Bearer [redacted]",
            ),
            (
                r#"{"token":"s3cr3t-value","n":1}"#,
                r#"{"token":"[redacted]","n":1}"#,
            ),
            (
                "clone https://me:hunter22@host/x",
                "clone https://me:[redacted]host/x",
            ),
            (
                "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----",
                "[redacted]",
            ),
        ];
        for (text, clean) in cases {
            assert_eq!(redact(text), clean);
        }
        let plain = "wf_01M7XXFCCEBR8XT7FYZ2EVAQ53 of tollgate at b7e1676d8e9c95fe518b36db1fd2cb82d0763be1, the tokens: 3";
        assert_eq!(redact(plain), plain);
    }
}
