//! Thresholds of coverage and the like that are lowered or dropped.

use crate::dependency::{Kind, kind_of};
use crate::expression::compile;
use crate::seen::{Line, Seen};
use crate::shown::listed;
use crate::{Finding, Rule};
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Settings whose number is a minimum, wherever they stand.
static MINIMUM: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r#"\b(fail[_-]under(?:-\w+)?|cov-fail-under|min(?:imum)?[_-]?coverage|coverage[_-]?(?:threshold|minimum|min)|check-coverage-\w+)["':= \t]{1,5}(\d{1,3}(?:\.\d{1,4})?)"#,
    )
});
/// Settings of tools whose words are too common to be looked for elsewhere.
static TOOL_MINIMUM: LazyLock<Regex> = LazyLock::new(|| {
    compile(r#"\b(branches|functions|lines|statements|target|minimum)["':= \t]{1,5}(\d{1,3}(?:\.\d{1,4})?)"#)
});

/// Numbers that fall, by setting.
pub(super) fn finding(seen: &Seen<'_>) -> Option<Finding> {
    let name = seen.path().as_str()?.rsplit('/').next()?;
    let tool = ["codecov", "nyc", "jest", "vitest", "c8rc", "jacoco", "coverage"]
        .iter()
        .any(|tool| name.contains(tool));
    let tool = tool || kind_of(seen.path()) == Some(Kind::NpmManifest);
    let source = [".rs", ".go", ".md", ".rst"]
        .iter()
        .any(|ending| name.ends_with(ending));
    if source || seen.old.is_none() {
        return None;
    }
    let (before, after) = (numbers(&seen.removed, tool), numbers(&seen.added, tool));
    let mut lowered = Vec::new();
    let mut lines = Vec::new();
    for (setting, old) in &before {
        let new = after.get(setting);
        let highest = new.and_then(|new| new.iter().map(|(value, _)| *value).reduce(f64::max));
        let was = old.iter().map(|(value, _)| *value).fold(0.0, f64::max);
        match highest {
            Some(now) if now < was => {
                lowered.push(format!("{setting} {was} → {now}"));
                lines.extend(new.into_iter().flatten().map(|(_, line)| *line));
            }
            None if was > 0.0 => lowered.push(format!("{setting} {was} is gone")),
            Some(_) | None => {}
        }
    }
    let text = format!(
        "A threshold that tests have to reach falls: {}.",
        listed(&lowered)
    );
    (!lowered.is_empty()).then(|| seen.finding(Rule::WeakenedTest, lines, text))
}

fn numbers(lines: &[Line<'_>], tool: bool) -> BTreeMap<String, Vec<(f64, u32)>> {
    let mut found: BTreeMap<String, Vec<(f64, u32)>> = BTreeMap::new();
    for line in lines {
        let text = line.text();
        let by_tool = tool
            .then(|| TOOL_MINIMUM.captures_iter(&text))
            .into_iter()
            .flatten();
        for hit in MINIMUM.captures_iter(&text).chain(by_tool) {
            if let Ok(value) = hit[2].parse() {
                let setting = hit[1].to_ascii_lowercase().replace('_', "-");
                found.entry(setting).or_default().push((value, line.number));
            }
        }
    }
    found
}
