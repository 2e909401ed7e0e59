//! Files that CI runs, by what the CI files of the base call: scripts, make targets, package scripts, local actions.
//!
//! The base says it, never the change: a change can't hide a script by no longer calling it.

use super::shell::{ends_at_errors, script_of, simple_commands, weakness};
use super::steps::{Step, lines_of, pipeline};
use super::{is_ci, is_runner};
use crate::dependency::{Kind, kind_of};
use crate::seen::Seen;
use crate::shown::shown;
use crate::{BaseView, Finding, Rule};
use countersign_core::path::RepoPath;
use std::collections::{BTreeMap, BTreeSet};

/// Most calls that are kept.
const MAX_CALLS: usize = 20_000;
/// Most simple commands that are read from one line.
const MAX_SIMPLE_COMMANDS: usize = 200;
/// How far scripts of `package.json` that call each other are followed.
const MAX_DEPTH: usize = 5;

/// What the base's CI calls.
#[derive(Debug, Default)]
struct Calls {
    /// Files, with the place that calls them.
    files: BTreeMap<String, String>,
    /// Folders of which any file counts.
    folders: BTreeMap<String, String>,
    /// Scripts of a `package.json`, by its folder and their name.
    tasks: BTreeMap<(String, String), String>,
}

/// The findings on changed files that CI runs.
pub(super) fn findings(files: &[Seen<'_>], base: &BaseView<'_>) -> Vec<Finding> {
    let calls = calls(files, base);
    let mut findings = Vec::new();
    for seen in files {
        let paths: BTreeSet<&RepoPath> = [seen.old_path(), seen.new_path()].into_iter().flatten().collect();
        if paths.iter().any(|path| is_ci(path)) {
            continue;
        }
        if let Some(place) = paths.iter().find_map(|path| calls.place_of(path.as_str()?)) {
            let text = format!("CI runs this file: {}.", shown(place));
            findings.push(seen.finding(Rule::CiCalledScript, Vec::new(), text));
            findings.extend(weakened(seen));
        }
        findings.extend(changed_tasks(seen, &calls));
    }
    findings
}

fn calls(files: &[Seen<'_>], base: &BaseView<'_>) -> Calls {
    let mut contents: BTreeMap<&str, &[u8]> = BTreeMap::new();
    for (path, content) in &base.files {
        if let Some(text) = path.as_str() {
            contents.insert(text, content);
        }
    }
    for seen in files {
        if let (Some(path), Some(old)) = (seen.old_path().and_then(RepoPath::as_str), seen.old) {
            contents.insert(path, old);
        }
    }
    let mut calls = Calls::default();
    for (path, content) in &contents {
        let repo_path = RepoPath::from(*path);
        if !is_ci(&repo_path) {
            continue;
        }
        for step in pipeline(&repo_path, content).unwrap_or_default().steps {
            calls.add_step(&step, &repo_path);
        }
    }
    calls.follow(&contents);
    calls
}

impl Calls {
    fn len(&self) -> usize {
        self.files.len() + self.folders.len() + self.tasks.len()
    }

    fn add_step(&mut self, step: &Step, ci_file: &RepoPath) {
        let place = |what: &str| format!("`{}` in {ci_file}:{}", shown(what), step.line);
        if let Some(uses) = &step.uses {
            let path = uses.split('@').next().unwrap_or(uses);
            if uses.starts_with("./")
                || uses.starts_with('/')
                || path.ends_with(".yml")
                || path.ends_with(".yaml")
            {
                let path = tidy(path);
                self.files.insert(path.clone(), place(uses));
                self.folders.insert(path, place(uses));
            }
        }
        let folder = tidy(step.folder.as_deref().unwrap_or_default());
        self.add_commands(&step.commands, &folder, &|command| place(command));
    }

    fn add_commands(&mut self, commands: &[String], folder: &str, place: &dyn Fn(&str) -> String) {
        let mut folders = BTreeSet::from([folder.to_owned()]);
        for command in commands {
            let place = place(command);
            for words in simple_commands(command).into_iter().take(MAX_SIMPLE_COMMANDS) {
                if self.len() >= MAX_CALLS {
                    return;
                }
                if let ["cd" | "pushd", to, ..] =
                    words.iter().map(String::as_str).collect::<Vec<_>>().as_slice()
                {
                    let to = tidy(to);
                    let more: Vec<String> = folders.iter().map(|from| join(from, &to)).collect();
                    if folders.len() < 8 {
                        folders.extend(more);
                    }
                    continue;
                }
                for folder in &folders {
                    self.add_words(&words, folder, &place);
                }
            }
        }
    }

    fn add_words(&mut self, words: &[String], folder: &str, place: &str) {
        let word = |at: usize| words.get(at).map_or("", String::as_str);
        let first = word(0).rsplit('/').next().unwrap_or_default();
        let mut file = |name: &str| {
            self.files
                .entry(join(folder, &tidy(name)))
                .or_insert_with(|| place.to_owned());
        };
        match first {
            "make" | "gmake" => ["Makefile", "makefile", "GNUmakefile"]
                .into_iter()
                .for_each(&mut file),
            "just" => ["justfile", "Justfile", ".justfile"]
                .into_iter()
                .for_each(&mut file),
            "task" => ["Taskfile.yml", "Taskfile.yaml"].into_iter().for_each(&mut file),
            "tox" => file("tox.ini"),
            "nox" => file("noxfile.py"),
            "rake" => file("Rakefile"),
            "docker" if word(1) == "build" || word(2) == "build" => file("Dockerfile"),
            "docker-compose" => ["docker-compose.yml", "compose.yml", "compose.yaml"]
                .into_iter()
                .for_each(&mut file),
            "docker" if word(1) == "compose" => {
                ["docker-compose.yml", "compose.yml", "compose.yaml"]
                    .into_iter()
                    .for_each(&mut file);
            }
            _ => {}
        }
        let value_of = |flags: &[&str]| {
            let at = words.iter().position(|word| flags.contains(&word.as_str()))?;
            words.get(at + 1)
        };
        if matches!(first, "make" | "docker" | "docker-compose" | "just") {
            value_of(&["-f", "--file"])
                .into_iter()
                .for_each(|name| file(name));
        }
        if let Some(script) = script_of(words).filter(|script| looks_like_script(script)) {
            file(script);
        }
        let run = |tool: &str| match (tool, word(1)) {
            ("npm" | "pnpm" | "yarn" | "bun", "run" | "run-script") => Some(word(2)),
            ("npm" | "pnpm", "test" | "t") => Some("test"),
            ("npm" | "pnpm", "start") => Some("start"),
            ("yarn" | "pnpm", name) if !name.starts_with('-') => Some(name),
            (_, _) => None,
        };
        if let Some(name) = run(first).filter(|name| !name.is_empty()) {
            for name in [name.to_owned(), format!("pre{name}"), format!("post{name}")] {
                self.tasks
                    .entry((folder.to_owned(), name))
                    .or_insert_with(|| place.to_owned());
            }
        }
        match (first, word(1)) {
            ("cargo", "xtask") => {
                self.folders
                    .entry(join(folder, "xtask"))
                    .or_insert_with(|| place.to_owned());
            }
            ("go", "run") if word(2).starts_with("./") => {
                self.folders
                    .entry(join(folder, &tidy(word(2))))
                    .or_insert_with(|| place.to_owned());
            }
            (_, _) => {}
        }
    }

    /// Follows named commands one file further: package scripts and recipes of the base.
    fn follow(&mut self, contents: &BTreeMap<&str, &[u8]>) {
        let mut done: BTreeSet<(String, String)> = BTreeSet::new();
        for _ in 0..MAX_DEPTH {
            let open: Vec<_> = self
                .tasks
                .iter()
                .filter(|(key, _)| !done.contains(*key))
                .collect();
            let open: Vec<_> = open
                .into_iter()
                .map(|(key, place)| (key.clone(), place.clone()))
                .collect();
            if open.is_empty() {
                break;
            }
            for ((folder, name), place) in open {
                let manifest = contents.get(join(&folder, "package.json").as_str());
                let manifest = manifest.and_then(|bytes| Kind::NpmManifest.read(bytes).ok());
                if let Some(script) = manifest.and_then(|listing| listing.tasks.get(&name).cloned()) {
                    self.add_commands(&[script], &folder, &|_| {
                        format!("script `{name}`, called by {place}")
                    });
                }
                done.insert((folder, name));
            }
        }
        for (path, content) in contents {
            let called = self.files.get(*path).cloned();
            if let Some(place) =
                called.filter(|_| is_runner(&RepoPath::from(*path)) && !path.ends_with("package.json"))
            {
                let recipes = String::from_utf8_lossy(content);
                let recipes = recipes.lines().filter(|line| line.starts_with(['\t', ' ']));
                let commands = lines_of(
                    &recipes
                        .map(|line| format!("{}\n", line.trim().trim_start_matches(['@', '-'])))
                        .collect::<String>(),
                );
                self.add_commands(&commands, "", &|command| {
                    format!("`{}` in {path}, called by {place}", shown(command))
                });
            }
        }
    }

    fn place_of(&self, path: &str) -> Option<&String> {
        self.files.get(path).or_else(|| {
            let cuts = path.match_indices('/').map(|(at, _)| &path[..at]);
            cuts.filter_map(|folder| self.folders.get(folder)).next()
        })
    }
}

/// Words that name a file rather than a program: with a slash, or with the ending of a script.
fn looks_like_script(word: &str) -> bool {
    const ENDINGS: [&str; 20] = [
        ".sh", ".bash", ".zsh", ".fish", ".py", ".rb", ".pl", ".js", ".mjs", ".cjs", ".ts", ".mts", ".ps1",
        ".bat", ".cmd", ".php", ".lua", ".groovy", ".r", ".R",
    ];
    (word.contains('/') || ENDINGS.iter().any(|ending| word.ends_with(ending))) && !word.contains("://")
}

/// A path as CI files write it, from the root of the repository.
fn tidy(path: &str) -> String {
    let mut path = path.trim().replace('\\', "/");
    for root in [
        "EXPRESSION/", // What an expression or a variable in braces was read as.
        "$GITHUB_WORKSPACE/",
        "$CI_PROJECT_DIR/",
        "$PWD/",
        "./",
        "/",
    ] {
        path = path.strip_prefix(root).map(str::to_owned).unwrap_or(path);
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            other => parts.push(other),
        }
    }
    parts.join("/")
}

fn join(folder: &str, path: &str) -> String {
    if folder.is_empty() {
        path.to_owned()
    } else {
        tidy(&format!("{folder}/{path}"))
    }
}

/// A script that CI runs and that can no longer fail.
fn weakened(seen: &Seen<'_>) -> Option<Finding> {
    let is_shell = [seen.old, seen.new]
        .into_iter()
        .flatten()
        .any(|content| content.starts_with(b"#!"))
        || {
            let name = seen.path().as_str().unwrap_or_default();
            [".sh", ".bash", "Makefile", "makefile", "justfile"]
                .iter()
                .any(|ending| name.ends_with(ending))
        };
    if !is_shell || seen.old.is_none() || seen.new.is_none() {
        return None;
    }
    let gone: BTreeSet<String> = seen
        .removed
        .iter()
        .map(|line| line.text().trim().to_owned())
        .collect();
    let fresh = seen
        .added
        .iter()
        .filter(|line| !gone.contains(line.text().trim()));
    let hits =
        fresh.filter(|line| !line.text().trim_start().starts_with('#') && weakness(&line.text()).is_some());
    let lines: Vec<u32> = hits.map(|line| line.number).collect();
    if !lines.is_empty() {
        let text = "A script that CI runs goes on where it could fail before.";
        return Some(seen.finding(Rule::CiNeverFails, lines, text.to_owned()));
    }
    let ends = |text: Option<&str>| text.is_some_and(|text| text.lines().any(ends_at_errors));
    let text = "A script that CI runs no longer ends at the first error: `set -e` is gone.";
    (ends(seen.old_text()) && !ends(seen.new_text()))
        .then(|| seen.finding(Rule::CiNeverFails, Vec::new(), text.to_owned()))
}

/// Scripts of a `package.json` that CI calls and that change.
fn changed_tasks(seen: &Seen<'_>, calls: &Calls) -> Vec<Finding> {
    if kind_of(seen.path()) != Some(Kind::NpmManifest) {
        return Vec::new();
    }
    let path = seen.path().as_str().unwrap_or_default();
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let read = |bytes: Option<&[u8]>| {
        bytes
            .and_then(|b| Kind::NpmManifest.read(b).ok())
            .unwrap_or_default()
            .tasks
    };
    let (before, after) = (read(seen.old), read(seen.new));
    let called = calls.tasks.iter().filter(|((of, _), _)| of == folder);
    let mut findings = Vec::new();
    for ((_, name), place) in called.filter(|((_, name), _)| before.get(name) != after.get(name)) {
        let lines = seen.added_lines_with(&format!("\"{name}\""));
        let text = format!(
            "CI runs the script `{}`, which changes: {}.",
            shown(name),
            shown(place)
        );
        findings.push(seen.finding(Rule::CiCalledScript, lines.clone(), text));
        let (old, new) = (before.get(name), after.get(name));
        let weak = |script: Option<&String>| script.and_then(|script| weakness(script));
        if let (None, Some(why)) = (weak(old), weak(new)) {
            let text = format!("The script `{}`, which CI runs, {why}.", shown(name));
            findings.push(seen.finding(Rule::CiNeverFails, lines, text));
        }
    }
    findings
}
