//! What can be said about a path alone, on any side of any change.

use super::fold::{file_key, is_hidden_character, match_key, trim_part};
use super::lists::PathList;
use super::rule::RuleId;
use crate::diff::TreeDiff;
use crate::path::{PATH_MAX_BYTES, RepoPath};
use std::collections::BTreeSet;

/// The rules that a path breaks by itself, frozen globs aside, each with a sentence why.
pub(super) fn broken_by(path: &RepoPath) -> Vec<(RuleId, String)> {
    let bytes = path.as_bytes();
    let key = match_key(bytes);
    let mut found = Vec::new();
    if let Some(why) = escape(bytes) {
        found.push((RuleId::PathEscape, why));
    }
    if let Some(why) = hidden(bytes) {
        found.push((RuleId::HiddenCharactersInPath, why));
    }
    for (list, rule, why) in [
        (
            PathList::Ci,
            RuleId::CiFile,
            "CI systems read this file to know what to run.",
        ),
        (
            PathList::Policy,
            RuleId::PolicyFile,
            "This file says who may decide or merge what.",
        ),
        (
            PathList::AgentInstruction,
            RuleId::AgentInstructionFile,
            "Coding agents read this file as instructions.",
        ),
        (
            PathList::Submodule,
            RuleId::Submodule,
            "This file says where submodules come from.",
        ),
    ] {
        if list.contains(&key) {
            found.push((rule, why.to_owned()));
        }
    }
    found
}

/// Why a path could leave the work tree or reach git's own files on some system.
fn escape(path: &[u8]) -> Option<String> {
    if path.is_empty() {
        return Some("The path is empty.".into());
    }
    if path.len() > PATH_MAX_BYTES {
        return Some(format!("The path is longer than {PATH_MAX_BYTES} bytes."));
    }
    if path.starts_with(b"/") {
        return Some("The path is absolute.".into());
    }
    if let [letter, b':', ..] = path
        && letter.is_ascii_alphabetic()
    {
        return Some("The path begins with a Windows drive.".into());
    }
    if path.contains(&0) {
        return Some("The path holds a NUL byte.".into());
    }
    if path.contains(&b'\\') {
        return Some("The path holds a backslash, which Windows takes for a folder separator.".into());
    }
    path.split(|b| *b == b'/').find_map(escaping_part)
}

fn escaping_part(part: &[u8]) -> Option<String> {
    let why = match part {
        b"" => "A part of the path is empty.",
        b"." | b".." => "A part of the path is `.` or `..`.",
        part if trim_part(part).is_empty() => "A part of the path is only dots and spaces.",
        part if is_dot_git(part) => "A part of the path is `.git`, or some file systems take it for that.",
        part if is_windows_device(part) => "A part of the path is the name of a Windows device.",
        _ => return None,
    };
    Some(why.to_owned())
}

/// `.git` in any case, with invisible characters, as NTFS stream or short name, with dots or spaces behind.
fn is_dot_git(part: &[u8]) -> bool {
    let name = file_key(part);
    let short_name = name
        .strip_prefix(b"git~")
        .is_some_and(|n| !n.is_empty() && n.iter().all(u8::is_ascii_digit));
    name == b".git" || short_name
}

/// Windows opens a device for these names, whatever stands behind the first dot or colon.
fn is_windows_device(part: &[u8]) -> bool {
    let key = file_key(part);
    let stem = key.split(|b| *b == b'.').next().unwrap_or_default();
    let Ok(stem) = std::str::from_utf8(trim_part(stem)) else {
        return false;
    };
    let numbered = |port| {
        let mut rest = stem.strip_prefix(port).unwrap_or_default().chars();
        matches!(
            (rest.next(), rest.next()),
            (Some('0'..='9' | '¹' | '²' | '³'), None)
        )
    };
    matches!(
        stem,
        "con" | "prn" | "aux" | "nul" | "conin$" | "conout$" | "clock$"
    ) || numbered("com")
        || numbered("lpt")
}

/// Which characters of a path can't be seen.
fn hidden(path: &[u8]) -> Option<String> {
    let chars = path.utf8_chunks().flat_map(|chunk| chunk.valid().chars());
    let hidden: BTreeSet<char> = chars.filter(|c| is_hidden_character(*c)).collect();
    let names: Vec<String> = hidden
        .iter()
        .map(|c| format!("U+{:04X}", u32::from(*c)))
        .collect();
    if names.is_empty() {
        return None;
    }
    Some(format!(
        "The path holds characters that can't be seen: {}.",
        names.join(", ")
    ))
}

/// The files that tell CI what to run, among those that a change touches.
pub fn ci_files(diff: &TreeDiff) -> Vec<&RepoPath> {
    let all = diff.files.iter().flat_map(|file| file.paths());
    all.filter(|path| PathList::Ci.contains(&match_key(path.as_bytes())))
        .collect()
}
