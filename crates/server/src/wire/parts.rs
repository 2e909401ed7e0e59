//! What a workflow consists of, as programs see it.

use crate::shown::waivers;
use crate::shown::{Seen, first8};
use countersign_core::artifact::{FindingLevel, PathExpectation};
use countersign_core::feedback::RepoRole;
use countersign_core::gate::{CheckOutcome, GateOutcome};
use countersign_core::member::Role;
use countersign_core::outbound::redacted;
use countersign_core::policy::{Violation, WaivedContent, may_waive};
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::{Request, Subject};
use serde::Serialize;
use utoipa::ToSchema;

/// A repository of a workflow.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SelectionWire {
    id: String,
    name: String,
    /// `primary` or `secondary`.
    role: &'static str,
    git_dir: String,
    base_branch: Option<String>,
    base_commit: Option<String>,
    /// Digest of its effective policy.
    policy: Option<String>,
}

/// A plan.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PlanWire {
    digest: Option<String>,
    /// It was read off the finished proposal.
    derived_from_proposal: bool,
    summary: String,
    includes: Vec<String>,
    non_goals: Vec<String>,
    steps: Vec<StepWire>,
    acceptance: Vec<String>,
    risks: Vec<String>,
    unknowns: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct StepWire {
    id: String,
    title: String,
    repository: String,
    paths: Vec<String>,
    new_paths: Vec<String>,
}

/// A patch set.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PatchSetWire {
    repository: String,
    /// What is decided on.
    digest: Option<String>,
    base_branch: String,
    base_commit: String,
    branch: String,
    commit: String,
    /// The fingerprint of the key that signs the commit, `SHA256:…`; `null`: it is not signed.
    signed_by: Option<String>,
    tree: String,
    files: Vec<String>,
    added: u64,
    removed: u64,
    rationales: Vec<String>,
    warnings: Vec<String>,
}

/// A gate.
#[derive(Debug, Serialize, ToSchema)]
pub struct GateWire {
    number: u8,
    name: &'static str,
    /// `passed`, `failed` or `not-required`; in a preview also `undecided`.
    outcome: &'static str,
    /// When it came out so (RFC 3339, UTC); in a preview null.
    at: Option<String>,
    checks: Vec<CheckWire>,
}

#[derive(Debug, Serialize, ToSchema)]
struct CheckWire {
    id: &'static str,
    repository: Option<String>,
    /// `passed`, `failed` or `missing`.
    outcome: &'static str,
    detail: String,
}

/// A critic's remark.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FindingWire {
    code: String,
    /// `note` or `reject`.
    level: &'static str,
    repository: Option<String>,
    path: Option<String>,
    text: String,
}

/// A broken rule.
#[derive(Debug, Serialize, ToSchema)]
pub struct ViolationWire {
    /// What `--acknowledge` takes.
    id: String,
    rule: String,
    /// `warn` or `block`.
    severity: String,
    repository: String,
    path: Option<String>,
    /// Lines of the new side, from 1.
    lines: Vec<u32>,
    message: String,
    remedy: String,
    /// What a waiver of it would be bound to; null: nobody can waive it.
    content: Option<ContentWire>,
    /// The role that may waive it; null where nobody can.
    waived_by_role: Option<&'static str>,
    /// The waiver that lets it pass; null: none does.
    waived: Option<WaiverWire>,
}

/// What a waiver is bound to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ContentWire {
    /// `plan`, `blob` or `removal`.
    of: &'static str,
    /// The plan's digest, or the blob's id.
    id: String,
}

/// A waiver.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WaiverWire {
    by: String,
    reason: String,
    from: String,
    until: String,
}

impl ContentWire {
    fn of(content: &WaivedContent) -> Self {
        let (of, id) = match content {
            WaivedContent::Plan { digest } => ("plan", digest.to_hex()),
            WaivedContent::Blob { blob } => ("blob", blob.to_string()),
            WaivedContent::Removal { blob } => ("removal", blob.to_string()),
        };
        Self { of, id }
    }
}

impl ViolationWire {
    /// From a violation and its repository's name.
    pub fn of(violation: &Violation, repository: &str) -> Self {
        Self {
            id: violation.id(),
            rule: violation.rule.to_string(),
            severity: violation.severity.to_string(),
            repository: repository.to_owned(),
            path: violation.path.as_ref().map(|p| p.to_text()),
            lines: violation.lines.clone(),
            message: violation.message.clone(),
            remedy: violation.remedy.clone(),
            content: violation.content.as_ref().map(ContentWire::of),
            waived_by_role: violation
                .content
                .as_ref()
                .map(|_| match may_waive(violation.severity) {
                    Role::Owner => "owner",
                    Role::Maintainer => "maintainer",
                    Role::Reviewer => "reviewer",
                    Role::Viewer => "viewer",
                }),
            waived: None,
        }
    }
}

/// What waits for a human.
#[derive(Debug, Serialize, ToSchema)]
pub struct RequestWire {
    id: String,
    /// `plan`, `patch-set` or `question`.
    about: &'static str,
    repository: Option<String>,
    /// What is decided on.
    digest: String,
    /// The first 8 digits of it.
    digits: String,
    expires_at: Option<String>,
    /// Less than a day is left; `extend` keeps it open.
    runs_out_soon: bool,
    /// A question's text.
    question: Option<&'static str>,
    details: Vec<String>,
    /// What may be answered.
    choices: Vec<&'static str>,
    /// Warnings that an approval has to acknowledge.
    warnings: Vec<String>,
}

/// A branch that was written and read back.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WrittenWire {
    repository: String,
    git_dir: String,
    branch: String,
    commit: String,
    tree: String,
}

pub(super) fn repositories(seen: &Seen) -> Vec<SelectionWire> {
    let selections = seen.workflow.submission.iter().flat_map(|s| &s.repositories);
    let wire = |s: &countersign_core::feedback::RepoSelection| {
        let pinned = seen.workflow.repositories.iter().find(|p| p.repository == s.id);
        SelectionWire {
            id: s.id.to_string(),
            name: s.name.clone(),
            role: match s.role {
                RepoRole::Primary => "primary",
                RepoRole::Secondary => "secondary",
            },
            git_dir: seen.place(&s.id),
            base_branch: pinned.map(|p| p.base_branch.to_string()),
            base_commit: pinned.map(|p| p.base.to_string()),
            policy: pinned.map(|p| p.policy.digest().to_hex()),
        }
    };
    selections.map(wire).collect()
}

pub(super) fn plan(seen: &Seen) -> Option<PlanWire> {
    let (workflow, plan) = (&seen.workflow, seen.workflow.plan.as_ref()?);
    let triage = workflow.triage.as_ref();
    let paths = |s: &countersign_core::artifact::Step, wanted: PathExpectation| -> Vec<String> {
        let fits = s.paths.iter().filter(|p| p.expectation == wanted);
        fits.map(|p| p.path.to_text()).collect()
    };
    Some(PlanWire {
        digest: workflow.plan_digest.map(|d| d.to_hex()),
        derived_from_proposal: plan.derived_from_proposal,
        summary: triage.map(|t| t.summary.clone()).unwrap_or_default(),
        includes: plan.scope.includes.clone(),
        non_goals: plan.scope.non_goals.clone(),
        steps: plan
            .steps
            .iter()
            .map(|s| StepWire {
                id: s.id.clone(),
                title: s.title.clone(),
                repository: workflow.repository_name(&s.repository),
                paths: paths(s, PathExpectation::Exists),
                new_paths: paths(s, PathExpectation::New),
            })
            .collect(),
        acceptance: plan.acceptance.iter().map(|a| a.text.clone()).collect(),
        risks: triage.map(|t| t.risks.clone()).unwrap_or_default(),
        unknowns: triage.map(|t| t.unknowns.clone()).unwrap_or_default(),
    })
}

pub(super) fn patch_sets(seen: &Seen) -> Vec<PatchSetWire> {
    let wire = |p: &countersign_core::patch_set::PatchSet| PatchSetWire {
        repository: seen.workflow.repository_name(&p.repository),
        digest: seen.digest(p).map(|d| d.to_hex()),
        base_branch: p.base_branch.to_string(),
        base_commit: p.base.to_string(),
        branch: p.manifest.branch.to_string(),
        commit: p.manifest.commit.to_string(),
        signed_by: p.manifest.signature.as_ref().map(|s| s.key.clone()),
        tree: p.draft.diff.result_tree.to_string(),
        files: p.draft.diff.files.iter().map(|f| f.path().to_text()).collect(),
        added: p.draft.diff.added(),
        removed: p.draft.diff.removed(),
        rationales: p
            .draft
            .rationales
            .iter()
            .map(|r| format!("{}: {}", r.path.to_text(), redacted(&r.text)))
            .collect(),
        warnings: p
            .draft
            .warnings
            .iter()
            .map(|w| redacted(w).into_owned())
            .collect(),
    };
    seen.workflow.patch_sets.iter().map(wire).collect()
}

impl GateWire {
    /// From a result, with the names of repositories.
    pub(crate) fn of(
        result: &countersign_core::gate::GateResult,
        name: impl Fn(&countersign_core::id::RepositoryId) -> String,
    ) -> Self {
        let check = |c: &countersign_core::gate::Check| CheckWire {
            id: c.id.as_str(),
            repository: c.repository.as_ref().map(&name),
            outcome: match c.outcome {
                CheckOutcome::Passed => "passed",
                CheckOutcome::Failed => "failed",
                CheckOutcome::Missing => "missing",
            },
            detail: c.detail.clone(),
        };
        Self {
            number: result.gate.number(),
            name: result.gate.name(),
            outcome: match result.outcome {
                GateOutcome::Passed => "passed",
                GateOutcome::Failed => "failed",
                GateOutcome::NotRequired => "not-required",
            },
            at: None,
            checks: result.checks.iter().map(check).collect(),
        }
    }

    /// Where only part of the evidence could be there: closed by nothing but what is missing is undecided.
    pub(crate) fn without_all_evidence(mut self, result: &countersign_core::gate::GateResult) -> Self {
        let failed = result.checks.iter().any(|c| c.outcome == CheckOutcome::Failed);
        if result.outcome == GateOutcome::Failed && !failed {
            self.outcome = "undecided";
        }
        self
    }
}

pub(super) fn gates(seen: &Seen) -> Vec<GateWire> {
    let gates = seen.workflow.gates.values();
    let wire = |g: &countersign_core::gate::GateResult| GateWire {
        at: seen.judged_at(g.gate).map(Timestamp::to_rfc3339),
        ..GateWire::of(g, |r| seen.workflow.repository_name(r))
    };
    gates.map(wire).collect()
}

pub(super) fn findings(seen: &Seen) -> Option<Vec<FindingWire>> {
    let wire = |f: &countersign_core::artifact::Finding| FindingWire {
        code: f.code.clone(),
        level: match f.level {
            FindingLevel::Note => "note",
            FindingLevel::Reject => "reject",
        },
        repository: f.repository.as_ref().map(|r| seen.workflow.repository_name(r)),
        path: f.path.as_ref().map(|p| p.to_text()),
        text: f.text.clone(),
    };
    seen.workflow
        .critique
        .as_ref()
        .map(|c| c.findings.iter().map(wire).collect())
}

pub(super) fn violations(seen: &Seen) -> Vec<ViolationWire> {
    let waiver = |v: &Violation| {
        waivers::of(seen, v).map(|w| WaiverWire {
            by: waivers::name(seen, &w.by),
            reason: w.reason.clone(),
            from: w.from.to_rfc3339(),
            until: w.until.to_rfc3339(),
        })
    };
    let wire = |v: &Violation| ViolationWire {
        waived: waiver(v),
        ..ViolationWire::of(v, &seen.workflow.repository_name(&v.repository))
    };
    seen.workflow.violations.iter().map(wire).collect()
}

impl RequestWire {
    /// From a request, open or not.
    pub fn of(seen: &Seen, request: &Request) -> Self {
        let (_, digest) = seen.subject(request);
        let (about, repository, question) = match &request.subject {
            Subject::Plan { .. } => ("plan", None, None),
            Subject::PatchSet { repository, .. } => {
                ("patch-set", Some(seen.workflow.repository_name(repository)), None)
            }
            Subject::Question { question, .. } => ("question", None, Some(question)),
        };
        Self {
            id: request.id.to_string(),
            about,
            repository,
            digest: digest.to_hex(),
            digits: first8(&digest),
            runs_out_soon: seen.runs_out_soon(request),
            expires_at: request.expires_at.map(|t| t.to_rfc3339()),
            question: question.map(|q| q.kind.text()),
            details: question.map(|q| q.details.clone()).unwrap_or_default(),
            choices: question
                .map(|q| q.kind.choices().iter().map(|c| c.as_str()).collect())
                .unwrap_or_default(),
            warnings: seen.warnings(request).iter().map(|v| v.id()).collect(),
        }
    }
}

pub(super) fn written(seen: &Seen) -> Vec<WrittenWire> {
    let wire = |i: &countersign_core::workflow::event::WriteIntent| WrittenWire {
        repository: seen.workflow.repository_name(&i.repository),
        git_dir: seen.place(&i.repository),
        branch: i.branch.to_string(),
        commit: i.commit.to_string(),
        tree: i.tree.to_string(),
    };
    seen.written().into_iter().map(wire).collect()
}
