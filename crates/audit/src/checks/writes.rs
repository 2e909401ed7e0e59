//! Writes: of what was approved and of nothing else, after enough people said yes to exactly that, and read back.

use super::books::{Books, Given};
use super::{Scene, gates, people, seals, verified, waivers};
use crate::problem::{Problem, ProblemCode};
use countersign_core::act::{Act, SeenDigest};
use countersign_core::digest::ApprovalDigest;
use countersign_core::gate::GateId;
use countersign_core::id::{AttemptNumber, WriteIntentId};
use countersign_core::member::Roster;
use countersign_core::patch_set::PatchSet;
use countersign_core::policy::RiskTier;
use countersign_core::workflow::event::{Attempt, AttemptOutcome, Subject, WriteIntent};
use std::collections::BTreeSet;

/// Intents hold what the patch sets' manifests say, one each.
pub(super) fn intended(scene: &Scene<'_>, intents: &[WriteIntent], problems: &mut Vec<Problem>) {
    if scene.story.has_gaps() && scene.books.patch_sets.is_empty() {
        return;
    }
    let other = |why: String| scene.problem(ProblemCode::WriteOther, why);
    if intents.len() != scene.books.patch_sets.len() {
        problems.push(other("there is not one write per patch set".to_owned()));
    }
    for intent in intents {
        let name = scene.books.name(&intent.repository);
        let of = |p: &&PatchSet| p.repository == intent.repository && p.digest == intent.patch_set;
        let Some(patch_set) = scene.books.patch_sets.iter().find(of) else {
            problems.push(other(format!(
                "{name}: the write is of no patch set that people were asked about"
            )));
            continue;
        };
        let same = intent.commit == patch_set.manifest.commit
            && intent.branch == patch_set.manifest.branch
            && intent.tree == patch_set.draft.diff.result_tree
            && intent.revision == scene.books.revision;
        if !same {
            problems.push(other(format!(
                "{name}: the write is not what the approved manifest says"
            )));
        }
        let given = approval_digest(scene.books, patch_set);
        // Without its plan, which may be erased, it can't be made again.
        let unknown = given.is_none() && scene.story.has_gaps();
        if !unknown && given != Some(intent.approval) {
            problems.push(other(format!(
                "{name}: the write names another approval digest than its parts give"
            )));
        }
    }
}

/// The tries of the story so far. A try may begin by itself: it looks at the branch and asks the gate, which may say no.
/// What it must be allowed to is a write.
#[derive(Default)]
pub(super) struct Tries {
    all: Vec<Try>,
    /// Branches that were read back.
    written: BTreeSet<WriteIntentId>,
}

struct Try {
    intent: WriteIntentId,
    number: AttemptNumber,
    /// What spoke against a write when it began.
    doubts: Vec<Problem>,
    /// It may have written: it has no outcome, or one that nobody knows.
    open: bool,
}

impl Tries {
    /// A try begins: what would have to be true before its first byte is held against the story so far.
    pub(super) fn begin(
        &mut self,
        scene: &Scene<'_>,
        attempt: &Attempt,
        problems: &mut Vec<Problem>,
        unjudged: &mut Vec<String>,
    ) {
        fits_its_intent(scene, attempt, &self.written, problems);
        self.all.push(Try {
            intent: attempt.intent.clone(),
            number: attempt.number,
            doubts: doubts(scene, unjudged),
            open: true,
        });
    }

    /// A try ends: what was read back is what was to be written, and some try that may have written it was allowed to.
    pub(super) fn end(
        &mut self,
        scene: &Scene<'_>,
        of: &WriteIntentId,
        number: AttemptNumber,
        outcome: &AttemptOutcome,
        problems: &mut Vec<Problem>,
    ) {
        let ended = |t: &Try| t.intent == *of && t.number == number;
        let at = self.all.iter().rposition(ended);
        match outcome {
            AttemptOutcome::Unknown { .. } => {}
            AttemptOutcome::Foreign { .. }
            | AttemptOutcome::Refused { .. }
            | AttemptOutcome::Failed { .. } => {
                if let Some(at) = at {
                    self.all[at].open = false;
                }
            }
            AttemptOutcome::Written { commit, tree, found } => {
                self.written.insert(of.clone());
                let intent = scene.books.intents.iter().find(|i| i.id == *of);
                if at.is_none() || !intent.is_some_and(|i| i.commit == *commit && i.tree == *tree) {
                    let message = "the branch was read back with something else than what was approved";
                    problems.push(scene.problem(ProblemCode::WriteOther, message));
                }
                problems.extend(self.settle(at, of, *found));
            }
            AttemptOutcome::Opened {
                pull_request,
                account,
                found,
            } => {
                let mut intents = scene.books.intents.iter();
                let intent = intents.find(|i| i.id.pull_request() == *of);
                let fits = |i| verified::is_approved(scene.books, i, pull_request, *account);
                if at.is_none() || !intent.is_some_and(fits) {
                    let message = "a pull request was read back that is not the approved one";
                    problems.push(scene.problem(ProblemCode::WriteOther, message));
                }
                problems.extend(self.settle(at, of, *found));
            }
        }
    }

    /// What is there was read back: whoever of the tries wrote it, that is settled.
    fn settle(&mut self, at: Option<usize>, of: &WriteIntentId, found: bool) -> Vec<Problem> {
        let doubts = at.map_or_else(Vec::new, |at| self.doubts_about(at, found));
        let same = |t: &&mut Try| t.intent == *of;
        self.all.iter_mut().filter(same).for_each(|t| t.open = false);
        doubts
    }

    /// The branch or the pull request was taken out of play. Where it was there, a try whose outcome nobody knew has written it; where it was
    /// not, none has.
    pub(super) fn retracted(&mut self, of: &WriteIntentId, was_there: bool, problems: &mut Vec<Problem>) {
        self.written.remove(of);
        let open = |t: &Try| t.open && t.intent == *of;
        if was_there && let Some(last) = self.all.iter().rposition(open) {
            problems.extend(self.doubts_about(last, true));
        }
        self.all
            .iter_mut()
            .filter(|t| t.intent == *of)
            .for_each(|t| t.open = false);
    }

    /// What speaks against tries whose outcome the story doesn't tell: they may have written.
    pub(super) fn untold(&self) -> impl Iterator<Item = Problem> {
        let open = (0..self.all.len()).filter(|at| self.all[*at].open);
        open.flat_map(|at| self.doubts_about(at, true))
    }

    /// None if a try was allowed to write what is there: this one, or an earlier one for which this one only looked.
    fn doubts_about(&self, at: usize, looked: bool) -> Vec<Problem> {
        let own = &self.all[at];
        let may_have = |t: &&Try| looked && t.open && t.intent == own.intent;
        let mut earlier = self.all[..at].iter().filter(may_have);
        if earlier.any(|t| t.doubts.is_empty()) {
            Vec::new()
        } else {
            own.doubts.clone()
        }
    }
}

fn fits_its_intent(
    scene: &Scene<'_>,
    attempt: &Attempt,
    written: &BTreeSet<WriteIntentId>,
    problems: &mut Vec<Problem>,
) {
    let of = |i: &&WriteIntent| i.id == attempt.intent || i.id.pull_request() == attempt.intent;
    let message = match scene.books.intents.iter().find(of) {
        Some(intent) if intent.id != attempt.intent && !written.contains(&intent.id) => {
            "a pull request is to be opened for a branch that was not read back"
        }
        Some(intent) if intent.commit == attempt.commit && attempt.expected_old.is_none() => return,
        Some(_) => "the attempt is to write something else than its intent",
        None => "the attempt is of no intent of this revision",
    };
    problems.push(scene.problem(ProblemCode::WriteOther, message));
}

/// What has to be true before the first byte, and isn't.
fn doubts(scene: &Scene<'_>, unjudged: &mut Vec<String>) -> Vec<Problem> {
    let books = scene.books;
    let mut doubts = Vec::new();
    if let Some(seq) = books.stopped {
        let message = format!("a write begins although it was stopped in entry {seq}");
        doubts.push(scene.problem(ProblemCode::WriteStopped, message));
    }
    if scene.story.has_gaps() {
        unjudged.push(format!(
            "whether the write of entry {} was approved and through its gates",
            scene.record.seq
        ));
        return doubts;
    }
    doubts.extend(gates::missing(scene));
    doubts.extend(waivers::dead(scene));
    let mut counted = Vec::new();
    for patch_set in books.patch_sets {
        match count(scene, patch_set) {
            Ok(carried) => counted.extend(carried.by),
            Err(problem) => doubts.push(problem),
        }
    }
    doubts.extend(seals::missing(scene, &counted));
    doubts
}

/// What people decide on for one patch set: its digest, its siblings', plan, policies, waived rules, gates 0 to 2.
pub(super) fn approval_digest(books: &Books<'_>, own: &PatchSet) -> Option<ApprovalDigest> {
    let siblings: Vec<_> = books
        .patch_sets
        .iter()
        .filter(|s| s.id != own.id)
        .map(|s| (&s.id, s.digest))
        .collect();
    let policies: Vec<_> = books
        .repositories
        .iter()
        .map(|r| (&r.repository, r.policy.digest()))
        .collect();
    let waived: Vec<_> = books
        .violations
        .iter()
        .filter(|v| v.waived_until.is_some())
        .map(|v| (&v.repository, v.id(), &v.content, v.waived_until))
        .collect();
    let gate = |id| {
        let noted = books.gates.get(&id)?;
        Some((noted.what.gate, noted.what.outcome, noted.what.evidence))
    };
    let gates = [
        gate(GateId::Intake)?,
        gate(GateId::Plan)?,
        gate(GateId::Proposal)?,
    ];
    Some(ApprovalDigest::of(&(
        (&own.id, own.digest),
        siblings,
        books.plan?,
        policies,
        waived,
        gates,
    )))
}

/// What carries a write.
pub(super) struct Carried<'a> {
    /// How many people had to say yes.
    pub(super) needed: usize,
    /// Those who did, alive at the moment of the write.
    pub(super) by: Vec<&'a Given<'a>>,
}

/// The approvals that carry a write of this patch set, or what is wrong with them.
pub(super) fn count<'a>(scene: &Scene<'a>, patch_set: &PatchSet) -> Result<Carried<'a>, Problem> {
    let books = scene.books;
    let name = books.name(&patch_set.repository);
    let wrong = |code, why: &str| scene.problem(code, format!("{name}: a write begins, and {why}"));
    let digest = approval_digest(books, patch_set);
    let asked = books.asked(&patch_set.repository).map(|r| &r.subject);
    let was_asked = matches!(asked, Some(Subject::PatchSet { digest: asked, patch_set: of, .. })
        if Some(*asked) == digest && *of == patch_set.digest);
    let Some(roster) = books.roster.filter(|_| was_asked) else {
        return Err(wrong(
            ProblemCode::ApprovalMissing,
            "nobody was asked about exactly this",
        ));
    };
    let of_this = |given: &&Given<'_>| is_of(given, digest) && given.approval.revision == books.revision;
    let good = |given: &&Given<'_>| {
        let member = &given.approval.act.record.member;
        given.approval.act.record.workflow == scene.story.workflow
            && super::acts::is_authentic(books, &given.approval.act)
            && people::eligible(books, roster, member).is_some()
    };
    let ever: Vec<&Given<'_>> = books.approvals.iter().filter(of_this).filter(good).collect();
    let live: Vec<&Given<'_>> = ever
        .iter()
        .copied()
        .filter(|given| given.approval.expires_at > scene.record.at)
        .collect();
    let needed = needed(books, roster, patch_set);
    let (live_people, ever_people) = (persons(roster, &live), persons(roster, &ever));
    if live_people < needed {
        let (code, why) = if ever_people >= needed {
            let why = format!(
                "{} of {needed} approvals of exactly this had not run out",
                live_people
            );
            (ProblemCode::ApprovalExpired, why)
        } else {
            let why = format!("{ever_people} of {needed} people had approved exactly this");
            (ProblemCode::ApprovalMissing, why)
        };
        return Err(wrong(code, &why));
    }
    match owner_missing(roster, patch_set, &live) {
        Some(path) => Err(wrong(
            ProblemCode::OwnerMissing,
            &format!("no owner of {path} had approved it"),
        )),
        None => Ok(Carried { needed, by: live }),
    }
}

fn is_of(given: &Given<'_>, digest: Option<ApprovalDigest>) -> bool {
    matches!(&given.approval.act.record.act, Act::Approve { seen: SeenDigest::PatchSet(seen), .. }
        if Some(*seen) == digest)
}

/// Different human beings among them.
fn persons(roster: &Roster, given: &[&Given<'_>]) -> usize {
    let person = |given: &&Given<'_>| {
        let id = &given.approval.act.record.member;
        let member = roster.members.iter().find(|m| m.id == *id)?;
        Some(member.person.as_str())
    };
    let people: BTreeSet<&str> = given.iter().filter_map(person).collect();
    people.len()
}

/// How many people policy asks for at this tier; alone, one is enough unless a policy explicitly demands more.
fn needed(books: &Books<'_>, roster: &Roster, patch_set: &PatchSet) -> usize {
    let Some(pinned) = books.pinned(&patch_set.repository) else {
        return usize::MAX;
    };
    let number = if people::is_solo(roster) {
        pinned.policy.demands_people().unwrap_or(1)
    } else {
        let approvers = pinned.policy.approvers;
        let (low, medium, high) = (approvers.low.value, approvers.medium.value, approvers.high.value);
        match books.tier {
            Some(RiskTier::Low) => low,
            Some(RiskTier::Medium) => low.max(medium),
            Some(RiskTier::High) | None => low.max(medium).max(high),
        }
    };
    usize::try_from(number.max(1)).unwrap_or(usize::MAX)
}

/// A path whose owner, by CODEOWNERS, is not among those who approved; alone, owners are only shown.
fn owner_missing(roster: &Roster, patch_set: &PatchSet, live: &[&Given<'_>]) -> Option<String> {
    if people::is_solo(roster) {
        return None;
    }
    let approved = |id| live.iter().any(|given| given.approval.act.record.member == id);
    let owns = |owners: &[String], name: &str| {
        let same = |owner: &String| owner.trim_start_matches('@').eq_ignore_ascii_case(name);
        owners.iter().any(same)
    };
    let answered = |owners: &[String]| {
        let mut members = roster.members.iter();
        members.any(|m| owns(owners, &m.name) && approved(m.id.clone()))
    };
    let unanswered = patch_set
        .draft
        .owners
        .iter()
        .find(|owned| !answered(&owned.owners))?;
    Some(unanswered.path.to_string())
}
