//! Reads rule files in gitleaks' format (its `config/gitleaks.toml`, version 8).
//!
//! What the format can say and we can't do is an error, never skipped: a rule that somebody wrote must not be missing
//! in silence. Comments that allow a secret in place are not part of this, on purpose.

mod allowlist;
mod dialect;
mod file;

pub(crate) use allowlist::{Allowlist, Candidate};

use crate::check::Check;
use crate::entropy::Bits;
use crate::expression::{Expression, Group};
use crate::pack;
use crate::rule::{Files, Pretence, Rule, Shape};
use std::collections::BTreeMap;
use thiserror::Error;

/// Longest rule file, in bytes.
const MAX_FILE_BYTES: usize = 4 << 20;

/// Most rules of one file.
const MAX_RULES: usize = 5_000;

/// Most keywords of all rules of one file, and the longest keyword in bytes: the automaton over them must stay small.
const MAX_KEYWORDS: usize = 10_000;
const MAX_KEYWORD_BYTES: usize = 128;

/// Why a rule file can't be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RuleFileError {
    /// The file is not TOML, or a field has another type or is unknown.
    #[error("the rule file can't be read: {0}; correct it there")]
    Unreadable(String),
    /// Something in a rule (or in the file's allowlists) is wrong.
    #[error("{place}: {reason}; correct the rule file and load it again")]
    Wrong {
        /// Rule and field, such as `rule my-token, regex`.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// The file asks for what isn't supported.
    #[error("{place} is not supported: {reason}")]
    Unsupported {
        /// Rule and field.
        place: String,
        /// What to do instead.
        reason: String,
    },
    /// The file is larger than a bound.
    #[error("the rule file has more than {limit} {what}; split it")]
    TooLarge {
        /// The bound.
        limit: usize,
        /// What is counted.
        what: &'static str,
    },
}

impl RuleFileError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            RuleFileError::Unreadable(_) => "rule-file-unreadable",
            RuleFileError::Wrong { .. } => "rule-file-wrong",
            RuleFileError::Unsupported { .. } => "rule-file-unsupported",
            RuleFileError::TooLarge { .. } => "rule-file-too-large",
        }
    }
}

/// Rules in order, and the allowlists that hold for all of them.
pub(crate) fn read(text: &str) -> Result<(Vec<Rule>, Vec<Allowlist>), RuleFileError> {
    limit(text.len(), MAX_FILE_BYTES, "bytes")?;
    let file: file::File =
        toml::from_str(text).map_err(|e| RuleFileError::Unreadable(e.to_string().trim().to_owned()))?;
    limit(file.rules.len(), MAX_RULES, "rules")?;
    refuse_unsupported(&file)?;
    let mut rules = base(&file.extend)?;
    for text in &file.rules {
        let place = format!("rule {}", text.id);
        match rules.iter_mut().find(|rule| *rule.id == *text.id) {
            Some(known) => merge(known, text, &place)?,
            None => rules.push(rule(text, &place)?),
        }
    }
    let keywords = rules.iter().map(|rule| rule.keywords.len()).sum();
    limit(keywords, MAX_KEYWORDS, "keywords")?;
    let allowlists = distribute(&file, &mut rules)?;
    Ok((rules, allowlists))
}

fn limit(count: usize, limit: usize, what: &'static str) -> Result<(), RuleFileError> {
    if count > limit {
        return Err(RuleFileError::TooLarge { limit, what });
    }
    Ok(())
}

fn wrong(place: String, reason: impl Into<String>) -> RuleFileError {
    RuleFileError::Wrong {
        place,
        reason: reason.into(),
    }
}

fn refuse_unsupported(file: &file::File) -> Result<(), RuleFileError> {
    let unsupported = |place: String, reason: &str| RuleFileError::Unsupported {
        place,
        reason: reason.to_owned(),
    };
    if file.extend.path.is_some() || file.extend.url.is_some() {
        let reason =
            "a rule file can extend the built-in rules only; put the other file's rules into this one";
        return Err(unsupported("[extend] path or url".to_owned(), reason));
    }
    for rule in &file.rules {
        if !rule.required.is_empty() {
            let reason = "rules can't depend on other rules; write the whole secret into one expression";
            return Err(unsupported(format!("rule {}, required", rule.id), reason));
        }
        if rule.skip_report {
            let reason = "a rule always reports; take the rule out";
            return Err(unsupported(format!("rule {}, skipReport", rule.id), reason));
        }
    }
    Ok(())
}

/// What the file builds on: nothing, or our own rules without the disabled ones.
fn base(extend: &file::Extend) -> Result<Vec<Rule>, RuleFileError> {
    if !extend.use_default {
        return Ok(Vec::new());
    }
    let mut rules = pack::rules();
    for id in &extend.disabled_rules {
        let known = rules.len();
        rules.retain(|rule| *rule.id != **id);
        if rules.len() == known {
            let reason = format!("there is no built-in rule {id}");
            return Err(wrong("[extend] disabledRules".to_owned(), reason));
        }
    }
    Ok(rules)
}

fn rule(text: &file::Rule, place: &str) -> Result<Rule, RuleFileError> {
    if text.id.is_empty() {
        return Err(wrong("a rule".to_owned(), "it has no id"));
    }
    let shape = match &text.regex {
        Some(regex) => anywhere(text, regex, place)?,
        None if text.path.is_some() => Shape::Name,
        None => return Err(wrong(place.to_owned(), "it has neither regex nor path")),
    };
    let files = match &text.path {
        Some(path) => Files::Matching(expression(path, || format!("{place}, path"))?),
        None => Files::Any,
    };
    Ok(Rule {
        id: text.id.clone().into_boxed_str(),
        description: text.description.clone().unwrap_or_default().into_boxed_str(),
        keywords: keywords(text, place)?,
        shape,
        files,
        entropy: Bits::from_f64(text.entropy.unwrap_or(0.0)),
        check: Check::None,
        pretence: Pretence::None,
        generic: text.id.contains("generic"),
        allowlists: allowlists(text, place)?,
    })
}

fn anywhere(text: &file::Rule, regex: &str, place: &str) -> Result<Shape, RuleFileError> {
    let expression = expression(regex, || format!("{place}, regex"))?;
    let group = match text.secret_group {
        None | Some(0) => Group::First,
        Some(number) if number <= expression.groups() => Group::Number(number),
        Some(number) => {
            let reason = format!("the expression has {} groups, not {number}", expression.groups());
            return Err(wrong(format!("{place}, secretGroup"), reason));
        }
    };
    Ok(Shape::Anywhere(expression, group))
}

/// A rule of the file with the id of a built-in one changes that, field by field, as gitleaks does it.
fn merge(known: &mut Rule, text: &file::Rule, place: &str) -> Result<(), RuleFileError> {
    if let Some(description) = &text.description {
        known.description = description.clone().into_boxed_str();
    }
    if let Some(entropy) = text.entropy {
        known.entropy = Bits::from_f64(entropy);
    }
    if let Some(path) = &text.path {
        known.files = Files::Matching(expression(path, || format!("{place}, path"))?);
    }
    if let Some(regex) = &text.regex {
        known.shape = anywhere(text, regex, place)?;
        known.check = Check::None;
        known.pretence = Pretence::None;
    } else if text.secret_group.is_some() || !text.keywords.is_empty() {
        let reason = "a built-in rule's keywords and groups belong to its own expression; give a regex too";
        return Err(wrong(place.to_owned(), reason));
    }
    let mut more = keywords(text, place)?;
    known.keywords.append(&mut more);
    known.allowlists.append(&mut allowlists(text, place)?);
    Ok(())
}

fn keywords(text: &file::Rule, place: &str) -> Result<Vec<Box<str>>, RuleFileError> {
    let mut keywords = Vec::new();
    for keyword in &text.keywords {
        if keyword.is_empty() || keyword.len() > MAX_KEYWORD_BYTES {
            let reason = format!("a keyword has 1 to {MAX_KEYWORD_BYTES} bytes");
            return Err(wrong(format!("{place}, keywords"), reason));
        }
        keywords.push(keyword.clone().into_boxed_str());
    }
    Ok(keywords)
}

fn allowlists(text: &file::Rule, place: &str) -> Result<Vec<Allowlist>, RuleFileError> {
    let all = text.allowlist.iter().chain(&text.allowlists);
    (1..)
        .zip(all)
        .map(|(number, list)| Allowlist::read(list, &format!("{place}, allowlist {number}")))
        .collect()
}

/// The file's own allowlists: those with `targetRules` go to their rules, the others hold for all.
fn distribute(file: &file::File, rules: &mut [Rule]) -> Result<Vec<Allowlist>, RuleFileError> {
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    for (number, rule) in rules.iter().enumerate() {
        numbers.insert(rule.id.to_string(), number);
    }
    let mut global = Vec::new();
    for (number, list) in (1..).zip(file.allowlist.iter().chain(&file.allowlists)) {
        let place = format!("[[allowlists]] {number}");
        if list.target_rules.is_empty() {
            global.push(Allowlist::read(list, &place)?);
        }
        for target in &list.target_rules {
            let Some(rule) = numbers.get(target) else {
                return Err(wrong(
                    format!("{place}, targetRules"),
                    format!("there is no rule {target}"),
                ));
            };
            rules[*rule].allowlists.push(Allowlist::read(list, &place)?);
        }
    }
    Ok(global)
}

/// An expression of the file, in Go's dialect.
fn expression(regex: &str, place: impl Fn() -> String) -> Result<Expression, RuleFileError> {
    Expression::checked(dialect::translate(regex))
        .map_err(|reason| wrong(place(), format!("the expression can't be read: {reason}")))
}
