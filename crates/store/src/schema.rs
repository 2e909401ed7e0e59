//! Which version of the tables a database has, without changing it.

use crate::migrations;
use crate::open;
use countersign_ports::store::StoreError;
use std::path::Path;

/// The tables of a database beside those that this program brings. Names are those of the migrations, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    applied: Vec<String>,
    brings: Vec<String>,
}

impl Schema {
    /// Looks at a database, while others may work with it.
    ///
    /// # Errors
    /// When it can't be read, or is no database.
    pub async fn of(database: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            applied: open::applied(database).await?,
            brings: migrations::names(),
        })
    }

    /// That of a database that is made now.
    pub fn brought() -> Self {
        Self {
            applied: Vec::new(),
            brings: migrations::names(),
        }
    }

    /// The newest that the database has.
    pub fn has(&self) -> Option<&str> {
        self.applied.last().map(String::as_str)
    }

    /// The newest that this program brings.
    pub fn brings(&self) -> Option<&str> {
        self.brings.last().map(String::as_str)
    }

    /// What opening the database would apply.
    pub fn missing(&self) -> Vec<&str> {
        without(&self.brings, &self.applied)
    }

    /// What a newer program has applied; with any of it the database is left alone.
    pub fn newer(&self) -> Vec<&str> {
        without(&self.applied, &self.brings)
    }
}

fn without<'a>(all: &'a [String], some: &[String]) -> Vec<&'a str> {
    let rest = all.iter().filter(|name| !some.contains(name));
    rest.map(String::as_str).collect()
}
