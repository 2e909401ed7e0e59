//! GitHub as a place for repositories: the settings, read in one place, and the adapters that are made of them. Token and key
//! leave these types only into the adapters.

use crate::config::Github;
use crate::error::{CliError, file_error};
use countersign_forge::Forges;
use countersign_forge::github::{
    self, App, Credentials, GitHub, GitHubForge, GitHubSettings, InHand, SettingsError,
};
use countersign_forge::local::LocalForge;
use countersign_git::{GitTrees, Locate, Location, Purpose, Token};
use countersign_ports::forge::Forge;
use countersign_ports::trees::TreesError;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Longest private key, in bytes. One of 4,096 bits has 3.2 KiB.
const KEY_MAX_BYTES: u64 = 16 << 10;

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
        let git = GitTrees::new(mirrors).with_remotes(locate(github.clone()));
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
        credentials: credentials(settings)?,
    });
    Ok(Arc::new(made.map_err(refused)?))
}

/// An App goes before a token: `GITHUB_TOKEN` is in many an environment.
fn credentials(settings: &Github) -> Result<Credentials, CliError> {
    match (&settings.app_id, &settings.app_private_key_file, &settings.token) {
        (Some(id), Some(file), _) => {
            let app = App::new(&id.0, &private_key(file)?);
            Ok(Credentials::App(app.map_err(|error| {
                let file = file.display();
                refused(error).next(format!(
                    "The key is read from {file}; docs/github.md tells how to get one."
                ))
            })?))
        }
        (_, _, Some(token)) => Ok(Credentials::Token(github::Secret::new(token.reveal()))),
        (_, _, None) => Ok(Credentials::None),
    }
}

fn refused(error: SettingsError) -> CliError {
    CliError::refused(error.code(), error.to_string()).next("docs/github.md has the settings.")
}

/// The App's private key, from a file that nobody else can read.
fn private_key(file: &Path) -> Result<String, CliError> {
    let failed = |error: &std::io::Error| file_error("can't read the App's private key", file, error);
    let opened = File::open(file).map_err(|e| failed(&e))?;
    let found = opened.metadata().map_err(|e| failed(&e))?;
    if found.permissions().mode() & 0o077 != 0 {
        let text = format!("{} holds a private key, and others can read it", file.display());
        return Err(
            CliError::refused("github-app-key-open", text).next(format!("chmod 600 {}", file.display()))
        );
    }
    let mut text = String::new();
    let read = opened.take(KEY_MAX_BYTES).read_to_string(&mut text);
    read.map_err(|e| failed(&e))?;
    Ok(text)
}

/// A repository is looked up by its number each time that git goes there. What writes is asked for with the permit.
fn locate(github: Arc<GitHub>) -> Locate {
    Arc::new(move |id, _as_registered, purpose| {
        let found = github.by_id(id)?;
        let git = |token: &github::Secret| match github.tokens_pass() {
            true => Token::passing(token.reveal()),
            false => Token::new(token.reveal()),
        };
        // What was made for a push ends with it.
        let writers = |in_hand| {
            let writer = github.writer(in_hand)?;
            let token = writer.token().map(git);
            Ok::<_, TreesError>(token.map(|token| token.held_by(Arc::new(writer))))
        };
        let token = match purpose {
            Purpose::Read => github.readers_token(id)?.as_ref().map(git),
            Purpose::Push { permit, workflows } => writers(InHand::Push { permit, workflows })?,
            Purpose::Delete(permit) => writers(InHand::Delete(permit))?,
        };
        Ok::<_, TreesError>(Location {
            clone_url: found.clone_url,
            token,
        })
    })
}
