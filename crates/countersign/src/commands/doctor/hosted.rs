//! What `doctor` finds out at GitHub: who we are there, and whether approved content could be written to each repository.
//! Nothing is written there for it.

use super::super::throwaway::blocking;
use super::{Finding, ill, well, worth_a_look};
use crate::config::Github;
use crate::error::CliError;
use crate::hosting;
use crate::session::{App, Session};
use countersign_core::id::RepositoryId;
use countersign_forge::github::{Found, GitHub, Installation, NEEDED};
use countersign_ports::store::StoreError;
use countersign_ports::trees::{RepoPlace, TreesError};

const ABOUT: &str = "repository";

/// As whom we come to GitHub; nothing where nothing is set.
pub(super) async fn github(app: &App) -> Option<Finding> {
    let about = "GitHub";
    // What is wrong with a setting is a finding of its own.
    let settings = app.settings.hosting().ok().filter(Github::is_known)?;
    let (server, _) = hosting::addresses(&settings);
    let mend = match settings.app_id {
        Some(_) => "docs/github.md tells how to set an App up.",
        None => "docs/github.md tells how to make a token.",
    };
    let asked = match hosting::api(&settings) {
        Ok(github) => blocking(move || who(&github)).await,
        Err(error) => return Some(ill(about, error)),
    };
    Some(match asked {
        Err(error) => ill(about, error),
        Ok(Ok(who)) => well(about, format!("{who}, at {server}")),
        Ok(Err(error @ TreesError::Unsupported { .. })) => ill(about, CliError::from(error).next(mend)),
        Ok(Err(error @ (TreesError::Unavailable { .. } | TreesError::Corrupt { .. }))) => {
            worth_a_look(about, error.to_string(), "Try again later; look at the network.")
        }
    })
}

fn who(github: &GitHub) -> Result<String, TreesError> {
    Ok(match github.app()? {
        Some(app) => format!("this is the App {} (@{}[bot])", app.name, app.slug),
        None => format!("the token is @{}'s", github.owner_of_token()?.login),
    })
}

/// Whether approved content could be written to each repository on GitHub.
pub(super) async fn repositories(session: &Session) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    for row in session.store.repositories().await? {
        if !row.id.forge.is_remote() {
            continue;
        }
        let (github, id) = (session.github.clone(), row.id.clone());
        let looked = blocking(move || look(&github, &id)).await;
        findings.push(match looked {
            Err(error) => ill(ABOUT, error),
            Ok(Err(error)) => unseen(&row.place, &error),
            Ok(Ok((found, _))) if found.archived => worth_a_look(
                ABOUT,
                format!("{} is archived: nothing can be written there", found.full_name),
                "Unarchive it on GitHub.",
            ),
            Ok(Ok((found, Some(installation)))) => installed(&found, &installation),
            Ok(Ok((found, None))) if !found.may.1 => worth_a_look(
                ABOUT,
                format!(
                    "{} can be read and not pushed to with this token",
                    found.full_name
                ),
                "Give its account write access there, or set the token of one that has it.",
            ),
            Ok(Ok((found, None))) => well(ABOUT, format!("{} can be written to", found.full_name)),
        });
    }
    Ok(findings)
}

/// First where the App is installed: where it may read nothing, that says why.
fn look(github: &GitHub, id: &RepositoryId) -> Result<(Found, Option<Installation>), TreesError> {
    let installation = github.installation(id)?;
    let lacks_reading = |i: &Installation| !i.lacks(countersign_forge::github::READS).is_empty();
    match installation {
        Some(installation) if lacks_reading(&installation) => {
            let lacks = installation.lacks(countersign_forge::github::READS).join(", ");
            Err(TreesError::Unsupported {
                code: "github-app-lacks-permission",
                message: format!(
                    "the App's installation {} lacks what reading needs: {lacks}",
                    installation.id
                ),
            })
        }
        installation => Ok((github.by_id(id)?, installation)),
    }
}

fn unseen(place: &RepoPlace, error: &TreesError) -> Finding {
    let next = match error.code() {
        "github-app-suspended" => "An owner of the account there can let it go on (Settings → GitHub Apps).",
        "github-app-not-installed" => "Install the App for it: its page on GitHub → Install App.",
        "github-app-lacks-permission" => {
            "Add that to the App's permissions, and accept it where the App is installed."
        }
        _other => "docs/github.md tells what a token or an App needs.",
    };
    worth_a_look(ABOUT, format!("{place}: {error}"), next)
}

fn installed(found: &Found, installation: &Installation) -> Finding {
    let (name, number) = (&found.full_name, installation.id);
    let lacks = installation.lacks(NEEDED);
    match lacks.is_empty() {
        true => well(
            ABOUT,
            format!("{name} can be written to (the App's installation {number})"),
        ),
        false => worth_a_look(
            ABOUT,
            format!(
                "{name}: the App's installation {number} lacks {}",
                lacks.join(", ")
            ),
            "Add that to the App's permissions, and accept it where the App is installed (docs/github.md).",
        ),
    }
}
