//! What can be set, printed out of the table: for people, as a file, as a list for the environment.

use super::table::{CONFIG, Form, SETTINGS, Setting, WEBHOOKS, sections};
use std::fmt::Write as _;

/// Longest line of a comment, in characters.
const WIDTH: usize = 100;
/// Shapes that nobody has to be told.
const PLAIN: [&str; 4] = ["a text", "a text that is not empty", "a path", "true or false"];

/// One table in Markdown for each section.
pub(crate) fn markdown() -> String {
    let mut out = String::new();
    for section in sections() {
        let title = if section == WEBHOOKS {
            format!("[[{section}]]")
        } else {
            format!("[{section}]")
        };
        let head = "| in the file | environment | option | default | what it does |\n|---|---|---|---|---|";
        push(&mut out, format_args!("### `{title}`\n\n{head}"));
        for setting in SETTINGS.iter().filter(|s| s.section() == section) {
            push(&mut out, format_args!("{}", row(setting)));
        }
        push(&mut out, format_args!(""));
    }
    out
}

fn row(setting: &Setting) -> String {
    let ticked = |words: &[&str]| {
        let ticked: Vec<String> = words.iter().map(|w| format!("`{w}`")).collect();
        ticked.join(", ")
    };
    let name = if setting.in_file() {
        ticked(&[setting.name()])
    } else {
        "–".to_owned()
    };
    let default = setting
        .default
        .map_or_else(|| setting.default_words.to_owned(), |d| ticked(&[d]));
    let mut does = sentence(setting);
    if setting.secret {
        does.push_str(" **Secret.**");
    }
    if !setting.used {
        does.push_str(" *Not used yet.*");
    }
    let option = setting.flag.map_or_else(String::new, |f| ticked(&[f]));
    let cells = [name, ticked(setting.environment), option, default, does];
    format!("| {} |", cells.map(|c| c.replace('|', "\\|")).join(" | "))
}

/// A `config.toml` in which every line is a comment.
pub(crate) fn toml() -> String {
    let mut out = String::from(
        "# Settings of Countersign. Options and the environment go before what is written here.\n\
         # With secrets in it, nobody else may read it: chmod 600.\n",
    );
    for section in sections() {
        let settings: Vec<&Setting> = SETTINGS
            .iter()
            .filter(|s| s.section() == section && s.in_file())
            .collect();
        let (open, close) = if section == WEBHOOKS {
            ("[[", "]]")
        } else {
            ("[", "]")
        };
        push(&mut out, format_args!("\n#{open}{section}{close}"));
        for setting in settings {
            comment(&mut out, setting);
            push(
                &mut out,
                format_args!("#{} = {}", setting.name(), toml_value(setting)),
            );
        }
    }
    out
}

fn toml_value(setting: &Setting) -> String {
    let default = setting.default.unwrap_or_default();
    match setting.form {
        Form::Text | Form::Path => format!("\"{default}\""),
        Form::List => "[]".to_owned(),
        Form::Switch => default.to_owned(),
    }
}

/// A `.env` in which every line is a comment.
pub(crate) fn environment() -> String {
    let mut out = String::from(
        "# Settings of Countersign as an environment, for a container's --env-file or systemd's\n\
         # EnvironmentFile=. Countersign itself never reads a .env file; docs/configuration.md has more.\n",
    );
    for section in sections() {
        push(&mut out, format_args!("\n# --- {section}"));
        for setting in SETTINGS.iter().filter(|s| s.section() == section) {
            comment(&mut out, setting);
            let default = setting.default.unwrap_or_default();
            for (at, name) in setting.environment.iter().enumerate() {
                let also = if at == 0 { "" } else { "# or\n" };
                push(&mut out, format_args!("{also}#{name}={default}"));
            }
        }
    }
    out
}

fn comment(out: &mut String, setting: &Setting) {
    let mut words = sentence(setting);
    if !setting.default_words.is_empty() {
        let _never = write!(words, " Default: {}.", setting.default_words.replace('`', ""));
    }
    if setting.key != CONFIG && setting.form == Form::List {
        words.push_str(" A list; commas separate it in the environment.");
    }
    if !setting.used {
        words.push_str(" Not used yet.");
    }
    let mut line = String::from("#");
    for word in words.split(' ') {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            push(out, format_args!("{line}"));
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    push(out, format_args!("{line}"));
}

/// What it does, and what it has to look like.
fn sentence(setting: &Setting) -> String {
    if PLAIN.contains(&setting.shape) {
        format!("{}.", setting.does)
    } else {
        format!("{} ({}).", setting.does, setting.shape)
    }
}

fn push(out: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(out, "{line}").expect("because a string takes everything");
}
