//! `config show` and `config reference`: what is set, and what can be.

use crate::cli::{ReferenceArgs, ReferenceForm};
use crate::config::{Entry, Source, reference, secret::HIDDEN, table};
use crate::error::{CliError, Exit};
use crate::session::App;
use crate::terminal::{Page, Style};
use countersign_server::wire::{OriginWire, SettingWire, SettingsWire};

/// Where names begin, in columns.
const NAME_AT: usize = 2;
/// Columns between a name and its value.
const GAP: usize = 2;
/// Where their origins begin.
const ORIGIN_AT: usize = 50;

fn wire(entry: Entry) -> SettingWire {
    SettingWire {
        origin: match entry.source {
            Source::Default => OriginWire::Default,
            Source::File { line } => OriginWire::File { line },
            Source::Environment(name) => OriginWire::Environment { name },
            Source::Flag(name) => OriginWire::Option { name },
        },
        key: entry.key,
        value: entry.value,
        set: entry.is_set,
        secret: entry.setting.secret,
        used: entry.setting.used,
    }
}

/// Every setting as programs see it, over HTTP and by `config show --json` alike.
pub(super) fn listed(app: &App) -> SettingsWire {
    let settings = &app.settings;
    SettingsWire {
        file: settings.file().map(|(file, _)| file.display().to_string()),
        file_read: settings.file().is_some_and(|(_, read)| read),
        settings: entries(app).into_iter().map(wire).collect(),
        warnings: warnings(app),
    }
}

/// Every setting; where nothing names a folder or the file, it is known by now what they are.
fn entries(app: &App) -> Vec<Entry> {
    let settings = &app.settings;
    let mut entries = settings.entries();
    let folders = [(table::DATA, app.folder.root()), (table::KEYS, app.folder.keys())];
    for entry in entries.iter_mut().filter(|e| e.source == Source::Default) {
        if let Some((_, path)) = folders.iter().find(|(key, _)| *key == entry.key) {
            entry.value = Some(path.display().to_string());
            entry.is_set = true;
        }
        if let (table::CONFIG, Some((file, _))) = (entry.key.as_str(), settings.file()) {
            entry.value = Some(file.display().to_string());
            entry.is_set = true;
        }
    }
    entries
}

/// `config show`.
pub(super) fn show(app: &App) -> Result<Exit, CliError> {
    let settings = &app.settings;
    settings.config()?;
    if app.terminal.is_json() {
        app.terminal.print_json(&listed(app));
        return Ok(Exit::Ok);
    }
    let entries = entries(app);
    let mut page = Page::new();
    list(&mut page, &entries, settings.file().is_some_and(|(_, read)| read));
    let idle = entries.iter().any(Entry::is_idle);
    let idle = idle.then(|| "is set, and nothing uses it yet".to_owned());
    let warnings: Vec<String> = idle.into_iter().chain(other_warnings(app)).collect();
    if !warnings.is_empty() {
        page.gap();
    }
    for warning in warnings {
        page.line(0).add(Style::Warn, "! ").add(Style::Plain, warning);
    }
    app.terminal.print(&page);
    Ok(Exit::Ok)
}

/// A setting's section and its own name.
fn named(entry: &Entry) -> (&str, &str) {
    entry.key.rsplit_once('.').unwrap_or(("", &entry.key))
}

fn list(page: &mut Page, entries: &[Entry], file_read: bool) {
    let longest = entries.iter().map(|entry| named(entry).1.chars().count()).max();
    let name_width = longest.unwrap_or_default() + GAP;
    let value_width = ORIGIN_AT.saturating_sub(NAME_AT + name_width);
    let mut section = "";
    for entry in entries {
        let (own, name) = named(entry);
        if own != section {
            // The page begins with the first one.
            if !section.is_empty() {
                page.gap();
            }
            page.line(0).add(Style::Bold, own);
            section = own;
        }
        let (style, value) = match (&entry.value, entry.is_set) {
            (Some(value), _) if value.is_empty() => (Style::Dim, "–"),
            (Some(value), _) => (Style::Plain, value.as_str()),
            (None, true) => (Style::Plain, HIDDEN),
            (None, false) => (Style::Dim, "–"),
        };
        let origin = match (&entry.source, entry.is_set) {
            (Source::Default, false) if entry.setting.used => "",
            (Source::Default, _) if !entry.setting.used => "not used yet",
            (Source::Default, _) if entry.key == table::CONFIG && !file_read => "default; not there",
            (Source::Default, _) => "default",
            (Source::File { line }, _) => &format!("file, line {line}"),
            (Source::Environment(name) | Source::Flag(name), _) => name,
        };
        let origin_style = if entry.source == Source::Default {
            Style::Dim
        } else {
            Style::Name
        };
        let line = page
            .line(0)
            .column(Style::Warn, if entry.is_idle() { "!" } else { "" }, NAME_AT)
            .column(Style::Plain, name, name_width);
        if value.chars().count() < value_width {
            line.column(style, value, value_width).add(origin_style, origin);
        } else {
            line.add(style, value);
            page.line(ORIGIN_AT).add(origin_style, origin);
        }
    }
}

/// What is worth a look, a sentence each.
pub(super) fn warnings(app: &App) -> Vec<String> {
    let unused = app.settings.unused();
    let idle = (!unused.is_empty()).then(|| format!("set, but nothing uses it yet: {}", unused.join(", ")));
    idle.into_iter().chain(other_warnings(app)).collect()
}

fn other_warnings(app: &App) -> Vec<String> {
    let mut found = Vec::new();
    if !app.settings.unknown_names().is_empty() {
        let names = app.settings.unknown_names().join(", ");
        found.push(format!("in the environment, but no setting: {names}"));
    }
    let github = app.settings.hosting().ok();
    if github.is_some_and(|g| g.app_id.is_some() && g.token.is_some()) {
        found.push("github.token is set and not used: github.app_id goes before it".to_owned());
    }
    if let Some(file) = app.settings.open_to_others() {
        let file = file.display();
        found.push(format!(
            "other users can read the secrets in it: chmod 600 {file}"
        ));
    }
    found
}

/// `config reference`.
pub(super) fn reference(app: &App, args: &ReferenceArgs) -> Exit {
    let text = match args.form {
        ReferenceForm::Table => reference::markdown(),
        ReferenceForm::Toml => reference::toml(),
        ReferenceForm::Env => reference::environment(),
    };
    app.terminal.pipe(text.as_bytes());
    Exit::Ok
}
