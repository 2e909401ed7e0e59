//! Generated files, by the rules of the base: its attributes, well-known names, and what the file said before.
//!
//! A file that calls itself generated only in this change is not believed, and that is said.

use super::Attributes;
use crate::dependency::kind_of;
use crate::seen::Seen;
use crate::{Finding, Rule};
use countersign_core::path::RepoPath;
use regex::bytes::Regex;
use std::sync::LazyLock;

/// Lines from the top in which a header is looked for.
const HEADER_LINES: usize = 12;
/// Bytes from the top, likewise.
const HEADER_BYTES: usize = 4_096;

/// A comment that says that a program wrote the file.
static HEADER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?xi-u) ^ [\s]* (?: // | \# | /\* | \* | -- | ; | <!-- | % | " ) .*
        (?: @generated\b
          | \b (?: auto-? | automatically\s | code\s ) generated\b
          | \b generated\b .{0,80} \b do\ not\ (?: edit | modify )
          | \b do\ not\ (?: edit | modify )\b .{0,80} \b generated\b )"#,
    )
    .expect("because a test compiles the built-in expressions")
});

/// A finding where a generated file changes, or something claims to be one.
pub(super) fn finding(seen: &Seen<'_>, attributes: &Attributes) -> Option<Finding> {
    if kind_of(seen.path()).is_some() || seen.old == seen.new {
        return None;
    }
    let paths = [seen.old_path(), seen.new_path()];
    let by_attribute = paths
        .into_iter()
        .flatten()
        .any(|path| attributes.is_generated(path));
    let by_name = paths.into_iter().flatten().find_map(known_name);
    let [before, after] = [seen.old, seen.new].map(|content| content.and_then(header_line));
    let text = if by_attribute {
        "The base's attributes call this file generated: its source should change, not only the result."
            .to_owned()
    } else if let Some(name) = by_name {
        format!("Files named `{name}` are generated: its source should change, not only the result.")
    } else if before.is_some() {
        "The file said before that it is generated: its source should change, not only the result.".to_owned()
    } else if after.is_some() {
        "The file claims only in this change to be generated: that is not believed, so read it like any other."
            .to_owned()
    } else {
        return None;
    };
    let lines = if before.is_none() { after } else { None };
    Some(seen.finding(Rule::GeneratedFile, lines.into_iter().collect(), text))
}

fn known_name(path: &RepoPath) -> Option<&'static str> {
    const ENDINGS: [&str; 21] = [
        ".pb.go",
        "_pb2.py",
        "_pb2_grpc.py",
        ".pb.cc",
        ".pb.h",
        ".pb.rs",
        "_pb.js",
        "_pb.ts",
        "_pb.d.ts",
        "_generated.go",
        ".gen.go",
        ".g.dart",
        ".freezed.dart",
        ".g.cs",
        ".designer.cs",
        ".generated.cs",
        ".generated.ts",
        ".min.js",
        ".min.css",
        ".js.map",
        ".css.map",
    ];
    let name = path.as_str()?.rsplit('/').next()?.to_ascii_lowercase();
    ENDINGS.into_iter().find(|ending| name.ends_with(ending))
}

/// The line of the header that calls the content generated, from 1.
fn header_line(content: &[u8]) -> Option<u32> {
    let top = &content[..content.len().min(HEADER_BYTES)];
    let lines = (1u32..).zip(top.split(|b| *b == b'\n')).take(HEADER_LINES);
    lines
        .into_iter()
        .find(|(_, line)| HEADER.is_match(line))
        .map(|(number, _)| number)
}
