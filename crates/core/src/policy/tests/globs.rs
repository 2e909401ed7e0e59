//! Frozen paths and allowed bases.

use super::super::{PolicySource, Sourced};
use super::{evaluate_paths, ids, policy, repository};
use crate::id::BranchName;
use crate::path::RepoPath;

fn frozen(glob: &str, path: impl Into<RepoPath>) -> bool {
    let policy = policy(&format!("[paths]\nfrozen = ['{glob}']"));
    ids(&evaluate_paths(&policy, &repository(), &[path.into()]))
        .iter()
        .any(|id| id.starts_with("frozen-path"))
}

#[test]
fn globs_catch_and_let_pass() {
    let hits = [
        ("infra", "infra"),
        ("infra", "infra/a/b"),
        ("infra/", "infra/a"),
        ("infra/**", "infra/a/b"),
        ("infra", "INFRA/a"),
        ("Infra", "infra/a"),
        ("infra", "infra./a"),
        ("infra", "in\u{200b}fra/a"),
        ("*.pem", "key.pem"),
        ("**/*.pem", "key.pem"),
        ("**/*.pem", "a/b/key.PEM"),
        ("**/*.pem", "a/b/key.pem. "),
        ("caf\u{e9}/*", "cafe\u{301}/x"),
        ("cafe\u{301}/*", "CAF\u{c9}/x"),
        ("stra\u{df}e", "STRASSE"),
        ("?.key", "\u{e9}.key"),
        ("[!a].key", "\u{65e5}.key"),
        ("a/[!A].key", "a/a.key"),
        ("\u{e9}?.key", "\u{e9}\u{e0}.key"),
        ("a\\*b", "a*b"),
        ("{a,b}/c", "b/c"),
        ("**", "anything/at/all"),
    ];
    for (glob, path) in hits {
        assert!(frozen(glob, path), "{glob} must freeze {path}");
    }
    let misses = [
        ("infra", "infrastructure/a"),
        ("infra", "src/infra/a"),
        ("*.pem", "a/key.pem"),
        ("infra/*.tf", "infra/a/b.tf"),
        ("?.key", "ab.key"),
        ("a\\*b", "axb"),
        ("{a,b}/c", "c/c"),
    ];
    for (glob, path) in misses {
        assert!(!frozen(glob, path), "{glob} must not freeze {path}");
    }
}

#[test]
fn bytes_that_are_not_text_do_not_slip_through() {
    for (glob, path) in [
        ("*.key", &b"\xff\xfe.key"[..]),
        ("?.KEY", b"\xff.key"),
        ("infra", b"infra/\xff"),
    ] {
        assert!(
            frozen(glob, RepoPath::from_bytes(path)),
            "{glob} must freeze {path:?}"
        );
    }
    assert!(!frozen("infra", RepoPath::from_bytes(*b"infra\xff/x")));
}

#[test]
fn the_message_names_the_glob_that_counts() {
    let globs: Vec<String> = (0..120).map(|n| format!("'d{n}/*.[a-c]'")).collect();
    let policy = policy(&format!("paths.frozen = [{}]", globs.join(",")));
    let found = evaluate_paths(&policy, &repository(), &["d117/x.b".into()]);
    assert_eq!(
        found[0].message,
        "The policy file on the default branch freezes `d117/*.[a-c]`."
    );
}

#[test]
fn a_broken_stored_glob_freezes_everything_and_allows_nothing() {
    let mut policy = policy("");
    policy.frozen.push(Sourced {
        value: "[".into(),
        source: PolicySource::Base,
    });
    assert_eq!(
        ids(&evaluate_paths(&policy, &repository(), &["a".into()])),
        ["frozen-path@a"]
    );
    policy.allowed_bases.push(Sourced {
        value: vec!["[".into(), "main".into()],
        source: PolicySource::Base,
    });
    assert!(!policy.allows_base(&BranchName::parse("main").unwrap()));
}

#[test]
fn bases_must_be_in_every_list() {
    let allows =
        |policy: &super::EffectivePolicy, branch| policy.allows_base(&BranchName::parse(branch).unwrap());
    let open = policy("");
    assert!(allows(&open, "main") && allows(&open, "a/b"));
    let one = policy("bases.allowed = ['main', 'release/*']");
    assert!(allows(&one, "main") && allows(&one, "release/1"));
    for branch in ["Main", "release/1/2", "release", "mainline"] {
        assert!(!allows(&one, branch), "{branch}");
    }
    let organisation = super::file("bases.allowed = ['main', 'dev']");
    let base = super::file("bases.allowed = ['**']");
    let repository = super::file("bases.allowed = ['main', 'release/*']");
    let both = super::effective(Some(&organisation), Some(&repository), Some(&base));
    assert!(allows(&both, "main") && !allows(&both, "dev") && !allows(&both, "release/1"));
}
