//! Which paths a proposal may name. Must refuse everything that could mean another file on some machine, or
//! git's own folder.

use super::{Stop, refused};
use countersign_core::path::{PATH_MAX_BYTES, RepoPath};

/// Refuses a path that escapes, aliases `.git`, or can't be shown.
pub(super) fn check(path: &RepoPath, place: &str) -> Result<(), Stop> {
    let bytes = path.as_bytes();
    if bytes.is_empty() || bytes.len() > PATH_MAX_BYTES {
        return refused(
            "bad-path",
            place,
            format!("A path must have 1 to {PATH_MAX_BYTES} bytes."),
        );
    }
    if bytes.first() == Some(&b'/') {
        return refused(
            "absolute-path",
            place,
            "A path must be relative to the repository's top folder.",
        );
    }
    if has_control(path) {
        return refused(
            "control-in-path",
            place,
            "A path must not hold control characters.",
        );
    }
    if bytes.contains(&b'\\') {
        return refused(
            "backslash-in-path",
            place,
            "A path must use `/` and hold no backslash.",
        );
    }
    for part in path.parts() {
        check_part(part, place)?;
    }
    Ok(())
}

fn has_control(path: &RepoPath) -> bool {
    let in_bytes = path.as_bytes().iter().any(|b| b.is_ascii_control());
    in_bytes
        || path
            .as_str()
            .is_some_and(|text| text.chars().any(char::is_control))
}

fn check_part(part: &[u8], place: &str) -> Result<(), Stop> {
    if part.is_empty() || part == b"." || part == b".." {
        return refused(
            "path-escape",
            place,
            "A path must have no empty, `.` or `..` parts.",
        );
    }
    if is_git_alias(part) {
        return refused(
            "git-folder",
            place,
            "A path must not lead into `.git` or a name that can stand for it.",
        );
    }
    Ok(())
}

/// `.git` in any case, its Windows short names, and what NTFS or HFS+ take for it.
fn is_git_alias(part: &[u8]) -> bool {
    // HFS+ ignores these code points in names: U+200C..F, U+202A..E, U+206A..F, U+FEFF.
    let visible: Vec<u8> = match std::str::from_utf8(part) {
        Ok(text) => text
            .chars()
            .filter(|c| !matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}'))
            .collect::<String>()
            .into_bytes(),
        Err(_) => part.to_vec(),
    };
    let lower = visible.to_ascii_lowercase();
    // NTFS drops trailing dots and spaces, and `:` starts a stream name.
    let name = lower.split(|b| *b == b':').next().unwrap_or(&lower);
    let end = name
        .iter()
        .rposition(|b| !matches!(b, b'.' | b' '))
        .map_or(0, |i| i + 1);
    let name = &name[..end];
    let is_short = name
        .strip_prefix(b"git~")
        .is_some_and(|n| !n.is_empty() && n.iter().all(u8::is_ascii_digit));
    name == b".git" || is_short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(path: &[u8]) -> Option<&'static str> {
        match check(&RepoPath::from_bytes(path), "here") {
            Ok(()) => None,
            Err(Stop::Refused(refusal)) => Some(refusal.code),
            Err(Stop::Failed(error)) => Some(error.code()),
        }
    }

    #[test]
    fn ordinary_paths_pass() {
        for path in [
            "a",
            "a/b.c",
            ".gitignore",
            ".github/x",
            "git",
            "ä/ö",
            "..a",
            "a b",
            "git~x",
            ".gitmodules",
            "a:b",
        ] {
            assert_eq!(code(path.as_bytes()), None, "{path}");
        }
        assert_eq!(code(b"latin-\xe9.txt"), None);
    }

    #[test]
    fn dangerous_paths_are_refused() {
        let cases: [(&[u8], &str); 19] = [
            (b"", "bad-path"),
            (b"/etc/passwd", "absolute-path"),
            (b"a//b", "path-escape"),
            (b"a/", "path-escape"),
            (b"./a", "path-escape"),
            (b"a/../b", "path-escape"),
            (b"..", "path-escape"),
            (b".git/config", "git-folder"),
            (b"a/.GIT/config", "git-folder"),
            (b"GIT~1/config", "git-folder"),
            (b"git~22", "git-folder"),
            (b".git. ./x", "git-folder"),
            (b".git::$INDEX_ALLOCATION/x", "git-folder"),
            (".g\u{200c}it/x".as_bytes(), "git-folder"),
            (b"a\\b", "backslash-in-path"),
            (b"a\0b", "control-in-path"),
            (b"a\x1bb", "control-in-path"),
            (b"a\nb", "control-in-path"),
            ("a\u{85}b".as_bytes(), "control-in-path"),
        ];
        for (path, want) in cases {
            assert_eq!(code(path), Some(want), "{path:?}");
        }
        assert_eq!(code(&[b'a'; PATH_MAX_BYTES + 1]), Some("bad-path"));
    }
}
