//! Regular expressions over bytes, compiled on first use and run inside a window.
//!
//! They never run unbounded over a text: the caller says where a match may begin and end.

use regex_automata::meta;
use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};
use regex_syntax::ParserBuilder;
use std::ops::Range;
use std::sync::OnceLock;

/// Largest automaton of one expression, in bytes. Rule files repeat classes hundreds of times.
const AUTOMATON_BYTES: usize = 16 << 20;

/// An expression that is compiled when it is first needed.
pub(crate) struct Expression {
    pattern: Box<str>,
    compiled: OnceLock<Compiled>,
}

struct Compiled {
    regex: meta::Regex,
    longest: Option<usize>,
}

/// Which group of a match is the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// The first group that took part and isn't empty, or else the whole match.
    First,
    /// This one; a match without it counts as none.
    Number(usize),
}

/// Where a match lies in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    /// All of it.
    pub(crate) whole: Range<usize>,
    /// The secret inside of it.
    pub(crate) secret: Range<usize>,
}

impl Expression {
    /// An expression of our own pack; a test compiles each.
    pub(crate) fn lazy(pattern: String) -> Self {
        Self {
            pattern: pattern.into_boxed_str(),
            compiled: OnceLock::new(),
        }
    }

    /// An expression of somebody else's file, compiled now.
    ///
    /// # Errors
    /// What is wrong with it, in one line.
    pub(crate) fn checked(pattern: String) -> Result<Self, String> {
        let compiled = compile(&pattern)?;
        Ok(Self {
            pattern: pattern.into_boxed_str(),
            compiled: OnceLock::from(compiled),
        })
    }

    fn compiled(&self) -> &Compiled {
        self.compiled.get_or_init(|| {
            compile(&self.pattern).expect("because a test compiles every expression of the pack")
        })
    }

    /// Bytes of the longest match, if there is such a bound.
    pub(crate) fn longest(&self) -> Option<usize> {
        self.compiled().longest
    }

    /// How many groups it has besides the whole match.
    pub(crate) fn groups(&self) -> usize {
        self.compiled()
            .regex
            .group_info()
            .group_len(regex_automata::PatternID::ZERO)
            - 1
    }

    /// Whether it matches anywhere in a text.
    pub(crate) fn is_match(&self, text: &[u8]) -> bool {
        self.compiled().regex.is_match(text)
    }

    /// The first match inside of a window of the text; at the window's start only, if anchored. What stands around
    /// the window counts for `\b` and `^`.
    pub(crate) fn find(
        &self,
        text: &[u8],
        window: Range<usize>,
        anchored: bool,
        group: Group,
    ) -> Option<Match> {
        let anchored = if anchored { Anchored::Yes } else { Anchored::No };
        let input = Input::new(text).range(window).anchored(anchored);
        let regex = &self.compiled().regex;
        let wanted = regex.group_info().slot_len();
        // Our own expressions have one group at most; no allocation for those.
        let (mut few, mut many) = ([None; 4], Vec::new());
        let slots = if wanted <= few.len() {
            &mut few[..wanted]
        } else {
            many.resize(wanted, None);
            &mut many[..]
        };
        regex.search_slots(&input, slots)?;
        let whole = range(slots, 0)?;
        let secret = match group {
            Group::First => (1..wanted / 2).find_map(|g| range(slots, g).filter(|r| !r.is_empty())),
            Group::Number(number) => Some(range(slots, number)?),
        };
        Some(Match {
            secret: secret.unwrap_or_else(|| whole.clone()),
            whole,
        })
    }
}

fn range(slots: &[Option<NonMaxUsize>], group: usize) -> Option<Range<usize>> {
    let [start, end] = slots.get(group * 2..group * 2 + 2)? else {
        return None;
    };
    Some(start.as_ref()?.get()..end.as_ref()?.get())
}

/// Bytes, not characters: `.` is a byte and `\w` is ASCII, as rule files mean it. Classes beyond ASCII (`[é]`, `\pL`)
/// can't be read that way; those expressions are read as Unicode.
fn compile(pattern: &str) -> Result<Compiled, String> {
    let parse = |unicode: bool| {
        let mut parser = ParserBuilder::new();
        let mut parser = parser.utf8(false).unicode(unicode).octal(true).build();
        parser.parse(pattern).map_err(|error| one_line(&error))
    };
    let hir = parse(false).or_else(|_| parse(true))?;
    let config = meta::Config::new()
        .utf8_empty(false)
        .nfa_size_limit(Some(AUTOMATON_BYTES));
    let regex = meta::Builder::new()
        .configure(config)
        .syntax(syntax::Config::new().utf8(false))
        .build_from_hir(&hir)
        .map_err(|error| format!("it is too large: {error}"))?;
    Ok(Compiled {
        regex,
        longest: hir.properties().maximum_len(),
    })
}

/// The parser's message draws a picture over several lines; its last line says what is wrong.
fn one_line(error: &regex_syntax::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Expression, Group};

    #[test]
    fn a_match_stays_in_its_window_and_sees_what_is_around() {
        let word = Expression::checked(r"\b[a-z]{3}".to_owned()).expect("it is well formed");
        let text = b"xabc def";
        assert!(word.find(text, 1..8, true, Group::First).is_none());
        let found = word.find(text, 1..8, false, Group::First);
        assert_eq!(found.map(|m| m.whole), Some(5..8));
        assert!(word.find(text, 1..7, false, Group::First).is_none());
    }

    #[test]
    fn the_secret_is_the_group() {
        let pair = Expression::checked("k=(?:(a+)|(b+))".to_owned()).expect("it is well formed");
        let find = |group| pair.find(b"k=bb", 0..4, true, group).map(|m| m.secret);
        assert_eq!(find(Group::First), Some(2..4));
        assert_eq!(find(Group::Number(2)), Some(2..4));
        assert_eq!(find(Group::Number(1)), None);
        assert_eq!(pair.groups(), 2);
        assert_eq!(pair.longest(), None);
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line() {
        let wrong = Expression::checked("a(".to_owned()).err();
        assert_eq!(wrong.as_deref(), Some("unclosed group"));
        assert!(Expression::checked("[é]".to_owned()).is_ok());
    }
}
