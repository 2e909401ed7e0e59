//! Which places notices go to: the settings, read in one place, and the adapters that are made of them.
//!
//! Where nothing is set nothing leaves. Passwords, secrets and whole addresses never leave these types but into an adapter.

use crate::config::secret::Secret;
use crate::config::{self, Config, MailTls};
use crate::error::CliError;
use crate::session::Session;
use countersign_core::id::TenantId;
use countersign_core::notice::rendering::PageOrigin;
use countersign_engine::notices::{Looked, Notices};
use countersign_integrations::{
    Mail, MailLogin, MailServer, MailSettings, SettingsError, SigningSecret, Webhook, WebhookForm,
    WebhookSettings,
};
use countersign_ports::notice::{Notifier, Outbox};
use std::path::PathBuf;
use std::sync::Arc;

/// Where notices go; empty unless somebody said so.
#[derive(Default)]
pub(crate) struct NoticeSettings {
    /// Mail, if a server is named.
    pub(crate) mail: Option<MailSetting>,
    /// Webhooks.
    pub(crate) webhooks: Vec<config::Webhook>,
    /// What was set and has no effect, as a sentence each.
    pub(crate) idle: Vec<String>,
}

/// Mail.
pub(crate) struct MailSetting {
    server: config::MailServer,
    login: Option<(String, Secret)>,
    from: String,
    to: Vec<String>,
    root: Option<PathBuf>,
}

impl NoticeSettings {
    /// Of what is set.
    pub(crate) fn of(config: &Config) -> Self {
        let mut settings = Self::default();
        let to: Vec<String> = config.mail.to.iter().map(|to| to.0.clone()).collect();
        match (&config.mail.server, &config.mail.from) {
            (Some(server), Some(from)) => {
                let login = (config.mail.user.as_ref(), config.mail.password.as_ref());
                settings.mail = Some(MailSetting {
                    server: server.clone(),
                    login: match login {
                        (Some(user), Some(password)) => Some((user.clone(), password.clone())),
                        (_, _) => None,
                    },
                    from: from.0.clone(),
                    to,
                    root: config.mail.root.clone(),
                });
            }
            (None, _) | (_, None) if !to.is_empty() => {
                let text = "TARGET_EMAIL is set and COUNTERSIGN_MAIL_SERVER is not, so no mail is sent";
                settings.idle.push(text.to_owned());
            }
            (None, _) | (_, None) => {}
        }
        settings.webhooks.clone_from(&config.webhooks);
        settings
    }

    /// The places. Nothing is connected to.
    ///
    /// # Errors
    /// When a place can't be spoken to as it is set.
    pub(crate) fn notifiers(&self, origin: &PageOrigin) -> Result<Vec<Arc<dyn Notifier>>, CliError> {
        let mut places: Vec<Arc<dyn Notifier>> = Vec::new();
        if let Some(mail) = &self.mail {
            for to in &mail.to {
                places.push(Arc::new(mail.to(to, origin)?));
            }
        }
        for webhook in &self.webhooks {
            places.push(Arc::new(made(webhook, origin)?));
        }
        Ok(places)
    }
}

impl MailSetting {
    fn to(&self, to: &str, origin: &PageOrigin) -> Result<Mail, CliError> {
        let extra_root = match &self.root {
            Some(file) => {
                let read = std::fs::read(file);
                Some(read.map_err(|e| crate::error::file_error("can't read the root certificate", file, &e))?)
            }
            None => None,
        };
        let login = self.login.as_ref();
        let settings = MailSettings {
            server: MailServer {
                host: self.server.host.clone(),
                port: self.server.port,
                starttls: self.server.tls == MailTls::StartTls,
            },
            login: login.map(|(user, password)| MailLogin {
                user: user.clone(),
                password: password.reveal().to_owned(),
            }),
            from: self.from.clone(),
            to: to.to_owned(),
            origin: origin.clone(),
            extra_root,
        };
        Mail::new(settings).map_err(refused)
    }
}

fn made(webhook: &config::Webhook, origin: &PageOrigin) -> Result<Webhook, CliError> {
    let form = match (webhook.form, &webhook.secret) {
        (config::WebhookForm::Slack, _) => WebhookForm::Slack,
        (config::WebhookForm::Json, Some(secret)) => {
            WebhookForm::Signed(SigningSecret::parse(secret.reveal()).map_err(refused)?)
        }
        (config::WebhookForm::Json, None) => return Err(refused(SettingsError::WebhookSecret)),
    };
    let settings = WebhookSettings {
        url: webhook.url.0.reveal().to_owned(),
        form,
        origin: origin.clone(),
    };
    Webhook::new(settings).map_err(refused)
}

fn refused(error: SettingsError) -> CliError {
    CliError::refused(error.code(), error.to_string()).next("docs/notices.md has the settings.")
}

/// The outbox of this data folder.
pub(crate) fn outbox(session: &Session) -> Arc<dyn Outbox> {
    session.database().outbox(&TenantId::local())
}

/// The notices of this data folder, for these places.
pub(crate) fn notices(session: &Session, notifiers: Vec<Arc<dyn Notifier>>) -> Notices {
    Notices {
        clock: session.ports.store.clone(),
        store: session.store.clone(),
        outbox: outbox(session),
        notifiers,
        looked: Looked::default(),
    }
}

/// Where links lead to.
///
/// # Errors
/// When that is no origin.
pub(crate) fn page_origin(url: &str) -> Result<PageOrigin, CliError> {
    PageOrigin::parse(url).map_err(|e| CliError::internal("bad-origin", e.to_string()))
}
