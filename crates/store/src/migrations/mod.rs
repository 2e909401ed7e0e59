//! The tables, version by version. Expand first, contract later; each version is replayed in a test over
//! sample data of the versions before it (`tests/fixtures`). A migration is never edited once it was
//! released.

mod m0001_first;
mod m0002_access;
mod m0003_notices;
mod m0004_sign_in;
mod m0005_reviewing;
mod m0006_submissions;
mod m0007_remotes;
mod m0008_hooks;
mod m0009_comments_once;
mod m0010_labels;
mod m0011_issues;

use crate::error;
use countersign_ports::store::StoreError;
use sea_orm::DatabaseTransaction;
use sea_orm_migration::{MigrationTrait, MigratorTrait};

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_first::First),
            Box::new(m0002_access::Access),
            Box::new(m0003_notices::Notices),
            Box::new(m0004_sign_in::SignIn),
            Box::new(m0005_reviewing::Reviewing),
            Box::new(m0006_submissions::Submissions),
            Box::new(m0007_remotes::Remotes),
            Box::new(m0008_hooks::Hooks),
            Box::new(m0009_comments_once::CommentsOnce),
            Box::new(m0010_labels::Labels),
            Box::new(m0011_issues::Issues),
        ]
    }
}

/// The names of all versions, oldest first.
pub(crate) fn names() -> Vec<String> {
    let all = Migrator::migrations();
    all.iter().map(|m| m.name().to_owned()).collect()
}

/// Brings the tables up to date, inside the caller's transaction: two processes that start together don't
/// collide, and a migration that fails leaves nothing behind.
pub(crate) async fn up(tx: &DatabaseTransaction) -> Result<(), StoreError> {
    refuse_newer(tx).await?;
    Migrator::up(tx, None).await.map_err(error::database)
}

/// A folder written by a later program is left alone.
async fn refuse_newer(tx: &DatabaseTransaction) -> Result<(), StoreError> {
    Migrator::install(tx).await.map_err(error::database)?;
    let applied = Migrator::get_migration_models(tx)
        .await
        .map_err(error::database)?;
    let known = names();
    match applied.into_iter().find(|m| !known.contains(&m.version)) {
        None => Ok(()),
        Some(newer) => Err(StoreError::Unavailable {
            code: "data-newer",
            message: format!(
                "this data folder was written by a newer countersign (tables {}); use that version or newer",
                newer.version
            ),
            source: None,
        }),
    }
}
