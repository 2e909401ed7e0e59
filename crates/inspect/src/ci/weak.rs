//! Steps of CI that were able to fail and no longer are, or that are gone.

use super::is_ci;
use super::shell::{fails, filters, is_condition, is_piped, is_test, only_lenient, weakness};
use super::steps::{Pipeline, Step, pipeline};
use crate::seen::Seen;
use crate::shown::{listed, shown};
use crate::{Finding, Rule};
use std::collections::{BTreeMap, BTreeSet};

/// Most weak commands that are named for one file.
const MAX_FINDINGS_PER_FILE: usize = 25;

/// One changed CI file, both sides read.
struct Compared<'a> {
    seen: &'a Seen<'a>,
    before: Pipeline,
    after: Pipeline,
}

/// The findings on all changed CI files.
pub(super) fn findings(files: &[Seen<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut compared = Vec::new();
    for seen in files {
        let [old, new] = [seen.old_path(), seen.new_path()].map(|path| path.filter(|path| is_ci(path)));
        if old.is_none() && new.is_none() {
            continue;
        }
        let side = |path: Option<&_>, bytes: Option<&[u8]>| match (path, bytes) {
            (Some(path), Some(bytes)) => pipeline(path, bytes),
            (_, _) => Ok(Pipeline::default()),
        };
        match side(new, seen.new) {
            Ok(after) => compared.push(Compared {
                seen,
                before: side(old, seen.old).unwrap_or_default(),
                after,
            }),
            Err(reason) => {
                let text = format!("What CI runs could not be read: {}.", shown(&reason.to_string()));
                findings.push(seen.finding(Rule::NotInspected, Vec::new(), text));
            }
        }
    }
    for one in &compared {
        findings.extend(harmless_steps(one));
        findings.extend(weak_commands(one));
        findings.extend(lost_triggers(one));
    }
    findings.extend(fewer_tests(&compared));
    findings
}

/// The step of the other side that is the same one: by job and name, else by its commands.
fn same_step<'a>(step: &Step, others: &'a [Step]) -> Option<&'a Step> {
    let by_name = others
        .iter()
        .find(|other| other.job == step.job && other.name == step.name);
    by_name.or_else(|| {
        others.iter().find(|other| {
            (!step.commands.is_empty() && other.commands == step.commands)
                || (step.uses.is_some() && other.uses == step.uses && other.job == step.job)
        })
    })
}

fn harmless_steps(one: &Compared<'_>) -> Vec<Finding> {
    let mut by_flag: BTreeMap<(u32, &str), Vec<&str>> = BTreeMap::new();
    for step in &one.after.steps {
        let Some((flag, line)) = &step.harmless else {
            continue;
        };
        let before = same_step(step, &one.before.steps);
        if before.is_some_and(|before| before.harmless.is_none()) {
            by_flag.entry((*line, flag)).or_default().push(&step.name);
        }
    }
    let findings = by_flag.into_iter().map(|((line, flag), names)| {
        let text = format!(
            "`{}` keeps these steps from failing: {}.",
            shown(flag),
            listed(&names)
        );
        one.seen.finding(Rule::CiNeverFails, vec![line], text)
    });
    findings.collect()
}

/// Commands that the file did not have before and that can't fail, or leave tests out.
fn weak_commands(one: &Compared<'_>) -> Vec<Finding> {
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for command in one.before.steps.iter().flat_map(|step| &step.commands) {
        *known.entry(command).or_default() += 1;
    }
    let mut findings = Vec::new();
    for step in &one.after.steps {
        let before = same_step(step, &one.before.steps);
        // A command that was weak already may be edited.
        let mut weak_before =
            before.map_or(0, |b| b.commands.iter().filter(|c| weakness(c).is_some()).count());
        for command in &step.commands {
            if let Some(count) = known.get_mut(command.as_str()).filter(|count| **count > 0) {
                *count -= 1;
                weak_before -= usize::from(weak_before > 0 && weakness(command).is_some());
                continue;
            }
            let Some(why) = newly_weak(command, before).or_else(|| lost_end(one, step, command)) else {
                continue;
            };
            if weak_before > 0 {
                weak_before -= 1;
            } else if findings.len() < MAX_FINDINGS_PER_FILE {
                let first = command.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
                let lines = one.seen.added_lines_with(&first);
                let text = format!("`{}` {why}.", shown(command));
                findings.push(one.seen.finding(Rule::CiNeverFails, lines, text));
            }
        }
        findings.extend(ends_well(one, step, before));
    }
    findings
}

/// Why a new command can't fail; leaving tests out is only held against a step that ran them.
fn newly_weak(command: &str, before: Option<&Step>) -> Option<&'static str> {
    let ran = before.is_some_and(|before| before.commands.iter().any(|c| is_test(c) && !filters(c)));
    let leaves_out = (ran && filters(command)).then_some("leaves tests out that ran before");
    let weak = weakness(command).filter(|_| before.is_some() || !only_lenient(command));
    weak.or(leaves_out)
}

/// Why what a test comes to does not end its step. GitHub's shell has no `pipefail` where the step names none.
fn lost_end(one: &Compared<'_>, step: &Step, command: &str) -> Option<&'static str> {
    if is_condition(command) && !step.commands.iter().any(|c| fails(c)) {
        return Some("only chooses what is done next: the step passes whatever it finds");
    }
    let is_github = one.seen.path().as_bytes().starts_with(b".github/");
    let kept = step.pipefail
        || step
            .commands
            .iter()
            .any(|c| c.contains("pipefail") || c.contains("PIPESTATUS"));
    (is_github && !kept && is_piped(command))
        .then_some("loses what it finds in the pipe; `set -o pipefail` or `shell: bash` keeps it")
}

/// `exit 0` as the last thing that a script does.
fn ends_well(one: &Compared<'_>, step: &Step, before: Option<&Step>) -> Option<Finding> {
    let ends = |step: &Step| step.commands.len() > 1 && step.commands.last().is_some_and(|c| c == "exit 0");
    let new = ends(step) && before.is_some_and(|before| !ends(before));
    let text = format!(
        "`exit 0` ends the script of `{}`: it passes whatever happened before.",
        shown(&step.name)
    );
    new.then(|| {
        one.seen
            .finding(Rule::CiNeverFails, one.seen.added_lines_with("exit 0"), text)
    })
}

/// Events that no longer start a pipeline that tests.
fn lost_triggers(one: &Compared<'_>) -> Option<Finding> {
    one.seen.new?;
    let narrower = narrower(one);
    let counted = ["pull_request", "push", "merge_group"];
    let lost: Vec<&str> = counted
        .into_iter()
        .filter(|name| one.before.triggers.contains(*name) && !one.after.triggers.contains(*name))
        .collect();
    let tested = !test_commands(&one.before).is_empty();
    let mut said = Vec::new();
    if !lost.is_empty() {
        said.push(format!("CI that tests no longer starts on: {}.", listed(&lost)));
    }
    if !narrower.is_empty() {
        said.push(format!(
            "CI that tests starts on less than before: {}.",
            listed(&narrower)
        ));
    }
    (tested && !said.is_empty()).then(|| one.seen.finding(Rule::CiNeverFails, Vec::new(), said.join(" ")))
}

/// Triggers that are narrowed where they were not, or to less: patterns that let in are gone, or more keep out.
fn narrower(one: &Compared<'_>) -> Vec<String> {
    let none = BTreeSet::new();
    let is_less = |((trigger, key), now): &(&(String, String), &BTreeSet<String>)| {
        let before = one.before.narrowed.get(&(trigger.clone(), key.clone()));
        one.before.triggers.contains(trigger)
            && match (key.as_str(), before) {
                ("branches-ignore" | "paths-ignore" | "tags-ignore", before) => {
                    !now.is_subset(before.unwrap_or(&none))
                }
                ("branches" | "paths" | "types", None) => true,
                ("branches" | "paths" | "types", Some(before)) => !before.is_subset(now),
                (_, _) => false,
            }
    };
    let less = one.after.narrowed.iter().filter(is_less);
    less.map(|((trigger, key), _)| format!("{trigger} ({key})"))
        .collect()
}

/// Commands that test and can fail.
fn test_commands(pipeline: &Pipeline) -> Vec<&str> {
    let steps = pipeline.steps.iter().filter(|step| step.harmless.is_none());
    let commands = steps.flat_map(|step| &step.commands);
    commands
        .filter(|command| is_test(command) && weakness(command).is_none())
        .map(String::as_str)
        .collect()
}

/// Files that run fewer tests, where the whole change does.
fn fewer_tests(compared: &[Compared<'_>]) -> Vec<Finding> {
    let total = |side: fn(&Compared<'_>) -> usize| compared.iter().map(side).sum::<usize>();
    let before = total(|one| test_commands(&one.before).len());
    let after = total(|one| test_commands(&one.after).len());
    if after >= before {
        return Vec::new();
    }
    let findings = compared.iter().filter_map(|one| {
        let (old, new) = (test_commands(&one.before), test_commands(&one.after));
        if new.len() >= old.len() {
            return None;
        }
        let kept: BTreeSet<&str> = new.into_iter().collect();
        let lost: Vec<&str> = old
            .iter()
            .filter(|command| !kept.contains(*command))
            .copied()
            .collect();
        let lost = if lost.is_empty() { old } else { lost };
        let text = format!(
            "CI runs fewer checks that can fail than before; gone or weakened: {}.",
            listed(&lost)
        );
        Some(one.seen.finding(Rule::CiNeverFails, Vec::new(), text))
    });
    findings.collect()
}
