//! What a person does, in the words of a server's API. Nothing is decided here: who may, and whether it still fits, the server says.

use crate::error::CliError;
use countersign_core::act::Act;
use countersign_core::narrow::LeftOut;
use countersign_server::client::{Decision, Part, WholeAct};

/// How an act goes over the wire.
pub(super) enum Call {
    /// On a request, by its id.
    Decide(String, Decision),
    /// On the workflow as a whole.
    Act(WholeAct),
}

/// The same act in the words of the API.
///
/// # Errors
/// When a path in it can't be said in JSON.
pub(super) fn call(act: Act) -> Result<Call, CliError> {
    let (request, decision) = match act {
        Act::Withdraw { reason } => return Ok(Call::Act(WholeAct::Withdraw { reason })),
        Act::Cancel { reason } => return Ok(Call::Act(WholeAct::Cancel { reason })),
        Act::Wake => return Ok(Call::Act(WholeAct::Wake)),
        Act::Approve {
            request,
            seen,
            acknowledged,
        } => (
            request,
            Decision::Approve {
                digest: seen.to_hex(),
                acknowledged,
            },
        ),
        Act::Reject {
            request,
            seen,
            reason,
        } => (
            request,
            Decision::Reject {
                digest: seen.to_hex(),
                reason,
            },
        ),
        Act::RequestChanges {
            request,
            seen,
            comment,
            comments: _,
        } => (
            request,
            Decision::RequestChanges {
                digest: seen.to_hex(),
                comment,
            },
        ),
        Act::Answer {
            request,
            seen,
            choice,
            text,
        } => (
            request,
            Decision::Answer {
                digest: seen.to_hex(),
                choice: choice.as_str().to_owned(),
                text,
            },
        ),
        Act::Extend { request, seen, until } => (
            request,
            Decision::Extend {
                digest: seen.to_hex(),
                until: Some(until.to_rfc3339()),
            },
        ),
        Act::Retry { request, seen } => (
            request,
            Decision::Retry {
                digest: seen.to_hex(),
            },
        ),
        Act::Deselect {
            request,
            seen,
            left_out,
            reason,
        } => (
            request,
            Decision::Deselect {
                digest: seen.to_hex(),
                parts: left_out.into_iter().map(part).collect::<Result<_, _>>()?,
                reason,
            },
        ),
        Act::Waive {
            request,
            seen,
            repository,
            violation,
            reason,
            until,
        } => (
            request,
            Decision::Waive {
                digest: seen.to_hex(),
                repository: repository.to_string(),
                violation,
                reason,
                days: None,
                until: Some(until.to_rfc3339()),
            },
        ),
    };
    Ok(Call::Decide(request.to_string(), decision))
}

fn part(left_out: LeftOut) -> Result<Part, CliError> {
    let path = std::str::from_utf8(left_out.path.as_bytes()).map_err(|_| {
        let text = format!("the path {} is not UTF-8", left_out.path.to_text());
        CliError::refused("path-not-utf8", text).next("Leave it out on the server's own machine.")
    })?;
    Ok(Part {
        repository: left_out.repository.to_string(),
        path: path.to_owned(),
        hunks: left_out.hunks,
    })
}
