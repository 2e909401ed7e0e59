//! `--issue https://…/issues/7`: an issue on GitHub as feedback, with everything that was said below it.
//! The workflow is bound to the hash of exactly the text that is made of it, whatever happens to the issue later.

use super::throwaway::blocking;
use crate::config::Github;
use crate::error::CliError;
use crate::hosting;
use countersign_core::feedback::{Feedback, FeedbackOrigin};
use countersign_forge::github::{Author, Found, GitHub, issue_of};

/// What was imported.
#[derive(Clone)]
pub(super) struct Imported {
    pub(super) feedback: Feedback,
    /// The issue's repository.
    pub(super) repository: Found,
    /// Its number there.
    pub(super) number: u64,
    /// `octo/hello#7`.
    pub(super) place: String,
    /// Its title, as its author wrote it.
    pub(super) title: String,
    /// Who opened it.
    pub(super) author: Author,
}

/// Whether that names an issue on the web, and no file.
pub(super) fn is_address(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

/// Fetches it.
///
/// # Errors
/// When the address is none of an issue there, GitHub does not show it, or its text can't be feedback.
pub(super) async fn issue(settings: &Github, address: &str) -> Result<Imported, CliError> {
    let (server, _) = hosting::addresses(settings);
    let (full_name, number) = issue_of(address, &server).ok_or_else(|| {
        let text = format!("{address} is no issue of {server}");
        CliError::usage("bad-issue-address", text)
            .next(format!("Such as: --issue {server}/OWNER/NAME/issues/7"))
    })?;
    let github = hosting::api(settings)?;
    blocking(move || {
        let repository = github.by_name(&full_name)?;
        read(&github, &server, repository, number)
    })
    .await?
}

/// Fetches one of a repository that was found.
///
/// # Errors
/// When GitHub does not show it, or its text can't be feedback.
pub(super) fn read(
    github: &GitHub,
    server: &str,
    repository: Found,
    number: u64,
) -> Result<Imported, CliError> {
    let host = server.split_once("://").map_or(server, |(_, host)| host);
    let place = format!("{}#{number}", repository.full_name);
    let thread = github.issue(&repository, number)?;
    let feedback = Feedback::read(FeedbackOrigin::Issue, thread.told(&place, host).as_bytes())
        .map_err(|e| CliError::refused(e.code(), format!("issue #{number}: {e}")))?;
    Ok(Imported {
        feedback,
        repository,
        number,
        place,
        title: thread.title,
        author: thread.opened.author,
    })
}
