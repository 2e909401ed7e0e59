//! Objects out of packs, with the bases remembered that others are stored as differences from.
//!
//! A file's versions mostly hang on one chain of differences. Gix unpacks that chain for each of them from its beginning;
//! here each link is unpacked once for as long as it is remembered. Whatever is unusual (a loose object, a large one, a
//! base in another pack, a broken pack) is not answered: then gix reads it, and says what is wrong with it.

use crate::recent::Recent;
use gix::ObjectId;
use gix::objs::Kind;
use gix::odb::pack::data::Entry;
use gix::odb::pack::data::entry::Header;
use gix::odb::pack::{data, index};
use gix::zlib::Inflate;
use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

/// Most packs that are opened.
const PACKS_MAX: usize = 64;
/// Longest chain of differences that is followed; git makes none above 4,095.
const CHAIN_MAX: usize = 4_095;
/// Largest content, base or difference that is unpacked here, in bytes.
const CONTENT_MAX_BYTES: u64 = 8 * 1024 * 1024;
/// Memory for what was unpacked lately.
const REMEMBERED_BYTES: usize = 64 * 1024 * 1024;

/// A kind of object and its bytes, which nobody has hashed.
pub(crate) type Unpacked = (Kind, Arc<Vec<u8>>);

/// The packs of one opened repository, as they were when it was first asked.
pub(crate) struct Packs {
    packs: Vec<Pack>,
    inflate: RefCell<Inflate>,
    /// By pack and offset.
    unpacked: RefCell<Recent<(usize, u64), Unpacked>>,
}

struct Pack {
    index: index::File,
    data: data::File,
}

impl Packs {
    /// Opens what can be opened: the rest is gix's business.
    pub(crate) fn of(repo: &gix::Repository) -> Self {
        let store = repo.objects.store_ref();
        let mut folders = vec![store.path().to_owned()];
        folders.extend(store.alternate_db_paths().unwrap_or_default());
        let packs = folders.into_iter().flat_map(index_files).take(PACKS_MAX);
        Self {
            packs: packs.filter_map(Pack::open).collect(),
            inflate: RefCell::default(),
            unpacked: RefCell::new(Recent::new(REMEMBERED_BYTES)),
        }
    }

    /// Whether some pack has it.
    pub(crate) fn has(&self, id: ObjectId) -> bool {
        self.packs.iter().any(|p| p.index.lookup(id).is_some())
    }

    /// Reads an object; `None`: that is not for here.
    pub(crate) fn read(&self, id: ObjectId) -> Option<Unpacked> {
        let mut packs = self.packs.iter().enumerate();
        let (number, pack, at) =
            packs.find_map(|(number, pack)| Some((number, pack, pack.index.lookup(id)?)))?;
        self.unpack(number, pack, pack.index.pack_offset_at_index(at))
    }

    /// Follows the chain to something that is known or whole, and makes all that hangs on it.
    fn unpack(&self, number: usize, pack: &Pack, offset: u64) -> Option<Unpacked> {
        let mut unpacked = self.unpacked.borrow_mut();
        let mut chain: Vec<(u64, Entry)> = Vec::new();
        let mut at = offset;
        let mut found = loop {
            if let Some(known) = unpacked.get((number, at)) {
                break known;
            }
            let entry = pack.data.entry(at).ok()?;
            match entry.header {
                Header::OfsDelta { base_distance } => {
                    let base = entry.checked_base_pack_offset(base_distance)?;
                    chain.push((at, entry));
                    at = base;
                }
                Header::RefDelta { base_id } => {
                    let base = pack.index.lookup(base_id)?;
                    chain.push((at, entry));
                    at = pack.index.pack_offset_at_index(base);
                }
                Header::Commit | Header::Tree | Header::Blob | Header::Tag => {
                    let whole = (entry.header.as_kind()?, Arc::new(self.inflated(pack, &entry)?));
                    unpacked.put((number, at), whole.clone(), whole.1.len());
                    break whole;
                }
            }
            if chain.len() > CHAIN_MAX {
                return None;
            }
        };
        while let Some((at, entry)) = chain.pop() {
            let made = changed(&found.1, &self.inflated(pack, &entry)?)?;
            found = (found.0, Arc::new(made));
            unpacked.put((number, at), found.clone(), found.1.len());
        }
        Some(found)
    }

    /// The bytes of one entry of a pack: a whole object, or a difference.
    fn inflated(&self, pack: &Pack, entry: &Entry) -> Option<Vec<u8>> {
        let size = Some(entry.decompressed_size).filter(|size| *size <= CONTENT_MAX_BYTES)?;
        let mut bytes = vec![0; usize::try_from(size).ok()?];
        let mut inflate = self.inflate.borrow_mut();
        pack.data.decompress_entry(entry, &mut inflate, &mut bytes).ok()?;
        Some(bytes)
    }
}

impl Pack {
    fn open(index: PathBuf) -> Option<Self> {
        let hash = gix::hash::Kind::Sha1;
        let data = data::File::at(index.with_extension("pack"), hash).ok()?;
        let index = index::File::at(index, hash).ok()?;
        Some(Self { index, data })
    }
}

/// The packs' indices in an object folder, in the order of their names.
fn index_files(objects: PathBuf) -> Vec<PathBuf> {
    let entries = fs::read_dir(objects.join("pack")).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path());
    let mut files: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|e| e == "idx"))
        .collect();
    files.sort();
    files
}

/// A content out of its base by a difference (gitformat-pack, "Deltified representation"); `None`: it is broken.
fn changed(base: &[u8], difference: &[u8]) -> Option<Vec<u8>> {
    let mut rest = difference;
    let (base_size, size) = (size(&mut rest)?, size(&mut rest)?);
    if base_size != base.len() as u64 || size > CONTENT_MAX_BYTES {
        return None;
    }
    let size = usize::try_from(size).ok()?;
    let mut out = Vec::with_capacity(size);
    while let Some((command, behind)) = rest.split_first() {
        rest = behind;
        let piece = match command {
            0 => return None,
            1..=0x7f => rest.split_off(..usize::from(*command))?,
            0x80.. => copied(base, *command, &mut rest)?,
        };
        if piece.len() > size - out.len() {
            return None;
        }
        out.extend_from_slice(piece);
    }
    (out.len() == size).then_some(out)
}

/// The piece of the base that a command copies: its low bits say which bytes of offset and size follow.
fn copied<'b>(base: &'b [u8], command: u8, rest: &mut &[u8]) -> Option<&'b [u8]> {
    let mut number = |bits: std::ops::Range<u32>| -> Option<usize> {
        let mut value = 0;
        for (shift, bit) in bits.enumerate() {
            if command >> bit & 1 == 1 {
                value |= usize::from(*rest.split_off_first()?) << (8 * shift);
            }
        }
        Some(value)
    };
    let (offset, size) = (number(0..4)?, number(4..7)?);
    let size = if size == 0 { 0x1_0000 } else { size };
    base.get(offset..offset.checked_add(size)?)
}

/// A size: seven bits per byte, the low ones first.
fn size(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = rest.split_off_first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::{Sandbox, file, numbered};

    /// A repository of one pack, whose file has 60 versions that hang on each other.
    fn packed() -> (Sandbox, gix::Repository) {
        let sandbox = Sandbox::empty();
        for version in 0..60 {
            let text = format!(
                "{}changed {version}\n{}",
                numbered(1, 300),
                numbered(300, 300 + version)
            );
            sandbox.commit(
                "main",
                &[file("d/a", &text), file("b", "same\n")].into_iter().collect(),
            );
        }
        sandbox.git(["repack", "-a", "-d", "-f", "--depth=40", "--window=60", "--quiet"]);
        sandbox.git(["prune-packed"]);
        let repo = gix::open_opts(sandbox.git_dir(), gix::open::Options::isolated()).expect("opened");
        (sandbox, repo)
    }

    fn all(repo: &gix::Repository) -> Vec<ObjectId> {
        let packs = Packs::of(repo);
        let ids = packs.packs.iter().flat_map(|p| p.index.iter().map(|e| e.oid));
        ids.collect()
    }

    #[test]
    fn every_packed_object_is_what_gix_reads() {
        let (_sandbox, repo) = packed();
        let ids = all(&repo);
        assert!(ids.len() > 200, "{}", ids.len());
        let (onward, backward) = (Packs::of(&repo), Packs::of(&repo));
        for packs_and_ids in [
            (&onward, ids.clone()),
            (&backward, ids.iter().rev().copied().collect()),
        ] {
            let (packs, ids) = packs_and_ids;
            for id in ids {
                let (kind, bytes) = packs.read(id).expect("it is packed");
                let object = repo.find_object(id).expect("it is there");
                assert_eq!((kind, bytes.as_slice()), (object.kind, object.data.as_slice()));
                assert!(packs.has(id));
            }
        }
    }

    #[test]
    fn what_is_not_packed_is_for_gix() {
        let (_sandbox, repo) = packed();
        let packs = Packs::of(&repo);
        let loose = repo.write_blob("loose\n").expect("written").detach();
        assert!(!packs.has(loose) && packs.read(loose).is_none());
        let empty = Sandbox::empty();
        let repo = gix::open_opts(empty.git_dir(), gix::open::Options::isolated()).expect("opened");
        assert!(Packs::of(&repo).packs.is_empty());
    }

    #[test]
    fn a_broken_difference_gives_nothing() {
        let fine = [4, 5, 0b1001_0001, 1, 2, 3, b'x', b'y', b'z'];
        assert_eq!(changed(b"abcd", &fine).as_deref(), Some(&b"bcxyz"[..]));
        let broken: [(&str, &[u8]); 8] = [
            ("another base", &[5, 5, 0b1001_0001, 1, 2, 3, b'x', b'y', b'z']),
            ("too long", &[4, 4, 0b1001_0001, 1, 2, 3, b'x', b'y', b'z']),
            ("too short", &[4, 6, 0b1001_0001, 1, 2, 3, b'x', b'y', b'z']),
            ("beyond the base", &[4, 5, 0b1001_0001, 3, 2, 3, b'x', b'y', b'z']),
            ("a cut insertion", &[4, 5, 0b1001_0001, 1, 2, 3, b'x']),
            ("a cut copy", &[4, 5, 0b1001_0001, 1]),
            ("a reserved command", &[4, 0, 0]),
            ("no size", &[0x84]),
        ];
        for (what, difference) in broken {
            assert_eq!(changed(b"abcd", difference), None, "{what}");
        }
        let endless = [
            4,
            0xff,
            0xff,
            0xff,
            0xff,
            0xff,
            0xff,
            0xff,
            0xff,
            0x7f,
            0b1001_0000,
            4,
        ];
        assert_eq!(
            changed(b"abcd", &endless),
            None,
            "it is larger than what is unpacked here"
        );
    }
}
