//! CODEOWNERS with GitHub's meaning: who has to approve which changed path.
//!
//! Source: docs.github.com, "About code owners". The last pattern that matches wins; a pattern without owners
//! takes ownership away; `!`, `[ ]` and `\#` don't work and their lines are skipped, as are lines with an owner that
//! is none. The file is taken from the default branch, never from the change or its base (INV-9).

use crate::glob::Glob;
use crate::shown::shown;
use crate::{BaseView, Finding, Rule};
use countersign_core::owners::OwnedPath;
use countersign_core::path::RepoPath;
use std::collections::BTreeSet;

/// Where the file may lie; the first one counts.
const PLACES: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];
/// A larger file is not loaded by GitHub.
pub const MAX_CODEOWNERS_BYTES: usize = 3 * 1024 * 1024;
/// Most skipped lines that are named.
const MAX_SKIPPED: usize = 100;

/// Who owns the changed paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ownership {
    /// The file that says it; none where there is none.
    pub file: Option<RepoPath>,
    /// The changed paths that have owners, both sides of renames, sorted.
    pub paths: Vec<OwnedPath>,
    /// Lines that GitHub skips, which therefore say nothing.
    pub skipped: Vec<SkippedLine>,
}

/// A line that counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedLine {
    /// From 1.
    pub line: u32,
    /// Why, in a few words.
    pub reason: &'static str,
}

/// The file of the default branch that says who owns what, if there is one.
pub fn codeowners(paths: &[RepoPath]) -> Option<&RepoPath> {
    PLACES
        .iter()
        .find_map(|place| paths.iter().find(|path| path.as_str() == Some(*place)))
}

/// Who owns the changed paths by [`codeowners`] of that commit; a file that could not be read is a finding.
pub fn ownership(at: &BaseView<'_>, changed: &BTreeSet<&RepoPath>) -> (Ownership, Option<Finding>) {
    let Some(file) = codeowners(at.paths) else {
        return (Ownership::default(), None);
    };
    let mut ownership = Ownership {
        file: Some(file.clone()),
        ..Ownership::default()
    };
    let content = at
        .files
        .get(file)
        .filter(|content| content.len() <= MAX_CODEOWNERS_BYTES);
    let Some(content) = content else {
        let text = format!(
            "`{}` was not read, so it is unknown who owns the changed paths.",
            shown(&file.to_text())
        );
        let finding = Finding {
            custom: None,
            severity: None,
            rule: Rule::NotInspected,
            path: Some(file.clone()),
            blob: None,
            lines: Vec::new(),
            message: text,
        };
        return (ownership, Some(finding));
    };
    let owners = parse(content);
    ownership.paths = changed.iter().filter_map(|path| owners.of(path)).collect();
    ownership.skipped = owners.skipped;
    (ownership, None)
}

/// A CODEOWNERS file as it counts.
#[derive(Debug, Default)]
struct CodeOwners {
    rules: Vec<OwnerRule>,
    skipped: Vec<SkippedLine>,
}

#[derive(Debug)]
struct OwnerRule {
    glob: Glob,
    owners: Vec<String>,
    line: u32,
}

impl CodeOwners {
    fn of(&self, path: &RepoPath) -> Option<OwnedPath> {
        let rule = self
            .rules
            .iter()
            .rev()
            .find(|rule| rule.glob.matches(path.as_bytes()))?;
        (!rule.owners.is_empty()).then(|| OwnedPath {
            path: path.clone(),
            owners: rule.owners.clone(),
            line: rule.line,
        })
    }
}

fn parse(content: &[u8]) -> CodeOwners {
    let mut owners = CodeOwners::default();
    let text = String::from_utf8_lossy(content);
    for (line, text) in (1u32..).zip(text.lines()) {
        match rule(text.trim_start_matches('\u{feff}'), line) {
            Ok(rule) => owners.rules.extend(rule),
            Err(reason) if owners.skipped.len() < MAX_SKIPPED => {
                owners.skipped.push(SkippedLine { line, reason })
            }
            Err(_) => {}
        }
    }
    owners
}

fn rule(text: &str, line: u32) -> Result<Option<OwnerRule>, &'static str> {
    let text = text.trim();
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    let (pattern, rest) = pattern_and_rest(text);
    if pattern.starts_with('!') {
        return Err("`!` does not negate here");
    }
    if pattern.starts_with("\\#") {
        return Err("`\\#` does not escape here");
    }
    if pattern.contains(['[', ']']) {
        return Err("`[ ]` is no range here");
    }
    let words = rest.split_whitespace().take_while(|word| !word.starts_with('#'));
    let owners: Vec<String> = words.map(str::to_owned).collect();
    if !owners.iter().all(|owner| is_owner(owner)) {
        return Err("an owner is neither @user, @organisation/team nor an address of mail");
    }
    Ok(Some(OwnerRule {
        glob: glob_of(&pattern),
        owners,
        line,
    }))
}

/// The pattern ends at the first white space that no backslash escapes.
fn pattern_and_rest(text: &str) -> (String, &str) {
    let mut pattern = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                let next = chars.next().map(|(_, next)| next);
                // An escaped space is a space; other escapes stay for the pattern to read.
                if next != Some(' ') {
                    pattern.push('\\');
                }
                pattern.extend(next);
            }
            c if c.is_whitespace() => return (pattern, &text[at..]),
            c => pattern.push(c),
        }
    }
    (pattern, "")
}

fn is_owner(word: &str) -> bool {
    let name = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    match word.strip_prefix('@') {
        Some(user) => match user.split_once('/') {
            Some((organisation, team)) => name(organisation) && name(team),
            None => name(user),
        },
        None => word
            .split_once('@')
            .is_some_and(|(user, host)| !user.is_empty() && name(host) && host.contains('.')),
    }
}

/// A folder owns all below it; `folder/*` owns its files only.
fn glob_of(pattern: &str) -> Glob {
    let glob = Glob::relative(pattern.trim_end_matches('/').as_bytes());
    if pattern.ends_with('/') && !pattern.trim_end_matches('/').contains('/') {
        return Glob::relative(format!("**/{}", pattern.trim_end_matches('/')).as_bytes()).and_below();
    }
    let names_files = glob.ends_in_star() && pattern.contains('/');
    if names_files { glob } else { glob.and_below() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn owner(file: &str, path: &str) -> Option<Vec<String>> {
        parse(file.as_bytes()).of(&path.into()).map(|owned| owned.owners)
    }

    #[test]
    fn patterns_own_what_githubs_documentation_says() {
        let file = "\
*       @global-owner1 @global-owner2
*.js    @js-owner #This is an inline comment.
*.go docs@example.com
*.txt @octo-org/octocats
/build/logs/ @doctocat
docs/* docs@example.com
apps/ @octocat
/docs/ @doctocat
/scripts/ @doctocat @octocat
**/logs @logger
/apps/github
/apps/github @doctocat
/apps/github/ours
";
        let table = [
            ("README.md", "@global-owner1 @global-owner2"),
            ("src/a.js", "@js-owner"),
            ("a.go", "docs@example.com"),
            ("deep/down/a.txt", "@octo-org/octocats"),
            ("build/logs/x/y", "@logger"),
            ("deep/apps/x/y.rs", "@octocat"),
            ("docs/a/b.md", "@doctocat"),
            ("scripts/a", "@doctocat @octocat"),
            ("deep/logs/x", "@logger"),
            ("apps/github/x", "@doctocat"),
            ("apps/github/ours", ""),
        ];
        for (path, owners) in table {
            let expected = (!owners.is_empty()).then(|| owners.split(' ').map(str::to_owned).collect());
            assert_eq!(owner(file, path), expected, "{path}");
        }
        assert_eq!(
            owner("docs/* @a", "docs/getting-started.md"),
            Some(vec!["@a".into()])
        );
        assert_eq!(owner("docs/* @a", "docs/build-app/troubleshooting.md"), None);
        assert_eq!(owner("* @a", "deep/down/x"), Some(vec!["@a".into()]));
        assert_eq!(owner("/src/*.rs @a", "src/a.rs"), Some(vec!["@a".into()]));
        assert_eq!(owner("/src/*.rs @a", "src/deep/a.rs"), None);
        assert_eq!(owner("a\\ b/ @a", "a b/c"), Some(vec!["@a".into()]));
        assert_eq!(owner("SRC/ @a", "src/c"), None, "case counts");
    }

    #[test]
    fn lines_that_github_skips_are_skipped_and_named() {
        let file = "* @a\n!x @b\n\\#x @b\n[ab] @b\nx not-an-owner\nx @b extra@\n# comment @b\n";
        let owners = parse(file.as_bytes());
        let lines: Vec<u32> = owners.skipped.iter().map(|skipped| skipped.line).collect();
        assert_eq!(lines, [2, 3, 4, 5, 6]);
        assert_eq!(owner(file, "x"), Some(vec!["@a".into()]));
    }

    fn view<'a>(paths: &'a [RepoPath], content: &str) -> BaseView<'a> {
        let file = codeowners(paths).cloned();
        BaseView {
            paths,
            files: file
                .map(|file| (file, content.as_bytes().to_vec()))
                .into_iter()
                .collect(),
        }
    }

    #[test]
    fn the_first_place_counts_and_a_file_that_is_too_large_is_not_a_pass() {
        let paths = ["CODEOWNERS", "docs/CODEOWNERS", "src/a"].map(RepoPath::from);
        assert_eq!(codeowners(&paths), Some(&"CODEOWNERS".into()));
        let changed = RepoPath::from("src/a");
        let (owned, finding) = ownership(&view(&paths, "* @a\n"), &BTreeSet::from([&changed]));
        assert_eq!((owned.paths.len(), finding), (1, None));
        let large = "#".repeat(MAX_CODEOWNERS_BYTES + 1);
        let (owned, finding) = ownership(&view(&paths, &large), &BTreeSet::from([&changed]));
        assert_eq!(owned.paths, []);
        assert_eq!(finding.unwrap().rule, Rule::NotInspected);
        let none = [RepoPath::from("src/CODEOWNERS")];
        assert_eq!(
            ownership(&view(&none, ""), &BTreeSet::from([&changed])),
            (Ownership::default(), None)
        );
    }

    proptest! {
        #[test]
        fn any_file_can_be_asked_about_any_path(
            file in proptest::collection::vec(any::<u8>(), 0..200),
            path in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            parse(&file).of(&RepoPath::from_bytes(path));
        }
    }
}
