//! One search of one text: the pass over keywords, the rules beside them, the rules over all of it.
//!
//! Everything is bounded. A rule of our pack looks at a window beside its keyword and never at the whole text; rules of
//! rule files look at pieces of it. What the bounds leave out is said, never dropped.

use crate::Skipped;
use crate::allowed;
use crate::block;
use crate::edges::{begins_word, ends_value, ends_word, is_token_byte};
use crate::entropy::{self, Bits};
use crate::expression::{Expression, Group, Match};
use crate::find::{Engine, Finds, Found, MAX_TEXT_BYTES, WORK_PER_BYTE, Wake};
use crate::gitleaks::Candidate;
use crate::rule::{Pretence, Rule, Shape};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

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

/// Matches of one rule around one keyword.
const MATCHES_AROUND: usize = 8;

/// What a header of a key is charged with; those without a key behind them are read no further than this.
const BLOCK_WORK: usize = 4 << 10;

/// One search: the text, and what it has cost so far.
pub(crate) struct Search<'a> {
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
    pub(crate) fn new(engine: &'a Engine, path: Option<&'a [u8]>, text: &'a [u8]) -> Self {
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
    pub(crate) fn keywords(&mut self) {
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
                if keyword.start < self.seen[wake.rule]
                    || !as_spelled()
                    || !begins_word(self.text, keyword.start)
                {
                    return true;
                }
                let window = self.window(expression, keyword.start, keyword.start);
                self.spend(&window).and_then(|()| self.token(expression, window))
            }
            Shape::Assigned(expression) => {
                let window = self.window(expression, keyword.end, keyword.end);
                self.spend(&window)
                    .and_then(|()| expression.find(self.text, window, true, Group::First))
                    .filter(|found| ends_value(self.text, found.secret.end))
            }
            Shape::Around(expression, before) => {
                self.around(wake.rule, expression, *before, keyword);
                None
            }
            Shape::Block => {
                if keyword.start < self.seen[wake.rule] || !as_spelled() {
                    return true;
                }
                self.spend(&(0..BLOCK_WORK))
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
        start..self.text.len().min(anchor + reach).max(start)
    }

    /// Takes a window's size off the work that is left; `None` if it can't be had.
    fn spend(&mut self, window: &Range<usize>) -> Option<()> {
        self.work = self.work.saturating_sub(window.len());
        (self.work > 0).then_some(())
    }

    /// All matches around a keyword: one that is a placeholder must not hide the one behind it.
    fn around(&mut self, number: usize, expression: &Expression, before: usize, keyword: Range<usize>) {
        let mut start = keyword.start.saturating_sub(before).max(self.seen[number]);
        for _ in 0..MATCHES_AROUND {
            let window = self.window(expression, start, keyword.start);
            if window.is_empty() || self.spend(&window).is_none() {
                return;
            }
            let Some(found) = expression.find(self.text, window, false, Group::First) else {
                return;
            };
            start = found.whole.start + 1;
            if ends_word(self.text, found.secret.end) {
                self.accept(number, &found);
                start = start.max(self.seen[number]);
            }
        }
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
    pub(crate) fn whole(&mut self) {
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
                    self.finds
                        .skipped
                        .push(Skipped::TooManyMatches { rule, from: at });
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
        let pretends = match rule.pretence {
            Pretence::Any => allowed::is_placeholder(secret) || allowed::is_documented(secret),
            Pretence::Documented => allowed::is_documented(secret),
            Pretence::None => false,
        };
        let stands = random && rule.check.holds(self.text, found) && !pretends;
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
    pub(crate) fn finish(mut self) -> Finds {
        let rules = &self.engine.rules;
        let mut found = std::mem::take(&mut self.finds.found);
        found.sort_by_key(|f| {
            (
                rules[f.rule].generic,
                Reverse(f.secret.len()),
                f.rule,
                f.secret.start,
            )
        });
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
