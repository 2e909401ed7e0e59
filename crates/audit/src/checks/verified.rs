//! Pull requests, CI and merges: what was opened is what the manifest says, gate 5 rests on evidence about exactly the
//! commit that was written, and gate 6 on what landed.

use super::Scene;
use super::books::Books;
use crate::problem::{Problem, ProblemCode};
use countersign_core::forge::{Landed, PullRequest, PullRequestState};
use countersign_core::gate::{GateId, GateOutcome, GateResult};
use countersign_core::id::AccountId;
use countersign_core::policy::{CiRequirement, EffectivePolicy, PolicySource};
use countersign_core::workflow::event::{ReadHead, WriteIntent};

/// Whether a pull request that was read back is the one that people approved.
pub(super) fn is_approved(
    books: &Books<'_>,
    intent: &WriteIntent,
    found: &PullRequest,
    account: AccountId,
) -> bool {
    let patch_set = books.patch_sets.iter().find(|p| p.digest == intent.patch_set);
    let fits = |base: &countersign_core::id::BranchName| {
        found.base_branch == *base && found.branch == intent.branch && found.head == intent.commit
    };
    patch_set.is_some_and(|p| p.manifest.pull_request.is_some() && fits(&p.base_branch))
        && found.author == account
        && found.state == PullRequestState::Open
}

/// Gate 5: passed only on evidence, not required only where a policy says so in so many words.
pub(super) fn gate(scene: &Scene<'_>, result: &GateResult, problems: &mut Vec<Problem>) {
    if result.gate != GateId::Ci {
        return;
    }
    let mut wrong = |why: String| problems.push(scene.problem(ProblemCode::CiUnproven, why));
    for intent in scene.books.intents {
        if !intent.repository.forge.has_pull_requests() {
            continue;
        }
        let name = scene.books.name(&intent.repository);
        let Some(policy) = scene.books.pinned(&intent.repository).map(|p| &p.policy) else {
            continue;
        };
        match result.outcome {
            GateOutcome::Failed => {}
            GateOutcome::NotRequired if asks_for_nothing(policy) => {}
            GateOutcome::NotRequired => {
                wrong(format!(
                    "{name}: CI is called not required, and no policy says so"
                ));
            }
            GateOutcome::Passed => {
                if let Some(why) = unproven(scene, intent, policy) {
                    wrong(format!("{name}: gate 5 is called passed, and {why}"));
                }
            }
        }
    }
}

/// Gate 6: passed only where everything landed, and as merging what was approved gives it.
pub(super) fn delivery(scene: &Scene<'_>, result: &GateResult, problems: &mut Vec<Problem>) {
    if result.gate != GateId::Delivery || result.outcome != GateOutcome::Passed {
        return;
    }
    let with_one = scene.books.intents.iter();
    for intent in with_one.filter(|i| i.repository.forge.has_pull_requests()) {
        if let Some(why) = not_landed(scene, intent) {
            let name = scene.books.name(&intent.repository);
            let why = format!("{name}: gate 6 is called passed, and {why}");
            problems.push(scene.problem(ProblemCode::LandingUnproven, why));
        }
    }
}

/// What the newest look at the merges leaves open.
fn not_landed(scene: &Scene<'_>, intent: &WriteIntent) -> Option<String> {
    let merges = scene.books.merges.iter();
    let Some(read) = merges.into_iter().find(|m| m.repository == intent.repository) else {
        return Some("nothing was read about it".to_owned());
    };
    let patch_set = scene
        .books
        .patch_sets
        .iter()
        .find(|p| p.digest == intent.patch_set);
    let is_it = |p: &&PullRequest| {
        p.state == PullRequestState::Merged
            && p.branch == intent.branch
            && p.head == intent.commit
            && patch_set.is_some_and(|s| s.base_branch == p.base_branch)
    };
    if read.pull_request.as_ref().filter(is_it).is_none() {
        return Some("the pull request was not the approved one, merged".to_owned());
    }
    match &read.landed {
        Some(Landed::As {
            tree,
            brings,
            expected,
            ..
        }) => {
            let exactly = expected.as_ref() == Some(tree);
            let alone = brings.iter().all(|other| *other == intent.commit);
            (!exactly || !alone)
                .then(|| "what landed is not what merging the approved commit gives".to_owned())
        }
        Some(Landed::Nowhere { .. }) | None => Some("it was not seen to have landed".to_owned()),
    }
}

fn asks_for_nothing(policy: &EffectivePolicy) -> bool {
    let said = match policy.ci.source {
        PolicySource::Organisation | PolicySource::DefaultBranch => true,
        PolicySource::Floor | PolicySource::Base | PolicySource::Protection => false,
    };
    said && policy.ci.value == CiRequirement::NotRequired && policy.required_checks.is_empty()
}

/// What the newest look at CI leaves open.
fn unproven(scene: &Scene<'_>, intent: &WriteIntent, policy: &EffectivePolicy) -> Option<String> {
    let head: Option<&ReadHead> = scene
        .books
        .heads
        .iter()
        .find(|h| h.repository == intent.repository);
    let Some(head) = head else {
        return Some("nothing was read about it".to_owned());
    };
    let shown = head.pull_request.as_ref();
    // Where a merge is waited for, somebody may have merged before it was looked at CI; gate 6 sees to what landed.
    let awaits = scene.books.repositories.iter().any(|r| r.policy.awaits_merge());
    let is_merged = |p: &&PullRequest| awaits && p.state == PullRequestState::Merged;
    let merged = shown.filter(is_merged).is_some();
    if head.branch.as_ref() != Some(&intent.commit) && !merged {
        return Some("the branch did not hold the approved commit".to_owned());
    }
    let as_open = |p: &PullRequest| PullRequest {
        state: if merged { PullRequestState::Open } else { p.state },
        ..p.clone()
    };
    if !shown.is_some_and(|p| is_approved(scene.books, intent, &as_open(p), p.author)) {
        return Some("the pull request was not the approved one, open".to_owned());
    }
    if policy.required_checks.is_empty() {
        return (!asks_for_nothing(policy)).then(|| "policy names no check".to_owned());
    }
    policy.required_checks.iter().find_map(|required| {
        let required = &required.value;
        let of_it = |r: &&countersign_core::forge::CheckRun| required.is_met_by(r) && r.head == intent.commit;
        let runs: Vec<_> = head.checks.iter().filter(of_it).collect();
        let succeeded = !runs.is_empty() && runs.iter().all(|r| policy.lets_pass(r));
        (!succeeded).then(|| format!("{required} had not succeeded on the approved commit"))
    })
}
