//! An opened data folder with everything wired, and what is read of it.

use crate::adapters::{
    BaselineFile, CommitKey, FolderKeys, FolderWitness, Progress, Signer, Silent, SystemClock, UnusableKey,
    own_rules,
};
use crate::config::Settings;
use crate::error::CliError;
use crate::folder::Folder;
use crate::hosting::Hosting;
use crate::keys::Keys;
use crate::render::seen::Seen;
use crate::render::story::Names;
use crate::terminal::Terminal;
use countersign_agent::{Agents, Fence};
use countersign_core::digest::BodyHash;
use countersign_core::id::{InputId, MemberId, TenantId, WorkflowId};
use countersign_core::member::{Member, Role};
use countersign_core::policy::is_hidden_character;
use countersign_core::workflow::Workflow;
use countersign_engine::{Observer, Ports};
use countersign_forge::github::GitHub;
use countersign_git::GitTrees;
use countersign_ledger::Continuity;
use countersign_ports::signing::CommitSigner;
use countersign_ports::store::{Store as _, TenantStore};
use countersign_ports::trees::{RepoPlace, Trees as _};
use countersign_store::{EpochStanding, SqliteStore};
use ed25519_dalek::SigningKey;
use rand_core::{OsRng, RngCore as _};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// What every command has: where to print, and which data folder was named.
#[derive(Clone)]
pub(crate) struct App {
    /// The printer.
    pub(crate) terminal: Arc<Terminal>,
    /// The data folder, perhaps not there yet.
    pub(crate) folder: Folder,
    /// What is set.
    pub(crate) settings: Arc<Settings>,
    current: Arc<Mutex<Option<WorkflowId>>>,
}

impl App {
    /// For one command.
    pub(crate) fn new(terminal: Arc<Terminal>, folder: Folder, settings: Settings) -> Self {
        Self {
            terminal,
            folder,
            settings: Arc::new(settings),
            current: Arc::default(),
        }
    }

    /// For commands that work on a data folder: a server that was named is a mistake.
    ///
    /// # Errors
    /// When one was.
    pub(crate) fn refuse_server(&self) -> Result<(), CliError> {
        match self.settings.client()?.server {
            None => Ok(()),
            Some(address) => {
                let text = format!("this command works on a data folder, and {address} is named");
                Err(CliError::usage("not-over-server", text)
                    .next("Run it on the server's machine, without --server and COUNTERSIGN_SERVER."))
            }
        }
    }

    /// Remembers which workflow is at work, for whoever presses Ctrl-C.
    pub(crate) fn set_current(&self, id: &WorkflowId) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(id.clone());
    }

    /// The workflow at work.
    pub(crate) fn current(&self) -> Option<WorkflowId> {
        self.current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// An opened data folder.
pub(crate) struct Session {
    /// Printer and folder.
    pub(crate) app: App,
    /// All ports; the observer says nothing.
    pub(crate) ports: Ports,
    /// The one tenant's data.
    pub(crate) store: Arc<dyn TenantStore>,
    /// Git, with what the port doesn't have.
    pub(crate) git: Arc<GitTrees>,
    /// What can be looked up at GitHub, off the async threads.
    pub(crate) github: Arc<GitHub>,
    database: Arc<SqliteStore>,
    keys: Keys,
}

impl Session {
    /// Opens the data folder, which is made if it is not there.
    ///
    /// # Errors
    /// When the folder, its keys or its database can't be used.
    pub(crate) async fn open(app: &App) -> Result<Self, CliError> {
        let session = Self::wire(app).await?;
        let (tenant, place) = (TenantId::local(), app.folder.place()?);
        // The first reason that closes it is the one that is said.
        let witness = Arc::new(FolderWitness(session.keys.clone()));
        let found = session.database.watch(&tenant, witness).await?;
        let standing = session.database.settle(&tenant, &place).await?;
        if standing == EpochStanding::New && found == Continuity::GoesOn {
            session.database.begin_first_epoch(&tenant, &place).await?;
        }
        Ok(session)
    }

    /// Refuses a key that can't sign, before something begins that would need it in the end. Everything else goes on without.
    ///
    /// # Errors
    /// As for [`CommitKey::of`].
    pub(crate) fn refuse_unusable_commit_key(&self) -> Result<(), CliError> {
        CommitKey::of(&self.app.settings.commits()?).map(drop)
    }

    /// Opens a data folder that was restored, copied or moved, with everything wired and nothing closed to writes. Only
    /// for whoever reconciles it, under the owner lock.
    ///
    /// # Errors
    /// As for [`Session::open`].
    pub(crate) async fn open_to_resume(app: &App) -> Result<Self, CliError> {
        Self::wire(app).await
    }

    async fn wire(app: &App) -> Result<Self, CliError> {
        let folder = &app.folder;
        folder.create()?;
        let keys = Keys::new(folder.keys());
        refuse_lost_key(folder, &keys)?;
        keys.ledger()?;
        let member_keys = Arc::new(FolderKeys(keys.clone()));
        let clock = Arc::new(SystemClock);
        let database = SqliteStore::open(&folder.database(), clock, member_keys.clone()).await?;
        let store = database.tenant(&TenantId::local());
        if keys.is_handing_over() {
            for rotation in store.rotations().await? {
                keys.hand_over(&rotation)?;
            }
        }
        let signer = Arc::new(Signer(keys.ledger()?));
        let commit_signer = match CommitKey::of(&app.settings.commits()?) {
            Ok(key) => key.map(|key| Arc::new(key) as Arc<dyn CommitSigner>),
            Err(error) => Some(Arc::new(UnusableKey(error)) as Arc<dyn CommitSigner>),
        };
        let Hosting { github, git, forge } = Hosting::of(&app.settings.hosting()?, folder.mirrors())?;
        let ports = Ports {
            store: database.clone(),
            trees: git.clone(),
            forge,
            agents: Arc::new(agents(folder, key_files(app)?)),
            signer,
            commit_signer,
            member_keys,
            baseline: Arc::new(BaselineFile(folder.baseline())),
            own_rules: Arc::new(own_rules::Runner),
            salt: keys.salt()?,
            observer: Arc::new(Silent),
        };
        Ok(Self {
            app: app.clone(),
            ports,
            store,
            git,
            github,
            database,
            keys,
        })
    }

    /// Brings everything into the database's file.
    pub(crate) async fn close(&self) {
        self.database.close().await;
    }

    /// The operating system's user as a member, with the key that is held for them; both are made on first use.
    ///
    /// # Errors
    /// When the key or the store can't be used.
    pub(crate) async fn member(&self) -> Result<(MemberId, SigningKey), CliError> {
        let uid = rustix::process::getuid().as_raw();
        let id = MemberId::parse(&format!("mb_os-{uid}"))
            .map_err(|e| CliError::internal("member-id", e.to_string()))?;
        let key = self.keys.member(&id)?;
        let name = user_name(uid);
        let (person, role, active) = (name.clone(), Role::Owner, true);
        self.store
            .ensure_member(&Member {
                id: id.clone(),
                person,
                name,
                role,
                active,
            })
            .await?;
        Ok((id, key))
    }

    /// The database, with what the ports don't have.
    pub(crate) fn database(&self) -> &SqliteStore {
        &self.database
    }

    /// The keys folder.
    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// A new id for a workflow.
    ///
    /// # Errors
    /// When there is no time or no randomness.
    pub(crate) async fn new_workflow_id(&self) -> Result<WorkflowId, CliError> {
        Ok(WorkflowId::from_parts(self.ports.store.now().await?.0, random()?))
    }

    /// A new id for an input.
    ///
    /// # Errors
    /// When there is no time or no randomness.
    pub(crate) async fn new_input_id(&self) -> Result<InputId, CliError> {
        Ok(InputId::from_parts(self.ports.store.now().await?.0, random()?))
    }

    /// The same ports with somebody who prints what is recorded, where people read.
    pub(crate) async fn observed(&self, names: Names) -> Ports {
        let observer: Arc<dyn Observer> = if self.app.terminal.is_json() {
            Arc::new(Silent)
        } else {
            Arc::new(Progress::new(self.app.terminal.clone(), names))
        };
        Ports {
            observer,
            ..self.ports.clone()
        }
    }

    /// A workflow as its events make it; `None`: there is none yet.
    ///
    /// # Errors
    /// When the store can't be read.
    pub(crate) async fn load(&self, id: &WorkflowId) -> Result<Option<Workflow>, CliError> {
        let records = self.store.events(id).await?;
        let events = records.iter().map(|r| &r.event);
        let replayed = || Workflow::replay(TenantId::local(), id.clone(), events);
        Ok((!records.is_empty()).then(replayed))
    }

    /// Everything that is shown of a workflow.
    ///
    /// # Errors
    /// When there is none, or the store can't be read.
    pub(crate) async fn look(&self, id: &WorkflowId) -> Result<Seen, CliError> {
        let records = self.store.events(id).await?;
        if records.is_empty() {
            let text = format!("there is no workflow {id} here, unless it is still in the inbox");
            return Err(CliError::refused("not-found", text).next(format!(
                "`countersign list` shows what there is; countersign resume {id} has an inbox judged."
            )));
        }
        let workflow = Workflow::replay(TenantId::local(), id.clone(), records.iter().map(|r| &r.event));
        let mut diffs: BTreeMap<BodyHash, Vec<u8>> = BTreeMap::new();
        for draft in &workflow.drafts {
            diffs.insert(draft.canonical, self.store.body(&draft.canonical).await?);
        }
        let (roster, rows) = (self.store.roster().await?, self.store.repositories().await?);
        let mut seen = Seen {
            at: self.ports.store.now().await?,
            workflow,
            records,
            roster,
            rows,
            diffs,
            uncommitted: Vec::new(),
            issue_changed: self.store.issue_changed(id).await?,
        };
        seen.uncommitted = self.uncommitted(&seen).await;
        Ok(seen)
    }

    /// Uncommitted work in the workflow's repositories: only for a friendly sentence, so a failure says nothing.
    async fn uncommitted(&self, seen: &Seen) -> Vec<(String, u32)> {
        let mut found = Vec::new();
        for patch_set in &seen.workflow.patch_sets {
            let Some(row) = seen.rows.iter().find(|r| r.id == patch_set.repository) else {
                continue;
            };
            let RepoPlace::Folder(git_dir) = &row.place else {
                continue;
            };
            let (git, path) = (self.git.clone(), work_tree_of(git_dir));
            let probed = tokio::task::spawn_blocking(move || git.probe(&path)).await;
            if let Ok(Ok(probe)) = probed
                && probe.uncommitted_files > 0
            {
                found.push((row.name.clone(), probe.uncommitted_files));
            }
        }
        found
    }
}

/// Where a git folder's files are, as far as its name tells.
fn work_tree_of(git_dir: &std::path::Path) -> std::path::PathBuf {
    match (git_dir.file_name(), git_dir.parent()) {
        (Some(name), Some(parent)) if name == ".git" => parent.to_path_buf(),
        (Some(_) | None, _) => git_dir.to_path_buf(),
    }
}

/// 32 random hex digits.
///
/// # Errors
/// When the system gives no randomness.
pub(crate) fn random_hex() -> Result<String, CliError> {
    Ok(format!("{:032x}", random()?))
}

fn random() -> Result<u128, CliError> {
    let mut bytes = [0; 16];
    OsRng
        .try_fill_bytes(&mut bytes)
        .map_err(|e| CliError::internal("no-randomness", format!("the system gives no randomness: {e}")))?;
    Ok(u128::from_le_bytes(bytes))
}

/// A new key in the place of a lost one would be another log: everybody who trusted the old one would be left alone.
fn refuse_lost_key(folder: &Folder, keys: &Keys) -> Result<(), CliError> {
    if keys.existing_ledger()?.is_some() || !folder.database().exists() {
        return Ok(());
    }
    let text = format!(
        "the key that signs this ledger is gone from {}",
        folder.keys().display()
    );
    Err(CliError::internal("ledger-key-missing", text).next(
        "Put the keys folder back from where it is kept, or name it with --keys; or begin a new data folder.",
    ))
}

/// Longest name of a person, in characters.
const NAME_MAX_CHARS: usize = 64;

/// How the user is called: by the system's list of users, else by the environment, else by the number.
fn user_name(uid: u32) -> String {
    let variable = |name: &str| std::env::var(name).ok();
    let plain = |text: String| -> Option<String> {
        let kept: String = text
            .chars()
            .filter(|c| !is_hidden_character(*c))
            .take(NAME_MAX_CHARS)
            .collect();
        let kept = kept.trim().to_owned();
        (!kept.is_empty()).then_some(kept)
    };
    [listed_name(uid), variable("USER"), variable("LOGNAME")]
        .into_iter()
        .flatten()
        .find_map(plain)
        .unwrap_or_else(|| format!("uid {uid}"))
}

/// The name in `/etc/passwd` (passwd(5)), where the user is listed there.
fn listed_name(uid: u32) -> Option<String> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let listed = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid.to_string()).then(|| name.to_owned())
    };
    users.lines().find_map(listed)
}

/// Files with keys that are set, wherever they lie.
fn key_files(app: &App) -> Result<Vec<PathBuf>, CliError> {
    let hosting = app.settings.hosting()?;
    let files = [
        app.settings.commits()?.signing_key_file,
        hosting.app_private_key_file,
    ];
    let whole = |file: PathBuf| std::path::absolute(&file).unwrap_or(file);
    Ok(files.into_iter().flatten().map(whole).collect())
}

/// Agents that can confine commands: by this very program, away from data and keys.
fn agents(folder: &Folder, keys: Vec<PathBuf>) -> Agents {
    let mut off_limits = vec![folder.root().to_owned(), folder.keys().to_owned()];
    off_limits.extend(keys);
    let agents = Agents::new(folder.scratch());
    match std::env::current_exe() {
        Ok(helper) => agents.fenced(Fence::new(helper, off_limits)),
        Err(error) => {
            tracing::warn!(%error, "this program can't be found again, so no command can be confined");
            agents
        }
    }
}
