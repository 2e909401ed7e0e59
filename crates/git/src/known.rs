//! The contents that one diff is about: each read, inflated and hashed once, however often it is looked at.
//!
//! What is remembered are bytes, never the word that some bytes are all right: whatever doesn't fit into the memory is
//! read and proven again each time.

use crate::error::from_gix;
use crate::objects;
use countersign_ports::trees::TreesError;
use gix::ObjectId;
use gix::objs::Kind;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Most bytes that are remembered.
const KEPT_MAX_BYTES: usize = 64 * 1024 * 1024;

/// A content, and whether its bytes were hashed and have its id.
struct Kept {
    bytes: Rc<Vec<u8>>,
    proven: bool,
}

/// Contents of one repository by their ids.
pub(crate) struct Known<'r> {
    pub(crate) repo: &'r gix::Repository,
    kept: RefCell<BTreeMap<ObjectId, Kept>>,
    room: Cell<usize>,
}

impl<'r> Known<'r> {
    pub(crate) fn new(repo: &'r gix::Repository) -> Self {
        Self {
            repo,
            kept: RefCell::default(),
            room: Cell::new(KEPT_MAX_BYTES),
        }
    }

    /// A blob whose bytes have been proven to have this id.
    pub(crate) fn blob(&self, id: ObjectId) -> Result<Rc<Vec<u8>>, TreesError> {
        if let Some(Kept { bytes, proven }) = self.kept.borrow_mut().get_mut(&id) {
            if !*proven {
                objects::require_id(id, Kind::Blob, bytes)?;
                *proven = true;
            }
            return Ok(Rc::clone(bytes));
        }
        let bytes = Rc::new(objects::blob(self.repo, id)?);
        self.remember(id, &bytes, true);
        Ok(bytes)
    }

    /// A blob as it is stored; `None`: it is larger than what is read. For whom its bytes will be proven later.
    pub(crate) fn stored(&self, id: ObjectId) -> Result<Option<Rc<Vec<u8>>>, TreesError> {
        if let Some(kept) = self.kept.borrow().get(&id) {
            return Ok(Some(Rc::clone(&kept.bytes)));
        }
        if id.is_empty_blob() {
            return Ok(Some(Rc::default()));
        }
        if objects::blob_size(self.repo, id)? > objects::OBJECT_MAX_BYTES {
            return Ok(None);
        }
        let found = self.repo.find_object(id);
        let bytes = Rc::new(found.map_err(|e| from_gix("Reading a file", &e))?.detach().data);
        self.remember(id, &bytes, false);
        Ok(Some(bytes))
    }

    /// The size of a blob in bytes.
    pub(crate) fn size(&self, id: ObjectId) -> Result<u64, TreesError> {
        match self.kept.borrow().get(&id) {
            Some(kept) => Ok(kept.bytes.len() as u64),
            None => objects::blob_size(self.repo, id),
        }
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
        self.remember(id, &Rc::new(content), true);
        Ok(id)
    }

    fn remember(&self, id: ObjectId, bytes: &Rc<Vec<u8>>, proven: bool) {
        if let Some(room) = self.room.get().checked_sub(bytes.len()) {
            let bytes = Rc::clone(bytes);
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
