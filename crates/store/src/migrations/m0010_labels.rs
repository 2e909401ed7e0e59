//! Version 10 of the tables.

use sea_orm::{ConnectionTrait as _, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// See the SQL beside this file.
pub(super) struct Labels;

impl MigrationName for Labels {
    fn name(&self) -> &str {
        "m0010_labels"
    }
}

#[expect(
    elided_lifetimes_in_paths,
    reason = "async-trait needs the signature exactly as the trait spells it"
)]
#[async_trait::async_trait]
impl MigrationTrait for Labels {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = include_str!("m0010_labels.sql");
        manager.get_connection().execute_unprepared(sql).await.map(|_| ())
    }
}
