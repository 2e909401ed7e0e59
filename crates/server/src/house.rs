//! What the server serves: one tenant's data, the engine's ports, and what is needed to let people in.

use crate::github::GitHub;
use crate::hooks::HookDoor;
use crate::live::Pulse;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::shown::Seen;
use crate::wire::SettingsWire;
use axum::http::StatusCode;
use countersign_core::id::{InputId, MemberId, TenantId, WorkflowId};
use countersign_core::workflow::Workflow;
use countersign_engine::Ports;
use countersign_ports::access::{Access, SecretHash};
use countersign_ports::directory::Directory;
use countersign_ports::notice::Outbox;
use countersign_ports::reviewing::Reviewing;
use countersign_ports::store::{InputStatus, TenantStore};
use ed25519_dalek::SigningKey;
use rand_core::{OsRng, RngCore as _};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;

/// The keys that are held for members; they lie outside of the database.
pub trait HeldKeys: Send + Sync {
    /// A member's key, made on first use.
    ///
    /// # Errors
    /// A plain sentence.
    fn key(&self, member: &MemberId) -> Result<SigningKey, String>;
}

/// Where the server can be reached.
#[derive(Debug, Clone)]
pub struct Origin {
    /// `http` or `https`.
    pub scheme: String,
    /// What browsers use: `cs-1a2b3c4d.localhost:7171`, or the name of a public server.
    pub host: String,
    /// What programs on the same machine may use as well: `127.0.0.1:7171`.
    pub also: Vec<String>,
}

impl Origin {
    /// `http://cs-1a2b3c4d.localhost:7171`.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.host)
    }

    /// Whether cookies are only to be sent over TLS.
    pub fn is_secure(&self) -> bool {
        self.scheme == "https"
    }
}

/// Everything that requests are answered from.
pub struct House {
    /// The engine's ports.
    pub ports: Ports,
    /// The tenant's data.
    pub store: Arc<dyn TenantStore>,
    /// Who may come in.
    pub access: Arc<dyn Access>,
    /// What left as notices.
    pub outbox: Arc<dyn Outbox>,
    /// Sign-in with GitHub, where it is set up.
    pub github: Option<GitHub>,
    /// What else is on GitHub, where there is a token.
    pub directory: Option<Arc<dyn Directory>>,
    /// What GitHub tells by itself, where a secret to check it with is set.
    pub hooks: Option<HookDoor>,
    /// What members keep while reviewing.
    pub reviewing: Arc<dyn Reviewing>,
    /// The keys of members.
    pub keys: Arc<dyn HeldKeys>,
    /// Where it is reached.
    pub origin: Origin,
    /// A proxy that is trusted stands before it and says for whom it asks.
    pub behind_proxy: bool,
    /// Other origins whose pages may call the API with a token of their own, such as `https://front.example.org`.
    pub cors: Vec<String>,
    /// Beats whenever something was recorded.
    pub pulse: Pulse,
    /// The settings that this process was started with; no secrets.
    pub settings: SettingsWire,
    /// What is counted for operators.
    pub metrics: Arc<Metrics>,
    /// Says when the process is to end.
    pub stopping: watch::Receiver<bool>,
}

impl House {
    /// Whose house it is.
    pub fn tenant(&self) -> &TenantId {
        self.store.tenant()
    }

    /// Why there is nothing to see of a workflow: its submission waits, was not taken, or there was none.
    pub(crate) async fn no_workflow(&self, id: &WorkflowId) -> Result<Problem, Problem> {
        Ok(match self.store.submission_status(id).await? {
            Some(InputStatus::Pending | InputStatus::Accepted) => {
                let text = format!("{id} waits in the inbox; nobody has judged it yet");
                Problem::new(StatusCode::NOT_FOUND, "not-judged-yet", text).next("Ask again in a moment.")
            }
            Some(InputStatus::Refused { code, message } | InputStatus::Held { code, message }) => {
                let text = format!("{id} was not begun: {message}");
                Problem::new(StatusCode::NOT_FOUND, &code, text)
            }
            None => Problem::missing("workflow", id.as_str()),
        })
    }

    /// Everything that is shown of a workflow.
    pub(crate) async fn look(&self, id: &WorkflowId) -> Result<Seen, Problem> {
        let records = self.store.events(id).await?;
        if records.is_empty() {
            return Err(self.no_workflow(id).await?);
        }
        let events = records.iter().map(|r| &r.event);
        let workflow = Workflow::replay(self.tenant().clone(), id.clone(), events);
        let mut diffs = BTreeMap::new();
        for draft in &workflow.drafts {
            diffs.insert(draft.canonical, self.store.body(&draft.canonical).await?);
        }
        let (roster, rows) = (self.store.roster().await?, self.store.repositories().await?);
        let uncommitted = Vec::new();
        Ok(Seen {
            at: self.ports.store.now().await?,
            workflow,
            records,
            roster,
            rows,
            diffs,
            uncommitted,
            issue_changed: self.store.issue_changed(id).await?,
        })
    }

    /// The key of a member.
    pub(crate) fn key(&self, member: &MemberId) -> Result<SigningKey, Problem> {
        self.keys.key(member).map_err(|why| {
            tracing::error!(%member, why, "a member's key can't be used");
            Problem::internal("member-key", "the key that is held for this member can't be used")
        })
    }

    /// A new id for a workflow.
    pub(crate) async fn new_workflow_id(&self) -> Result<WorkflowId, Problem> {
        Ok(WorkflowId::from_parts(
            self.ports.store.now().await?.0,
            random_u128()?,
        ))
    }

    /// A new id for an input.
    pub(crate) async fn new_input_id(&self) -> Result<InputId, Problem> {
        Ok(InputId::from_parts(
            self.ports.store.now().await?.0,
            random_u128()?,
        ))
    }
}

fn random_u128() -> Result<u128, Problem> {
    Ok(u128::from_le_bytes(random()?))
}

/// Random bytes of the system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    OsRng.try_fill_bytes(&mut bytes).map_err(|error| {
        tracing::error!(%error, "the system gives no randomness");
        Problem::internal("no-randomness", "the system gives no randomness")
    })?;
    Ok(bytes)
}

/// What is stored of a secret.
pub(crate) fn hash(secret: &str) -> SecretHash {
    SecretHash(Sha256::digest(secret.as_bytes()).into())
}
