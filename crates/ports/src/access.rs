//! Port to who may come in: sign-in codes, sessions, API keys and what a repeated call stands for.
//!
//! Nothing here holds a secret: codes, session tokens and keys are known by their SHA-256 only. What somebody may do is
//! not decided here, and a key is never a person (it decides nothing).

use crate::store::StoreError;
use async_trait::async_trait;
use countersign_core::id::MemberId;
use countersign_core::time::Timestamp;
use std::collections::BTreeSet;

/// SHA-256 of something secret that has 128 bits of randomness or more.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretHash(pub [u8; 32]);

/// A person's session. Its token is changed now and then; the session stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// What lists call it; it lets nobody in.
    pub id: String,
    /// Whose.
    pub member: MemberId,
    /// Where it is used, in a few words: `browser`, `browser, by GitHub`, `terminal`.
    pub through: String,
    /// When it began.
    pub began_at: Timestamp,
    /// When the person last showed who they are.
    pub authenticated_at: Timestamp,
    /// When it was last used; written at most once a minute.
    pub seen_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

impl Session {
    /// Whether it goes on: it has not run out and was used within [`SESSION_IDLE_MS`].
    pub fn goes_on(&self, now: Timestamp) -> bool {
        self.expires_at > now && self.seen_at.plus_ms(SESSION_IDLE_MS) > now
    }
}

/// How a session's token stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenState {
    /// It was given out and has not come back yet; the one before it is in force as well.
    New,
    /// It is the one.
    Current,
    /// Another one took its place less than [`TOKEN_OVERLAP_MS`] ago: what was under way still counts.
    Replaced,
}

/// A token that lets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Into which session.
    pub session: Session,
    /// How it stands.
    pub state: TokenState,
    /// Since when there is this token.
    pub made_at: Timestamp,
}

/// What an API key may do. No key ever decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Look at everything but settings.
    Read,
    /// Start workflows.
    Submit,
}

impl Scope {
    /// `read` or `submit`.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Submit => "submit",
        }
    }

    /// The scope of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Scope::Read, Scope::Submit]
            .into_iter()
            .find(|s| s.as_str() == text)
    }
}

/// An API key, without what makes it one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its public half: what lists and logs call it.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Who made it; what it starts is started in their name.
    pub member: MemberId,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was last used; written at most once a minute.
    pub used_at: Option<Timestamp>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
}

/// What a repeated call stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repeated {
    /// It is the first one: what it names is kept.
    First,
    /// The same call was made before, for this.
    Same(String),
    /// Another call was made with that key.
    Other,
}

/// Most sign-in codes that wait at a time.
pub const CODES_MAX: u32 = 20;
/// Most sign-ins at a provider that were begun and not ended; the oldest go.
pub const SIGN_INS_MAX: u32 = 10_000;
/// Most sessions of one member at a time; the oldest one ends.
pub const SESSIONS_MAX: u32 = 50;
/// How long a session lives without being used: 7 days, in milliseconds.
pub const SESSION_IDLE_MS: u64 = 7 * 24 * 60 * 60 * 1000;
/// How long a token still counts after the next one came back: 30 seconds, in milliseconds.
pub const TOKEN_OVERLAP_MS: u64 = 30_000;
/// Most API keys that are in force at a time.
pub const KEYS_MAX: u32 = 200;
/// Most calls that are remembered; the oldest are forgotten first.
pub const REPEATS_MAX: u32 = 100_000;
/// Most calls whose answers are kept at a time; the oldest are forgotten first.
pub const ANSWERS_MAX: u32 = 1_000;
/// How long an answer is kept: a day, in milliseconds.
pub const ANSWER_LIVES_MS: u64 = 24 * 60 * 60 * 1000;

/// One tenant's doors.
#[async_trait]
pub trait Access: Send + Sync {
    /// Keeps a one-time code for a member. What has run out goes, and above [`CODES_MAX`] the oldest.
    async fn put_code(
        &self,
        code: &SecretHash,
        member: &MemberId,
        expires_at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Takes a code, which is gone then; `None`: there is none, or it ran out.
    async fn take_code(&self, code: &SecretHash) -> Result<Option<MemberId>, StoreError>;

    /// Keeps that a sign-in at a provider was begun, and where its browser wants to be then. What has run out goes, and above
    /// [`SIGN_INS_MAX`] the oldest.
    async fn begin_sign_in(
        &self,
        sign_in: &SecretHash,
        return_to: &str,
        expires_at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Takes a sign-in, which is gone then; `None`: there is none, or it ran out.
    async fn take_sign_in(&self, sign_in: &SecretHash) -> Result<Option<String>, StoreError>;

    /// Begins a session.
    async fn begin_session(&self, token: &SecretHash, session: &Session) -> Result<(), StoreError>;

    /// What a token lets into; `None`: nothing, it is none, has run out or was replaced.
    async fn session(&self, token: &SecretHash) -> Result<Option<Shown>, StoreError>;

    /// The session of a token in whose place another one came longer ago than [`TOKEN_OVERLAP_MS`]. Whoever shows it has
    /// kept a copy, or has been copied.
    async fn replaced(&self, token: &SecretHash) -> Result<Option<String>, StoreError>;

    /// Whether a session still goes on.
    async fn is_session(&self, id: &str) -> Result<bool, StoreError>;

    /// A member's sessions that go on, the last used first.
    async fn sessions(&self, member: &MemberId) -> Result<Vec<Session>, StoreError>;

    /// The session was used.
    async fn touch_session(&self, id: &str) -> Result<(), StoreError>;

    /// Adds the next token to a session. `false`: there is a next one already, or `old` is not the current one. A next one
    /// that never came back within [`TOKEN_OVERLAP_MS`] got lost, and is replaced.
    async fn rotate_session(&self, old: &SecretHash, new: &SecretHash) -> Result<bool, StoreError>;

    /// A new token came back: it takes the place of all others of its session.
    async fn confirm_token(&self, token: &SecretHash) -> Result<(), StoreError>;

    /// Ends a session; `false`: there is none.
    async fn end_session(&self, id: &str) -> Result<bool, StoreError>;

    /// Ends all sessions of a member, and their codes; how many sessions there were.
    async fn end_sessions(&self, member: &MemberId) -> Result<u64, StoreError>;

    /// Keeps a new API key.
    async fn add_key(&self, secret: &SecretHash, key: &ApiKey) -> Result<(), StoreError>;

    /// A key by its public half, with the hash of its secret; also one that has run out.
    async fn key(&self, id: &str) -> Result<Option<(SecretHash, ApiKey)>, StoreError>;

    /// All keys, newest first.
    async fn keys(&self) -> Result<Vec<ApiKey>, StoreError>;

    /// The key was used.
    async fn touch_key(&self, id: &str) -> Result<(), StoreError>;

    /// Takes a key back; again changes nothing.
    async fn revoke_key(&self, id: &str) -> Result<(), StoreError>;

    /// Remembers what a call with an idempotency key made, unless the key was used before.
    async fn remember(
        &self,
        caller: &str,
        key: &str,
        request: &SecretHash,
        made: &str,
    ) -> Result<Repeated, StoreError>;

    /// Begins a call with an idempotency key whose answer will be kept, unless the key was used before; until then `begun`
    /// stands in its place. It is forgotten after [`ANSWER_LIVES_MS`], or when [`ANSWERS_MAX`] others came.
    async fn begin_call(
        &self,
        caller: &str,
        key: &str,
        request: &SecretHash,
        begun: &str,
    ) -> Result<Repeated, StoreError>;

    /// Keeps what is said to whoever makes a begun call again; `None`: nothing was made, and the call is forgotten.
    async fn end_call(&self, caller: &str, key: &str, answer: Option<&str>) -> Result<(), StoreError>;
}
