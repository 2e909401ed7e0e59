//! A repository whose objects are written byte by byte, which git itself would refuse to write.

use crate::support::{Sandbox, branch, feed, file};
use countersign_core::id::CommitSha;
use countersign_git::GitTrees;
use countersign_ports::trees::{Trees, TreesError};
use gix::ObjectId;
use gix::objs::{Kind, Write as _};
use gix::odb::loose;
use std::fs;

/// Mode, name and object of a tree's entry.
pub(crate) type Entry<'e> = (&'e str, &'e [u8], ObjectId);

/// A repository whose objects are written as given.
pub(crate) struct Raw {
    pub(crate) sandbox: Sandbox,
    pub(crate) store: loose::Store,
}

impl Raw {
    pub(crate) fn new() -> Self {
        let sandbox = Sandbox::with(&[file("a", "one\n")].into_iter().collect());
        let store = loose::Store::at(sandbox.git_dir().join("objects"), gix::hash::Kind::Sha1);
        Self { sandbox, store }
    }

    pub(crate) fn write(&self, kind: Kind, bytes: &[u8]) -> ObjectId {
        self.store.write_buf(kind, bytes).expect("written")
    }

    /// A tree with these entries in this order.
    pub(crate) fn tree(&self, entries: &[Entry<'_>]) -> ObjectId {
        let mut bytes = Vec::new();
        for (mode, name, id) in entries {
            bytes.extend_from_slice(mode.as_bytes());
            bytes.push(b' ');
            bytes.extend_from_slice(name);
            bytes.push(0);
            bytes.extend_from_slice(id.as_slice());
        }
        self.write(Kind::Tree, &bytes)
    }

    /// A tree inside `levels` folders called `name`.
    pub(crate) fn nested(&self, name: &[u8], levels: usize) -> ObjectId {
        let blob = self.write(Kind::Blob, b"x\n");
        let bottom = self.tree(&[("100644", b"f", blob)]);
        (0..levels).fold(bottom, |below, _| self.tree(&[("40000", name, below)]))
    }

    /// `levels` of trees of which each holds the next one `width` times.
    pub(crate) fn bomb(&self, bottom: ObjectId, levels: usize, width: u8) -> ObjectId {
        (0..levels).fold(bottom, |below, _| {
            let names: Vec<[u8; 1]> = (0..width).map(|i| [b'a' + i]).collect();
            let entries: Vec<_> = names.iter().map(|n| ("40000", n.as_slice(), below)).collect();
            self.tree(&entries)
        })
    }

    pub(crate) fn commit_text(tree: ObjectId, message: &str) -> String {
        let who = "Test <test@example.com> 1700000000 +0000";
        format!("tree {tree}\nauthor {who}\ncommitter {who}\n\n{message}\n")
    }

    /// Makes `main` a commit of this tree.
    pub(crate) fn main_is(&self, tree: ObjectId) -> ObjectId {
        let commit = self.write(Kind::Commit, Self::commit_text(tree, "odd").as_bytes());
        self.point_main(commit);
        commit
    }

    pub(crate) fn point_main(&self, commit: ObjectId) {
        fs::write(
            self.sandbox.git_dir().join("refs/heads/main"),
            format!("{commit}\n"),
        )
        .expect("written");
    }

    pub(crate) fn trees(&self) -> GitTrees {
        GitTrees::new(self.sandbox.mirrors())
    }

    pub(crate) fn pin(&self) -> Result<CommitSha, TreesError> {
        let pinned = self.trees().pin(&self.sandbox.source(), &branch("main"))?;
        Ok(pinned.commit)
    }

    pub(crate) fn pin_code(&self) -> &'static str {
        self.pin().expect_err("refused").code()
    }

    /// Whether a plain fetch into a new repository takes it.
    pub(crate) fn plain_fetch_works(&self) -> bool {
        let root = self.sandbox.dir.path();
        self.sandbox.git_in(root, ["init", "--quiet", "--bare", "plain"]);
        let mut command = self.sandbox.command(&root.join("plain"));
        command
            .args(["fetch", "--quiet", "--depth=1", "file:///"])
            .args(["main"]);
        let url = format!("file://{}", self.sandbox.git_dir().display());
        let mut command = self.sandbox.command(&root.join("plain"));
        command.args(["fetch", "--quiet", "--depth=1", &url, "main"]);
        let done = feed(command, b"").is_ok();
        fs::remove_dir_all(root.join("plain")).expect("removed");
        done
    }
}
