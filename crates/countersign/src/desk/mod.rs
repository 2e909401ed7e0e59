//! Where workflows are looked at and decided on: a data folder of this machine, or a server. The commands ask a desk and
//! don't know which it is.

mod follower;
mod people;

pub(crate) use follower::{Follower, OtherEntry, Recorded};
pub(crate) use people::owner;

use crate::adapters::{Progress, SystemClock};
use crate::config::Client;
use crate::drive;
use crate::error::CliError;
use crate::remote::{Changes, Remote, repository_id};
use crate::render::seen::Seen;
use crate::render::story::Names;
use crate::session::{App, Session};
use countersign_core::act::{Act, Attendance};
use countersign_core::digest::BodyHash;
use countersign_core::feedback::Metadata;
use countersign_core::id::{InputId, Revision, TenantId, WorkflowId};
use countersign_core::member::Role;
use countersign_core::patch_set::Draft;
use countersign_core::record::EventRecord;
use countersign_core::time::Timestamp;
use countersign_core::workflow::{Event, Workflow};
use countersign_engine::Observer as _;
use countersign_ports::store::{Clock as _, RepositoryRow};
use countersign_ports::trees::RepoPlace;
use countersign_server::client::{FreezeWire, InterdiffsWire, NewFreeze};
use countersign_server::wire::{AlarmWire, DiffWire, WorkflowRowWire};
use countersign_server::{clear_alarm, frozen, interdiff, set_frozen};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Most workflows, counted from the newest, among which those with wanted metadata are looked for; as at a server.
const LOOKED_AT_MAX: u32 = 10_000;

/// One of the two.
pub(crate) struct Desk {
    /// Printer and folder.
    pub(crate) app: App,
    /// Which.
    pub(crate) at: Place,
}

/// Where the workflows are.
pub(crate) enum Place {
    /// In a data folder.
    Folder(Box<Session>),
    /// At a server.
    Server(Box<Server>),
}

/// A server whose tenant is known.
pub(crate) struct Server {
    /// Its API.
    pub(crate) remote: Remote,
    tenant: TenantId,
}

impl Desk {
    /// Opens the server that was named, else the data folder.
    ///
    /// # Errors
    /// When it can't be used.
    pub(crate) async fn open(app: &App) -> Result<Self, CliError> {
        let Client { server, token } = app.settings.client()?;
        let at = match server {
            None => Place::Folder(Box::new(Session::open(app).await?)),
            Some(address) => {
                let remote = Remote::new(&address, token.as_ref())?;
                let tenant = remote.tenant().await?;
                Place::Server(Box::new(Server { remote, tenant }))
            }
        };
        Ok(Self { app: app.clone(), at })
    }

    /// Leaves it.
    pub(crate) async fn close(&self) {
        match &self.at {
            Place::Folder(session) => session.close().await,
            Place::Server(_) => {}
        }
    }

    /// All events of a workflow; empty if there is none.
    ///
    /// # Errors
    /// When they can't be read.
    pub(crate) async fn events(&self, id: &WorkflowId) -> Result<Vec<EventRecord>, CliError> {
        match &self.at {
            Place::Folder(session) => Ok(session.store.events(id).await?),
            Place::Server(server) => server.remote.events(&server.tenant, id, 0).await,
        }
    }

    /// Why inputs that can't be judged hold a workflow closed; nothing where none does. A server's doctor says it there.
    ///
    /// # Errors
    /// When the store can't be read.
    pub(crate) async fn held(&self, id: &WorkflowId) -> Result<Vec<String>, CliError> {
        match &self.at {
            Place::Folder(session) => {
                let held = session.store.held_inputs(id).await?;
                Ok(held.into_iter().map(|(_, why)| why).collect())
            }
            Place::Server(_) => Ok(Vec::new()),
        }
    }

    /// Everything that is shown of a workflow.
    ///
    /// # Errors
    /// When there is none, or it can't be read.
    pub(crate) async fn look(&self, id: &WorkflowId) -> Result<Seen, CliError> {
        let server = match &self.at {
            Place::Folder(session) => return session.look(id).await,
            Place::Server(server) => server,
        };
        let records = self.events(id).await?;
        let events = records.iter().map(|r| &r.event);
        let workflow = Workflow::replay(server.tenant.clone(), id.clone(), events);
        let mut diffs = BTreeMap::new();
        if !workflow.drafts.is_empty() {
            let wires = server.remote.diffs(id, None).await?.diffs;
            for draft in &workflow.drafts {
                let name = workflow.repository_name(&draft.repository);
                diffs.insert(draft.canonical, received(draft, &name, &wires)?);
            }
        }
        Ok(Seen {
            at: self.now().await?,
            workflow,
            records,
            roster: server.remote.roster().await?,
            rows: self.repositories().await?,
            diffs,
            uncommitted: Vec::new(),
            issue_changed: server.remote.issue_changed(id).await?,
        })
    }

    /// The canonical diff of a draft of some revision.
    ///
    /// # Errors
    /// When it can't be read.
    pub(crate) async fn canonical(
        &self,
        seen: &Seen,
        revision: Revision,
        draft: &Draft,
    ) -> Result<Vec<u8>, CliError> {
        match &self.at {
            Place::Folder(session) => Ok(session.store.body(&draft.canonical).await?),
            Place::Server(server) => {
                let wires = server.remote.diffs(&seen.workflow.id, Some(revision.0)).await?;
                received(
                    draft,
                    &seen.workflow.repository_name(&draft.repository),
                    &wires.diffs,
                )
            }
        }
    }

    /// What changed between two revisions; the later one is the newest if none is named.
    ///
    /// # Errors
    /// When one of them has no diff, or they can't be compared.
    pub(crate) async fn interdiff(
        &self,
        seen: &Seen,
        (from, to): (u32, Option<u32>),
    ) -> Result<InterdiffsWire, CliError> {
        match &self.at {
            Place::Folder(session) => {
                let asked = (Revision(from), to.map(Revision));
                Ok(interdiff(&session.ports.trees, session.store.as_ref(), seen, asked).await?)
            }
            Place::Server(server) => server.remote.interdiff(&seen.workflow.id, (from, to)).await,
        }
    }

    /// Workflows, newest first; with metadata only those that began with all of it.
    ///
    /// # Errors
    /// When they can't be read.
    pub(crate) async fn workflows(
        &self,
        limit: u32,
        metadata: &Metadata,
    ) -> Result<Vec<WorkflowRowWire>, CliError> {
        let session = match &self.at {
            Place::Folder(session) => session,
            Place::Server(server) => return server.remote.workflows(limit, metadata).await,
        };
        if metadata.is_empty() {
            let rows = session.store.workflows(limit).await?;
            return Ok(rows.iter().map(WorkflowRowWire::of).collect());
        }
        let found = session.store.workflows_with(metadata, LOOKED_AT_MAX).await?;
        let rows = session.store.workflows(LOOKED_AT_MAX).await?;
        let rows = rows.iter().filter(|row| found.contains(&row.id));
        Ok(rows.take(limit as usize).map(WorkflowRowWire::of).collect())
    }

    /// What points to a forgery, oldest first.
    ///
    /// # Errors
    /// When it can't be read.
    pub(crate) async fn alarms(&self) -> Result<Vec<AlarmWire>, CliError> {
        match &self.at {
            Place::Folder(session) => Ok(session.store.alarms().await?.iter().map(AlarmWire::of).collect()),
            Place::Server(server) => server.remote.alarms().await,
        }
    }

    /// Records that whoever asks has seen to an alarm; all alarms.
    ///
    /// # Errors
    /// When there is none of that number, it was cleared already, or this member may not.
    pub(crate) async fn clear_alarm(&self, number: u64, note: String) -> Result<Vec<AlarmWire>, CliError> {
        let session = match &self.at {
            Place::Folder(session) => session,
            Place::Server(server) => return server.remote.clear_alarm(number, note).await,
        };
        let (member, _) = session.member().await?;
        session
            .store
            .roster()
            .await?
            .entitled(&member, Role::Maintainer)?;
        clear_alarm(session.store.as_ref(), &member, number, note).await?;
        self.alarms().await
    }

    /// What is frozen, oldest first.
    ///
    /// # Errors
    /// When it can't be read.
    pub(crate) async fn frozen(&self) -> Result<Vec<FreezeWire>, CliError> {
        match &self.at {
            Place::Folder(session) => Ok(frozen(session.store.as_ref()).await?),
            Place::Server(server) => server.remote.frozen().await,
        }
    }

    /// Freezes, or unfreezes; what is frozen now.
    ///
    /// # Errors
    /// When there is no such repository, it is so already, or this member may not.
    pub(crate) async fn set_frozen(&self, new: NewFreeze, end: bool) -> Result<Vec<FreezeWire>, CliError> {
        let session = match &self.at {
            Place::Folder(session) => session,
            Place::Server(server) => return server.remote.set_frozen(new, end).await,
        };
        let (member, _) = session.member().await?;
        session.store.roster().await?.entitled(&member, Role::Owner)?;
        set_frozen(session.store.as_ref(), &member, new, end).await?;
        self.frozen().await
    }

    /// Registered repositories; a server does not say where they lie, so each stands for itself.
    ///
    /// # Errors
    /// When they can't be read.
    pub(crate) async fn repositories(&self) -> Result<Vec<RepositoryRow>, CliError> {
        let server = match &self.at {
            Place::Folder(session) => return Ok(session.store.repositories().await?),
            Place::Server(server) => server,
        };
        let wires = server.remote.repositories().await?;
        let row = |wire: countersign_server::client::RepositoryWire| {
            Ok(RepositoryRow {
                id: repository_id(&wire.id)?,
                place: RepoPlace::Folder(PathBuf::from(&wire.name)),
                name: wire.name,
                registered_at: Timestamp::from_rfc3339(&wire.registered_at).unwrap_or(Timestamp(0)),
            })
        };
        wires.into_iter().map(row).collect()
    }

    /// Now: by the database's clock, or this machine's.
    ///
    /// # Errors
    /// When the database can't be read.
    pub(crate) async fn now(&self) -> Result<Timestamp, CliError> {
        match &self.at {
            Place::Folder(session) => Ok(session.ports.store.now().await?),
            Place::Server(_) => Ok(SystemClock.now()),
        }
    }

    /// Names of members and repositories, for sentences about a workflow.
    ///
    /// # Errors
    /// When they can't be read.
    pub(crate) async fn names(&self, id: &WorkflowId) -> Result<Names, CliError> {
        let roster = match &self.at {
            Place::Folder(session) => session.store.roster().await?,
            Place::Server(server) => server.remote.roster().await?,
        };
        let mut names = Names::of(&roster);
        for record in self.events(id).await? {
            names.learn(&record.event);
        }
        Ok(names)
    }

    /// Does something to a workflow and goes along until it waits or has ended.
    ///
    /// # Errors
    /// When it is refused, or the store or the server fails.
    pub(crate) async fn send(
        &self,
        id: &WorkflowId,
        act: Act,
        attendance: Attendance,
    ) -> Result<(), CliError> {
        match &self.at {
            Place::Folder(session) => drive::send(session, id, act, attendance).await,
            Place::Server(server) => {
                let before = self.events(id).await?.last().map_or(0, |r| r.seq);
                let acted = server.remote.act(id, act, attendance).await;
                acted.map_err(|error| match error.next_step {
                    Some(_) => error,
                    None => {
                        let next = drive::next_for(&error.code, id);
                        error.next(next)
                    }
                })?;
                self.go_along(server, id, before).await
            }
        }
    }

    /// Drives a workflow until it waits or has ended; a server does so by itself, and it is gone along with.
    ///
    /// # Errors
    /// When the store or the server fails.
    pub(crate) async fn drive(&self, id: &WorkflowId, input: Option<&InputId>) -> Result<(), CliError> {
        match &self.at {
            Place::Folder(session) => drive::drive(session, id, drive::Until::Rest, input).await,
            Place::Server(server) => {
                let before = self.events(id).await?.last().map_or(0, |r| r.seq);
                self.go_along(server, id, before).await
            }
        }
    }

    /// Tells what a server records after the event with that number, until the workflow waits or has ended.
    ///
    /// # Errors
    /// When the server can't be reached any more.
    pub(crate) async fn go_along(&self, server: &Server, id: &WorkflowId, told: u64) -> Result<(), CliError> {
        self.app.set_current(id);
        let mut changes = Changes::listen(&server.remote, Some(id)).await?;
        let mut records = server.remote.events(&server.tenant, id, 0).await?;
        let mut told = told;
        let mut names = Names::of(&server.remote.roster().await?);
        for record in &records {
            names.learn(&record.event);
        }
        let progress =
            (!self.app.terminal.is_json()).then(|| Progress::new(self.app.terminal.clone(), names));
        loop {
            let fresh: Vec<Event> = records
                .iter()
                .filter(|r| r.seq > told)
                .map(|r| r.event.clone())
                .collect();
            if let Some(progress) = &progress {
                progress.recorded(id, &fresh);
            }
            told = records.last().map_or(told, |r| r.seq);
            let events = records.iter().map(|r| &r.event);
            let workflow = Workflow::replay(server.tenant.clone(), id.clone(), events);
            if drive::rests(&workflow)
                || drive::wants_to_write(&workflow)
                    && drive::said_frozen(&self.app, &workflow, &self.frozen().await?)
            {
                return Ok(());
            }
            while changes.next().await?.seq <= told {}
            records.extend(server.remote.events(&server.tenant, id, told).await?);
        }
    }

    /// What is recorded from now on.
    ///
    /// # Errors
    /// When it can't be listened to.
    pub(crate) async fn follow(&self, only: Option<&WorkflowId>) -> Result<Follower<'_>, CliError> {
        Follower::begin(&self.at, only).await
    }
}

/// A draft's diff as a server gave it. Where nothing in it had to be hidden, it is the one that the digest names, or it is
/// not shown at all.
fn received(draft: &Draft, name: &str, wires: &[DiffWire]) -> Result<Vec<u8>, CliError> {
    let odd = |why: &str| {
        let text = format!("the server's diff for {name} {why}");
        CliError::refused("diff-mismatch", text)
            .next("Decide nothing before somebody has looked at that server.")
    };
    let wire = wires.iter().find(|w| w.repository == name);
    let wire = wire.ok_or_else(|| odd("is missing"))?;
    let bytes = wire.diff.as_bytes().to_vec();
    let whole = !wire.lossy && wire.masked_lines == 0;
    match whole && BodyHash::of_bytes(&bytes) != draft.canonical {
        true => Err(odd("is not the one that its digest names")),
        false => Ok(bytes),
    }
}
