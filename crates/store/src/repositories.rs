//! Registered repositories: local ones are numbered when they are registered and keyed by their canonical git folder,
//! remote ones are known by their forge's number.

use crate::db::Tx;
use crate::log::{self, KIND_REPOSITORY_REGISTERED};
use crate::row::{Row, int, time};
use crate::{entries, error};
use countersign_core::digest::canonical_json;
use countersign_core::id::RepositoryId;
use countersign_ports::store::{RepositoryRow, StoreError};
use countersign_ports::trees::{Remote, RepoPlace};
use sea_orm::Value;
use serde::Serialize;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// Longest short name, in characters.
const NAME_MAX_CHARS: usize = 60;
/// Version of the body of a `repository.registered` entry.
const FACT_VERSION: u32 = 1;

const COLUMNS: &str = "SELECT number, name, git_dir, registered_at FROM repositories WHERE tenant = $1";
const REMOTE_COLUMNS: &str = "SELECT forge, number, name, clone_url, full_name, registered_at
    FROM remote_repositories WHERE tenant = $1";
/// Longest clone URL and longest `OWNER/NAME`, in bytes.
const URL_MAX_BYTES: usize = 500;

#[derive(Serialize)]
struct Registered<'a> {
    v: u32,
    repository: RepositoryId,
    name: &'a str,
    /// Percent-encoded, so that paths which are not UTF-8 stay different (hazard 56).
    #[serde(skip_serializing_if = "Option::is_none")]
    git_dir: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clone_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    full_name: Option<&'a str>,
}

/// Registers a repository; the same folder again gives the same row.
pub(crate) async fn register(tx: &Tx<'_>, git_dir: &Path) -> Result<RepositoryRow, StoreError> {
    const INSERT: &str = "INSERT INTO repositories (tenant, number, name, git_dir, registered_at)
        VALUES ($1, $2, $3, $4, $5)";
    if !git_dir.is_absolute() {
        return Err(StoreError::Refused {
            code: "path-not-absolute",
            message: "a repository is registered by its absolute git folder".to_owned(),
        });
    }
    if let Some(row) = find(tx, git_dir).await? {
        return Ok(row);
    }
    let number = next_number(tx).await?;
    let name = free_name(tx, &short_name(git_dir)).await?;
    let now = tx.now().await?;
    tx.run(
        INSERT,
        [int(number), name.as_str().into(), path_value(git_dir), time(now)],
    )
    .await?;
    let row = RepositoryRow {
        id: RepositoryId::local(number),
        name,
        place: RepoPlace::Folder(git_dir.to_owned()),
        registered_at: now,
    };
    log::append_tenant_fact(tx, KIND_REPOSITORY_REGISTERED, &fact(&row)).await?;
    Ok(row)
}

/// Registers a repository of a remote forge; the same number again gives the same row.
pub(crate) async fn register_remote(
    tx: &Tx<'_>,
    id: &RepositoryId,
    remote: &Remote,
) -> Result<RepositoryRow, StoreError> {
    const INSERT: &str = "INSERT INTO remote_repositories
        (tenant, forge, number, name, clone_url, full_name, registered_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    check_remote(id, remote)?;
    if let Some(row) = list(tx).await?.into_iter().find(|row| row.id == *id) {
        return Ok(row);
    }
    let name = free_name(tx, &short_name(Path::new(&remote.full_name))).await?;
    let row = RepositoryRow {
        id: id.clone(),
        name,
        place: RepoPlace::Remote(remote.clone()),
        registered_at: tx.now().await?,
    };
    tx.run(
        INSERT,
        [
            id.forge.as_str().into(),
            int(id.number),
            row.name.as_str().into(),
            remote.clone_url.as_str().into(),
            remote.full_name.as_str().into(),
            time(row.registered_at),
        ],
    )
    .await?;
    log::append_tenant_fact(tx, KIND_REPOSITORY_REGISTERED, &fact(&row)).await?;
    Ok(row)
}

/// A URL with somebody's name or token in it would come into the ledger, and from there never out again.
fn check_remote(id: &RepositoryId, remote: &Remote) -> Result<(), StoreError> {
    let refuse = |code, message: String| Err(StoreError::Refused { code, message });
    if !id.forge.is_remote() {
        return refuse(
            "repository-not-remote",
            format!("{id} is a repository in a folder"),
        );
    }
    let host = remote
        .clone_url
        .strip_prefix("https://")
        // A model of the forge on this machine speaks without TLS.
        .or_else(|| remote.clone_url.strip_prefix("http://127.0.0.1:"));
    let plain = |host: &str| !host.is_empty() && !host.contains(['@', '?', '#', ' ']);
    let long = remote.clone_url.len() > URL_MAX_BYTES || remote.full_name.len() > URL_MAX_BYTES;
    if long || !host.is_some_and(plain) {
        let message = format!(
            "a repository is cloned over `https://`, from a URL of at most {URL_MAX_BYTES} bytes that holds no name or token"
        );
        return refuse("clone-url-unusable", message);
    }
    Ok(())
}

/// All repositories, those in folders first, by number. Where one lies decides where approved content goes, so each row is held against its
/// registration in the ledger.
pub(crate) async fn list(tx: &Tx<'_>) -> Result<Vec<RepositoryRow>, StoreError> {
    let rows = tx.rows(&format!("{COLUMNS} ORDER BY number"), []).await?;
    let remote = tx
        .rows(&format!("{REMOTE_COLUMNS} ORDER BY forge, number"), [])
        .await?;
    let all = rows.iter().map(read).chain(remote.iter().map(read_remote));
    let rows: Vec<RepositoryRow> = all.collect::<Result<_, _>>()?;
    let facts = entries::tenant_facts(tx, KIND_REPOSITORY_REGISTERED).await?;
    match rows.iter().find(|row| !facts.contains(&fact(row))) {
        None => Ok(rows),
        Some(changed) => {
            tracing::error!(repository = %changed.id, "ALARM: a repository's row is not what was registered");
            Err(error::damaged(format_args!(
                "the row of repository {} was changed",
                changed.id
            )))
        }
    }
}

fn fact(row: &RepositoryRow) -> Vec<u8> {
    let (git_dir, remote) = match &row.place {
        RepoPlace::Folder(git_dir) => (Some(percent_encoded(git_dir)), None),
        RepoPlace::Remote(remote) => (None, Some(remote)),
    };
    canonical_json(&Registered {
        v: FACT_VERSION,
        repository: row.id.clone(),
        name: &row.name,
        git_dir,
        clone_url: remote.map(|r| r.clone_url.as_str()),
        full_name: remote.map(|r| r.full_name.as_str()),
    })
}

async fn find(tx: &Tx<'_>, git_dir: &Path) -> Result<Option<RepositoryRow>, StoreError> {
    let row = tx
        .row(&format!("{COLUMNS} AND git_dir = $2"), [path_value(git_dir)])
        .await?;
    row.as_ref().map(read).transpose()
}

async fn next_number(tx: &Tx<'_>) -> Result<u64, StoreError> {
    let row = tx
        .row(
            "SELECT coalesce(max(number), 0) + 1 AS next FROM repositories WHERE tenant = $1",
            [],
        )
        .await?;
    row.map_or(Ok(1), |row| row.number("next"))
}

/// The name itself, or with the first number from 2 that makes it unique.
async fn free_name(tx: &Tx<'_>, wanted: &str) -> Result<String, StoreError> {
    let mut name = wanted.to_owned();
    let mut next = 2_u64;
    while tx
        .row(
            "SELECT 1 FROM repositories WHERE tenant = $1 AND name = $2
             UNION ALL SELECT 1 FROM remote_repositories WHERE tenant = $1 AND name = $2",
            [name.as_str().into()],
        )
        .await?
        .is_some()
    {
        name = format!("{wanted}-{next}");
        next += 1;
    }
    Ok(name)
}

fn read(row: &Row) -> Result<RepositoryRow, StoreError> {
    Ok(RepositoryRow {
        id: RepositoryId::local(row.number("number")?),
        name: row.text("name")?,
        place: RepoPlace::Folder(PathBuf::from(OsString::from_vec(row.bytes("git_dir")?))),
        registered_at: row.time("registered_at")?,
    })
}

fn read_remote(row: &Row) -> Result<RepositoryRow, StoreError> {
    let id = format!("{}-{}", row.text("forge")?, row.number("number")?);
    Ok(RepositoryRow {
        id: RepositoryId::try_from(id).map_err(error::damaged)?,
        name: row.text("name")?,
        place: RepoPlace::Remote(Remote {
            clone_url: row.text("clone_url")?,
            full_name: row.text("full_name")?,
        }),
        registered_at: row.time("registered_at")?,
    })
}

fn path_value(path: &Path) -> Value {
    Value::from(path.as_os_str().as_bytes())
}

/// The folder's name without `.git`, in characters that are safe to show and to type.
fn short_name(git_dir: &Path) -> String {
    let own = git_dir.file_name().filter(|name| *name != ".git");
    let folder = own.or_else(|| git_dir.parent().and_then(Path::file_name));
    let text = folder
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '-'
        }
    };
    let name: String = text
        .strip_suffix(".git")
        .unwrap_or(&text)
        .chars()
        .map(plain)
        .take(NAME_MAX_CHARS)
        .collect();
    let name = name.trim_start_matches(['-', '.']);
    if name.is_empty() {
        "repository".to_owned()
    } else {
        name.to_owned()
    }
}

/// One spelling for every path: all but the plainest bytes as `%XX`.
fn percent_encoded(path: &Path) -> String {
    let encode = |byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' => char::from(*byte).to_string(),
        other => format!("%{other:02X}"),
    };
    path.as_os_str().as_bytes().iter().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_is_the_folder_without_git() {
        let named = |path: &str| short_name(Path::new(path));
        assert_eq!(named("/srv/shop.git"), "shop");
        assert_eq!(named("/home/me/shop/.git"), "shop");
        assert_eq!(named("/srv/a b\u{1b}[2J"), "a-b--2J");
        assert_eq!(named("/srv/--yes.git"), "yes");
        assert_eq!(named("/"), "repository");
    }

    #[test]
    fn different_paths_stay_different_in_the_ledger() {
        let path = |bytes: &[u8]| percent_encoded(Path::new(&OsString::from_vec(bytes.to_vec())));
        assert_eq!(path(b"/srv/a%41"), "/srv/a%2541");
        assert_ne!(path(b"/\xff"), path(b"/\xfe"));
    }
}
