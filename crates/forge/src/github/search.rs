//! What a search finds (<https://docs.github.com/rest/search/search>): open issues of one repository, and repositories.
//!
//! GitHub's search knows issues of everywhere and pull requests, too, and what a query means is GitHub's to say. So whatever is no
//! open issue of the repository that was meant is dropped here, however the query is put.

use super::access::{Carried, Credentials};
use super::error::CallError;
use super::repository::Wire;
use super::{Found, GitHub};
use countersign_core::id::RepositoryId;
use countersign_ports::directory::{Directory, FOUND_MAX, FoundRepositories, FoundRepository};
use countersign_ports::trees::TreesError;
use serde::Deserialize;
use std::cell::Cell;

/// Most matches that are looked at.
pub const MATCHES_MAX: usize = 100;
/// Longest query that GitHub takes.
const QUERY_MAX_CHARS: usize = 256;

/// Longest words for repositories; GitHub takes 256 characters with what is added.
const WORDS_MAX_CHARS: usize = 200;

/// What a search for issues found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matches {
    /// Where, as it is called now.
    pub repository: Found,
    /// Numbers of open issues with their titles as the search knows them, oldest first.
    pub issues: Vec<(u64, String)>,
    /// These are not all: there are more, or GitHub gave up before it had looked everywhere.
    pub more: bool,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    incomplete_results: bool,
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    number: u64,
    title: String,
    state: String,
    repository_url: String,
    #[serde(default)]
    pull_request: Option<serde_json::Value>,
}

impl GitHub {
    /// Open issues of the repository that match, at most [`MATCHES_MAX`].
    ///
    /// # Errors
    /// `bad-issue-query`, or when GitHub does not answer it.
    pub fn search_issues(&self, id: &RepositoryId, query: &str) -> Result<Matches, TreesError> {
        check(query)?;
        let repository = self.by_id(id)?;
        let doing = format!("Searching issues of {}", repository.full_name);
        let words = format!("repo:{} is:issue is:open {query}", repository.full_name);
        let words: String = form_urlencoded::byte_serialize(words.trim_end().as_bytes()).collect();
        let path = format!("/search/issues?q={words}&sort=created&order=asc");
        let incomplete = Cell::new(false);
        let items = |page: Page| {
            incomplete.set(incomplete.get() || page.incomplete_results);
            page.items
        };
        let found = self.api.list_first(id, &path, MATCHES_MAX, items);
        let (items, is_whole) = found.map_err(|e: CallError| e.reading(&doing))?;
        let here = format!("/repos/{}", repository.full_name);
        let is_meant = |i: &Item| {
            let at = i.repository_url.strip_prefix(&self.api.settings().api_url);
            i.state == "open"
                && i.pull_request.is_none()
                && at.is_some_and(|path| path.eq_ignore_ascii_case(&here))
        };
        let meant = items.into_iter().filter(is_meant);
        Ok(Matches {
            issues: meant.map(|i| (i.number, i.title)).collect(),
            more: !is_whole || incomplete.get(),
            repository,
        })
    }
}

#[derive(Deserialize)]
struct RepositoriesPage {
    total_count: usize,
    #[serde(default)]
    incomplete_results: bool,
    items: Vec<Wire>,
}

/// One that can't be registered anyhow, because of its name or its address, is left out.
impl Directory for GitHub {
    fn find_repositories(&self, words: &str) -> Result<FoundRepositories, TreesError> {
        let doing = "Searching repositories on GitHub";
        if words.trim().is_empty()
            || words.chars().count() > WORDS_MAX_CHARS
            || words.chars().any(char::is_control)
        {
            return Err(TreesError::Unsupported {
                code: "bad-repository-query",
                message: "A search for repositories has 1 to 200 characters, and no control characters."
                    .to_owned(),
            });
        }
        let words: String =
            form_urlencoded::byte_serialize(format!("{words} fork:true").as_bytes()).collect();
        let carried = match &self.api.settings().credentials {
            Credentials::Token(token) => Carried::Account(token.clone()),
            Credentials::None => Carried::Nothing,
            Credentials::App(_) => {
                return Err(TreesError::Unsupported {
                    code: "search-needs-token",
                    message: "A GitHub App has no search of its own over repositories. Its page on GitHub lists where it is \
                              installed."
                        .to_owned(),
                });
            }
        };
        let path = format!("/search/repositories?q={words}&per_page={FOUND_MAX}");
        let page: RepositoriesPage = self.api.get_as(&carried, &path).map_err(|e| e.reading(doing))?;
        let more = page.incomplete_results || page.total_count > FOUND_MAX;
        let found = page.items.into_iter().take(FOUND_MAX);
        let found = found.filter_map(|wire| self.found(wire).ok());
        Ok(FoundRepositories {
            repositories: found.map(of_directory).collect(),
            more,
        })
    }

    fn registrable(&self, full_name: &str) -> Result<FoundRepository, TreesError> {
        let found = self.by_name(full_name)?;
        if found.archived {
            return Err(TreesError::Unsupported {
                code: "github-archived",
                message: format!(
                    "{} is archived: nothing can be written there. Unarchive it on GitHub first.",
                    found.full_name
                ),
            });
        }
        Ok(of_directory(found))
    }

    fn issue_at(&self, address: &str) -> Result<(String, u64), TreesError> {
        let server = &self.api.settings().server_url;
        issue_of(address, server).ok_or_else(|| TreesError::Unsupported {
            code: "bad-issue-address",
            message: format!("That is no issue of {server}. Such as: {server}/OWNER/NAME/issues/7"),
        })
    }
}

/// `OWNER/NAME` and the number of the issue that an address on that server names.
pub fn issue_of(address: &str, server: &str) -> Option<(String, u64)> {
    let rest = address.strip_prefix(server)?.strip_prefix('/')?;
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    match rest.trim_end_matches('/').split('/').collect::<Vec<_>>()[..] {
        [owner, name, "issues", number] => Some((format!("{owner}/{name}"), number.parse().ok()?)),
        [..] => None,
    }
}

fn of_directory(found: Found) -> FoundRepository {
    let (_may_look, may_push) = found.may;
    FoundRepository {
        id: found.id,
        full_name: found.full_name,
        clone_url: found.clone_url,
        default_branch: found.default_branch,
        private: found.private,
        archived: found.archived,
        may_push,
    }
}

fn check(query: &str) -> Result<(), TreesError> {
    let bad = |message: &str| {
        Err(TreesError::Unsupported {
            code: "bad-issue-query",
            message: message.to_owned(),
        })
    };
    if query.chars().count() > QUERY_MAX_CHARS || query.chars().any(char::is_control) {
        return bad("A query has at most 256 characters, and no control characters.");
    }
    let names_a_place = |word: &str| {
        let word = word.trim_start_matches(['-', '(']).to_ascii_lowercase();
        ["repo:", "org:", "user:"].iter().any(|q| word.starts_with(q))
    };
    match query.split_whitespace().any(names_a_place) {
        true => bad("A query says nothing of repositories: leave out repo:, org: and user:."),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_of_an_issue_there() {
        let read = |text: &str| issue_of(text, "https://github.com");
        let seven = Some(("octo/hello".to_owned(), 7));
        assert_eq!(read("https://github.com/octo/hello/issues/7"), seven);
        assert_eq!(
            read("https://github.com/octo/hello/issues/7#issuecomment-1"),
            seven
        );
        for wrong in [
            "https://github.com/octo/hello/pull/7",
            "https://github.com/octo/hello/issues/x",
            "https://github.com.evil.example/octo/hello/issues/7",
            "https://github.com/octo/hello/issues",
            "http://github.com/octo/hello/issues/7",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_query_is_about_issues_and_names_no_place() {
        for fine in [
            "",
            "label:bug no:assignee",
            "\"price in grams\"",
            "in:title repository",
        ] {
            assert!(check(fine).is_ok(), "{fine}");
        }
        let long = "x".repeat(QUERY_MAX_CHARS + 1);
        for wrong in [
            "repo:octo/other",
            "x OR Org:octo",
            "-user:eve",
            "(repo:a/b)",
            "a\nb",
            &long,
        ] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }
}
