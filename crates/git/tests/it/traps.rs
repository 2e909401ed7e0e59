//! Settings, files and surroundings through which git runs somebody's program. For each: plain git falls for
//! it, and nothing runs when Countersign uses the same repository for everything that it does.

use crate::support::{Sandbox, branch, entry, file, numbered};
use countersign_core::id::{CommitSha, RepositoryId};
use countersign_core::path::RepoPath;
use countersign_git::GitTrees;
use countersign_ports::trees::{BaseStanding, RepoSource, Trees};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const DIFF: &str = "--- a/a\n+++ b/a\n@@ -29,2 +29,2 @@\n line 29\n-line 30\n+thirty\n";

/// A repository with two branches, and a program that leaves a mark.
struct Scene {
    sandbox: Sandbox,
}

impl Scene {
    fn new() -> Self {
        let gitmodules = "[submodule \"s\"]\n\tpath = s\n\turl = ext::EVIL\n";
        let sandbox = Sandbox::empty();
        let scene = Self { sandbox };
        scene.script(&scene.evil());
        let gitmodules = gitmodules.replace("EVIL", &scene.command());
        let attributes = "* filter=evil diff=evil merge=evil\n";
        let files = |a: &str| {
            let commit = entry(b"s", "160000", &[b'1'; 40]);
            let text = [
                file("a", a),
                file(".gitattributes", attributes),
                file(".gitmodules", &gitmodules),
            ];
            text.into_iter().chain([commit]).collect()
        };
        scene.sandbox.commit("main", &files(&numbered(1, 30)));
        scene.sandbox.git(["branch", "moved"]);
        scene
            .sandbox
            .commit("moved", &files(&numbered(1, 30).replace("line 2\n", "two\n")));
        scene.sandbox.git(["branch", "mine", "main"]);
        scene
            .sandbox
            .commit("mine", &files(&numbered(1, 30).replace("line 3\n", "three\n")));
        scene.sandbox.git(["reset", "--quiet", "--hard"]);
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.sandbox.dir.path().join(name)
    }

    fn evil(&self) -> PathBuf {
        self.path("evil")
    }

    fn command(&self) -> String {
        self.evil().display().to_string()
    }

    fn script(&self, at: &Path) {
        fs::create_dir_all(at.parent().expect("a folder")).expect("made");
        let text = format!("#!/bin/sh\ntouch '{}'\n", self.path("mark").display());
        fs::write(at, text).expect("written");
        fs::set_permissions(at, fs::Permissions::from_mode(0o755)).expect("executable");
    }

    fn config(&self, key: &str, value: &str) {
        self.sandbox.git(["config", key, value]);
    }

    /// Runs git as a careless user would, whatever comes of it.
    fn naive<const N: usize>(&self, args: [&str; N]) {
        let _outcome = self
            .sandbox
            .git_bytes(args, b"protocol=https\nhost=example.com\n\n");
    }

    /// Whether the mark was left; takes it away.
    fn sprung(&self) -> bool {
        fs::remove_file(self.path("mark")).is_ok()
    }
}

/// Everything that reads; gives the code of the first refusal.
fn use_it(mirrors: &Path, work_tree: &Path, moved: &CommitSha) -> Result<(), &'static str> {
    let trees = GitTrees::new(mirrors);
    let git_dir = fs::canonicalize(work_tree.join(".git")).expect("a git folder");
    let source = RepoSource::folder(RepositoryId::local(1), git_dir);
    let main = branch("main");
    fs::write(work_tree.join("a"), "changed\n").expect("a write");
    trees.probe(work_tree).map_err(|e| e.code())?;
    trees.heads(&source).map_err(|e| e.code())?;
    let base = trees.pin(&source, &main).map_err(|e| e.code())?.commit;
    trees.snapshot(&source, &base).map_err(|e| e.code())?;
    let content = trees
        .file(&source, &base, &RepoPath::from("a"))
        .map_err(|e| e.code())?;
    assert_eq!(content, Some(numbered(1, 30).into_bytes()));
    let applied = trees
        .apply(&source, &base, DIFF.as_bytes())
        .map_err(|e| e.code())?
        .expect("it applies");
    let opinion = trees
        .second_opinion(&source, &base, &applied.canonical)
        .map_err(|e| e.code())?;
    assert!(opinion.agrees_on(&applied.diff.result_tree), "{opinion:?}");
    // The branch moves without git, which would run hooks.
    fs::write(
        source.git_dir().expect("a folder").join("refs/heads/main"),
        format!("{moved}\n"),
    )
    .expect("moved");
    let standing = trees
        .base_standing(&source, &main, &base, &applied.canonical)
        .map_err(|e| e.code())?;
    assert_eq!(standing, BaseStanding::MovedClean { tip: moved.clone() });
    trees.read_branch(&source, &main).map_err(|e| e.code())?;
    Ok(())
}

struct Trap {
    name: &'static str,
    set: fn(&Scene),
    naive: fn(&Scene),
    /// What Countersign says of such a repository, where it refuses it.
    refused: Option<&'static str>,
}

const fn trap(name: &'static str, set: fn(&Scene), naive: fn(&Scene)) -> Trap {
    Trap {
        name,
        set,
        naive,
        refused: None,
    }
}

const fn refused(code: &'static str, trap: Trap) -> Trap {
    Trap {
        refused: Some(code),
        ..trap
    }
}

/// Where the repository itself is set up to run something.
const TRAPS: [Trap; 24] = [
    trap(
        "a hook",
        |s| s.script(&s.sandbox.repo.join(".git/hooks/post-checkout")),
        |s| s.naive(["checkout", "-q", "-b", "x"]),
    ),
    trap(
        "core.hooksPath",
        |s| {
            s.script(&s.path("hooks/reference-transaction"));
            s.config("core.hooksPath", &s.path("hooks").display().to_string());
        },
        |s| s.naive(["branch", "x"]),
    ),
    trap(
        "core.fsmonitor",
        |s| s.config("core.fsmonitor", &s.command()),
        |s| s.naive(["status"]),
    ),
    trap(
        "filter.clean",
        |s| s.config("filter.evil.clean", &s.command()),
        |s| {
            fs::write(s.sandbox.repo.join("a"), "x\n").expect("a write");
            s.naive(["add", "a"]);
        },
    ),
    trap(
        "filter.smudge",
        |s| s.config("filter.evil.smudge", &s.command()),
        check_out,
    ),
    trap(
        "filter.process, as LFS has it",
        |s| s.config("filter.evil.process", &s.command()),
        check_out,
    ),
    trap(
        "diff.external",
        |s| s.config("diff.external", &s.command()),
        |s| s.naive(["diff", "main", "moved"]),
    ),
    trap(
        "diff.command",
        |s| s.config("diff.evil.command", &s.command()),
        |s| s.naive(["diff", "main", "moved"]),
    ),
    trap(
        "diff.textconv",
        |s| s.config("diff.evil.textconv", &s.command()),
        |s| s.naive(["diff", "main", "moved"]),
    ),
    trap(
        "merge.driver",
        |s| s.config("merge.evil.driver", &s.command()),
        |s| {
            s.naive(["checkout", "-q", "mine"]);
            s.naive(["merge", "-q", "moved"]);
            s.naive(["reset", "-q", "--hard"]);
            s.naive(["checkout", "-q", "main"]);
        },
    ),
    trap(
        "core.sshCommand",
        |s| s.config("core.sshCommand", &s.command()),
        |s| s.naive(["ls-remote", "ssh://localhost/x"]),
    ),
    trap(
        "core.gitProxy",
        |s| s.config("core.gitProxy", &s.command()),
        |s| s.naive(["ls-remote", "git://localhost/x"]),
    ),
    trap(
        "url.insteadOf with protocol.ext.allow",
        |s| {
            s.config("protocol.ext.allow", "always");
            let source = s.sandbox.git_dir().display().to_string();
            s.config(&format!("url.ext::{} .insteadOf", s.command()), &source);
        },
        |s| s.naive(["ls-remote", &s.sandbox.git_dir().display().to_string()]),
    ),
    trap(
        "remote.uploadpack",
        |s| {
            s.config("remote.origin.url", &s.sandbox.repo.display().to_string());
            s.config("remote.origin.uploadpack", &s.command());
        },
        |s| s.naive(["fetch", "-q", "origin"]),
    ),
    trap(
        "include.path",
        |s| include(s, &format!("[core]\n\tfsmonitor = {}\n", s.command())),
        |s| s.naive(["status"]),
    ),
    trap(
        "config.worktree",
        |s| {
            s.config("extensions.worktreeConfig", "true");
            s.sandbox
                .git(["config", "--worktree", "core.fsmonitor", &s.command()]);
        },
        |s| s.naive(["status"]),
    ),
    trap(
        "a submodule's ext:: address",
        |s| s.config("protocol.ext.allow", "always"),
        |s| {
            s.naive([
                "-c",
                "protocol.ext.allow=always",
                "submodule",
                "-q",
                "update",
                "--init",
            ]);
        },
    ),
    // Git takes this one from the machine's settings only; the careless user has it there.
    trap(
        "uploadpack.packObjectsHook",
        |s| s.config("uploadpack.packObjectsHook", &s.command()),
        |s| {
            let serve = format!("git -c uploadpack.packObjectsHook={} upload-pack", s.command());
            s.naive(["clone", "-q", "--no-local", "-u", &serve, ".", "../clone"]);
        },
    ),
    refused(
        "source-damaged",
        trap(
            "a promisor remote in an included file",
            |s| {
                let url = s.sandbox.repo.display().to_string();
                let remote = format!(
                    "[remote \"o\"]\n\tpromisor = true\n\turl = file://{url}\n\tuploadpack = {}\n",
                    s.command()
                );
                include(s, &remote);
                s.config("core.repositoryFormatVersion", "1");
                let id = s.sandbox.git(["rev-parse", "main:a"]);
                fs::remove_file(s.sandbox.repo.join(".git/objects").join(&id[..2]).join(&id[2..]))
                    .expect("removed");
            },
            |s| {
                let config = s.sandbox.repo.join(".git/config");
                let before = fs::read(&config).expect("settings");
                s.naive(["cat-file", "blob", "main:a"]);
                // Git notes there that it is a partial clone, by which we would know it too.
                fs::write(&config, before).expect("written");
            },
        ),
    ),
    refused(
        "alternates",
        trap(
            "core.alternateRefsCommand",
            |s| {
                s.sandbox
                    .git_in(s.sandbox.dir.path(), ["clone", "-q", "--bare", "repo", "other"]);
                let objects = s.path("other/objects").display().to_string();
                fs::write(
                    s.sandbox.repo.join(".git/objects/info/alternates"),
                    objects + "\n",
                )
                .expect("written");
                s.config("core.alternateRefsCommand", &s.command());
            },
            |s| s.naive(["fetch", "-q", &format!("file://{}", s.path("other").display())]),
        ),
    ),
    trap(
        "credential.helper",
        |s| s.config("credential.helper", &s.command()),
        |s| s.naive(["credential", "fill"]),
    ),
    trap(
        "core.askPass",
        |s| s.config("core.askPass", &s.command()),
        |s| s.naive(["credential", "fill"]),
    ),
    trap(
        "gpg.program",
        |s| s.config("gpg.program", &s.command()),
        |s| s.naive(["commit-tree", "-S", "-m", "x", "main^{tree}"]),
    ),
    trap(
        "an alias",
        |s| s.config("alias.x", &format!("!{}", s.command())),
        |s| s.naive(["x"]),
    ),
];

fn check_out(scene: &Scene) {
    fs::remove_file(scene.sandbox.repo.join("a")).expect("removed");
    scene.naive(["checkout", "-q", "HEAD", "--", "a"]);
}

fn include(scene: &Scene, text: &str) {
    fs::write(scene.path("included"), text).expect("written");
    scene.config("include.path", &scene.path("included").display().to_string());
}

/// INV-5.
#[test]
fn nothing_of_a_repository_runs_that_plain_git_would_run() {
    let (some, others) = TRAPS.split_at(TRAPS.len() / 2);
    std::thread::scope(|scope| {
        scope.spawn(|| some.iter().for_each(try_it));
        others.iter().for_each(try_it);
    });
}

fn try_it(trap: &Trap) {
    let scene = Scene::new();
    let moved = CommitSha::parse(&scene.sandbox.git(["rev-parse", "moved"])).expect("an id");
    (trap.set)(&scene);
    scene.sprung();
    (trap.naive)(&scene);
    assert!(scene.sprung(), "control: plain git runs {}", trap.name);
    let outcome = use_it(&scene.sandbox.mirrors(), &scene.sandbox.repo, &moved);
    assert_eq!(outcome.err(), trap.refused, "{}", trap.name);
    assert!(!scene.sprung(), "{} ran", trap.name);
}

/// Names what the test below hands to the one below that.
const HANDED: &str = "COUNTERSIGN_TEST_SANDBOX";

#[test]
fn nothing_of_the_surroundings_runs_or_counts() {
    let scene = Scene::new();
    let moved = scene.sandbox.git(["rev-parse", "moved"]);
    scene.script(&scene.path("bin/git"));
    scene.script(&scene.path("exec/git-upload-pack"));
    scene.script(&scene.path("template/hooks/reference-transaction"));
    let (evil, place) = (scene.command(), |name: &str| {
        scene.path(name).display().to_string()
    });
    let config = format!(
        "[core]\n\tfsmonitor = {evil}\n\thooksPath = {}\n[uploadpack]\n\tpackObjectsHook = {evil}\n[init]\n\ttemplateDir = \
         {}\n[diff]\n\tnoprefix = true\n[merge]\n\tdirectoryRenames = true\n[apply]\n\twhitespace = fix\n\
         [fetch]\n\tunpackLimit = x\n",
        place("template/hooks"),
        place("template")
    );
    fs::write(scene.path("home/.gitconfig"), &config).expect("written");
    let hostile = |command: &mut Command| {
        let exec = format!("{}:/usr/bin:/bin", place("bin"));
        for (key, value) in [
            ("HOME", place("home")),
            ("GIT_CONFIG_GLOBAL", place("home/.gitconfig")),
            ("GIT_CONFIG_SYSTEM", place("home/.gitconfig")),
            ("GIT_CONFIG_COUNT", "1".to_owned()),
            ("GIT_CONFIG_KEY_0", "core.fsmonitor".to_owned()),
            ("GIT_CONFIG_VALUE_0", evil.clone()),
            ("GIT_TEMPLATE_DIR", place("template")),
            ("GIT_EXTERNAL_DIFF", evil.clone()),
            ("GIT_SSH_COMMAND", evil.clone()),
            ("GIT_PROXY_COMMAND", evil.clone()),
            ("GIT_ASKPASS", evil.clone()),
            ("PATH", exec),
        ] {
            command.env(key, value);
        }
    };
    let mut naive = Command::new("/usr/bin/git");
    hostile(&mut naive);
    let _outcome = naive
        .current_dir(&scene.sandbox.repo)
        .args(["branch", "x"])
        .output();
    assert!(scene.sprung(), "control: plain git runs it");
    let mut child = Command::new(std::env::current_exe().expect("this program"));
    hostile(&mut child);
    for name in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_COMMON_DIR",
        "GIT_OBJECT_DIRECTORY",
        "GIT_INDEX_FILE",
        "GIT_NAMESPACE",
    ] {
        child.env(name, "/nonexistent");
    }
    child
        .env("GIT_EXEC_PATH", place("exec"))
        .env("GIT_TRACE", place("trace"));
    let done = child
        .env(HANDED, format!("{}\n{moved}", scene.sandbox.dir.path().display()))
        .args([
            "traps::in_hostile_surroundings",
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
    assert!(!scene.sprung(), "something ran");
    assert!(!scene.path("trace").exists(), "git was told to trace");
}

#[test]
#[ignore = "is run by the test above, in hostile surroundings"]
fn in_hostile_surroundings() {
    let handed = std::env::var(HANDED).expect("is run by the test above");
    let (root, moved) = handed.split_once('\n').expect("folder and commit");
    let moved = CommitSha::parse(moved).expect("an id");
    let outcome = use_it(
        &Path::new(root).join("mirrors"),
        &Path::new(root).join("repo"),
        &moved,
    );
    assert_eq!(outcome, Ok(()));
}
