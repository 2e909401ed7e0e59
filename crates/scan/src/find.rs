//! The engine: all rules behind one keyword automaton. `search` runs it over a text.

use crate::Skipped;
use crate::gitleaks::Allowlist;
use crate::rule::{Rule, Shape};
use crate::search::Search;
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use std::collections::BTreeMap;
use std::ops::Range;

/// Longest text that is scanned, in bytes; the rest is left out and said to be.
pub const MAX_TEXT_BYTES: usize = 64 << 20;

/// Bytes that rules may look at per byte of text, on top of a fixed amount. Ordinary text needs a few; a text that is
/// made of nothing but keywords runs into this.
pub const WORK_PER_BYTE: usize = 256;

/// Keywords of so many bytes together get the fastest automaton; more would cost it too much memory.
const FAST_KEYWORD_BYTES: usize = 64 << 10;

/// All rules of a scanner behind one automaton.
pub(crate) struct Engine {
    pub(crate) rules: Vec<Rule>,
    /// Over all keywords in lower case; `None` if there are none.
    pub(crate) automaton: Option<AhoCorasick>,
    /// Per keyword of the automaton: the rules that it wakes.
    pub(crate) wakes: Vec<Vec<Wake>>,
    /// From a rule file: hold for every rule.
    pub(crate) allowlists: Vec<Allowlist>,
}

pub(crate) struct Wake {
    pub(crate) rule: usize,
    /// The keyword as the rule spells it.
    pub(crate) exact: Box<str>,
}

/// A secret's place in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) rule: usize,
    pub(crate) secret: Range<usize>,
}

/// What a search gives: by place and without overlaps, and what was left out.
#[derive(Default)]
pub(crate) struct Finds {
    pub(crate) found: Vec<Found>,
    pub(crate) skipped: Vec<Skipped>,
}

impl Engine {
    pub(crate) fn new(rules: Vec<Rule>, allowlists: Vec<Allowlist>) -> Self {
        let mut keywords: BTreeMap<String, Vec<Wake>> = BTreeMap::new();
        for (rule, keyword) in (0..)
            .zip(&rules)
            .flat_map(|(n, r)| r.keywords.iter().map(move |k| (n, k)))
        {
            let wakes = keywords.entry(keyword.to_ascii_lowercase()).or_default();
            wakes.push(Wake {
                rule,
                exact: keyword.clone(),
            });
        }
        let bytes: usize = keywords.keys().map(String::len).sum();
        let automaton = (!keywords.is_empty()).then(|| {
            AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .kind((bytes <= FAST_KEYWORD_BYTES).then_some(AhoCorasickKind::DFA))
                .build(keywords.keys())
                .expect("because the number and length of keywords are bounded")
        });
        Self {
            rules,
            automaton,
            wakes: keywords.into_values().collect(),
            allowlists,
        }
    }

    /// The rules that a path alone sets off.
    pub(crate) fn names(&self, path: &[u8]) -> Vec<usize> {
        let allowed = |rule: &Rule| self.path_is_allowed(rule, path);
        let hits = (0..)
            .zip(&self.rules)
            .filter(|(_, rule)| matches!(rule.shape, Shape::Name));
        hits.filter(|(_, rule)| rule.files.cover(Some(path)) && !allowed(rule))
            .map(|(number, _)| number)
            .collect()
    }

    /// All secrets of a text.
    pub(crate) fn find(&self, path: Option<&[u8]>, text: &[u8]) -> Finds {
        let mut search = Search::new(self, path, text);
        search.keywords();
        search.whole();
        search.finish()
    }

    pub(crate) fn path_is_allowed(&self, rule: &Rule, path: &[u8]) -> bool {
        let lists = self.allowlists.iter().chain(&rule.allowlists);
        lists.into_iter().any(|list| list.allows_path(path))
    }
}
