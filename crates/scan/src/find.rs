//! The engine: one pass of a keyword automaton over the text, and around each keyword only the rules that it wakes.
//!
//! Everything is bounded. A rule of our pack looks at a window beside its keyword and never at the whole text; rules of
//! rule files look at pieces of it. What the bounds leave out is said, never dropped.

use crate::Skipped;
use crate::allowed;
use crate::block;
use crate::entropy::{self, Bits};
use crate::expression::{Expression, Group, Match};
use crate::gitleaks::{Allowlist, Candidate};
use crate::rule::{Rule, Shape};
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

/// Longest text that is scanned, in bytes; the rest is left out and said to be.
pub const MAX_TEXT_BYTES: usize = 64 << 20;

/// Bytes that rules may look at per byte of text, on top of [`FREE_WORK`]. Ordinary text needs a few; a text that is
/// made of nothing but keywords runs into this.
pub const WORK_PER_BYTE: usize = 256;

/// Bytes that rules may look at in any text.
const FREE_WORK: usize = 16 << 20;

/// The window of an expression without a longest match.
const OPEN_WINDOW: usize = 4 << 10;

/// A token that is longer than its window is followed up to here.
const MAX_TOKEN_BYTES: usize = 16 << 10;

/// Rule files' expressions run over pieces of the text of this size, in bytes, so that none costs its square …
const PIECE: usize = 64 << 10;

/// … which overlap by this much, so that matches up to this size are found wherever they lie.
const OVERLAP: usize = 8 << 10;

/// Matches of one rule of a rule file in one text.
const MAX_MATCHES: usize = 10_000;

/// All rules of a scanner behind one automaton.
pub(crate) struct Engine {
    rules: Vec<Rule>,
    /// Over all keywords in lower case; `None` if there are none.
    automaton: Option<AhoCorasick>,
    /// Per keyword of the automaton: the rules that it wakes.
    wakes: Vec<Vec<Wake>>,
    /// From a rule file: hold for every rule.
    allowlists: Vec<Allowlist>,
}

struct Wake {
    rule: usize,
    /// The keyword as the rule spells it.
    exact: Box<str>,
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
        for (rule, keyword) in (0..).zip(&rules).flat_map(|(n, r)| r.keywords.iter().map(move |k| (n, k))) {
            let wakes = keywords.entry(keyword.to_ascii_lowercase()).or_default();
            wakes.push(Wake {
                rule,
                exact: keyword.clone(),
            });
        }
        let automaton = (!keywords.is_empty()).then(|| {
            AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .kind(Some(AhoCorasickKind::DFA))
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

    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rules that a path alone sets off.
    pub(crate) fn names(&self, path: &[u8]) -> Vec<usize> {
        let allowed = |rule: &Rule| self.path_is_allowed(rule, path);
        let hits = (0..).zip(&self.rules).filter(|(_, rule)| matches!(rule.shape, Shape::Name));
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

    fn path_is_allowed(&self, rule: &Rule, path: &[u8]) -> bool {
        let lists = self.allowlists.iter().chain(&rule.allowlists);
        lists.into_iter().any(|list| list.allows_path(path))
    }
}

/// One search: the text, and what it has cost so far.
struct Search<'a> {
    engine: &'a Engine,
    path: Option<&'a [u8]>,
    text: &'a [u8],
    /// The rules that are for this file at all.
    applies: Vec<bool>,
    /// Rules over the whole text that a keyword woke, or that need none.
    awake: Vec<bool>,
    /// Where each rule's last secret ended: a keyword inside of it is no new one.
    seen: Vec<usize>,
    work: usize,
    finds: Finds,
}

impl<'a> Search<'a> {
    fn new(engine: &'a Engine, path: Option<&'a [u8]>, text: &'a [u8]) -> Self {
        let mut finds = Finds::default();
        let scanned = &text[..text.len().min(MAX_TEXT_BYTES)];
        if scanned.len() < text.len() {
            finds.skipped.push(Skipped::TooLong {
                from: scanned.len(),
                total: text.len(),
            });
        }
        let rules = engine.rules.iter();
        let applies = |rule: &Rule| {
            let allowed = path.is_some_and(|path| engine.path_is_allowed(rule, path));
            rule.files.cover(path) && !allowed
        };
        Self {
            engine,
            path,
            text: scanned,
            applies: rules.clone().map(applies).collect(),
            awake: rules.map(|rule| rule.keywords.is_empty()).collect(),
            seen: vec![0; engine.rules.len()],
            work: FREE_WORK + scanned.len() * WORK_PER_BYTE,
            finds,
        }
    }

    /// One pass over the text; at each keyword, the rules that it wakes.
    fn keywords(&mut self) {
        let engine = self.engine;
        let Some(automaton) = &engine.automaton else {
            return;
        };
        for keyword in automaton.find_overlapping_iter(self.text) {
            for wake in &engine.wakes[keyword.pattern().as_usize()] {
                if self.applies[wake.rule] && !self.wake(wake, keyword.range()) {
                    let from = keyword.start().saturating_sub(OPEN_WINDOW);
                    self.finds.skipped.push(Skipped::TooMuchWork { from });
                    return;
                }
            }
        }
    }

    /// Tries one rule at a keyword; false once the work is used up.
    fn wake(&mut self, wake: &Wake, keyword: Range<usize>) -> bool {
        let rule = &self.engine.rules[wake.rule];
        let as_spelled = || self.text[keyword.clone()] == *wake.exact.as_bytes();
        let candidate = match &rule.shape {
            Shape::Name => None,
            Shape::Anywhere(..) => {
                self.awake[wake.rule] = true;
                None
            }
            Shape::Token(expression) => {
                if keyword.start < self.seen[wake.rule] || !as_spelled() || !begins_word(self.text, keyword.start) {
                    return true;
                }
                let window = self.window(expression, keyword.start, keyword.start);
                self.spend(&window)
                    .and_then(|()| self.token(expression, window))
            }
            Shape::Assigned(expression) => {
                let window = self.window(expression, keyword.end, keyword.end);
                self.spend(&window)
                    .and_then(|()| expression.find(self.text, window, true, Group::First))
                    .filter(|found| ends_value(self.text, found.secret.end))
            }
            Shape::Around(expression, before) => {
                let start = keyword.start.saturating_sub(*before).max(self.seen[wake.rule]);
                let window = self.window(expression, start, keyword.start);
                self.spend(&window)
                    .and_then(|()| expression.find(self.text, window, false, Group::First))
                    .filter(|found| ends_word(self.text, found.secret.end))
            }
            Shape::Block => {
                if keyword.start < self.seen[wake.rule] || !as_spelled() {
                    return true;
                }
                self.spend(&(0..block::MAX_BLOCK_BYTES / 16))
                    .and_then(|()| block::find(self.text, keyword.start, keyword.len()))
                    .map(|key| Match {
                        whole: key.clone(),
                        secret: key,
                    })
            }
        };
        if let Some(found) = candidate {
            self.accept(wake.rule, &found);
        }
        self.work > 0
    }

    /// From `start` on as far as the expression may reach from `anchor`.
    fn window(&self, expression: &Expression, start: usize, anchor: usize) -> Range<usize> {
        let reach = expression.longest().unwrap_or(OPEN_WINDOW);
        start..self.text.len().min(anchor + reach)
    }

    /// Takes a window's size off the work that is left; `None` if it can't be had.
    fn spend(&mut self, window: &Range<usize>) -> Option<()> {
        self.work = self.work.saturating_sub(window.len());
        (self.work > 0).then_some(())
    }

    /// A token from the window's start on, whole: one that reaches the window's end is followed to its own.
    fn token(&self, expression: &Expression, window: Range<usize>) -> Option<Match> {
        let edge = window.end;
        let mut found = expression.find(self.text, window, true, Group::First)?;
        if found.secret.end == edge && expression.longest().is_none() {
            let rest = &self.text[edge..self.text.len().min(edge + MAX_TOKEN_BYTES)];
            let more = rest.iter().take_while(|b| is_token_byte(**b)).count();
            found.secret.end += more;
            found.whole.end = found.whole.end.max(found.secret.end);
            return Some(found);
        }
        ends_word(self.text, found.secret.end).then_some(found)
    }

    /// The rules of rule files that are awake, over the whole text, piece by piece.
    fn whole(&mut self) {
        let engine = self.engine;
        for (number, rule) in (0..).zip(&engine.rules) {
            if let Shape::Anywhere(expression, group) = &rule.shape
                && self.awake[number]
                && self.applies[number]
            {
                self.everywhere(number, expression, *group);
            }
        }
    }

    fn everywhere(&mut self, number: usize, expression: &Expression, group: Group) {
        let mut at = 0;
        let mut piece = 0;
        let mut matches = 0;
        loop {
            let end = self.text.len().min(piece + PIECE + OVERLAP);
            while let Some(found) = expression.find(self.text, at.max(piece)..end, false, group) {
                matches += 1;
                if matches > MAX_MATCHES {
                    let rule = self.engine.rules[number].id.to_string();
                    self.finds.skipped.push(Skipped::TooManyMatches { rule, from: at });
                    return;
                }
                if found.whole.start >= piece + PIECE && end < self.text.len() {
                    break;
                }
                at = found.whole.end.max(found.whole.start + 1);
                if !found.secret.is_empty() {
                    self.accept(number, &found);
                }
                if at > end {
                    break;
                }
            }
            if end == self.text.len() {
                return;
            }
            piece += PIECE;
        }
    }

    /// Keeps a candidate if entropy, checks and allowlists let it stand.
    fn accept(&mut self, number: usize, found: &Match) {
        let rule = &self.engine.rules[number];
        let secret = &self.text[found.secret.clone()];
        let random = rule.entropy == Bits::NONE || entropy::of(secret) > rule.entropy;
        let stands = random
            && rule.check.holds(self.text, found)
            && !(rule.placeholders && (allowed::is_placeholder(secret) || allowed::is_documented(secret)));
        if !stands || self.is_allowed(rule, found) {
            return;
        }
        self.seen[number] = found.secret.end;
        self.finds.found.push(Found {
            rule: number,
            secret: found.secret.clone(),
        });
    }

    fn is_allowed(&self, rule: &Rule, found: &Match) -> bool {
        let candidate = Candidate {
            path: self.path,
            text: self.text,
            found,
        };
        let mut lists = self.engine.allowlists.iter().chain(&rule.allowlists);
        lists.any(|list| list.allows(&candidate))
    }

    /// One hit per place: rules that know the token before those that know its surroundings, the longer secret before
    /// the shorter, the earlier rule before the later.
    fn finish(mut self) -> Finds {
        let rules = &self.engine.rules;
        let mut found = std::mem::take(&mut self.finds.found);
        found.sort_by_key(|f| (rules[f.rule].generic, Reverse(f.secret.len()), f.rule, f.secret.start));
        let mut kept: BTreeMap<usize, Found> = BTreeMap::new();
        for next in found {
            let before = kept.range(..next.secret.end).next_back();
            if before.is_none_or(|(_, other)| other.secret.end <= next.secret.start) {
                kept.insert(next.secret.start, next);
            }
        }
        self.finds.found = kept.into_values().collect();
        self.finds
    }
}

/// Whether a token may begin here: not in the middle of a word, but behind an escape (`\n`, `%3D`).
fn begins_word(text: &[u8], at: usize) -> bool {
    let back = |n: usize| at.checked_sub(n).map(|p| text[p]);
    if !text[at].is_ascii_alphanumeric() || !back(1).is_some_and(|b| b.is_ascii_alphanumeric()) {
        return true;
    }
    let escaped = back(2) == Some(b'\\') && matches!(back(1), Some(b'n' | b'r' | b't'));
    escaped || back(3) == Some(b'%') && back(2).is_some_and(|b| b.is_ascii_hexdigit())
}

/// Whether a token may end here.
fn ends_word(text: &[u8], at: usize) -> bool {
    !text.get(at).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

/// Whether an assigned value may end here: it must be all of what was assigned.
fn ends_value(text: &[u8], at: usize) -> bool {
    let joins = |b: &u8| matches!(b, b'-' | b'+' | b'/' | b'=' | b'(' | b'[' | b'$' | b'{' | b':');
    let dotted = text.get(at) == Some(&b'.') && text.get(at + 1).is_some_and(u8::is_ascii_alphanumeric);
    ends_word(text, at) && !dotted && !text.get(at).is_some_and(joins)
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+' | b'/' | b'=')
}
