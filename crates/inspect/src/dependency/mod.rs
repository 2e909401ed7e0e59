//! What a change does to dependencies: manifests, lockfiles and settings of cargo, npm, python, go and java.
//!
//! Only contents are read: no package manager runs, no registry is asked. What can't be read is said, and an old
//! side that can't be read counts as empty, so that everything on the new side is shown as added.

mod agree;
mod cargo;
mod compare;
mod go;
mod gradle;
mod kind;
mod listing;
mod maven;
mod npm;
mod pnpm;
mod python;
mod python_lock;
#[cfg(test)]
mod tests;
mod version;
mod yarn;

pub(crate) use kind::{Kind, kind_of};
pub(crate) use listing::Listing;

use crate::seen::Seen;
use crate::shown::{listed, shown};
use crate::{BaseView, Finding, Rule};
use compare::{Difference, Place, Step, compare};
use countersign_core::dependency::{DependencyChange, DependencyFile, DependencyMove};
use countersign_core::path::RepoPath;
use listing::{Guard, MAX_PACKAGES, clip};
use toml::{Table, Value};

/// Most dependency changes that are given in full.
pub const MAX_DEPENDENCY_CHANGES: usize = 5_000;
/// Most findings of one rule on one file; one more says how many were left out.
const MAX_FINDINGS_PER_FILE: usize = 25;

/// One changed manifest, lockfile or settings file, both sides read.
pub(crate) struct Compared<'a> {
    pub(crate) seen: &'a Seen<'a>,
    pub(crate) kind: Kind,
    pub(crate) before: Listing,
    pub(crate) after: Listing,
    difference: Difference,
    reading: Reading,
    old_was_read: bool,
}

/// How far a file could be read.
enum Reading {
    Whole,
    /// The new side could not be read; there is a finding.
    Broken,
    /// Known by name only.
    ByName,
}

/// Looks at every changed file that says what is pulled in.
pub(crate) fn compared<'a>(files: &'a [Seen<'a>], findings: &mut Vec<Finding>) -> Vec<Compared<'a>> {
    files
        .iter()
        .filter_map(|seen| compare_sides(seen, findings))
        .collect()
}

fn compare_sides<'a>(seen: &'a Seen<'a>, findings: &mut Vec<Finding>) -> Option<Compared<'a>> {
    let kind = kind_of(seen.path())?;
    let old_kind = seen.old_path().and_then(kind_of);
    let before = seen.old.filter(|_| old_kind == Some(kind));
    let before = before.and_then(|bytes| kind.read(bytes).ok());
    let old_was_read = before.is_some();
    let before = before.unwrap_or_default();
    let mut reading = if kind == Kind::Other {
        Reading::ByName
    } else {
        Reading::Whole
    };
    let after = match seen.new.map_or(Ok(Listing::default()), |bytes| kind.read(bytes)) {
        Ok(listing) if listing.len() <= MAX_PACKAGES => listing,
        Ok(_) => {
            let text = format!("The file names more than {MAX_PACKAGES} packages and was not compared.");
            findings.push(seen.finding(Rule::NotInspected, Vec::new(), text));
            reading = Reading::Broken;
            Listing::default()
        }
        Err(reason) => {
            let reason = shown(&reason.to_string());
            let text = format!("What this file pulls in could not be read: {reason}.");
            findings.push(seen.finding(Rule::NotInspected, Vec::new(), text));
            reading = Reading::Broken;
            Listing::default()
        }
    };
    let place = |ecosystem| Place {
        ecosystem,
        kind,
        path: seen.path(),
    };
    let difference = match (&reading, kind.ecosystem()) {
        (Reading::Whole, Some(ecosystem)) => compare(place(ecosystem), &before, &after),
        (Reading::Whole | Reading::Broken | Reading::ByName, _) => Difference::default(),
    };
    Some(Compared {
        seen,
        kind,
        before,
        after,
        difference,
        reading,
        old_was_read,
    })
}

/// The findings on dependencies, and every dependency that moved.
pub(crate) fn inspect(
    compared: &[Compared<'_>],
    base: &BaseView<'_>,
    findings: &mut Vec<Finding>,
) -> Vec<DependencyChange> {
    for one in compared {
        findings.extend(report(one));
    }
    findings.extend(agree::mismatches(compared, base));
    let steps = compared.iter().flat_map(|one| &one.difference.steps);
    let count = steps.clone().count();
    if count > MAX_DEPENDENCY_CHANGES {
        let message = format!("{count} dependencies change; only {MAX_DEPENDENCY_CHANGES} are listed.");
        findings.push(Finding {
            custom: None,
            severity: None,
            rule: Rule::NotInspected,
            path: None,
            blob: None,
            lines: Vec::new(),
            message,
        });
    }
    let steps = steps.filter(|step| !step.own);
    steps
        .take(MAX_DEPENDENCY_CHANGES)
        .map(|step| step.change.clone())
        .collect()
}

/// Base files that tell whether changed manifests still fit: the lockfiles beside and above them.
pub(crate) fn wanted<'a>(base_paths: &'a [RepoPath], changed: &[&RepoPath]) -> Vec<&'a RepoPath> {
    let manifests: Vec<(Kind, &&RepoPath)> = changed
        .iter()
        .filter_map(|path| Some((kind_of(path)?, path)))
        .collect();
    let fits = |lock: &RepoPath, kind: Kind| {
        let folder = lock.parents().last().unwrap_or_default();
        manifests.iter().any(|(manifest, path)| {
            manifest.lockfiles().contains(&kind)
                && (folder.is_empty() || path.parents().any(|parent| parent == folder))
        })
    };
    base_paths
        .iter()
        .filter(|path| kind_of(path).is_some_and(|kind| fits(path, kind)))
        .collect()
}

fn report(one: &Compared<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    match one.reading {
        Reading::Broken => return findings,
        Reading::ByName => {
            let text = "A file that pulls in dependencies changes; its contents are not read in detail.";
            return vec![
                one.seen
                    .finding(Rule::DependencyChange, Vec::new(), text.to_owned()),
            ];
        }
        Reading::Whole => {}
    }
    let steps: Vec<&Step> = one.difference.steps.iter().filter(|step| !step.own).collect();
    sources(one, &steps, &mut findings);
    integrity(one, &steps, &mut findings);
    scripts(one, &steps, &mut findings);
    let findings_before = findings.len();
    let (added, moved): (Vec<&Step>, Vec<&Step>) = steps
        .into_iter()
        .filter(|step| {
            !matches!(
                step.change.what,
                DependencyMove::Source | DependencyMove::Integrity
            )
        })
        .filter(|step| one.kind != Kind::GoSum || step.change.what == DependencyMove::Altered)
        .partition(|step| step.change.what == DependencyMove::Added);
    if !added.is_empty() {
        findings.push(list_of(one, Rule::DependencyAdded, "New: ", &added));
    }
    if !moved.is_empty() {
        findings.push(list_of(one, Rule::DependencyChange, "Changed: ", &moved));
    }
    if findings_before == 0 && findings.is_empty() && one.seen.old != one.seen.new {
        findings.push(
            one.seen
                .finding(Rule::DependencyChange, Vec::new(), nothing_moved(one)),
        );
    }
    findings
}

fn nothing_moved(one: &Compared<'_>) -> String {
    let settings = &one.difference.settings;
    if one.kind == Kind::GoSum {
        return format!(
            "Hashes are listed or dropped; {} modules are named now.",
            one.after.packages.len()
        );
    }
    if settings.is_empty() {
        return "The file changes; nothing that it pulls in does.".to_owned();
    }
    format!(
        "Nothing that it pulls in changes; it says otherwise: {}.",
        listed(settings)
    )
}

fn list_of(one: &Compared<'_>, rule: Rule, lead: &str, steps: &[&Step]) -> Finding {
    let said: Vec<String> = steps.iter().map(|step| step.change.to_string()).collect();
    let names = steps.iter().take(MAX_FINDINGS_PER_FILE);
    let lines = names.filter_map(|step| lines_of(one, step).first().copied());
    one.seen
        .finding(rule, lines.collect(), format!("{lead}{}.", listed(&said)))
}

/// Added lines that are about the dependency: that name it, or in a lockfile follow its name, or say its source.
fn lines_of(one: &Compared<'_>, step: &Step) -> Vec<u32> {
    let name = plain_name(step);
    let lines = match one.kind.file() {
        DependencyFile::Lockfile => lines_in_entry(one, &step.change.name),
        DependencyFile::Manifest | DependencyFile::Settings => one.seen.added_lines_with(name),
    };
    if !lines.is_empty() {
        return lines;
    }
    let source = step
        .change
        .after
        .as_ref()
        .and_then(|state| state.source.as_deref());
    let address = source.and_then(|source| source.rsplit(' ').next());
    address
        .map(|address| one.seen.added_lines_with(address))
        .unwrap_or_default()
}

/// Lines of an entry of a lockfile that are looked at for a change.
const ENTRY_LINES: u32 = 8;

/// Added lines in the entries of a package: lockfiles put its name first.
fn lines_in_entry(one: &Compared<'_>, name: &str) -> Vec<u32> {
    let starts = [
        format!("name = \"{name}\""),
        format!("/{name}@"),
        format!("{name}@"),
        format!("{name} "),
    ];
    let starts = [
        &starts[..],
        &[
            format!("/{name}/"),
            format!("{name}:"),
            format!("node_modules/{name}\""),
        ],
    ]
    .concat();
    let lines = one.seen.new_text().unwrap_or_default().lines();
    let mut found = Vec::new();
    for (number, line) in (1u32..).zip(lines) {
        let line = line.trim_start().trim_start_matches(['"', '\'']);
        let nested = line
            .strip_suffix(": {")
            .is_some_and(|key| key.ends_with(&format!("/{name}\"")));
        if nested || starts.iter().any(|start| line.starts_with(start.as_str())) {
            let entry = number..number.saturating_add(ENTRY_LINES);
            found.extend(entry.filter(|number| one.seen.adds_line(*number)).take(1));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The name as the file spells it, without our own lead words.
fn plain_name(step: &Step) -> &str {
    let name = step.change.name.as_str();
    let name = name.rsplit_once(' ').map_or(name, |(_, name)| name);
    name.rsplit_once(':').map_or(name, |(_, artifact)| artifact)
}

fn sources(one: &Compared<'_>, steps: &[&Step], findings: &mut Vec<Finding>) {
    let mut said: Vec<(Vec<u32>, String)> = Vec::new();
    for (name, sentence) in &one.difference.sources {
        let word = name.split([' ', '.']).next_back().unwrap_or(name);
        let text = format!("Packages may come from elsewhere: {}.", shown(sentence));
        said.push((one.seen.added_lines_with(word), text));
    }
    for step in steps {
        let lines = || lines_of(one, step);
        let change = step.change.to_string();
        if step.change.what == DependencyMove::Source {
            said.push((
                lines(),
                format!("A dependency comes from elsewhere: {}.", shown(&change)),
            ));
        } else if step.foreign {
            let source = step.change.after.as_ref().and_then(|state| state.source.clone());
            let source = source.unwrap_or_default();
            let text = format!(
                "A new dependency, {}, comes from {}.",
                shown(&change),
                shown(&source)
            );
            said.push((lines(), text));
        }
    }
    one.push_all(Rule::DependencySource, said, findings);
}

fn integrity(one: &Compared<'_>, steps: &[&Step], findings: &mut Vec<Finding>) {
    let broken = steps
        .iter()
        .filter(|step| step.change.what == DependencyMove::Integrity);
    let mut said: Vec<(Vec<u32>, String)> = broken
        .map(|step| {
            let version = step.change.after.as_ref().and_then(|state| state.version.clone());
            let what = format!("{} {}", step.change.name, version.unwrap_or_default());
            let text = format!(
                "The same version now has other content: the hash of {} changes.",
                shown(&what)
            );
            (lines_of(one, step), text)
        })
        .collect();
    for (name, guard) in &one.difference.lost_guards {
        if *guard == Guard::Hashes {
            said.push((
                Vec::new(),
                format!("`{}` is gone: content is checked less than before.", shown(name)),
            ));
        }
    }
    one.push_all(Rule::DependencyIntegrity, said, findings);
}

fn scripts(one: &Compared<'_>, steps: &[&Step], findings: &mut Vec<Finding>) {
    let mut said: Vec<(Vec<u32>, String)> = Vec::new();
    for (place, program) in &one.difference.programs {
        let word = place.rsplit(['.', ' ']).next().unwrap_or(place);
        let text = format!(
            "Installing or building runs a program: `{}`: {}.",
            shown(place),
            shown(program)
        );
        said.push((one.seen.added_lines_with(word), text));
    }
    for (name, guard) in &one.difference.lost_guards {
        if *guard == Guard::Scripts {
            let text = format!(
                "`{}` is gone: packages may run scripts while they are installed.",
                shown(name)
            );
            said.push((Vec::new(), text));
        }
    }
    for step in steps.iter().filter(|step| step.starts_script) {
        let text = format!(
            "Installing {} runs a script of its own.",
            shown(&step.change.name)
        );
        said.push((lines_of(one, step), text));
    }
    one.push_all(Rule::InstallScript, said, findings);
}

impl Compared<'_> {
    /// Whether both sides could be read, so that what is only on one of them is a change.
    pub(crate) fn compares_claims(&self) -> bool {
        matches!(self.reading, Reading::Whole) && self.old_was_read
    }

    fn push_all(&self, rule: Rule, said: Vec<(Vec<u32>, String)>, findings: &mut Vec<Finding>) {
        let left_out = said.len().saturating_sub(MAX_FINDINGS_PER_FILE);
        for (lines, text) in said.into_iter().take(MAX_FINDINGS_PER_FILE) {
            findings.push(self.seen.finding(rule, lines, text));
        }
        if left_out > 0 {
            findings.push(self.seen.finding(
                rule,
                Vec::new(),
                format!("The same holds {left_out} times more."),
            ));
        }
    }
}

/// Notes a TOML file's settings, down to the second level.
fn toml_settings(table: &Table, listing: &mut Listing) {
    for (key, value) in table {
        match value {
            Value::Table(inner) => {
                inner
                    .iter()
                    .for_each(|(k, v)| listing.note(clip(format!("{key}.{k}")), clip(v.to_string())));
            }
            Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_) => listing.note(clip(key), clip(value.to_string())),
        }
    }
}

/// Files that cargo runs before it builds: a new `build.rs` beside a manifest.
pub(crate) fn new_build_scripts(files: &[Seen<'_>], base: &BaseView<'_>) -> Vec<Finding> {
    let is_script = |path: &RepoPath| path.parts().last() == Some(b"build.rs");
    let new = files.iter().filter(|seen| {
        let new = seen.new_path().is_some_and(is_script);
        new && !seen.old_path().is_some_and(is_script)
    });
    let beside_manifest = |seen: &&Seen<'_>| {
        let folder = seen.path().parents().last().unwrap_or_default();
        let manifest = |path: &RepoPath| {
            kind_of(path) == Some(Kind::CargoManifest) && path.parents().last().unwrap_or_default() == folder
        };
        base.paths.iter().any(manifest) || files.iter().filter_map(Seen::new_path).any(manifest)
    };
    let text = "Building runs a program: cargo compiles and runs this new `build.rs` before anything else.";
    new.filter(beside_manifest)
        .map(|seen| seen.finding(Rule::InstallScript, vec![1], text.to_owned()))
        .collect()
}
