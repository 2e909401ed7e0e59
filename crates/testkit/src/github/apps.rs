//! GitHub Apps: whose key signed, where they are installed, tokens that are made for one purpose, and how an App is made out of a
//! manifest (<https://docs.github.com/rest/apps/apps>).
//!
//! Stricter than GitHub in one thing: a token shows nothing of a repository that it was not made for, even if everybody may see it.

use super::http::{Answer, Request, unescaped};
use super::rest::{Call, NO_DOOR, user};
use super::world::{Repository, World};
use super::{in_json, no};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign_core::time::Timestamp;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

/// Two keys that open nothing but the model.
const KEYS: [&str; 2] = [include_str!("app-key.txt"), include_str!("other-key.txt")];
/// How long a token lives, in seconds.
const LIFE: u64 = 3_600;
/// The door by which a token ends before that.
pub(super) const TOKEN: &str = "/installation/token";
/// Longest life of an App's word, in seconds.
const WORD_MAX: u64 = 600;

/// The private key of every App here, in PEM as GitHub hands it out.
pub fn app_key() -> String {
    armoured(KEYS[0])
}

/// A key that no App has.
pub fn other_key() -> String {
    armoured(KEYS[1])
}

// Put together, so that nothing takes this file for a key.
fn armoured(digits: &str) -> String {
    let kind = "RSA PRIVATE KEY";
    format!(
        "-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n",
        digits.trim()
    )
}

/// A permission's name with `read` or `write`.
pub type Granted = BTreeMap<String, String>;

/// An App.
#[derive(Debug, Clone)]
pub struct App {
    /// Its number.
    pub id: u64,
    /// Its name in addresses; its account has that name, too, with `[bot]`.
    pub slug: String,
    /// Its account's number.
    pub account: u64,
    /// What it asks for where it is installed.
    pub permissions: Granted,
    /// What it wants to be told of.
    pub events: Vec<String>,
}

/// An App on an account's repositories.
#[derive(Debug, Clone)]
pub struct Installation {
    /// Whose App.
    pub app: u64,
    /// Which repositories it was given.
    pub repositories: BTreeSet<u64>,
    /// What was granted.
    pub permissions: Granted,
    /// Somebody keeps it from doing anything.
    pub suspended: bool,
}

/// A token that was made for an installation.
#[derive(Debug, Clone)]
pub struct Minted {
    /// Of which installation.
    pub installation: u64,
    /// For which repositories.
    pub repositories: BTreeSet<u64>,
    /// For what.
    pub permissions: Granted,
    expires_at: u64,
}

impl Minted {
    /// Whether it may do that.
    pub fn may(&self, name: &str, level: &str) -> bool {
        match self.permissions.get(name).map(String::as_str) {
            Some("write") => true,
            Some(granted) => granted == level,
            None => false,
        }
    }
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub struct Apps {
    /// By number.
    pub apps: BTreeMap<u64, App>,
    /// By number.
    pub installations: BTreeMap<u64, Installation>,
    /// By the token itself.
    pub minted: BTreeMap<String, Minted>,
    /// Every token that is made may do this, too, whatever was asked for.
    pub besides: Granted,
    /// How far GitHub's clock is before this machine's, in seconds.
    pub ahead: u64,
    /// Manifests that wait to be exchanged, by their codes.
    manifests: BTreeMap<String, Value>,
}

/// Permissions as GitHub writes them.
pub fn granted(pairs: &[(&str, &str)]) -> Granted {
    let owned = pairs.iter().map(|(n, l)| ((*n).to_owned(), (*l).to_owned()));
    owned.collect()
}

impl World {
    fn seconds(&self) -> u64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(0, |s| s.as_secs()) + self.apps.ahead
    }

    /// Adds an App with [`app_key`], and its account.
    pub fn app(&mut self, id: u64, slug: &str, permissions: Granted) -> u64 {
        let account = self.account(id + 1_000_000, &format!("{slug}[bot]"));
        let app = App {
            id,
            slug: slug.to_owned(),
            account,
            permissions,
            events: Vec::new(),
        };
        self.apps.apps.insert(id, app);
        account
    }

    /// Installs it on these repositories, with all that it asks for: the installation's number.
    pub fn install(&mut self, app: u64, repositories: &[u64]) -> u64 {
        let id = self.fresh();
        let installation = Installation {
            app,
            repositories: repositories.iter().copied().collect(),
            permissions: self.apps.apps[&app].permissions.clone(),
            suspended: false,
        };
        self.apps.installations.insert(id, installation);
        id
    }

    /// Every token of an App that was made so far has run out.
    pub fn expire_tokens(&mut self) {
        for minted in self.apps.minted.values_mut() {
            minted.expires_at = 0;
        }
    }

    fn installation_of(&self, app: u64, repository: u64) -> Option<u64> {
        let mut all = self.apps.installations.iter();
        all.find(|(_, i)| i.app == app && i.repositories.contains(&repository))
            .map(|(id, _)| *id)
    }

    /// Whose App a token was made for.
    pub(super) fn app_of(&self, minted: &Minted) -> Option<&App> {
        let installation = self.apps.installations.get(&minted.installation)?;
        self.apps.apps.get(&installation.app)
    }

    /// The account under which a token of an App acts.
    pub(super) fn bot(&self, minted: &Minted) -> u64 {
        self.app_of(minted).map_or(0, |app| app.account)
    }

    /// What a token of an App stands for.
    pub(super) fn minted(&self, token: &str) -> Option<Result<Minted, Answer>> {
        let minted = self.apps.minted.get(token)?;
        let installation = self.apps.installations.get(&minted.installation);
        Some(match installation {
            Some(i) if i.suspended => Err(suspended()),
            Some(_) if minted.expires_at > self.seconds() => Ok(minted.clone()),
            Some(_) | None => Err(no(401, "Bad credentials")),
        })
    }

    /// Which App says so; `None`: it is no word of an App.
    pub(super) fn word(&self, token: &str) -> Option<Result<u64, Answer>> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (head, said) = signed.split_once('.')?;
        Some(self.checked(head, said, signed, signature))
    }

    fn checked(&self, head: &str, said: &str, signed: &str, signature: &str) -> Result<u64, Answer> {
        let undecoded = || no(401, "A JSON web token could not be decoded");
        let read = |text: &str| -> Option<Value> {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
        };
        let (head, said) = (
            read(head).ok_or_else(undecoded)?,
            read(said).ok_or_else(undecoded)?,
        );
        if head["alg"] != "RS256" {
            return Err(undecoded());
        }
        let id = said["iss"].as_str().and_then(|id| id.parse().ok());
        let app = id.and_then(|id| self.apps.apps.get(&id));
        let app = app.ok_or_else(|| no(404, "Integration not found"))?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| undecoded())?;
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_key());
        public
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| undecoded())?;
        let (now, number) = (self.seconds(), |name: &str| {
            said[name].as_u64().unwrap_or_default()
        });
        match (number("iat"), number("exp")) {
            (iat, _) if iat == 0 || iat > now => Err(no(
                401,
                "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued.",
            )),
            (_, exp) if exp <= now => Err(no(
                401,
                "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires.",
            )),
            (_, exp) if exp > now + WORD_MAX => Err(no(
                401,
                "'Expiration time' claim ('exp') is too far in the future",
            )),
            (_, _) => Ok(app.id),
        }
    }
}

fn public_key() -> Vec<u8> {
    let digits: String = KEYS[0].split_whitespace().collect();
    let der = STANDARD.decode(digits).expect("because the file is base64");
    let pair = RsaKeyPair::from_der(&der).expect("because the file is a key");
    pair.public().as_ref().to_vec()
}

fn suspended() -> Answer {
    no(403, "This installation has been suspended")
}

/// The doors that an App's own word opens; `app` is whose it is.
pub(super) fn answer(world: &mut World, call: &Call<'_>, app: u64, parts: &[&str]) -> Answer {
    match (call.request.method.as_str(), parts) {
        ("GET", ["app"]) => in_json(200, &shown(world, call, &world.apps.apps[&app])),
        ("GET", ["app", "installations"]) => {
            let of_this = world.apps.installations.iter().filter(|(_, i)| i.app == app);
            let all = of_this.map(|(id, _)| installed(world, call, *id));
            super::rest::page(call, all.collect(), |all| json!(all))
        }
        ("GET", ["repositories", number, "installation"]) => {
            let found = number.parse().ok().and_then(|id| world.repositories.get(&id));
            on_repository(world, call, app, found)
        }
        ("GET", ["repos", owner, name, "installation"]) => match world.find(&format!("{owner}/{name}")) {
            super::Found::Here(id) => on_repository(world, call, app, world.repositories.get(&id)),
            super::Found::Moved(id) => super::rest::moved(call, id, &["installation"]),
            super::Found::No => no(404, "Not Found"),
        },
        ("POST", ["app", "installations", number, "access_tokens"]) => {
            let number = number.parse().unwrap_or_default();
            match world.apps.installations.get(&number) {
                Some(found) if found.app == app && found.suspended => suspended(),
                Some(found) if found.app == app => mint(world, call, number),
                Some(_) | None => no(404, "Not Found"),
            }
        }
        (_, ["app", ..]) => no(NO_DOOR, "the model of GitHub has no such door"),
        (_, _) => no(401, "Bad credentials"),
    }
}

fn on_repository(world: &World, call: &Call<'_>, app: u64, found: Option<&Repository>) -> Answer {
    match found.and_then(|r| world.installation_of(app, r.id)) {
        Some(id) => in_json(200, &installed(world, call, id)),
        None => no(404, "Not Found"),
    }
}

/// An installation, on the account that owns what it was given.
fn installed(world: &World, call: &Call<'_>, id: u64) -> Value {
    let installation = &world.apps.installations[&id];
    let owner = installation.repositories.iter().next();
    let owner = owner.map_or(0, |r| world.repositories[r].owner);
    json!({
        "id": id,
        "account": user(world, owner),
        "repository_selection": "selected",
        "app_id": installation.app,
        "app_slug": world.apps.apps[&installation.app].slug,
        "target_id": owner,
        "target_type": "User",
        "permissions": installation.permissions,
        "events": [],
        "suspended_at": installation.suspended.then_some("2026-11-22T06:00:00Z"),
        "access_tokens_url": call.api(&format!("/app/installations/{id}/access_tokens")),
    })
}

/// <https://docs.github.com/rest/apps/installations#list-repositories-accessible-to-the-app-installation>
pub(super) fn given(world: &World, call: &Call<'_>, token: &Minted) -> Answer {
    let all = token.repositories.iter().map(|id| &world.repositories[id]);
    let all: Vec<Value> = all.map(|r| super::rest::repository(world, call, r)).collect();
    let total = all.len();
    super::rest::page(
        call,
        all,
        |all| json!({"total_count": total, "repository_selection": "selected", "repositories": all}),
    )
}

/// <https://docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app>
fn mint(world: &mut World, call: &Call<'_>, id: u64) -> Answer {
    let installation = &world.apps.installations[&id];
    let body: Value = serde_json::from_slice(&call.request.body).unwrap_or_default();
    let mut permissions: Granted = match body["permissions"].as_object() {
        Some(asked) => texts(asked),
        None => installation.permissions.clone(),
    };
    permissions.insert("metadata".to_owned(), "read".to_owned());
    let whole = Minted {
        installation: id,
        repositories: installation.repositories.clone(),
        permissions: installation.permissions.clone(),
        expires_at: 0,
    };
    let too_much = |(name, level): (&String, &String)| name != "metadata" && !whole.may(name, level);
    if permissions.iter().any(too_much) {
        return no(
            422,
            "The permissions requested are not granted to this installation.",
        );
    }
    let by_number = body["repository_ids"].as_array().into_iter().flatten();
    let by_number = by_number.map(Value::as_u64);
    let named = |name: &Value| {
        let is = |r: &&Repository| name.as_str() == Some(r.name.as_str());
        let mut given = installation.repositories.iter().map(|r| &world.repositories[r]);
        given.find(is).map(|r| r.id)
    };
    let by_name = body["repositories"].as_array().into_iter().flatten().map(named);
    let asked: Vec<Option<u64>> = by_number.chain(by_name).collect();
    let given = |id: &Option<u64>| id.is_some_and(|id| installation.repositories.contains(&id));
    if !asked.iter().all(given) {
        return no(
            422,
            "There is at least one repository that does not exist or is not accessible to the parent installation.",
        );
    }
    let repositories: BTreeSet<u64> = match asked.is_empty() {
        true => installation.repositories.clone(),
        false => asked.into_iter().flatten().collect(),
    };
    permissions.extend(world.apps.besides.clone());
    let expires_at = world.seconds() + LIFE;
    let token = format!("the-token-{}-of-installation-{id}", world.fresh());
    let answer = json!({
        "token": token,
        "expires_at": Timestamp(expires_at * 1_000).to_rfc3339().replace(".000", ""),
        "permissions": permissions,
        "repository_selection": "selected",
        "repositories": repositories.iter().map(|id| json!({"id": id})).collect::<Vec<_>>(),
    });
    let minted = Minted {
        installation: id,
        repositories,
        permissions,
        expires_at,
    };
    world.apps.minted.insert(token, minted);
    in_json(201, &answer)
}

/// <https://docs.github.com/rest/apps/installations#revoke-an-installation-access-token>
pub(super) fn revoked(world: &mut World, call: &Call<'_>) -> Answer {
    let token = call.request.header("authorization").strip_prefix("Bearer ");
    let known = token.is_some_and(|token| world.apps.minted.remove(token).is_some());
    let mut answer = no(if known { 204 } else { 401 }, "Requires authentication");
    if known {
        answer.body.clear();
    }
    answer
}

fn texts(object: &Map<String, Value>) -> Granted {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    object.iter().map(|(n, l)| (n.clone(), text(l))).collect()
}

fn shown(world: &World, call: &Call<'_>, app: &App) -> Value {
    json!({
        "id": app.id,
        "slug": app.slug,
        "node_id": "MDM6QXBw",
        "client_id": format!("Iv23li{}", app.id),
        "owner": user(world, app.account),
        "name": app.slug,
        "description": null,
        "external_url": call.url,
        "html_url": format!("{}/apps/{}", call.url, app.slug),
        "permissions": app.permissions,
        "events": app.events,
    })
}

/// GitHub's page on which somebody makes an App out of a manifest, and says yes at once
/// (<https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest>). `None`: another page.
pub(super) fn page(world: &mut World, request: &Request) -> Option<Answer> {
    let parts: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    match (request.method.as_str(), &parts[..]) {
        ("POST", ["settings", "apps", "new"] | ["organizations", _, "settings", "apps", "new"]) => {}
        (_, _) => return None,
    }
    let body = String::from_utf8_lossy(&request.body).replace('+', " ");
    let field = body.split('&').find_map(|pair| pair.strip_prefix("manifest="));
    let manifest: Option<Value> = field.and_then(|text| serde_json::from_str(&unescaped(text)).ok());
    let Some(manifest) = manifest else {
        return Some(no(422, "Invalid GitHub App configuration"));
    };
    let code = format!("code-{}", world.fresh());
    let back = manifest["redirect_url"].as_str().unwrap_or_default();
    let state = request.field("state").unwrap_or_default();
    let mut answer = no(302, "");
    let to = format!("{back}?code={code}&state={state}");
    answer.headers.push(("Location".to_owned(), to));
    world.apps.manifests.insert(code, manifest);
    Some(answer)
}

/// <https://docs.github.com/rest/apps/apps#create-a-github-app-from-a-manifest>: once for each code.
pub(super) fn converted(world: &mut World, call: &Call<'_>, code: &str) -> Answer {
    let Some(manifest) = world.apps.manifests.remove(code) else {
        return no(404, "Not Found");
    };
    let id = world.fresh();
    let name = manifest["name"].as_str().unwrap_or_default();
    let slug = name.to_lowercase().replace(' ', "-");
    let asked = manifest["default_permissions"].as_object();
    world.app(id, &slug, asked.map(texts).unwrap_or_default());
    let events = manifest["default_events"].as_array().into_iter().flatten();
    let events = events.filter_map(Value::as_str).map(str::to_owned).collect();
    if let Some(app) = world.apps.apps.get_mut(&id) {
        app.events = events;
    }
    let mut body = shown(world, call, &world.apps.apps[&id]);
    body["pem"] = json!(app_key());
    body["client_secret"] = json!("the-client-secret-of-an-app");
    // GitHub has `null` where the manifest switches them off.
    let told = manifest["hook_attributes"]["active"] != json!(false);
    body["webhook_secret"] = json!(told.then_some("the-webhook-secret-of-an-app"));
    in_json(201, &body)
}

/// What a door of a repository needs of a token: any of these.
pub(super) fn needs(method: &str, inside: &[&str], is_pull: bool) -> &'static [(&'static str, &'static str)] {
    let said: &[(&str, &str)] = match is_pull {
        true => &[("pull_requests", "write")],
        false => &[("issues", "write")],
    };
    match (method, inside) {
        ("GET", [] | ["collaborators", ..] | ["rules", ..]) => &[("metadata", "read")],
        ("GET", ["issues", ..] | ["labels", ..]) => &[("issues", "read"), ("pull_requests", "read")],
        ("GET", ["pulls", ..]) => &[("pull_requests", "read")],
        ("GET", ["actions", ..]) => &[("actions", "read")],
        ("GET", ["commits", _, "check-runs"]) => &[("checks", "read")],
        ("GET", ["commits", _, "statuses"]) => &[("statuses", "read")],
        ("GET", ["git", ..] | ["branches", ..]) => &[("contents", "read")],
        (_, ["pulls", ..]) => &[("pull_requests", "write")],
        (_, ["issues", ..]) => said,
        (_, ["labels", ..]) => &[("issues", "write"), ("pull_requests", "write")],
        (_, ["git", ..]) => &[("contents", "write")],
        (_, ["check-runs", ..]) => &[("checks", "write")],
        (_, _) => &[("administration", "write")],
    }
}
