//! Every request that we send to GitHub, held against GitHub's own description of its API (npm `@octokit/openapi`).

use super::Hosted;
use crate::others::{github_description, left_out};
use countersign_testkit::github::Asked;
use serde_json::Value;

/// GitHub's redirects lead to this door, and its description does not list it.
const UNLISTED: &str = "/repositories/";

struct Description(Value);

impl Description {
    fn read() -> Self {
        let text = std::fs::read_to_string(github_description()).unwrap();
        Self(serde_json::from_str(&text).unwrap())
    }

    fn resolved<'d>(&'d self, value: &'d Value) -> &'d Value {
        match value["$ref"].as_str() {
            Some(pointer) => self.0.pointer(pointer.trim_start_matches('#')).unwrap(),
            None => value,
        }
    }

    /// The operation whose path fits best: literal parts before parameters.
    fn operation(&self, asked: &Asked) -> Result<&Value, String> {
        let parts: Vec<&str> = asked.path.split('/').collect();
        let fits = |template: &str| {
            let wanted: Vec<&str> = template.split('/').collect();
            let same = |(w, p): (&&str, &&str)| w == p || (w.starts_with('{') && !p.is_empty());
            (wanted.len() == parts.len() && wanted.iter().zip(&parts).all(same))
                .then(|| wanted.iter().filter(|w| w.starts_with('{')).count())
        };
        let paths = self.0["paths"].as_object().unwrap();
        let best = paths
            .iter()
            .filter_map(|(template, doors)| fits(template).map(|free| (free, doors)))
            .min_by_key(|(free, _)| *free)
            .ok_or_else(|| format!("GitHub has no {}", asked.path))?;
        let operation = &best.1[asked.method.to_ascii_lowercase()];
        match operation.is_null() {
            true => Err(format!("GitHub has no {} {}", asked.method, asked.path)),
            false => Ok(operation),
        }
    }

    /// What is wrong with a request.
    fn complaint(&self, asked: &Asked) -> Option<String> {
        let operation = match self.operation(asked) {
            Ok(operation) => operation,
            Err(complaint) => return Some(complaint),
        };
        let complain = |what: String| Some(format!("{} {}: {what}", asked.method, asked.path));
        let parameters: Vec<&Value> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|p| self.resolved(p))
            .collect();
        for (name, value) in asked.query.split('&').filter_map(|pair| pair.split_once('=')) {
            let Some(known) = parameters
                .iter()
                .find(|p| p["in"] == "query" && p["name"] == name)
            else {
                return complain(format!("there is no parameter `{name}`"));
            };
            let value = match known["schema"]["type"].as_str() {
                Some("integer") => value.parse::<u64>().map_or(Value::from(value), Value::from),
                Some(_) | None => Value::from(value),
            };
            if let Some(error) = self.errors(&known["schema"], &value) {
                return complain(format!("{name}: {error}"));
            }
        }
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        match (&asked.body, schema.is_null()) {
            (None, true) => None,
            (None, false) if operation["requestBody"]["required"] != true => None,
            (None, false) => complain("it lacks a body".to_owned()),
            (Some(_), true) => complain("it has a body, and GitHub reads none".to_owned()),
            (Some(body), false) => {
                let known = self.fields(schema);
                let unknown = body
                    .as_object()
                    .and_then(|b| b.keys().find(|k| !known.contains(k)));
                match unknown {
                    Some(field) => complain(format!("GitHub knows no field `{field}`")),
                    None => self.errors(schema, body).and_then(complain),
                }
            }
        }
    }

    /// Names of all fields that a body may have.
    fn fields(&self, schema: &Value) -> Vec<String> {
        let schema = self.resolved(schema);
        let own = schema["properties"]
            .as_object()
            .into_iter()
            .flat_map(|p| p.keys().cloned());
        let of = |name: &str| schema[name].as_array().into_iter().flatten();
        let inner = of("oneOf").chain(of("anyOf")).chain(of("allOf"));
        own.chain(inner.flat_map(|s| self.fields(s))).collect()
    }

    fn errors(&self, schema: &Value, value: &Value) -> Option<String> {
        let mut whole = schema.clone();
        if let (Some(whole), true) = (whole.as_object_mut(), schema.to_string().contains("$ref")) {
            whole.insert("components".to_owned(), self.0["components"].clone());
        }
        let validator = jsonschema::validator_for(&whole).unwrap();
        validator.iter_errors(value).next().map(|error| error.to_string())
    }
}

fn ours(method: &str, path: &str, query: &str, body: Option<Value>) -> Asked {
    Asked {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        body,
        login: None,
        token: None,
        headers: std::collections::BTreeMap::new(),
        status: 200,
        unknown: false,
    }
}

#[test]
fn github_describes_every_request_that_we_send() {
    if left_out() {
        return;
    }
    let description = Description::read();
    let hosted = Hosted::new();
    super::story::everything(&hosted);
    let app = Hosted::app();
    super::story::everything(&app);
    let (made, _) = super::setup::walked();
    let commanded = super::commands::started_by_comment();
    let labelled = super::labels::started_by_label();
    let posted = super::posted::posted_on_what_was_written();
    let learning = Hosted::app();
    super::story::learns_from_the_log(&learning);
    let all = [
        hosted.github.asked(),
        app.github.asked(),
        made.github.asked(),
        commanded.hosted.github.asked(),
        labelled.hosted.github.asked(),
        posted.hosted.github.asked(),
        learning.github.asked(),
    ]
    .concat();
    let asked: Vec<Asked> = all.into_iter().filter(Asked::is_rest).collect();
    for (method, end) in [("POST", "/check-runs"), ("POST", "/labels"), ("GET", "/logs")] {
        let is_it = |a: &Asked| a.method == method && a.path.ends_with(end);
        assert!(asked.iter().any(is_it), "{method} …{end} is among them");
    }
    let mut listed = 0;
    for asked in &asked {
        assert!(
            !asked.unknown,
            "the model knows no {} {}",
            asked.method, asked.path
        );
        for (name, value) in [
            ("accept", "application/vnd.github+json"),
            ("x-github-api-version", "2022-11-28"),
        ] {
            assert_eq!(
                asked.headers.get(name).map(String::as_str),
                Some(value),
                "{asked:?}"
            );
        }
        if asked.path.starts_with(UNLISTED) && asked.method == "GET" {
            continue;
        }
        assert_eq!(description.complaint(asked), None);
        listed += 1;
    }
    assert!(listed >= 5, "{listed} of {} requests are in it", asked.len());
}

#[test]
fn a_request_that_github_does_not_describe_is_found() {
    if left_out() {
        return;
    }
    let description = Description::read();
    let pulls = "/repos/octo/hello/pulls";
    let body = |text: &str| Some(serde_json::from_str(text).unwrap());
    let complaint = |asked: Asked| description.complaint(&asked).unwrap_or_default();
    for (asked, expected) in [
        (ours("GET", "/repos/octo/hello/pull", "", None), "GitHub has no"),
        (ours("GET", pulls, "stat=open", None), "no parameter `stat`"),
        (ours("GET", pulls, "state=opened", None), "state"),
        (ours("GET", pulls, "per_page=many", None), "per_page"),
        (ours("POST", pulls, "", None), "lacks a body"),
        (ours("POST", pulls, "", body(r#"{"head": "a"}"#)), "base"),
        (
            ours(
                "POST",
                pulls,
                "",
                body(r#"{"head": "a", "base": "b", "titel": "c"}"#),
            ),
            "no field `titel`",
        ),
        (
            ours("PATCH", &format!("{pulls}/1"), "", body(r#"{"state": "shut"}"#)),
            "shut",
        ),
    ] {
        let found = complaint(asked);
        assert!(found.contains(expected), "{expected}: {found}");
    }
    let fine = ours(
        "POST",
        pulls,
        "",
        body(r#"{"title": "t", "head": "a", "base": "b", "draft": true}"#),
    );
    assert_eq!(description.complaint(&fine), None);
}
