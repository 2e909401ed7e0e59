//! What a search finds (<https://docs.github.com/rest/search/search>): open issues of one repository, and repositories. An App has no
//! search over repositories: there it is a look through where it is installed.
//!
//! GitHub's search knows issues of everywhere and pull requests, too, and what a query means is GitHub's to say. So whatever is no
//! open issue of the repository that was meant is dropped here, however the query is put.

use super::access::{Carried, Credentials};
use super::app::App;
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

/// Most places where an App is installed that one search looks through.
const INSTALLATIONS_MAX: usize = 30;
/// Most repositories of an App that one search looks through.
const LOOKED_THROUGH_MAX: usize = 1_000;

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

#[derive(Deserialize)]
struct InstalledPage {
    repositories: Vec<Wire>,
}

impl GitHub {
    /// What GitHub's search finds with that; and whether there is more.
    fn searched(&self, carried: &Carried, words: &str) -> Result<(Vec<Found>, bool), CallError> {
        let words: String =
            form_urlencoded::byte_serialize(format!("{words} fork:true").as_bytes()).collect();
        let path = format!("/search/repositories?q={words}&per_page={FOUND_MAX}");
        let page: RepositoriesPage = self.api.get_as(carried, &path)?;
        let more = page.incomplete_results || page.total_count > FOUND_MAX;
        let found = page.items.into_iter().take(FOUND_MAX);
        Ok((found.filter_map(|wire| self.found(wire).ok()).collect(), more))
    }

    /// The repositories that were given to the App whose names have all these words; and whether there may be more. An installation
    /// that is suspended, or gone since it was listed, gives none.
    fn looked_through(&self, app: &App, words: &str) -> Result<(Vec<Found>, bool), CallError> {
        let words = words.to_lowercase();
        let fits = |found: &Found| {
            let name = found.full_name.to_lowercase();
            words.split_whitespace().all(|word| name.contains(word))
        };
        let (installations, mut is_whole) = self.api.installations(app, INSTALLATIONS_MAX)?;
        let (mut all, mut looked) = (Vec::new(), 0);
        for installation in installations {
            let left = LOOKED_THROUGH_MAX - looked;
            let given = self.api.reader_of_all(app, &installation).and_then(|reader| {
                let items = |page: InstalledPage| page.repositories;
                let path = "/installation/repositories";
                self.api.list_first_as(&reader, path, left, items)
            });
            let (given, all_given) = match given {
                Err(CallError::Suspended | CallError::NotInstalled) => continue,
                given => given?,
            };
            is_whole &= all_given;
            looked += given.len();
            // What GitHub says of an account's rights means nothing for an App.
            let may_push = installation.may_push();
            let found = given.into_iter().filter_map(|wire| self.found(wire).ok());
            all.extend(found.filter(fits).map(|found| Found {
                may: (true, may_push),
                ..found
            }));
        }
        all.sort_by(|a, b| a.full_name.cmp(&b.full_name));
        let more = !is_whole || all.len() > FOUND_MAX;
        all.truncate(FOUND_MAX);
        Ok((all, more))
    }
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
        let found = match &self.api.settings().credentials {
            Credentials::Token(token) => self.searched(&Carried::Account(token.clone()), words),
            Credentials::None => self.searched(&Carried::Nothing, words),
            Credentials::App(app) => self.looked_through(app, words),
        };
        let (found, more) = found.map_err(|e| e.reading(doing))?;
        Ok(FoundRepositories {
            repositories: found.into_iter().map(of_directory).collect(),
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

    fn called_now(&self, id: &RepositoryId) -> Result<String, TreesError> {
        Ok(self.by_id(id)?.full_name)
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
