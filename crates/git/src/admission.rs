//! What a registered repository's folder must be like before anything of it is opened.
//!
//! Only the repository's own `config` file is read. Links, named pipes and alternates are refused: through
//! them a folder could show, or get us to write, something that isn't its own.

use crate::error::{corrupt, from_io, unsupported};
use countersign_ports::trees::TreesError;
use gix::bstr::ByteSlice;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Longest `config` or `HEAD` file that is read, in bytes.
const SMALL_FILE_MAX_BYTES: u64 = 1024 * 1024;
/// Files of a git folder that must be plain ones, where they exist.
const PLAIN_FILES: [&str; 8] = [
    "HEAD",
    "config",
    "config.worktree",
    "commondir",
    "index",
    "packed-refs",
    "shallow",
    ALTERNATES,
];
/// Folders of a git folder that must be plain ones, where they exist.
const PLAIN_FOLDERS: [&str; 5] = ["objects", "objects/info", "objects/pack", "refs", "refs/heads"];
/// Where a repository names other object folders.
const ALTERNATES: &str = "objects/info/alternates";

/// Looks at a git folder and the one that it shares with other work trees.
pub(crate) fn check(git_dir: &Path, common_dir: &Path) -> Result<(), TreesError> {
    check_owner(common_dir)?;
    for folder in [git_dir, common_dir] {
        for name in PLAIN_FILES {
            require_plain(&folder.join(name), Plain::File)?;
        }
        for name in PLAIN_FOLDERS {
            require_plain(&folder.join(name), Plain::Folder)?;
        }
    }
    check_alternates(common_dir)?;
    check_format(common_dir)
}

#[derive(Clone, Copy)]
enum Plain {
    File,
    Folder,
    Either,
}

fn require_plain(path: &Path, wanted: Plain) -> Result<(), TreesError> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found.file_type(),
        Err(e) if is_absent(&e) => return Ok(()),
        Err(e) => return Err(from_io(&format!("Looking at {}", path.display()), &e)),
    };
    let fine = match wanted {
        Plain::File => found.is_file(),
        Plain::Folder => found.is_dir(),
        Plain::Either => found.is_file() || found.is_dir(),
    };
    if fine {
        return Ok(());
    }
    Err(unsupported(
        "not-plain",
        format!(
            "{} is a link or something else than git makes there. Use a plain clone (`git clone`).",
            path.display()
        ),
    ))
}

/// Every folder on the way to a ref's file, and the file itself.
pub(crate) fn require_plain_ref(common_dir: &Path, full: &str) -> Result<(), TreesError> {
    let ends = full.match_indices('/').map(|(at, _)| at).chain([full.len()]);
    for end in ends {
        require_plain(&common_dir.join(&full[..end]), Plain::Either)?;
    }
    Ok(())
}

/// A named pipe in an object's place would be waited for without end.
pub(crate) fn require_plain_object(objects: &Path, hex: &str) -> Result<(), TreesError> {
    let (folder, file) = hex.split_at(2);
    require_plain(&objects.join(folder), Plain::Folder)?;
    require_plain(&objects.join(folder).join(file), Plain::File)
}

/// Objects that lie elsewhere may vanish, or may be somebody else's secrets.
fn check_alternates(common_dir: &Path) -> Result<(), TreesError> {
    let listed = read_small(&common_dir.join(ALTERNATES))?.unwrap_or_default();
    let names_one = listed
        .split(|b| *b == b'\n')
        .map(<[u8]>::trim_ascii)
        .any(|line| !line.is_empty() && !line.starts_with(b"#"));
    if !names_one {
        return Ok(());
    }
    Err(unsupported(
        "alternates",
        format!(
            "{} borrows objects from another repository. Run `git repack -a -d` there and delete \
             {ALTERNATES}, or use a plain clone.",
            common_dir.display()
        ),
    ))
}

/// Git refuses to serve a folder that belongs to somebody else; we say so before it does.
fn check_owner(git_dir: &Path) -> Result<(), TreesError> {
    let metadata =
        fs::metadata(git_dir).map_err(|e| from_io(&format!("Looking at {}", git_dir.display()), &e))?;
    if metadata.uid() == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(unsupported(
        "foreign-owner",
        format!(
            "{} belongs to another user (uid {}). Run countersign as that user, or \
             change the folder's owner.",
            git_dir.display(),
            metadata.uid()
        ),
    ))
}

/// Reads the repository's own `config` (no includes, as git does for the format); refuses what we can't
/// handle.
fn check_format(git_dir: &Path) -> Result<(), TreesError> {
    let bytes = read_small(&git_dir.join("config"))?.unwrap_or_default();
    let metadata = gix::config::file::Metadata::from(gix::config::Source::Local);
    let config =
        gix::config::File::from_bytes_no_includes(&bytes, metadata, Default::default()).map_err(|e| {
            corrupt(
                "bad-config",
                format!("{}/config can't be read: {e:?}. Repair it.", git_dir.display()),
            )
        })?;
    if let Some(extensions) = config.sections_by_name("extensions") {
        for section in extensions {
            for key in section.value_names() {
                let value = section.value(&key).map(|v| v.to_str_lossy().to_ascii_lowercase());
                check_extension(&key.to_ascii_lowercase(), value.as_deref().unwrap_or(""))?;
            }
        }
    }
    let is_promisor = config
        .sections_by_name("remote")
        .into_iter()
        .flatten()
        .any(|section| {
            let promises = section.value("promisor").is_some_and(|v| v != "false");
            promises || section.value("partialclonefilter").is_some()
        });
    if is_promisor { Err(partial_clone()) } else { Ok(()) }
}

fn check_extension(key: &str, value: &str) -> Result<(), TreesError> {
    match (key, value) {
        ("noop" | "noop-v1" | "worktreeconfig" | "preciousobjects" | "relativeworktrees", _)
        | ("objectformat", "sha1")
        | ("refstorage", "files") => Ok(()),
        ("objectformat" | "compatobjectformat", _) => Err(unsupported(
            "object-format",
            format!(
                "The repository uses the object format `{value}`; only sha1 is supported. Use a sha1 clone."
            ),
        )),
        ("refstorage", _) => Err(unsupported(
            "ref-storage",
            format!(
                "The repository keeps its refs as `{value}`. Run `git refs migrate --ref-format=files` there."
            ),
        )),
        ("partialclone", _) => Err(partial_clone()),
        (_, _) => Err(unsupported(
            "unknown-extension",
            format!(
                "The repository uses the git extension `{key}`, which is not supported. Use a plain clone."
            ),
        )),
    }
}

fn partial_clone() -> TreesError {
    unsupported(
        "partial-clone",
        "The repository is a partial clone: it lacks objects and would fetch them from elsewhere. Make a full \
         clone (`git clone` without --filter) and register that.",
    )
}

/// A small file's bytes; `None`: there is no such file.
pub(crate) fn read_small(path: &Path) -> Result<Option<Vec<u8>>, TreesError> {
    let doing = format!("Reading {}", path.display());
    require_plain(path, Plain::File)?;
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if is_absent(&e) => return Ok(None),
        Err(e) => return Err(from_io(&doing, &e)),
    };
    let mut bytes = Vec::new();
    let read = file.take(SMALL_FILE_MAX_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|e| from_io(&doing, &e))?;
    if bytes.len() as u64 > SMALL_FILE_MAX_BYTES {
        return Err(corrupt(
            "file-too-large",
            format!("{doing}: it is larger than {SMALL_FILE_MAX_BYTES} bytes."),
        ));
    }
    Ok(Some(bytes))
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
