//! `PATH[@REF][:secondary]`: read from the right, and only as far as it makes sense, so that paths with `@` and `:`
//! work.

use countersign_core::feedback::RepoRole;
use countersign_core::id::BranchName;
use std::path::{Path, PathBuf};

/// One `--repo`, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RepoSpec {
    /// The folder.
    pub(crate) path: PathBuf,
    /// The branch to start from.
    pub(crate) reference: Option<String>,
    /// The part it plays.
    pub(crate) role: RepoRole,
}

/// Reads one `--repo`. `exists` says whether there is something at a path: a path that exists wins over a suffix.
pub(crate) fn parse(text: &str, exists: impl Fn(&Path) -> bool) -> RepoSpec {
    let whole = |path: &str, role| RepoSpec {
        path: PathBuf::from(path),
        reference: None,
        role,
    };
    if exists(Path::new(text)) {
        return whole(text, RepoRole::Primary);
    }
    let (rest, role) = split_role(text);
    if exists(Path::new(rest)) {
        return whole(rest, role);
    }
    let named = |(at, _): (usize, &str)| {
        let (path, reference) = (&rest[..at], &rest[at + 1..]);
        let fits = !path.is_empty() && BranchName::parse(reference).is_ok();
        fits.then(|| RepoSpec {
            path: PathBuf::from(path),
            reference: Some(reference.to_owned()),
            role,
        })
    };
    let candidates: Vec<RepoSpec> = rest.rmatch_indices('@').filter_map(named).collect();
    let found = candidates.iter().find(|c| exists(&c.path)).or(candidates.first());
    found.cloned().unwrap_or_else(|| whole(rest, role))
}

fn split_role(text: &str) -> (&str, RepoRole) {
    if let Some(rest) = text.strip_suffix(":secondary") {
        return (rest, RepoRole::Secondary);
    }
    (text.strip_suffix(":primary").unwrap_or(text), RepoRole::Primary)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, there: &[&str]) -> (String, Option<String>, RepoRole) {
        let spec = parse(text, |p| there.iter().any(|t| Path::new(t) == p));
        (spec.path.display().to_string(), spec.reference, spec.role)
    }

    #[test]
    fn suffixes_are_read_from_the_right() {
        let (primary, secondary) = (RepoRole::Primary, RepoRole::Secondary);
        let main = || Some("main".to_owned());
        assert_eq!(read("a", &["a"]), ("a".into(), None, primary));
        assert_eq!(read("a@main", &["a"]), ("a".into(), main(), primary));
        assert_eq!(read("a@main:secondary", &["a"]), ("a".into(), main(), secondary));
        assert_eq!(read("a:secondary", &["a"]), ("a".into(), None, secondary));
        assert_eq!(read("a@b@main", &["a@b"]), ("a@b".into(), main(), primary));
        assert_eq!(
            read("a@fix@2", &["a"]),
            ("a".into(), Some("fix@2".into()), primary)
        );
        assert_eq!(read("a:b", &["a:b"]), ("a:b".into(), None, primary));
        assert_eq!(read("nowhere@main", &[]), ("nowhere".into(), main(), primary));
    }

    #[test]
    fn a_path_that_exists_wins_over_a_suffix() {
        let primary = RepoRole::Primary;
        assert_eq!(read("a@main", &["a", "a@main"]), ("a@main".into(), None, primary));
        assert_eq!(
            read("a:secondary", &["a:secondary"]),
            ("a:secondary".into(), None, primary)
        );
    }
}
