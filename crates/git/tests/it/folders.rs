//! A git folder that leads elsewhere or never ends: links, pipes, borrowed objects, odd names. Each control
//! shows that plain git goes along.

use crate::support::{Sandbox, branch, file};
use countersign_git::GitTrees;
use countersign_ports::trees::{RepoSource, Trees};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

fn sandbox() -> Sandbox {
    Sandbox::with(&[file("a", "one\n")].into_iter().collect())
}

fn trees(sandbox: &Sandbox) -> GitTrees {
    GitTrees::new(sandbox.mirrors())
}

/// What pinning `main` says: a code, or nothing where it works.
fn pin_code(sandbox: &Sandbox) -> Option<&'static str> {
    let pinned = trees(sandbox).pin(&sandbox.source(), &branch("main"));
    pinned.err().map(|e| e.code())
}

fn git(sandbox: &Sandbox) -> PathBuf {
    sandbox.repo.join(".git")
}

/// Moves a part of the git folder out of it and leaves a link.
fn moved_out(name: &str) -> Sandbox {
    let sandbox = sandbox();
    if name == "packed-refs" {
        sandbox.git(["pack-refs", "--all"]);
    }
    let (inside, outside) = (git(&sandbox).join(name), sandbox.dir.path().join("outside"));
    fs::rename(&inside, &outside).expect("moved");
    symlink(&outside, &inside).expect("a link");
    sandbox
}

#[test]
fn links_that_lead_out_of_the_git_folder_are_refused() {
    for name in [
        "objects",
        "objects/pack",
        "refs",
        "refs/heads",
        "refs/heads/main",
        "config",
        "packed-refs",
    ] {
        let sandbox = moved_out(name);
        assert_eq!(
            sandbox.git(["cat-file", "-p", "main:a"]),
            "one",
            "control: git follows {name}"
        );
        assert_eq!(pin_code(&sandbox), Some("not-plain"), "{name}");
    }
    let sandbox = sandbox();
    fs::remove_file(git(&sandbox).join("HEAD")).expect("removed");
    symlink("refs/heads/main", git(&sandbox).join("HEAD")).expect("a link");
    assert_eq!(
        sandbox.git(["symbolic-ref", "HEAD"]),
        "refs/heads/main",
        "control: git takes a link for HEAD"
    );
    assert_eq!(pin_code(&sandbox), Some("not-plain"), "HEAD");
}

#[test]
fn a_link_shows_no_file_of_this_machine() {
    let sandbox = sandbox();
    let secret = sandbox.dir.path().join("secret");
    fs::write(&secret, "0123456789 a secret\n").expect("written");
    for name in [
        "refs/heads/main",
        "HEAD",
        "config",
        "packed-refs",
        "objects/info/alternates",
        "commondir",
    ] {
        let at = git(&sandbox).join(name);
        let kept = fs::read(&at).ok();
        let _absent = fs::remove_file(&at);
        symlink(&secret, &at).expect("a link");
        let error = trees(&sandbox)
            .pin(&sandbox.source(), &branch("main"))
            .expect_err("refused");
        assert!(
            !error.to_string().contains("secret\n") && !error.to_string().contains("0123456789"),
            "{error}"
        );
        fs::remove_file(&at).expect("removed");
        if let Some(kept) = kept {
            fs::write(&at, kept).expect("put back");
        }
    }
    assert_eq!(pin_code(&sandbox), None, "control: without links it works");
}

#[test]
fn a_named_pipe_is_not_waited_for() {
    let control = sandbox();
    fs::remove_file(git(&control).join("HEAD")).expect("removed");
    let pipe = Command::new("mkfifo").arg(git(&control).join("HEAD")).status();
    assert!(pipe.expect("it runs").success());
    let waits = Command::new("timeout")
        .args(["0.3", "git", "log"])
        .current_dir(&control.repo)
        .status();
    assert_eq!(
        waits.expect("it runs").code(),
        Some(124),
        "control: git waits for somebody to write"
    );
    let blob = sandbox().git(["rev-parse", "main"]);
    let object = format!("objects/{}/{}", &blob[..2], &blob[2..]);
    for name in [
        "HEAD",
        "config",
        "packed-refs",
        "shallow",
        "index",
        "refs/heads/main",
        "objects/info/alternates",
        &object,
    ] {
        let sandbox = sandbox();
        let at = git(&sandbox).join(name);
        let _absent = fs::remove_file(&at);
        let made = Command::new("mkfifo").arg(&at).status().expect("it runs");
        assert!(made.success());
        assert_eq!(pin_code(&sandbox), Some("not-plain"), "{name}");
    }
}

#[test]
fn the_git_program_reads_no_setting_of_a_source() {
    let sandbox = sandbox();
    sandbox.git(["config", "uploadpack.keepAlive", "nonsense"]);
    let root = sandbox.dir.path();
    let mut naive = sandbox.command(root);
    naive.args(["clone", "--quiet", "--no-local", "repo", "clone"]);
    let control = crate::support::feed(naive, b"").expect_err("control: serving git stumbles over it");
    assert!(control.contains("uploadpack.keepalive"), "{control}");
    assert_eq!(pin_code(&sandbox), None);
}

#[test]
fn borrowed_objects_are_refused() {
    let sandbox = sandbox();
    let secret = Sandbox::with(&[file("secret", "of another repository\n")].into_iter().collect());
    let commit = secret.git(["rev-parse", "main"]);
    let objects = secret.git_dir().join("objects");
    let alternates = git(&sandbox).join("objects/info/alternates");
    fs::write(&alternates, format!("# nothing\n\n{}\n", objects.display())).expect("written");
    fs::write(git(&sandbox).join("refs/heads/main"), format!("{commit}\n")).expect("written");
    assert_eq!(
        sandbox.git(["cat-file", "-p", "main:secret"]),
        "of another repository",
        "control: git shows it"
    );
    assert_eq!(pin_code(&sandbox), Some("alternates"));
    fs::write(&alternates, "# nothing\n\n").expect("written");
    assert_ne!(
        pin_code(&sandbox),
        Some("alternates"),
        "a file that names none borrows nothing"
    );
}

#[test]
fn a_git_file_leads_where_the_user_can_see_it() {
    let (sandbox, other) = (sandbox(), sandbox());
    let pointing = sandbox.dir.path().join("innocent");
    fs::create_dir(&pointing).expect("made");
    fs::write(
        pointing.join(".git"),
        format!("gitdir: {}\n", other.git_dir().display()),
    )
    .expect("written");
    let shown = sandbox.git_in(&pointing, ["rev-parse", "--show-toplevel"]);
    assert!(shown.ends_with("innocent"), "control: git calls it {shown}");
    let probe = trees(&sandbox).probe(&pointing).expect("probed");
    assert_eq!(
        probe.git_dir,
        other.git_dir(),
        "what is registered and shown is the real folder"
    );
    fs::write(pointing.join(".git"), "gitdir: /nonexistent\n").expect("written");
    assert_eq!(
        trees(&sandbox).probe(&pointing).expect_err("refused").code(),
        "not-a-repository"
    );
    fs::write(pointing.join(".git"), "gitdir: .git\n").expect("written");
    assert_eq!(
        trees(&sandbox).probe(&pointing).expect_err("refused").code(),
        "not-a-repository"
    );
}

#[test]
fn core_worktree_moves_nothing_that_counts() {
    let sandbox = sandbox();
    let elsewhere = sandbox.dir.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("made");
    fs::write(elsewhere.join("a"), "other\n").expect("written");
    sandbox.git(["config", "core.worktree", &elsewhere.display().to_string()]);
    assert_eq!(
        sandbox.git(["status", "--short"]),
        "M a",
        "control: git looks there"
    );
    let probe = trees(&sandbox).probe(&sandbox.repo).expect("probed");
    assert_eq!(probe.git_dir, sandbox.git_dir());
    let base = trees(&sandbox)
        .pin(&sandbox.source(), &branch("main"))
        .expect("pinned")
        .commit;
    let content = trees(&sandbox)
        .file(&sandbox.source(), &base, &"a".into())
        .expect("read");
    assert_eq!(content.as_deref(), Some(&b"one\n"[..]));
}

#[test]
fn another_user_s_folder_is_refused_whatever_it_says() {
    if !rustix::process::geteuid().is_root() {
        // Only root can make a folder of somebody else.
        return;
    }
    let sandbox = sandbox();
    sandbox.git(["config", "safe.directory", "*"]);
    std::os::unix::fs::chown(git(&sandbox), Some(12_345), None).expect("given away");
    let control = sandbox.git_bytes(["-c", "safe.directory=*", "rev-parse", "main"], b"");
    assert!(control.is_ok(), "control: who is told to trust it can read it");
    assert_eq!(pin_code(&sandbox), Some("foreign-owner"));
}

#[test]
fn names_that_are_options_or_unprintable_are_no_branches() {
    let sandbox = sandbox();
    let commit = sandbox.git(["rev-parse", "main"]);
    for name in ["--upload-pack=touch mark", "-x", "x/-y"] {
        let at = git(&sandbox).join("refs/heads").join(name);
        fs::create_dir_all(at.parent().expect("a folder")).expect("made");
        fs::write(at, format!("{commit}\n")).expect("written");
    }
    let listed = sandbox.git(["for-each-ref", "--format=%(refname)", "refs/heads"]);
    assert!(
        listed.contains("refs/heads/-x"),
        "control: git lists it: {listed}"
    );
    for outside in [
        "refs/notes/commits",
        "refs/pull/1/head",
        "refs/tags/v1",
        "refs/remotes/o/main",
    ] {
        sandbox.git(["update-ref", outside, &commit]);
    }
    let heads = trees(&sandbox).heads(&sandbox.source()).expect("heads").heads;
    assert_eq!(
        heads.keys().map(ToString::to_string).collect::<Vec<_>>(),
        ["main"]
    );
    assert_eq!(pin_code(&sandbox), None);
}

#[test]
fn packed_refs_with_odd_names_are_refused_or_left_out_and_never_followed() {
    for name in [
        "refs/heads/../../config",
        "refs/heads/a..b",
        "refs/heads/\u{1b}[2J",
        "refs/heads/x.lock",
        "../outside",
        "refs/heads/a b",
    ] {
        let sandbox = sandbox();
        let commit = sandbox.git(["rev-parse", "main"]);
        let packed = format!("# pack-refs with: peeled fully-peeled sorted \n{commit} {name}\n");
        fs::write(git(&sandbox).join("packed-refs"), packed).expect("written");
        let before = sandbox.everything();
        match trees(&sandbox).heads(&sandbox.source()) {
            Ok(heads) => {
                let names: Vec<String> = heads.heads.keys().map(ToString::to_string).collect();
                assert_eq!(names, ["main"], "{name:?}");
            }
            Err(error) => {
                assert_eq!(error.code(), "damaged", "{name:?}");
                assert!(!error.to_string().contains('\u{1b}'), "{error:?}");
            }
        }
        assert_eq!(sandbox.everything(), before);
    }
}

#[test]
fn a_branch_that_links_to_a_ref_outside_is_read_as_git_reads_it() {
    let sandbox = sandbox();
    let other = sandbox.commit("hidden", &[file("a", "hidden\n")].into_iter().collect());
    sandbox.git(["update-ref", "refs/private/x", other.as_str()]);
    fs::write(git(&sandbox).join("refs/heads/link"), "ref: refs/private/x\n").expect("written");
    fs::write(git(&sandbox).join("refs/heads/loop"), "ref: refs/heads/loop\n").expect("written");
    let heads = trees(&sandbox).heads(&sandbox.source()).expect("heads").heads;
    assert_eq!(
        heads.get(&branch("link")),
        Some(&other),
        "git says the same: it is a branch"
    );
    assert_eq!(sandbox.git(["rev-parse", "link"]), other.as_str());
    assert!(!heads.contains_key(&branch("loop")));
}

#[test]
fn lies_in_caches_are_not_believed() {
    let sandbox = sandbox();
    sandbox.commit("main", &[file("a", "two\n")].into_iter().collect());
    sandbox.git(["repack", "-q", "-a", "-d", "--write-midx", "--write-bitmap-index"]);
    sandbox.git(["commit-graph", "write", "--reachable"]);
    let graph = git(&sandbox).join("objects/info/commit-graph");
    let midx = git(&sandbox).join("objects/pack/multi-pack-index");
    let tree = sandbox.git(["rev-parse", "main^{tree}"]);
    let lie = hex(&sandbox.git(["rev-parse", "main~1^{tree}"]));
    let bytes = replaced(&fs::read(&graph).expect("a graph"), &hex(&tree), &lie);
    write_over(&graph, &bytes);
    assert_ne!(
        sandbox.git(["log", "-1", "--format=%T", "main"]),
        tree,
        "control: git believes the graph"
    );
    write_over(&midx, b"MIDX nonsense");
    let source = RepoSource { ..sandbox.source() };
    let pinned = trees(&sandbox).pin(&source, &branch("main")).expect("pinned");
    assert_eq!(pinned.tree.as_str(), tree);
}

fn hex(id: &str) -> Vec<u8> {
    (0..id.len() / 2)
        .map(|i| u8::from_str_radix(&id[2 * i..2 * i + 2], 16).expect("hex"))
        .collect()
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes
        .windows(from.len())
        .position(|w| w == from)
        .expect("it is in there");
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

/// Git makes these files read-only.
fn write_over(path: &std::path::Path, bytes: &[u8]) {
    fs::remove_file(path).expect("removed");
    fs::write(path, bytes).expect("written");
}
