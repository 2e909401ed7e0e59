//! The two steps that rest on texts of policy files, which are not recorded: compared in everything else.
//!
//! Of gate 0 the checks about policies are taken as recorded, all others and the outcome follow from the rules. Of
//! pinned bases the effective policy is taken as recorded, and must be no looser than the built-in floor, which no
//! file can loosen.

use super::inputs::Candidate;
use super::{Wrong, compare, run};
use countersign_core::gate::{CheckId, CheckOutcome, GateId, GateOutcome, GateResult, evaluate};
use countersign_core::id::{RepositoryId, WorkflowId};
use countersign_core::member::Roster;
use countersign_core::record::EventRecord;
use countersign_core::workflow::event::{PinnedRepo, RepoLookup};
use countersign_core::workflow::input::{LoadedRepo, PolicyLayers};
use countersign_core::workflow::{EffectResult, Event, Input, State, Workflow};

/// The result that such a step can come from, as if there were no policy files.
pub(super) fn result(first: &Event, rest: &[&Event], roster: &Roster) -> Option<EffectResult> {
    if let Event::RefsLookedUp { repositories } = first {
        return Some(EffectResult::RefsLookedUp {
            repositories: repositories.clone(),
            policies: repositories.iter().map(lets_pass).collect(),
            protections: Vec::new(),
            organisation: None,
            duplicate_of: rest.iter().find_map(|event| duplicate(event)),
            roster: roster.clone(),
        });
    }
    if let Event::ContextLoaded {
        repositories,
        context,
    } = first
    {
        return Some(EffectResult::ContextLoaded {
            repositories: repositories.iter().map(loaded).collect(),
            organisation: None,
            context: *context,
        });
    }
    // A policy that can't be read closes gate 0 again; which one is in the gate's words only.
    matches!(first, Event::GateEvaluated { .. }).then(|| EffectResult::ContextLoaded {
        repositories: Vec::new(),
        organisation: None,
        context: countersign_core::digest::ContextHash::of_bytes(b""),
    })
}

/// A policy that lets gate 0 pass: a forge with CI needs a word about it.
fn lets_pass(lookup: &RepoLookup) -> (RepositoryId, Option<Vec<u8>>) {
    let says = b"version = 1\n[ci]\nrequired = false\n".to_vec();
    let text = lookup.repository.forge.has_pull_requests().then_some(says);
    (lookup.repository.clone(), text)
}

/// The older workflow that gate 0 found: its check begins with the id.
fn duplicate(event: &Event) -> Option<WorkflowId> {
    let Event::GateEvaluated { result } = event else {
        return None;
    };
    let check = result.checks.iter().find(|c| c.id == CheckId::NotDuplicate)?;
    let failed = check.outcome == CheckOutcome::Failed;
    let first = check.detail.split_whitespace().next().filter(|_| failed)?;
    WorkflowId::parse(first).ok()
}

fn loaded(repo: &PinnedRepo) -> LoadedRepo {
    LoadedRepo {
        repository: repo.repository.clone(),
        base_branch: repo.base_branch.clone(),
        base: repo.base.clone(),
        base_tree: repo.base_tree.clone(),
        default_commit: repo.default_commit.clone(),
        files: repo.files,
        policies: PolicyLayers::default(),
    }
}

/// Compares a step of these two kinds; `None`: it is of another kind and is compared whole.
pub(super) fn expected(
    workflow: &Workflow,
    candidate: &Candidate,
    now: &[&EventRecord],
) -> Option<Result<usize, Wrong>> {
    let Candidate::Input(input) = candidate else {
        return None;
    };
    let Input::Effect { result, .. } = &**input else {
        return None;
    };
    let at = now.first()?.at;
    let made = |candidate| run(workflow, candidate, at).map(|decision| decision.events);
    if matches!(result, EffectResult::RefsLookedUp { .. }) {
        return Some(made(candidate).and_then(|events| gate_0(&events, now)));
    }
    if matches!(result, EffectResult::ContextLoaded { .. }) {
        return Some(match now.first().map(|r| &r.event) {
            Some(Event::GateEvaluated { .. }) => closed_again(workflow, now),
            _other => made(candidate).and_then(|events| pinned(&events, now)),
        });
    }
    None
}

/// Gate 0: what does not come from a policy file is as the rules make it, and the outcome follows from the checks.
fn gate_0(made: &[Event], now: &[&EventRecord]) -> Result<usize, Wrong> {
    let position = made.iter().position(|e| matches!(e, Event::GateEvaluated { .. }));
    let (position, ours) = match position.and_then(|p| made.get(p).map(|e| (p, e))) {
        Some((position, Event::GateEvaluated { result })) => (position, result),
        _other => return Err((0, "gate 0 is not judged here".to_owned())),
    };
    let theirs = match now.get(position).map(|r| &r.event) {
        Some(Event::GateEvaluated { result }) => result,
        _other => return Err((position, "gate 0 is not judged here".to_owned())),
    };
    same_checks(ours, theirs).map_err(|text| (position, text))?;
    let mut wanted = made.to_vec();
    wanted.truncate(position);
    wanted.push(Event::GateEvaluated {
        result: theirs.clone(),
    });
    match theirs.outcome {
        GateOutcome::Passed => wanted.extend(made.iter().skip(position + 1).cloned()),
        GateOutcome::Failed | GateOutcome::NotRequired => wanted.push(Event::WorkflowEnded {
            state: State::Declined,
            reason: theirs.failures().join("; "),
        }),
    }
    compare(&wanted, now)
}

/// Whether two results of gate 0 differ only in what policy files say.
fn same_checks(ours: &GateResult, theirs: &GateResult) -> Result<(), String> {
    let from_policy = |id: CheckId| {
        matches!(
            id,
            CheckId::PolicyReadable | CheckId::BaseAllowed | CheckId::PolicyCanBeMet | CheckId::BudgetAllowed
        )
    };
    let plain = |result: &GateResult| -> Vec<_> {
        let checks = result.checks.iter().filter(|c| !from_policy(c.id));
        checks.cloned().collect()
    };
    if plain(ours) != plain(theirs) {
        return Err("gate 0 did not see what the rules see here".to_owned());
    }
    let about = |result: &GateResult| -> Vec<_> {
        let checks = result.checks.iter().map(|c| (c.id, c.repository.clone()));
        checks.collect()
    };
    let all_there = theirs.outcome != GateOutcome::Passed || about(ours) == about(theirs);
    let follows = evaluate(theirs.gate, theirs.revision, theirs.checks.clone()) == *theirs;
    let same_place = (ours.gate, ours.revision) == (theirs.gate, theirs.revision);
    if all_there && follows && same_place {
        Ok(())
    } else {
        Err("the outcome of gate 0 does not follow from its checks".to_owned())
    }
}

/// A policy file that could not be read where the bases were pinned.
fn closed_again(workflow: &Workflow, now: &[&EventRecord]) -> Result<usize, Wrong> {
    let Some(Event::GateEvaluated { result }) = now.first().map(|r| &r.event) else {
        return Err((0, "gate 0 is not judged here".to_owned()));
    };
    let detail = result
        .checks
        .first()
        .map(|c| c.detail.clone())
        .unwrap_or_default();
    let check = countersign_core::gate::Check::new(CheckId::PolicyReadable, false, detail.clone());
    let wanted = [
        Event::GateEvaluated {
            result: evaluate(GateId::Intake, workflow.revision, vec![check]),
        },
        Event::WorkflowEnded {
            state: State::Declined,
            reason: detail,
        },
    ];
    compare(&wanted, now)
}

/// Pinned bases: all but the policy is as the rules make it, and the policy is no looser than the floor.
fn pinned(made: &[Event], now: &[&EventRecord]) -> Result<usize, Wrong> {
    let Some(Event::ContextLoaded {
        repositories: theirs, ..
    }) = now.first().map(|r| &r.event)
    else {
        return Err((0, "no bases are pinned here".to_owned()));
    };
    for repo in theirs {
        if !repo.policy.is_no_looser_than_floor() || !repo.policy.allows_base(&repo.base_branch) {
            let text = format!(
                "the policy of {} is looser than the built-in floor, or does not allow its base",
                repo.repository
            );
            return Err((0, text));
        }
    }
    let with_theirs = |event: &Event| {
        if let Event::ContextLoaded {
            repositories,
            context,
        } = event
        {
            return Event::ContextLoaded {
                repositories: with_policies(repositories, theirs),
                context: *context,
            };
        }
        event.clone()
    };
    let wanted: Vec<Event> = made.iter().map(with_theirs).collect();
    compare(&wanted, now)
}

fn with_policies(ours: &[PinnedRepo], theirs: &[PinnedRepo]) -> Vec<PinnedRepo> {
    let pairs = ours.iter().zip(theirs);
    let joined = pairs.map(|(our, their)| PinnedRepo {
        policy: their.policy.clone(),
        ..our.clone()
    });
    joined.collect()
}
