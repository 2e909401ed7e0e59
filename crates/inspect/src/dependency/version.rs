//! Which of two versions is the later one, by each ecosystem's rules as far as they can be told from the text.
//!
//! Sources: semver.org 2.0 (cargo, npm, go), PEP 440 (python), Maven's ComparableVersion (java). For requirements
//! (`^1.2`, `>=1,<2`) the first version in them counts. It never guesses: what it can't order has no order.

use countersign_core::dependency::Ecosystem;
use std::cmp::Ordering;

/// Most parts of a version that are compared.
const MAX_PARTS: usize = 64;

/// Orders two versions or requirements; none where both are equal in what counts or can't be read.
pub(super) fn order(ecosystem: Ecosystem, before: &str, after: &str) -> Option<Ordering> {
    let parse = |text| Version::first_in(ecosystem, text);
    match parse(before)?.cmp(&parse(after)?) {
        Ordering::Equal => None,
        different @ (Ordering::Less | Ordering::Greater) => Some(different),
    }
}

/// Epoch, numbers, then what comes before or after the release.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    epoch: u64,
    release: Vec<u64>,
    rest: Vec<Part>,
}

/// The variants' order is the versions' order: a pre-release lies before the end, a post-release after it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Dev,
    /// Numeric identifiers of a semver pre-release lie below alphanumeric ones.
    PreNumber(u64),
    PreWord(String),
    Snapshot,
    End,
    Post,
    Number(u64),
}

impl Version {
    fn first_in(ecosystem: Ecosystem, text: &str) -> Option<Self> {
        let start = text.find(|c: char| c.is_ascii_digit())?;
        let text = &text[start..];
        let end = text.find(|c: char| c.is_whitespace() || ",|<>=;@&()[]\"'".contains(c));
        let text = &text[..end.unwrap_or(text.len())];
        let (epoch, text) = match text.split_once('!') {
            Some((epoch, rest)) if ecosystem == Ecosystem::Python => (epoch.parse().ok()?, rest),
            Some(_) | None => (0, text),
        };
        let text = text
            .split_once('+')
            .map_or(text, |(version, _)| version)
            .to_lowercase();
        let digits = text
            .char_indices()
            .find(|(at, c)| !(c.is_ascii_digit() || *c == '.' && next_is_digit(&text, *at)))
            .map_or(text.len(), |(at, _)| at);
        let (numbers, rest) = text.split_at(digits);
        let mut release: Vec<u64> = Vec::new();
        for number in numbers.split('.').take(MAX_PARTS) {
            release.push(number.parse().ok()?);
        }
        while release.last() == Some(&0) {
            release.pop();
        }
        let rest = match ecosystem {
            Ecosystem::Cargo | Ecosystem::Npm | Ecosystem::Go => semver_rest(rest),
            Ecosystem::Python | Ecosystem::Java => worded_rest(rest),
        };
        Some(Self { epoch, release, rest })
    }
}

fn next_is_digit(text: &str, at: usize) -> bool {
    text[at + 1..].starts_with(|c: char| c.is_ascii_digit())
}

fn semver_rest(rest: &str) -> Vec<Part> {
    let Some(pre) = rest.strip_prefix('-').filter(|pre| !pre.is_empty()) else {
        return vec![Part::End];
    };
    let part = |word: &str| match word.parse() {
        Ok(number) => Part::PreNumber(number),
        Err(_) => Part::PreWord(word.to_owned()),
    };
    pre.split('.').take(MAX_PARTS).map(part).collect()
}

fn worded_rest(rest: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    for word in words(rest).into_iter().take(MAX_PARTS) {
        parts.push(match word {
            "dev" => Part::Dev,
            "a" | "alpha" => Part::PreWord("a".to_owned()),
            "b" | "beta" => Part::PreWord("b".to_owned()),
            "m" | "milestone" => Part::PreWord("m".to_owned()),
            "c" | "rc" | "cr" | "pre" | "preview" => Part::PreWord("rc".to_owned()),
            "snapshot" => Part::Snapshot,
            "final" | "ga" | "release" => continue,
            "post" | "sp" | "rev" | "r" => Part::Post,
            other => match other.parse() {
                Ok(number) => Part::Number(number),
                Err(_) => Part::Post,
            },
        });
    }
    parts.push(Part::End);
    parts
}

/// Runs of letters and runs of digits.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    while let Some(first) = rest.chars().next() {
        let same = |c: char| c.is_ascii_alphanumeric() && c.is_ascii_digit() == first.is_ascii_digit();
        let end = rest.find(|c| !same(c)).unwrap_or(rest.len());
        words.push(&rest[..end]);
        rest = rest[end..].trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn versions_are_ordered_as_their_ecosystem_orders_them() {
        use Ecosystem::*;
        let rising: [(Ecosystem, &[&str]); 5] = [
            (
                Cargo,
                &[
                    "0.9.9",
                    "1.0.0-alpha.2",
                    "1.0.0-alpha.10",
                    "1.0.0-beta",
                    "1.0.0",
                    "1.0.10",
                    "1.10.0",
                ],
            ),
            (
                Npm,
                &["^1.2.3", "^1.2.4", "~1.3.0", ">=2.0.0 <3", "3.0.0-rc.1", "3.0.0"],
            ),
            (
                Go,
                &[
                    "v0.0.0-20200101000000-abcdefabcdef",
                    "v1.2.3-rc.1",
                    "v1.2.3",
                    "v2.0.0+incompatible",
                ],
            ),
            (
                Python,
                &[
                    "1.0.dev1",
                    "1.0a1",
                    "1.0b1",
                    "1.0rc1",
                    "1.0",
                    "1.0.post1",
                    "1.1",
                    "2024.1",
                    "1!0.1",
                ],
            ),
            (
                Java,
                &[
                    "1.0-alpha-1",
                    "1.0-beta1",
                    "1.0-M2",
                    "1.0-RC1",
                    "1.0-SNAPSHOT",
                    "1.0",
                    "1.0.1",
                    "31.1-jre",
                ],
            ),
        ];
        for (ecosystem, versions) in rising {
            for (i, low) in versions.iter().enumerate() {
                for high in &versions[i + 1..] {
                    assert_eq!(
                        order(ecosystem, low, high),
                        Some(Ordering::Less),
                        "{low} < {high}"
                    );
                    assert_eq!(
                        order(ecosystem, high, low),
                        Some(Ordering::Greater),
                        "{high} > {low}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_has_no_order_gets_none() {
        for (a, b) in [
            ("latest", "1.0"),
            ("*", "*"),
            ("1.0", "1.0.0"),
            ("^1.0", "~1.0"),
            ("", "1"),
        ] {
            assert_eq!(order(Ecosystem::Npm, a, b), None);
        }
        assert_eq!(order(Ecosystem::Java, "1.0", "1.0.Final"), None);
    }

    proptest! {
        #[test]
        fn any_two_texts_can_be_asked_about(a in ".{0,40}", b in ".{0,40}") {
            for ecosystem in [Ecosystem::Cargo, Ecosystem::Npm, Ecosystem::Python, Ecosystem::Go, Ecosystem::Java] {
                let there = order(ecosystem, &a, &b);
                prop_assert_eq!(there.map(Ordering::reverse), order(ecosystem, &b, &a));
            }
        }
    }
}
