//! What the base tree has at a path, and what would be left of a folder. Only looks; what may be done about it is the
//! plan's business.

use crate::error::from_gix;
use crate::known::Known;
use crate::objects::file_mode;
use countersign_core::diff::FileMode;
use countersign_core::path::RepoPath;
use countersign_ports::trees::TreesError;
use gix::ObjectId;
use gix::objs::TreeRefIter;

/// A file of the base.
#[derive(Clone, Copy)]
pub(super) struct BaseFile {
    pub(super) mode: FileMode,
    pub(super) id: ObjectId,
}

/// What lies at a path of the base.
pub(super) enum AtBase {
    Nothing,
    /// With its tree.
    Folder(ObjectId),
    File(BaseFile),
    /// Some folder above the path is a file, symlink or submodule.
    BelowFile(RepoPath),
}

/// The tree that a proposal starts from.
pub(super) struct Base<'r> {
    pub(super) known: &'r Known<'r>,
    pub(super) tree: ObjectId,
}

impl Base<'_> {
    pub(super) fn at(&self, path: &RepoPath) -> Result<AtBase, TreesError> {
        let mut tree = self.known.tree(self.tree)?;
        for folder in path.parents().chain([path.as_bytes()]) {
            let is_last = folder.len() == path.as_bytes().len();
            let name = folder.rsplit(|b| *b == b'/').next().unwrap_or(folder);
            let mut entries = entries(&tree).filter_map(Result::ok);
            let Some(entry) = entries.find(|e| e.filename == name) else {
                return Ok(AtBase::Nothing);
            };
            let (mode, id) = (file_mode(entry.mode), entry.oid.to_owned());
            match (mode, is_last) {
                (None, true) => return Ok(AtBase::Folder(id)),
                (None, false) => tree = self.known.tree(id)?,
                (Some(mode), true) => return Ok(AtBase::File(BaseFile { mode, id })),
                (Some(_), false) => return Ok(AtBase::BelowFile(RepoPath::from_bytes(folder))),
            }
        }
        Ok(AtBase::Nothing)
    }

    /// Something of a folder that is none of the `gone` files: a file, or a folder without any. `None`: nothing is
    /// left of it. Looks at no more folders than there are `gone` files and folders above them.
    pub(super) fn left_of(
        &self,
        folder: &RepoPath,
        tree: ObjectId,
        is_gone: impl Fn(&RepoPath) -> bool,
        gone: usize,
    ) -> Result<Option<RepoPath>, TreesError> {
        let mut open = vec![(folder.clone(), tree)];
        while let Some((folder, tree)) = open.pop() {
            let tree = self.known.tree(tree)?;
            let mut entries = entries(&tree).peekable();
            if entries.peek().is_none() {
                return Ok(Some(folder));
            }
            for entry in entries {
                let entry = entry.map_err(|e| from_gix("Reading the base tree", &e))?;
                let path = RepoPath::from_bytes([folder.as_bytes(), b"/", entry.filename].concat());
                let stays = match file_mode(entry.mode) {
                    Some(_) => !is_gone(&path),
                    None => {
                        open.push((path.clone(), entry.oid.to_owned()));
                        // Each of these holds something, and there are not that many gone files.
                        open.len() > gone
                    }
                };
                if stays {
                    return Ok(Some(path));
                }
            }
        }
        Ok(None)
    }
}

fn entries(tree: &[u8]) -> TreeRefIter<'_> {
    TreeRefIter::from_bytes(tree, gix::hash::Kind::Sha1)
}
