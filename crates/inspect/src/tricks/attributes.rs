//! `.gitattributes`: what a change of it hides, and which files the base's rules call generated.
//!
//! Source: gitattributes(5), github.com/github-linguist/linguist (overrides).

use crate::glob::Glob;
use crate::seen::Seen;
use crate::shown::shown;
use crate::{BaseView, Finding, Rule};
use countersign_core::path::RepoPath;
use countersign_core::policy::file_key;
use std::collections::{BTreeMap, BTreeSet};

/// Most lines of one attribute file that are looked at.
const MAX_LINES: usize = 20_000;

pub(super) fn is_attributes(path: &RepoPath) -> bool {
    is_called(path, b".gitattributes")
}

/// Whether some file system takes the path for a file of that name in its folder.
pub(super) fn is_called(path: &RepoPath, name: &[u8]) -> bool {
    path.parts().last().is_some_and(|last| file_key(last) == name)
}

/// Any change of an attribute file, with what it does.
pub(super) fn findings(seen: &Seen<'_>) -> Option<Finding> {
    let touched = [seen.old_path(), seen.new_path()]
        .into_iter()
        .flatten()
        .any(is_attributes);
    if !touched {
        return None;
    }
    let mut effects = BTreeSet::new();
    for line in seen.added.iter().chain(&seen.removed) {
        let text = line.text();
        if let Some((pattern, words)) = rule(&text) {
            for (name, state) in words {
                if let Some(effect) = effect(&name, &state) {
                    effects.insert(format!("`{}` {effect}", shown(&pattern)));
                }
            }
        }
    }
    let effects: Vec<String> = effects.into_iter().take(8).collect();
    let said = if effects.is_empty() {
        String::new()
    } else {
        format!(": {}", effects.join("; "))
    };
    let text = format!("How git and viewers treat files changes{said}.");
    let lines = seen.added.iter().map(|line| line.number).collect();
    Some(seen.finding(Rule::GitAttributes, lines, text))
}

/// How an attribute stands for a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    Set,
    Unset,
    Unspecified,
    Value(String),
}

fn effect(name: &str, state: &State) -> Option<&'static str> {
    match (name, state) {
        ("diff", State::Unset) | ("binary", State::Set) => Some("is shown without its differences"),
        ("diff", State::Value(_)) => Some("is compared by another program"),
        ("linguist-generated" | "linguist-vendored" | "gitlab-generated", State::Set | State::Value(_)) => {
            Some("is collapsed by viewers")
        }
        ("linguist-generated" | "gitlab-generated", State::Unset | State::Unspecified) => {
            Some("is no longer called generated")
        }
        ("filter", State::Value(_) | State::Set) => Some("is stored otherwise than it is checked out"),
        ("export-ignore" | "export-subst", _) => Some("differs in released archives"),
        ("text" | "eol" | "crlf" | "working-tree-encoding" | "ident", _) => {
            Some("has other bytes when it is checked out")
        }
        ("merge", _) => Some("is merged otherwise"),
        ("whitespace", _) => Some("is checked for white space otherwise"),
        _ => None,
    }
}

/// The attribute rules of the base, from the root down.
#[derive(Debug, Default)]
pub(crate) struct Attributes {
    /// Folder to its rules.
    files: BTreeMap<Vec<u8>, Vec<AttributeRule>>,
}

#[derive(Debug)]
pub(crate) struct AttributeRule {
    glob: Glob,
    words: Vec<(String, State)>,
}

impl Attributes {
    pub(crate) fn read(base: &BaseView<'_>) -> Self {
        let files = base.files.iter().filter(|(path, _)| is_attributes(path));
        let files = files.map(|(path, content)| {
            let folder = path.parents().last().unwrap_or_default();
            (folder.to_vec(), parse(content))
        });
        Self {
            files: files.collect(),
        }
    }

    /// Whether the base's rules call the path generated.
    pub(crate) fn is_generated(&self, path: &RepoPath) -> bool {
        let mut generated = false;
        for folder in std::iter::once(&b""[..]).chain(path.parents()) {
            let below = path.as_bytes().get(folder.len()..).unwrap_or_default();
            let below = below.strip_prefix(b"/").unwrap_or(below);
            for rule in self
                .files
                .get(folder)
                .into_iter()
                .flatten()
                .filter(|rule| rule.glob.matches(below))
            {
                for (name, state) in &rule.words {
                    if matches!(name.as_str(), "linguist-generated" | "gitlab-generated") {
                        generated = match state {
                            State::Set => true,
                            State::Value(value) => value != "false",
                            State::Unset | State::Unspecified => false,
                        };
                    }
                }
            }
        }
        generated
    }
}

/// Reads an attribute file; what git would skip is skipped.
pub(crate) fn parse(content: &[u8]) -> Vec<AttributeRule> {
    let lines = content.split(|b| *b == b'\n').take(MAX_LINES);
    let rules = lines.filter_map(|line| {
        let (pattern, words) = rule(&String::from_utf8_lossy(line))?;
        let glob = Glob::relative(pattern.as_bytes());
        (!pattern.ends_with('/')).then_some(AttributeRule { glob, words })
    });
    rules.collect()
}

/// The pattern and the attributes of a line.
fn rule(line: &str) -> Option<(String, Vec<(String, State)>)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with(['#', '!']) || line.starts_with("[attr]") {
        return None;
    }
    let (pattern, rest) = match line.strip_prefix('"') {
        Some(quoted) => {
            let (pattern, rest) = quoted.split_once('"')?;
            (pattern.to_owned(), rest)
        }
        None => {
            let end = line.find(char::is_whitespace).unwrap_or(line.len());
            (line[..end].to_owned(), &line[end..])
        }
    };
    let words = rest.split_whitespace().map(|word| {
        if let Some(name) = word.strip_prefix('-') {
            (name.to_owned(), State::Unset)
        } else if let Some(name) = word.strip_prefix('!') {
            (name.to_owned(), State::Unspecified)
        } else if let Some((name, value)) = word.split_once('=') {
            (name.to_owned(), State::Value(value.to_owned()))
        } else {
            (word.to_owned(), State::Set)
        }
    });
    Some((pattern, words.collect()))
}
