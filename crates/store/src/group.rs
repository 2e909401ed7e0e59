//! Group commit: concurrent write transactions share one commit, and with it one wait for the disk.
//!
//! Whoever gets its turn works inside a savepoint of the transaction that is open, so a clash or a failure takes
//! back its own item and nobody else's. Then it queues up again, behind everyone who is waiting at that moment,
//! and whoever of the group has its second turn first commits for all. No item hears of its own end before that
//! commit returned: nothing (an effect, an event, an answer) is visible before it is on disk (hazard 58). A lonely
//! item commits at once.

use crate::db::{AllTx, Way};
use crate::error;
use countersign_ports::moment::{self, Moment};
use countersign_ports::store::{Clock, StoreError};
use sea_orm::{DatabaseConnection, SqliteTransactionMode, TransactionOptions, TransactionTrait as _};
use std::sync::{Arc, OnceLock};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Most items that share one commit.
const GROUP_MAX: u32 = 64;

const BEGIN_ITEM: &str = "SAVEPOINT item";
const KEEP_ITEM: &str = "RELEASE item";
const TAKE_BACK_ITEM: &str = "ROLLBACK TO item; RELEASE item";

/// The one way to write.
pub(crate) struct Group {
    connection: DatabaseConnection,
    clock: Arc<dyn Clock>,
    /// First come, first served.
    turn: Arc<Mutex<Option<Open>>>,
}

/// A transaction that items are added to.
struct Open {
    tx: AllTx,
    items: u32,
    /// An item began and did not end: its caller went away.
    item_open: bool,
    end: Arc<End>,
}

/// How a group ended: `Some` is what the database said against it.
type End = OnceLock<Option<String>>;

type Turn = OwnedMutexGuard<Option<Open>>;

impl Group {
    pub(crate) fn new(connection: DatabaseConnection, clock: Arc<dyn Clock>) -> Self {
        Self {
            connection,
            clock,
            turn: Arc::default(),
        }
    }

    /// The connection, to close it.
    pub(crate) fn connection(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// Does one item's work. It is on disk when this returns a success; nothing of it remains otherwise.
    pub(crate) async fn item<T>(
        &self,
        work: impl AsyncFnOnce(&AllTx) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (result, member) = {
            let mut turn = Arc::clone(&self.turn).lock_owned().await;
            if turn.as_ref().is_some_and(|open| open.items >= GROUP_MAX) {
                conclude(turn).await;
                turn = Arc::clone(&self.turn).lock_owned().await;
            }
            take_back_unfinished(&mut turn).await;
            if turn.is_none() {
                *turn = Some(self.begin().await?);
            }
            let open = turn.as_mut().expect("it was begun just now");
            let member = Member {
                turn: Arc::clone(&self.turn),
                end: Arc::clone(&open.end),
            };
            let result = match open.begin_item().await {
                Ok(()) => Box::pin(work(&open.tx)).await,
                Err(broken) => return Err(fail(&mut turn, broken).await),
            };
            if let Err(broken) = open.end_item(result.is_ok()).await {
                // What the item said first explains it best.
                return Err(fail(&mut turn, result.err().unwrap_or(broken)).await);
            }
            (result, member)
        };
        member.committed().await?;
        result
    }

    async fn begin(&self) -> Result<Open, StoreError> {
        let immediate = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        let begun = self.connection.begin_with_options(immediate).await;
        let tx = AllTx::new(
            Way::Transaction(begun.map_err(error::database)?),
            Arc::clone(&self.clock),
        );
        Ok(Open {
            tx,
            items: 0,
            item_open: false,
            end: Arc::default(),
        })
    }
}

impl Open {
    async fn begin_item(&mut self) -> Result<(), StoreError> {
        self.items += 1;
        self.item_open = true;
        self.tx.plain(BEGIN_ITEM).await
    }

    /// Keeps what the item wrote, or takes it back.
    async fn end_item(&mut self, keep: bool) -> Result<(), StoreError> {
        self.tx
            .plain(if keep { KEEP_ITEM } else { TAKE_BACK_ITEM })
            .await?;
        self.item_open = false;
        Ok(())
    }
}

/// Takes back what a caller left unfinished when it went away.
async fn take_back_unfinished(turn: &mut Turn) {
    if let Some(open) = turn.as_mut()
        && open.item_open
        && let Err(broken) = open.end_item(false).await
    {
        fail(turn, broken).await;
    }
}

/// SQLite has ended the transaction by itself, as it may on a full disk: nothing of the whole group remains.
async fn fail(turn: &mut Turn, cause: StoreError) -> StoreError {
    if let Some(open) = turn.take() {
        open.end.get_or_init(|| Some(cause.to_string()));
        open.tx.roll_back().await;
    }
    cause
}

/// Commits the open group, if there is one, and tells all of its members how that went. The commit is a task of
/// its own, which holds the turn: a caller that goes away can't leave it half-known.
async fn conclude(mut turn: Turn) -> Option<StoreError> {
    let committing = tokio::spawn(async move {
        take_back_unfinished(&mut turn).await;
        let Open { tx, end, .. } = turn.take()?;
        moment::pass(Moment::BeforeCommit);
        let failure = tx.commit().await.err();
        moment::pass(Moment::AfterCommit);
        end.get_or_init(|| failure.as_ref().map(ToString::to_string));
        failure
    });
    committing.await.unwrap_or_else(|died| {
        Some(StoreError::Unavailable {
            code: "data-error",
            message: "a commit ended in an internal error; run again".to_owned(),
            source: Some(Box::new(died)),
        })
    })
}

/// One item's share in its group: it sees to it that the group is committed, even if its caller goes away.
struct Member {
    turn: Arc<Mutex<Option<Open>>>,
    end: Arc<End>,
}

impl Member {
    async fn committed(self) -> Result<(), StoreError> {
        let failure = self.conclude().await;
        match failure {
            Some(own) => Err(own),
            None => match self.end.get() {
                Some(None) => Ok(()),
                Some(Some(said)) => Err(StoreError::Unavailable {
                    code: "data-commit-failed",
                    message: format!(
                        "nothing was recorded, as a commit that this was part of failed: {said}"
                    ),
                    source: None,
                }),
                None => Err(StoreError::Unavailable {
                    code: "data-commit-failed",
                    message: "nothing is known of the commit that this was part of; run again".to_owned(),
                    source: None,
                }),
            },
        }
    }

    async fn conclude(&self) -> Option<StoreError> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        match turn.as_ref() {
            Some(open) if Arc::ptr_eq(&open.end, &self.end) => conclude(turn).await,
            Some(_) | None => None,
        }
    }
}

impl Drop for Member {
    /// A caller that went away leaves its group to whoever is left of it; the last one may have been it.
    fn drop(&mut self) {
        if self.end.get().is_some() {
            return;
        }
        let left = Member {
            turn: Arc::clone(&self.turn),
            end: Arc::clone(&self.end),
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                left.conclude().await;
            });
        }
    }
}
