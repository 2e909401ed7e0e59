//! Path patterns as git writes them in ignore and attribute files, matched without exponential work.
//!
//! Source: gitignore(5), gitattributes(5). Bytes are compared, case counts.

/// Longest pattern that is looked at, in bytes; a longer one matches nothing.
pub(crate) const MAX_PATTERN_BYTES: usize = 4096;

/// A pattern cut at its slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glob {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// `**`: any number of folders.
    Folders,
    /// One name, with its wildcards.
    Name(Vec<Token>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Byte(u8),
    One,
    Many,
    /// Negated, and the ranges.
    Class(bool, Vec<(u8, u8)>),
}

impl Glob {
    /// A pattern relative to the folder of its file: without a slash it matches names at any depth.
    pub(crate) fn relative(pattern: &[u8]) -> Self {
        if pattern.len() > MAX_PATTERN_BYTES {
            return Self {
                parts: vec![Part::Name(vec![Token::Class(false, Vec::new())])],
            };
        }
        let body = pattern.strip_prefix(b"/").unwrap_or(pattern);
        let anchored = body.len() < pattern.len() || body.strip_suffix(b"/").unwrap_or(body).contains(&b'/');
        let mut parts = if anchored { Vec::new() } else { vec![Part::Folders] };
        parts.extend(body.split(|b| *b == b'/').map(|part| match part {
            b"**" => Part::Folders,
            name => Part::Name(tokens(name)),
        }));
        Self { parts }
    }

    /// The same, and everything below what it matches.
    pub(crate) fn and_below(mut self) -> Self {
        self.parts.push(Part::Folders);
        self
    }

    /// Whether the last part is a lone `*`.
    pub(crate) fn ends_in_star(&self) -> bool {
        self.parts.last() == Some(&Part::Name(vec![Token::Many]))
    }

    /// Whether the whole path matches.
    pub(crate) fn matches(&self, path: &[u8]) -> bool {
        let names: Vec<&[u8]> = path.split(|b| *b == b'/').collect();
        // reached[i]: the parts so far can take the first i names.
        let mut reached = vec![false; names.len() + 1];
        reached[0] = true;
        for part in &self.parts {
            let mut next = vec![false; names.len() + 1];
            match part {
                Part::Folders => {
                    let mut seen = false;
                    for (at, slot) in next.iter_mut().enumerate() {
                        seen |= reached[at];
                        *slot = seen;
                    }
                }
                Part::Name(tokens) => {
                    for (at, name) in names.iter().enumerate() {
                        next[at + 1] = reached[at] && name_matches(tokens, name);
                    }
                }
            }
            reached = next;
        }
        reached[names.len()]
    }
}

fn tokens(name: &[u8]) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < name.len() {
        match name[at] {
            b'*' => {
                if tokens.last() != Some(&Token::Many) {
                    tokens.push(Token::Many);
                }
            }
            b'?' => tokens.push(Token::One),
            b'\\' if at + 1 < name.len() => {
                at += 1;
                tokens.push(Token::Byte(name[at]));
            }
            b'[' => match class(&name[at..]) {
                Some((token, length)) => {
                    tokens.push(token);
                    at += length - 1;
                }
                None => tokens.push(Token::Byte(b'[')),
            },
            byte => tokens.push(Token::Byte(byte)),
        }
        at += 1;
    }
    tokens
}

/// `[a-z]`, `[!x]`: the token and how many bytes it takes.
fn class(text: &[u8]) -> Option<(Token, usize)> {
    let negated = matches!(text.get(1), Some(b'!' | b'^'));
    let start = if negated { 2 } else { 1 };
    let end = start + 1 + text.get(start + 1..)?.iter().position(|b| *b == b']')?;
    let inner = &text[start..end];
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < inner.len() {
        match inner.get(at..at + 3) {
            Some([low, b'-', high]) => {
                ranges.push((*low, *high));
                at += 3;
            }
            Some(_) | None => {
                ranges.push((inner[at], inner[at]));
                at += 1;
            }
        }
    }
    Some((Token::Class(negated, ranges), end + 1))
}

/// One name against its tokens: goes back to the last `*` only, so the work is at most their product.
fn name_matches(tokens: &[Token], name: &[u8]) -> bool {
    let (mut token, mut at) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < name.len() {
        match tokens.get(token) {
            Some(Token::Many) => {
                star = Some((token, at));
                token += 1;
            }
            Some(one) if takes(one, name[at]) => {
                token += 1;
                at += 1;
            }
            Some(_) | None => match star {
                Some((back, from)) => {
                    star = Some((back, from + 1));
                    (token, at) = (back + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    tokens[token..].iter().all(|rest| *rest == Token::Many)
}

fn takes(token: &Token, byte: u8) -> bool {
    match token {
        Token::Byte(wanted) => *wanted == byte,
        Token::One => true,
        Token::Many => false,
        Token::Class(negated, ranges) => {
            ranges.iter().any(|(low, high)| (*low..=*high).contains(&byte)) != *negated
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns_match_as_git_matches_them() {
        let table = [
            ("*.js", "a/b/c.js", true),
            ("*.js", "c.jsx", false),
            ("/*.js", "a/c.js", false),
            ("/*.js", "c.js", true),
            ("docs/*", "docs/a.md", true),
            ("docs/*", "docs/a/b.md", false),
            ("docs/**", "docs/a/b.md", true),
            ("**/logs", "a/b/logs", true),
            ("**/logs", "logs", true),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("a/**/b", "ab", false),
            ("file?.tx[s-u]", "file1.txt", true),
            ("file[!0-9].txt", "file1.txt", false),
            ("\\*.js", "a.js", false),
            ("\\*.js", "*.js", true),
            ("[", "[", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXbY", false),
        ];
        for (pattern, path, hit) in table {
            assert_eq!(
                Glob::relative(pattern.as_bytes()).matches(path.as_bytes()),
                hit,
                "{pattern} {path}"
            );
        }
    }

    #[test]
    fn a_pattern_made_to_be_slow_is_not() {
        let pattern = "*a".repeat(500);
        let name = "a".repeat(3_000) + "b";
        assert!(!Glob::relative(pattern.as_bytes()).matches(name.as_bytes()));
        let folders = "**/".repeat(500) + "x";
        assert!(!Glob::relative(folders.as_bytes()).matches("y/".repeat(2_000).as_bytes()));
    }

    proptest! {
        #[test]
        fn any_pattern_can_be_asked_about_any_path(
            pattern in proptest::collection::vec(any::<u8>(), 0..30),
            path in proptest::collection::vec(any::<u8>(), 0..30),
        ) {
            Glob::relative(&pattern).and_below().matches(&path);
        }

        #[test]
        fn a_plain_path_matches_itself_and_nothing_longer(path in "[a-z]{1,5}(/[a-z]{1,5}){1,3}") {
            let glob = Glob::relative(path.as_bytes());
            prop_assert!(glob.matches(path.as_bytes()));
            let longer = format!("{path}x");
            prop_assert!(!glob.matches(longer.as_bytes()));
        }
    }
}
