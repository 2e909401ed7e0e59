//! The rules as people write them, read strictly: what is not understood is refused with its line.
//!
//! A fenced block with the word `codemod` holds TOML. Several blocks in one text are one list of steps:
//!
//! ````text
//! ```codemod
//! [[step]]
//! title = "Rename quote to quote_grams"   # optional
//! repo = "tollgate"                       # optional: a repository's short name; default: every repository
//! files = "src/**/*.rs"                   # optional: a glob or a list of globs; default: every file
//! pattern = "quote($W)"                   # structural: code with holes, as in ast-grep …
//! rewrite = "quote_grams($W)"
//!
//! [[step]]
//! language = "python"                     # optional for structural rules; default: what the extension says
//! rule = { kind = "identifier", regex = "^quote$" }   # … or an ast-grep rule object
//! rewrite = "quote_grams"
//!
//! [[step]]
//! files = ["*.md", "docs/**"]
//! search = "quote("                       # or plain text, exactly as written
//! replace = "quote_grams("
//! word = true                             # optional: not as a part of a longer word
//! ```
//! ````
//!
//! `*` in a glob stays inside one folder, `**` crosses folders. Steps run in order, each on the result of the
//! ones before it. When a later comment (a request for changes, an answer) carries blocks, the latest such
//! comment holds the complete new rules, and nothing of the older ones counts.

use super::plain::Plain;
use super::structural::Structural;
use crate::blocks::{Block, fenced};
use crate::language::Language;
use crate::text::short;
use countersign_core::path::RepoPath;
use countersign_ports::agent::{AgentRepo, Guidance};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::Deserialize;
use serde::de::{self, SeqAccess, Visitor};
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use toml::Spanned;

/// Most steps of one list of rules.
pub(crate) const STEPS_MAX: usize = 100;
/// Most globs of one step.
const GLOBS_MAX: usize = 100;

/// What a well-formed block looks like, for the question when there is none.
pub(crate) const EXAMPLE: &str = "\
```codemod
[[step]]
files = \"src/**/*.rs\"
pattern = \"quote($W)\"
rewrite = \"quote_grams($W)\"
```
(or `search = \"…\"` and `replace = \"…\"` for plain text)";

/// Why there are no rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RulesError {
    /// No text carries a block.
    #[error("the text has no `codemod` block; add the rules as a fenced block:\n{EXAMPLE}")]
    Missing,
    /// A block is there and can't be read.
    #[error("{place}: {message}")]
    Malformed {
        /// Line and text.
        place: String,
        /// What is wrong and what would be accepted.
        message: String,
    },
}

/// One step: which files, and how they change.
pub(crate) struct Rule {
    /// Its place in the list, from 1.
    pub(crate) number: usize,
    /// What people call it.
    pub(crate) title: String,
    /// Only in the repository of that short name.
    pub(crate) repo: Option<String>,
    /// Only in files that match.
    pub(crate) files: Option<GlobSet>,
    /// How a file changes.
    pub(crate) how: How,
    /// Where it was written.
    pub(crate) place: String,
}

/// How a file changes.
pub(crate) enum How {
    /// By its syntax tree.
    Structural(Structural),
    /// By its text.
    Plain(Plain),
}

impl Rule {
    /// Whether the step is about this file, and in which language it is read then (`None`: as text).
    pub(crate) fn covers(&self, repo: &str, path: &RepoPath) -> Option<Option<Language>> {
        if self.repo.as_deref().is_some_and(|name| name != repo) {
            return None;
        }
        if self
            .files
            .as_ref()
            .is_some_and(|globs| !globs.is_match(Path::new(OsStr::from_bytes(path.as_bytes()))))
        {
            return None;
        }
        match &self.how {
            How::Plain(_) => Some(None),
            How::Structural(structural) => structural.language_for(path, self.files.is_some()).map(Some),
        }
    }

    /// `rule 2 (Rename quote to quote_grams)`
    pub(crate) fn label(&self) -> String {
        format!("rule {} ({})", self.number, self.title)
    }

    /// `quote($W)` → `quote_grams($W)`
    pub(crate) fn change(&self) -> String {
        match &self.how {
            How::Structural(structural) => structural.change(),
            How::Plain(plain) => plain.change(),
        }
    }
}

/// Reads the rules that hold now: of the latest comment that carries blocks, else of the feedback.
///
/// # Errors
/// When there is no block, or one can't be read or names an unknown repository.
pub(crate) fn read(
    feedback: &str,
    guidance: &[Guidance],
    repositories: &[AgentRepo],
) -> Result<Vec<Rule>, RulesError> {
    for comment in guidance.iter().rev() {
        let source = format!("the comment on revision {}", comment.revision);
        let rules = read_text(&comment.text, &source, repositories)?;
        if !rules.is_empty() {
            return Ok(rules);
        }
    }
    let rules = read_text(feedback, "the issue text", repositories)?;
    if rules.is_empty() {
        Err(RulesError::Missing)
    } else {
        Ok(rules)
    }
}

fn read_text(text: &str, source: &str, repositories: &[AgentRepo]) -> Result<Vec<Rule>, RulesError> {
    let blocks = fenced(text, "codemod").map_err(|unclosed| RulesError::Malformed {
        place: format!("line {} of {source}", unclosed.line),
        message: "the `codemod` block is never closed; end it with a line of ```".to_owned(),
    })?;
    let mut rules = Vec::new();
    for block in &blocks {
        read_block(block, source, repositories, &mut rules)?;
    }
    Ok(rules)
}

fn read_block(
    block: &Block,
    source: &str,
    repositories: &[AgentRepo],
    rules: &mut Vec<Rule>,
) -> Result<(), RulesError> {
    let place = |offset: usize| {
        let upto = block.content.get(..offset).unwrap_or(&block.content);
        format!("line {} of {source}", block.line + 1 + upto.matches('\n').count())
    };
    let form: BlockForm = toml::from_str(&block.content).map_err(|error| RulesError::Malformed {
        place: place(error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    })?;
    if form.step.is_empty() {
        let message = "the block holds no `[[step]]`; write at least one".to_owned();
        return Err(RulesError::Malformed {
            place: format!("line {} of {source}", block.line),
            message,
        });
    }
    for step in form.step {
        let at = place(step.span().start);
        if rules.len() == STEPS_MAX {
            let message = format!("more than {STEPS_MAX} steps; split the work into several issues");
            return Err(RulesError::Malformed { place: at, message });
        }
        let rule = rule(step.into_inner(), rules.len() + 1, at.clone(), repositories)
            .map_err(|message| RulesError::Malformed { place: at, message })?;
        rules.push(rule);
    }
    Ok(())
}

/// Turns one step into a rule; an error is a message without its place.
fn rule(form: StepForm, number: usize, place: String, repositories: &[AgentRepo]) -> Result<Rule, String> {
    if let Some(name) = form
        .repo
        .as_deref()
        .filter(|name| repositories.iter().all(|r| r.name != *name))
    {
        let known = crate::answer::names(repositories);
        return Err(format!(
            "`repo` names `{name}`, which is not part of this workflow; it has {known}"
        ));
    }
    let files = form.files.map(|globs| globs.compile()).transpose()?;
    let language = form.language.as_deref().map(language_named).transpose()?;
    let how = match (form.pattern, form.rule, form.search) {
        (Some(pattern), None, None) => {
            let rewrite = structural_rewrite(form.rewrite, form.replace.is_some(), form.word.is_some())?;
            How::Structural(Structural::from_pattern(&pattern, &rewrite, language)?)
        }
        (None, Some(rule), None) => {
            let rewrite = structural_rewrite(form.rewrite, form.replace.is_some(), form.word.is_some())?;
            How::Structural(Structural::from_rule(rule, &rewrite, language)?)
        }
        (None, None, Some(search)) => {
            if form.rewrite.is_some() || language.is_some() {
                return Err(
                    "`search` goes with `replace`, `word` and `files`, not with `rewrite` or `language`"
                        .to_owned(),
                );
            }
            let replace = form.replace.ok_or("`search` needs `replace` (it may be empty)")?;
            How::Plain(Plain::new(search, replace, form.word.unwrap_or(false))?)
        }
        _ => {
            return Err(
                "a step needs exactly one of `pattern`, `rule` (both with `rewrite`) and `search`".to_owned(),
            );
        }
    };
    let mut rule = Rule {
        number,
        title: String::new(),
        repo: form.repo,
        files,
        how,
        place,
    };
    rule.title = match form.title.as_deref().map(short) {
        Some(title) if !title.is_empty() => title,
        Some(_) | None => rule.change(),
    };
    Ok(rule)
}

fn structural_rewrite(rewrite: Option<String>, replace: bool, word: bool) -> Result<String, String> {
    if replace || word {
        return Err("`replace` and `word` go with `search`; a `pattern` or `rule` has `rewrite`".to_owned());
    }
    rewrite.ok_or_else(|| "a `pattern` or `rule` needs `rewrite` (it may be empty)".to_owned())
}

fn language_named(name: &str) -> Result<Language, String> {
    Language::from_name(name).ok_or_else(|| {
        let known: Vec<&str> = Language::ALL.into_iter().map(Language::name).collect();
        format!(
            "`language` is `{name}`; known are {}; use `search` for other files",
            known.join(", ")
        )
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BlockForm {
    #[serde(default)]
    step: Vec<Spanned<StepForm>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepForm {
    title: Option<String>,
    repo: Option<String>,
    files: Option<Globs>,
    language: Option<String>,
    pattern: Option<String>,
    rule: Option<toml::Table>,
    rewrite: Option<String>,
    search: Option<String>,
    replace: Option<String>,
    word: Option<bool>,
}

/// One glob or a list of them.
struct Globs(Vec<String>);

impl Globs {
    fn compile(&self) -> Result<GlobSet, String> {
        if self.0.is_empty() || self.0.len() > GLOBS_MAX {
            return Err(format!(
                "`files` needs 1 to {GLOBS_MAX} globs; leave it out for every file"
            ));
        }
        let mut set = GlobSetBuilder::new();
        for glob in &self.0 {
            let compiled = GlobBuilder::new(glob).literal_separator(true).build();
            set.add(compiled.map_err(|e| format!("`files` holds a broken glob: {e}"))?);
        }
        set.build().map_err(|e| format!("`files` can't be used: {e}"))
    }
}

impl<'de> Deserialize<'de> for Globs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;
        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Globs;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a glob or a list of globs")
            }
            fn visit_str<E: de::Error>(self, glob: &str) -> Result<Globs, E> {
                Ok(Globs(vec![glob.to_owned()]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Globs, A::Error> {
                let mut globs = Vec::new();
                while let Some(glob) = list.next_element::<String>()? {
                    globs.push(glob);
                }
                Ok(Globs(globs))
            }
        }
        deserializer.deserialize_any(OneOrMany)
    }
}
