//! Registered local repositories: numbered when they are registered, keyed by their canonical git folder.

use crate::db::Tx;
use crate::log::{self, KIND_REPOSITORY_REGISTERED};
use crate::row::{Row, int, time};
use crate::{entries, error};
use countersign_core::digest::canonical_json;
use countersign_core::id::RepositoryId;
use countersign_ports::store::{RepositoryRow, StoreError};
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

#[derive(Serialize)]
struct Registered<'a> {
    v: u32,
    repository: RepositoryId,
    name: &'a str,
    /// Percent-encoded, so that paths which are not UTF-8 stay different (hazard 56).
    git_dir: String,
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
    let id = RepositoryId::local(number);
    log::append_tenant_fact(tx, KIND_REPOSITORY_REGISTERED, &fact(&id, &name, git_dir)).await?;
    Ok(RepositoryRow {
        id,
        name,
        git_dir: git_dir.to_owned(),
        registered_at: now,
    })
}

/// All repositories, by number. Where one lies decides where approved content goes, so each row is held against its
/// registration in the ledger.
pub(crate) async fn list(tx: &Tx<'_>) -> Result<Vec<RepositoryRow>, StoreError> {
    let rows = tx.rows(&format!("{COLUMNS} ORDER BY number"), []).await?;
    let rows: Vec<RepositoryRow> = rows.iter().map(read).collect::<Result<_, _>>()?;
    let facts = entries::tenant_facts(tx, KIND_REPOSITORY_REGISTERED).await?;
    match rows
        .iter()
        .find(|row| !facts.contains(&fact(&row.id, &row.name, &row.git_dir)))
    {
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

fn fact(id: &RepositoryId, name: &str, git_dir: &Path) -> Vec<u8> {
    canonical_json(&Registered {
        v: FACT_VERSION,
        repository: id.clone(),
        name,
        git_dir: percent_encoded(git_dir),
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
            "SELECT 1 FROM repositories WHERE tenant = $1 AND name = $2",
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
        git_dir: PathBuf::from(OsString::from_vec(row.bytes("git_dir")?)),
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
