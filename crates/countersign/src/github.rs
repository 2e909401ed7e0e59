//! Sign-in with GitHub: the settings, read in one place, and the adapter that is made of them. The application's secret leaves
//! these types only into the adapter.

use crate::config::Github;
use crate::error::CliError;
use countersign_integrations::GitHubSettings;
use countersign_server::{Allowed, CALLBACK_PATH, GitHub, Origin};
use std::sync::Arc;

/// Where people sign in, unless another place is named.
const BASE_URL: &str = "https://github.com";
/// The API of that.
const API_URL: &str = "https://api.github.com";

/// Sign-in with GitHub for a server at that origin; `None` where it is not set up. Nothing is connected to.
///
/// # Errors
/// When GitHub can't be spoken to as it is set.
pub(crate) fn sign_in(settings: &Github, origin: &Origin) -> Result<Option<GitHub>, CliError> {
    let (Some(client_id), Some(client_secret)) = (&settings.client_id, &settings.client_secret) else {
        return Ok(None);
    };
    let base_url = settings.base_url.as_ref().map_or(BASE_URL, |url| &url.0);
    let api_url = match &settings.api_url {
        Some(url) => url.0.clone(),
        None if base_url == BASE_URL => API_URL.to_owned(),
        // GitHub Enterprise Server has its API below its own name.
        None => format!("{base_url}/api/v3"),
    };
    let adapter = countersign_integrations::GitHub::new(GitHubSettings {
        base_url: base_url.to_owned(),
        api_url,
        client_id: client_id.clone(),
        client_secret: client_secret.reveal().to_owned(),
        redirect_url: format!("{}{CALLBACK_PATH}", origin.url()),
    });
    let adapter = adapter.map_err(|error| {
        CliError::refused(error.code(), error.to_string()).next("docs/server.md has the settings.")
    })?;
    let allowed = settings.allowed_users.iter().map(|user| Allowed {
        login: user.login.clone(),
        role: user.role,
    });
    Ok(Some(GitHub {
        provider: Arc::new(adapter),
        allowed: allowed.collect(),
    }))
}
