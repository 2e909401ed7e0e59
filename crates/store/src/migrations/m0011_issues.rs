//! Version 11 of the tables.

use sea_orm::{ConnectionTrait as _, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// See the SQL beside this file.
pub(super) struct Issues;

impl MigrationName for Issues {
    fn name(&self) -> &str {
        "m0011_issues"
    }
}

#[expect(
    elided_lifetimes_in_paths,
    reason = "async-trait needs the signature exactly as the trait spells it"
)]
#[async_trait::async_trait]
impl MigrationTrait for Issues {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = include_str!("m0011_issues.sql");
        manager.get_connection().execute_unprepared(sql).await.map(|_| ())
    }
}
