//! The contents that one diff is about: each read, inflated and hashed once, however often it is looked at.
//!
//! What is remembered are bytes, never the word that some bytes are all right: whatever doesn't fit into the memory is
//! read and proven again each time.

use crate::error::{cause, corrupt, from_gix};
use crate::objects;
use crate::packs::{Packs, Unpacked};
use crate::recent::Recent;
use countersign_ports::trees::TreesError;
use gix::ObjectId;
use gix::objs::{Kind, TreeRef};
use gix::validate::path::component;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most bytes that are remembered.
const KEPT_MAX_BYTES: usize = 64 * 1024 * 1024;
/// How many objects are remembered to be there.
const SEEN_MAX: usize = 100_000;
/// What names in a tree may not stand for: gix's defaults, which no setting of a mirror changes.
const NAMES: component::Options = component::Options {
    protect_windows: cfg!(windows),
    protect_hfs: cfg!(target_os = "macos"),
    protect_ntfs: true,
};

/// What one opened repository remembers from one diff to the next: only what it has read.
pub(crate) struct Memory {
    packs: OnceCell<Packs>,
    /// Objects that were there.
    seen: RefCell<Recent<ObjectId, ()>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            packs: OnceCell::new(),
            seen: RefCell::new(Recent::new(SEEN_MAX)),
        }
    }
}

/// A content, and whether its bytes were hashed and have its id.
struct Kept {
    bytes: Arc<Vec<u8>>,
    proven: bool,
}

/// Contents of one repository by their ids.
pub(crate) struct Known<'r> {
    pub(crate) repo: &'r gix::Repository,
    memory: &'r Memory,
    kept: RefCell<BTreeMap<ObjectId, Kept>>,
    trees: RefCell<BTreeMap<ObjectId, Arc<Vec<u8>>>>,
    room: Cell<usize>,
}

impl<'r> Known<'r> {
    pub(crate) fn new(repo: &'r gix::Repository, memory: &'r Memory) -> Self {
        Self {
            repo,
            memory,
            kept: RefCell::default(),
            trees: RefCell::default(),
            room: Cell::new(KEPT_MAX_BYTES),
        }
    }

    /// A blob whose bytes have been proven to have this id.
    pub(crate) fn blob(&self, id: ObjectId) -> Result<Arc<Vec<u8>>, TreesError> {
        if let Some(Kept { bytes, proven }) = self.kept.borrow_mut().get_mut(&id) {
            if !*proven {
                objects::require_id(id, Kind::Blob, bytes)?;
                *proven = true;
            }
            return Ok(Arc::clone(bytes));
        }
        let bytes = match self.packed(id, Kind::Blob) {
            Some(bytes) => {
                objects::require_id(id, Kind::Blob, &bytes)?;
                bytes
            }
            None => Arc::new(objects::blob(self.repo, id)?),
        };
        self.remember(id, &bytes, true);
        Ok(bytes)
    }

    /// A blob as it is stored; `None`: it is larger than what is read. For whom its bytes will be proven later.
    pub(crate) fn stored(&self, id: ObjectId) -> Result<Option<Arc<Vec<u8>>>, TreesError> {
        if let Some(kept) = self.kept.borrow().get(&id) {
            return Ok(Some(Arc::clone(&kept.bytes)));
        }
        if id.is_empty_blob() {
            return Ok(Some(Arc::default()));
        }
        let bytes = match self.packed(id, Kind::Blob) {
            Some(bytes) => bytes,
            None if objects::blob_size(self.repo, id)? > objects::OBJECT_MAX_BYTES => return Ok(None),
            None => {
                let found = self.repo.find_object(id);
                Arc::new(found.map_err(|e| from_gix("Reading a file", &e))?.detach().data)
            }
        };
        self.remember(id, &bytes, false);
        Ok(Some(bytes))
    }

    /// A tree's bytes as they are stored.
    pub(crate) fn tree(&self, id: ObjectId) -> Result<Arc<Vec<u8>>, TreesError> {
        if let Some(bytes) = self.trees.borrow().get(&id) {
            return Ok(Arc::clone(bytes));
        }
        let bytes = match self.packed(id, Kind::Tree) {
            Some(bytes) => bytes,
            None => {
                let found = self.repo.find_tree(id);
                Arc::new(
                    found
                        .map_err(|e| from_gix("Reading the base tree", &e))?
                        .detach()
                        .data,
                )
            }
        };
        if let Some(room) = self.room.get().checked_sub(bytes.len()) {
            self.trees.borrow_mut().insert(id, Arc::clone(&bytes));
            self.room.set(room);
        }
        Ok(bytes)
    }

    fn packed(&self, id: ObjectId, wanted: Kind) -> Option<Arc<Vec<u8>>> {
        let (kind, bytes): Unpacked = self.packs().read(id)?;
        (kind == wanted).then_some(bytes)
    }

    fn packs(&self) -> &Packs {
        self.memory.packs.get_or_init(|| Packs::of(self.repo))
    }

    /// The size of a blob in bytes.
    pub(crate) fn size(&self, id: ObjectId) -> Result<u64, TreesError> {
        match self.kept.borrow().get(&id) {
            Some(kept) => Ok(kept.bytes.len() as u64),
            None => objects::blob_size(self.repo, id),
        }
    }

    /// Keeps a new tree in the repository's memory, if its names may be in one and all that it holds is there.
    pub(crate) fn keep_tree(&self, tree: &TreeRef<'_>) -> Result<ObjectId, TreesError> {
        let doing = "Making the result tree";
        let refuse = |why: String| {
            corrupt(
                "damaged",
                format!("{doing}: {why}. Run `git fsck` on the repository and repair it."),
            )
        };
        for entry in &tree.entries {
            let link = entry.mode.is_link().then_some(component::Mode::Symlink);
            if let Err(e) = gix::validate::path::component(entry.filename, link, NAMES) {
                return Err(refuse(cause(&format!(
                    "the name of {} is {:?}: {e}",
                    entry.oid, entry.filename
                ))));
            }
            if !entry.mode.is_commit() && !self.has(entry.oid.to_owned()) {
                return Err(refuse(cause(&format!(
                    "{} ({:?}) is missing",
                    entry.oid, entry.filename
                ))));
            }
        }
        let written = self.repo.write_object(tree);
        Ok(written.map_err(|e| from_gix(doing, &e))?.detach())
    }

    fn has(&self, id: ObjectId) -> bool {
        let mut seen = self.memory.seen.borrow_mut();
        if seen.get(id).is_some() {
            return true;
        }
        let has = self.packs().has(id);
        if has {
            seen.put(id, (), 1);
        }
        // What was made here goes with the diff that made it.
        has || self.repo.has_object(id)
    }

    /// Keeps a new content in the repository's memory and gives its id, which is hashed unless these very bytes are
    /// remembered under the stated id.
    pub(crate) fn keep(&self, content: Vec<u8>, stated: Option<&str>) -> Result<ObjectId, TreesError> {
        let stated = stated.and_then(|hex| ObjectId::from_hex(hex.as_bytes()).ok());
        if let Some(id) = stated
            && let Some(kept) = self.kept.borrow().get(&id)
            && kept.proven
            && *kept.bytes == content
        {
            return Ok(id);
        }
        let written = self.repo.write_blob(&content);
        let id = written.map_err(|e| from_gix("Keeping a blob", &e))?.detach();
        self.remember(id, &Arc::new(content), true);
        Ok(id)
    }

    fn remember(&self, id: ObjectId, bytes: &Arc<Vec<u8>>, proven: bool) {
        if let Some(room) = self.room.get().checked_sub(bytes.len()) {
            let bytes = Arc::clone(bytes);
            if self
                .kept
                .borrow_mut()
                .insert(id, Kept { bytes, proven })
                .is_none()
            {
                self.room.set(room);
            }
        }
    }
}
