//! The doors of the REST API that change something, with GitHub's ways of saying no.

use super::http::Answer;
use super::rest::{Call, NO_DOOR, Who, check, comment, labels, pull, reference, user};
use super::world::{Check, Permission, Pull, Repository, Scope, World};
use super::{git, in_json, no};
use serde_json::{Value, json};

pub(super) fn answer(world: &mut World, call: &Call<'_>, id: u64, inside: &[&str]) -> Answer {
    let found = &world.repositories[&id];
    match call.who {
        Who::Nobody | Who::App(_) => return no(401, "Requires authentication"),
        Who::Person(Scope::ReadOnly) => {
            return no(403, "Resource not accessible by personal access token");
        }
        // What a token of an App may was looked at before.
        Who::Person(Scope::ReadWrite) | Who::Installed(_) => {}
    }
    if found.archived {
        return no(403, "Repository was archived so is read-only.");
    }
    let Ok(body) = serde_json::from_slice::<Value>(&call.request.body) else {
        return no(400, "Problems parsing JSON");
    };
    let may_write = matches!(call.who, Who::Installed(_)) || call.permission(found) >= Permission::Write;
    match (call.request.method.as_str(), inside) {
        ("POST", ["pulls"]) => open(world, call, id, &body),
        ("PATCH", ["pulls", number]) if may_write => change(world, call, id, number, &body),
        ("POST", ["issues", number, "labels"]) if may_write => label(world, id, number, &body),
        ("POST", ["issues", number, "comments"]) => say(world, call, id, number, &body),
        ("POST", ["git", "refs"]) if may_write => make_ref(world, call, id, &body),
        ("POST", ["labels"]) if may_write => make_label(world, id, &body),
        ("POST", ["check-runs"]) => post_check(world, call, id, &body),
        ("PATCH", ["check-runs", number]) => change_check(world, call, id, number, &body),
        ("PATCH", ["issues", "comments", number]) => edit(world, call, id, number, &body),
        ("POST", ["issues", "comments", number, "reactions"]) => react(world, call, id, number, &body),
        ("PATCH", ["pulls", _]) | ("POST", ["issues", _, "labels"] | ["labels"] | ["git", "refs"]) => {
            no(403, "Resource not accessible by personal access token")
        }
        (_, _) => no(NO_DOOR, "the model of GitHub has no such door"),
    }
}

/// <https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api>
fn invalid(errors: &Value) -> Answer {
    in_json(
        422,
        &json!({
            "message": "Validation Failed",
            "errors": errors,
            "documentation_url": "https://docs.github.com/rest",
            "status": "422",
        }),
    )
}

fn text<'b>(body: &'b Value, name: &str) -> &'b str {
    body[name].as_str().unwrap_or_default()
}

/// <https://docs.github.com/rest/pulls/pulls#create-a-pull-request>
fn open(world: &mut World, call: &Call<'_>, id: u64, body: &Value) -> Answer {
    let found = &world.repositories[&id];
    let owner = world.login(found.owner).to_owned();
    let (head, base) = (text(body, "head"), text(body, "base"));
    let head = head.strip_prefix(&format!("{owner}:")).unwrap_or(head);
    let field =
        |field: &str| invalid(&json!([{"resource": "PullRequest", "field": field, "code": "invalid"}]));
    let custom =
        |message: &str| invalid(&json!([{"resource": "PullRequest", "code": "custom", "message": message}]));
    let Some(head_sha) = git::branch(&found.folder, head) else {
        return field("head");
    };
    let Some(base_sha) = git::branch(&found.folder, base) else {
        return field("base");
    };
    if text(body, "title").is_empty() {
        return field("title");
    }
    let inside = ["merge-base", "--is-ancestor", &head_sha, &base_sha];
    if git::ask(&found.folder, &inside, b"").is_some() {
        return custom(&format!("No commits between {base} and {head}"));
    }
    let is_it = |p: &&Pull| p.open && p.head == head && p.base == base;
    if found.pulls.values().any(|p| is_it(&p)) {
        return custom(&format!("A pull request already exists for {owner}:{head}."));
    }
    let number = found.next_number();
    let made = Pull {
        number,
        author: call.account(),
        title: text(body, "title").to_owned(),
        body: text(body, "body").to_owned(),
        head: head.to_owned(),
        head_sha,
        base: base.to_owned(),
        draft: body["draft"].as_bool().unwrap_or(false),
        open: true,
        merged: None,
        labels: Vec::new(),
        comments: Vec::new(),
    };
    world.repository_mut(id).pulls.insert(number, made.clone());
    in_json(201, &pull(world, call, &world.repositories[&id], &made))
}

/// <https://docs.github.com/rest/pulls/pulls#update-a-pull-request>
fn change(world: &mut World, call: &Call<'_>, id: u64, number: &str, body: &Value) -> Answer {
    let found = number
        .parse()
        .ok()
        .and_then(|n| world.repository_mut(id).pulls.get_mut(&n));
    let Some(found) = found else {
        return no(404, "Not Found");
    };
    match text(body, "state") {
        "closed" => found.open = false,
        "open" => found.open = true,
        _other => {}
    }
    for (name, place) in [
        ("title", &mut found.title),
        ("body", &mut found.body),
        ("base", &mut found.base),
    ] {
        if let Some(text) = body[name].as_str() {
            text.clone_into(place);
        }
    }
    let changed = found.clone();
    in_json(200, &pull(world, call, &world.repositories[&id], &changed))
}

/// <https://docs.github.com/rest/issues/labels#add-labels-to-an-issue>: those that are there stay, each is there once, and one that
/// the repository has not is made.
fn label(world: &mut World, id: u64, number: &str, body: &Value) -> Answer {
    let repository = world.repository_mut(id);
    let number = number.parse().unwrap_or_default();
    if !repository.pulls.contains_key(&number) {
        return no(404, "Not Found");
    }
    let names = body["labels"].as_array().into_iter().flatten();
    for name in names.filter_map(Value::as_str) {
        let spelled = repository
            .spelled(name)
            .cloned()
            .unwrap_or_else(|| name.to_owned());
        let made = repository.labels.entry(spelled.clone());
        made.or_insert_with(|| "ededed".to_owned());
        let Some(pull) = repository.pulls.get_mut(&number) else {
            continue;
        };
        if !pull.labels.contains(&spelled) {
            pull.labels.push(spelled);
        }
    }
    in_json(200, &json!(labels(repository, &repository.pulls[&number].labels)))
}

/// <https://docs.github.com/rest/issues/labels#create-a-label>
fn make_label(world: &mut World, id: u64, body: &Value) -> Answer {
    let repository = world.repository_mut(id);
    let (name, color) = (text(body, "name"), text(body, "color"));
    let wrong =
        |field: &str, code: &str| invalid(&json!([{"resource": "Label", "field": field, "code": code}]));
    if name.is_empty() {
        return wrong("name", "missing_field");
    }
    if repository.spelled(name).is_some() {
        return wrong("name", "already_exists");
    }
    if color.len() != 6 || !color.bytes().all(|b| b.is_ascii_hexdigit()) {
        return wrong("color", "invalid");
    }
    if text(body, "description").chars().count() > 100 {
        return wrong("description", "invalid");
    }
    repository.labels.insert(name.to_owned(), color.to_owned());
    in_json(201, &super::rest::label(repository, name))
}

/// <https://docs.github.com/rest/issues/comments#create-an-issue-comment>
fn say(world: &mut World, call: &Call<'_>, id: u64, number: &str, body: &Value) -> Answer {
    let number = number.parse().unwrap_or_default();
    let found = &world.repositories[&id];
    if !found.issues.contains_key(&number) && !found.pulls.contains_key(&number) {
        return no(404, "Not Found");
    }
    let made = world.comment(id, number, call.account(), text(body, "body"));
    said(world, call, id, made, 201)
}

/// One comment as it stands.
fn said(world: &World, call: &Call<'_>, id: u64, number: u64, status: u16) -> Answer {
    let found: &Repository = &world.repositories[&id];
    match found.said(number) {
        Some((below, said)) => in_json(status, &comment(world, call, found, below, said)),
        None => no(404, "Not Found"),
    }
}

/// <https://docs.github.com/rest/issues/comments#update-an-issue-comment>
fn edit(world: &mut World, call: &Call<'_>, id: u64, number: &str, body: &Value) -> Answer {
    let number = number.parse().unwrap_or_default();
    let found = &world.repositories[&id];
    let Some((_, comment)) = found.said(number) else {
        return no(404, "Not Found");
    };
    if comment.author != call.account() && call.permission(found) < Permission::Write {
        return no(403, "Resource not accessible by personal access token");
    }
    world.edit_comment(id, number, text(body, "body"));
    said(world, call, id, number, 200)
}

/// <https://docs.github.com/rest/reactions/reactions#create-reaction-for-an-issue-comment>
fn react(world: &mut World, call: &Call<'_>, id: u64, number: &str, body: &Value) -> Answer {
    let number = number.parse().unwrap_or_default();
    let content = text(body, "content").to_owned();
    let known = [
        "+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes",
    ];
    if !known.contains(&content.as_str()) {
        return invalid(&json!([{"resource": "Reaction", "field": "content", "code": "invalid"}]));
    }
    let by = call.account();
    let Some(comment) = world.repository_mut(id).said_mut(number) else {
        return no(404, "Not Found");
    };
    let again = comment.reactions.contains(&(by, content.clone()));
    if !again {
        comment.reactions.push((by, content.clone()));
    }
    let made = json!({
        "id": number,
        "node_id": "MDg6UmVhY3Rpb24x",
        "user": user(world, by),
        "content": content,
        "created_at": "2026-11-22T06:00:00Z",
    });
    in_json(if again { 200 } else { 201 }, &made)
}

/// Whose check runs these are: nobody but an App has any.
fn checking_app(world: &World, call: &Call<'_>) -> Result<String, Answer> {
    let app = match &call.who {
        Who::Installed(minted) => world.app_of(minted).map(|app| app.slug.clone()),
        Who::Nobody | Who::Person(_) | Who::App(_) => None,
    };
    app.ok_or_else(|| no(403, "You must authenticate via a GitHub App."))
}

/// Takes over what a request says of a check run; `Err`: what is wrong with it.
fn fill(check: &mut Check, body: &Value) -> Result<(), Answer> {
    let wrong = |field: &str| {
        Err(invalid(
            &json!([{"resource": "CheckRun", "field": field, "code": "invalid"}]),
        ))
    };
    let owned = |value: &Value| value.as_str().map(str::to_owned);
    if let Some(output) = body["output"].as_object() {
        let of = |name: &str| output.get(name).and_then(Value::as_str).unwrap_or_default();
        if of("title").is_empty() || of("summary").is_empty() {
            return wrong("output");
        }
        (check.title, check.said) = (Some(of("title").to_owned()), Some(of("summary").to_owned()));
    }
    let status = match (body["status"].as_str(), &body["conclusion"]) {
        (_, conclusion) if !conclusion.is_null() => "completed",
        (Some("completed"), _) => return wrong("conclusion"),
        (Some(status @ ("queued" | "in_progress")), _) => status,
        (Some(_), _) => return wrong("status"),
        (None, _) => return Ok(()),
    };
    let known = [
        "action_required",
        "cancelled",
        "failure",
        "neutral",
        "success",
        "skipped",
        "timed_out",
    ];
    if !body["conclusion"].is_null() && !known.contains(&text(body, "conclusion")) {
        return wrong("conclusion");
    }
    // Stricter than GitHub, of which it is told that the conclusion stays, and that nothing happens.
    if check.status == "completed" && status != "completed" {
        return wrong("status");
    }
    status.clone_into(&mut check.status);
    check.conclusion = owned(&body["conclusion"]);
    check.external_id = owned(&body["external_id"]).or(check.external_id.take());
    check.details_url = owned(&body["details_url"]).or(check.details_url.take());
    Ok(())
}

/// <https://docs.github.com/rest/checks/runs#create-a-check-run>: as many of one name as are asked for.
fn post_check(world: &mut World, call: &Call<'_>, id: u64, body: &Value) -> Answer {
    let app = match checking_app(world, call) {
        Ok(app) => app,
        Err(answer) => return answer,
    };
    let (name, head) = (text(body, "name"), text(body, "head_sha"));
    if name.is_empty() {
        return invalid(&json!([{"resource": "CheckRun", "field": "name", "code": "missing_field"}]));
    }
    let commit = ["cat-file", "-e", &format!("{head}^{{commit}}")];
    if git::ask(&world.repositories[&id].folder, &commit, b"").is_none() {
        return no(422, &format!("No commit found for SHA: {head}"));
    }
    let mut made = Check {
        id: world.fresh(),
        app,
        name: name.to_owned(),
        status: "queued".to_owned(),
        conclusion: None,
        head: head.to_owned(),
        said: None,
        title: None,
        external_id: None,
        details_url: None,
    };
    if let Err(answer) = fill(&mut made, body) {
        return answer;
    }
    let answer = in_json(201, &check(world, call, &made));
    world.repository_mut(id).checks.push(made);
    answer
}

/// <https://docs.github.com/rest/checks/runs#update-a-check-run>
fn change_check(world: &mut World, call: &Call<'_>, id: u64, number: &str, body: &Value) -> Answer {
    let app = match checking_app(world, call) {
        Ok(app) => app,
        Err(answer) => return answer,
    };
    let found = world.repositories[&id].checks.iter();
    let mut found = found.filter(|c| number.parse() == Ok(c.id));
    let Some(mut changed) = found.next().cloned() else {
        return no(404, "Not Found");
    };
    if changed.app != app {
        return no(
            403,
            "Invalid app_id - check run can only be modified by the GitHub App that created it.",
        );
    }
    if let Err(answer) = fill(&mut changed, body) {
        return answer;
    }
    let answer = in_json(200, &check(world, call, &changed));
    let checks = world.repository_mut(id).checks.iter_mut();
    checks
        .filter(|c| c.id == changed.id)
        .for_each(|c| *c = changed.clone());
    answer
}

/// <https://docs.github.com/rest/git/refs#create-a-reference>
fn make_ref(world: &World, call: &Call<'_>, id: u64, body: &Value) -> Answer {
    let found = &world.repositories[&id];
    let (full, sha) = (text(body, "ref"), text(body, "sha"));
    let Some(name) = full.strip_prefix("refs/heads/") else {
        return no(422, "Reference name must start with 'refs/'.");
    };
    if git::branch(&found.folder, name).is_some() {
        return no(422, "Reference already exists");
    }
    match git::ask(&found.folder, &["update-ref", full, sha, ""], b"") {
        Some(_) => in_json(201, &reference(world, call, found, name, sha)),
        None => no(422, "Object does not exist"),
    }
}
