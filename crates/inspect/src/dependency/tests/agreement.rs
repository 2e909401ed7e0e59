//! Manifests and lockfiles that do or don't fit each other.

use crate::scenario::Scenario;

const MANIFEST: &str = "[package]\nname = \"shop\"\n[dependencies]\nserde = \"1.0.100\"\n";
const LOCK: &str = "version = 4\n[[package]]\nname = \"serde\"\nversion = \"1.0.150\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"aa\"\n[[package]]\nname = \"shop\"\nversion = \"0.1.0\"\n";

fn mismatches(change: &Scenario) -> Vec<String> {
    let said = change.sentences();
    said.into_iter()
        .filter(|s| s.starts_with("lockfile-mismatch") || s.starts_with("not-inspected"))
        .collect()
}

#[test]
fn a_file_that_is_renamed_away_is_said_on_both_sides() {
    for (from, to, text) in [
        ("Cargo.lock", "c.l", LOCK),
        ("go.sum", "sums.old", "example.org/a v1.0.0 h1:x\n"),
        (
            "package.json",
            "p.old",
            "{\"dependencies\": {\"left\": \"1.0.0\"}}\n",
        ),
    ] {
        assert_eq!(
            Scenario::default().rename(from, to, text, text).sentences(),
            [format!(
                "dependency-change@{to}: `{from}` got a name under which nothing reads what it pulls in."
            )]
        );
    }
    let other = Scenario::default().rename(
        "requirements.txt",
        "requirements-dev.txt",
        "left==1\n",
        "left==1\n",
    );
    assert_eq!(
        other.sentences(),
        ["dependency-change@requirements-dev.txt: What `requirements.txt` pulled in is said here now."]
    );
}

#[test]
fn a_lockfile_that_moves_alone_is_said() {
    let change = Scenario::default().base("Cargo.toml", MANIFEST).edit(
        "Cargo.lock",
        LOCK,
        LOCK.replace("1.0.150", "2.0.0"),
    );
    assert_eq!(
        mismatches(&change),
        [
            "lockfile-mismatch@Cargo.lock: The lockfile changes and no manifest asks for it: serde 1.0.150 → 2.0.0 (up)."
        ]
    );
    let described = Scenario::default()
        .edit("Cargo.lock", LOCK, LOCK.replace("1.0.150", "1.0.160"))
        .edit(
            "Cargo.toml",
            MANIFEST,
            MANIFEST.replace("name = \"shop\"", "name = \"shop\"\ndescription = \"x\""),
        );
    assert_eq!(
        mismatches(&described).len(),
        1,
        "a description explains no version"
    );
}

/// The rules that a lockfile's change alone breaks, beside a manifest and perhaps a member's.
fn alone(manifest: &str, member: Option<&str>, new: &str) -> Vec<String> {
    let change = Scenario::default().base("Cargo.toml", manifest);
    let change = match member {
        Some(member) => change.base("crates/a/Cargo.toml", member),
        None => change,
    };
    change.edit("Cargo.lock", LOCK, new).rules()
}

#[test]
fn an_update_within_what_the_manifests_ask_for_is_a_warning_and_no_mismatch() {
    let warning = ["dependency-change@Cargo.lock"];
    assert_eq!(
        alone(MANIFEST, None, &LOCK.replace("1.0.150", "1.0.160")),
        warning
    );
    let workspace = "[workspace]\nmembers = [\"crates/*\"]\n[workspace.dependencies]\nserde = \"1\"\n";
    let member = "[package]\nname = \"shop\"\n[dependencies]\nserde.workspace = true\n";
    assert_eq!(
        alone(workspace, Some(member), &LOCK.replace("1.0.150", "1.9.0")),
        warning
    );
    let indirect = "[package]\nname = \"shop\"\n[dependencies]\ntoml = \"1\"\n";
    assert_eq!(alone(indirect, None, &LOCK.replace("1.0.150", "1.2.0")), warning);
    let wide = MANIFEST.replace("1.0.100", ">=1");
    assert_eq!(alone(&wide, None, &LOCK.replace("1.0.150", "2.0.0")), warning);
}

#[test]
fn what_is_more_than_an_update_stays_a_mismatch() {
    let mismatch = |rules: Vec<String>, why: &str| {
        assert!(
            rules.contains(&"lockfile-mismatch@Cargo.lock".to_owned()),
            "{why}: {rules:?}"
        );
    };
    let up = LOCK.replace("1.0.150", "1.0.160");
    mismatch(
        alone(&MANIFEST.replace("1.0.100", "=1.0.150"), None, &up),
        "pinned",
    );
    mismatch(
        alone(
            MANIFEST,
            Some(&MANIFEST.replace("1.0.100", "~1.0.100, <1.0.155")),
            &up,
        ),
        "a member asks for less",
    );
    mismatch(alone(MANIFEST, None, &LOCK.replace("1.0.150", "1.0.140")), "down");
    let indirect = "[package]\nname = \"shop\"\n[dependencies]\ntoml = \"1\"\n";
    mismatch(
        alone(indirect, None, &LOCK.replace("1.0.150", "2.0.0")),
        "nobody asked for that",
    );
    let more = format!(
        "{up}[[package]]\nname = \"evil\"\nversion = \"1.0.0\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n"
    );
    mismatch(alone(MANIFEST, None, &more), "one more package");
    let moved = up.replace(
        "registry+https://github.com/rust-lang/crates.io-index",
        "registry+https://example.org/index",
    );
    mismatch(alone(MANIFEST, None, &moved), "another registry");
    let git = MANIFEST.replace("\"1.0.100\"", "{ git = \"https://example.org/serde\" }");
    mismatch(alone(&git, None, &up), "the manifest asks for a repository");
    let unread = Scenario::default().edit("Cargo.lock", LOCK, &up).rules();
    mismatch(unread, "no manifest is there");
}

#[test]
fn npm_s_lockfile_is_held_against_its_ranges() {
    let manifest = r#"{"name": "shop", "dependencies": {"a": "^1.0.0"}, "devDependencies": {"b": "2.0.0"}}"#;
    let lock = |a: &str, b: &str| {
        format!(
            r#"{{"lockfileVersion": 3, "packages": {{"": {{}}, "node_modules/a": {{"version": "{a}"}}, "node_modules/b": {{"version": "{b}"}}}}}}"#
        )
    };
    let rules = |a: &str, b: &str| {
        Scenario::default()
            .base("package.json", manifest)
            .edit("package-lock.json", lock("1.0.0", "2.0.0"), lock(a, b))
            .rules()
    };
    assert_eq!(rules("1.4.0", "2.0.0"), ["dependency-change@package-lock.json"]);
    let mismatch = "lockfile-mismatch@package-lock.json".to_owned();
    assert!(rules("2.0.0", "2.0.0").contains(&mismatch));
    assert!(rules("1.4.0", "2.0.1").contains(&mismatch), "b is pinned");
}

#[test]
fn a_lockfile_that_moves_with_a_manifest_below_it_is_explained() {
    let change = Scenario::default()
        .edit(
            "crates/a/Cargo.toml",
            MANIFEST,
            MANIFEST.replace("1.0.100", "1.0.160"),
        )
        .edit("Cargo.lock", LOCK, LOCK.replace("1.0.150", "1.0.160"));
    assert_eq!(mismatches(&change), [""; 0]);
    let beside = Scenario::default()
        .edit(
            "other/Cargo.toml",
            MANIFEST,
            MANIFEST.replace("1.0.100", "1.0.160"),
        )
        .edit("shop/Cargo.lock", LOCK, LOCK.replace("1.0.150", "1.0.160"));
    assert_eq!(mismatches(&beside).len(), 1);
}

#[test]
fn a_manifest_that_outgrows_its_lockfile_is_said() {
    let change = |new: &str| {
        Scenario::default()
            .base("Cargo.lock", LOCK)
            .edit("Cargo.toml", MANIFEST, new)
    };
    assert_eq!(
        mismatches(&change(&MANIFEST.replace("1.0.100", "1.0.200"))),
        ["lockfile-mismatch@Cargo.toml: `Cargo.lock` does not change along: serde 1.0.100 → 1.0.200 (up)."]
    );
    let added = format!("{MANIFEST}toml = \"1\"\n");
    assert_eq!(mismatches(&change(&added)).len(), 1);
    assert_eq!(
        mismatches(&change(&MANIFEST.replace("1.0.100", "1.0.120"))),
        [""; 0],
        "the locked version still fits"
    );
    let features = MANIFEST.replace(
        "\"1.0.100\"",
        "{ version = \"1.0.100\", features = [\"derive\"] }",
    );
    assert_eq!(mismatches(&change(&features)), [""; 0]);
}

#[test]
fn a_manifest_that_no_lockfile_is_about_needs_none() {
    let change = Scenario::default().edit("Cargo.toml", MANIFEST, MANIFEST.replace("1.0.100", "2"));
    assert_eq!(mismatches(&change), [""; 0]);
    let other = MANIFEST.replace("name = \"shop\"", "name = \"example\"");
    let change = Scenario::default().base("Cargo.lock", LOCK).edit(
        "examples/x/Cargo.toml",
        &other,
        other.replace("1.0.100", "2"),
    );
    assert_eq!(
        mismatches(&change),
        [""; 0],
        "the lockfile above does not name this package"
    );
    let member = Scenario::default().base("Cargo.lock", LOCK).edit(
        "crates/x/Cargo.toml",
        MANIFEST,
        MANIFEST.replace("1.0.100", "2"),
    );
    assert_eq!(mismatches(&member).len(), 1);
}

#[test]
fn a_broken_lockfile_beside_a_manifest_is_not_inspected() {
    let change = Scenario::default().base("Cargo.lock", "[[").edit(
        "Cargo.toml",
        MANIFEST,
        MANIFEST.replace("1.0.100", "2"),
    );
    assert_eq!(
        mismatches(&change),
        ["not-inspected@Cargo.toml: `Cargo.lock` can't be read, so it is unknown whether it still fits."]
    );
}

#[test]
fn what_the_manifest_asks_for_has_to_be_in_the_lockfile() {
    let old = r#"{"name": "shop", "dependencies": {"a": "^1.0.0"}}"#;
    let new = r#"{"name": "shop", "dependencies": {"a": "^1.0.0", "left-pad": "^1.3.0"}}"#;
    let lock = |more: &str| {
        format!(
            r#"{{"lockfileVersion": 3, "packages": {{"": {{}}, "node_modules/a": {{"version": "1.0.0"}}{more}}}}}"#
        )
    };
    let other = r#", "node_modules/left-pad-evil": {"version": "1.3.0"}"#;
    let right = r#", "node_modules/left-pad": {"version": "1.3.0"}"#;
    let change = |more: &str| {
        Scenario::default()
            .edit("package.json", old, new)
            .edit("package-lock.json", lock(""), lock(more))
    };
    assert_eq!(
        mismatches(&change(other)),
        ["lockfile-mismatch@package.json: The manifest asks for what the lockfile does not have: left-pad."]
    );
    assert_eq!(mismatches(&change(right)), [""; 0]);
}

#[test]
fn requirements_that_locks_do_not_hold_need_no_change_of_them() {
    let old = "[build-system]\nrequires = [\"hatchling>=1\"]\n[project]\nname = \"shop\"\ndependencies = [\"flask>=2\"]\n";
    let lock = "version = 1\n[[package]]\nname = \"flask\"\nversion = \"2.0.0\"\nsource = { registry = \"https://pypi.org/simple\" }\n";
    let change = |new: String| {
        Scenario::default()
            .base("uv.lock", lock)
            .edit("pyproject.toml", old, new)
    };
    assert_eq!(
        mismatches(&change(old.replace("hatchling>=1", "hatchling>=2"))),
        [""; 0]
    );
    assert_eq!(mismatches(&change(old.replace("flask>=2", "flask>=3"))).len(), 1);
}

#[test]
fn go_needs_a_hash_for_what_it_requires() {
    let old = "module x\nrequire example.org/a v1.0.0\n";
    let sum = "example.org/a v1.0.0 h1:aa=\nexample.org/a v1.1.0 h1:bb=\n";
    let change = |new: &str| Scenario::default().base("go.sum", sum).edit("go.mod", old, new);
    assert_eq!(
        mismatches(&change("module x\nrequire example.org/a v1.1.0\n")),
        [""; 0]
    );
    assert_eq!(
        mismatches(&change("module x\nrequire example.org/a v1.2.0\n")).len(),
        1
    );
}
