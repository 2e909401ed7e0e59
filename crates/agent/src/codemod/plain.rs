//! Plain search and replace. It knows text, not code, and the plan says so as a risk.

use super::budget::{Budget, OverLimit, check_inserted};
use crate::text::short;

/// Exact text and what stands in its place.
pub(crate) struct Plain {
    search: String,
    replace: String,
    word: bool,
}

impl Plain {
    /// # Errors
    /// When there is nothing to search for, or nothing would change.
    pub(crate) fn new(search: String, replace: String, word: bool) -> Result<Self, String> {
        if search.is_empty() {
            return Err("`search` is empty; write the text to look for".to_owned());
        }
        if search == replace {
            return Err("`search` and `replace` are the same, so nothing would change".to_owned());
        }
        Ok(Self {
            search,
            replace,
            word,
        })
    }

    /// The text after the change (`None`: nothing found) and how many places were replaced, left to right.
    ///
    /// # Errors
    /// When a bound is reached.
    pub(crate) fn rewrite(
        &self,
        text: &str,
        budget: &mut Budget,
    ) -> Result<(Option<String>, usize), OverLimit> {
        let mut out = String::new();
        let mut kept = 0;
        let mut places = 0;
        for (at, found) in text.match_indices(&self.search) {
            if self.word && !self.stands_alone(text, at) {
                continue;
            }
            budget.places(1)?;
            places += 1;
            check_inserted(places * self.replace.len())?;
            out.push_str(&text[kept..at]);
            out.push_str(&self.replace);
            kept = at + found.len();
        }
        if places == 0 {
            return Ok((None, 0));
        }
        out.push_str(&text[kept..]);
        Ok((Some(out), places))
    }

    /// An end of the search text that is part of a word must not touch another part of a word.
    fn stands_alone(&self, text: &str, at: usize) -> bool {
        let joined = |inner: Option<char>, outer: Option<char>| {
            inner.is_some_and(in_word) && outer.is_some_and(in_word)
        };
        let before = text[..at].chars().next_back();
        let after = text[at + self.search.len()..].chars().next();
        !joined(self.search.chars().next(), before) && !joined(self.search.chars().next_back(), after)
    }

    /// For people.
    pub(crate) fn change(&self) -> String {
        format!("Replace `{}` by `{}`", short(&self.search), short(&self.replace))
    }
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(search: &str, replace: &str, word: bool, text: &str) -> (Option<String>, usize) {
        let plain = Plain::new(search.to_owned(), replace.to_owned(), word).expect("valid");
        plain.rewrite(text, &mut Budget::default()).expect("small")
    }

    #[test]
    fn whole_words_are_told_from_parts() {
        assert_eq!(
            run("quote", "q", true, "quote quotes un_quote (quote)"),
            (Some("q quotes un_quote (q)".into()), 2)
        );
        assert_eq!(
            run("quote(", "q(", true, "quote(1) unquote(2)"),
            (Some("q(1) unquote(2)".into()), 1)
        );
        assert_eq!(run("é", "e", true, "é éa"), (Some("e éa".into()), 1));
    }

    #[test]
    fn nothing_found_is_no_change() {
        assert_eq!(run("x", "y", false, "abc"), (None, 0));
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_built() {
        let plain = Plain::new("a".to_owned(), "b".repeat(100_000), false).expect("valid");
        assert!(plain.rewrite(&"a".repeat(1000), &mut Budget::default()).is_err());
    }
}
