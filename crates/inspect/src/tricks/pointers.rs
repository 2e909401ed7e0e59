//! Git LFS: what is reviewed is a pointer, the content lies on another server.
//!
//! Source: github.com/git-lfs/git-lfs, docs/spec.md (a pointer is smaller than 1,024 bytes).

use super::attributes::is_called;
use crate::seen::Seen;
use crate::{Finding, Rule};

const MAX_POINTER_BYTES: usize = 1024;
const VERSIONS: [&str; 3] = [
    "version https://git-lfs.github.com/spec/",
    "version https://hawser.github.com/spec/",
    "version http://git-media.io/v/",
];

/// A pointer on either side, or a change of where pointers lead.
pub(super) fn findings(seen: &Seen<'_>) -> Option<Finding> {
    let [before, after] = [seen.old, seen.new].map(|content| content.is_some_and(is_pointer));
    let sides = [seen.old_path(), seen.new_path()].into_iter().flatten();
    let configures = sides
        .into_iter()
        .any(|path| path.parents().count() == 0 && is_called(path, b".lfsconfig"));
    let text = match (before, after) {
        (false, true) => {
            "The new content is a Git LFS pointer: what it stands for lies elsewhere and is not reviewed."
        }
        (true, true) => "A Git LFS pointer changes: neither content is here to be reviewed.",
        (true, false) => "A Git LFS pointer goes: the content that it stood for was not here to be compared.",
        (false, false) if configures => "Where Git LFS fetches contents from changes.",
        (false, false) => return None,
    };
    Some(seen.finding(Rule::LfsPointer, Vec::new(), text.to_owned()))
}

fn is_pointer(content: &[u8]) -> bool {
    if content.len() >= MAX_POINTER_BYTES {
        return false;
    }
    let Ok(text) = std::str::from_utf8(content) else {
        return false;
    };
    VERSIONS.iter().any(|version| text.starts_with(version)) && text.contains("\noid ")
}
