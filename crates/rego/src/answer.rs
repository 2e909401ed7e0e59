//! From what a package's `violations` holds to findings; strict, because a misspelt key would drop what was found.

use crate::RegoError;
use countersign_core::path::RepoPath;
use countersign_core::policy::{FINDING_LINES_MAX, Finding, RuleId, Severity};
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
    path: Option<String>,
    message: String,
    severity: Option<Severity>,
    #[serde(default)]
    lines: Vec<u32>,
}

/// The findings of a package.
pub(super) fn findings(package: &str, value: &Value) -> Result<Vec<Finding>, RegoError> {
    let refuse = |why: String| RegoError::BadAnswer {
        package: package.to_owned(),
        why,
    };
    let Ok(set) = value.as_set() else {
        let text = "it is not a set; write rules of the form `violations contains v if { … }`";
        return Err(refuse(text.to_owned()));
    };
    if set.len() > VIOLATIONS_MAX {
        return Err(refuse(format!(
            "it holds {} violations; at most {VIOLATIONS_MAX} are taken",
            set.len()
        )));
    }
    let one = |value: &Value| {
        let json = value.to_json_str().map_err(|e| refuse(crate::one_line(&e)))?;
        let wire: Wire = serde_json::from_str(&json).map_err(|e| {
            refuse(format!(
                "{}; a violation is an object with `rule` and `message`, and perhaps `path`, `lines` and `severity` \
                 (\"warn\" or \"block\")",
                crate::one_line(&e)
            ))
        })?;
        finding(wire).map_err(refuse)
    };
    set.iter().map(one).collect()
}

fn finding(wire: Wire) -> Result<Finding, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let name = wire.rule;
    if name.is_empty() || name.chars().count() > NAME_MAX_CHARS || !name.chars().all(fits) {
        return Err(format!(
            "`{}` is no name of a rule; write 1 to {NAME_MAX_CHARS} small letters, digits and hyphens",
            name.escape_debug()
        ));
    }
    let message = wire.message.trim();
    if message.is_empty() || message.chars().count() > MESSAGE_MAX_CHARS {
        return Err(format!(
            "the message of `{name}` is empty or longer than {MESSAGE_MAX_CHARS} characters"
        ));
    }
    if wire.lines.len() > FINDING_LINES_MAX || wire.lines.contains(&0) {
        return Err(format!(
            "`lines` of `{name}` are at most {FINDING_LINES_MAX} numbers from 1"
        ));
    }
    let path = wire.path.map(|p| RepoPath::from_text(&p)).transpose();
    let path = path.map_err(|e| format!("the path of `{name}` can't be read: {e}"))?;
    Ok(Finding {
        rule: RuleId::Custom,
        custom: Some(name),
        path,
        blob: None,
        lines: wire.lines,
        message: message.to_owned(),
        severity: wire.severity,
    })
}
