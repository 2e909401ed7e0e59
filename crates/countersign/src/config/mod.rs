//! Settings: an option goes before the environment, the environment before the file, the file before the default.
//!
//! [`table`] is the one list of what there is; [`Settings::load`] reads all of it once, at the start, and
//! [`Settings::config`] makes types of it. Never here: a `.env` of the folder that one happens to stand in (it may be a
//! stranger's), a value in an error, or a secret in anything that can be printed.

mod address;
mod error;
mod file;
mod flags;
mod listing;
pub(crate) mod reference;
pub(crate) mod secret;
pub(crate) mod table;
mod values;

pub(crate) use address::{MailServer, MailTls, PublicOrigin};
pub(crate) use error::{ConfigError, Source};
pub(crate) use listing::Entry;
pub(crate) use values::{Client, Commits, Config, Github, Log, Serve, Traces, Webhook, WebhookForm};

use crate::cli::{Command, Global};
use crate::folder::Folder;
use figment::value::{Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use table::{CONFIG, DATA, Form, KEYS, SETTINGS, Setting, WEBHOOKS};

/// The file in the data folder that is read where none is named.
pub(crate) const FILE_NAME: &str = "config.toml";
/// How names in the environment begin that are ours alone.
const OURS: &str = "COUNTERSIGN_";
/// What our own tests are told by.
const TESTS: &str = "COUNTERSIGN_TEST";

/// All that is set, with where it comes from.
pub(crate) struct Settings {
    figment: Figment,
    sources: BTreeMap<String, Source>,
    paths: BTreeMap<&'static str, PathBuf>,
    file: Option<PathBuf>,
    is_read: bool,
    unknown_names: Vec<String>,
    broken: Option<ConfigError>,
}

/// A value on its way in.
struct Given {
    key: String,
    value: Value,
    source: Source,
}

impl Provider for Given {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.source.place(None))
    }

    fn data(&self) -> Result<Map<Profile, figment::value::Dict>, figment::Error> {
        let nested = figment::util::nest(&self.key, self.value.clone());
        Ok(Profile::Default.collect(nested.into_dict().unwrap_or_default()))
    }
}

impl Settings {
    /// Reads options, environment and file. What is wrong with the file is kept for [`Settings::usable`], so that
    /// `doctor` can say it.
    pub(crate) fn load(global: &Global, command: &Command) -> Self {
        let mut settings = Self {
            figment: Figment::new(),
            sources: BTreeMap::new(),
            paths: BTreeMap::new(),
            file: None,
            is_read: false,
            unknown_names: unknown_names(),
            broken: None,
        };
        for setting in SETTINGS.iter().filter(|s| s.section() != WEBHOOKS) {
            if let Some(default) = setting.default {
                settings.take(
                    setting.key.to_owned(),
                    in_form(setting.form, default),
                    Source::Default,
                );
            }
        }
        let mut typed = flags::paths(global);
        typed.extend(environment(|form| form == Form::Path));
        // The first that is named counts, and options come first.
        for (setting, text, source) in typed.into_iter().rev() {
            settings.take_path(setting, PathBuf::from(text), source);
        }
        settings.take_file();
        settings.take_environment();
        for given in flags::values(global, command) {
            settings.take(given.key, given.value, given.source);
        }
        settings
    }

    fn take(&mut self, key: String, value: Value, source: Source) {
        let given = Given { key, value, source };
        self.figment = std::mem::take(&mut self.figment).merge(&given);
        if given.source != Source::Default {
            self.sources.insert(given.key, given.source);
        }
    }

    fn take_path(&mut self, setting: &'static Setting, path: PathBuf, source: Source) {
        let shown = Value::from(path.to_string_lossy().as_ref());
        self.take(setting.key.to_owned(), shown, source);
        self.paths.insert(setting.key, path);
    }

    fn take_file(&mut self) {
        let named = self.paths.get(CONFIG).cloned();
        let is_named = named.is_some();
        let in_data = || {
            let folder = Folder::named(self.paths.get(DATA).map(PathBuf::as_path), None).ok()?;
            Some(folder.root().join(FILE_NAME))
        };
        let Some(file) = named.or_else(in_data) else {
            return;
        };
        self.file = Some(file.clone());
        if !is_named && !file.exists() {
            return;
        }
        match file::read(&file) {
            Err(error) => self.broken = Some(error),
            Ok(written) => {
                self.is_read = true;
                self.take_written(&file, written, is_named);
            }
        }
    }

    fn take_written(&mut self, file: &Path, written: Vec<file::Written>, is_named: bool) {
        let mut webhooks: BTreeMap<usize, figment::value::Dict> = BTreeMap::new();
        for file::Written { key, line, value } in written {
            let Some(setting) = table::find(&key) else {
                continue;
            };
            let source = Source::File { line };
            if setting.key == DATA && !is_named {
                self.broken = Some(ConfigError::Misplaced {
                    file: file.to_owned(),
                    line,
                    reason: "this file is in the data folder, and can't name another one".to_owned(),
                    next: "Use --data or COUNTERSIGN_DATA, or name the file with --config.".to_owned(),
                });
            } else if setting.form == Form::Path {
                let beside = value.as_str().map(|v| file.with_file_name(v));
                match beside {
                    // An option or the environment has named it already.
                    Some(_) if self.sources.contains_key(setting.key) => {}
                    Some(path) => self.take_path(setting, path, source),
                    None => self.take(key, value, source),
                }
            } else if let Some((number, name)) = webhook(&key) {
                webhooks.entry(number).or_default().insert(name.to_owned(), value);
                self.sources.insert(key, source);
            } else {
                self.take(key, value, source);
            }
        }
        self.take_webhooks(webhooks.into_values().map(Value::from).collect());
    }

    fn take_webhooks(&mut self, webhooks: Vec<Value>) {
        let given = Given {
            key: WEBHOOKS.to_owned(),
            value: Value::from(webhooks),
            source: Source::Default,
        };
        self.figment = std::mem::take(&mut self.figment).merge(&given);
    }

    /// What the environment sets, but for paths. One webhook there takes the place of the file's list.
    fn take_environment(&mut self) {
        let mut webhook = figment::value::Dict::new();
        for (setting, text, source) in environment(|form| form != Form::Path) {
            let Some(text) = text.to_str() else {
                self.broken = Some(ConfigError::Invalid {
                    key: setting.key.to_owned(),
                    place: source.place(None),
                    typed: false,
                    reason: "it is not UTF-8".to_owned(),
                });
                continue;
            };
            let text = if setting.secret { text } else { text.trim() };
            let value = in_form(setting.form, text);
            if setting.section() != WEBHOOKS {
                self.take(setting.key.to_owned(), value, source);
                continue;
            }
            if webhook.is_empty() {
                self.sources.retain(|key, _| !key.starts_with(WEBHOOKS));
            }
            webhook.insert(setting.name().to_owned(), value);
            let key = format!("{WEBHOOKS}.0.{}", setting.name());
            self.sources.insert(key, source);
        }
        if !webhook.is_empty() {
            self.take_webhooks(vec![Value::from(webhook)]);
        }
    }

    /// Refuses to go on with a file that can't be read as settings.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn usable(&self) -> Result<(), &ConfigError> {
        self.broken.as_ref().map_or(Ok(()), Err)
    }

    /// `[log]`.
    ///
    /// # Errors
    /// `Invalid`, where a value is.
    pub(crate) fn log(&self) -> Result<Log, ConfigError> {
        self.section("log")
    }

    /// `[traces]`.
    ///
    /// # Errors
    /// `Invalid`, where a value is.
    pub(crate) fn traces(&self) -> Result<Traces, ConfigError> {
        self.section_or_default("traces")
    }

    /// `[client]`.
    ///
    /// # Errors
    /// `Invalid`, where a value is.
    pub(crate) fn client(&self) -> Result<Client, ConfigError> {
        self.section_or_default("client")
    }

    /// `[github]`.
    ///
    /// # Errors
    /// `Invalid`, where a value is.
    pub(crate) fn github(&self) -> Result<Github, ConfigError> {
        self.section_or_default("github")
    }

    /// Of `[github]` what every command with a data folder needs, credentials and addresses: a mistake in the rest stops nobody who
    /// does not use it.
    ///
    /// # Errors
    /// `Invalid`, where one of these values is.
    pub(crate) fn hosting(&self) -> Result<Github, ConfigError> {
        let github = Github {
            token: self.one("github.token")?,
            app_id: self.one("github.app_id")?,
            app_private_key_file: self.one("github.app_private_key_file")?,
            base_url: self.one("github.base_url")?,
            api_url: self.one("github.api_url")?,
            ..Github::default()
        };
        github.check_app()?;
        Ok(github)
    }

    /// `[commits]`, which every command with a data folder needs.
    ///
    /// # Errors
    /// `Invalid` or `Incomplete`, where a value is.
    pub(crate) fn commits(&self) -> Result<Commits, ConfigError> {
        let commits: Commits = self.section_or_default("commits")?;
        commits.check()?;
        Ok(commits)
    }

    fn one<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, ConfigError> {
        if !self.figment.contains(key) {
            return Ok(None);
        }
        self.figment.extract_inner(key).map(Some).map_err(|mut error| {
            error.path = key.split('.').map(str::to_owned).collect();
            self.explain(&error)
        })
    }

    fn section<T: DeserializeOwned>(&self, name: &str) -> Result<T, ConfigError> {
        self.figment.extract_inner(name).map_err(|mut error| {
            // The library says the section last.
            if error.path.last().is_some_and(|last| last == name) {
                error.path.rotate_right(1);
            }
            self.explain(&error)
        })
    }

    fn section_or_default<T: DeserializeOwned + Default>(&self, name: &str) -> Result<T, ConfigError> {
        if self.figment.contains(name) {
            self.section(name)
        } else {
            Ok(T::default())
        }
    }

    /// Everything else.
    ///
    /// # Errors
    /// `Invalid` or `Incomplete`, for the first setting that is.
    pub(crate) fn config(&self) -> Result<Config, ConfigError> {
        let read: Config = self.figment.extract().map_err(|e| self.explain(&e))?;
        read.check()
    }

    /// The data folder that was named.
    pub(crate) fn data(&self) -> Option<&Path> {
        self.paths.get(DATA).map(PathBuf::as_path)
    }

    /// The keys folder that was named.
    pub(crate) fn keys(&self) -> Option<&Path> {
        self.paths.get(KEYS).map(PathBuf::as_path)
    }

    /// The file, and whether it was there.
    pub(crate) fn file(&self) -> Option<(&Path, bool)> {
        self.file.as_deref().map(|file| (file, self.is_read))
    }

    /// An error of the library in our words: which setting, where it comes from, and what is wrong.
    fn explain(&self, error: &figment::Error) -> ConfigError {
        let mut key = error.path.join(".");
        // An item of a list has no source of its own.
        while !self.sources.contains_key(&key)
            && let Some((list, item)) = key.rsplit_once('.')
            && item.parse::<usize>().is_ok()
            && table::find(list).is_some_and(|s| s.form == Form::List)
        {
            key = list.to_owned();
        }
        let inside = |(other, _): &(&String, &Source)| other.starts_with(&format!("{key}."));
        let source = self
            .sources
            .get(&key)
            .or_else(|| self.sources.iter().find(inside).map(|(_, source)| source))
            .unwrap_or(&Source::Default);
        ConfigError::Invalid {
            place: source.place(self.file.as_deref()),
            typed: matches!(source, Source::Flag(_)),
            reason: error::reason(&error.kind),
            key,
        }
    }
}

/// Number and name of a key such as `webhooks.0.url`.
fn webhook(key: &str) -> Option<(usize, &str)> {
    let (number, name) = key.strip_prefix(WEBHOOKS)?.strip_prefix('.')?.split_once('.')?;
    Some((number.parse().ok()?, name))
}

/// A text in the form that its setting has in a file. What has another form is refused when it is made a type of.
fn in_form(form: Form, text: &str) -> Value {
    match (form, text) {
        (Form::Text | Form::Path, _) => Value::from(text),
        (Form::List, _) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Value::from(items.map(Value::from).collect::<Vec<Value>>())
        }
        (Form::Switch, "true" | "1") => Value::from(true),
        (Form::Switch, "false" | "0") => Value::from(false),
        (Form::Switch, _) => Value::from(text),
    }
}

/// What is set in the environment; an empty text sets nothing.
fn environment(wanted: impl Fn(Form) -> bool) -> Vec<(&'static Setting, OsString, Source)> {
    let named = |setting: &'static Setting| {
        setting.environment.iter().find_map(|name| {
            let text = std::env::var_os(name).filter(|text| !text.is_empty())?;
            Some((setting, text, Source::Environment(name)))
        })
    };
    SETTINGS
        .iter()
        .filter(|s| wanted(s.form))
        .filter_map(named)
        .collect()
}

fn unknown_names() -> Vec<String> {
    let known = |name: &str| SETTINGS.iter().any(|s| s.environment.contains(&name));
    let mut found: Vec<String> = std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.starts_with(OURS) && !name.starts_with(TESTS) && !known(name))
        .collect();
    found.sort_unstable();
    found
}
