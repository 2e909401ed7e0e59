//! The one table of settings: what the file, the environment, the help pages and `config show` know of them comes from here.
//!
//! Words only: nothing is read here, and no value is kept.

/// How a setting is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// One text.
    Text,
    /// A list of texts; commas separate them in the environment.
    List,
    /// `true` or `false`.
    Switch,
    /// A path; in the file it starts at the file's own folder.
    Path,
}

/// One setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Table and name in the file, `serve.listen`. Those of `webhooks` are in each of a list of tables.
    pub(crate) key: &'static str,
    /// Names in the environment; the first that is set counts.
    pub(crate) environment: &'static [&'static str],
    /// The option on the command line.
    pub(crate) flag: Option<&'static str>,
    /// How it is written down.
    pub(crate) form: Form,
    /// What it has to look like, in words that go on after "it has to be".
    pub(crate) shape: &'static str,
    /// What it is where nothing sets it.
    pub(crate) default: Option<&'static str>,
    /// The same in words, where it can't be written down once and for all.
    pub(crate) default_words: &'static str,
    /// Never shown.
    pub(crate) secret: bool,
    /// Whether anything uses it yet.
    pub(crate) used: bool,
    /// What it does; one sentence without its dot.
    pub(crate) does: &'static str,
}

/// Where the file itself is named.
pub(crate) const CONFIG: &str = "paths.config";
/// The data folder.
pub(crate) const DATA: &str = "paths.data";
/// The keys folder.
pub(crate) const KEYS: &str = "paths.keys";
/// Filters of the log.
pub(crate) const LOG_FILTER: &str = "log.filter";
/// The form of the log.
pub(crate) const LOG_FORMAT: &str = "log.format";
/// Where the server listens.
pub(crate) const LISTEN: &str = "serve.listen";
/// What the server's process does.
pub(crate) const ROLE: &str = "serve.role";
/// The server's public address.
pub(crate) const ORIGIN: &str = "serve.origin";
/// Whether a proxy stands before it.
pub(crate) const BEHIND_PROXY: &str = "serve.behind_proxy";
/// Who may call the API from a browser.
pub(crate) const CORS_ORIGINS: &str = "serve.cors_origins";
/// The server that commands work with.
pub(crate) const SERVER: &str = "client.server";
/// The one table of the file that is there several times.
pub(crate) const WEBHOOKS: &str = "webhooks";

/// A text that is used, without anything else.
const TEXT: Setting = Setting {
    key: "",
    environment: &[],
    flag: None,
    form: Form::Text,
    shape: "a text",
    default: None,
    default_words: "",
    secret: false,
    used: true,
    does: "",
};
/// A text that nothing uses yet.
const LATER: Setting = Setting { used: false, ..TEXT };
/// A secret that nothing uses yet.
const SECRET_LATER: Setting = Setting {
    secret: true,
    shape: "a text that is not empty",
    ..LATER
};

/// A secret that is used.
const SECRET: Setting = Setting {
    used: true,
    ..SECRET_LATER
};

/// Every setting, in the order in which it is shown.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        key: CONFIG,
        environment: &["COUNTERSIGN_CONFIG"],
        flag: Some("--config"),
        form: Form::Path,
        shape: "a path",
        default_words: "`config.toml` in the data folder, if it is there",
        does: "The file with settings; it can't name another one",
        ..TEXT
    },
    Setting {
        key: DATA,
        environment: &["COUNTERSIGN_DATA"],
        flag: Some("--data"),
        form: Form::Path,
        shape: "a path",
        default_words: "`countersign` in the XDG data home",
        does: "The data folder; a file in the data folder can't name another one",
        ..TEXT
    },
    Setting {
        key: KEYS,
        environment: &["COUNTERSIGN_KEYS"],
        flag: Some("--keys"),
        form: Form::Path,
        shape: "a path",
        default_words: "`keys` in the data folder",
        does: "Where keys are kept",
        ..TEXT
    },
    Setting {
        key: LOG_FORMAT,
        environment: &["COUNTERSIGN_LOG_FORMAT"],
        flag: Some("--log-format"),
        shape: "text or json",
        default: Some("text"),
        does: "The form of the log on standard error",
        ..TEXT
    },
    Setting {
        key: LOG_FILTER,
        environment: &["COUNTERSIGN_LOG"],
        shape: "filters such as info,countersign_engine=debug",
        default_words: "warnings; more with `-v`",
        does: "What is logged, in the words of tracing's EnvFilter",
        ..TEXT
    },
    Setting {
        key: "traces.endpoint",
        environment: &["OTEL_EXPORTER_OTLP_ENDPOINT"],
        shape: "https://NAME[:PORT], or http:// on this machine",
        default_words: "none: no traces leave",
        does: "The collector that traces are sent to, over OTLP/HTTP",
        ..TEXT
    },
    Setting {
        key: SERVER,
        environment: &["COUNTERSIGN_SERVER"],
        flag: Some("--server"),
        shape: "https://NAME[:PORT], or http:// on this machine",
        default_words: "none: commands work on the data folder",
        does: "The server that commands work with instead of a data folder",
        ..TEXT
    },
    Setting {
        key: "client.token",
        environment: &["COUNTERSIGN_TOKEN"],
        shape: "a text that is not empty",
        default_words: "that of `sign-in`",
        secret: true,
        does: "An API key or a session's token, with which commands call that server",
        ..TEXT
    },
    Setting {
        key: LISTEN,
        environment: &["COUNTERSIGN_LISTEN"],
        flag: Some("--listen"),
        shape: "ADDR:PORT, such as 127.0.0.1:7171",
        default: Some("127.0.0.1:7171"),
        does: "Where `serve` listens",
        ..TEXT
    },
    Setting {
        key: ROLE,
        environment: &["COUNTERSIGN_ROLE"],
        flag: Some("--role"),
        shape: "all, api or worker",
        default: Some("all"),
        does: "What the process of `serve` does",
        ..TEXT
    },
    Setting {
        key: ORIGIN,
        environment: &["COUNTERSIGN_ORIGIN"],
        flag: Some("--origin"),
        shape: "https://NAME[:PORT], without a path",
        does: "The address under which a proxy makes it public",
        ..TEXT
    },
    Setting {
        key: BEHIND_PROXY,
        environment: &["COUNTERSIGN_BEHIND_PROXY"],
        flag: Some("--behind-proxy"),
        form: Form::Switch,
        shape: "true or false",
        default: Some("false"),
        does: "A proxy that you trust stands before it and speaks TLS",
        ..TEXT
    },
    Setting {
        key: CORS_ORIGINS,
        environment: &["CORS_ORIGINS"],
        flag: Some("--cors-origin"),
        form: Form::List,
        shape: "https://NAME[:PORT] each, or http:// of this machine, without a path and without wildcards",
        does: "Pages of these origins may call the API with a token",
        ..TEXT
    },
    Setting {
        key: "serve.frontend_url",
        environment: &["FRONTEND_URL"],
        shape: "an address that begins with https://, or with http:// on this machine",
        does: "Where a front end of yours lives; its origin may call the API, too",
        ..TEXT
    },
    Setting {
        key: "serve.jwt_secret",
        environment: &["JWT_SECRET"],
        does: "Accepted for older set-ups; sessions are kept in the database",
        ..SECRET_LATER
    },
    Setting {
        key: "database.url",
        environment: &["DATABASE_URL"],
        shape: "an address such as postgres://…",
        does: "Another database; until then everything is in SQLite in the data folder",
        ..SECRET_LATER
    },
    Setting {
        key: "redis.url",
        environment: &["REDIS_URL"],
        shape: "an address such as redis://…",
        does: "Accepted for older set-ups; queues are kept in the database",
        ..SECRET_LATER
    },
    Setting {
        key: "github.token",
        environment: &["GITHUB_TOKEN"],
        shape: "a text that is not empty",
        does: "Repositories on GitHub: the token with which they are read and written (docs/github.md)",
        ..SECRET
    },
    Setting {
        key: "github.app_id",
        environment: &["GITHUB_APP_ID"],
        shape: "the App ID, or the client ID, of a GitHub App",
        does: "Repositories on GitHub: the App as which they are read and written; it goes before a token",
        ..TEXT
    },
    Setting {
        key: "github.app_private_key_file",
        environment: &["GITHUB_APP_PRIVATE_KEY_FILE"],
        form: Form::Path,
        shape: "a path",
        does: "The file with that App's private key, in PEM; nobody else may read it",
        ..TEXT
    },
    Setting {
        key: "github.repo",
        environment: &["GITHUB_REPO"],
        shape: "OWNER/NAME",
        does: "The repository that `repo add --github` registers where it names none",
        ..TEXT
    },
    Setting {
        key: "github.client_id",
        environment: &["GITHUB_CLIENT_ID"],
        does: "Sign-in with GitHub: the application's id",
        ..TEXT
    },
    Setting {
        key: "github.client_secret",
        environment: &["GITHUB_CLIENT_SECRET"],
        does: "Sign-in with GitHub: the application's secret",
        ..SECRET
    },
    Setting {
        key: "github.webhook_secret",
        environment: &["GITHUB_WEBHOOK_SECRET"],
        does: "The secret with which GitHub signs what it tells by itself (docs/github.md)",
        ..SECRET
    },
    Setting {
        key: "github.start_label",
        environment: &["COUNTERSIGN_START_LABEL"],
        shape: "1 to 50 characters that can be seen, without spaces around them",
        default_words: "no label starts anything",
        does: "The label that starts a workflow from the issue on GitHub it is put on",
        ..TEXT
    },
    Setting {
        key: "github.allowed_users",
        environment: &["ALLOWED_GITHUB_USERS"],
        form: Form::List,
        shape: "LOGIN or LOGIN:ROLE each; without a role they become reviewers",
        does: "Sign-in with GitHub: who may come in and become a member",
        ..TEXT
    },
    Setting {
        key: "github.base_url",
        environment: &["COUNTERSIGN_GITHUB_BASE_URL", "GITHUB_SERVER_URL"],
        shape: "https://NAME, or http:// on this machine",
        default: Some("https://github.com"),
        does: "Where GitHub is, for repositories and for sign-in",
        ..TEXT
    },
    Setting {
        key: "github.api_url",
        environment: &["COUNTERSIGN_GITHUB_API_URL", "GITHUB_API_URL"],
        shape: "https://…, or http:// on this machine",
        default_words: "GitHub's API; `/api/v3` of any other `base_url`",
        does: "Where its API is",
        ..TEXT
    },
    Setting {
        key: "commits.signing_key_file",
        environment: &["COUNTERSIGN_SIGNING_KEY_FILE"],
        form: Form::Path,
        shape: "a path",
        does: "An Ed25519 private key of OpenSSH, without a passphrase, that signs the commits; nobody else may read it",
        ..TEXT
    },
    Setting {
        key: "commits.email",
        environment: &["COUNTERSIGN_COMMITS_EMAIL"],
        shape: "an address such as countersign@example.org",
        default_words: "`countersign@localhost`",
        does: "Signed commits: the address of their author and committer; GitHub wants one of the account with the key",
        ..TEXT
    },
    Setting {
        key: "anthropic.api_key",
        environment: &["ANTHROPIC_API_KEY", "CLAUDE_API_KEY"],
        does: "A key for Anthropic's models",
        ..SECRET_LATER
    },
    Setting {
        key: "openai.api_key",
        environment: &["OPENAI_API_KEY"],
        does: "A key for OpenAI's models",
        ..SECRET_LATER
    },
    Setting {
        key: "mail.server",
        environment: &["COUNTERSIGN_MAIL_SERVER"],
        shape: "smtp://HOST[:PORT] for STARTTLS, or smtps://HOST[:PORT] for TLS",
        does: "The server that sends mails; ports are 587 and 465 unless it names one",
        ..TEXT
    },
    Setting {
        key: "mail.user",
        environment: &["SMTP_USER"],
        does: "Who signs in there",
        ..TEXT
    },
    Setting {
        key: "mail.password",
        environment: &["SMTP_PASSWORD"],
        does: "With which password",
        ..SECRET
    },
    Setting {
        key: "mail.from",
        environment: &["COUNTERSIGN_MAIL_FROM"],
        shape: "an address such as countersign@example.org",
        does: "Whom mails come from",
        ..TEXT
    },
    Setting {
        key: "mail.to",
        environment: &["TARGET_EMAIL"],
        form: Form::List,
        shape: "addresses such as ada@example.org",
        does: "Whom they go to",
        ..TEXT
    },
    Setting {
        key: "mail.root",
        environment: &["COUNTERSIGN_MAIL_ROOT"],
        form: Form::Path,
        shape: "a path",
        does: "A PEM file with one more root certificate to trust there",
        ..TEXT
    },
    Setting {
        key: "webhooks.url",
        environment: &["COUNTERSIGN_WEBHOOK_URL"],
        shape: "https://…, or http:// on this machine",
        does: "Where notices are posted to; whoever knows a Slack address may post there",
        ..SECRET
    },
    Setting {
        key: "webhooks.secret",
        environment: &["COUNTERSIGN_WEBHOOK_SECRET"],
        does: "What they are signed with",
        ..SECRET
    },
    Setting {
        key: "webhooks.form",
        environment: &["COUNTERSIGN_WEBHOOK_FORM"],
        shape: "json or slack",
        default: Some("json"),
        does: "In which form",
        ..TEXT
    },
];

/// The setting of that key; numbers in it (`webhooks.0.url`) don't count.
pub(crate) fn find(key: &str) -> Option<&'static Setting> {
    let plain: Vec<&str> = key
        .split('.')
        .filter(|part| part.parse::<usize>().is_err())
        .collect();
    let plain = plain.join(".");
    SETTINGS.iter().find(|s| s.key == plain)
}

/// Sections, in the order of the table.
pub(crate) fn sections() -> Vec<&'static str> {
    let mut found: Vec<&'static str> = Vec::new();
    for setting in SETTINGS {
        if !found.contains(&setting.section()) {
            found.push(setting.section());
        }
    }
    found
}

impl Setting {
    /// The table of the file that it is in.
    pub(crate) fn section(&self) -> &'static str {
        self.key.split_once('.').map_or("", |(section, _)| section)
    }

    /// Its name there.
    pub(crate) fn name(&self) -> &'static str {
        self.key.split_once('.').map_or(self.key, |(_, name)| name)
    }

    /// Whether the file may hold it.
    pub(crate) fn in_file(&self) -> bool {
        self.key != CONFIG
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_name_is_there_once() {
        let keys: BTreeSet<&str> = SETTINGS.iter().map(|s| s.key).collect();
        assert_eq!(keys.len(), SETTINGS.len());
        let names: Vec<&str> = SETTINGS.iter().flat_map(|s| s.environment).copied().collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }

    #[test]
    fn settings_of_a_section_stand_together() {
        let mut before = Vec::new();
        for setting in SETTINGS {
            if before.last() != Some(&setting.section()) {
                assert!(!before.contains(&setting.section()), "{}", setting.key);
                before.push(setting.section());
            }
        }
        assert_eq!(before, sections());
    }

    #[test]
    fn a_setting_of_one_of_several_webhooks_is_found() {
        assert_eq!(find("webhooks.1.url").map(|s| s.key), Some("webhooks.url"));
        assert_eq!(find("serve.listn"), None);
    }
}
