//! Our own rules: reads `rules/*.toml`, whose format `rules/README.md` describes.
//!
//! The files are part of the program. What is wrong with them fails a test, never a scan.

use crate::check::Check;
use crate::entropy::Bits;
use crate::expression::Expression;
use crate::rule::{Files, Pretence, Rule, Shape};
use serde::Deserialize;

/// The rule files, one per field, by name. Where two rules claim the same secret, the earlier one has it.
pub(crate) const FILES: [(&str, &str); 12] = [
    ("keys", include_str!("../rules/keys.toml")),
    ("source-hosting", include_str!("../rules/source-hosting.toml")),
    ("cloud", include_str!("../rules/cloud.toml")),
    ("ai", include_str!("../rules/ai.toml")),
    ("ci", include_str!("../rules/ci.toml")),
    ("databases", include_str!("../rules/databases.toml")),
    ("payment", include_str!("../rules/payment.toml")),
    ("chat", include_str!("../rules/chat.toml")),
    ("mail", include_str!("../rules/mail.toml")),
    ("observability", include_str!("../rules/observability.toml")),
    ("services", include_str!("../rules/services.toml")),
    ("generic", include_str!("../rules/generic.toml")),
];

/// Entropy below which no token of a vendor lies: it keeps `ghp_` and forty times `x` out.
const TOKEN_ENTROPY: f64 = 2.3;

/// What a name must also say between a vendor's word and the value.
const SECRET_WORD: &str = "key|token|secret|auth|pass|pwd|cred|pat|dsn|webhook|access";

/// The rest of a name behind the keyword, up to the word that promises a secret.
const NAME: &str = r"[A-Za-z0-9_.\- ]{0,32}?";

/// From the end of a name to its value, as languages, configuration files and command lines write it.
const ASSIGNED: &str = concat!(
    r#"[A-Za-z0-9_.\-]{0,24}["'`\]]{0,3}[ \t]{0,8}"#,
    // `:` and `=` in all their forms, a typed declaration, the next argument, an XML attribute, an element's end.
    r#"(?::[ \t]{0,4}&?[A-Za-z][A-Za-z_.<>'?]{0,24}[ \t]{0,4}={1,2}|[=:?|+]{0,2}[=:]>?|=>|,|>|(?i:value|default)[ \t]{0,2}[=:])"#,
    // A wrapping call, quotes with their prefixes, the scheme of an HTTP header.
    r#"[ \t]{0,8}(?:[A-Za-z_.:]{1,32}!?\([ \t]{0,2})?(?:[bBrRuUfF@$&]{0,2}\\?["'`]{1,3})?(?i:(?:bearer|basic|token)[ ]{1,2})?"#,
);

#[derive(Deserialize)]
struct File {
    rule: Vec<RuleText>,
}

/// One rule as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    id: String,
    what: String,
    /// A token: begins with one of these …
    #[serde(default)]
    prefixes: Vec<String>,
    /// … and goes on with this.
    body: Option<String>,
    /// An assigned value: the name holds one of these …
    #[serde(default)]
    near: Vec<String>,
    /// … then, in any case, one of these (absent: [`SECRET_WORD`]; empty: nothing more) …
    word: Option<String>,
    /// … and the value is this.
    value: Option<String>,
    /// An expression around one of these words …
    #[serde(default)]
    keywords: Vec<String>,
    /// … that begins at most so many bytes before the word …
    before: Option<usize>,
    /// … and is this.
    pattern: Option<String>,
    /// A key of several lines that begins with one of these.
    #[serde(default)]
    begins: Vec<String>,
    /// Only in files of these names; alone: the name is the hit.
    #[serde(default)]
    files: Vec<String>,
    entropy: Option<f64>,
    #[serde(default)]
    check: Check,
    /// The token holds long runs by itself (encoded structures): no telling placeholders by them.
    #[serde(default)]
    structured: bool,
    #[serde(default)]
    generic: bool,
    /// Examples, for the tests.
    #[serde(rename = "hits")]
    _hits: Vec<String>,
    #[serde(rename = "misses")]
    _misses: Vec<String>,
}

/// All rules of the pack, in order.
pub(crate) fn rules() -> Vec<Rule> {
    let read = |(name, text): &(&str, &str)| {
        let file: Result<File, _> = toml::from_str(text);
        file.unwrap_or_else(|error| panic!("rules/{name}.toml: {error}"))
            .rule
    };
    FILES.iter().flat_map(read).map(rule).collect()
}

fn rule(text: RuleText) -> Rule {
    let entropy = text.entropy.unwrap_or(TOKEN_ENTROPY);
    let (keywords, shape) = shape(&text);
    let boxed = |words: Vec<String>| words.into_iter().map(String::into_boxed_str).collect();
    Rule {
        keywords: boxed(keywords),
        files: match text.files.is_empty() {
            true => Files::Any,
            false => Files::Named(boxed(text.files)),
        },
        entropy: match shape {
            Shape::Name | Shape::Block => Bits::NONE,
            Shape::Token(_) | Shape::Assigned(_) | Shape::Around(..) | Shape::Anywhere(..) => {
                Bits::from_f64(entropy)
            }
        },
        pretence: match shape {
            Shape::Name | Shape::Block | Shape::Anywhere(..) => Pretence::None,
            Shape::Token(_) | Shape::Assigned(_) | Shape::Around(..) if text.structured => {
                Pretence::Documented
            }
            Shape::Token(_) | Shape::Assigned(_) | Shape::Around(..) => Pretence::Any,
        },
        shape,
        check: text.check,
        generic: text.generic,
        allowlists: Vec::new(),
        id: text.id.into_boxed_str(),
        description: text.what.into_boxed_str(),
    }
}

/// The words that wake the rule, and what it does then.
fn shape(text: &RuleText) -> (Vec<String>, Shape) {
    match text {
        RuleText { body: Some(body), .. } => {
            let starts: Vec<String> = text.prefixes.iter().map(|p| regex_syntax::escape(p)).collect();
            let pattern = format!("(?:{})(?:{body})", starts.join("|"));
            (text.prefixes.clone(), Shape::Token(Expression::lazy(pattern)))
        }
        RuleText {
            value: Some(value), ..
        } => {
            let name = match text.word.as_deref().unwrap_or(SECRET_WORD) {
                "" => String::new(),
                word => format!("{NAME}(?i:{word})"),
            };
            let pattern = format!("{name}{ASSIGNED}({value})");
            (text.near.clone(), Shape::Assigned(Expression::lazy(pattern)))
        }
        RuleText {
            pattern: Some(pattern),
            ..
        } => {
            let before = text.before.unwrap_or(0);
            (
                text.keywords.clone(),
                Shape::Around(Expression::lazy(pattern.clone()), before),
            )
        }
        RuleText { begins, .. } if !begins.is_empty() => (begins.clone(), Shape::Block),
        RuleText { .. } => (Vec::new(), Shape::Name),
    }
}

#[cfg(test)]
mod tests {
    use super::rules;
    use crate::rule::{Files, Shape};
    use std::collections::BTreeSet;

    #[test]
    fn every_rule_compiles_and_is_woken_by_something() {
        for rule in rules() {
            let expression = match &rule.shape {
                Shape::Token(e) | Shape::Assigned(e) | Shape::Around(e, _) => Some(e),
                Shape::Name | Shape::Block => None,
                Shape::Anywhere(..) => panic!("{}: the pack has no such rules", rule.id),
            };
            let one_group = expression.is_none_or(|e| e.groups() <= 1);
            assert!(one_group, "{}: more than one group; use (?:…)", rule.id);
            let named = matches!(rule.shape, Shape::Name);
            assert_eq!(named, rule.keywords.is_empty(), "{}: keywords", rule.id);
            assert!(
                !named || matches!(rule.files, Files::Named(_)),
                "{}: no shape",
                rule.id
            );
            assert!(
                rule.keywords.iter().all(|k| k.len() >= 2),
                "{}: a keyword is too short",
                rule.id
            );
        }
    }

    #[test]
    fn only_tokens_may_be_of_any_length() {
        for rule in rules() {
            if let Shape::Assigned(e) | Shape::Around(e, _) = &rule.shape {
                let longest = e.longest().unwrap_or(usize::MAX);
                assert!(longest <= 4096, "{}: bound its repetitions ({longest})", rule.id);
            }
        }
    }

    #[test]
    fn ids_are_kebab_case_and_unique() {
        let mut ids = BTreeSet::new();
        for rule in rules() {
            let kebab = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            assert!(rule.id.bytes().all(kebab), "{}", rule.id);
            assert!(ids.insert(rule.id.clone()), "{} is there twice", rule.id);
        }
    }
}
