//! What GitHub tells by itself (<https://docs.github.com/webhooks>): the signature is checked over the bytes as they came, and
//! of the words nothing is read but which repository, comment or issue they are about, and whether that was labelled or edited.

use super::Secret;
use countersign_core::digest::BodyHash;
use countersign_core::id::RepositoryId;
use countersign_ports::hook::{DELIVERY_NAME_MAX_BYTES, Hook, HookError, HookHeaders, HookReader, PointsTo};
use ring::hmac;
use serde::Deserialize;

/// What the signature begins with: HMAC with SHA-256, in hex
/// (<https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries>).
const SIGNED_BY: &str = "sha256=";

/// Reads GitHub's deliveries with the secret that both sides know.
pub struct GitHubHooks {
    key: hmac::Key,
}

impl GitHubHooks {
    /// With that secret.
    pub fn new(secret: &Secret) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes()),
        }
    }
}

#[derive(Deserialize)]
struct Numbered {
    id: u64,
}

/// The few fields that are read of all payloads.
#[derive(Deserialize)]
struct Payload {
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    repository: Option<Numbered>,
    #[serde(default)]
    comment: Option<Numbered>,
    #[serde(default)]
    issue: Option<InRepository>,
}

#[derive(Deserialize)]
struct InRepository {
    number: u64,
}

impl HookReader for GitHubHooks {
    fn read(&self, headers: HookHeaders<'_>, body: &[u8]) -> Result<Option<Hook>, HookError> {
        let malformed = |why| HookError::Malformed { why };
        let signature = headers
            .signature
            .and_then(|text| text.strip_prefix(SIGNED_BY))
            .and_then(|digits| hex::decode(digits).ok())
            .ok_or(HookError::Signature)?;
        hmac::verify(&self.key, body, &signature).map_err(|_| HookError::Signature)?;
        let named = |d: &&str| {
            !d.is_empty() && d.len() <= DELIVERY_NAME_MAX_BYTES && d.bytes().all(|b| b.is_ascii_graphic())
        };
        let delivery = headers
            .delivery
            .filter(named)
            .ok_or(malformed("it has no name"))?;
        let event = headers
            .event
            .ok_or(malformed("it does not say what it tells of"))?;
        if !TOLD_OF.contains(&event) {
            return Ok(None);
        }
        let payload: Payload =
            serde_json::from_slice(body).map_err(|_| malformed("it is not the JSON that is expected"))?;
        let repository = payload
            .repository
            .ok_or(malformed("it does not say which repository it is about"))?;
        let points_to = match (event, payload.action.as_deref()) {
            (COMMENT, Some("created")) => PointsTo::Comment {
                comment: payload
                    .comment
                    .ok_or(malformed("it does not say which comment it is about"))?
                    .id,
            },
            // An edited comment decides nothing, and one that is gone neither (hazard 48).
            (COMMENT, _) => return Ok(None),
            (ISSUES, Some("labeled")) => PointsTo::Labels,
            (ISSUES, Some("edited")) => PointsTo::Edit {
                issue: payload
                    .issue
                    .ok_or(malformed("it does not say which issue it is about"))?
                    .number,
            },
            // What a new issue says is read where it is started from.
            (ISSUES, _) => return Ok(None),
            _changed => PointsTo::Change,
        };
        Ok(Some(Hook {
            delivery: delivery.to_owned(),
            body: BodyHash::of_bytes(body),
            repository: RepositoryId::github(repository.id),
            points_to,
        }))
    }
}

/// Comments on issues and on pull requests.
const COMMENT: &str = "issue_comment";
/// Issues, and the labels on them.
const ISSUES: &str = "issues";
/// What is looked at; `workflow_run` is GitHub's word for a run of CI.
const TOLD_OF: [&str; 8] = [
    "check_run",
    "check_suite",
    COMMENT,
    ISSUES,
    "pull_request",
    "push",
    "status",
    "workflow_run",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of GitHub's own page about signatures.
    #[test]
    fn the_signature_of_githubs_own_example_is_right() {
        let hooks = GitHubHooks::new(&Secret::new("It's a Secret to Everybody"));
        let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let headers = HookHeaders {
            delivery: Some("d"),
            event: Some("ping"),
            signature: Some(signature),
        };
        assert_eq!(hooks.read(headers, b"Hello, World!"), Ok(None));
        assert_eq!(
            hooks.read(headers, b"Hello, World?"),
            Err(HookError::Signature),
            "another body"
        );
        for wrong in [
            None,
            Some(""),
            Some("sha256="),
            Some("sha1=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"),
            Some("757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"),
            Some("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e1"),
            Some("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e18"),
        ] {
            let headers = HookHeaders {
                signature: wrong,
                ..headers
            };
            let read = hooks.read(headers, b"Hello, World!");
            assert_eq!(read, Err(HookError::Signature), "{wrong:?}");
        }
    }

    fn read(event: &str, delivery: &str, body: &str) -> Result<Option<Hook>, HookError> {
        let hooks = GitHubHooks::new(&Secret::new("canary"));
        let signature = hex::encode(hmac::sign(&hooks.key, body.as_bytes()));
        let signature = format!("{SIGNED_BY}{signature}");
        let headers = HookHeaders {
            delivery: Some(delivery),
            event: Some(event),
            signature: Some(&signature),
        };
        hooks.read(headers, body.as_bytes())
    }

    fn points_to(event: &str, body: &str) -> Option<PointsTo> {
        read(event, "d-1", body)
            .expect("it can be read")
            .map(|hook| hook.points_to)
    }

    #[test]
    fn a_delivery_points_to_a_change_to_a_new_comment_or_to_issues() {
        let change = r#"{"action": "completed", "repository": {"id": 5, "name": "x"}, "sender": {"id": 3}}"#;
        assert_eq!(points_to("check_run", change), Some(PointsTo::Change));
        assert_eq!(
            points_to("push", r#"{"ref": "x", "repository": {"id": 5}}"#),
            Some(PointsTo::Change)
        );
        let said = |action: &str| {
            let body =
                format!(r#"{{"action": "{action}", "repository": {{"id": 5}}, "comment": {{"id": 9}}}}"#);
            points_to("issue_comment", &body)
        };
        assert_eq!(said("created"), Some(PointsTo::Comment { comment: 9 }));
        assert_eq!(said("edited"), None);
        assert_eq!(said("deleted"), None);
        let issue = |action: &str| {
            let body =
                format!(r#"{{"action": "{action}", "repository": {{"id": 5}}, "issue": {{"number": 7}}}}"#);
            points_to("issues", &body)
        };
        assert_eq!(issue("labeled"), Some(PointsTo::Labels));
        assert_eq!(issue("edited"), Some(PointsTo::Edit { issue: 7 }));
        for nothing in ["opened", "unlabeled", "closed"] {
            assert_eq!(issue(nothing), None, "{nothing}");
        }
        for nothing in ["star", "installation", "installation_repositories", "ping"] {
            assert_eq!(points_to(nothing, "no JSON at all"), None, "{nothing}");
        }
    }

    #[test]
    fn what_is_signed_and_can_not_be_read_says_why_without_its_words() {
        for (event, delivery, body) in [
            ("push", "d-1", "canary"),
            ("push", "d-1", "{}"),
            ("push", "d-1", r#"{"repository": {"id": -1}}"#),
            (
                "push",
                "d-1",
                r#"{"repository": {"id": 1}, "repository": {"id": 2}}"#,
            ),
            (
                "issue_comment",
                "d-1",
                r#"{"action": "created", "repository": {"id": 1}}"#,
            ),
            ("push", "", r#"{"repository": {"id": 1}}"#),
            ("push", "a b", r#"{"repository": {"id": 1}}"#),
        ] {
            let error = read(event, delivery, body).expect_err(body);
            assert_eq!(error.code(), "hook-malformed", "{body}");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }
}
