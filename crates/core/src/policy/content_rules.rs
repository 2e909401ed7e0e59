//! What can be said about changed files beyond their paths: kinds, modes, sizes.

use super::effective::EffectivePolicy;
use super::rule::RuleId;
use super::tier::gains_executable_bit;
use crate::diff::{ChangeKind, FileChange, FileMode, TreeDiff};
use crate::path::quote;

/// The rules that the size of a whole diff breaks.
pub(super) fn broken_by_size(policy: &EffectivePolicy, diff: &TreeDiff) -> Vec<(RuleId, String)> {
    let mut found = Vec::new();
    let (files, most) = (diff.files.len(), policy.max_files);
    if files as u64 > u64::from(most.value) {
        let text = format!("{files} files change; the {} allows {}.", most.source, most.value);
        found.push((RuleId::TooManyFiles, text));
    }
    let (lines, most) = (diff.added() + diff.removed(), policy.max_lines);
    if lines > u64::from(most.value) {
        let text = format!("{lines} lines change; the {} allows {}.", most.source, most.value);
        found.push((RuleId::TooManyLines, text));
    }
    found
}

/// The rules that one changed file breaks.
pub(super) fn broken_by_file(policy: &EffectivePolicy, file: &FileChange) -> Vec<(RuleId, String)> {
    let mut found = Vec::new();
    let most = policy.max_file_bytes;
    if let Some(new) = file.new_side().filter(|new| new.size > most.value) {
        let text = format!(
            "The file has {} bytes; the {} allows {}.",
            new.size, most.source, most.value
        );
        found.push((RuleId::FileTooLarge, text));
    }
    if let Some(what) = link_change(file, FileMode::Symlink) {
        let target = file
            .symlink_target
            .as_ref()
            .map(|t| format!(", which points to {}", quote(t.as_bytes())));
        found.push((
            RuleId::Symlink,
            format!("The change {what} a symbolic link{}.", target.unwrap_or_default()),
        ));
    }
    if let Some(what) = link_change(file, FileMode::Submodule) {
        found.push((
            RuleId::Submodule,
            format!("The change {what} a submodule: another repository's commit."),
        ));
    }
    if let Some(text) = mode_change(file) {
        found.push((RuleId::ModeChange, text));
    }
    if file.binary && file.new_side().is_some() {
        found.push((
            RuleId::Binary,
            "The content is binary: nobody can read what it does.".to_owned(),
        ));
    }
    found
}

/// What happens to an entry of that mode, which isn't text; removing one counts too.
fn link_change(file: &FileChange, mode: FileMode) -> Option<&'static str> {
    let before = file.old().is_some_and(|side| side.mode == mode);
    let after = file.new_side().is_some_and(|side| side.mode == mode);
    match (before, after) {
        (false, false) => None,
        (false, true) => Some("adds"),
        (true, false) => Some("removes"),
        (true, true) => Some("moves or alters"),
    }
}

fn mode_change(file: &FileChange) -> Option<String> {
    if gains_executable_bit(file) {
        return Some(match &file.change {
            ChangeKind::Added { .. } => "The file is new and executable.".to_owned(),
            ChangeKind::Deleted { .. } | ChangeKind::Modified { .. } | ChangeKind::Renamed { .. } => {
                "The file becomes executable.".to_owned()
            }
        });
    }
    let (old, new) = (file.old()?, file.new_side()?);
    let loses = old.mode == FileMode::Executable && new.mode == FileMode::Regular;
    loses.then(|| "The file stops being executable.".to_owned())
}
