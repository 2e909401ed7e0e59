//! A commit out of thin air: a few named files in a mirror of ours, for trying policies. No registered repository is
//! read or written, and what is planted can't be pushed anywhere.

use crate::error::{from_gix, unsupported};
use crate::mirror::{Mirrors, keep};
use crate::objects::commit_sha;
use countersign_core::id::{CommitSha, RepositoryId};
use countersign_core::path::RepoPath;
use countersign_ports::trees::TreesError;
use gix::objs::Commit;
use gix::objs::tree::EntryKind;
use std::collections::BTreeMap;

/// Makes the commit and pins it. Its author and time are fixed, so that the same files give the same commit.
pub(crate) fn plant(
    mirrors: &Mirrors,
    id: &RepositoryId,
    files: &BTreeMap<RepoPath, Vec<u8>>,
) -> Result<CommitSha, TreesError> {
    let doing = "Making a commit to try a policy on";
    let (_lock, repo) = mirrors.writable(id)?;
    let mut editor = repo
        .edit_tree(gix::ObjectId::empty_tree(gix::hash::Kind::Sha1))
        .map_err(|e| from_gix(doing, &e))?;
    for (path, content) in files {
        let blob = repo.write_blob(content).map_err(|e| from_gix(doing, &e))?;
        editor
            .upsert(gix::bstr::BStr::new(path.as_bytes()), EntryKind::Blob, blob)
            .map_err(|_| {
                let text =
                    format!("A repository can't hold a file `{path}`. Give it a path below the top folder.");
                unsupported("bad-path", text)
            })?;
    }
    let tree = editor.write().map_err(|e| from_gix(doing, &e))?.detach();
    let nobody = gix::actor::Signature {
        name: "nobody".into(),
        email: "nobody@localhost".into(),
        time: gix::date::Time::default(),
    };
    let commit = Commit {
        tree,
        parents: Vec::new().into(),
        author: nobody.clone(),
        committer: nobody,
        encoding: None,
        message: "planted".into(),
        extra_headers: Vec::new(),
    };
    let written = repo.write_object(&commit).map_err(|e| from_gix(doing, &e))?;
    let commit = commit_sha(&written.detach())?;
    Ok(keep(&repo, &commit)?.commit)
}
