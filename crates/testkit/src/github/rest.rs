//! The doors of the REST API that are read through: who may come in, what is there, page by page, with ETags and what is left of
//! the hour's requests. [`super::write`] has those that change something.

use super::apps::Minted;
use super::http::{Answer, Request};
use super::world::{Below, Check, Comment, Found, Issue, Permission, Pull, Repository, Scope, Status, World};
use super::{API, apps, git, in_json, labels, no, write};
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

/// The status for a door that the model does not have, so that no test takes it for GitHub's word.
pub(super) const NO_DOOR: u16 = 418;
/// The host on which logs lie: this machine by another name than that of the API.
const STORAGE_HOST: &str = "localhost";
/// And where there.
pub(super) const STORAGE: &str = "/storage/logs/";
/// How many of a list come at once, unless more are asked for.
const PER_PAGE: usize = 30;
/// Most of a list that come at once.
const PER_PAGE_MAX: usize = 100;

/// Who asks, for what.
pub(super) struct Call<'c> {
    pub(super) url: &'c str,
    pub(super) request: &'c Request,
    pub(super) who: Who,
    /// The account that acts; 0 for nobody.
    pub(super) account: u64,
}

/// Whose token came.
pub(super) enum Who {
    Nobody,
    Person(Scope),
    App(u64),
    Installed(Minted),
}

impl Call<'_> {
    pub(super) fn account(&self) -> u64 {
        self.account
    }

    /// What may be done there, as far as that follows from who it is.
    pub(super) fn permission(&self, repository: &Repository) -> Permission {
        match &self.who {
            Who::Nobody | Who::Person(_) => repository.permission(self.account),
            Who::App(_) => Permission::None,
            Who::Installed(token) => match token.repositories.contains(&repository.id) {
                true if token.may("contents", "write") => Permission::Write,
                true => Permission::Read,
                false => Permission::None,
            },
        }
    }

    pub(super) fn api(&self, path: &str) -> String {
        format!("{}{API}{path}", self.url)
    }
}

pub(super) fn answer(
    world: &mut World,
    url: &str,
    path: &str,
    request: &Request,
    token: Option<&str>,
) -> Answer {
    let (who, account) = match who(world, token) {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    if request.header("user-agent").is_empty() {
        return no(403, "Request forbidden by administrative rules.");
    }
    let call = Call {
        url,
        request,
        who,
        account,
    };
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let mut answer = route(world, &call, &parts);
    let (resource, limit, left) = match parts[0] {
        "search" => ("search", "30", "29"),
        _other => ("core", "5000", "4321"),
    };
    answer.headers.extend([
        ("x-ratelimit-limit".to_owned(), limit.to_owned()),
        ("x-ratelimit-remaining".to_owned(), left.to_owned()),
        ("x-ratelimit-reset".to_owned(), "4102444800".to_owned()),
        ("x-ratelimit-resource".to_owned(), resource.to_owned()),
    ]);
    tagged(answer, request)
}

/// Who comes with that token, and the account that acts.
pub(super) fn who(world: &World, token: Option<&str>) -> Result<(Who, u64), Answer> {
    let Some(token) = token else {
        return Ok((Who::Nobody, 0));
    };
    if let Some((account, scope)) = world.tokens.get(token) {
        return Ok((Who::Person(*scope), *account));
    }
    if let Some(minted) = world.minted(token) {
        let minted = minted?;
        let bot = world.bot(&minted);
        return Ok((Who::Installed(minted), bot));
    }
    match world.word(token) {
        Some(app) => Ok((Who::App(app?), 0)),
        None => Err(no(401, "Bad credentials")),
    }
}

/// The same content again costs nothing (<https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api>).
fn tagged(mut answer: Answer, request: &Request) -> Answer {
    if request.method != "GET" || answer.status != 200 {
        return answer;
    }
    let tag = format!("W/\"{}\"", hex::encode(Sha1::digest(&answer.body)));
    if request.header("if-none-match") == tag {
        answer.status = 304;
        answer.body.clear();
    }
    answer.headers.push(("ETag".to_owned(), tag));
    answer
}

fn route(world: &mut World, call: &Call<'_>, parts: &[&str]) -> Answer {
    if let Who::App(app) = &call.who {
        return apps::answer(world, call, *app, parts);
    }
    match (call.request.method.as_str(), parts) {
        ("GET", ["user"]) => match call.who {
            Who::Person(_) => in_json(200, &user(world, call.account)),
            Who::Installed(_) => no(403, "Resource not accessible by integration"),
            Who::Nobody | Who::App(_) => no(401, "Requires authentication"),
        },
        ("GET" | "POST", ["app", ..]) => no(401, "A JSON web token could not be decoded"),
        ("GET", ["installation", "repositories"]) => match &call.who {
            Who::Installed(token) => apps::given(world, call, token),
            Who::Person(_) | Who::Nobody | Who::App(_) => no(
                403,
                "You must authenticate with an installation access token in order to list repositories.",
            ),
        },
        ("DELETE", ["installation", "token"]) => apps::revoked(world, call),
        ("POST", ["app-manifests", code, "conversions"]) => apps::converted(world, call, code),
        ("GET", ["users", login]) => {
            let found = world.accounts.values().find(|a| a.login == *login);
            found.map_or_else(|| no(404, "Not Found"), |a| in_json(200, &user(world, a.id)))
        }
        ("GET", ["repositories", number]) => {
            let found = number.parse().ok().and_then(|id| world.repositories.get(&id));
            match found {
                Some(found) if sees(call, found) => in_json(200, &repository(world, call, found)),
                Some(_) | None => no(404, "Not Found"),
            }
        }
        ("GET", ["search", "issues"]) => search(world, call),
        ("GET", ["search", "repositories"]) => search_repositories(world, call),
        (_, ["repos", owner, name, inside @ ..]) => match world.find(&format!("{owner}/{name}")) {
            Found::Here(id) if sees(call, &world.repositories[&id]) => in_repository(world, call, id, inside),
            Found::Moved(id) if sees(call, &world.repositories[&id]) => moved(call, id, inside),
            Found::Here(_) | Found::Moved(_) | Found::No => no(404, "Not Found"),
        },
        (_, _) => no(NO_DOOR, "the model of GitHub has no such door"),
    }
}

fn sees(call: &Call<'_>, repository: &Repository) -> bool {
    call.permission(repository) >= Permission::Read
}

/// What a former name answers; a request that changes something keeps its method (RFC 9110, sections 15.4.2 and 15.4.8).
pub(super) fn moved(call: &Call<'_>, id: u64, inside: &[&str]) -> Answer {
    let status = match call.request.method.as_str() {
        "GET" => 301,
        _other => 307,
    };
    let mut path = format!("/repositories/{id}");
    for part in inside {
        path = format!("{path}/{part}");
    }
    let to = call.api(&path);
    let mut answer = in_json(status, &json!({"message": "Moved Permanently", "url": to}));
    answer.headers.push(("Location".to_owned(), to));
    answer
}

fn in_repository(world: &mut World, call: &Call<'_>, id: u64, inside: &[&str]) -> Answer {
    if let Who::Installed(token) = &call.who {
        let needed = apps::needs(
            &call.request.method,
            inside,
            is_pull(&world.repositories[&id], inside),
        );
        if !needed.iter().any(|(name, level)| token.may(name, level)) {
            return no(403, "Resource not accessible by integration");
        }
    }
    if call.request.method != "GET" {
        return write::answer(world, call, id, inside);
    }
    let found = &world.repositories[&id];
    match inside {
        [] => in_json(200, &repository(world, call, found)),
        ["issues", "comments"] => recent(world, call, found),
        ["issues", "events"] => labels::events(world, call, found),
        ["issues", "events", number] => labels::event(world, call, found, number),
        ["issues", "comments", number] => one(number, |n| {
            let (below, said) = found.said(n)?;
            Some(comment(world, call, found, below, said))
        }),
        ["issues", number] => one(number, |n| {
            let own = found.issues.get(&n).map(|i| issue(world, call, found, i));
            own.or_else(|| found.pulls.get(&n).map(|p| pull_as_issue(world, call, found, p)))
        }),
        ["issues", number, "comments"] => match number.parse().ok().and_then(|n| found.below(n)) {
            Some((below, said)) => {
                let all = said.iter().map(|c| comment(world, call, found, below, c));
                page(call, all.collect(), |all| json!(all))
            }
            None => no(404, "Not Found"),
        },
        ["issues", number, "labels"] => match number.parse().ok().and_then(|n: u64| found.pulls.get(&n)) {
            Some(pull) => page(call, labels(found, &pull.labels), |all| json!(all)),
            None => no(404, "Not Found"),
        },
        ["labels", name] => match found.spelled(name) {
            Some(name) => in_json(200, &label(found, name)),
            None => no(404, "Not Found"),
        },
        ["collaborators", login, "permission"] => permission(world, call, found, login),
        ["pulls"] => pulls(world, call, found),
        ["pulls", number] => one(number, |n| {
            found.pulls.get(&n).map(|p| pull(world, call, found, p))
        }),
        ["git", "ref", "heads", branch @ ..] => {
            let name = branch.join("/");
            match git::branch(&found.folder, &name) {
                Some(sha) => in_json(200, &reference(world, call, found, &name, &sha)),
                None => no(404, "Not Found"),
            }
        }
        ["branches", name] => branch(call, found, name, &world.full_name(found)),
        ["rules", "branches", _] => {
            let check = |(name, app): &(String, Option<u64>)| json!({"context": name, "integration_id": app});
            let checks: Vec<Value> = found.ruleset.iter().map(check).collect();
            let rule = json!({
                "type": "required_status_checks",
                "parameters": {"required_status_checks": checks, "strict_required_status_checks_policy": false},
            });
            let all = if checks.is_empty() {
                Vec::new()
            } else {
                vec![json!({"type": "deletion"}), rule]
            };
            page(call, all, |all| json!(all))
        }
        ["git", "commits", sha] => commit(world, call, found, sha),
        ["actions", "jobs", number, "logs"] => log(world, call, found, number),
        ["commits", sha, "check-runs"] => {
            let name = call.request.field("check_name");
            let on = |c: &&Check| c.head == *sha && name.as_ref().is_none_or(|name| c.name == *name);
            let on = found.checks.iter().filter(on);
            let all: Vec<Value> = on.map(|c| check(world, call, c)).collect();
            let total = all.len();
            page(call, all, |all| json!({"total_count": total, "check_runs": all}))
        }
        ["commits", sha, "statuses"] => {
            let on = |s: &&Status| s.head == *sha;
            let all: Vec<Value> = found
                .statuses
                .iter()
                .filter(on)
                .map(|s| status(world, call, s))
                .collect();
            page(call, all, |all| json!(all))
        }
        _ => no(NO_DOOR, "the model of GitHub has no such door"),
    }
}

/// Whether a door of issues leads to a pull request.
fn is_pull(found: &Repository, inside: &[&str]) -> bool {
    let number = |text: &str| text.parse().unwrap_or_default();
    match inside {
        ["issues", "comments", id, ..] => {
            matches!(found.said(number(id)), Some((Below::Pull(_), _)))
        }
        ["issues", id, ..] => found.pulls.contains_key(&number(id)),
        [..] => false,
    }
}

fn one(number: &str, find: impl FnOnce(u64) -> Option<Value>) -> Answer {
    match number.parse().ok().and_then(find) {
        Some(found) => in_json(200, &found),
        None => no(404, "Not Found"),
    }
}

/// One page of a list, with the way to the next (RFC 8288).
/// <https://docs.github.com/rest/issues/comments#list-issue-comments-for-a-repository>
fn recent(world: &World, call: &Call<'_>, found: &Repository) -> Answer {
    let since = call.request.field("since").unwrap_or_default();
    let numbers = found.issues.keys().chain(found.pulls.keys());
    let below = numbers.filter_map(|n| found.below(*n));
    let said = below.flat_map(|(below, said)| said.iter().map(move |c| (below, c)));
    let mut all: Vec<_> = said.filter(|(_, c)| c.times.1 >= since).collect();
    all.sort_by(|a, b| a.1.times.1.cmp(&b.1.times.1));
    let all = all
        .into_iter()
        .map(|(below, c)| comment(world, call, found, below, c));
    page(call, all.collect(), |all| json!(all))
}

pub(super) fn page(call: &Call<'_>, all: Vec<Value>, shape: impl FnOnce(&[Value]) -> Value) -> Answer {
    let number = |name: &str, usual: usize| {
        let given = call.request.field(name).and_then(|n| n.parse().ok());
        given.unwrap_or(usual).max(1)
    };
    let (size, at) = (number("per_page", PER_PAGE).min(PER_PAGE_MAX), number("page", 1));
    let from = all.len().min((at - 1) * size);
    let to = all.len().min(from + size);
    let mut answer = in_json(200, &shape(&all[from..to]));
    if to < all.len() {
        let others = call.request.query.split('&');
        let others: Vec<&str> = others
            .filter(|f| !f.is_empty() && !f.starts_with("page="))
            .collect();
        let next = format!(
            "<{}{}?{}&page={}>; rel=\"next\"",
            call.url,
            call.request.path,
            others.join("&"),
            at + 1
        );
        answer.headers.push(("Link".to_owned(), next));
    }
    answer
}

/// Words have to be in title or body; qualifiers that the model does not know are refused
/// (<https://docs.github.com/rest/search/search#search-issues-and-pull-requests>). GitHub's `OR` reaches over all of them.
fn search(world: &World, call: &Call<'_>) -> Answer {
    let query = call.request.field("q").unwrap_or_default();
    let mut found: Vec<Value> = Vec::new();
    for words in query.split(" OR ").map(str::split_whitespace) {
        let words: Vec<&str> = words.collect();
        for repository in world.repositories.values().filter(|r| sees(call, r)) {
            let own = repository
                .issues
                .values()
                .map(|i| issue(world, call, repository, i));
            let pulls = repository.pulls.values();
            let all = own.chain(pulls.map(|p| pull_as_issue(world, call, repository, p)));
            for mut one in all {
                one["repository_url"] = json!(call.api(&format!("/repos/{}", world.full_name(repository))));
                one["score"] = json!(1.0);
                match words
                    .iter()
                    .map(|word| matches(&one, word))
                    .collect::<Option<Vec<bool>>>()
                {
                    None => return no(422, "Validation Failed"),
                    Some(each) if each.iter().all(|m| *m) && !found.contains(&one) => found.push(one),
                    Some(_) => {}
                }
            }
        }
    }
    if call.request.field("sort").as_deref() == Some("created") {
        found.sort_by_key(|one| one["number"].as_u64());
    }
    let total = found.len();
    page(
        call,
        found,
        |items| json!({"total_count": total, "incomplete_results": false, "items": items}),
    )
}

/// Words have to be in the name; qualifiers are taken as they are meant for everything that is there.
fn search_repositories(world: &World, call: &Call<'_>) -> Answer {
    let query = call.request.field("q").unwrap_or_default().to_ascii_lowercase();
    let fits = |r: &&Repository| {
        let name = world.full_name(r).to_ascii_lowercase();
        query
            .split_whitespace()
            .all(|word| word.contains(':') || name.contains(word))
    };
    let seen = world.repositories.values().filter(|r| sees(call, r)).filter(fits);
    let found: Vec<Value> = seen.map(|r| repository(world, call, r)).collect();
    let total = found.len();
    page(
        call,
        found,
        |items| json!({"total_count": total, "incomplete_results": false, "items": items}),
    )
}

/// Whether an issue is what one word of a query asks for; `None` for a qualifier that nobody knows.
fn matches(one: &Value, word: &str) -> Option<bool> {
    let text = |name: &str| one[name].as_str().unwrap_or_default().to_ascii_lowercase();
    let word = word.to_ascii_lowercase();
    Some(match word.split_once(':') {
        None => text("title").contains(&word) || text("body").contains(&word),
        Some(("repo", name)) => text("repository_url").ends_with(&format!("/repos/{name}")),
        Some(("is", "issue")) => one["pull_request"].is_null(),
        Some(("is", "pr")) => !one["pull_request"].is_null(),
        Some(("is", state @ ("open" | "closed"))) => text("state") == state,
        Some(("author", login)) => one["user"]["login"] == login,
        Some(_) => return None,
    })
}

/// Seen by whoever may push (<https://docs.github.com/rest/collaborators/collaborators>).
fn permission(world: &World, call: &Call<'_>, found: &Repository, login: &str) -> Answer {
    if !matches!(call.who, Who::Installed(_)) && found.permission(call.account()) < Permission::Write {
        return no(403, "Must have push access to view collaborator permission.");
    }
    match world.accounts.values().find(|a| a.login == login) {
        Some(account) => {
            let permission = found.permission(account.id);
            let role = permission.as_str();
            let plain = match permission {
                Permission::Triage => "read",
                Permission::None | Permission::Read | Permission::Write | Permission::Admin => role,
            };
            let body = json!({"permission": plain, "role_name": role, "user": user(world, account.id)});
            in_json(200, &body)
        }
        None => no(404, "Not Found"),
    }
}

pub(super) fn label(found: &Repository, name: &str) -> Value {
    let color = found.labels.get(name);
    json!({"name": name, "color": color, "default": false, "description": null})
}

pub(super) fn labels(found: &Repository, names: &[String]) -> Vec<Value> {
    names.iter().map(|name| label(found, name)).collect()
}

fn pulls(world: &World, call: &Call<'_>, found: &Repository) -> Answer {
    let (head, base) = (call.request.field("head"), call.request.field("base"));
    let state = call.request.field("state").unwrap_or_else(|| "open".to_owned());
    let owner = world.login(found.owner);
    let wanted = |p: &&Pull| {
        let named = head.as_ref().is_none_or(|h| *h == format!("{owner}:{}", p.head));
        let onto = base.as_ref().is_none_or(|b| *b == p.base);
        let open = match state.as_str() {
            "all" => true,
            "closed" => !p.open,
            _open => p.open,
        };
        named && onto && open
    };
    let newest_first = found.pulls.values().rev().filter(wanted);
    let all: Vec<Value> = newest_first.map(|p| pull(world, call, found, p)).collect();
    page(call, all, |all| json!(all))
}

fn commit(world: &World, call: &Call<'_>, found: &Repository, sha: &str) -> Answer {
    let ask = |what: &str| git::ask(&found.folder, &["rev-parse", "--verify", "--quiet", what], b"");
    match (ask(&format!("{sha}^{{commit}}")), ask(&format!("{sha}^{{tree}}"))) {
        (Some(commit), Some(tree)) => {
            let name = world.full_name(found);
            let body = json!({
                "sha": commit,
                "url": call.api(&format!("/repos/{name}/git/commits/{commit}")),
                "tree": {"sha": tree, "url": call.api(&format!("/repos/{name}/git/trees/{tree}"))},
            });
            in_json(200, &body)
        }
        (_, _) => no(404, "Not Found"),
    }
}

pub(super) fn user(world: &World, id: u64) -> Value {
    let account = world.accounts.get(&id);
    let kind = if account.is_some_and(|a| a.bot) {
        "Bot"
    } else {
        "User"
    };
    json!({"id": id, "login": world.login(id), "type": kind, "site_admin": false})
}

pub(super) fn reference(world: &World, call: &Call<'_>, found: &Repository, name: &str, sha: &str) -> Value {
    let full = world.full_name(found);
    json!({
        "ref": format!("refs/heads/{name}"),
        "url": call.api(&format!("/repos/{full}/git/refs/heads/{name}")),
        "object": {"type": "commit", "sha": sha},
    })
}

pub(super) fn repository(world: &World, call: &Call<'_>, found: &Repository) -> Value {
    let (full, mine) = (world.full_name(found), call.permission(found));
    let mut body = json!({
        "id": found.id,
        "name": found.name,
        "full_name": full,
        "owner": user(world, found.owner),
        "private": found.private,
        "archived": found.archived,
        "disabled": false,
        "fork": false,
        "default_branch": found.default_branch,
        "url": call.api(&format!("/repos/{full}")),
        "html_url": format!("{}/{full}", call.url),
        "clone_url": format!("{}/{full}.git", call.url),
    });
    if !matches!(call.who, Who::Nobody) {
        body["permissions"] = json!({
            "admin": mine >= Permission::Admin,
            "maintain": mine >= Permission::Admin,
            "push": mine >= Permission::Write,
            "triage": mine >= Permission::Triage,
            "pull": mine >= Permission::Read,
        });
    }
    body
}

/// GitHub's word for how the author belongs to the repository.
fn association(found: &Repository, author: u64) -> &'static str {
    if found.owner == author {
        return "OWNER";
    }
    match found.members.get(&author) {
        Some(Permission::None) | None => "NONE",
        Some(Permission::Read | Permission::Triage | Permission::Write | Permission::Admin) => "COLLABORATOR",
    }
}

pub(super) fn issue(world: &World, call: &Call<'_>, found: &Repository, issue: &Issue) -> Value {
    let full = world.full_name(found);
    json!({
        "number": issue.number,
        "title": issue.title,
        "body": issue.body,
        "user": user(world, issue.author),
        "author_association": association(found, issue.author),
        "state": "open",
        "locked": false,
        "labels": issue.labels.iter().map(|l| json!({"name": l})).collect::<Vec<_>>(),
        "comments": issue.comments.len(),
        "updated_at": issue.updated_at,
        "html_url": format!("{}/{full}/issues/{}", call.url, issue.number),
    })
}

/// Every pull request is an issue, too.
fn pull_as_issue(world: &World, call: &Call<'_>, found: &Repository, pull: &Pull) -> Value {
    let full = world.full_name(found);
    json!({
        "number": pull.number,
        "title": pull.title,
        "body": pull.body,
        "user": user(world, pull.author),
        "author_association": association(found, pull.author),
        "state": if pull.open { "open" } else { "closed" },
        "labels": [],
        "comments": 0,
        "updated_at": "2026-11-01T00:00:00Z",
        "html_url": format!("{}/{full}/pull/{}", call.url, pull.number),
        "pull_request": {"url": call.api(&format!("/repos/{full}/pulls/{}", pull.number))},
    })
}

pub(super) fn comment(
    world: &World,
    call: &Call<'_>,
    found: &Repository,
    below: Below,
    comment: &Comment,
) -> Value {
    let (kind, number) = match below {
        Below::Issue(number) => ("issues", number),
        Below::Pull(number) => ("pull", number),
    };
    let (full, id) = (world.full_name(found), comment.id);
    let app = comment.by_app.then(|| json!({"id": 1, "slug": "some-app"}));
    json!({
        "id": comment.id,
        "user": user(world, comment.author),
        "author_association": association(found, comment.author),
        "body": comment.body,
        "created_at": comment.times.0,
        "updated_at": comment.times.1,
        "performed_via_github_app": app,
        "url": call.api(&format!("/repos/{full}/issues/comments/{id}")),
        "html_url": format!("{}/{full}/{kind}/{number}#issuecomment-{id}", call.url),
        "issue_url": call.api(&format!("/repos/{full}/issues/{number}")),
    })
}

pub(super) fn pull(world: &World, call: &Call<'_>, found: &Repository, pull: &Pull) -> Value {
    let (full, owner) = (world.full_name(found), world.login(found.owner));
    let side = |branch: &str, sha: &str| {
        json!({
            "label": format!("{owner}:{branch}"),
            "ref": branch,
            "sha": sha,
            "user": user(world, found.owner),
            "repo": repository(world, call, found),
        })
    };
    let base_sha = git::branch(&found.folder, &pull.base).unwrap_or_default();
    json!({
        "number": pull.number,
        "title": pull.title,
        "body": pull.body,
        "user": user(world, pull.author),
        "state": if pull.open { "open" } else { "closed" },
        "draft": pull.draft,
        "merged_at": pull.merged.as_ref().map(|(_, at)| at),
        "merge_commit_sha": pull.merged.as_ref().map(|(commit, _)| commit),
        "labels": pull.labels.iter().map(|l| json!({"name": l})).collect::<Vec<_>>(),
        "head": side(&pull.head, &pull.head_sha),
        "base": side(&pull.base, &base_sha),
        "html_url": format!("{}/{full}/pull/{}", call.url, pull.number),
        "url": call.api(&format!("/repos/{full}/pulls/{}", pull.number)),
    })
}

/// A branch with what protects it.
fn branch(call: &Call<'_>, found: &Repository, name: &str, full: &str) -> Answer {
    let Some(sha) = git::branch(&found.folder, name) else {
        return no(404, "Branch not found");
    };
    let names: Vec<&String> = found.protection.iter().map(|(name, _)| name).collect();
    let check = |(name, app): &(String, Option<u64>)| json!({"context": name, "app_id": app});
    let checks: Vec<Value> = found.protection.iter().map(check).collect();
    let body = json!({
        "name": name,
        "commit": {"sha": sha, "url": call.api(&format!("/repos/{full}/commits/{sha}"))},
        "protected": !checks.is_empty(),
        "protection": {
            "enabled": !checks.is_empty(),
            "required_status_checks": {"enforcement_level": "everyone", "contexts": names, "checks": checks},
        },
    });
    in_json(200, &body)
}

/// The number of an app by its short name.
fn app_number(world: &World, slug: &str) -> u64 {
    if let Some(app) = world.apps.apps.values().find(|app| app.slug == slug) {
        return app.id;
    }
    match slug {
        "github-actions" => 15_368,
        other => 100_000 + other.bytes().map(u64::from).sum::<u64>(),
    }
}

pub(super) fn check(world: &World, call: &Call<'_>, check: &Check) -> Value {
    json!({
        "id": check.id,
        "name": check.name,
        "head_sha": check.head,
        "status": check.status,
        "conclusion": check.conclusion,
        "external_id": check.external_id.as_deref().unwrap_or_default(),
        "output": {"title": check.title, "summary": check.said, "text": null, "annotations_count": 0},
        "app": {"id": app_number(world, &check.app), "slug": check.app, "name": check.app},
        "url": call.api(&format!("/check-runs/{}", check.id)),
        "details_url": check.details_url,
    })
}

/// Logs lie on another host, for a minute under an address that nobody can guess
/// (<https://docs.github.com/rest/actions/workflow-jobs#download-job-logs-for-a-workflow-run>).
fn log(world: &World, call: &Call<'_>, found: &Repository, number: &str) -> Answer {
    if matches!(call.who, Who::Nobody) {
        return no(403, "Must have admin rights to Repository.");
    }
    let is = |c: &&Check| c.id.to_string() == number && c.app == "github-actions";
    let job = found.checks.iter().find(is).map(|c| c.id);
    match job.and_then(|job| world.logs.get(&job)) {
        None => no(404, "Not Found"),
        Some(None) => no(410, "Gone"),
        Some(Some(_)) => {
            let mut answer = in_json(302, &json!({}));
            answer.body.clear();
            let host = call.url.replace("127.0.0.1", STORAGE_HOST);
            let to = format!("{host}{STORAGE}{number}?sig=x7Yb");
            answer.headers.push(("Location".to_owned(), to));
            answer
        }
    }
}

/// What lies on the other host. As the real one it takes no authorization but that in the address.
pub(super) fn stored(world: &World, request: &Request) -> Option<Answer> {
    let number = request.path.strip_prefix(STORAGE)?;
    let plain = |status: u16, body: Vec<u8>| Answer {
        status,
        headers: vec![("Content-Type".to_owned(), "text/plain; charset=utf-8".to_owned())],
        body,
    };
    let is_there = request.header("host").starts_with(STORAGE_HOST);
    if !request.header("authorization").is_empty() || request.query != "sig=x7Yb" || !is_there {
        return Some(plain(400, b"InvalidAuthenticationInfo".to_vec()));
    }
    let log = number.parse().ok().and_then(|n: u64| world.logs.get(&n));
    Some(match log {
        Some(Some(bytes)) => plain(200, bytes.to_vec()),
        Some(None) | None => plain(404, b"BlobNotFound".to_vec()),
    })
}

fn status(world: &World, call: &Call<'_>, status: &Status) -> Value {
    json!({
        "id": status.id,
        "state": status.state,
        "context": status.context,
        "creator": user(world, status.creator),
        "url": call.api(&format!("/statuses/{}", status.head)),
    })
}
