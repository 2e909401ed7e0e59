//! Objects that are endless or far larger than they look. Each ends with a clear code, in bounded time and
//! memory; each control shows that the trap is what it says.

use crate::raw::Raw;
use crate::support::branch;
use countersign_core::id::TreeSha;
use countersign_core::path::RepoPath;
use countersign_ports::trees::Trees;
use gix::ObjectId;
use gix::objs::Kind;
use std::fs;

#[test]
fn folders_within_folders_end_somewhere() {
    let raw = Raw::new();
    raw.main_is(raw.nested(b"d", 600));
    assert!(raw.plain_fetch_works(), "control: git takes 600 levels");
    assert_eq!(raw.pin_code(), "tree-too-large");
    raw.main_is(raw.nested(b"d", 5_000));
    assert_eq!(raw.pin_code(), "tree-too-large");
    raw.main_is(raw.nested(b"d", 500));
    raw.pin().expect("500 levels are fine");
}

#[test]
fn paths_end_somewhere() {
    let raw = Raw::new();
    let name = "n".repeat(200);
    raw.main_is(raw.nested(name.as_bytes(), 21));
    assert!(raw.plain_fetch_works(), "control");
    assert_eq!(raw.pin_code(), "tree-too-large");
    raw.main_is(raw.nested(name.as_bytes(), 20));
    raw.pin().expect("4,021 bytes are fine");
}

#[test]
fn a_hundred_thousand_files_are_read_whole() {
    let raw = Raw::new();
    let blob = raw.write(Kind::Blob, b"x\n");
    let names: Vec<String> = (0..100_000).map(|i| format!("f{i:06}")).collect();
    let entries: Vec<_> = names.iter().map(|n| ("100644", n.as_bytes(), blob)).collect();
    raw.main_is(raw.tree(&entries));
    let base = raw.pin().expect("pinned");
    let found = raw.trees().snapshot(&raw.sandbox.source(), &base).expect("files");
    assert_eq!(found.len(), 100_000);
}

#[test]
fn a_few_trees_that_stand_for_billions_are_not_walked() {
    let raw = Raw::new();
    let blob = raw.write(Kind::Blob, b"x\n");
    let empty = raw.tree(&[]);
    for bottom in [raw.tree(&[("100644", b"f", blob)]), empty] {
        raw.main_is(raw.bomb(bottom, 12, 10));
        let objects = raw.sandbox.git(["rev-list", "--objects", "main"]);
        assert!(objects.lines().count() < 20, "control: it is tiny: {objects}");
        assert_eq!(raw.pin_code(), "tree-too-large");
        let probed = raw.trees().probe(&raw.sandbox.repo);
        assert_eq!(probed.expect_err("HEAD is that tree").code(), "tree-too-large");
    }
}

#[test]
fn a_blob_that_inflates_beyond_the_limit_is_not_read() {
    let raw = Raw::new();
    let blob = raw.write(Kind::Blob, &vec![0; 65 << 20]);
    let on_disk = fs::metadata(raw.store.object_path(&blob)).expect("there").len();
    assert!(
        on_disk < 1 << 20,
        "control: it is small on disk ({on_disk} bytes)"
    );
    raw.main_is(raw.tree(&[("100644", b"f", blob)]));
    let base = raw.pin().expect("pinned");
    let (trees, source) = (raw.trees(), raw.sandbox.source());
    assert_eq!(trees.snapshot(&source, &base).expect("files").len(), 1);
    let read = trees.file(&source, &base, &RepoPath::from("f"));
    assert_eq!(read.expect_err("too large").code(), "object-too-large");
}

/// A zlib stream that says its content as it is.
fn zlib_stored(content: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let mut chunks = content.chunks(65_535).peekable();
    while let Some(chunk) = chunks.next() {
        let length = u16::try_from(chunk.len()).expect("a chunk");
        out.push(u8::from(chunks.peek().is_none()));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(chunk);
    }
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in content {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    out.extend_from_slice(&(b << 16 | a).to_be_bytes());
    out
}

#[test]
fn an_object_that_lies_about_its_size_is_not_believed() {
    let text = Raw::commit_text(ObjectId::empty_tree(gix::hash::Kind::Sha1), "x");
    let read = |said: u64, extra: usize| {
        let raw = Raw::new();
        let honest = raw.write(Kind::Commit, text.as_bytes());
        raw.point_main(honest);
        let at = raw.store.object_path(&honest);
        fs::remove_file(&at).expect("removed");
        let stored = [
            format!("commit {said}\0").as_bytes(),
            text.as_bytes(),
            &vec![0; extra],
        ]
        .concat();
        fs::write(&at, zlib_stored(&stored)).expect("written");
        raw.trees().read_branch(&raw.sandbox.source(), &branch("main"))
    };
    for (said, extra) in [(10, 0), (10, 8 << 20), (1 << 40, 0), (1 << 20, 0)] {
        let code = read(said, extra).expect_err("a lie").code();
        assert!(
            matches!(code, "damaged" | "object-too-large" | "wrong-content"),
            "{code}"
        );
    }
    // What follows the stated bytes is never read; they have the id.
    for extra in [0, 8 << 20] {
        let found = read(text.len() as u64, extra).expect("control: stored that way it is fine");
        let tree = TreeSha::parse("4b825dc642cb6eb9a060e54bf8d69288fbee4904").expect("an id");
        assert_eq!(found.map(|b| b.tree), Some(tree));
    }
}

/// A pack with a chain: 1 MiB, then 5 GB as a difference from it, then ten bytes as a difference from those.
struct Chain {
    pack: Vec<u8>,
    offsets: [u32; 3],
}

/// Size of the chain's first and middle content.
const BASE_BYTES: u32 = 1 << 20;
const MIDDLE_BYTES: u64 = 5_000 * BASE_BYTES as u64;

impl Chain {
    /// `kind` is git's number of the object kind: 1 commit, 3 blob.
    fn new(kind: u8) -> Self {
        let mut pack = b"PACK\0\0\0\x02\0\0\0\x03".to_vec();
        let mut offsets = [0; 3];
        let copy_all = [vec![0b1100_0000, 0x10]].concat();
        let middle = [
            varint(u64::from(BASE_BYTES)),
            varint(MIDDLE_BYTES),
            copy_all.repeat(5_000),
        ]
        .concat();
        let last = [varint(MIDDLE_BYTES), varint(10), vec![0b1001_0000, 10]].concat();
        for (i, (number, content)) in [(kind, vec![b' '; BASE_BYTES as usize]), (6, middle), (6, last)]
            .iter()
            .enumerate()
        {
            let at = u32::try_from(pack.len()).expect("small");
            offsets[i] = at;
            pack.extend_from_slice(&entry_header(*number, content.len()));
            if *number == 6 {
                pack.extend_from_slice(&back(at - offsets[i - 1]));
            }
            pack.extend_from_slice(&zlib_stored(content));
        }
        let sum = sha1(&pack);
        pack.extend_from_slice(&sum);
        Self { pack, offsets }
    }

    /// Puts it into a repository under made-up ids, as index version 2.
    fn install(&self, raw: &Raw, ids: [ObjectId; 3]) {
        let mut rows: Vec<(ObjectId, u32)> = ids.into_iter().zip(self.offsets).collect();
        rows.sort();
        let mut index = b"\xfftOc\0\0\0\x02".to_vec();
        for first in 0..=255_u8 {
            let up_to = rows.iter().filter(|(id, _)| id.as_slice()[0] <= first).count();
            index.extend_from_slice(&u32::try_from(up_to).expect("three").to_be_bytes());
        }
        rows.iter()
            .for_each(|(id, _)| index.extend_from_slice(id.as_slice()));
        index.extend_from_slice(&[0; 12]);
        rows.iter()
            .for_each(|(_, at)| index.extend_from_slice(&at.to_be_bytes()));
        index.extend_from_slice(&self.pack[self.pack.len() - 20..]);
        let sum = sha1(&index);
        index.extend_from_slice(&sum);
        let folder = raw.sandbox.git_dir().join("objects/pack");
        let name = "pack-0123456789012345678901234567890123456789";
        fs::write(folder.join(format!("{name}.pack")), &self.pack).expect("written");
        fs::write(folder.join(format!("{name}.idx")), index).expect("written");
    }
}

fn sha1(bytes: &[u8]) -> Vec<u8> {
    let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
    hasher.update(bytes);
    hasher.try_finalize().expect("a hash").as_slice().to_vec()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).expect("seven bits");
        value >>= 7;
        out.push(if value == 0 { low } else { low | 0x80 });
        if value == 0 {
            return out;
        }
    }
}

fn entry_header(kind: u8, size: usize) -> Vec<u8> {
    let low = u8::try_from(size & 0xf).expect("four bits") | kind << 4;
    match size >> 4 {
        0 => vec![low],
        rest => [vec![low | 0x80], varint(rest as u64)].concat(),
    }
}

/// How far back the base lies, in git's offset encoding.
fn back(mut distance: u32) -> Vec<u8> {
    let low = |d: u32| u8::try_from(d & 0x7f).expect("seven bits");
    let mut out = vec![low(distance)];
    distance >>= 7;
    while distance > 0 {
        distance -= 1;
        out.insert(0, low(distance) | 0x80);
        distance >>= 7;
    }
    out
}

#[test]
fn a_small_object_behind_a_huge_difference_takes_no_memory() {
    let ids = ["a1", "b2", "c3"].map(|id| ObjectId::from_hex(id.repeat(20).as_bytes()).expect("an id"));
    let said = |raw: &Raw, id: ObjectId| raw.sandbox.git(["cat-file", "-s", &id.to_string()]);
    let raw = Raw::new();
    Chain::new(1).install(&raw, ids);
    assert_eq!(
        said(&raw, ids[0]),
        BASE_BYTES.to_string(),
        "control: git reads the pack"
    );
    assert_eq!(
        said(&raw, ids[1]),
        MIDDLE_BYTES.to_string(),
        "control: the middle is huge"
    );
    assert_eq!(said(&raw, ids[2]), "10", "control: the end is small");
    for id in [ids[1], ids[2]] {
        raw.point_main(id);
        let read = raw.trees().read_branch(&raw.sandbox.source(), &branch("main"));
        let code = read.expect_err("refused").code();
        assert!(matches!(code, "object-too-large" | "damaged"), "{code}");
        assert!(
            raw.trees()
                .heads(&raw.sandbox.source())
                .expect("heads")
                .heads
                .is_empty()
        );
    }
    // As a file of a commit, so that the git program meets it while it fetches.
    let raw = Raw::new();
    Chain::new(3).install(&raw, ids);
    raw.main_is(raw.tree(&[("100644", b"f", ids[2])]));
    let error = raw.pin().expect_err("refused");
    assert!(
        matches!(error.code(), "source-damaged" | "fetch-failed"),
        "{error}"
    );
}
