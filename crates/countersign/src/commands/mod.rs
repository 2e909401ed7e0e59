//! One module per group of commands. A command reads its arguments, asks the ports, and says how it came out.

mod acts;
mod api_keys;
mod approve;
mod backup;
mod config;
mod deselect;
mod digits;
mod doctor;
mod files;
mod flow;
mod github;
mod holds;
mod import;
mod in_toto;
mod init;
mod issues;
mod keeping;
mod ledger;
mod look;
mod members;
mod migrate;
mod notices;
mod open_files;
mod patch;
mod policy;
mod proposer;
mod repo;
mod resuming;
mod serving;
mod sign_in;
mod submission;
mod throwaway;
mod verify;
mod waive;
mod watch;
mod which;

pub(crate) use resuming::Resumed;

use crate::cli::{
    self, AlarmCommand, Command, ConfigCommand, GithubCommand, KeyCommand, LedgerCommand, MemberCommand,
    PatchCommand, PolicyCommand, RepoCommand,
};
use crate::desk::Desk;
use crate::error::{CliError, Exit};
use crate::session::{App, Session};

/// Does what was asked.
///
/// # Errors
/// When it can't be done; the error says what to do next.
pub(crate) async fn perform(app: &App, command: Command) -> Result<Exit, CliError> {
    match command {
        Command::Policy(PolicyCommand::Show(args)) => policy::show(app, args).await,
        Command::Policy(PolicyCommand::Check(args)) => policy::check(app, args).await,
        Command::Policy(PolicyCommand::Test(args)) => policy::test(app, args).await,
        Command::Patch(PatchCommand::Apply(args)) => patch::apply(app, args).await,
        Command::Patch(PatchCommand::Show(args)) => patch::show(app, args).await,
        Command::Verify(args) => verify::verify(app, args).await,
        Command::Init(args) => init::init(app, args).await,
        Command::Doctor => doctor::doctor(app).await,
        Command::Github(GithubCommand::Setup(args)) => github::setup(app, &args).await,
        Command::Migrate(args) => migrate::migrate(app, &args).await,
        Command::Config(ConfigCommand::Show) => config::show(app),
        Command::Config(ConfigCommand::Reference(args)) => Ok(config::reference(app, &args)),
        Command::Completions(args) => {
            app.terminal.pipe(&cli::completions(args.shell));
            Ok(Exit::Ok)
        }
        Command::Restore(args) => match &args.from {
            Some(from) => backup::restore(app, from).await,
            None => resuming::resume(app, &args).await,
        },
        Command::SignIn => sign_in::sign_in(app).await,
        Command::SignOut => sign_in::sign_out(app).await,
        Command::Run(_)
        | Command::Submit(_)
        | Command::Resume(_)
        | Command::List(_)
        | Command::Show(_)
        | Command::Diff(_)
        | Command::Watch(_)
        | Command::Approve(_)
        | Command::Reject(_)
        | Command::RequestChanges(_)
        | Command::Deselect(_)
        | Command::Waive(_)
        | Command::Answer(_)
        | Command::Withdraw(_)
        | Command::Cancel(_)
        | Command::Revert(_)
        | Command::Retry(_)
        | Command::Wake(_)
        | Command::Extend(_)
        | Command::Freeze(_)
        | Command::Unfreeze(_)
        | Command::Alarm(_)
        | Command::Repo(_)
        | Command::Key(_)
        | Command::Member(
            MemberCommand::Add(_)
            | MemberCommand::List
            | MemberCommand::Change(_)
            | MemberCommand::Remove(_)
            | MemberCommand::Code(_),
        )
        | Command::Ledger(
            LedgerCommand::Export(_)
            | LedgerCommand::Checkpoint
            | LedgerCommand::Show(_)
            | LedgerCommand::Consistency(_),
        ) => {
            let desk = Desk::open(app).await?;
            let result = at_desk(&desk, command).await;
            desk.close().await;
            result
        }
        Command::Backup(_)
        | Command::Serve(_)
        | Command::Code
        | Command::Notices(_)
        | Command::Member(MemberCommand::Link(_))
        | Command::Ledger(LedgerCommand::Erase(_) | LedgerCommand::RotateKey) => {
            app.refuse_server()?;
            let session = Session::open(app).await?;
            let result = in_session(&session, command).await;
            session.close().await;
            result
        }
    }
}

/// What is done in a data folder and over a server alike.
async fn at_desk(desk: &Desk, command: Command) -> Result<Exit, CliError> {
    match command {
        Command::Run(args) => flow::run(desk, args).await,
        Command::Submit(args) => flow::submit(desk, args).await,
        Command::Resume(args) => flow::resume(desk, args).await,
        Command::List(args) => look::list(desk, args).await,
        Command::Show(args) => look::show(desk, args).await,
        Command::Diff(args) => look::diff(desk, args).await,
        Command::Watch(args) => watch::watch(desk, args).await,
        Command::Approve(args) => approve::approve(desk, args).await,
        Command::Reject(args) => acts::reject(desk, args).await,
        Command::RequestChanges(args) => acts::request_changes(desk, args).await,
        Command::Deselect(args) => deselect::deselect(desk, args).await,
        Command::Waive(args) => waive::waive(desk, args).await,
        Command::Answer(args) => acts::answer(desk, args).await,
        Command::Withdraw(args) => acts::withdraw(desk, args).await,
        Command::Cancel(args) => acts::cancel(desk, args).await,
        Command::Revert(which) => flow::revert(desk, which).await,
        Command::Retry(which) => acts::retry(desk, which).await,
        Command::Wake(which) => acts::wake(desk, which).await,
        Command::Extend(args) => acts::extend(desk, args).await,
        Command::Freeze(args) => holds::freeze(desk, args, false).await,
        Command::Unfreeze(args) => holds::freeze(desk, args, true).await,
        Command::Alarm(AlarmCommand::List(args)) => holds::alarms(desk, args).await,
        Command::Alarm(AlarmCommand::Clear(args)) => holds::clear(desk, args).await,
        Command::Repo(RepoCommand::Add(args)) => repo::add(desk, args).await,
        Command::Repo(RepoCommand::List) => repo::list(desk).await,
        Command::Repo(RepoCommand::Search(args)) => repo::search(desk, args).await,
        Command::Member(MemberCommand::Add(args)) => members::add(desk, args).await,
        Command::Member(MemberCommand::List) => members::list(desk).await,
        Command::Member(MemberCommand::Change(args)) => members::change(desk, args).await,
        Command::Member(MemberCommand::Remove(args)) => members::remove(desk, args).await,
        Command::Member(MemberCommand::Code(args)) => members::code(desk, args).await,
        Command::Key(KeyCommand::Add(args)) => api_keys::add(desk, args).await,
        Command::Key(KeyCommand::List) => api_keys::list(desk).await,
        Command::Key(KeyCommand::Revoke(args)) => api_keys::revoke(desk, args).await,
        Command::Ledger(LedgerCommand::Export(args)) => ledger::export(desk, args).await,
        Command::Ledger(LedgerCommand::Checkpoint) => ledger::checkpoint(desk).await,
        Command::Ledger(LedgerCommand::Show(args)) => ledger::show(desk, args).await,
        Command::Ledger(LedgerCommand::Consistency(args)) => keeping::consistency(desk, args).await,
        Command::Policy(_)
        | Command::Patch(_)
        | Command::Verify(_)
        | Command::Restore(_)
        | Command::Doctor
        | Command::Github(_)
        | Command::Completions(_)
        | Command::Init(_)
        | Command::Config(_)
        | Command::Migrate(_)
        | Command::Notices(_)
        | Command::SignIn
        | Command::SignOut
        | Command::Backup(_)
        | Command::Serve(_)
        | Command::Code
        | Command::Member(MemberCommand::Link(_))
        | Command::Ledger(LedgerCommand::Erase(_) | LedgerCommand::RotateKey) => Err(misrouted()),
    }
}

async fn in_session(session: &Session, command: Command) -> Result<Exit, CliError> {
    match command {
        Command::Ledger(LedgerCommand::Erase(args)) => keeping::erase(session, args).await,
        Command::Ledger(LedgerCommand::RotateKey) => keeping::rotate_key(session).await,
        Command::Backup(args) => backup::backup(session, args).await,
        Command::Serve(_) => serving::run(session).await,
        Command::Code => serving::code(session).await,
        Command::Notices(args) => notices::run(session, args).await,
        Command::Member(MemberCommand::Link(args)) => members::link(session, args).await,
        Command::Policy(_)
        | Command::Patch(_)
        | Command::Verify(_)
        | Command::Restore(_)
        | Command::Doctor
        | Command::Github(_)
        | Command::Config(_)
        | Command::Migrate(_)
        | Command::Completions(_)
        | Command::Init(_)
        | Command::SignIn
        | Command::SignOut
        | Command::Run(_)
        | Command::Submit(_)
        | Command::Resume(_)
        | Command::List(_)
        | Command::Show(_)
        | Command::Diff(_)
        | Command::Watch(_)
        | Command::Approve(_)
        | Command::Reject(_)
        | Command::RequestChanges(_)
        | Command::Deselect(_)
        | Command::Waive(_)
        | Command::Answer(_)
        | Command::Withdraw(_)
        | Command::Cancel(_)
        | Command::Revert(_)
        | Command::Retry(_)
        | Command::Wake(_)
        | Command::Extend(_)
        | Command::Freeze(_)
        | Command::Unfreeze(_)
        | Command::Alarm(_)
        | Command::Repo(_)
        | Command::Key(_)
        | Command::Member(
            MemberCommand::Add(_)
            | MemberCommand::List
            | MemberCommand::Change(_)
            | MemberCommand::Remove(_)
            | MemberCommand::Code(_),
        )
        | Command::Ledger(_) => Err(misrouted()),
    }
}

fn misrouted() -> CliError {
    CliError::internal("misrouted", "this command works elsewhere")
}
