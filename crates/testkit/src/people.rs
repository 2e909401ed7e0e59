//! What people do: anything that is possible while chaos reigns, and what ends it afterwards.

use crate::house::PEOPLE;
use crate::random::Random;
use countersign_core::act::{Act, SeenDigest};
use countersign_core::question::Choice;
use countersign_core::workflow::Workflow;
use countersign_core::workflow::event::{Request, Subject};

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
