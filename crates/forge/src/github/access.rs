//! With what we come: nothing, a token of an account, or, as a GitHub App, tokens that are made for one repository and for
//! what is done there, an hour each
//! (<https://docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app>).
//!
//! Readers' tokens can only read, and are kept until shortly before they run out. One that writes can do what one operation
//! needs and nothing else, is asked for with a permit in hand ([`InHand`]), and ends with its [`Writer`]: there is no
//! other way to send a write (hazard 51). Which installation a repository is on is looked up by the repository's number.

use super::app::App;
use super::client::{Api, Ending};
use super::error::CallError;
use super::{Secret, now};
use countersign_core::id::RepositoryId;
use countersign_core::notice::rendering::{Below, OwnCheck, OwnLabel};
use countersign_core::permit::{
    ClosePullRequest, ContentPermit, DeleteBranch, OpenPullRequest, PushBranch, RetractPermit,
};
use countersign_core::time::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A token is not used any more so long before it runs out: longer than any step takes.
const SPARE: Duration = Duration::from_secs(300);
/// GitHub's tokens live for this long, whatever a clock says.
const LIFE_MAX: Duration = Duration::from_secs(3_600);
/// Most repositories of which something is remembered.
const KEPT_MAX: usize = 1_000;

/// Most repositories of an installation among which one is looked for by its name.
const GIVEN_MAX: usize = 1_000;

/// Names of permissions with `read` or `write`.
pub type Permissions = &'static [(&'static str, &'static str)];

/// What readers may do.
pub const READS: Permissions = &[
    ("checks", "read"),
    ("contents", "read"),
    ("issues", "read"),
    ("metadata", "read"),
    ("pull_requests", "read"),
];
/// What an installation is to be granted, so that all of it goes; no token ever has all of it.
pub const NEEDED: Permissions = &[
    ("actions", "read"),
    ("checks", "write"),
    ("contents", "write"),
    ("issues", "write"),
    ("metadata", "read"),
    ("pull_requests", "write"),
];
/// What a first look at a name needs.
const LOOKS: Permissions = &[("metadata", "read")];
/// What the logs of jobs need. Readers' tokens have it not: where it was not granted, everything else is read all the same.
const READS_LOGS: Permissions = &[("actions", "read")];
const PUSHES: Permissions = &[("contents", "write")];
/// GitHub wants one more for a commit that changes what CI does.
const PUSHES_WORKFLOWS: Permissions = &[("contents", "write"), ("workflows", "write")];
/// The branches that a pull request is between have to be seen.
const OPENS: Permissions = &[("contents", "read"), ("pull_requests", "write")];
const CLOSES: Permissions = &[("pull_requests", "write")];
const SAYS_ON_ISSUES: Permissions = &[("issues", "write")];
const SAYS_ON_PULL_REQUESTS: Permissions = &[("pull_requests", "write")];
/// GitHub lists marks on comments under issues alone.
const MARKS_ON_PULL_REQUESTS: Permissions = &[("issues", "write"), ("pull_requests", "write")];
const POSTS_CHECKS: Permissions = &[("checks", "write")];
/// On a pull request GitHub does not take a label from who may write to issues alone.
const LABELS: Permissions = &[("pull_requests", "write")];

/// What lets us in.
#[derive(Debug, Clone, Default)]
pub enum Credentials {
    /// Nothing: only what everybody may see is seen.
    #[default]
    None,
    /// A token of an account, for everything.
    Token(Secret),
    /// A GitHub App.
    App(App),
}

impl Credentials {
    /// Whether they say who we are.
    pub(super) fn say_who(&self) -> bool {
        match self {
            Credentials::None => false,
            Credentials::Token(_) | Credentials::App(_) => true,
        }
    }

    /// Whether what a request carries depends on what it is for.
    pub(super) fn are_narrow(&self) -> bool {
        match self {
            Credentials::None | Credentials::Token(_) => false,
            Credentials::App(_) => true,
        }
    }
}

/// The permit for which a token that writes is asked. Without one there is none.
#[derive(Clone, Copy)]
pub enum InHand<'p> {
    /// To push the approved branch.
    Push {
        /// Shown, not used up.
        permit: &'p ContentPermit<PushBranch>,
        /// Whether it changes something below `.github/workflows`.
        workflows: bool,
    },
    /// To delete our branch.
    Delete(&'p RetractPermit<DeleteBranch>),
    /// To open the approved pull request, with its labels.
    Open(&'p ContentPermit<OpenPullRequest>),
    /// To close our pull request.
    Close(&'p RetractPermit<ClosePullRequest>),
    /// To say something below an issue, or below a pull request: what came out of the permit.
    Say(&'p Below),
    /// To post our check run on a commit: what came out of the permit.
    Check(&'p OwnCheck),
    /// To put our label on a pull request of ours: what came out of the permit.
    Label(&'p OwnLabel),
}

impl InHand<'_> {
    pub(super) fn repository(&self) -> &RepositoryId {
        match self {
            InHand::Push { permit, .. } => &permit.op().repository,
            InHand::Delete(permit) => &permit.op().repository,
            InHand::Open(permit) => &permit.op().repository,
            InHand::Close(permit) => &permit.op().repository,
            InHand::Say(below) => &below.on().repository,
            InHand::Check(check) => &check.on().repository,
            InHand::Label(label) => &label.on().repository,
        }
    }

    fn needs(&self) -> Permissions {
        match self {
            InHand::Push { workflows: false, .. } | InHand::Delete(_) => PUSHES,
            InHand::Push { workflows: true, .. } => PUSHES_WORKFLOWS,
            InHand::Open(_) => OPENS,
            InHand::Close(_) => CLOSES,
            InHand::Check(_) => POSTS_CHECKS,
            InHand::Label(_) => LABELS,
            InHand::Say(below) => match below.on().is_pull_request {
                false => SAYS_ON_ISSUES,
                true if below.reaction.is_some() => MARKS_ON_PULL_REQUESTS,
                true => SAYS_ON_PULL_REQUESTS,
            },
        }
    }
}

/// What a request carries.
pub(super) enum Carried {
    Nothing,
    Account(Secret),
    /// The App's own word, with which nothing of a repository is seen.
    App(Secret),
    Installation(Token),
}

/// A token of the App, and the number of the installation that it was made for.
#[derive(Clone)]
pub(super) struct Token {
    secret: Secret,
    installation: u64,
}

/// Whose requests GitHub counts, and lets rest where they are too many
/// (<https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Counted {
    /// This machine's, which come with nothing.
    Nobody,
    Account,
    App,
    /// By its number.
    Installation(u64),
}

impl Carried {
    pub(super) fn secret(&self) -> Option<&Secret> {
        match self {
            Carried::Nothing => None,
            Carried::Account(secret) | Carried::App(secret) => Some(secret),
            Carried::Installation(token) => Some(&token.secret),
        }
    }

    pub(super) fn counted(&self) -> Counted {
        match self {
            Carried::Nothing => Counted::Nobody,
            Carried::Account(_) => Counted::Account,
            Carried::App(_) => Counted::App,
            Carried::Installation(token) => Counted::Installation(token.installation),
        }
    }
}

/// The right to send writes to one repository, from a permit. It is dropped after them; what was made for it ends then, too.
pub struct Writer {
    carried: Carried,
    ending: Option<Ending>,
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(ending) = self.ending.take() {
            ending.begin(&self.carried);
        }
    }
}

impl Writer {
    /// For the one place that sends it elsewhere: git.
    pub fn token(&self) -> Option<&Secret> {
        self.carried.secret()
    }

    pub(super) fn carried(&self) -> &Carried {
        &self.carried
    }
}

/// Where an App is installed (<https://docs.github.com/rest/apps/apps#get-a-repository-installation-for-the-authenticated-app>).
#[derive(Debug, Clone, Deserialize)]
pub struct Installation {
    /// Its number.
    pub id: u64,
    /// What was granted: name → `read`, `write` or `admin`.
    #[serde(default)]
    pub permissions: BTreeMap<String, String>,
    /// Since when somebody keeps it from doing anything.
    #[serde(default)]
    pub suspended_at: Option<String>,
}

impl Installation {
    /// Which of these were not granted, as GitHub writes them: `checks: read`.
    pub fn lacks(&self, wanted: Permissions) -> Vec<String> {
        let granted = |(name, level): &(&str, &str)| match self.permissions.get(*name).map(String::as_str) {
            Some("write" | "admin") => true,
            Some("read") => *level == "read",
            Some(_) | None => false,
        };
        let missing = wanted.iter().filter(|p| !granted(p));
        missing.map(|(name, level)| format!("{name}: {level}")).collect()
    }

    /// Whether it was granted to write branches.
    pub(super) fn may_push(&self) -> bool {
        self.lacks(PUSHES).is_empty()
    }
}

#[derive(Deserialize)]
struct Minted {
    token: String,
    expires_at: String,
    #[serde(default)]
    permissions: BTreeMap<String, String>,
    #[serde(default)]
    repository_selection: Option<String>,
    #[serde(default)]
    repositories: Vec<Numbered>,
}

impl Minted {
    /// What it may beyond what was asked for, as GitHub says it; to see that a repository is there comes by itself.
    fn beyond(&self, wanted: &For<'_>, permissions: Permissions) -> Option<String> {
        let asked = |name: &str, level: &str| {
            let covers =
                |(n, l): &(&str, &str)| *n == name && (*l == level || *l == "write" && level == "read");
            permissions.iter().any(covers) || (name, level) == ("metadata", "read")
        };
        if let Some((name, level)) = self.permissions.iter().find(|(n, l)| !asked(n, l)) {
            return Some(format!("{name}: {level}"));
        }
        let is_meant = match (wanted, &self.repositories[..]) {
            (For::All, _) => true,
            (_, []) => self.repository_selection.as_deref() != Some("all"),
            (For::Name(_), [_]) => true,
            (For::Number(number), [only]) => only.id == *number,
            (For::Number(_) | For::Name(_), [..]) => false,
        };
        (!is_meant).then(|| "other repositories".to_owned())
    }
}

#[derive(Deserialize)]
struct Numbered {
    id: u64,
}

#[derive(Deserialize)]
struct GivenPage {
    repositories: Vec<Given>,
}

#[derive(Deserialize)]
struct Given {
    id: u64,
    full_name: String,
}

struct Reader {
    token: Token,
    until: Instant,
}

/// What is remembered between calls, by the numbers of repositories.
#[derive(Default)]
pub(super) struct Tokens {
    installations: Mutex<BTreeMap<u64, u64>>,
    readers: Mutex<BTreeMap<u64, Reader>>,
}

/// Which repository a token is for.
enum For<'f> {
    Number(u64),
    /// The name without its owner's, where the number is still to be learnt.
    Name(&'f str),
    /// Every one of the installation: to see which these are.
    All,
}

impl Tokens {
    /// The reader's token of a repository was not taken, or its installation is another one: both are asked for anew.
    pub(super) fn forget(&self, id: &RepositoryId) {
        locked(&self.readers).remove(&id.number);
        locked(&self.installations).remove(&id.number);
    }

    fn kept(&self, id: &RepositoryId) -> Option<Token> {
        let readers = locked(&self.readers);
        let reader = readers.get(&id.number)?;
        (Instant::now() < reader.until).then(|| reader.token.clone())
    }

    fn keep(&self, id: &RepositoryId, token: &Token, life: Duration) {
        let Some(life) = life.min(LIFE_MAX).checked_sub(SPARE) else {
            return;
        };
        let (token, until) = (token.clone(), Instant::now() + life);
        remember(&self.readers, id.number, Reader { token, until });
    }
}

fn remember<T>(place: &Mutex<BTreeMap<u64, T>>, number: u64, what: T) {
    let mut all = locked(place);
    if all.len() >= KEPT_MAX && !all.contains_key(&number) {
        all.clear();
    }
    all.insert(number, what);
}

impl Api {
    /// By whose requests GitHub counts what is asked about that repository, as far as that is known.
    pub(super) fn counted(&self, id: &RepositoryId) -> Vec<Counted> {
        match &self.settings().credentials {
            Credentials::None => vec![Counted::Nobody],
            Credentials::Token(_) => vec![Counted::Account],
            Credentials::App(_) => {
                let installation = locked(&self.tokens().installations).get(&id.number).copied();
                let installation = installation.map(Counted::Installation);
                installation.into_iter().chain([Counted::App]).collect()
            }
        }
    }

    /// What a look at that repository carries.
    pub(super) fn reader(&self, id: &RepositoryId) -> Result<Carried, CallError> {
        match &self.settings().credentials {
            Credentials::None => Ok(Carried::Nothing),
            Credentials::Token(token) => Ok(Carried::Account(token.clone())),
            Credentials::App(app) => {
                if let Some(token) = self.tokens().kept(id) {
                    return Ok(Carried::Installation(token));
                }
                let (token, life) = self.mint(app, id, READS)?;
                self.tokens().keep(id, &token, life);
                Ok(Carried::Installation(token))
            }
        }
    }

    /// What a look at the logs of its jobs carries.
    pub(super) fn reader_of_logs(&self, id: &RepositoryId) -> Result<Carried, CallError> {
        match &self.settings().credentials {
            Credentials::None | Credentials::Token(_) => self.reader(id),
            Credentials::App(app) => {
                let (token, _) = self.mint(app, id, READS_LOGS)?;
                Ok(Carried::Installation(token))
            }
        }
    }

    /// What a first look at `OWNER/NAME` carries.
    pub(super) fn reader_of_name(&self, full_name: &str) -> Result<Carried, CallError> {
        match &self.settings().credentials {
            Credentials::None => Ok(Carried::Nothing),
            Credentials::Token(token) => Ok(Carried::Account(token.clone())),
            Credentials::App(app) => {
                let installation = self.installation(app, &format!("/repos/{full_name}"))?;
                let name = full_name.split_once('/').map_or(full_name, |(_, name)| name);
                let minted = self.mint_on(app, installation.id, &For::Name(name), LOOKS);
                let (token, _) = match minted {
                    // The installation is that of the repository: it may be spelled otherwise there.
                    Err(CallError::NotInstalled) => {
                        let number = self.number_there(app, &installation, full_name)?;
                        self.mint_on(app, installation.id, &For::Number(number), LOOKS)?
                    }
                    minted => minted?,
                };
                Ok(Carried::Installation(token))
            }
        }
    }

    /// The number of the repository that an installation was given under that name, in upper or lower case.
    fn number_there(&self, app: &App, there: &Installation, full_name: &str) -> Result<u64, CallError> {
        let reader = self.reader_of_all(app, there)?;
        let items = |page: GivenPage| page.repositories;
        let (given, _) = self.list_first_as(&reader, "/installation/repositories", GIVEN_MAX, items)?;
        let mut given = given.into_iter();
        let found = given.find(|r| r.full_name.eq_ignore_ascii_case(full_name));
        found.map(|r| r.id).ok_or(CallError::NotInstalled)
    }

    /// What a look carries at which repositories were given to an App there. Nothing of what is in them is seen with it.
    pub(super) fn reader_of_all(&self, app: &App, there: &Installation) -> Result<Carried, CallError> {
        if there.suspended_at.is_some() {
            return Err(CallError::Suspended);
        }
        let (token, _) = self.mint_on(app, there.id, &For::All, LOOKS)?;
        Ok(Carried::Installation(token))
    }

    /// Where the App is installed, at most that many; and whether these are all.
    pub(super) fn installations(
        &self,
        app: &App,
        most: usize,
    ) -> Result<(Vec<Installation>, bool), CallError> {
        let items = |page: Vec<Installation>| page;
        self.list_first_as(&self.word(app)?, "/app/installations", most, items)
    }

    /// What the writes carry that this permit allows.
    pub(super) fn writer(&self, in_hand: &InHand<'_>) -> Result<Writer, CallError> {
        let (carried, ending) = match &self.settings().credentials {
            Credentials::None => (Carried::Nothing, None),
            Credentials::Token(token) => (Carried::Account(token.clone()), None),
            Credentials::App(app) => {
                let (token, _) = self.mint(app, in_hand.repository(), in_hand.needs())?;
                (Carried::Installation(token), self.ending())
            }
        };
        Ok(Writer { carried, ending })
    }

    /// What says who we are, and nothing else.
    pub(super) fn word(&self, app: &App) -> Result<Carried, CallError> {
        let word = app.word(now().0 / 1_000).ok_or_else(|| CallError::AppRefused {
            said: "the key can't sign".to_owned(),
        })?;
        Ok(Carried::App(word))
    }

    /// Where the App is installed for a repository; `door` is that of the repository.
    pub(super) fn installation(&self, app: &App, door: &str) -> Result<Installation, CallError> {
        let found = self.get_as(&self.word(app)?, &format!("{door}/installation"));
        let found: Installation = match found {
            Err(CallError::Refused { status: 404, .. }) => return Err(CallError::NotInstalled),
            found => found?,
        };
        match found.suspended_at {
            None => Ok(found),
            Some(_) => Err(CallError::Suspended),
        }
    }

    /// A new token for one repository; where what is remembered of its installation does not hold any more, after another look.
    fn mint(
        &self,
        app: &App,
        id: &RepositoryId,
        permissions: Permissions,
    ) -> Result<(Token, Duration), CallError> {
        let wanted = For::Number(id.number);
        let remembered = locked(&self.tokens().installations).get(&id.number).copied();
        if let Some(installation) = remembered {
            match self.mint_on(app, installation, &wanted, permissions) {
                Err(CallError::NotInstalled) => self.tokens().forget(id),
                done => return done,
            }
        }
        let found = self.installation(app, &door_of(id))?;
        let minted = self.mint_on(app, found.id, &wanted, permissions)?;
        remember(&self.tokens().installations, id.number, found.id);
        Ok(minted)
    }

    fn mint_on(
        &self,
        app: &App,
        installation: u64,
        wanted: &For<'_>,
        permissions: Permissions,
    ) -> Result<(Token, Duration), CallError> {
        let asked: BTreeMap<&str, &str> = permissions.iter().copied().collect();
        let body = match wanted {
            For::Number(number) => json!({"repository_ids": [number], "permissions": asked}),
            For::Name(name) => json!({"repositories": [name], "permissions": asked}),
            For::All => json!({"permissions": asked}),
        };
        let path = format!("/app/installations/{installation}/access_tokens");
        let minted: Minted = self
            .post_as(&self.word(app)?, &path, &body)
            .map_err(|error| refused(error, permissions))?;
        if let Some(beyond) = minted.beyond(wanted, permissions) {
            let token = Token {
                secret: Secret::new(minted.token),
                installation,
            };
            if let Some(ending) = self.ending() {
                ending.begin(&Carried::Installation(token));
            }
            return Err(CallError::TooWide { beyond });
        }
        let ends = Timestamp::from_rfc3339(&minted.expires_at);
        let ends = ends.ok_or_else(|| CallError::Odd {
            why: "it gives a token without an end".to_owned(),
        })?;
        let life = Duration::from_millis(ends.0.saturating_sub(now().0));
        let token = Token {
            secret: Secret::new(minted.token),
            installation,
        };
        Ok((token, life))
    }
}

/// GitHub redirects to this door wherever a repository got another name; its documents do not list it.
pub(super) fn door_of(id: &RepositoryId) -> String {
    format!("/repositories/{}", id.number)
}

/// Why there is no token.
fn refused(error: CallError, permissions: Permissions) -> CallError {
    let CallError::Refused { status, said } = error else {
        return error;
    };
    match status {
        422 if said.contains("permission") => {
            let wanted: Vec<String> = permissions.iter().map(|(n, l)| format!("{n}: {l}")).collect();
            CallError::NotGranted {
                wanted: wanted.join(", "),
            }
        }
        404 | 422 => CallError::NotInstalled,
        status => CallError::Refused { status, said },
    }
}

impl CallError {
    /// A no to the App's word, or to a token of an installation, as what it is.
    pub(super) fn told_to(carried: &Carried, status: u16, said: String) -> Self {
        let has = |words: &str| said.contains(words);
        match (carried, status) {
            (Carried::App(_) | Carried::Installation(_), 403) if has("installation has been suspended") => {
                CallError::Suspended
            }
            (Carried::App(_), 401) if has("claim ('exp')") || has("claim ('iat')") => {
                CallError::ClockDiffers { said }
            }
            (Carried::App(_), 401) => CallError::AppRefused { said },
            (Carried::App(_), 404) if has("Integration not found") => CallError::AppRefused { said },
            (Carried::Installation(_), 401) => CallError::TokenOver,
            (Carried::Nothing | Carried::Account(_) | Carried::App(_) | Carried::Installation(_), status) => {
                CallError::Refused { status, said }
            }
        }
    }
}

/// What the App's own pages and checks show of it (<https://docs.github.com/rest/apps/apps#get-the-authenticated-app>).
#[derive(Debug, Clone, Deserialize)]
pub struct Known {
    /// Its number, by which checks name it.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its name in addresses; its account is called that, with `[bot]`.
    pub slug: String,
}

impl Api {
    pub(super) fn known(&self, app: &App) -> Result<Known, CallError> {
        let known: Known = self.get_as(&self.word(app)?, "/app")?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_' || b == b'.';
        match !known.slug.is_empty() && known.slug.bytes().all(plain) {
            true => Ok(known),
            false => Err(CallError::Odd {
                why: "it gives the App a name that none can have".to_owned(),
            }),
        }
    }

    fn post_as<T: serde::de::DeserializeOwned>(
        &self,
        carried: &Carried,
        path: &str,
        body: &Value,
    ) -> Result<T, CallError> {
        self.send_as(carried, reqwest::Method::POST, path, body)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(permissions: &[(&str, &str)]) -> Installation {
        let permissions = permissions
            .iter()
            .map(|(n, l)| ((*n).to_owned(), (*l).to_owned()));
        Installation {
            id: 1,
            permissions: permissions.collect(),
            suspended_at: None,
        }
    }

    #[test]
    fn what_was_not_granted_is_named() {
        let all = on(&[
            ("checks", "read"),
            ("contents", "write"),
            ("issues", "read"),
            ("metadata", "read"),
            ("pull_requests", "write"),
        ]);
        assert!(all.lacks(READS).is_empty() && all.lacks(OPENS).is_empty());
        assert_eq!(all.lacks(SAYS_ON_ISSUES), ["issues: write"]);
        assert_eq!(all.lacks(PUSHES_WORKFLOWS), ["workflows: write"]);
        assert_eq!(on(&[("contents", "none")]).lacks(PUSHES), ["contents: write"]);
    }

    #[test]
    fn readers_can_write_nothing_and_writers_one_thing() {
        assert!(
            READS
                .iter()
                .chain(LOOKS)
                .chain(READS_LOGS)
                .all(|(_, level)| *level == "read")
        );
        for writes in [
            PUSHES,
            OPENS,
            CLOSES,
            SAYS_ON_ISSUES,
            SAYS_ON_PULL_REQUESTS,
            POSTS_CHECKS,
            LABELS,
        ] {
            let count = writes.iter().filter(|(_, level)| *level == "write").count();
            assert_eq!(count, 1, "{writes:?}");
        }
    }

    #[test]
    fn a_token_that_may_more_than_was_asked_for_is_known() {
        let beyond = |wanted: &For<'_>, answer: Value| {
            let mut whole = json!({"token": "t", "expires_at": "2026-11-22T06:00:00Z"});
            for (name, value) in answer.as_object().expect("it has fields") {
                whole[name] = value.clone();
            }
            let minted: Minted = serde_json::from_value(whole).expect("it is an answer");
            minted.beyond(wanted, OPENS)
        };
        let one = json!([{"id": 7}]);
        let asked = json!({"contents": "read", "pull_requests": "write", "metadata": "read"});
        for fine in [
            json!({"permissions": asked, "repositories": one, "repository_selection": "selected"}),
            json!({"permissions": {"contents": "read", "pull_requests": "read"}}),
            json!({}),
        ] {
            assert_eq!(beyond(&For::Number(7), fine.clone()), None, "{fine}");
            assert_eq!(beyond(&For::Name("hello"), fine.clone()), None, "{fine}");
        }
        for (wide, expected) in [
            (json!({"permissions": {"contents": "write"}}), "contents: write"),
            (
                json!({"permissions": {"pull_requests": "admin"}}),
                "pull_requests: admin",
            ),
            (json!({"permissions": {"secrets": "read"}}), "secrets: read"),
            (json!({"repositories": [{"id": 8}]}), "other repositories"),
            (
                json!({"repositories": [{"id": 7}, {"id": 8}]}),
                "other repositories",
            ),
            (json!({"repository_selection": "all"}), "other repositories"),
        ] {
            let found = beyond(&For::Number(7), wide);
            assert_eq!(found.as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_no_to_an_app_is_told_as_what_it_is() {
        let word = || Carried::App(Secret::new("w"));
        let token = || {
            Carried::Installation(Token {
                secret: Secret::new("t"),
                installation: 1,
            })
        };
        let code = |carried: &Carried, status, said: &str| {
            CallError::told_to(carried, status, said.to_owned()).code()
        };
        for (carried, status, said, expected) in [
            (
                word(),
                401,
                "A JSON web token could not be decoded",
                "github-app-refused",
            ),
            (
                word(),
                401,
                "'Expiration time' claim ('exp') is too far in the future",
                "github-clock-differs",
            ),
            (word(), 404, "Integration not found", "github-app-refused"),
            (word(), 404, "Not Found", "github-not-found"),
            (
                word(),
                403,
                "This installation has been suspended",
                "github-app-suspended",
            ),
            (
                token(),
                403,
                "This installation has been suspended",
                "github-app-suspended",
            ),
            (
                token(),
                403,
                "Resource not accessible by integration",
                "github-forbidden",
            ),
            (token(), 401, "Bad credentials", "github-app-token-over"),
            (
                Carried::Account(Secret::new("t")),
                401,
                "Bad credentials",
                "github-token-refused",
            ),
        ] {
            assert_eq!(code(&carried, status, said), expected, "{said}");
        }
    }
}
