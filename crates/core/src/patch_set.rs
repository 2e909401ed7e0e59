//! One repository's proposal in one revision, and everything that an approval of it will write.
//!
//! The write manifest fixes the commit byte by byte before anybody is asked, so that what is approved, what is
//! written and what is read back can be compared as ids (hazard 37).

use crate::artifact::Rationale;
use crate::commit_signature::{CommitSignature, insert};
use crate::dependency::DependencyChange;
use crate::diff::TreeDiff;
use crate::digest::{ApprovalDigest, BodyHash, EvidenceDigest, PatchSetDigest, PlanDigest, PolicyDigest};
use crate::forge::Listing;
use crate::gate::{GateId, GateOutcome};
use crate::id::{
    BranchName, CommitSha, ForgeKind, PatchSetId, RepositoryId, Revision, TenantId, TreeSha, WorkflowId,
};
use crate::outbound::Outbound;
use crate::owners::OwnedPath;
use crate::policy::{Finding, WaivedContent};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};

/// A proposal that was read and applied exactly, before anything is fixed about how it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// For which repository.
    pub repository: RepositoryId,
    /// The change as facts.
    pub diff: TreeDiff,
    /// The canonical diff's bytes.
    pub canonical: BodyHash,
    /// The agent's claims, file by file.
    pub rationales: Vec<Rationale>,
    /// Repairs that reading or applying made.
    pub warnings: Vec<String>,
    /// What contents and the tree around the change show.
    pub findings: Vec<Finding>,
    /// Every dependency that moves.
    pub dependencies: Vec<DependencyChange>,
    /// What CODEOWNERS of the default branch says about the changed paths.
    pub owners: Vec<OwnedPath>,
    /// What a second, independent applier made of the canonical diff.
    pub second_opinion: SecondOpinion,
}

/// What another applier made of a canonical diff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecondOpinion {
    /// Which applier, with its version: `git 2.47.3`.
    pub applier: String,
    /// What it came to.
    pub outcome: SecondOutcome,
}

/// What a second applier came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "came-to", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SecondOutcome {
    /// A tree, the same one or another.
    Tree {
        /// Which.
        tree: TreeSha,
    },
    /// It would not apply the diff.
    Refused {
        /// In its words.
        detail: String,
    },
}

/// Everything that will be written, exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WriteManifest {
    /// The commit object's bytes, without git's header.
    pub commit_bytes: String,
    /// Its id, SHA-1 over header and bytes.
    pub commit: CommitSha,
    /// The branch that will be created.
    pub branch: BranchName,
    /// The pull request that will be opened; absent where the forge has none.
    pub pull_request: Option<PullRequestText>,
    /// By which key the commit is signed; absent where it is not. The signature itself stands in the commit's bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<CommitSignature>,
}

/// A pull request's words, as approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PullRequestText {
    /// Title.
    pub title: String,
    /// Body, Markdown.
    pub body: String,
    /// Labels.
    pub labels: Vec<String>,
    /// Reviewers asked for.
    pub reviewers: Vec<String>,
    /// Opened as a draft.
    pub draft: bool,
}

/// One repository's proposal, complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatchSet {
    /// Its id.
    pub id: PatchSetId,
    /// For which repository.
    pub repository: RepositoryId,
    /// Which version.
    pub revision: Revision,
    /// The branch that it starts from.
    pub base_branch: BranchName,
    /// The pinned commit that it starts from.
    pub base: CommitSha,
    /// The content.
    pub draft: Draft,
    /// What will be written.
    pub manifest: WriteManifest,
    /// Digest of all of the above.
    pub digest: PatchSetDigest,
}

/// What fixes a manifest besides the draft.
#[derive(Debug, Clone)]
pub struct ManifestContext<'a> {
    /// Whose.
    pub tenant: &'a TenantId,
    /// Which workflow.
    pub workflow: &'a WorkflowId,
    /// Which version.
    pub revision: Revision,
    /// First line of the feedback.
    pub title: &'a str,
    /// The plan's steps: repository and title, in order.
    pub steps: &'a [(RepositoryId, String)],
    /// When `AwaitingApproval` is entered, or when it was signed: the commit's dates.
    pub at: Timestamp,
    /// Name and address of author and committer.
    pub committer: &'a str,
    /// `size root` of the checkpoint current at that moment.
    pub checkpoint: &'a str,
    /// Every repository's part in this workflow, this one's included.
    pub siblings: &'a [Sibling],
    /// Where policy has pull requests opened as drafts.
    pub as_drafts: &'a [RepositoryId],
}

/// One repository's part in a workflow, as the parts in others may speak of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sibling {
    /// Which repository.
    pub repository: RepositoryId,
    /// What it is called here.
    pub name: String,
    /// Where its change goes.
    pub branch: BranchName,
    /// How its forge listed it, if that is known.
    pub listing: Option<Listing>,
}

impl Sibling {
    /// What it is called in words that go to `own`; `None` where it is not named: whoever reads them might not know of it.
    fn named_in(&self, own: &Sibling) -> Option<&str> {
        match (&own.listing, &self.listing) {
            (Some(at), Some(there)) if at.may_name(there) => Some(&there.name),
            (None, Some(there)) if !there.private => Some(&there.name),
            // Folders of one machine, which no forge shows to anybody.
            (None, None) if own.is_folder() && self.is_folder() => Some(&self.name),
            (Some(_) | None, Some(_) | None) => None,
        }
    }

    fn is_folder(&self) -> bool {
        self.repository.forge == ForgeKind::Local
    }
}

impl ManifestContext<'_> {
    /// The siblings of one repository that may be named there, and how many more there are.
    fn siblings_of(&self, own: &RepositoryId) -> (Vec<(Outbound, &BranchName)>, usize) {
        let here = self.siblings.iter().find(|s| s.repository == *own);
        let others: Vec<_> = self.siblings.iter().filter(|s| s.repository != *own).collect();
        let named: Vec<_> = others
            .iter()
            .filter_map(|s| Some((s.named_in(here?)?, &s.branch)))
            .map(|(name, branch)| (Outbound::line(name, SUBJECT_MAX_CHARS), branch))
            .collect();
        let unnamed = others.len() - named.len();
        (named, unnamed)
    }
}

/// Name and address under which Countersign commits what nobody set otherwise.
pub const COMMITTER: &str = "Countersign <countersign@localhost>";
/// Longest subject line of a commit, in characters.
pub const SUBJECT_MAX_CHARS: usize = 72;
/// Longest line for a step in a commit message, in characters.
const STEP_MAX_CHARS: usize = 200;
/// Most steps that a commit message lists.
const STEPS_MAX: usize = 20;

/// The branch of a draft: `countersign/<workflow>-r<revision>-<12 hex of the canonical diff's hash>`.
pub fn branch_name(workflow: &WorkflowId, revision: Revision, draft: &Draft) -> BranchName {
    let hash = draft.diff.diff_hash.to_hex();
    let name = format!("countersign/{workflow}-r{revision}-{}", &hash[..12]);
    BranchName::parse(&name).expect("because ids hold only characters that git accepts in branch names")
}

/// Completes a draft. `signature` is in its armour, with what is recorded of it.
pub fn complete(
    draft: Draft,
    base_branch: &BranchName,
    base: &CommitSha,
    context: &ManifestContext<'_>,
    signature: Option<(&str, CommitSignature)>,
) -> PatchSet {
    let branch = branch_name(context.workflow, context.revision, &draft);
    let unsigned = unsigned_commit(&draft, base, context);
    let (commit_bytes, signature) = match signature {
        Some((armour, signature)) => (insert(&unsigned, armour), Some(signature)),
        None => (unsigned, None),
    };
    let commit = commit_id(commit_bytes.as_bytes());
    let pull_request = draft
        .repository
        .forge
        .has_pull_requests()
        .then(|| pull_request_text(&draft.repository, &commit, context));
    let manifest = WriteManifest {
        commit_bytes,
        commit,
        branch,
        pull_request,
        signature,
    };
    let digest = PatchSetDigest::of(&(
        (
            context.tenant,
            context.workflow,
            &draft.repository,
            context.revision,
        ),
        (base_branch, base, &draft),
        &manifest,
    ));
    PatchSet {
        id: PatchSetId::derive(context.workflow, context.revision, &draft.repository),
        repository: draft.repository.clone(),
        revision: context.revision,
        base_branch: base_branch.clone(),
        base: base.clone(),
        draft,
        manifest,
        digest,
    }
}

/// The commit object's bytes, without git's header and without a signature.
pub(crate) fn unsigned_commit(draft: &Draft, parent: &CommitSha, context: &ManifestContext<'_>) -> String {
    let (tree, own) = (&draft.diff.result_tree, &draft.repository);
    let who = format!("{} {} +0000", context.committer, context.at.unix_seconds());
    let mut message = subject(context);
    let steps: Vec<&String> = context
        .steps
        .iter()
        .filter(|(of, _)| of == own)
        .map(|(_, title)| title)
        .collect();
    if !steps.is_empty() {
        message.push('\n');
    }
    for step in steps.iter().take(STEPS_MAX) {
        message.push_str(&format!("\n- {}", Outbound::line(step, STEP_MAX_CHARS)));
    }
    if steps.len() > STEPS_MAX {
        message.push_str(&format!("\n- and {} more steps", steps.len() - STEPS_MAX));
    }
    message.push_str("\n\n");
    message.push_str(&format!("Countersign-Workflow: {}\n", context.workflow));
    message.push_str(&format!("Countersign-Revision: {}\n", context.revision));
    message.push_str(&format!("Countersign-Checkpoint: {}\n", context.checkpoint));
    for (name, branch) in context.siblings_of(own).0 {
        message.push_str(&format!("Countersign-Sibling: {name} {branch}\n"));
    }
    format!("tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\n{message}")
}

fn subject(context: &ManifestContext<'_>) -> String {
    let title = Outbound::line(context.title, SUBJECT_MAX_CHARS);
    if title.is_empty() {
        "Approved change".to_owned()
    } else {
        title.to_string()
    }
}

/// What the pull request says: the plan for this repository, the workflow, and where its siblings are. Their numbers are
/// not known yet; a notice tells them later.
fn pull_request_text(
    own: &RepositoryId,
    commit: &CommitSha,
    context: &ManifestContext<'_>,
) -> PullRequestText {
    let mut body = String::from("What was planned here:\n\n");
    let steps: Vec<&String> = context
        .steps
        .iter()
        .filter(|(of, _)| of == own)
        .map(|(_, title)| title)
        .collect();
    for step in steps.iter().take(STEPS_MAX) {
        body.push_str(&format!("- {}\n", Outbound::line(step, STEP_MAX_CHARS)));
    }
    if steps.len() > STEPS_MAX {
        body.push_str(&format!("- and {} more steps\n", steps.len() - STEPS_MAX));
    }
    let (named, unnamed) = context.siblings_of(own);
    if !named.is_empty() || unnamed > 0 {
        body.push_str("\nBelongs together with:\n\n");
    }
    for (name, branch) in named {
        body.push_str(&format!("- {name}, branch `{branch}`\n"));
    }
    match unnamed {
        0 => {}
        1 => body.push_str("- 1 change in another repository\n"),
        more => body.push_str(&format!("- {more} changes in other repositories\n")),
    }
    body.push_str(&format!(
        "\nNamed people approved exactly commit {commit} before it came here; what is pushed after it nobody approved. \
         Countersign workflow `{}`, revision {}.\n",
        context.workflow, context.revision
    ));
    PullRequestText {
        title: subject(context),
        body,
        labels: Vec::new(),
        reviewers: Vec::new(),
        draft: context.as_drafts.contains(own),
    }
}

/// Git's id of a commit: SHA-1 over `commit <length>\0` and the bytes.
pub fn commit_id(bytes: &[u8]) -> CommitSha {
    let mut hash = Sha1::new();
    hash.update(format!("commit {}\0", bytes.len()));
    hash.update(bytes);
    CommitSha::parse(&hex::encode(hash.finalize())).expect("because SHA-1 is 40 hex digits")
}

/// A violation that is let pass: where, which, bound to what, until when.
pub type WaivedViolation<'a> = (
    &'a RepositoryId,
    String,
    &'a Option<WaivedContent>,
    Option<Timestamp>,
);

/// What a human decides on for one patch set.
pub fn approval_digest(
    own: &PatchSet,
    all: &[PatchSet],
    plan: PlanDigest,
    policies: &[(RepositoryId, PolicyDigest)],
    waived: &[WaivedViolation<'_>],
    gates: &[(GateId, GateOutcome, EvidenceDigest)],
) -> ApprovalDigest {
    let siblings: Vec<_> = all
        .iter()
        .filter(|s| s.id != own.id)
        .map(|s| (&s.id, s.digest))
        .collect();
    ApprovalDigest::of(&((&own.id, own.digest), siblings, plan, policies, waived, gates))
}
