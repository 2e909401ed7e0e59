//! Documents that are made out of the code: the state machine's catalogue, the references of command line and settings, and
//! tables of others.

use crate::Outcome;
use crate::command::{Scope, build, capture, root};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Deepest level of subcommands that is looked for.
const DEPTH_MAX: usize = 4;

/// The server's API, for programs.
const OPENAPI: &str = "docs/openapi.json";
/// People write these, but for one table each; the line before it.
const POLICY: [&str; 2] = [
    "docs/policy.md",
    "<!-- begin: made by `cargo xtask docs` out of the rules -->",
];
const SETTINGS: [&str; 2] = [
    "docs/configuration.md",
    "<!-- begin: made by `cargo xtask docs` out of the table of settings -->",
];
/// The line after it.
const END: &str = "<!-- end -->";

/// One generated document.
struct Page {
    path: &'static str,
    text: String,
}

/// Writes all of them.
pub(crate) fn write() -> Outcome {
    write_pages(pages()?)
}

fn write_pages(pages: impl IntoIterator<Item = Page>) -> Outcome {
    for page in pages {
        let path = root().join(page.path);
        if fs::read_to_string(&path).is_ok_and(|old| old == page.text) {
            println!("{} is up to date", page.path);
            continue;
        }
        fs::write(&path, &page.text).map_err(|e| format!("{} can't be written: {e}", page.path))?;
        println!("{} is written", page.path);
    }
    Ok(())
}

/// Says whether all of them are what would be written now.
pub(crate) fn check() -> Outcome {
    let mut stale = Vec::new();
    for page in pages()? {
        let old = fs::read_to_string(root().join(page.path)).unwrap_or_default();
        if old != page.text {
            println!("{}", first_difference(page.path, &old, &page.text));
            stale.push(page.path);
        }
    }
    match stale.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "out of date: {}; regenerate with: cargo xtask docs",
            stale.join(" and ")
        )),
    }
}

fn first_difference(path: &str, old: &str, new: &str) -> String {
    let (mut old, mut new) = (old.lines(), new.lines());
    for number in 1.. {
        match (old.next(), new.next()) {
            (None, None) => break,
            (a, b) if a == b => {}
            (a, b) => {
                let (a, b) = (a.unwrap_or("(end)"), b.unwrap_or("(end)"));
                return format!("{path}:{number}\n  there:     {a}\n  should be: {b}");
            }
        }
    }
    format!("{path}: only line ends differ")
}

/// Writes the one page that programs are made from.
pub(crate) fn write_openapi() -> Outcome {
    write_pages(pages()?.into_iter().filter(|page| page.path == OPENAPI))
}

fn pages() -> Result<[Page; 7], String> {
    let programs = ["catalogue", "countersign", "policy_table", "description"];
    let [catalogue, binary, policy_table, description] = build(Scope::Workspace, programs)?;
    let openapi = capture(&mut Command::new(&description))?;
    let access = capture(Command::new(&description).arg("access"))?;
    let workflow = capture(&mut Command::new(catalogue))?;
    let cli = reference(&binary)?;
    let rules = capture(&mut Command::new(policy_table))?;
    let settings = |form: &str| {
        let mut command = Command::new(&binary);
        capture(command.args(["config", "reference", "--as", form]))
    };
    Ok([
        Page {
            path: "docs/workflow.md",
            text: tidy(&workflow),
        },
        Page {
            path: "docs/cli.md",
            text: tidy(&cli),
        },
        Page {
            path: OPENAPI,
            text: tidy(&openapi),
        },
        Page {
            path: "docs/access.md",
            text: tidy(&access),
        },
        with_table(POLICY, &rules)?,
        with_table(SETTINGS, &settings("table")?)?,
        Page {
            path: ".env.example",
            text: tidy(&settings("env")?),
        },
    ])
}

/// A document that people write, with its table made anew.
fn with_table([path, begin]: [&'static str; 2], table: &str) -> Result<Page, String> {
    let document = fs::read_to_string(root().join(path)).map_err(|e| format!("{path} can't be read: {e}"))?;
    match between(&document, begin, table) {
        Some(text) => Ok(Page {
            path,
            text: tidy(&text),
        }),
        None => Err(format!(
            "{path} has lost the line `{begin}` or `{END}`; put them back"
        )),
    }
}

/// The document with the table between its two lines; `None`: one of them is not there.
fn between(document: &str, begin: &str, table: &str) -> Option<String> {
    let (before, rest) = document.split_once(begin)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{begin}\n\n{}\n\n{END}{after}", table.trim()))
}

/// No blanks at line ends, one line end at the end.
fn tidy(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    format!("{}\n", lines.join("\n").trim_end())
}

fn reference(binary: &Path) -> Result<String, String> {
    let mut out = String::from(
        "# Command line\n\n<!-- Made by `cargo xtask docs` out of the binary's own help. -->\n\n\
         Exit codes: 0 ok · 1 internal · 2 refused or blocked · 3 waits for a human · 4 ended, not Done ·\n\
         5 not proven whole (verify) · 64 usage.\n",
    );
    describe(binary, &mut Vec::new(), &mut out)?;
    Ok(out)
}

/// The help of one command, and below it those of its subcommands.
fn describe(binary: &Path, words: &mut Vec<String>, out: &mut String) -> Outcome {
    let mut command = Command::new(binary);
    command
        .args(&*words)
        .arg("--help")
        .env("NO_COLOR", "1")
        .env("TERM", "dumb")
        .env("COLUMNS", "100");
    let help = capture(&mut command)?;
    let name = std::iter::once("countersign")
        .chain(words.iter().map(String::as_str))
        .collect::<Vec<_>>();
    let written = write!(
        out,
        "\n## `{}`\n\n```text\n{}\n```\n",
        name.join(" "),
        help.trim_end()
    );
    written.map_err(|e| e.to_string())?;
    if words.len() >= DEPTH_MAX {
        return Ok(());
    }
    for subcommand in subcommands(&help) {
        words.push(subcommand);
        describe(binary, words, out)?;
        words.pop();
    }
    Ok(())
}

/// The names under `Commands:`; `help` is no command of its own.
fn subcommands(help: &str) -> Vec<String> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.trim().is_empty());
    let names = listed.filter_map(|line| {
        let name = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '))?;
        name.split_whitespace().next()
    });
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subcommands_are_read_off_the_help() {
        let help = "Does it.\n\nUsage: x\n\nCommands:\n  run     Goes on\n          and on\n  repo    Lists\n  help    Prints\n\nOptions:\n  -h\n";
        assert_eq!(subcommands(help), ["run", "repo"]);
        assert!(subcommands("Usage: x\n").is_empty());
    }

    #[test]
    fn only_the_table_is_made_anew() {
        let [_, begin] = SETTINGS;
        let old = format!("# A\n\n{begin}\n\n| old |\n\n{END}\n\nZ\n");
        let new = between(&old, begin, "| new |\n").expect("the marks are there");
        assert_eq!(new, old.replace("old", "new"));
        assert_eq!(between(&new, begin, "| new |\n"), Some(new.clone()));
        assert_eq!(between("# A\n", begin, "| new |"), None);
    }

    #[test]
    fn a_difference_is_shown_with_its_line() {
        let shown = first_difference("docs/x.md", "a\nb\n", "a\nc\n");
        assert_eq!(shown, "docs/x.md:2\n  there:     b\n  should be: c");
    }
}
