//! What people do: anything that is possible while chaos reigns, and what ends it afterwards.

use crate::agents::FILE;
use crate::faults::Fault;
use crate::house::PEOPLE;
use crate::life::Fates;
use crate::random::Random;
use crate::repositories::{How, Merging, Repositories};
use countersign_core::act::{Act, SeenDigest};
use countersign_core::forge::PullRequest;
use countersign_core::question::Choice;
use countersign_core::workflow::Workflow;
use countersign_core::workflow::event::{Request, Subject};
use countersign_ports::store::Clock as _;
use std::path::Path;

/// What was on the screen.
fn seen(subject: &Subject) -> SeenDigest {
    match subject {
        Subject::Plan { digest } => SeenDigest::Plan(*digest),
        Subject::PatchSet { digest, .. } => SeenDigest::PatchSet(*digest),
        Subject::Question { digest, .. } => SeenDigest::Question(*digest),
    }
}

fn words() -> String {
    "because".to_owned()
}

fn approve(w: &Workflow, request: &Request) -> Act {
    Act::Approve {
        request: request.id.clone(),
        seen: seen(&request.subject),
        acknowledged: w.violations.iter().map(|v| v.id()).collect(),
    }
}

fn answer(request: &Request, choice: Choice) -> Act {
    let text = match choice {
        Choice::Provide => words(),
        Choice::Retry | Choice::AskAgain | Choice::Cancel | Choice::GrantMore => String::new(),
    };
    Act::Answer {
        request: request.id.clone(),
        seen: seen(&request.subject),
        choice,
        text,
    }
}

/// Somebody does something, sensible or not; mostly they approve what they are asked about.
pub fn anything(w: &Workflow, random: &Random) -> Option<(&'static str, Act)> {
    let who = *random.pick(&PEOPLE)?;
    let open: Vec<&Request> = w.open_requests().collect();
    if random.chance(6) {
        return Some((who, Act::Withdraw { reason: words() }));
    }
    if random.chance(3) {
        return Some((who, Act::Cancel { reason: words() }));
    }
    let request = *random.pick(&open)?;
    let (id, seen) = (request.id.clone(), seen(&request.subject));
    let act = match &request.subject {
        Subject::Question { question, .. } => answer(request, *random.pick(question.kind.choices())?),
        Subject::Plan { .. } | Subject::PatchSet { .. } => match random.below(20) {
            0 => Act::Reject {
                request: id,
                seen,
                reason: words(),
            },
            1 | 2 => Act::RequestChanges {
                request: id,
                seen,
                comment: words(),
                comments: Vec::new(),
            },
            _yes => approve(w, request),
        },
    };
    Some((who, act))
}

/// What brings a waiting workflow to its end; `patience` is used up by answers that lead back to questions.
pub fn towards_the_end(w: &Workflow, patience: bool) -> Vec<(&'static str, Act)> {
    if !patience {
        return vec![("alice", Act::Cancel { reason: words() })];
    }
    let mut acts = Vec::new();
    for request in w.open_requests() {
        match &request.subject {
            Subject::Plan { .. } | Subject::PatchSet { .. } => {
                acts.extend(["bob", "carol"].map(|who| (who, approve(w, request))));
            }
            Subject::Question { question, .. } => {
                let choices = question.kind.choices();
                let wanted = [
                    Choice::Retry,
                    Choice::AskAgain,
                    Choice::GrantMore,
                    Choice::Provide,
                    Choice::Cancel,
                ];
                if let Some(choice) = wanted.into_iter().find(|c| choices.contains(c)) {
                    // More budget is not a reviewer's to grant.
                    let who = if choice == Choice::GrantMore {
                        "alice"
                    } else {
                        "bob"
                    };
                    acts.push((who, answer(request, choice)));
                }
            }
        }
    }
    acts
}

/// Somebody merges an open pull request on the forge's own page, in one way or another, or closes it; whatever the weather.
pub fn sees_to(real: &Repositories, fates: &Fates, dir: &Path, pull: &PullRequest, ended: bool) {
    let random = &fates.random;
    fates.note(format!("somebody looks at #{} of {}", pull.number, dir.display()));
    if fates.happens(Fault::ClosedUnmerged) {
        real.somebody_closes(dir, pull.number);
        return;
    }
    let line = format!("by somebody at {}", fates.clock.now().0);
    let file = if random.chance(50) { FILE } else { "b.txt" };
    if fates.happens(Fault::MergedMore) {
        real.somebody_pushes(dir, &pull.branch, (file, line.as_str()));
        if random.chance(50) {
            return;
        }
    }
    let beside = fates
        .happens(Fault::MergedOtherwise)
        .then_some((file, line.as_str()));
    let (how, fault) = match random.below(3) {
        0 => (How::Merge, Fault::Merged),
        1 => (How::Squash, Fault::Squashed),
        _last => (How::Rebase, Fault::Rebased),
    };
    let deletes = fates.happens(Fault::BranchDeleted);
    let merging = Merging { how, beside, deletes };
    if real.somebody_merges(dir, pull.number, merging).is_some() {
        fates.count(fault);
        if !ended {
            fates.count(Fault::MergedEarly);
        }
    } else if random.chance(50) {
        // It conflicts, and nobody settles that.
        real.somebody_closes(dir, pull.number);
    }
}
