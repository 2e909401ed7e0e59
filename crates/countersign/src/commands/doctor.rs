//! `doctor`: what is wrong with this machine and data folder, and how to mend it. Changes nothing but what opening the folder
//! changes.

mod hosted;

use crate::adapters::CommitKey;
use crate::drive;
use crate::error::{CliError, Exit};
use crate::noticing::{NoticeSettings, outbox, page_origin};
use crate::session::{App, Session};
use crate::terminal::{Page, Style};
use countersign_core::artifact::AgentRole;
use countersign_core::confinement::Rights;
use countersign_core::id::TenantId;
use countersign_core::notice::NoticeStanding;
use countersign_ports::agent::ResolvedAgent;
use countersign_ports::signing::CommitSigner as _;
use countersign_ports::store::StoreError;
use countersign_store::OwnerLock;
use serde::Serialize;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Workflows that are looked through for inputs that hold them.
const LOOKED_AT_MAX: u32 = 1_000;

/// The newest notices, of which it is asked whether they arrived.
const NOTICES_LOOKED_AT: u32 = 50;
/// Places are only looked at here: no link is made.
const ANY_ORIGIN: &str = "http://localhost";

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Health {
    Well,
    Look,
    Ill,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    /// `well`, `look` or `ill`.
    health: Health,
    /// What was looked at.
    about: &'static str,
    /// What was found.
    found: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

fn well(about: &'static str, found: impl Into<String>) -> Finding {
    Finding {
        health: Health::Well,
        about,
        found: found.into(),
        next: None,
    }
}

fn worth_a_look(about: &'static str, found: impl Into<String>, next: impl Into<String>) -> Finding {
    Finding {
        health: Health::Look,
        about,
        found: found.into(),
        next: Some(next.into()),
    }
}

fn ill(about: &'static str, error: CliError) -> Finding {
    let found = format!("{} [{}]", error.message, error.code);
    Finding {
        health: Health::Ill,
        about,
        found,
        next: error.next_step,
    }
}

/// `doctor --json`.
#[derive(Debug, Serialize)]
struct DoctorWire {
    /// Nothing is ill.
    well: bool,
    findings: Vec<Finding>,
}

/// `doctor`.
pub(super) async fn doctor(app: &App) -> Result<Exit, CliError> {
    let mut findings = vec![git(), configuration(app)];
    findings.extend(hosted::github(app).await);
    findings.extend(signing(app));
    if app.folder.database().exists() {
        findings.push(privacy("data folder", app.folder.root()));
        findings.push(privacy("keys", app.folder.keys()));
        match Session::open(app).await {
            Err(error) => findings.push(ill("database", error)),
            Ok(session) => {
                findings.push(match session.database().closed() {
                    None => well("database", app.folder.database().display().to_string()),
                    Some(closed) => ill("database", closed.into()),
                });
                if let Err(error) = inside(&session, &mut findings).await {
                    findings.push(ill("database", error.into()));
                }
                session.close().await;
            }
        }
    } else {
        let text = format!("there is none yet at {}", app.folder.root().display());
        findings.push(well("data folder", text));
    }
    let is_well = findings.iter().all(|f| f.health != Health::Ill);
    if app.terminal.is_json() {
        app.terminal.print_json(&DoctorWire {
            well: is_well,
            findings,
        });
    } else {
        app.terminal.print(&page(&findings));
    }
    Ok(if is_well { Exit::Ok } else { Exit::Refused })
}

fn page(findings: &[Finding]) -> Page {
    let mut page = Page::new();
    for finding in findings {
        let (style, mark) = match finding.health {
            Health::Well => (Style::Good, "✓ "),
            Health::Look => (Style::Warn, "! "),
            Health::Ill => (Style::Bad, "✗ "),
        };
        page.line(0)
            .add(style, mark)
            .column(Style::Bold, finding.about, 14)
            .add(Style::Plain, &finding.found);
        if let Some(next) = &finding.next {
            page.line(16).add(Style::Plain, "→ ").add(Style::Plain, next);
        }
    }
    page
}

fn git() -> Finding {
    match countersign_git::version() {
        Ok(version) => well("git", version),
        Err(error) => ill("git", CliError::from(error).next("Install git.")),
    }
}

/// Whether all that is set can be read, and does something.
fn configuration(app: &App) -> Finding {
    let about = "settings";
    if let Err(error) = app.settings.usable() {
        return ill(about, error.into());
    }
    if let Err(error) = app.settings.config() {
        return ill(about, error.into());
    }
    let warnings = super::config::warnings(app);
    if !warnings.is_empty() {
        return worth_a_look(about, warnings.join("; "), "Read them: countersign config show");
    }
    well(
        about,
        match app.settings.file() {
            Some((file, true)) => file.display().to_string(),
            Some((_, false)) | None => "no file; defaults, environment and options".to_owned(),
        },
    )
}

/// By which key commits are signed; nothing where none is set.
fn signing(app: &App) -> Option<Finding> {
    let about = "commits";
    // What is wrong with a setting is a finding of its own.
    let settings = app.settings.commits().ok()?;
    let file = settings.signing_key_file.as_ref()?.display().to_string();
    Some(match CommitKey::of(&settings) {
        Err(error) => ill(about, error),
        Ok(key) => {
            let key = key?;
            let found = format!("signed by {}, as {}", key.fingerprint(), key.committer());
            Finding {
                next: Some(format!(
                    "GitHub shows them as verified where `ssh-keygen -y -f {file}` is a signing key of an account with \
                     that address (docs/github.md)."
                )),
                ..well(about, found)
            }
        }
    })
}

/// Nobody else may read a folder of ours.
fn privacy(about: &'static str, folder: &Path) -> Finding {
    let shown = folder.display();
    match std::fs::metadata(folder) {
        Err(error) => ill(about, crate::error::file_error("can't look at", folder, &error)),
        Ok(found) if found.permissions().mode() & 0o077 == 0 => well(about, shown.to_string()),
        Ok(_) => worth_a_look(
            about,
            format!("{shown} can be read by others"),
            format!("chmod 700 {shown}"),
        ),
    }
}

/// What an opened data folder tells. Where something of it can't be read, what was found before stays.
async fn inside(session: &Session, findings: &mut Vec<Finding>) -> Result<(), StoreError> {
    findings.push(confinement(session).await);
    findings.push(ledger(session).await?);
    findings.push(notices(session).await?);
    findings.extend(hosted::repositories(session).await?);
    findings.push(match drive::refuse_old_clock(session).await {
        Ok(()) => well("clock", "not behind the ledger"),
        Err(error) => ill("clock", error),
    });
    let alarms = {
        let alarms = session.store.alarms().await?;
        alarms.iter().filter(|a| a.cleared.is_none()).count()
    };
    findings.push(match alarms {
        0 => well("alarms", "none"),
        some => worth_a_look(
            "alarms",
            format!("{some} point to a forgery"),
            "Read them: countersign list",
        ),
    });
    let (mut waiting, mut held) = (0, Vec::new());
    for row in session.store.workflows(LOOKED_AT_MAX).await? {
        waiting += u32::from(row.open_requests > 0);
        if !row.state.is_final() && !session.store.held_inputs(&row.id).await?.is_empty() {
            held.push(row.id.to_string());
        }
    }
    findings.push(match held.first() {
        None => well("workflows", format!("{waiting} wait for a person")),
        Some(first) => worth_a_look(
            "workflows",
            format!(
                "{} are held by inputs that can't be judged: {}",
                held.len(),
                held.join(", ")
            ),
            format!("countersign show {first}, then countersign cancel {first} --reason …"),
        ),
    });
    let root = session.app.folder.root();
    findings.push(match OwnerLock::try_acquire(root)? {
        Some(_free) => well(
            "worker",
            "nobody works at the moment; `run`, `resume` and `serve` do",
        ),
        None => {
            let who = OwnerLock::last_holder(root);
            well(
                "worker",
                who.map_or_else(
                    || "another process works".to_owned(),
                    |pid| format!("process {pid} works"),
                ),
            )
        }
    });
    Ok(())
}

/// Every leaf, body and stream, and the tree made anew of them.
async fn ledger(session: &Session) -> Result<Finding, StoreError> {
    let (size, sealed) = session.store.ledger_size().await?;
    Ok(match session.database().check_entries(&TenantId::local()).await {
        Ok(_) => well(
            "ledger",
            format!("{size} entries, all whole, {sealed} of them under a signed checkpoint"),
        ),
        Err(error) => ill("ledger", CliError::from(error).next("How: docs/recovery.md")),
    })
}

/// Where notices go as it is set here, and whether the last ones arrived.
async fn notices(session: &Session) -> Result<Finding, StoreError> {
    let about = "notices";
    // What is wrong with a setting is a finding of its own.
    let Ok(config) = session.app.settings.config() else {
        return Ok(worth_a_look(
            about,
            "the settings can't be read",
            "countersign config show",
        ));
    };
    let settings = NoticeSettings::of(&config);
    if let Some(idle) = settings.idle.first() {
        let next = "Name the server (docs/notices.md), or take the address out.";
        return Ok(worth_a_look(about, idle, next));
    }
    let places = match page_origin(ANY_ORIGIN).and_then(|origin| settings.notifiers(&origin)) {
        Ok(places) => places,
        Err(error) => return Ok(ill(about, error)),
    };
    let mut lost = outbox(session).list(NOTICES_LOOKED_AT).await?;
    lost.retain(|row| match row.standing {
        NoticeStanding::Refused | NoticeStanding::Unknown | NoticeStanding::GivenUp => true,
        NoticeStanding::Waiting
        | NoticeStanding::Sending
        | NoticeStanding::Delivered
        | NoticeStanding::Void => false,
    });
    if let Some(row) = lost.first() {
        let why = row.message.as_deref().unwrap_or("it did not arrive");
        let found = format!(
            "{} of the last {NOTICES_LOOKED_AT} did not arrive for sure; the newest: {why}",
            lost.len()
        );
        let next = "Read them: countersign notices. Try the places: countersign notices test";
        return Ok(worth_a_look(about, found, next));
    }
    if places.is_empty() {
        return Ok(well(
            about,
            "no mail server and no webhook is set here, so nothing leaves",
        ));
    }
    let shown: Vec<&str> = places.iter().map(|n| n.place().shown.as_str()).collect();
    Ok(well(about, format!("go to {}", shown.join(", "))))
}

/// Whether a `command:` agent could be held on this machine.
async fn confinement(session: &Session) -> Finding {
    let rights = Rights::Confined {
        reads: Vec::new(),
        reaches: Vec::new(),
    };
    let agent = ResolvedAgent::Command {
        command: "true".to_owned(),
        rights,
    };
    let held = match session.ports.agents.build(agent) {
        Ok(agent) => agent.confinement(AgentRole::Coder).await,
        Err(error) => Err(error),
    };
    match held {
        Ok(confinement) => well(
            "confinement",
            format!("command agents are {} here", confinement.words()),
        ),
        Err(error) => worth_a_look(
            "confinement",
            format!("command agents can't be held here: {error}"),
            "Install bubblewrap (bwrap), or use a kernel with Landlock; nothing else needs it.",
        ),
    }
}
