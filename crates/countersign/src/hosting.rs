//! GitHub as a place for repositories: the settings, read in one place, and the adapters that are made of them. The token
//! leaves these types only into the adapters.

use crate::config::{Github, Secret};
use crate::error::CliError;
use countersign_forge::Forges;
use countersign_forge::github::{self, GitHub, GitHubForge, GitHubSettings};
use countersign_forge::local::LocalForge;
use countersign_git::{GitTrees, Locate, Location, Token};
use countersign_ports::forge::Forge;
use countersign_ports::trees::TreesError;
use std::path::PathBuf;
use std::sync::Arc;

/// GitHub, git, and every forge, wired together.
pub(crate) struct Hosting {
    /// What can be looked up at GitHub.
    pub(crate) github: Arc<GitHub>,
    /// Git over our mirrors.
    pub(crate) git: Arc<GitTrees>,
    /// Where approved content goes.
    pub(crate) forge: Arc<dyn Forge>,
}

impl Hosting {
    /// As it is set; nothing is connected to.
    ///
    /// # Errors
    /// When GitHub can't be spoken to as it is set.
    pub(crate) fn of(settings: &Github, mirrors: PathBuf) -> Result<Self, CliError> {
        let github = api(settings)?;
        let git = GitTrees::new(mirrors).with_remotes(locate(github.clone(), settings.token.clone()));
        let git = Arc::new(git);
        let local = Arc::new(LocalForge::new(git.clone()));
        let there = Arc::new(GitHubForge::new(github.clone(), git.clone()));
        Ok(Self {
            github,
            forge: Arc::new(Forges::new(local, there)),
            git,
        })
    }
}

/// Where GitHub is: its address, and its API's.
pub(crate) fn addresses(settings: &Github) -> (String, String) {
    let server = settings
        .base_url
        .as_ref()
        .map_or(github::SERVER_URL, |url| &url.0);
    let api = match &settings.api_url {
        Some(url) => url.0.clone(),
        None if server == github::SERVER_URL => github::API_URL.to_owned(),
        // GitHub Enterprise Server has its API below its own name.
        None => format!("{server}/api/v3"),
    };
    (server.to_owned(), api)
}

/// GitHub's API as it is set.
///
/// # Errors
/// When it can't be spoken to as it is set.
pub(crate) fn api(settings: &Github) -> Result<Arc<GitHub>, CliError> {
    let (server_url, api_url) = addresses(settings);
    let made = GitHub::new(GitHubSettings {
        api_url,
        server_url,
        token: settings.token.as_ref().map(|t| github::Secret::new(t.reveal())),
    });
    let made = made.map_err(|error| {
        CliError::refused(error.code(), error.to_string()).next("docs/github.md has the settings.")
    })?;
    Ok(Arc::new(made))
}

/// A repository is looked up by its number each time that git goes there. Both purposes have the one token that is set.
fn locate(github: Arc<GitHub>, token: Option<Secret>) -> Locate {
    Arc::new(move |id, _as_registered, _purpose| {
        let found = github.by_id(id)?;
        Ok::<_, TreesError>(Location {
            clone_url: found.clone_url,
            token: token.as_ref().map(|t| Token::new(t.reveal())),
        })
    })
}
