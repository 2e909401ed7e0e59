//! From what a package's `violations` holds to findings; strict, because a misspelt key would drop what was found.

use countersign_core::outbound::redacted;
use countersign_core::path::RepoPath;
use countersign_core::policy::{Finding, NoAnswer, RuleId, Severity};
use regorus::Value;
use serde::Deserialize;

/// Most violations of one package.
const VIOLATIONS_MAX: usize = 200;
/// Longest name of a rule, in characters.
const NAME_MAX_CHARS: usize = 64;
/// Longest message, in characters.
const MESSAGE_MAX_CHARS: usize = 500;

/// One violation as a rule says it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    rule: String,
    severity: Severity,
    message: String,
    path: Option<String>,
    line: Option<u32>,
}

/// The findings of a package, which lies in that file.
pub(super) fn findings(package: &str, file: &RepoPath, value: &Value) -> Result<Vec<Finding>, NoAnswer> {
    let name = package.strip_prefix("data.").unwrap_or(package);
    let refuse = |why: String| {
        let why = format!("`violations` of package `{name}` is not as expected: {why}");
        NoAnswer::at("own-rules-bad-answer", file, None, why)
    };
    let Ok(set) = value.as_set() else {
        let text = "it is not a set; write rules of the form `violations contains v if { … }`";
        return Err(refuse(text.to_owned()));
    };
    if set.len() > VIOLATIONS_MAX {
        let text = format!("it holds {}; at most {VIOLATIONS_MAX} are taken", set.len());
        return Err(refuse(text));
    }
    set.iter().map(|value| one(value).map_err(refuse)).collect()
}

fn one(value: &Value) -> Result<Finding, String> {
    const FORM: &str = "a violation is an object with `rule`, `severity` (\"warn\" or \"block\"), `message`, and perhaps \
                        `path` and `line`";
    let json = value.to_json_str().map_err(|_| FORM.to_owned())?;
    let wire: Wire = serde_json::from_str(&json).map_err(|error| {
        // Without its place, which is one in a text that nobody sees, and without values of the change.
        let said = error.to_string();
        let said = redacted(said.split(" at line ").next().unwrap_or_default()).into_owned();
        format!("{said}; {FORM}")
    })?;
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let name = wire.rule;
    if name.is_empty() || name.chars().count() > NAME_MAX_CHARS || !name.chars().all(fits) {
        return Err(format!(
            "a rule's name has 1 to {NAME_MAX_CHARS} small letters, digits and hyphens"
        ));
    }
    let message = wire.message.trim();
    if message.is_empty() || message.chars().count() > MESSAGE_MAX_CHARS {
        return Err(format!(
            "the message of `{name}` has 1 to {MESSAGE_MAX_CHARS} characters"
        ));
    }
    let path = wire.path.map(|p| RepoPath::from_text(&p)).transpose();
    let path = path.map_err(|e| format!("the path of `{name}` can't be read: {e}"))?;
    if path.as_ref().is_some_and(|p| p.as_bytes().is_empty()) {
        return Err(format!("the path of `{name}` is empty; leave it out instead"));
    }
    match (&path, wire.line) {
        (_, Some(0)) => Err(format!("the line of `{name}` is 0; lines count from 1")),
        (None, Some(_)) => Err(format!("`{name}` has a line and no path")),
        (Some(_) | None, _) => Ok(Finding {
            rule: RuleId::Custom,
            custom: Some(name),
            path,
            blob: None,
            lines: wire.line.into_iter().collect(),
            // A rule may repeat a line of the change.
            message: redacted(message).into_owned(),
            severity: Some(wire.severity),
        }),
    }
}
