//! What is said of one changed manifest, lockfile or settings file.
//!
//! What blocks is said one by one, so that each can be waived alone; the rest is listed in one finding per rule.

use super::compare::Step;
use super::kind::Kind;
use super::listing::Guard;
use super::{Compared, Reading};
use crate::shown::{listed, shown};
use crate::{Finding, Rule};
use countersign_core::dependency::{DependencyFile, DependencyMove};

/// Most findings of one rule on one file; one more says how many were left out.
const MAX_FINDINGS_PER_FILE: usize = 25;

pub(super) fn report(one: &Compared<'_>) -> Vec<Finding> {
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
    push_all(one, Rule::DependencySource, said, findings);
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
    push_all(one, Rule::DependencyIntegrity, said, findings);
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
    push_all(one, Rule::InstallScript, said, findings);
}

fn push_all(one: &Compared<'_>, rule: Rule, said: Vec<(Vec<u32>, String)>, findings: &mut Vec<Finding>) {
    let left_out = said.len().saturating_sub(MAX_FINDINGS_PER_FILE);
    for (lines, text) in said.into_iter().take(MAX_FINDINGS_PER_FILE) {
        findings.push(one.seen.finding(rule, lines, text));
    }
    if left_out > 0 {
        findings.push(
            one.seen
                .finding(rule, Vec::new(), format!("The same holds {left_out} times more.")),
        );
    }
}
