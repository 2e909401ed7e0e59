//! Every setting with its value and where that comes from; a secret's value is never here. `config show --json` prints the
//! same form.

use serde::Serialize;
use utoipa::ToSchema;

/// All settings.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct SettingsWire {
    /// The file with settings; null where there is no place for one.
    pub file: Option<String>,
    /// Whether it was there.
    pub file_read: bool,
    /// In the order of the reference.
    pub settings: Vec<SettingWire>,
    /// What is worth a look.
    pub warnings: Vec<String>,
}

/// One setting.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SettingWire {
    /// `serve.listen`, `webhooks.0.url`.
    pub key: String,
    /// As text; null where nothing is set, and where it is a secret.
    pub value: Option<String>,
    /// Whether there is a value.
    pub set: bool,
    /// Whether the value is kept to the process.
    pub secret: bool,
    /// Whether anything uses it yet.
    pub used: bool,
    /// Where the value comes from.
    pub origin: OriginWire,
}

/// Where a setting's value comes from.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum OriginWire {
    /// Nobody set it.
    Default,
    /// The file.
    File {
        /// From 1.
        line: usize,
    },
    /// The environment.
    Environment {
        /// Of the variable.
        name: &'static str,
    },
    /// The command line.
    Option {
        /// Of the option.
        name: &'static str,
    },
}
