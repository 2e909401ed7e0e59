//! `github setup`: a GitHub App is made out of a manifest by a person in a browser, and its key is kept here.
//!
//! Nothing is written on GitHub by this program: the person says yes on GitHub's own page. What comes back is a code that is
//! exchanged once. Key and secret go into files that nobody else can read, and are never shown; a file with settings that is
//! there already is left as it is.

mod door;

use super::files::read;
use super::throwaway::blocking;
use crate::cli::GithubSetupArgs;
use crate::config::{FILE_NAME, Github};
use crate::error::{CliError, Exit, file_error};
use crate::folder::make_private;
use crate::hosting;
use crate::session::{App, random_hex};
use crate::terminal::{Page, Style};
use countersign_forge::github::{Made, Manifest, SERVER_URL};
use countersign_server::HOOKS_PATH;
use door::Door;
use serde::Serialize;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Longest code that is read, in bytes, with what may be around it. GitHub's have 40.
const CODE_MAX_BYTES: usize = 1_024;
/// Where nobody listens: for a code that a person carries over.
const NO_DOOR: &str = "http://127.0.0.1:9/done";

/// What `github setup --json` prints while it waits.
#[derive(Debug, Serialize)]
struct WaitingWire {
    /// For a browser of this machine.
    open: String,
}

/// And what it prints at the end.
#[derive(Debug, Serialize)]
struct MadeWire {
    /// The App's number.
    app_id: u64,
    /// Its name in addresses.
    slug: String,
    /// Where it is installed on repositories.
    install: String,
    /// Its private key.
    key_file: String,
    /// What else was written: settings, as they count or to be taken over.
    settings_file: String,
    /// Whether these settings count already.
    counts: bool,
}

/// `github setup`.
pub(super) async fn setup(app: &App, args: &GithubSetupArgs) -> Result<Exit, CliError> {
    app.refuse_server()?;
    let settings = app.settings.hosting()?;
    if settings.app_id.is_some() {
        return Err(
            CliError::refused("github-app-set", "an App is set already: github.app_id")
                .next("Take github.app_id and github.app_private_key_file out, then begin anew."),
        );
    }
    let code = match &args.code {
        Some(code) => {
            make_room(app)?;
            code_of(code)?
        }
        None => {
            let wanted = manifest(app, args, &settings)?;
            if args.manifest {
                app.terminal.print_json(&wanted.to_json());
                app.terminal.note(&where_to_send(&form(args, &settings)));
                return Ok(Exit::Ok);
            }
            make_room(app)?;
            walk(app, args, &settings, wanted).await?
        }
    };
    let nobody = Github {
        token: None,
        ..settings.clone()
    };
    let github = hosting::api(&nobody)?;
    let made = blocking(move || github.exchange(&code)).await??;
    let kept = keep(app, args, &settings, &made).map_err(|error| {
        let text = format!("the App is made ({}), but {}", made.page, error.message);
        CliError::refused(error.code, text)
            .next("Generate another private key on its page, or delete it there.")
    })?;
    say(app, args, &made, &kept);
    Ok(Exit::Ok)
}

/// The code itself; `-` is read from standard input, so that no list of processes shows it.
fn code_of(given: &str) -> Result<String, CliError> {
    if given != "-" {
        return Ok(given.to_owned());
    }
    let bytes = read("the code", Path::new("-"), CODE_MAX_BYTES)?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// GitHub's page that takes the manifest.
fn form(args: &GithubSetupArgs, settings: &Github) -> String {
    let (server, _) = hosting::addresses(settings);
    match &args.organization {
        Some(organization) => format!("{server}/organizations/{organization}/settings/apps/new"),
        None => format!("{server}/settings/apps/new"),
    }
}

/// For a person who carries it over: beside the manifest, which a program may read.
fn where_to_send(form: &str) -> Page {
    let mut page = Page::new();
    page.line(0)
        .add(Style::Plain, "Send this in a form's field `manifest` to ")
        .add(Style::Bold, form);
    page.line(0).add(
        Style::Dim,
        "(docs/github.md has such a form). Then: countersign github setup --code -",
    );
    page
}

/// What could go wrong here does so before there is an App.
fn make_room(app: &App) -> Result<(), CliError> {
    app.folder.create_root()?;
    make_private(app.folder.keys())
}

/// What the App is to be; the way back is still to be found.
fn manifest(app: &App, args: &GithubSetupArgs, settings: &Github) -> Result<Manifest, CliError> {
    let origin = app.settings.config()?.serve.origin;
    let origin = origin.map(|name| format!("https://{}", name.0));
    let webhooks = match (&origin, args.without_webhooks) {
        (_, true) => None,
        (Some(origin), false) => Some(format!("{origin}{HOOKS_PATH}")),
        (None, false) => {
            let text = "GitHub has to be told where it can reach this server, and serve.origin is not set";
            return Err(CliError::usage("no-origin", text).next(
                "Set serve.origin or COUNTERSIGN_ORIGIN=https://NAME; or add --without-webhooks: changes are then looked for.",
            ));
        }
    };
    let (server, _) = hosting::addresses(settings);
    let name = match &args.name {
        Some(name) => name.clone(),
        None => format!("countersign-{}", &random_hex()?[..8]),
    };
    Ok(Manifest {
        name,
        url: origin.unwrap_or(server),
        redirect_url: NO_DOOR.to_owned(),
        webhooks,
        workflows: args.with_workflows,
    })
}

/// Takes a person to GitHub and waits for them to come back: the code.
async fn walk(
    app: &App,
    args: &GithubSetupArgs,
    settings: &Github,
    wanted: Manifest,
) -> Result<String, CliError> {
    let door = Door::open().await?;
    let redirect_url = door.way_back();
    let manifest = Manifest {
        redirect_url,
        ..wanted
    };
    let (server, _) = hosting::addresses(settings);
    let there = form(args, settings);
    let open = door.address();
    if app.terminal.is_json() {
        app.terminal.print_json_line(&WaitingWire { open });
    } else {
        let mut page = Page::new();
        page.line(0).add(
            Style::Plain,
            "Open this in a browser of this machine, and say yes on GitHub:",
        );
        page.line(2).add(Style::Bold, open);
        page.line(2)
            .add(Style::Dim, "It waits for 10 minutes; Ctrl-C stops it.");
        app.terminal.note(&page);
    }
    door.wait(&server, &there, &manifest.to_json().to_string()).await
}

/// Where everything is now.
struct Kept {
    key: PathBuf,
    settings: PathBuf,
    /// They are read from there.
    counts: bool,
}

fn keep(app: &App, args: &GithubSetupArgs, settings: &Github, made: &Made) -> Result<Kept, CliError> {
    let named = |end: &str| app.folder.keys().join(format!("github-app-{}.{end}", made.id));
    let key = named("pem");
    write_private(&key, made.key.reveal())?;
    let file = match app.settings.file() {
        Some((file, _)) => file.to_owned(),
        None => app.folder.root().join(FILE_NAME),
    };
    let counts = !file.exists();
    let file = if counts { file } else { named("toml") };
    write_private(&file, &lines(args, settings, made, (&key, &file), counts))?;
    Ok(Kept {
        key,
        settings: file,
        counts,
    })
}

/// Whole and never over another one.
fn write_private(file: &Path, text: &str) -> Result<(), CliError> {
    let write = || {
        let mut opened = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(file)?;
        opened.write_all(text.as_bytes())?;
        opened.sync_all()
    };
    write().map_err(|error| file_error("can't write", file, &error))
}

/// The settings as a file has them.
fn lines(
    args: &GithubSetupArgs,
    settings: &Github,
    made: &Made,
    (key, file): (&Path, &Path),
    counts: bool,
) -> String {
    // A path without its beginning is looked for beside the file that has it; lines that are taken over end elsewhere.
    let beside = file.parent().and_then(|folder| key.strip_prefix(folder).ok());
    let whole = std::path::absolute(key).unwrap_or_else(|_| key.to_owned());
    let key = beside.filter(|_| counts).unwrap_or(&whole).to_string_lossy();
    let mut text = format!("[github]\napp_id = {}\n", made.id);
    // A text in JSON is one in TOML, too.
    let mut line = |name: &str, value: &str| {
        text.push_str(&format!("{name} = {}\n", serde_json::Value::from(value)));
    };
    line("app_private_key_file", &key);
    if let Some(secret) = made.webhook_secret.as_ref().filter(|_| !args.without_webhooks) {
        line("webhook_secret", secret.reveal());
    }
    let (server, api) = hosting::addresses(settings);
    if server != SERVER_URL {
        line("base_url", &server);
        line("api_url", &api);
    }
    text
}

fn say(app: &App, args: &GithubSetupArgs, made: &Made, kept: &Kept) {
    let install = format!("{}/installations/new", made.page);
    if app.terminal.is_json() {
        app.terminal.print_json_line(&MadeWire {
            app_id: made.id,
            slug: made.slug.clone(),
            install,
            key_file: kept.key.display().to_string(),
            settings_file: kept.settings.display().to_string(),
            counts: kept.counts,
        });
        return;
    }
    let mut page = Page::new();
    page.line(0)
        .add(Style::Good, "✓ ")
        .add(Style::Name, &made.slug)
        .add(Style::Plain, format!(" is App {}", made.id));
    page.line(2)
        .column(Style::Dim, "key", 10)
        .add(Style::Plain, kept.key.display().to_string());
    page.line(2)
        .column(Style::Dim, "settings", 10)
        .add(Style::Plain, kept.settings.display().to_string());
    let mut steps = Vec::new();
    if !kept.counts {
        steps.push(
            "Take the lines of that file over into your config.toml, which was left as it is.".to_owned(),
        );
    }
    steps.push(format!("Install it on your repositories: {install}"));
    steps.push("countersign repo add --github OWNER/NAME".to_owned());
    steps.push("countersign doctor".to_owned());
    if !args.without_webhooks {
        steps.push("countersign serve".to_owned());
    }
    for (number, step) in steps.into_iter().enumerate() {
        page.line(2).add(Style::Plain, format!("{}. {step}", number + 1));
    }
    app.terminal.print(&page);
}
