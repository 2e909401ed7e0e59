//! Reads the file with settings: every value with its line, and nothing that the table doesn't know.

use super::error::ConfigError;
use super::table::{self, SETTINGS, WEBHOOKS};
use figment::value::Value;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Longest file, in bytes.
const FILE_MAX_BYTES: u64 = 256 * 1024;

/// One value of the file.
pub(super) struct Written {
    /// `serve.listen`, `webhooks.0.url`.
    pub(super) key: String,
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) value: Value,
}

/// Reads the file.
///
/// # Errors
/// When it can't be read, is no TOML, or holds what is no setting.
pub(super) fn read(file: &Path) -> Result<Vec<Written>, ConfigError> {
    let text = text_of(file).map_err(|error| ConfigError::Unreadable {
        file: file.to_owned(),
        error,
    })?;
    let reader = Reader { file, text: &text };
    let document = DeTable::parse(&text).map_err(|error| ConfigError::Syntax {
        file: file.to_owned(),
        line: reader.line(error.span().map_or(0, |s| s.start)),
        reason: error.message().to_owned(),
    })?;
    reader.document(document.get_ref())
}

fn text_of(file: &Path) -> std::io::Result<String> {
    let refuse = |why: &str| std::io::Error::new(std::io::ErrorKind::InvalidInput, why);
    if !file.metadata()?.is_file() {
        return Err(refuse("it is no file"));
    }
    let mut text = String::new();
    File::open(file)?
        .take(FILE_MAX_BYTES + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > FILE_MAX_BYTES {
        return Err(refuse("it is longer than 256 KiB"));
    }
    Ok(text)
}

/// Whether other users of this machine can read the file: its own mode, and that of the folder on the way.
pub(super) fn is_open_to_others(file: &Path) -> bool {
    let mode = |path: &Path| path.metadata().map_or(0, |found| found.permissions().mode());
    let folder = std::path::absolute(file).ok().and_then(|f| f.parent().map(mode));
    let reachable = |bits: u32, pass: u32| mode(file) & bits != 0 && folder.unwrap_or(0) & pass != 0;
    reachable(0o040, 0o010) || reachable(0o004, 0o001)
}

struct Reader<'a> {
    file: &'a Path,
    text: &'a str,
}

impl Reader<'_> {
    fn line(&self, byte: usize) -> usize {
        let before = self.text.as_bytes().get(..byte).unwrap_or_default();
        1 + before.iter().filter(|b| **b == b'\n').count()
    }

    fn document(&self, document: &DeTable<'_>) -> Result<Vec<Written>, ConfigError> {
        let mut found = Vec::new();
        for (name, value) in document {
            let (name, line) = (name.get_ref().as_ref(), self.line(name.span().start));
            if !table::sections().contains(&name) {
                let known = format!("There are: {}.", table::sections().join(", "));
                return Err(self.misplaced(line, format!("there is no table `{name}`"), known));
            }
            match value.get_ref() {
                DeValue::Table(section) if name != WEBHOOKS => self.section(name, section, &mut found)?,
                DeValue::Array(items) if name == WEBHOOKS => {
                    for (number, item) in items.iter().enumerate() {
                        let DeValue::Table(section) = item.get_ref() else {
                            return Err(self.no_table(self.line(item.span().start), name));
                        };
                        self.section(&format!("{name}.{number}"), section, &mut found)?;
                    }
                }
                DeValue::Table(_)
                | DeValue::Array(_)
                | DeValue::String(_)
                | DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_) => return Err(self.no_table(line, name)),
            }
        }
        found.sort_by_key(|written| written.line);
        Ok(found)
    }

    fn section(
        &self,
        section: &str,
        table: &DeTable<'_>,
        found: &mut Vec<Written>,
    ) -> Result<(), ConfigError> {
        for (name, value) in table {
            let line = self.line(name.span().start);
            let key = format!("{section}.{}", name.get_ref());
            match table::find(&key) {
                Some(setting) if setting.in_file() => {}
                Some(_) | None => return Err(self.no_setting(line, section, name.get_ref())),
            }
            let value = plain(value).ok_or_else(|| ConfigError::Invalid {
                key: key.clone(),
                place: format!("{}, line {line}", self.file.display()),
                typed: false,
                reason: "it is neither text nor list".to_owned(),
            })?;
            found.push(Written { key, line, value });
        }
        Ok(())
    }

    fn no_setting(&self, line: usize, section: &str, name: &str) -> ConfigError {
        let section = section.split('.').next().unwrap_or(section);
        let known = SETTINGS.iter().filter(|s| s.section() == section && s.in_file());
        let known: Vec<&str> = known.map(table::Setting::name).collect();
        let next = format!("[{section}] has: {}.", known.join(", "));
        self.misplaced(line, format!("[{section}] has no setting `{name}`"), next)
    }

    fn no_table(&self, line: usize, name: &str) -> ConfigError {
        let brackets = if name == WEBHOOKS {
            format!("[[{name}]]")
        } else {
            format!("[{name}]")
        };
        let next = format!("Write {brackets} on a line of its own, and its settings below.");
        self.misplaced(line, format!("`{name}` is a table"), next)
    }

    fn misplaced(&self, line: usize, reason: String, next: String) -> ConfigError {
        ConfigError::Misplaced {
            file: self.file.to_owned(),
            line,
            reason,
            next,
        }
    }
}

/// A value without tables in it.
fn plain(value: &Spanned<DeValue<'_>>) -> Option<Value> {
    match value.get_ref() {
        DeValue::String(text) => Some(Value::from(text.as_ref())),
        DeValue::Boolean(switch) => Some(Value::from(*switch)),
        DeValue::Integer(number) => number.as_str().parse::<i64>().ok().map(Value::from),
        DeValue::Float(number) => number.as_str().parse::<f64>().ok().map(Value::from),
        DeValue::Array(items) => {
            let items: Option<Vec<Value>> = items.iter().map(plain).collect();
            items.map(Value::from)
        }
        DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}
