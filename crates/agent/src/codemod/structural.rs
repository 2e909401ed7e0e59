//! Structural rules: code with holes, matched against syntax trees by ast-grep's library.
//!
//! A rule without a language is compiled for every language that can read its pattern, and is used on the
//! files of those languages. Matches inside other matches are rewritten too: the outermost first, then again
//! on the result, as often as matches were nested at the start and never more, so that a rule that feeds
//! itself ends.

use super::budget::{Budget, OverLimit, check_inserted, check_places};
use crate::language::{Language, NoTree, Tree, parse};
use crate::text::short;
use ast_grep_config::{DeserializeEnv, RuleCore, SerializableRule, SerializableRuleCore};
use ast_grep_core::replacer::{Replacer, TemplateFix};
use ast_grep_core::{Matcher, Pattern};
use countersign_core::path::RepoPath;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::error::Error;

/// Longest pattern or rewrite, in bytes.
const PATTERN_MAX_BYTES: usize = 16 << 10;
/// Deepest nesting of matches that is rewritten in one run.
const NESTED_MAX: usize = 16;

/// A rule, compiled for each language that it can be read in.
pub(crate) struct Structural {
    shown: String,
    rewrite: String,
    explicit: Option<Language>,
    compiled: BTreeMap<Language, Compiled>,
}

struct Compiled {
    matching: Matching,
    fix: TemplateFix,
}

enum Matching {
    Pattern(Pattern),
    Rule(Box<RuleCore>),
}

/// Why one file was not rewritten.
pub(crate) enum Skip {
    /// The file has no usable syntax tree.
    NoTree(NoTree),
    /// A bound of the whole run was reached.
    OverLimit(OverLimit),
}

impl Structural {
    /// Compiles `pattern` + `rewrite`.
    ///
    /// # Errors
    /// When no language (or not the given one) can read the pattern, or the rewrite names an unknown hole.
    pub(crate) fn from_pattern(
        pattern: &str,
        rewrite: &str,
        explicit: Option<Language>,
    ) -> Result<Self, String> {
        check_size("pattern", pattern)?;
        if pattern.trim() == rewrite.trim() {
            return Err("`pattern` and `rewrite` are the same, so nothing would change".to_owned());
        }
        Self::compile(pattern.to_owned(), rewrite, explicit, |language| {
            pattern_for(pattern, language)
        })
    }

    /// Compiles an ast-grep rule object + `rewrite`.
    ///
    /// # Errors
    /// As [`Structural::from_pattern`]; also when the object has unknown or broken fields.
    pub(crate) fn from_rule(
        rule: toml::Table,
        rewrite: &str,
        explicit: Option<Language>,
    ) -> Result<Self, String> {
        let shown = rule
            .to_string()
            .replace('\n', ", ")
            .trim_end_matches(", ")
            .to_owned();
        check_size("rule", &shown)?;
        let form = SerializableRule::deserialize(toml::Value::Table(rule))
            .map_err(|e| format!("`rule` can't be read: {}", e.to_string().trim_end()))?;
        Self::compile(shown, rewrite, explicit, |language| rule_for(&form, language))
    }

    fn compile(
        shown: String,
        rewrite: &str,
        explicit: Option<Language>,
        matching: impl Fn(Language) -> Result<Matching, String>,
    ) -> Result<Self, String> {
        check_size("rewrite", rewrite)?;
        let languages = Language::ALL
            .into_iter()
            .filter(|language| explicit.is_none_or(|only| only == *language));
        let mut compiled = BTreeMap::new();
        let mut refusal = None;
        for language in languages {
            match matching(language).and_then(|matching| with_fix(matching, rewrite, language)) {
                Ok(rule) => {
                    compiled.insert(language, rule);
                }
                // The last word is the most telling: a hole that the rewrite misses is refused by every
                // language.
                Err(why) => refusal = Some(why),
            }
        }
        match refusal {
            Some(why) if compiled.is_empty() && explicit.is_none() => Err(format!(
                "{why} (nor as any other known language); set `language` for the exact reason"
            )),
            Some(why) if compiled.is_empty() => Err(why),
            Some(_) | None => Ok(Self {
                shown,
                rewrite: rewrite.to_owned(),
                explicit,
                compiled,
            }),
        }
    }

    /// In which language the rule reads this file; `None` when it is not about it. A file whose extension
    /// says nothing is read only where both the language and a glob that names the file are given.
    pub(crate) fn language_for(&self, path: &RepoPath, named_by_glob: bool) -> Option<Language> {
        let language = match (Language::of_path(path), self.explicit) {
            (Some(known), _) => known,
            (None, Some(explicit)) if named_by_glob => explicit,
            (None, Some(_) | None) => return None,
        };
        self.compiled.contains_key(&language).then_some(language)
    }

    /// Whether the rule is used on Rust, whose macro calls have no syntax tree inside.
    pub(crate) fn reads_rust(&self) -> bool {
        self.compiled.contains_key(&Language::Rust)
    }

    /// The text after the change (`None`: nothing found) and how many places were found.
    ///
    /// # Errors
    /// When the file has no usable tree or a bound is reached.
    pub(crate) fn rewrite(
        &self,
        language: Language,
        text: &str,
        budget: &mut Budget,
    ) -> Result<(Option<String>, usize), Skip> {
        let Some(rule) = self.compiled.get(&language) else {
            return Ok((None, 0));
        };
        let mut current: Option<String> = None;
        let mut places = 0;
        let mut passes = 1;
        let mut pass = 0;
        while pass < passes {
            let tree = parse(language, current.as_deref().unwrap_or(text)).map_err(Skip::NoTree)?;
            let found = rule.one_pass(&tree).map_err(Skip::OverLimit)?;
            if pass == 0 {
                budget.places(found.places).map_err(Skip::OverLimit)?;
                places = found.places;
                passes = found.nested.min(NESTED_MAX);
            }
            match found.text {
                Some(next) => current = Some(next),
                None => break,
            }
            pass += 1;
        }
        Ok((current, places))
    }

    /// For people.
    pub(crate) fn change(&self) -> String {
        format!("Rewrite `{}` to `{}`", short(&self.shown), short(&self.rewrite))
    }
}

fn check_size(field: &str, text: &str) -> Result<(), String> {
    if text.len() > PATTERN_MAX_BYTES {
        return Err(format!(
            "`{field}` has {} bytes; at most {PATTERN_MAX_BYTES} are read",
            text.len()
        ));
    }
    Ok(())
}

fn pattern_for(pattern: &str, language: Language) -> Result<Matching, String> {
    let refuse = |why: String| format!("`pattern` can't be read as {}: {why}", language.name());
    // Measured first: building the pattern recurses with its depth.
    parse(language, pattern).map_err(|no_tree| refuse(no_tree.0.to_owned()))?;
    let built = Pattern::try_new(pattern, language.grammar()).map_err(|e| refuse(e.to_string()))?;
    if built.has_error() {
        return Err(refuse("it is not a complete piece of code".to_owned()));
    }
    Ok(Matching::Pattern(built))
}

fn rule_for(form: &SerializableRule, language: Language) -> Result<Matching, String> {
    let core = SerializableRuleCore {
        rule: form.clone(),
        constraints: None,
        utils: None,
        transform: None,
    };
    let rule = core
        .get_matcher(DeserializeEnv::new(language.grammar()))
        .map_err(|e| {
            format!(
                "`rule` can't be used for {}: {}",
                language.name(),
                with_sources(&e)
            )
        })?;
    if rule.potential_kinds().is_none() {
        return Err("`rule` would look at every node; add `kind` or `pattern` to it".to_owned());
    }
    Ok(Matching::Rule(Box::new(rule)))
}

fn with_fix(matching: Matching, rewrite: &str, language: Language) -> Result<Compiled, String> {
    let fix = TemplateFix::try_new(rewrite, &language.grammar()).map_err(|e| e.to_string())?;
    let known = match &matching {
        Matching::Pattern(pattern) => pattern.defined_vars(),
        Matching::Rule(rule) => rule.defined_vars(),
    };
    let mut unknown: Vec<&str> = fix
        .used_vars()
        .into_iter()
        .filter(|name| !known.contains(name))
        .collect();
    unknown.sort_unstable();
    match unknown.first() {
        Some(name) => Err(format!(
            "`rewrite` uses `${name}`, which the pattern or rule does not define"
        )),
        None => Ok(Compiled { matching, fix }),
    }
}

fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(" {cause}"));
        source = cause.source();
    }
    text
}

/// What one pass over a tree found and made.
struct Pass {
    text: Option<String>,
    places: usize,
    nested: usize,
}

impl Compiled {
    fn one_pass(&self, tree: &Tree) -> Result<Pass, OverLimit> {
        match &self.matching {
            Matching::Pattern(pattern) => rewrite_outermost(tree, pattern, &self.fix),
            Matching::Rule(rule) => rewrite_outermost(tree, rule.as_ref(), &self.fix),
        }
    }
}

/// Rewrites the outermost matches and measures how deep matches are nested.
fn rewrite_outermost<M: Matcher>(tree: &Tree, matcher: &M, fix: &TemplateFix) -> Result<Pass, OverLimit> {
    let text = tree.get_text();
    let mut out = String::new();
    let mut kept = 0;
    let mut open_ends: Vec<usize> = Vec::new();
    let mut found = Pass {
        text: None,
        places: 0,
        nested: 0,
    };
    for node in tree.root().find_all(matcher) {
        found.places += 1;
        check_places(found.places)?;
        let range = Replacer::get_replaced_range(fix, &node, matcher);
        // Matches come outermost first, so the innermost open one is the last.
        while open_ends.last().is_some_and(|end| *end <= range.start) {
            open_ends.pop();
        }
        open_ends.push(range.end);
        found.nested = found.nested.max(open_ends.len());
        if range.start < kept {
            continue;
        }
        // Holes are cut at node borders, so this is UTF-8; where it is not, the place stays as it is.
        let Ok(inserted) = String::from_utf8(fix.generate_replacement(&node)) else {
            continue;
        };
        out.push_str(&text[kept..range.start]);
        out.push_str(&inserted);
        check_inserted(out.len())?;
        kept = range.end;
    }
    if found.places > 0 {
        out.push_str(&text[kept..]);
        found.text = Some(out);
    }
    Ok(found)
}
