//! `restore --resume`: the next epoch of a data folder that was restored, copied or moved.
//!
//! Three commits can't be taken apart by a crash: the epoch is recorded, each workflow is reconciled, the folder is at
//! work again. In between it is closed to everybody else, and the same command goes on.

use crate::cli::RestoreArgs;
use crate::error::{CliError, Exit};
use crate::session::{App, Session};
use crate::wire::ResumedWire;
use countersign_core::epoch::{Epoch, GivenUp};
use countersign_core::id::TenantId;
use countersign_core::workflow::Workflow;
use countersign_engine::reconciling::{Reconciled, reconcile};
use countersign_ledger::{Continuity, inspect, parse_and_verify};
use countersign_store::{EpochStanding, OwnerLock};

use crate::render::restored;

/// `restore --resume`.
pub(super) async fn resume(app: &App, args: &RestoreArgs) -> Result<Exit, CliError> {
    if !app.folder.database().exists() {
        let text = format!("there is no data in {}", app.folder.root().display());
        return Err(CliError::refused("data-missing", text)
            .next("Put a backup back first: countersign restore --from BACKUP"));
    }
    let Some(_lock) = OwnerLock::try_acquire(app.folder.root())? else {
        let text = "another process works on this data folder";
        return Err(CliError::refused("data-folder-busy", text).next("Wait for it to end, then run again."));
    };
    let session = Session::open_to_resume(app).await?;
    let done = take_up(&session, args).await;
    session.close().await;
    let done = done?;
    if app.terminal.is_json() {
        app.terminal.print_json(&ResumedWire::of(&done));
    } else {
        app.terminal.print(&restored::page(&done));
    }
    Ok(Exit::Ok)
}

/// What was done.
pub(crate) struct Resumed {
    /// The epoch that the folder is in.
    pub(crate) epoch: Option<Epoch>,
    /// It was at work already: nothing was done.
    pub(crate) at_work: bool,
    /// Every workflow that was reconciled now.
    pub(crate) workflows: Vec<Reconciled>,
    /// Bases that can't be fetched again, one sentence each.
    pub(crate) unfetched: Vec<String>,
}

async fn take_up(session: &Session, args: &RestoreArgs) -> Result<Resumed, CliError> {
    let tenant = TenantId::local();
    let (database, place) = (session.database(), session.app.folder.place()?);
    let epoch = match database.standing(&tenant, &place).await? {
        EpochStanding::Reconciling(epoch) => epoch,
        EpochStanding::AtWork(epoch) => match given_up(session, args).await? {
            None => {
                return Ok(Resumed {
                    epoch: Some(epoch),
                    at_work: true,
                    workflows: Vec::new(),
                    unfetched: Vec::new(),
                });
            }
            given_up => begin(session, Some(&epoch), &place, given_up).await?,
        },
        EpochStanding::New => {
            let given_up = given_up(session, args).await?;
            begin(session, None, &place, given_up).await?
        }
        EpochStanding::Elsewhere(before) => {
            let given_up = given_up(session, args).await?;
            begin(session, before.as_ref(), &place, given_up).await?
        }
    };
    // From here on what was seen before is history: the epoch says so in the ledger.
    let head = session.store.seal_head(session.ports.signer.as_ref()).await?;
    session.keys().see_anew(&head.note)?;
    let mut done = Resumed {
        epoch: None,
        at_work: false,
        workflows: Vec::new(),
        unfetched: Vec::new(),
    };
    for row in database.unfinished(&tenant).await? {
        if let Some(found) = reconcile(&session.ports, &tenant, &row.id, epoch.epoch).await? {
            done.unfetched.extend(fetch_bases(session, &found.after).await?);
            done.workflows.push(found);
        }
    }
    let head = session.store.seal_head(session.ports.signer.as_ref()).await?;
    session.keys().see(head.size, &head.note)?;
    database.end_reconciling(&tenant).await?;
    done.epoch = Some(epoch);
    Ok(done)
}

/// What a person has to give up knowingly, and did: entries that were signed and are not here.
async fn given_up(session: &Session, args: &RestoreArgs) -> Result<Option<GivenUp>, CliError> {
    check_key(session).await?;
    let Some(note) = session.keys().seen()? else {
        return nothing_lost(args);
    };
    match session.store.continuity(&note).await? {
        Continuity::GoesOn => nothing_lost(args),
        Continuity::Forked { seen } => {
            let text = format!(
                "this ledger does not begin with the {seen} entries of a signed checkpoint that was seen: it is another \
                 one or was rewritten"
            );
            Err(CliError::refused("ledger-forked", text).next("Keep this folder for examination."))
        }
        Continuity::Behind { seen, have } => {
            let lost = seen - have;
            if args.accept_loss_of == Some(lost) {
                let root = inspect(&note)
                    .map_err(|e| CliError::refused(e.code(), e.to_string()))?
                    .root()
                    .to_string();
                let size = seen;
                return Ok(Some(GivenUp { size, root, lost }));
            }
            let text = format!(
                "this ledger has {have} entries, and a signed checkpoint of {seen} was seen: going on from here gives {lost} \
                 entries up for good"
            );
            Err(CliError::refused("loss-not-accepted", text).next(format!(
                "Put the newest copy back. Where there is none: countersign restore --resume --accept-loss-of {lost}"
            )))
        }
    }
}

fn nothing_lost(args: &RestoreArgs) -> Result<Option<GivenUp>, CliError> {
    match args.accept_loss_of {
        None | Some(0) => Ok(None),
        Some(n) => {
            let text = format!("nothing that was seen is missing here, and {n} entries were to be given up");
            Err(CliError::refused("nothing-lost", text).next("Leave --accept-loss-of out."))
        }
    }
}

/// A log goes on only under the key that signed it.
async fn check_key(session: &Session) -> Result<(), CliError> {
    let keys = session.ports.signer.verifiers(&TenantId::local());
    let Some(newest) = session.store.checkpoints(1).await?.pop() else {
        return Ok(());
    };
    parse_and_verify(&newest.note, &keys)
        .map(|_| ())
        .map_err(|error| {
            let text = format!("the ledger key in the keys folder did not sign this ledger: {error}");
            CliError::refused("ledger-key-other", text)
                .next("Put the keys folder back that belongs to it, or name it with --keys.")
        })
}

async fn begin(
    session: &Session,
    before: Option<&Epoch>,
    place: &str,
    given_up: Option<GivenUp>,
) -> Result<Epoch, CliError> {
    let (by, _) = session.member().await?;
    let (entries, _) = session.store.ledger_size().await?;
    let epoch = Epoch::resumed(before, entries, place, given_up, by);
    session.database().begin_epoch(&TenantId::local(), &epoch).await?;
    Ok(epoch)
}

/// Mirrors are not in a backup: what an unfinished workflow rests on is fetched again, where it is still there.
async fn fetch_bases(session: &Session, workflow: &Workflow) -> Result<Vec<String>, CliError> {
    let rows = session.store.repositories().await?;
    let mut unfetched = Vec::new();
    for pinned in workflow
        .repositories
        .iter()
        .filter(|_| !workflow.state.is_final())
    {
        let Some(row) = rows.iter().find(|row| row.id == pinned.repository) else {
            continue;
        };
        for commit in [pinned.base.clone(), pinned.default_commit.clone()] {
            let source = row.source();
            let (git, wanted) = (session.git.clone(), commit.clone());
            let fetched = tokio::task::spawn_blocking(move || git.pin_commit(&source, &wanted)).await;
            let why = match fetched {
                Ok(Ok(_)) => continue,
                Ok(Err(error)) => error.to_string(),
                Err(died) => died.to_string(),
            };
            unfetched.push(format!(
                "{}: commit {} can't be fetched again: {why}",
                row.name,
                commit.short()
            ));
        }
    }
    unfetched.dedup();
    Ok(unfetched)
}
