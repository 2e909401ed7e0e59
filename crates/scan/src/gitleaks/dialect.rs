//! From Go's regular expressions (RE2 syntax) to ours. Both are close; what differs is put so that it keeps Go's
//! meaning: a `{` that begins no repetition, a `[` inside of a class, `&&`, `--` and `~~` there, `\<`, `\>`, `\Q…\E`
//! and `\C`.

/// The expression in our syntax. What is wrong with it stays wrong; the parser says so.
pub(super) fn translate(regex: &str) -> String {
    let mut out = String::with_capacity(regex.len() + 8);
    let mut rest = regex;
    while let Some(next) = rest.chars().next() {
        let taken = match next {
            '\\' => escape(rest, &mut out),
            '[' => class(rest, &mut out),
            '{' => brace(rest, &mut out),
            other => {
                out.push(other);
                other.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    out
}

/// An escape outside of a class; gives its length.
fn escape(rest: &str, out: &mut String) -> usize {
    let Some(letter) = rest[1..].chars().next() else {
        out.push('\\');
        return 1;
    };
    match letter {
        'Q' => {
            let body = &rest[2..];
            let (literal, length) = match body.find("\\E") {
                Some(end) => (&body[..end], 2 + end + 2),
                None => (body, rest.len()),
            };
            out.push_str(&regex_syntax::escape(literal));
            return length;
        }
        'C' => out.push_str("(?s-u:.)"),
        '<' | '>' => out.push(letter),
        // The name of a class, or a code point, in braces: taken whole, so that its brace isn't read as a literal.
        'p' | 'P' | 'x' if rest[2..].starts_with('{') => {
            let length = rest.find('}').map_or(rest.len(), |end| end + 1);
            out.push_str(&rest[..length]);
            return length;
        }
        other => {
            out.push('\\');
            out.push(other);
        }
    }
    1 + letter.len_utf8()
}

/// A class from `[` to `]`; gives its length.
fn class(rest: &str, out: &mut String) -> usize {
    out.push('[');
    let mut at = 1;
    if rest[at..].starts_with('^') {
        out.push('^');
        at += 1;
    }
    // A `]` at the beginning is a member, in both.
    if rest[at..].starts_with(']') {
        out.push_str("\\]");
        at += 1;
    }
    while let Some(next) = rest[at..].chars().next() {
        let here = &rest[at..];
        match next {
            ']' => {
                out.push(']');
                return at + 1;
            }
            '[' => match here.starts_with("[:").then(|| here.find(":]")).flatten() {
                Some(end) => {
                    out.push_str(&here[..end + 2]);
                    at += end + 2;
                    continue;
                }
                None => out.push_str("\\["),
            },
            '\\' => {
                at += escape_in_class(here, out);
                continue;
            }
            '&' | '~' => {
                out.push('\\');
                out.push(next);
            }
            // A second dash in a row would be a difference of classes.
            '-' if here.starts_with("--") => out.push_str("\\-"),
            other => out.push(other),
        }
        at += next.len_utf8();
    }
    at
}

fn escape_in_class(here: &str, out: &mut String) -> usize {
    let Some(letter) = here[1..].chars().next() else {
        out.push('\\');
        return 1;
    };
    match letter {
        '<' | '>' => out.push(letter),
        other => {
            out.push('\\');
            out.push(other);
        }
    }
    1 + letter.len_utf8()
}

/// A `{`: a repetition if it is one in Go, else a literal; gives the length of what was read.
fn brace(rest: &str, out: &mut String) -> usize {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let first = digits(&rest[1..]);
    let mut end = 1 + first;
    if rest[end..].starts_with(',') {
        end += 1;
        end += digits(&rest[end..]);
    }
    if first > 0 && rest[end..].starts_with('}') && !out.is_empty() {
        out.push_str(&rest[..=end]);
        return end + 1;
    }
    out.push_str("\\{");
    1
}

#[cfg(test)]
mod tests {
    use super::translate;
    use crate::expression::Expression;

    #[test]
    fn what_go_reads_otherwise_is_put_so_that_we_read_it_as_go_does() {
        let cases = [
            (r"\${[a-z]+}", "${name}", "$name"),
            (r"a{2}{", "aa{", "aa"),
            (r"x{,3}", "x{,3}", "xx"),
            (r"[[(]key[)\]]", "[key]", "key"),
            (r"[a&&b]{3}", "a&b", "a-b"),
            (r"^[\w.--]$", "-", "*"),
            (r"\<b\>", "<b>", "b"),
            (r"\Qa.b{\E+", "a.b{{", "axb{"),
            (r"[^]x]{2}y", "aay", "]]y"),
            (r"[[:alpha:]-]{2}\z", "a-", "a-\n"),
            (r"\x{41}\x42", "AB", "ab"),
            (r"\{{2}", "{{", "{ {"),
            (r"\141", "a", "b"),
            (r"(?i)key", "KEY", "kex"),
            (r"(?P<n>a)(?<m>b)", "ab", "ba"),
            (r"[à-ü]", "é", "e"),
        ];
        for (go, yes, no) in cases {
            let ours = Expression::checked(translate(go)).unwrap_or_else(|e| panic!("{go}: {e}"));
            assert!(ours.is_match(yes.as_bytes()), "{go} → {} on {yes}", translate(go));
            assert!(!ours.is_match(no.as_bytes()), "{go} → {} on {no}", translate(go));
        }
    }

    #[test]
    fn what_both_read_alike_is_left_alone() {
        for regex in [
            r"a{2,3}b{4,}c{5}",
            r"[A-Za-z0-9_\-]{20}",
            r"(?:x|y)\b",
            r"[^\s'\x22]+",
            "é+",
        ] {
            assert_eq!(translate(regex), regex);
        }
    }

    #[test]
    fn broken_expressions_do_not_break_the_translation() {
        for regex in ["\\", "[", "[a", "[\\", "{", "\\Q", "\\p{", "\\x{", "[[:", "a{1"] {
            translate(regex);
        }
    }
}
