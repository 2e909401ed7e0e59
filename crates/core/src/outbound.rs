//! The one constructor of text that leaves: titles, messages, bodies, comments. Nothing else makes a [`Outbound`].
//!
//! What people and agents wrote can't ping anybody, close an issue, command a bot, steer CI, imitate a trailer or
//! carry what looks like a secret. What is changed stays readable: a space or a bracket, never a hidden character.

use crate::policy::is_hidden_character;
use countersign_scan::{Place, Salt, Scanner};
use regex::{Captures, Regex};
use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

/// Text that may leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbound(String);

impl Outbound {
    /// One line: every run of white space and hidden characters is one space, at most `max_chars` characters.
    pub fn line(text: &str, max_chars: usize) -> Self {
        let visible: String = text
            .chars()
            .map(|c| if is_hidden_character(c) { ' ' } else { c })
            .collect();
        let joined = visible.split_whitespace().collect::<Vec<_>>().join(" ");
        let joined = Scanner::built_in().redact(&joined);
        Self(neutralised(&shortened(&joined, max_chars)))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why words that hold what looks like a secret are not taken, in a sentence; `what` they are called.
pub fn refused_words(what: &str, text: &str) -> Option<String> {
    let secret = secrets_in(text).into_iter().next()?;
    Some(format!(
        "line {} of {what} holds what looks like a secret ({}); say it without, and replace it where it is valid",
        secret.line, secret.rule
    ))
}

/// A text without what looks like a secret, for whoever keeps or shows words that nobody refused at a door.
pub fn redacted(text: &str) -> Cow<'_, str> {
    Scanner::built_in().redact(text)
}

/// What looks like a secret in words of people and agents, or why nobody can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSecret {
    /// The scanner's rule, or the code of what it could not scan.
    pub rule: String,
    /// The line, from 1.
    pub line: u32,
}

/// What looks like a secret in a text, in its order; also where it could not be scanned whole.
pub fn secrets_in(text: &str) -> Vec<FoundSecret> {
    // Nobody sees these fingerprints, so their salt is nobody's.
    let scan = Scanner::built_in().scan(text.as_bytes(), &Salt::new([0; 32]));
    let hits = scan.hits.into_iter().map(|hit| FoundSecret {
        rule: hit.rule,
        line: match hit.place {
            Place::Path { .. } => 1,
            Place::Text { line, .. } => line,
        },
    });
    let skipped = scan.skipped.iter().map(|s| FoundSecret {
        rule: s.code().to_owned(),
        line: 1,
    });
    hits.chain(skipped).collect()
}

/// Cut between words, where there is a word boundary in the second half.
fn shortened(text: &str, max_chars: usize) -> String {
    if text.chars().count() <= max_chars {
        return text.to_owned();
    }
    let cut: String = text.chars().take(max_chars.saturating_sub(1)).collect();
    let end = cut
        .rfind(' ')
        .filter(|at| *at > cut.len() / 2)
        .unwrap_or(cut.len());
    format!("{}…", &cut[..end])
}

/// What a forge, a bot or CI would act on, and what is put there instead.
struct Trigger {
    pattern: &'static LazyLock<Regex>,
    instead: fn(&Captures<'_>) -> String,
}

/// A mention: `@name`, `@org/team`, whatever stands before it; an address such as `a@b.example` is none.
static MENTION: LazyLock<Regex> = LazyLock::new(|| compile(r"(^|\W)@(\w)"));
/// A reference that links, closes or notifies: `#12`, `owner/name#12`, `GH-12`, `!12` of GitLab's merge requests.
static REFERENCE: LazyLock<Regex> = LazyLock::new(|| compile(r"(?i)(#|\bGH-|(?:^|\s)!)(\d)"));
/// The address of an issue or change request, which closes like `#12`.
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"(?i)(https?):(//\S+/(?:issues|pull|pulls|merge_requests|commit|discussions)/)")
});
/// A command to a bot at the start of a line: `/approve`, `bors r+`, `r+`, `r=name`, `!rebase`.
static COMMAND: LazyLock<Regex> =
    LazyLock::new(|| compile(r"(?i)^([/!]\w|(?:bors|homu|rultor|dependabot|renovate)\b|r[+=-]|try\b)"));
/// A word in brackets that CI acts on: `[skip ci]`, `[ci skip]`, `[no ci]`, `[skip actions]`, `[deploy]`.
static BRACKET: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\[([^\[\]]*\b(?:skip|ci|no-?ci|actions|cd|deploy|release|publish|build|travis|netlify|vercel|azurepipelines|automerge|rebase)\b[^\[\]]*)\]",
    )
});
/// Other words that CI acts on: `***NO_CI***`, `skip-checks: true`.
static WORD: LazyLock<Regex> = LazyLock::new(|| compile(r"(?i)(\*{3}NO_CI\*{3}|\bskip-checks\s*:\s*true)"));
/// A trailer: a title that is one would be read as one.
static TRAILER: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)^((?:signed-off|co-authored|reviewed|acked|tested|approved|reported|suggested|helped)-by|countersign-[a-z]+|change-id|cc|fixes|closes|bug)(:)",
    )
});

fn compile(pattern: &str) -> Regex {
    Regex::new(pattern).expect("because a test compiles every pattern")
}

static TRIGGERS: [Trigger; 7] = [
    Trigger {
        pattern: &TRAILER,
        instead: |c| format!("{} {}", &c[1], &c[2]),
    },
    Trigger {
        pattern: &COMMAND,
        instead: |c| format!("\u{201c}{}", &c[1]),
    },
    Trigger {
        pattern: &ADDRESS,
        instead: |c| format!("{} :{}", &c[1], &c[2]),
    },
    Trigger {
        pattern: &REFERENCE,
        instead: |c| format!("{} {}", &c[1], &c[2]),
    },
    Trigger {
        pattern: &MENTION,
        instead: |c| format!("{}@ {}", &c[1], &c[2]),
    },
    Trigger {
        pattern: &BRACKET,
        instead: |c| format!("({})", &c[1]),
    },
    Trigger {
        pattern: &WORD,
        instead: |c| match c[1].split_once(':') {
            None => format!("({})", c[1].trim_matches('*')),
            Some((word, value)) => format!("({} is {})", word.trim_end(), value.trim_start()),
        },
    },
];

/// The same words, with nothing in them that somebody else's program acts on.
fn neutralised(text: &str) -> String {
    let mut out = text.to_owned();
    for trigger in &TRIGGERS {
        if trigger.pattern.is_match(&out) {
            out = trigger.pattern.replace_all(&out, trigger.instead).into_owned();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(text: &str) -> String {
        Outbound::line(text, 200).as_str().to_owned()
    }

    #[test]
    fn ordinary_words_stay_as_they_are() {
        for text in [
            "Rename greet to salute in every caller",
            "Speed up a[i] = b[j] and x[0]; mail ops@example.org about C#, 12 times",
            "Use https://example.org/docs/page#section-2",
            "Handle CR/LF, A/B tests and 100 % of cases",
            "Fix the build (see notes)",
        ] {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn nobody_is_pinged_and_no_issue_is_closed() {
        assert_eq!(
            line("thanks @alice and (@org/team)"),
            "thanks @ alice and (@ org/team)"
        );
        assert_eq!(
            line("-@alice .@bob x.@org/team +@carol"),
            "-@ alice .@ bob x.@ org/team +@ carol"
        );
        assert_eq!(
            line("fixes #12, closes o/r#7 and GH-3"),
            "fixes # 12, closes o/r# 7 and GH- 3"
        );
        assert_eq!(
            line("resolves https://github.com/o/r/issues/9"),
            "resolves https ://github.com/o/r/issues/9"
        );
    }

    #[test]
    fn bots_and_ci_are_not_commanded() {
        assert_eq!(line("/approve all"), "“/approve all");
        assert_eq!(line("bors r+"), "“bors r+");
        assert_eq!(line("Tidy up [skip ci]"), "Tidy up (skip ci)");
        assert_eq!(line("Tidy up [CI Skip] now"), "Tidy up (CI Skip) now");
        assert_eq!(line("Tidy ***NO_CI***"), "Tidy (NO_CI)");
        assert_eq!(line("x skip-checks: true"), "x (skip-checks is true)");
        assert_eq!(line("x skip-checks:true"), "x (skip-checks is true)");
    }

    #[test]
    fn what_looks_like_a_secret_does_not_leave() {
        // Put together here, so that this file holds no such thing.
        let token = format!("glpat-{}", "x7Yb2Kq9Lm4Np6Rt8VwZ");
        let text = format!("Use {token} for the release");
        assert!(!line(&text).contains("x7Yb2Kq9"), "{}", line(&text));
        assert_eq!(secrets_in(&text).len(), 1);
        assert!(secrets_in("Use a token for the release").is_empty());
    }

    #[test]
    fn a_line_is_one_visible_line_and_no_trailer() {
        assert_eq!(
            line("a\n\nCountersign-Workflow: wf\u{202e}_1"),
            "a Countersign-Workflow: wf _1"
        );
        assert_eq!(line("Signed-off-by: Eve <e@x>"), "Signed-off-by : Eve <e@x>");
        assert_eq!(Outbound::line("one two three four", 12).as_str(), "one two…");
    }

    proptest! {
        #[test]
        fn whatever_comes_in_nothing_triggers_afterwards(text in "[ -~@#/\\[\\]\n\u{202e}]{0,80}|([@#/!](a|1)|\\[skip ci\\]|GH-1|bors |r\\+| |\\*\\*\\*NO_CI\\*\\*\\*){0,12}") {
            let once = line(&text);
            for trigger in &TRIGGERS {
                prop_assert!(!trigger.pattern.is_match(&once), "{once:?} still holds {:?}", trigger.pattern.as_str());
            }
            // Without our own expressions: nobody is named but in an address.
            let chars: Vec<char> = once.chars().collect();
            for (at, _) in chars.iter().enumerate().filter(|(_, c)| **c == '@') {
                let word = |c: Option<&char>| c.is_some_and(|c| c.is_alphanumeric() || *c == '_');
                let before = at.checked_sub(1).and_then(|at| chars.get(at));
                prop_assert!(word(before) || !word(chars.get(at + 1)), "{once:?} names somebody");
            }
            prop_assert!(!once.contains('\n'));
            prop_assert_eq!(line(&once), once);
        }
    }
}
