//! One question to a process that runs rules, and its answer, each one JSON text.

use crate::judge;
use countersign_core::policy::{Finding, NoAnswer, RuleText};
use serde::{Deserialize, Serialize};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The files of one commit.
    pub rules: Vec<RuleText>,
    /// The facts of the change, as JSON.
    pub facts: String,
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Answer {
    /// What the rules found.
    Found(Vec<Finding>),
    /// Why they came to no answer.
    Refused(NoAnswer),
}

/// Answers a request; what can't be read is refused.
pub fn answer(request: &[u8]) -> Answer {
    match serde_json::from_slice::<Request>(request) {
        Ok(Request { rules, facts }) => match judge(&rules, &facts) {
            Ok(found) => Answer::Found(found),
            Err(refused) => Answer::Refused(refused),
        },
        Err(_) => Answer::Refused(NoAnswer::of_all(
            "own-rules-failed",
            "the request to run them can't be read",
        )),
    }
}
