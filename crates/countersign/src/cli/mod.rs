//! The command line as it is typed. Words only: what a command does is in [`crate::commands`].

mod args;
mod help;
pub(crate) mod repo_spec;

pub(crate) use args::{
    AlarmClearArgs, AlarmListArgs, AnswerArgs, ApplyArgs, ApproveArgs, BackupArgs, ChangesArgs, CheckArgs,
    CheckFormat, CompletionsArgs, ConsistencyArgs, DeselectArgs, DiffArgs, EntriesArgs, EraseArgs, ErasePart,
    ExportArgs, ExtendArgs, FreezeArgs, GithubSetupArgs, InitArgs, KeyAddArgs, KeyRevokeArgs, ListArgs,
    MemberAddArgs, MemberArgs, MemberChangeArgs, MemberLinkArgs, MigrateArgs, NoticesArgs, PatchShowArgs,
    PolicyShowArgs, PolicyTestArgs, ReasonArgs, ReferenceArgs, ReferenceForm, RejectArgs, RepoAddArgs,
    RepoSearchArgs, RestoreArgs, ResumeArgs, Roles, ServeArgs, ShowArgs, StartArgs, StartFlags, StoryId,
    SubmitArgs, VerifyArgs, WaiveArgs, WatchArgs,
};

use crate::terminal::ColourChoice;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Turns an issue into an approved branch: agents propose, you countersign.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, after_help = help::ROOT, max_term_width = 100)]
#[command(arg_required_else_help = true)]
pub(crate) struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// The data folder [default: $COUNTERSIGN_DATA, else countersign in the XDG data home]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Where keys are kept [default: $COUNTERSIGN_KEYS, else keys in the data folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) keys: Option<PathBuf>,
    /// Work with this server instead of a data folder [default: $COUNTERSIGN_SERVER]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// The file with settings [default: $COUNTERSIGN_CONFIG, else config.toml in the data folder]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print one JSON value on standard output instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to use colours (NO_COLOR is honoured)
    #[arg(
        long,
        global = true,
        value_name = "auto|always|never",
        default_value = "auto",
        hide_possible_values = true
    )]
    pub(crate) color: ColourChoice,
    /// The form of the log on standard error [default: text]
    #[arg(long, global = true, value_name = "text|json", hide_possible_values = true)]
    pub(crate) log_format: Option<LogFormat>,
    /// Log more; twice for everything (COUNTERSIGN_LOG takes filters)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

impl LogFormat {
    /// As it is typed.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Take an issue through the whole flow: plan, diff, gates, your decision, branch
    #[command(after_help = help::RUN)]
    Run(StartArgs),
    /// Put an issue into the inbox and return its id at once
    #[command(after_help = help::SUBMIT)]
    Submit(SubmitArgs),
    /// Go on with a workflow: drive it, then decide
    #[command(after_help = help::RESUME)]
    Resume(ResumeArgs),
    /// List workflows, newest first
    #[command(after_help = help::LIST)]
    List(ListArgs),
    /// Show one workflow: plan, diffs, gates, what waits
    #[command(after_help = help::SHOW)]
    Show(ShowArgs),
    /// Tell what is recorded from now on, whoever records it
    #[command(after_help = help::WATCH)]
    Watch(WatchArgs),
    /// Show the proposed diffs
    #[command(after_help = help::DIFF)]
    Diff(DiffArgs),
    /// Approve what waits, by the first 8 digits of its digest
    #[command(after_help = help::APPROVE)]
    Approve(ApproveArgs),
    /// Say no, for good
    #[command(after_help = help::REJECT)]
    Reject(RejectArgs),
    /// Ask for another revision
    #[command(after_help = help::REQUEST_CHANGES)]
    RequestChanges(ChangesArgs),
    /// Leave patches or hunks out; the rest becomes another revision
    #[command(after_help = help::DESELECT)]
    Deselect(DeselectArgs),
    /// Let broken rules pass, for exactly the contents that you see
    #[command(after_help = help::WAIVE)]
    Waive(WaiveArgs),
    /// Answer a question with one of its choices
    #[command(after_help = help::ANSWER)]
    Answer(AnswerArgs),
    /// Take your approvals back, as long as nothing is being written
    #[command(after_help = help::WITHDRAW)]
    Withdraw(ReasonArgs),
    /// Stop, and take out of play what was written
    #[command(after_help = help::CANCEL)]
    Cancel(ReasonArgs),
    /// Take back what a workflow landed as: a workflow of its own
    #[command(after_help = help::REVERT)]
    Revert(StoryId),
    /// Do the step that stopped once more
    #[command(after_help = help::RETRY)]
    Retry(StoryId),
    /// Take a deferred workflow up again
    #[command(after_help = help::WAKE)]
    Wake(StoryId),
    /// Keep what waits open for longer
    #[command(after_help = help::EXTEND)]
    Extend(ExtendArgs),
    /// Stop approved writes, and let nothing new begin
    #[command(after_help = help::FREEZE)]
    Freeze(FreezeArgs),
    /// Let them go on
    #[command(after_help = help::UNFREEZE)]
    Unfreeze(FreezeArgs),
    /// List alarms, and say that somebody has seen to one
    #[command(subcommand, after_help = help::ALARM)]
    Alarm(AlarmCommand),
    /// Register and list repositories
    #[command(subcommand, after_help = help::REPO)]
    Repo(RepoCommand),
    /// Set GitHub up
    #[command(subcommand, after_help = help::GITHUB)]
    Github(GithubCommand),
    /// Show the policy and hold changes against it, without a workflow
    #[command(subcommand, after_help = help::POLICY)]
    Policy(PolicyCommand),
    /// Try a diff or look at one, without writing anything
    #[command(subcommand, after_help = help::PATCH)]
    Patch(PatchCommand),
    /// Look at, seal and export the ledger
    #[command(subcommand, after_help = help::LEDGER)]
    Ledger(LedgerCommand),
    /// Check an exported bundle, offline
    #[command(after_help = help::VERIFY)]
    Verify(VerifyArgs),
    /// Copy the data folder while others work on it; the keys are not in it
    #[command(after_help = help::BACKUP)]
    Backup(BackupArgs),
    /// Make a data folder of a backup, or take up one that was restored, copied or moved
    #[command(after_help = help::RESTORE)]
    Restore(RestoreArgs),
    /// Serve this data folder: API, pages and worker in one process
    #[command(after_help = help::SERVE)]
    Serve(ServeArgs),
    /// Sign in to a server with a one-time code
    #[command(after_help = help::SIGN_IN)]
    SignIn,
    /// Sign out of a server
    #[command(after_help = help::SIGN_OUT)]
    SignOut,
    /// Print a one-time code to sign in with
    #[command(after_help = help::CODE)]
    Code,
    /// Add, list, change and remove members
    #[command(subcommand, after_help = help::MEMBER)]
    Member(MemberCommand),
    /// Make, list and revoke API keys
    #[command(subcommand, after_help = help::KEY)]
    Key(KeyCommand),
    /// List what left as mail and webhooks, or try them
    #[command(after_help = help::NOTICES)]
    Notices(NoticesArgs),
    /// Say what is wrong with this machine and data folder, and how to mend it
    #[command(after_help = help::DOCTOR)]
    Doctor,
    /// Bring the database's tables up to date, after a copy
    #[command(after_help = help::MIGRATE)]
    Migrate(MigrateArgs),
    /// Show every setting and where its value comes from
    #[command(subcommand, after_help = help::CONFIG)]
    Config(ConfigCommand),
    /// Print a script that completes commands in your shell
    #[command(after_help = help::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Write a commented policy file into a repository
    #[command(after_help = help::INIT)]
    Init(InitArgs),
}

/// Repositories.
#[derive(Debug, Subcommand)]
pub(crate) enum RepoCommand {
    /// Register a local repository; `run` does so by itself
    #[command(after_help = help::REPO_ADD)]
    Add(RepoAddArgs),
    /// List registered repositories
    #[command(after_help = help::REPO_LIST)]
    List,
    /// Find repositories on GitHub that the token sees
    #[command(after_help = help::REPO_SEARCH)]
    Search(RepoSearchArgs),
}

/// GitHub.
#[derive(Debug, Subcommand)]
pub(crate) enum GithubCommand {
    /// Make a GitHub App, and keep its key here
    #[command(after_help = help::GITHUB_SETUP)]
    Setup(GithubSetupArgs),
}

/// Alarms.
#[derive(Debug, Subcommand)]
pub(crate) enum AlarmCommand {
    /// List what was found that nobody approved, and nobody has seen to
    #[command(after_help = help::ALARM_LIST)]
    List(AlarmListArgs),
    /// Say what was found; the alarm stays in the ledger
    #[command(after_help = help::ALARM_CLEAR)]
    Clear(AlarmClearArgs),
}

/// Policy.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Print the policy that counts, every value with the layer that set it
    #[command(after_help = help::POLICY_SHOW)]
    Show(PolicyShowArgs),
    /// List every rule that a diff or a commit breaks
    #[command(after_help = help::POLICY_CHECK)]
    Check(CheckArgs),
    /// Run the expectations that lie beside a policy
    #[command(after_help = help::POLICY_TEST)]
    Test(PolicyTestArgs),
}

/// Patches.
#[derive(Debug, Subcommand)]
pub(crate) enum PatchCommand {
    /// Apply a diff strictly in memory and print the resulting tree
    #[command(after_help = help::PATCH_APPLY)]
    Apply(ApplyArgs),
    /// Show what differs between two commits: files, hunks, lines, words, hidden characters
    #[command(after_help = help::PATCH_SHOW)]
    Show(PatchShowArgs),
}

/// Members.
#[derive(Debug, Subcommand)]
pub(crate) enum MemberCommand {
    /// Add a member; prints the code with which they come in
    #[command(after_help = help::MEMBER_ADD)]
    Add(MemberAddArgs),
    /// List members
    #[command(after_help = help::MEMBER_LIST)]
    List,
    /// Change a member's role
    #[command(after_help = help::MEMBER_CHANGE)]
    Change(MemberChangeArgs),
    /// Say which GitHub account is a member's
    #[command(after_help = help::MEMBER_LINK)]
    Link(MemberLinkArgs),
    /// End a membership: sessions end, keys are revoked
    #[command(after_help = help::MEMBER_REMOVE)]
    Remove(MemberArgs),
    /// Print another code for a member
    #[command(after_help = help::MEMBER_CODE)]
    Code(MemberArgs),
}

/// Notices.
#[derive(Debug, Subcommand)]
pub(crate) enum NoticesCommand {
    /// Send a test to every place that is set, once, and say what came of it
    #[command(after_help = help::NOTICES_TEST)]
    Test,
}

/// API keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key for a program; it is shown once
    #[command(after_help = help::KEY_ADD)]
    Add(KeyAddArgs),
    /// List keys
    #[command(after_help = help::KEY_LIST)]
    List,
    /// Take a key back
    #[command(after_help = help::KEY_REVOKE)]
    Revoke(KeyRevokeArgs),
}

/// Settings.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show every setting, its value and where that comes from; secrets are hidden
    #[command(after_help = help::CONFIG_SHOW)]
    Show,
    /// Print what can be set, by file, environment and option
    #[command(after_help = help::CONFIG_REFERENCE)]
    Reference(ReferenceArgs),
}

/// The ledger.
#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Write one workflow's entries, proofs and evidence into one file
    #[command(after_help = help::LEDGER_EXPORT)]
    Export(ExportArgs),
    /// Sign the ledger's head; print the note and the key that verifies it
    #[command(after_help = help::LEDGER_CHECKPOINT)]
    Checkpoint,
    /// List entries, of one workflow or of the whole log
    #[command(after_help = help::LEDGER_SHOW)]
    Show(EntriesArgs),
    /// Prove that the ledger goes on from a checkpoint that you have kept
    #[command(after_help = help::LEDGER_CONSISTENCY)]
    Consistency(ConsistencyArgs),
    /// Erase words, artifacts or diffs of an ended workflow; their leaves stay and verify as erased
    #[command(after_help = help::LEDGER_ERASE)]
    Erase(EraseArgs),
    /// Go on under a new signing key, stated in the ledger by both
    #[command(after_help = help::LEDGER_ROTATE_KEY)]
    RotateKey,
}

/// A script that completes commands in a shell.
pub(crate) fn completions(shell: clap_complete::Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(
        shell,
        &mut <Cli as clap::CommandFactory>::command(),
        "countersign",
        &mut script,
    );
    script
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
