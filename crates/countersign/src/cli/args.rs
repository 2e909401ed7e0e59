//! The arguments of each command.

use clap::Args;
use countersign_ports::identity::ACCOUNT_ID_MAX;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What starts a workflow.
#[derive(Debug, Args)]
pub(crate) struct StartFlags {
    /// A repository: its folder, or the name of one on GitHub; its base branch and its role; repeat for several, exactly one
    /// without `:secondary` [default: the repository of an issue on GitHub]
    #[arg(long = "repo", value_name = "REPO[@REF][:secondary]")]
    pub(crate) repos: Vec<String>,
    /// The issue: a file with its text, `-` for standard input, or its address on GitHub
    #[arg(long, value_name = "FILE|URL")]
    pub(crate) issue: Option<PathBuf>,
    /// Who proposes: codemod, scripted:FILE or command:CMD [default: codemod]
    #[arg(long, value_name = "AGENT", conflicts_with = "diffs")]
    pub(crate) agent: Option<String>,
    /// Let a confined `command:` agent read this file or folder, too; repeat for several
    #[arg(long, value_name = "PATH", conflicts_with_all = ["unconfined", "diffs"])]
    pub(crate) agent_allow: Vec<PathBuf>,
    /// Let it reach this host by https (port 443 if none is named); repeat for several
    #[arg(long, value_name = "HOST[:PORT]", conflicts_with_all = ["unconfined", "diffs"])]
    pub(crate) agent_network: Vec<String>,
    /// Let a `command:` agent run without confinement; recorded and shown to whoever decides
    #[arg(long)]
    pub(crate) unconfined: bool,
    /// A ready-made diff to be judged instead of an agent's; repeat for several repositories
    #[arg(long = "diff", value_name = "[REPO=]FILE")]
    pub(crate) diffs: Vec<String>,
    /// Approve unattended; recorded as such, answers no question, acknowledges no warning
    #[arg(long)]
    pub(crate) yes: bool,
    /// Start although the same text is open on the same repositories
    #[arg(long)]
    pub(crate) again: bool,
    /// Your own words about it, such as ticket=PAY-17; shown, and given to no agent; repeat for several
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) metadata: Vec<String>,
    /// Most agent calls before a person is asked, failed ones included; only scripts and commands count [default: 100]
    #[arg(long, value_name = "N")]
    pub(crate) budget_calls: Option<u32>,
    /// Most time of these calls together, such as 90s, 10m or 1h30m [default: 10h]
    #[arg(long, value_name = "TIME")]
    pub(crate) budget_time: Option<String>,
}

/// What starts a workflow and decides on it.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("words").args(["issue", "diffs"]).required(true).multiple(true))]
pub(crate) struct StartArgs {
    /// What starts it.
    #[command(flatten)]
    pub(crate) start: StartFlags,
    /// With --yes: acknowledge every policy warning, unseen
    #[arg(long, requires = "yes")]
    pub(crate) acknowledge_warnings: bool,
}

/// `submit`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("words").args(["issue", "diffs", "issues"]).required(true).multiple(true))]
pub(crate) struct SubmitArgs {
    /// What starts each.
    #[command(flatten)]
    pub(crate) start: StartFlags,
    /// Instead of one issue: the open ones of a repository on GitHub that this search finds, such as 'label:bug no:assignee'.
    /// They are listed, and submitted when you say yes
    #[arg(long, value_name = "QUERY", conflicts_with_all = ["issue", "diffs"])]
    pub(crate) issues: Option<String>,
    /// With --issues: submit without asking, if exactly so many would be
    #[arg(long, value_name = "N", requires = "issues")]
    pub(crate) accept: Option<usize>,
}

/// Which workflow.
#[derive(Debug, Args)]
pub(crate) struct StoryId {
    /// The workflow: its id, or the beginning or end of it (4 characters or more)
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}

/// `resume`.
#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// Which.
    #[command(flatten)]
    pub(crate) which: StoryId,
    /// Approve unattended; recorded as such, answers no question, acknowledges no warning
    #[arg(long)]
    pub(crate) yes: bool,
    /// With --yes: acknowledge every policy warning, unseen
    #[arg(long, requires = "yes")]
    pub(crate) acknowledge_warnings: bool,
}

/// `list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: u32,
    /// Only those that began with these words of their caller's, such as ticket=PAY-17; repeat for several
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) metadata: Vec<String>,
}

/// `show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Which.
    #[command(flatten)]
    pub(crate) which: StoryId,
    /// Tell everything that happened, in order
    #[arg(long)]
    pub(crate) story: bool,
}

/// `diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// Which.
    #[command(flatten)]
    pub(crate) which: StoryId,
    /// Only this repository
    #[arg(long, value_name = "NAME")]
    pub(crate) repo: Option<String>,
    /// An earlier revision [default: the newest]
    #[arg(long, value_name = "N")]
    pub(crate) revision: Option<u32>,
    /// Only what changed since this revision
    #[arg(long, value_name = "N")]
    pub(crate) since: Option<u32>,
}

/// `approve`.
#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// Which.
    #[command(flatten)]
    pub(crate) which: StoryId,
    /// The first 8 (or more) digits of a digest that you have looked at; repeat for several
    #[arg(long = "digest", value_name = "8HEX")]
    pub(crate) digests: Vec<String>,
    /// Only this repository's patch set
    #[arg(long, value_name = "NAME")]
    pub(crate) repo: Option<String>,
    /// A policy warning that you have read; repeat for several
    #[arg(long, value_name = "RULE@PATH", conflicts_with = "acknowledge_warnings")]
    pub(crate) acknowledge: Vec<String>,
    /// Acknowledge every policy warning
    #[arg(long)]
    pub(crate) acknowledge_warnings: bool,
    /// Approve unattended: nobody looked, and every story says so
    #[arg(long)]
    pub(crate) yes: bool,
}

/// `reject`.
#[derive(Debug, Args)]
pub(crate) struct RejectArgs {
    /// Which.
    #[command(flatten)]
    pub(crate) which: StoryId,
    /// Taken for those who know it of `approve`, and refused with a reason.
    #[arg(long, hide = true)]
    pub(crate) yes: bool,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}

/// `withdraw` and `cancel`.
#[derive(Debug, Args)]
pub(crate) struct ReasonArgs {
    /// Which.
    #[command(flatten)]
    pub(crate) which: StoryId,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}

/// `request-changes`.
#[derive(Debug, Args)]
pub(crate) struct ChangesArgs {
    /// Which.
    #[command(flatten)]
    pub(crate) which: StoryId,
    /// What should be different
    #[arg(
        long,
        value_name = "TEXT",
        required_unless_present = "file",
        conflicts_with = "file"
    )]
    pub(crate) comment: Option<String>,
    /// The comment from a file; for codemod and --diff it carries new rules or a new diff
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// `extend`.
#[derive(Debug, Args)]
pub(crate) struct ExtendArgs {
    /// Which.
    #[command(flatten)]
    pub(crate) which: StoryId,
    /// Only this repository's request
    #[arg(long, value_name = "NAME")]
    pub(crate) repo: Option<String>,
    /// For how many days from now [default: as long as policy keeps a new request open]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=365))]
    pub(crate) days: Option<u32>,
}

/// `freeze` and `unfreeze`.
#[derive(Debug, Args)]
pub(crate) struct FreezeArgs {
    /// Only this repository, by its name
    #[arg(long, value_name = "NAME")]
    pub(crate) repo: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}

/// `alarm list`.
#[derive(Debug, Args)]
pub(crate) struct AlarmListArgs {
    /// Those that were cleared, too
    #[arg(long)]
    pub(crate) all: bool,
}

/// `alarm clear`.
#[derive(Debug, Args)]
pub(crate) struct AlarmClearArgs {
    /// Its number, as `alarm list` shows it
    #[arg(value_name = "NUMBER")]
    pub(crate) number: u64,
    /// What was found and done
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: String,
}

/// `deselect`.
#[derive(Debug, Args)]
pub(crate) struct DeselectArgs {
    /// Which.
    #[command(flatten)]
    pub(crate) which: StoryId,
    /// What to leave out: a patch by its file's path, or hunks of it by the numbers that `diff` shows
    #[arg(value_name = "PATH[#HUNK,…]", required = true)]
    pub(crate) parts: Vec<String>,
    /// In this repository; needed where several have a patch for the path
    #[arg(long, value_name = "NAME")]
    pub(crate) repo: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// The first 8 (or more) digits of the patch set's digest that you have looked at
    #[arg(long = "digest", value_name = "8HEX")]
    pub(crate) digests: Vec<String>,
}

/// `waive`.
#[derive(Debug, Args)]
pub(crate) struct WaiveArgs {
    /// Which.
    #[command(flatten)]
    pub(crate) which: StoryId,
    /// Which broken rules, as `show` names them
    #[arg(value_name = "RULE@PATH", required = true)]
    pub(crate) violations: Vec<String>,
    /// In this repository; needed where several break the rule at the same path
    #[arg(long, value_name = "NAME")]
    pub(crate) repo: Option<String>,
    /// Why; recorded, and shown to whoever approves
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// For how many days, 1 to 30 [default: 7, or fewer where policy says so]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=30))]
    pub(crate) days: Option<u32>,
    /// Until the end of this day (UTC), such as 2026-12-31
    #[arg(long, value_name = "DATE", conflicts_with = "days")]
    pub(crate) until: Option<String>,
    /// The first 8 (or more) digits of the digest that waits and that you have looked at
    #[arg(long = "digest", value_name = "8HEX")]
    pub(crate) digests: Vec<String>,
}

/// `answer`.
#[derive(Debug, Args)]
pub(crate) struct AnswerArgs {
    /// Which.
    #[command(flatten)]
    pub(crate) which: StoryId,
    /// One of the choices that `show` lists
    #[arg(value_name = "CHOICE")]
    pub(crate) choice: String,
    /// The words that `provide` asks for
    #[arg(long, value_name = "TEXT", conflicts_with = "file")]
    pub(crate) text: Option<String>,
    /// The same, from a file
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// `repo add`.
#[derive(Debug, Args)]
pub(crate) struct RepoAddArgs {
    /// Its folder: a work tree's top or a bare repository
    #[arg(value_name = "PATH", required_unless_present = "github")]
    pub(crate) path: Option<PathBuf>,
    /// A repository on GitHub instead [default: GITHUB_REPO]
    #[arg(long, value_name = "OWNER/NAME", num_args = 0..=1, conflicts_with = "path")]
    pub(crate) github: Option<Option<String>>,
}

/// `repo search`.
#[derive(Debug, Args)]
pub(crate) struct RepoSearchArgs {
    /// What to look for, in the words of GitHub's search
    #[arg(value_name = "WORDS", required = true)]
    pub(crate) words: Vec<String>,
}

/// `github setup`.
#[derive(Debug, Args)]
pub(crate) struct GithubSetupArgs {
    /// Whose App it is to be [default: that of whoever says yes on GitHub]
    #[arg(long, value_name = "ORG", value_parser = organization)]
    pub(crate) organization: Option<String>,
    /// Its name; GitHub lets it be changed before it is made [default: countersign- and eight digits]
    #[arg(long, value_name = "NAME", value_parser = app_name)]
    pub(crate) name: Option<String>,
    /// GitHub can't reach this machine: it is looked for changes instead
    #[arg(long)]
    pub(crate) without_webhooks: bool,
    /// Approved changes may touch .github/workflows
    #[arg(long)]
    pub(crate) with_workflows: bool,
    /// Print the manifest and where it is sent to; --code goes on
    #[arg(long, conflicts_with = "code")]
    pub(crate) manifest: bool,
    /// The code in the address that GitHub leads to; - reads standard input
    #[arg(long, value_name = "CODE")]
    pub(crate) code: Option<String>,
}

fn organization(text: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    match !text.is_empty() && text.len() <= 39 && text.bytes().all(plain) {
        true => Ok(text.to_owned()),
        false => Err("it is no name of an organisation on GitHub".to_owned()),
    }
}

/// GitHub's limit (<https://docs.github.com/apps/creating-github-apps/registering-a-github-app/registering-a-github-app>).
fn app_name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || " -_.".contains(c);
    match !text.trim().is_empty() && text.len() <= 34 && text.chars().all(plain) {
        true => Ok(text.trim().to_owned()),
        false => Err("it has up to 34 letters, digits, blanks, dots and dashes".to_owned()),
    }
}

/// `policy check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The repository
    #[arg(long, value_name = "DIR")]
    pub(crate) repo: PathBuf,
    /// Where the diff starts: a branch or 40 digits of a commit [default: the default branch]
    #[arg(long, value_name = "BASE", conflicts_with = "commit")]
    pub(crate) base: Option<String>,
    /// A unified git diff; `-` reads standard input
    #[arg(long, value_name = "FILE", required_unless_present = "commit")]
    pub(crate) diff: Option<PathBuf>,
    /// Instead of a diff: what this commit did to its first parent (a branch's tip or 40 digits)
    #[arg(long, value_name = "COMMIT", conflicts_with = "diff")]
    pub(crate) commit: Option<String>,
    /// How to print the result: for people, or as SARIF 2.1.0 for code scanning
    #[arg(
        long,
        value_name = "text|sarif",
        default_value = "text",
        hide_possible_values = true
    )]
    pub(crate) format: CheckFormat,
}

/// How `policy check` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CheckFormat {
    /// For people, or with --json in a form of ours.
    Text,
    /// SARIF 2.1.0.
    Sarif,
}

/// `policy test`.
#[derive(Debug, Args)]
pub(crate) struct PolicyTestArgs {
    /// Files with expectations [default: .countersign/tests/*.toml of the repository]
    #[arg(value_name = "FILE", conflicts_with = "repo")]
    pub(crate) files: Vec<PathBuf>,
    /// The repository's work tree
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) repo: PathBuf,
}

/// `policy show`.
#[derive(Debug, Args)]
pub(crate) struct PolicyShowArgs {
    /// The repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) repo: PathBuf,
    /// The base that it counts for: a branch or 40 digits of a commit [default: the default branch]
    #[arg(long, value_name = "BASE")]
    pub(crate) base: Option<String>,
}

/// `patch apply`.
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// The repository
    #[arg(long, value_name = "DIR")]
    pub(crate) repo: PathBuf,
    /// Where the diff starts: 40 digits of a commit, or a branch
    #[arg(long, value_name = "COMMIT", required_unless_present = "batch")]
    pub(crate) base: Option<String>,
    /// A unified git diff; `-` reads standard input
    #[arg(long, value_name = "FILE", required_unless_present = "batch")]
    pub(crate) diff: Option<PathBuf>,
    /// Read a JSON object `{id, base, diff}` per line of standard input, and answer each by one line
    #[arg(long, conflicts_with_all = ["base", "diff", "cross_check"])]
    pub(crate) batch: bool,
    /// Let the git program apply the canonical diff too, and refuse unless both come to the same tree
    #[arg(long)]
    pub(crate) cross_check: bool,
}

/// `patch show`.
#[derive(Debug, Args)]
pub(crate) struct PatchShowArgs {
    /// The repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) repo: PathBuf,
    /// The commit before: 40 digits, a branch or a tag
    #[arg(long, value_name = "A")]
    pub(crate) base: String,
    /// The commit after: 40 digits, a branch or a tag
    #[arg(long, value_name = "B")]
    pub(crate) result: String,
    /// Only this file, and all of it
    #[arg(long, value_name = "FILE")]
    pub(crate) path: Option<String>,
}

/// `ledger export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Which.
    #[command(flatten)]
    pub(crate) which: StoryId,
    /// Where to; `-` is standard output [default: ID.bundle.json]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Prove that the ledger goes on from this checkpoint, too; repeat for several
    #[arg(long = "since", value_name = "FILE")]
    pub(crate) since: Vec<PathBuf>,
    /// Also write a folder that in-toto's own verifier checks; for workflows that are Done
    #[arg(long = "in-toto", value_name = "DIR")]
    pub(crate) in_toto: Option<PathBuf>,
}

/// `ledger consistency`.
#[derive(Debug, Args)]
pub(crate) struct ConsistencyArgs {
    /// A checkpoint of this ledger that you have kept
    #[arg(long, value_name = "FILE")]
    pub(crate) from: PathBuf,
}

/// `ledger erase`.
#[derive(Debug, Args)]
pub(crate) struct EraseArgs {
    /// Which.
    #[command(flatten)]
    pub(crate) which: StoryId,
    /// What to erase [default: all of it]
    #[arg(value_name = "feedback|artifacts|diffs", hide_possible_values = true)]
    pub(crate) parts: Vec<ErasePart>,
    /// Why; recorded for good, so name no person in it
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}

/// What `ledger erase` erases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ErasePart {
    /// The feedback, and what people wrote to agents later.
    Feedback,
    /// What agents answered.
    Artifacts,
    /// Diffs, and the bytes of their commits.
    Diffs,
}

/// `ledger show`.
#[derive(Debug, Args)]
pub(crate) struct EntriesArgs {
    /// Only this workflow's entries
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
    /// How many at most, the newest
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub(crate) limit: u32,
}

/// `backup`.
#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The folder to make
    #[arg(long, value_name = "FOLDER")]
    pub(crate) to: PathBuf,
}

/// `restore`.
#[derive(Debug, Args)]
#[group(skip)]
#[command(group = clap::ArgGroup::new("what").args(["from", "resume"]).required(true))]
pub(crate) struct RestoreArgs {
    /// Make a data folder of this backup
    #[arg(long, value_name = "FOLDER")]
    pub(crate) from: Option<PathBuf>,
    /// Compare what the data folder says with the repositories, and go on with it
    #[arg(long)]
    pub(crate) resume: bool,
    /// Go on although so many signed entries are missing
    #[arg(long, value_name = "N", requires = "resume")]
    pub(crate) accept_loss_of: Option<u64>,
}

/// `verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The exported file
    #[arg(value_name = "BUNDLE")]
    pub(crate) bundle: PathBuf,
    /// A key that you trust: its text, or a file with one per line; repeat for several
    #[arg(long = "key", id = "trusted_keys", value_name = "VKEY|FILE")]
    pub(crate) trusted_keys: Vec<String>,
    /// A checkpoint that you have seen elsewhere; repeat for several
    #[arg(long = "checkpoint", value_name = "FILE")]
    pub(crate) checkpoints: Vec<PathBuf>,
}

/// `init`.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The repository's work tree
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) repo: PathBuf,
}

/// `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where to listen [default: 127.0.0.1:7171]
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// What this process does: all, api or worker [default: all]
    #[arg(long, value_name = "ROLE", hide_possible_values = true)]
    pub(crate) role: Option<Roles>,
    /// The address under which a proxy makes it public
    #[arg(long, value_name = "https://NAME")]
    pub(crate) origin: Option<String>,
    /// Let pages of this origin call the API with a token; repeat for several
    #[arg(long = "cors-origin", value_name = "ORIGIN")]
    pub(crate) cors: Vec<String>,
    /// A proxy that you trust stands before it and speaks TLS
    #[arg(long)]
    pub(crate) behind_proxy: bool,
}

/// What a server's process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Roles {
    /// API and worker.
    All,
    /// Answers, and puts into the inbox.
    Api,
    /// Judges and performs.
    Worker,
}

impl Roles {
    /// As it is typed.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Roles::All => "all",
            Roles::Api => "api",
            Roles::Worker => "worker",
        }
    }
}

/// `migrate`.
#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    /// Only say what is missing; exits 2 where something is
    #[arg(long)]
    pub(crate) check: bool,
}

/// `config reference`.
#[derive(Debug, Args)]
pub(crate) struct ReferenceArgs {
    /// As a table for people, as a file with settings, or as a list for the environment
    #[arg(
        long = "as",
        value_name = "table|toml|env",
        default_value = "table",
        hide_possible_values = true
    )]
    pub(crate) form: ReferenceForm,
}

/// How `config reference` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ReferenceForm {
    /// Markdown.
    Table,
    /// A commented `config.toml`.
    Toml,
    /// A commented list of `NAME=value`.
    Env,
}

/// `notices`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct NoticesArgs {
    /// What else to do
    #[command(subcommand)]
    pub(crate) what: Option<super::NoticesCommand>,
    /// At most this many, newest first
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
}

/// `key add`.
#[derive(Debug, Args)]
pub(crate) struct KeyAddArgs {
    /// What it is for
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// What it may do; repeat for both
    #[arg(
        long = "scope",
        value_name = "read|submit",
        required = true,
        hide_possible_values = true
    )]
    pub(crate) scopes: Vec<ScopeWord>,
    /// For how many days, 1 to 366 [default: 90]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=366))]
    pub(crate) days: Option<u32>,
}

/// What an API key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ScopeWord {
    /// Look.
    Read,
    /// Start workflows.
    Submit,
}

impl ScopeWord {
    /// As the server calls it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            ScopeWord::Read => "read",
            ScopeWord::Submit => "submit",
        }
    }
}

/// `key revoke`.
#[derive(Debug, Args)]
pub(crate) struct KeyRevokeArgs {
    /// Its id, as `key list` shows it
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}

/// `member add`.
#[derive(Debug, Args)]
pub(crate) struct MemberAddArgs {
    /// What people call them
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// What they may do: viewer, reviewer, maintainer or owner
    #[arg(long, value_name = "ROLE", default_value = "reviewer")]
    pub(crate) role: String,
}

/// `member code` and `member remove`.
#[derive(Debug, Args)]
pub(crate) struct MemberArgs {
    /// Who: name or id
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

/// `member change`.
#[derive(Debug, Args)]
pub(crate) struct MemberChangeArgs {
    /// Who: name or id
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// What they may do from now on: viewer, reviewer, maintainer or owner
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: String,
}

/// `member link`.
#[derive(Debug, Args)]
pub(crate) struct MemberLinkArgs {
    /// Who: name or id
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The account's number, such as `id` of https://api.github.com/users/LOGIN
    #[arg(value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=ACCOUNT_ID_MAX))]
    pub(crate) account: u64,
}

/// `completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Which shell: bash, elvish, fish, powershell or zsh
    #[arg(value_name = "SHELL", hide_possible_values = true)]
    pub(crate) shell: clap_complete::Shell,
}

/// `watch`.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// Only this workflow, until it ends: its id, or the beginning or end of it
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
}
