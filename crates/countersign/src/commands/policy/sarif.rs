//! A check's result in SARIF 2.1.0 (OASIS), as code scanning services and editors read it.
//!
//! Fingerprints are made of rule, path and content, so that a result is the same one wherever its lines move to and
//! another one when the content changes, as a waiver's life is. No path of this machine goes in.

use super::check::Judged;
use countersign_core::digest::EvidenceDigest;
use countersign_core::path::RepoPath;
use countersign_core::policy::{EffectivePolicy, RuleId, Severity, Violation};
use countersign_ports::trees::ApplyRefusal;
use serde_json::{Map, Value, json};

/// Where the format's schema lies.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// Most lines of one violation that are listed beside the first.
const RELATED_MAX: usize = 9;

/// What was found.
pub(super) fn log(judged: &Judged, policy: &EffectivePolicy) -> Value {
    let stand_in = judged.applied.diff.files.first().map(|f| f.path().clone());
    let results: Vec<Value> = judged
        .violations
        .iter()
        .map(|v| result(v, stand_in.as_ref()))
        .collect();
    let properties = json!({
        "policy": policy.digest().to_hex(),
        "risk": judged.risk.tier.to_string(),
        "riskReasons": judged.risk.reasons,
        "blocked": judged.blocked(),
    });
    run(
        rules(policy),
        results,
        json!({ "executionSuccessful": true }),
        properties,
    )
}

/// The change could not even be applied: no results, and it says that this is not a pass.
pub(super) fn not_applied(refusal: &ApplyRefusal) -> Value {
    let notification = json!({
        "level": "error",
        "descriptor": { "id": refusal.code },
        "message": { "text": format!("{} ({})", refusal.message, refusal.place) },
    });
    let invocation = json!({
        "executionSuccessful": false,
        "toolExecutionNotifications": [notification],
    });
    run(Vec::new(), Vec::new(), invocation, json!({ "blocked": true }))
}

fn run(rules: Vec<Value>, results: Vec<Value>, invocation: Value, properties: Value) -> Value {
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "countersign",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "automationDetails": { "id": "countersign/policy-check/" },
            "columnKind": "utf16CodeUnits",
            "invocations": [invocation],
            "results": results,
            "properties": properties,
        }],
    })
}

/// Every rule there is, with what it weighs under this policy.
fn rules(policy: &EffectivePolicy) -> Vec<Value> {
    let rule = |rule: &RuleId| {
        let help = format!("{} To satisfy it: {}.", rule.catches(), rule.way_out());
        json!({
            "id": rule.as_str(),
            "shortDescription": { "text": rule.catches() },
            "help": { "text": help },
            "defaultConfiguration": { "level": level(policy.severity(*rule)) },
            "properties": { "waivable": rule.waivable() },
        })
    };
    RuleId::all().iter().map(rule).collect()
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Warn => "warning",
        Severity::Block => "error",
    }
}

fn result(violation: &Violation, stand_in: Option<&RepoPath>) -> Value {
    let index = RuleId::all().iter().position(|r| *r == violation.rule);
    let id = match &violation.custom {
        None => violation.rule.to_string(),
        // The first part names the rule in the list of rules (SARIF 3.27.5).
        Some(name) => format!("{}/{name}", violation.rule),
    };
    let text = format!("{} {}", violation.message, violation.remedy);
    let mut result = Map::new();
    result.insert("ruleId".into(), json!(id));
    result.insert("ruleIndex".into(), json!(index));
    result.insert("level".into(), json!(level(violation.severity)));
    result.insert("message".into(), json!({ "text": text }));
    result.insert(
        "partialFingerprints".into(),
        json!({ "countersignViolation/v1": fingerprint(violation) }),
    );
    let location = match (&violation.path, stand_in) {
        (Some(path), _) => Some(location(path, violation.lines.first().copied())),
        // Services refuse results without a place.
        (None, Some(path)) => {
            let mut location = location(path, None);
            location["message"] =
                json!({ "text": "This is about the whole change; its first file stands for it." });
            Some(location)
        }
        (None, None) => None,
    };
    result.insert("locations".into(), location.into_iter().collect());
    if let Some(path) = &violation.path {
        let others = violation.lines.iter().skip(1).take(RELATED_MAX);
        let related: Vec<Value> = others.map(|line| self::location(path, Some(*line))).collect();
        if !related.is_empty() {
            result.insert("relatedLocations".into(), related.into());
        }
    }
    Value::Object(result)
}

fn fingerprint(violation: &Violation) -> String {
    EvidenceDigest::of(&(violation.id(), &violation.content)).to_hex()
}

fn location(path: &RepoPath, line: Option<u32>) -> Value {
    let mut place = json!({ "artifactLocation": { "uri": uri(path), "uriBaseId": "SRCROOT" } });
    if let Some(line) = line {
        place["region"] = json!({ "startLine": line });
    }
    json!({ "physicalLocation": place })
}

/// A path as a relative reference (RFC 3986): everything but unreserved characters and slashes is percent-encoded.
fn uri(path: &RepoPath) -> String {
    let mut out = String::new();
    for byte in path.as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(*byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_relative_reference() {
        let of = |text: &str| uri(&RepoPath::from_bytes(text));
        assert_eq!(of("src/a b.rs"), "src/a%20b.rs");
        assert_eq!(of("a:b/ü#?%"), "a%3Ab/%C3%BC%23%3F%25");
    }
}
