//! Every setting with its value and where that comes from, for people. A secret's value never gets here.

use super::error::Source;
use super::table::{SETTINGS, Setting, WEBHOOKS};
use super::{Settings, file, in_form};
use figment::value::Value;
use std::path::Path;

/// One setting as `config show` has it.
pub(crate) struct Entry {
    /// `serve.listen`, `webhooks.0.url`.
    pub(crate) key: String,
    /// Its row.
    pub(crate) setting: &'static Setting,
    /// As text; `None`: nothing sets it, or it is a secret.
    pub(crate) value: Option<String>,
    /// Whether there is a value.
    pub(crate) is_set: bool,
    /// Where that comes from.
    pub(crate) source: Source,
}

impl Entry {
    /// Somebody has set it, and nothing uses it.
    pub(crate) fn is_idle(&self) -> bool {
        !self.setting.used && self.source != Source::Default
    }
}

impl Settings {
    /// Every setting, in the table's order.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let webhooks = self.figment.find_value(WEBHOOKS).ok();
        let webhooks = webhooks.as_ref().and_then(Value::as_array).unwrap_or_default();
        let mut found = Vec::new();
        for setting in SETTINGS.iter().filter(|s| s.section() != WEBHOOKS) {
            let value = self.figment.find_value(setting.key).ok();
            found.push(self.entry(setting.key.to_owned(), setting, value));
        }
        let fields = || SETTINGS.iter().filter(|s| s.section() == WEBHOOKS);
        for (number, webhook) in webhooks.iter().enumerate() {
            for field in fields() {
                let value = webhook.as_dict().and_then(|w| w.get(field.name())).cloned();
                let value = value.or_else(|| field.default.map(|d| in_form(field.form, d)));
                found.push(self.entry(format!("{WEBHOOKS}.{number}.{}", field.name()), field, value));
            }
        }
        if webhooks.is_empty() {
            found.extend(fields().map(|field| self.entry(field.key.to_owned(), field, None)));
        }
        found
    }

    fn entry(&self, key: String, setting: &'static Setting, value: Option<Value>) -> Entry {
        let source = self.sources.get(&key).cloned().unwrap_or(Source::Default);
        Entry {
            is_set: value.is_some(),
            value: value.filter(|_| !setting.secret).map(|v| shown(&v)),
            key,
            setting,
            source,
        }
    }

    /// What is set and used by nothing, by the names under which it is set.
    pub(crate) fn unused(&self) -> Vec<String> {
        let set = self.entries().into_iter();
        set.filter(Entry::is_idle)
            .map(|e| match e.source {
                Source::Environment(name) | Source::Flag(name) => name.to_owned(),
                Source::File { .. } | Source::Default => e.key,
            })
            .collect()
    }

    /// Names of the environment that begin like ours and mean nothing.
    pub(crate) fn unknown_names(&self) -> &[String] {
        &self.unknown_names
    }

    /// The file, where it holds a secret that other users of this machine can read.
    pub(crate) fn open_to_others(&self) -> Option<&Path> {
        let held = |e: &Entry| e.setting.secret && matches!(e.source, Source::File { .. });
        let file = self.file.as_deref().filter(|_| self.is_read)?;
        (self.entries().iter().any(held) && file::is_open_to_others(file)).then_some(file)
    }
}

/// A value for people.
fn shown(value: &Value) -> String {
    match value {
        Value::String(_, text) => text.clone(),
        Value::Bool(_, switch) => switch.to_string(),
        Value::Num(_, number) => match (number.to_i128(), number.to_f64()) {
            (Some(whole), _) => whole.to_string(),
            (None, Some(real)) => real.to_string(),
            (None, None) => String::new(),
        },
        Value::Array(_, items) => {
            let items: Vec<String> = items.iter().map(shown).collect();
            items.join(", ")
        }
        Value::Char(_, c) => c.to_string(),
        Value::Dict(..) | Value::Empty(..) => String::new(),
    }
}
