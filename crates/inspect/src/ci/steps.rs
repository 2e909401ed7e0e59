//! The steps of a CI file, whatever the system: maps that say a command, and what keeps them from failing.

use super::shell::swallows;
use crate::unreadable::{Unreadable, text};
use crate::yaml::{Node, Yaml};
use countersign_core::path::RepoPath;
use std::collections::{BTreeMap, BTreeSet};

/// Most steps that are told apart in one file.
const MAX_STEPS: usize = 5_000;
/// Most lines of commands that are read from one file.
const MAX_COMMANDS: usize = 50_000;

/// One step, or a job that says its commands itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// The keys above it: job names and the like.
    pub(super) job: String,
    /// What it is called: its name, else what it uses or runs first.
    pub(super) name: String,
    /// Its commands, one line each, joined where a line goes on.
    pub(super) commands: Vec<String>,
    /// A part of this repository that it uses: an action, a template.
    pub(super) uses: Option<String>,
    /// The folder that it runs in.
    pub(super) folder: Option<String>,
    /// What keeps it from failing, with the line.
    pub(super) harmless: Option<(String, u32)>,
    /// Its shell was named, and with that fails where any part of a pipe does.
    pub(super) pipefail: bool,
    pub(super) line: u32,
}

/// A CI file as far as it is understood.
#[derive(Debug, Default)]
pub(super) struct Pipeline {
    pub(super) steps: Vec<Step>,
    /// What starts it (GitHub's `on`).
    pub(super) triggers: BTreeSet<String>,
    /// To what that is narrowed: trigger and key (`branches`, `paths-ignore`) to patterns.
    pub(super) narrowed: BTreeMap<(String, String), BTreeSet<String>>,
}

/// Keys whose values are commands.
const COMMANDS: [&str; 17] = [
    "run",
    "script",
    "before_script",
    "after_script",
    "before_install",
    "install",
    "command",
    "commands",
    "cmd",
    "bash",
    "sh",
    "pwsh",
    "powershell",
    "inlineScript",
    "test_script",
    "build_script",
    "args",
];

/// Reads a CI file.
pub(super) fn pipeline(path: &RepoPath, bytes: &[u8]) -> Result<Pipeline, Unreadable> {
    let text = text(bytes)?;
    if !super::is_yaml(path) {
        return Ok(by_lines(text));
    }
    let yaml = Yaml::parse(text)?;
    let mut pipeline = Pipeline::default();
    for root in yaml.documents() {
        collect(root, &mut Vec::new(), &Around::default(), &mut pipeline);
        pipeline.triggers.extend(triggers(root));
        pipeline.narrowed.extend(narrowed(root));
    }
    Ok(pipeline)
}

fn triggers(root: Node<'_>) -> Vec<String> {
    let Some(on) = root.get("on") else {
        return Vec::new();
    };
    let mut names: Vec<String> = on.text().map(str::to_owned).into_iter().collect();
    names.extend(on.items().filter_map(|item| item.text().map(str::to_owned)));
    names.extend(on.entries().filter_map(|(key, _)| key.text().map(str::to_owned)));
    names
}

fn narrowed(root: Node<'_>) -> BTreeMap<(String, String), BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for (trigger, how) in root
        .get("on")
        .into_iter()
        .flat_map(|on| on.entries().collect::<Vec<_>>())
    {
        for (key, patterns) in how.entries() {
            let (Some(trigger), Some(key)) = (trigger.text(), key.text()) else {
                continue;
            };
            let patterns = patterns
                .text()
                .into_iter()
                .chain(patterns.items().filter_map(Node::text));
            let patterns = patterns.map(str::to_owned).collect();
            found.insert((trigger.to_owned(), key.to_owned()), patterns);
        }
    }
    found
}

/// What holds for everything inside a map.
#[derive(Debug, Default, Clone)]
struct Around {
    harmless: Option<(String, u32)>,
    pipefail: bool,
    folder: Option<String>,
}

fn collect(node: Node<'_>, above: &mut Vec<String>, around: &Around, pipeline: &mut Pipeline) {
    if pipeline.steps.len() >= MAX_STEPS {
        return;
    }
    let mut here = around.clone();
    for (key, value) in node.entries() {
        if let Some(found) = harmless(key.text().unwrap_or_default(), value) {
            here.harmless = Some((found, key.line()));
        }
    }
    let shell = || node.get("defaults")?.get("run")?.get("shell");
    if let Some(shell) = shell()
        && let Some(found) = harmless("shell", shell)
    {
        here.harmless = Some((found, shell.line()));
    }
    if let Some(shell) = node.get_text("shell").or_else(|| shell()?.text()) {
        here.pipefail = shell == "bash" || shell.contains("pipefail");
    }
    let folder = node
        .get_text("working-directory")
        .or_else(|| node.get_text("working_directory"));
    let folder = folder.or_else(|| node.get("defaults")?.get("run")?.get_text("working-directory"));
    here.folder = folder.map(str::to_owned).or(here.folder);
    if let Some(step) = step(node, above, &here) {
        pipeline.steps.push(step);
    }
    for (key, value) in node.entries() {
        above.push(key.text().unwrap_or_default().to_owned());
        collect(value, above, &here, pipeline);
        above.pop();
    }
    for item in node.items() {
        collect(item, above, &here, pipeline);
    }
}

fn step(node: Node<'_>, above: &[String], here: &Around) -> Option<Step> {
    let mut commands = Vec::new();
    for (key, value) in node.entries() {
        let key = key.text().unwrap_or_default();
        if COMMANDS.contains(&key) || key.ends_with("_script") {
            let scripts = value.target();
            let texts = scripts
                .text()
                .into_iter()
                .chain(scripts.items().filter_map(Node::text));
            texts.for_each(|script| commands.extend(lines_of(script)));
        }
    }
    commands.truncate(MAX_COMMANDS);
    let uses = ["uses", "template", "local"]
        .into_iter()
        .find_map(|key| node.get_text(key));
    let included = || {
        if above.last().is_some_and(|key| key == "include") {
            node.text()
        } else {
            None
        }
    };
    let uses = uses.or_else(included);
    if commands.is_empty() && uses.is_none() {
        return None;
    }
    let name = node.get_text("name").or_else(|| node.get_text("id")).or(uses);
    let name = name
        .map(str::to_owned)
        .or_else(|| commands.first().cloned())
        .unwrap_or_default();
    Some(Step {
        job: above.join("."),
        name,
        commands,
        uses: uses.map(str::to_owned),
        folder: here.folder.clone(),
        harmless: here.harmless.clone(),
        pipefail: here.pipefail,
        line: node.line(),
    })
}

/// Whether a setting lets its step or job fail without consequence, or keeps it from running.
fn harmless(key: &str, value: Node<'_>) -> Option<String> {
    let text = value.text();
    let on = text != Some("false");
    let never = || {
        let bare = text
            .unwrap_or_default()
            .trim_start_matches("${{")
            .trim_end_matches("}}")
            .trim();
        matches!(bare, "false" | "0" | "never()" | "!true" | "always() == false")
    };
    let weak = match key {
        "continue-on-error" | "continueOnError" | "allow_failure" | "soft_fail" | "ignore_failure" => on,
        "if" | "condition" => never(),
        "when" => matches!(text, Some("never" | "manual")),
        "enabled" => text == Some("false"),
        "shell" => text.is_some_and(swallows),
        "failure" => text == Some("ignore"),
        _ => false,
    };
    weak.then(|| format!("{key}: {}", text.unwrap_or("…")))
}

/// The commands of a script: one per line, lines that go on joined, comments left out.
pub(super) fn lines_of(script: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in script.lines().take(MAX_COMMANDS) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            goes_on = false;
            continue;
        }
        let (text, more) = match line.strip_suffix('\\') {
            Some(text) => (text.trim_end(), true),
            None => (line, false),
        };
        match lines.last_mut().filter(|_| goes_on) {
            Some(last) => {
                last.push(' ');
                last.push_str(text);
            }
            None => lines.push(text.to_owned()),
        }
        goes_on = more;
    }
    lines
}

/// A file that is a program (Jenkinsfile): every line is one step's command, quotes and calls taken off.
fn by_lines(text: &str) -> Pipeline {
    let commands = text.lines().take(MAX_COMMANDS).filter_map(|line| {
        let line = line.trim();
        let call = ["sh ", "sh(", "bat ", "bat(", "pwsh ", "pwsh("]
            .iter()
            .find_map(|call| line.strip_prefix(call));
        let command = call.unwrap_or(line).trim_matches(['(', ')', '"', '\'', ' ']);
        (!command.is_empty() && !line.starts_with("//")).then(|| command.to_owned())
    });
    let step = Step {
        job: String::new(),
        name: String::new(),
        commands: commands.collect(),
        uses: None,
        folder: None,
        harmless: None,
        pipefail: false,
        line: 1,
    };
    Pipeline {
        steps: vec![step],
        ..Pipeline::default()
    }
}
