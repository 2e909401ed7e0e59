//! The fields of a rule file in gitleaks' format. Names of fields are matched as they are documented; unknown ones are
//! errors, since a misspelt `keyword` would switch a rule off.

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct File {
    #[serde(rename = "title")]
    pub(super) _title: Option<String>,
    #[serde(rename = "description")]
    pub(super) _description: Option<String>,
    #[serde(rename = "minVersion")]
    pub(super) _min_version: Option<String>,
    #[serde(default)]
    pub(super) extend: Extend,
    #[serde(default)]
    pub(super) rules: Vec<Rule>,
    #[serde(alias = "allowList")]
    pub(super) allowlist: Option<List>,
    #[serde(default)]
    pub(super) allowlists: Vec<List>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Extend {
    #[serde(default)]
    pub(super) use_default: bool,
    pub(super) path: Option<String>,
    pub(super) url: Option<String>,
    #[serde(default)]
    pub(super) disabled_rules: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) description: Option<String>,
    pub(super) path: Option<String>,
    pub(super) regex: Option<String>,
    pub(super) secret_group: Option<usize>,
    pub(super) entropy: Option<f64>,
    #[serde(default)]
    pub(super) keywords: Vec<String>,
    #[serde(default, rename = "tags")]
    pub(super) _tags: Vec<String>,
    #[serde(alias = "allowList")]
    pub(super) allowlist: Option<List>,
    #[serde(default)]
    pub(super) allowlists: Vec<List>,
    #[serde(default)]
    pub(super) required: Vec<toml::Table>,
    #[serde(default)]
    pub(super) skip_report: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct List {
    #[serde(rename = "description")]
    pub(super) _description: Option<String>,
    pub(super) condition: Option<String>,
    #[serde(default)]
    pub(super) commits: Vec<String>,
    #[serde(default)]
    pub(super) paths: Vec<String>,
    pub(super) regex_target: Option<String>,
    #[serde(default)]
    pub(super) regexes: Vec<String>,
    #[serde(default, alias = "stopWords")]
    pub(super) stopwords: Vec<String>,
    #[serde(default)]
    pub(super) target_rules: Vec<String>,
}
