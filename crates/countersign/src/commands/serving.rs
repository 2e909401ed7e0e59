//! `serve` and `code`: the server on this data folder, and who may come in.

use super::open_files::room_for_connections;
use crate::cli::Roles;
use crate::config::{Config, PublicOrigin, Serve};
use crate::error::{CliError, Exit};
use crate::github;
use crate::keys::Keys;
use crate::noticing::{NoticeSettings, notices, outbox, page_origin};
use crate::session::Session;
use crate::terminal::{Page, Style};
use countersign_core::id::{MemberId, TenantId, WorkflowId};
use countersign_core::workflow::{Effect, Event};
use countersign_engine::notices::Notices;
use countersign_engine::{Observer, Ports, TryEnd, Worker};
use countersign_forge::github::{GitHubComments, GitHubHooks, Secret};
use countersign_ports::directory::Directory;
use countersign_ports::notice::Notifier;
use countersign_server::{
    Answers, CODE_MS, Commands, HeldKeys, HookDoor, House, Metrics, Origin, Problem, Pulse, new_code, router,
    serve,
};
use countersign_store::OwnerLock;
use ed25519_dalek::SigningKey;
use serde::Serialize;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

impl From<Problem> for CliError {
    fn from(problem: Problem) -> Self {
        let error = if problem.status().is_server_error() {
            Self::internal(problem.code.clone(), problem.detail())
        } else {
            Self::refused(problem.code.clone(), problem.detail())
        };
        match problem.next_step() {
            Some(next) => error.next(next),
            None => error,
        }
    }
}

/// The keys of members, as the server asks for them.
struct MemberSeeds(Keys);

impl HeldKeys for MemberSeeds {
    fn key(&self, member: &MemberId) -> Result<SigningKey, String> {
        self.0.member(member).map_err(|e| e.to_string())
    }
}

/// Beats the pulse after every commit, counts, and writes the log.
struct Beating {
    pulse: Pulse,
    metrics: Arc<Metrics>,
}

impl Observer for Beating {
    fn recorded(&self, _workflow: &WorkflowId, events: &[Event]) {
        self.metrics.recorded(events);
        self.pulse.beat();
    }

    fn performing(&self, workflow: &WorkflowId, effect: &Effect, attempt: u32) {
        tracing::info!(%workflow, effect = effect.kind(), attempt, "performing");
    }

    fn performed(&self, effect: &Effect, end: TryEnd, took: Duration) {
        self.metrics.performed(effect, end, took);
    }

    fn retrying(&self, workflow: &WorkflowId, effect: &Effect, message: &str) {
        tracing::warn!(%workflow, effect = effect.kind(), message, "an effect is tried again");
    }
}

/// What `serve --json` prints when it listens.
#[derive(Debug, Serialize)]
struct ListeningWire {
    /// What browsers open.
    url: String,
    /// What programs on this machine may use.
    address: String,
    /// A one-time code for the user that started it.
    code: String,
}

/// `serve`.
pub(super) async fn run(session: &Session) -> Result<Exit, CliError> {
    let signals = Signals::listen()?;
    let config = session.app.settings.config()?;
    say_warnings(session);
    let (worker, api) = match config.serve.role {
        Roles::All => (true, true),
        Roles::Api => (false, true),
        Roles::Worker => (true, false),
    };
    let lock = if worker { Some(take_folder(session)?) } else { None };
    let bound = if api {
        Some(bind(session, &config.serve).await?)
    } else {
        None
    };
    let origin = match &bound {
        Some((_, origin)) => origin.clone(),
        None => named_origin(session, &config.serve, config.serve.listen)?,
    };
    let comments = comments(session, &config, &origin)?;
    let noticing = if worker {
        Some(noticing(session, &config, &origin, comments.clone())?)
    } else {
        None
    };
    let connections = room_for_connections();
    let pulse = Pulse::beside(connections);
    let metrics = Arc::new(Metrics::default());
    let ports = Ports {
        observer: Arc::new(Beating {
            pulse: pulse.clone(),
            metrics: Arc::clone(&metrics),
        }),
        ..session.ports.clone()
    };
    let (stop, stopped) = watch::channel(false);
    let working = if worker {
        session.refuse_unusable_commit_key()?;
        let name = format!("serve-{}", std::process::id());
        let worker = Arc::new(Worker::start(ports.clone(), name).await?);
        Some(tokio::spawn(worker.serve(stopped.clone())))
    } else {
        None
    };
    let noticing = noticing.map(|notices| tokio::spawn(Arc::new(notices).serve(stopped.clone())));
    let commands = if worker {
        let answers = comments.map(|comments| Answers {
            outbox: outbox(session),
            place: comments.place().clone(),
        });
        commands(session, &config, answers, &metrics).map(|all| tokio::spawn(all.serve(stopped.clone())))
    } else {
        None
    };
    let serving = if let Some((listener, origin)) = bound {
        let github = github::sign_in(&config.github, &origin)?;
        announce(session, &listener, &origin).await?;
        let house = House {
            store: session.store.clone(),
            access: session.database().access(&TenantId::local()),
            outbox: outbox(session),
            github,
            directory: config
                .github
                .is_known()
                .then(|| session.github.clone() as Arc<dyn Directory>),
            hooks: hooks(session, &config),
            reviewing: session.database().reviewing(&TenantId::local()),
            keys: Arc::new(MemberSeeds(session.keys().clone())),
            ports,
            behind_proxy: config.serve.behind_proxy,
            cors: config.serve.callers(),
            origin,
            pulse,
            metrics,
            settings: super::config::listed(&session.app),
            stopping: stopped.clone(),
        };
        Some(tokio::spawn(serve(listener, router(house), connections, stopped)))
    } else {
        say_working(session);
        None
    };
    let ended = until_stopped(signals, stop, working, serving).await;
    if let Some(noticing) = noticing {
        // A mail that was begun is brought to its end, so that its outcome is known.
        let _ended = noticing.await;
    }
    if let Some(commands) = commands {
        // A comment that was begun is looked at to its end.
        let _ended = commands.await;
    }
    ended?;
    drop(lock);
    say_stopped(session);
    Ok(Exit::Ok)
}

/// Deliveries of GitHub, where there is a secret to check them with.
fn hooks(session: &Session, config: &Config) -> Option<HookDoor> {
    let secret = config.github.webhook_secret.as_ref()?;
    Some(HookDoor {
        reader: Arc::new(GitHubHooks::new(&Secret::new(secret.reveal()))),
        kept: session.database().hooks(&TenantId::local()),
    })
}

/// Who follows commands in comments and the label that starts, where webhooks point to them.
fn commands(
    session: &Session,
    config: &Config,
    answers: Option<Answers>,
    metrics: &Arc<Metrics>,
) -> Option<Commands> {
    config.github.webhook_secret.as_ref()?;
    Some(Commands {
        clock: session.ports.store.clone(),
        store: session.store.clone(),
        hooks: session.database().hooks(&TenantId::local()),
        said: session.github.clone(),
        keys: Arc::new(MemberSeeds(session.keys().clone())),
        reviewing: session.database().reviewing(&TenantId::local()),
        start_label: config.github.start_label.as_ref().map(|label| label.0.clone()),
        answers,
        metrics: Arc::clone(metrics),
    })
}

/// The notices of the worker's process.
fn noticing(
    session: &Session,
    config: &Config,
    origin: &Origin,
    comments: Option<Arc<GitHubComments>>,
) -> Result<Notices, CliError> {
    let mut notifiers = NoticeSettings::of(config).notifiers(&page_origin(&origin.url())?)?;
    notifiers.extend(comments.map(|comments| comments as Arc<dyn Notifier>));
    Ok(notices(session, notifiers))
}

/// Where commands in comments are answered: where they are followed, and it is known whose the answers are.
fn comments(
    session: &Session,
    config: &Config,
    origin: &Origin,
) -> Result<Option<Arc<GitHubComments>>, CliError> {
    let github = &config.github;
    if github.webhook_secret.is_none() || !github.is_known() {
        return Ok(None);
    }
    let origin = page_origin(&origin.url())?;
    Ok(Some(Arc::new(GitHubComments::new(
        session.github.clone(),
        origin,
    ))))
}

/// What asks the process to end; listened for before anybody is told that it runs.
struct Signals {
    interrupted: Signal,
    terminated: Signal,
}

impl Signals {
    fn listen() -> Result<Self, CliError> {
        let listen = |kind| {
            signal(kind)
                .map_err(|e| CliError::internal("no-signals", format!("can't listen for signals: {e}")))
        };
        Ok(Self {
            interrupted: listen(SignalKind::interrupt())?,
            terminated: listen(SignalKind::terminate())?,
        })
    }
}

type Working = tokio::task::JoinHandle<Result<(), countersign_engine::EngineError>>;
type Serving = tokio::task::JoinHandle<std::io::Result<()>>;

/// Runs until the process is asked to end, or one half of it can't go on; what was begun comes to its end.
async fn until_stopped(
    mut signals: Signals,
    stop: watch::Sender<bool>,
    mut working: Option<Working>,
    mut serving: Option<Serving>,
) -> Result<(), CliError> {
    let mut worked = None;
    tokio::select! {
        _ = signals.interrupted.recv() => {}
        _ = signals.terminated.recv() => {}
        ended = async { working.as_mut().expect("polled only where there is one").await }, if working.is_some() => {
            worked = Some(ended);
            working = None;
        }
        _ended = async { serving.as_mut().expect("polled only where there is one").await }, if serving.is_some() => {
            serving = None;
        }
    }
    // Nobody listens any more where both have ended.
    let _all_gone = stop.send(true);
    if let Some(working) = working {
        worked = Some(working.await);
    }
    if let Some(serving) = serving {
        let _ended = serving.await;
    }
    match worked {
        Some(Ok(ended)) => Ok(ended?),
        Some(Err(_died)) => Err(CliError::internal(
            "worker-died",
            "the worker ended in an internal error",
        )),
        None => Ok(()),
    }
}

fn take_folder(session: &Session) -> Result<OwnerLock, CliError> {
    let root = session.app.folder.root();
    OwnerLock::try_acquire(root)?.ok_or_else(|| {
        let who = OwnerLock::last_holder(root)
            .map_or_else(|| "another process".to_owned(), |p| format!("process {p}"));
        CliError::refused(
            "data-folder-busy",
            format!("{who} works in this data folder already"),
        )
        .next("Stop it first, or begin with --role api beside it.")
    })
}

/// Opens the socket. Beyond this machine only behind a proxy that speaks TLS, and said so.
async fn bind(session: &Session, args: &Serve) -> Result<(TcpListener, Origin), CliError> {
    if !args.listen.ip().is_loopback() && (args.origin.is_none() || !args.behind_proxy) {
        let text = format!(
            "{} can be reached from other machines, and nothing here encrypts",
            args.listen
        );
        return Err(CliError::refused("public-bind", text).next(
            "Listen on 127.0.0.1, or put a proxy with TLS before it and say so: --origin https://NAME --behind-proxy\n\
             (or COUNTERSIGN_ORIGIN=https://NAME and COUNTERSIGN_BEHIND_PROXY=true)",
        ));
    }
    let failed = |e: std::io::Error| {
        CliError::refused("cannot-listen", format!("can't listen on {}: {e}", args.listen))
            .next("Name another port: --listen 127.0.0.1:0 takes any that is free.")
    };
    let listener = TcpListener::bind(args.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, named_origin(session, args, address)?))
}

/// What people open: the name that a proxy has, or the one that is this data folder's on this machine.
pub(super) fn named_origin(session: &Session, args: &Serve, address: SocketAddr) -> Result<Origin, CliError> {
    match &args.origin {
        Some(origin) => Ok(public_origin(origin)),
        None => local_origin(session, address),
    }
}

fn public_origin(origin: &PublicOrigin) -> Origin {
    Origin {
        scheme: "https".to_owned(),
        host: origin.0.clone(),
        also: Vec::new(),
    }
}

/// A name of its own for this data folder, so that no other program on a port of this machine gets its cookies.
fn local_origin(session: &Session, address: SocketAddr) -> Result<Origin, CliError> {
    let port = address.port();
    Ok(Origin {
        scheme: "http".to_owned(),
        host: format!("cs-{}.localhost:{port}", session.keys().origin_label()?),
        also: vec![
            format!("127.0.0.1:{port}"),
            format!("localhost:{port}"),
            format!("[::1]:{port}"),
        ],
    })
}

async fn announce(session: &Session, listener: &TcpListener, origin: &Origin) -> Result<(), CliError> {
    let code = fresh_code(session).await?;
    let address = listener
        .local_addr()
        .map_or_else(|_| String::new(), |a| format!("http://{a}"));
    // Behind a proxy the server answers to its public name only; on this machine programs use the address.
    let api = if origin.also.is_empty() {
        origin.url()
    } else {
        address.clone()
    };
    let terminal = &session.app.terminal;
    if terminal.is_json() {
        terminal.print_json_line(&ListeningWire {
            url: origin.url(),
            address,
            code,
        });
        return Ok(());
    }
    let mut page = Page::new();
    page.line(0)
        .add(Style::Good, "✓ ")
        .add(Style::Plain, "listening on ")
        .add(Style::Bold, origin.url());
    page.line(2)
        .column(Style::Dim, "sign in with", 14)
        .add(Style::Bold, &code)
        .add(
            Style::Dim,
            format!(
                "  (once, within {} minutes; another: countersign code)",
                CODE_MS / 60_000
            ),
        );
    page.line(2)
        .column(Style::Dim, "API", 14)
        .add(Style::Plain, format!("{api}/api/docs"));
    page.line(2).add(Style::Dim, "Ctrl-C stops it; nothing is lost.");
    terminal.print(&page);
    Ok(())
}

/// What is set and has no effect is said before anything else is.
fn say_warnings(session: &Session) {
    let mut page = Page::new();
    for warning in super::config::warnings(&session.app) {
        page.line(0).add(Style::Warn, "! ").add(Style::Plain, warning);
    }
    session.app.terminal.note(&page);
}

fn say_working(session: &Session) {
    let mut page = Page::new();
    page.line(0)
        .add(Style::Good, "✓ ")
        .add(Style::Plain, "working; Ctrl-C stops it, nothing is lost");
    session.app.terminal.note(&page);
}

fn say_stopped(session: &Session) {
    let mut page = Page::new();
    page.line(0).add(Style::Dim, "stopped; nothing is lost");
    session.app.terminal.note(&page);
}

async fn fresh_code(session: &Session) -> Result<String, CliError> {
    let (member, _) = session.member().await?;
    let access = session.database().access(&TenantId::local());
    let now = session.ports.store.now().await?;
    Ok(new_code(access.as_ref(), &member, now).await?)
}

/// `code --json`.
#[derive(Debug, Serialize)]
struct CodeWire {
    /// The one-time code.
    code: String,
    /// For how long, in seconds.
    valid_s: u64,
}

/// `code`.
pub(super) async fn code(session: &Session) -> Result<Exit, CliError> {
    let code = fresh_code(session).await?;
    let terminal = &session.app.terminal;
    if terminal.is_json() {
        terminal.print_json(&CodeWire {
            code,
            valid_s: CODE_MS / 1000,
        });
        return Ok(Exit::Ok);
    }
    terminal.pipe(format!("{code}\n").as_bytes());
    let mut page = Page::new();
    page.line(0).add(
        Style::Dim,
        format!("It works once, within {} minutes.", CODE_MS / 60_000),
    );
    terminal.note(&page);
    Ok(Exit::Ok)
}
