//! Tells stories: honest ones by asking the production rules, forged ones by putting any events whatsoever into a log
//! that the genuine key signs.

use crate::canned::{self, START, Team};
use countersign_audit::{ProblemCode, Verdict, audit};
use countersign_core::act::{Act, Attendance, SignedAct};
use countersign_core::commit_signature::{NAMESPACE, SignedCommits};
use countersign_core::digest::BodyHash;
use countersign_core::epoch::{Epoch, KIND_EPOCH_BEGUN};
use countersign_core::id::{TenantId, Version, WorkflowId};
use countersign_core::question::Choice;
use countersign_core::record::EventRecord;
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::CheckpointRef;
use countersign_core::workflow::{EffectResult, Event, Input, Submission, Workflow, decide, start};
use countersign_ledger::{
    Body, BundleBuilder, BundleEntry, Earlier, Leaf, LeafHash, LedgerKey, RootHash, Salt, Trust, commit,
    leaf_hash, origin_of, sign_checkpoint, tree,
};
use ssh_key::{HashAlg, LineEnding, PrivateKey};
use std::collections::BTreeMap;

/// One event with its time.
pub type Told = (Timestamp, Event);

/// The ledger's key; whoever has it can sign any log.
pub fn ledger_key() -> LedgerKey {
    LedgerKey::from_seed("countersign/test", &[3; 32]).unwrap()
}

/// A commit's signature in its armour.
pub fn signature(key: &PrivateKey, unsigned: &str) -> String {
    let signed = key.sign(NAMESPACE, HashAlg::Sha512, unsigned.as_bytes()).unwrap();
    signed.to_pem(LineEnding::LF).unwrap()
}

pub fn trust() -> Trust {
    Trust {
        keys: vec![ledger_key().verifier()],
        ..Trust::default()
    }
}

/// A workflow at work, with everything that it recorded.
#[derive(Clone)]
pub struct Teller {
    pub team: Team,
    pub workflow: Workflow,
    pub told: Vec<Told>,
    pub at: Timestamp,
    /// What commits are signed with.
    pub commit_key: Option<PrivateKey>,
}

impl Teller {
    pub fn new(team: Team) -> Self {
        Self::with(team, canned::submission())
    }

    /// On a forge with pull requests and CI.
    pub fn remote(team: Team) -> Self {
        Self::with(team, canned::submission_on(canned::remote_repositories()))
    }

    pub fn with(team: Team, submission: Submission) -> Self {
        let empty = Workflow::empty(TenantId::local(), canned::workflow_id());
        let submission = submission.signed(&empty.tenant, &empty.id, &canned::key_of("alice"));
        let decision = start(&empty, submission, START).unwrap();
        Self {
            team,
            told: decision.events.into_iter().map(|e| (START, e)).collect(),
            workflow: decision.workflow,
            at: START,
            commit_key: None,
        }
    }

    /// Commits are signed.
    pub fn signing(team: Team, key: PrivateKey) -> Self {
        Self {
            commit_key: Some(key),
            ..Self::new(team)
        }
    }

    /// Takes an input in, if the rules let it.
    pub fn take(&mut self, input: Input, at: Timestamp) -> bool {
        let input = self.genuine(input);
        let Ok(decision) = decide(&self.workflow, input, at) else {
            return false;
        };
        self.told.extend(decision.events.into_iter().map(|e| (at, e)));
        self.workflow = decision.workflow;
        self.at = at;
        true
    }

    /// Canned acts are not signed and canned seals are of no log: both are made good here.
    fn genuine(&self, input: Input) -> Input {
        match input {
            Input::Act { input, act, roster } => {
                let act = sign(act);
                Input::Act { input, act, roster }
            }
            Input::Effect {
                id,
                result: EffectResult::Sealed { roster, .. },
            } => {
                let log = Log::of(&self.told);
                let checkpoint = log.seal(Version(self.told.len() as u64));
                let signed = self.commit_key.as_ref().map(|key| {
                    let (committer, at) = ("Bot <bot@example.org>", self.at);
                    let commits = self.workflow.commits_to_sign(&checkpoint, committer, at);
                    let signatures = commits
                        .into_iter()
                        .map(|(id, bytes)| (id, signature(key, &bytes)));
                    SignedCommits {
                        committer: committer.to_owned(),
                        at,
                        signatures: signatures.collect(),
                    }
                });
                let result = EffectResult::Sealed {
                    checkpoint,
                    roster,
                    signed,
                };
                Input::Effect { id, result }
            }
            other => other,
        }
    }

    /// The named result of the outstanding effect.
    pub fn result(&mut self, name: &str) -> &mut Self {
        let at = self.at.plus_ms(1_000);
        let mut all = canned::results(&self.workflow, self.team, at).into_iter();
        let input = all.find(|(n, _)| n == name).map(|(_, input)| input);
        let input = input.unwrap_or_else(|| panic!("{name} in {}", self.workflow.state));
        assert!(self.take(input, at), "{name}");
        self
    }

    pub fn act(&mut self, who: &str, act: Act) -> &mut Self {
        let at = self.at.plus_ms(1_000);
        let input = canned::act(&self.workflow, self.team, who, act, Attendance::Attended, at);
        assert!(self.take(input, at), "{who} may do that");
        self
    }

    pub fn ask_for_approval(&mut self) -> &mut Self {
        for name in canned::TO_APPROVAL {
            self.result(name);
        }
        self
    }

    /// The yes of somebody to the first open request.
    pub fn approve(&mut self, who: &str) -> &mut Self {
        let act = self.approval();
        self.act(who, act)
    }

    pub fn approval(&self) -> Act {
        let open = self.workflow.open_requests().next().unwrap();
        Act::Approve {
            request: open.id.clone(),
            seen: canned::seen(&open.subject),
            acknowledged: self.workflow.violations.iter().map(|v| v.id()).collect(),
        }
    }

    /// The way to the end, with everything written.
    pub fn done(team: Team) -> Self {
        Self::new(team).till_the_end()
    }

    pub fn till_the_end(self) -> Self {
        let (mut teller, team) = (self.clone(), self.team);
        teller.ask_for_approval();
        while teller.workflow.open_requests().next().is_some() {
            teller.approve(if team == Team::Solo { "alice" } else { "bob" });
        }
        teller.written()
    }

    /// The same with a budget, asked about once and granted again, and with a call of which nobody knows the end.
    pub fn budgeted() -> Self {
        let mut teller = Self::with(Team::Three, canned::budgeted(4, None));
        let (begins, ends) = ("a call begins", "a call ends");
        let mut all = |kind: &str, names: &[&str]| {
            for name in names {
                teller.result(&format!("{kind}: {name}"));
            }
        };
        all("look-up-refs", &["found"]);
        all("load-context", &["loaded"]);
        all("triage", &[begins, begins, ends, "GO"]);
        all("plan", &[begins, ends, begins, ends, "planned"]);
        all("draft", &[begins]);
        let open = teller.workflow.open_requests().next().unwrap();
        let (request, seen) = (open.id.clone(), canned::seen(&open.subject));
        let (choice, text) = (Choice::GrantMore, String::new());
        let grant = Act::Answer {
            request,
            seen,
            choice,
            text,
        };
        teller.act("alice", grant);
        for name in [begins, ends, "drafted"] {
            teller.result(&format!("draft: {name}"));
        }
        for name in [begins, ends, "no finding"] {
            teller.result(&format!("critique: {name}"));
        }
        teller.result("seal-ledger: sealed");
        while teller.workflow.open_requests().next().is_some() {
            teller.approve("bob");
        }
        teller.written()
    }

    /// Both are green, and somebody at the forge is to merge them.
    pub fn awaiting_merge(team: Team) -> Self {
        let submission = canned::submission_on(canned::merging_repositories());
        let mut teller = Self::with(team, submission).opened();
        teller.result("read-checks: green");
        teller
    }

    /// Both branches are written, and both pull requests are open.
    pub fn verifying(team: Team) -> Self {
        Self::remote(team).opened()
    }

    fn opened(self) -> Self {
        let (mut teller, team) = (self.clone(), self.team);
        teller.ask_for_approval();
        while teller.workflow.open_requests().next().is_some() {
            teller.approve(if team == Team::Solo { "alice" } else { "bob" });
        }
        teller
            .result("seal-ledger: sealed")
            .result("check-bases: unmoved");
        for what in ["write-branch", "open-pull-request"] {
            let ended = if what == "write-branch" {
                "written"
            } else {
                "opened"
            };
            for _ in canned::remote_repositories() {
                teller
                    .result(&format!("{what}: attempt starts"))
                    .result(&format!("{what}: {ended}"));
            }
        }
        teller
    }

    /// From the last approval to the end.
    pub fn written(&mut self) -> Self {
        self.result("seal-ledger: sealed").result("check-bases: unmoved");
        for _ in canned::repositories() {
            self.result("write-branch: attempt starts")
                .result("write-branch: written");
        }
        assert!(self.workflow.state.is_final());
        self.clone()
    }
}

/// The same act, signed by the key that is held for its member.
pub fn sign(act: SignedAct) -> SignedAct {
    let name = act.record.member.as_str().trim_start_matches("mb_").to_owned();
    SignedAct::sign(act.record, &canned::key_of(&name))
}

/// The tenant's log: one fact about the tenant, then the story.
pub struct Log {
    hashes: Vec<[u8; 32]>,
    size: u64,
    entries: Vec<(u64, Vec<u8>, Salt, Vec<u8>)>,
    prev: Option<LeafHash>,
    /// Beginnings of epochs, in the tenant's own stream.
    epochs: Vec<BundleEntry>,
}

/// How a story is put into the log.
#[derive(Default, Clone)]
pub struct Form {
    /// Another version in one record.
    pub record_version: BTreeMap<u64, u32>,
    /// Another kind of leaf.
    pub kinds: BTreeMap<u64, String>,
    /// Whether the last leaf ends the stream; by default when the last event does.
    pub ended: Option<bool>,
    /// The log does not say that an epoch began under which the story goes on.
    pub without_epochs: bool,
}

impl Log {
    pub fn of(told: &[Told]) -> Self {
        Self::formed(told, &Form::default())
    }

    pub fn formed(told: &[Told], form: &Form) -> Self {
        let mut log = Self {
            hashes: Vec::new(),
            size: 0,
            entries: Vec::new(),
            prev: None,
            epochs: Vec::new(),
        };
        log.append(b"a member was added");
        let count = told.len() as u64;
        for (seq, (at, event)) in (1..).zip(told) {
            if let Event::Reconciled { epoch, .. } = event
                && !form.without_epochs
            {
                log.begin(*epoch);
            }
            let ends = form.ended.unwrap_or(matches!(event, Event::WorkflowEnded { .. }));
            let ended = (seq == count && ends).then_some(count);
            log.tell(seq, *at, event, ended, form);
        }
        log
    }

    /// A data folder's epoch begins.
    fn begin(&mut self, epoch: u64) {
        let mut begun = Epoch::first(self.size, &"0".repeat(64));
        begun.epoch = epoch;
        begun.previous = self.epochs.last().map(|_| epoch - 1);
        let seq = self.epochs.len() as u64 + 1;
        let prev = self.epochs.last().map(|entry| leaf_hash(&entry.leaf));
        let entry = self.tenants(seq, prev, KIND_EPOCH_BEGUN, &begun.to_bytes());
        self.epochs.push(entry);
    }

    fn append(&mut self, leaf: &[u8]) -> u64 {
        let new = tree::append(self.size, leaf, &self.hashes).unwrap();
        self.hashes.extend(new);
        self.size += 1;
        self.size - 1
    }

    fn tell(&mut self, seq: u64, at: Timestamp, event: &Event, ended: Option<u64>, form: &Form) {
        let record = EventRecord {
            v: form.record_version.get(&seq).copied().unwrap_or(1),
            tenant: TenantId::local(),
            workflow: canned::workflow_id(),
            seq,
            at,
            event: event.clone(),
        };
        let kind = form.kinds.get(&seq).cloned();
        self.push(seq, at, record.to_bytes(), ended, kind);
    }

    fn push(&mut self, seq: u64, at: Timestamp, body: Vec<u8>, ended: Option<u64>, kind: Option<String>) {
        let mut salt = [7; 32];
        salt[..8].copy_from_slice(&seq.to_be_bytes());
        let salt = Salt(salt);
        let leaf = Leaf {
            tenant: TenantId::local().to_string(),
            stream: canned::workflow_id().to_string(),
            seq,
            prev: self.prev,
            kind: kind.unwrap_or_else(|| "workflow.event".to_owned()),
            at: at.to_rfc3339(),
            commitment: commit(&salt, &body),
            ended,
        };
        let bytes = leaf.to_bytes().unwrap();
        self.prev = Some(leaf_hash(&bytes));
        let index = self.append(&bytes);
        self.entries.push((index, bytes, salt, body));
    }

    /// The same log from the bytes of bodies, whatever they are.
    pub fn of_bodies(bodies: Vec<(Timestamp, Vec<u8>)>) -> Self {
        let mut log = Self::of(&[]);
        let count = bodies.len() as u64;
        for (seq, (at, body)) in (1..).zip(bodies) {
            log.push(seq, at, body, (seq == count).then_some(count), None);
        }
        log
    }

    pub fn root(&self, size: u64) -> RootHash {
        tree::root(size, &self.hashes).unwrap()
    }

    pub fn note(&self, size: u64) -> String {
        let origin = origin_of(TenantId::local().as_str());
        sign_checkpoint(&origin, size, &self.root(size), &ledger_key()).unwrap()
    }

    /// A seal of the whole log as it is.
    pub fn seal(&self, covers: Version) -> CheckpointRef {
        CheckpointRef {
            size: self.size,
            root: self.root(self.size).to_string(),
            note: BodyHash::of_bytes(self.note(self.size).as_bytes()),
            covers,
        }
    }

    /// An entry of the tenant's own stream, at the end of the log.
    pub fn notice(&mut self, kind: &str, body: &[u8]) -> BundleEntry {
        self.tenants(1, None, kind, body)
    }

    fn tenants(&mut self, seq: u64, prev: Option<LeafHash>, kind: &str, body: &[u8]) -> BundleEntry {
        let salt = Salt([9; 32]);
        let leaf = Leaf {
            tenant: TenantId::local().to_string(),
            stream: "tenant".to_owned(),
            seq,
            prev,
            kind: kind.to_owned(),
            at: START.to_rfc3339(),
            commitment: commit(&salt, body),
            ended: None,
        };
        let leaf = leaf.to_bytes().unwrap();
        let index = self.append(&leaf);
        let bytes = body.to_vec();
        let body = Body::Present { salt, bytes };
        let proof = self.inclusion(index);
        BundleEntry {
            index,
            leaf,
            body,
            proof,
        }
    }

    fn inclusion(&self, index: u64) -> Vec<[u8; 32]> {
        tree::prove_inclusion(self.size, index, &self.hashes).unwrap()
    }

    /// The story as a file builder: every proof, every earlier head that `told` names, all canned evidence.
    pub fn bundle(&self, told: &[Told]) -> BundleBuilder {
        let mut builder = BundleBuilder::new(TenantId::local().as_str(), canned::workflow_id().as_str());
        for (index, leaf, salt, body) in &self.entries {
            builder.push(BundleEntry {
                index: *index,
                leaf: leaf.clone(),
                body: Body::Present {
                    salt: *salt,
                    bytes: body.clone(),
                },
                proof: self.inclusion(*index),
            });
        }
        for epoch in &self.epochs {
            builder.notice(BundleEntry {
                proof: self.inclusion(epoch.index),
                ..epoch.clone()
            });
        }
        for size in sealed_sizes(told)
            .into_iter()
            .filter(|size| *size < self.size && *size > 0)
        {
            builder.earlier(Earlier {
                size,
                root: self.root(size),
                proof: tree::prove_consistency(size, self.size, &self.hashes).unwrap(),
            });
            builder.attach(self.note(size).into_bytes());
        }
        let named = named(told);
        for evidence in evidence() {
            if named.contains(&BodyHash::of_bytes(&evidence)) {
                builder.attach(evidence);
            }
        }
        builder
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn file(&self, told: &[Told]) -> Vec<u8> {
        let key = ledger_key().verifier();
        let bundle = self.bundle(told).finish(self.note(self.size), &[key]);
        bundle.to_bytes().unwrap()
    }
}

fn sealed_sizes(told: &[Told]) -> Vec<u64> {
    let size = |(_, event): &Told| match event {
        Event::LedgerSealed { checkpoint, .. } => Some(checkpoint.size),
        _other => None,
    };
    told.iter().filter_map(size).collect()
}

fn named(told: &[Told]) -> Vec<BodyHash> {
    let of = |(_, event): &Told| match event {
        Event::DraftsRecorded { drafts } => drafts.iter().map(|d| d.canonical).collect(),
        Event::AgentCalled { run } => vec![run.output],
        _other => vec![],
    };
    told.iter().flat_map(of).collect()
}

/// Everything that canned agents and drafts leave.
fn evidence() -> Vec<Vec<u8>> {
    let mut all = vec![b"output".to_vec()];
    for repository in canned::repositories()
        .into_iter()
        .chain(canned::remote_repositories())
        .chain(canned::merging_repositories())
    {
        for number in 0..8 {
            all.push(format!("result {repository} {number}").into_bytes());
        }
    }
    all
}

/// The file of a story.
pub fn file(told: &[Told]) -> Vec<u8> {
    Log::of(told).file(told)
}

/// The verdict on a story whose log is genuinely signed, whatever it says.
pub fn verdict(told: &[Told]) -> Verdict {
    audit(&file(told), &trust()).unwrap_or_else(|e| panic!("the file itself holds: {e}"))
}

/// Puts seals right after events were changed: whoever has the key signs the forged log.
pub fn sealed_anew(told: &[Told]) -> Vec<Told> {
    let mut anew: Vec<Told> = Vec::new();
    for (at, event) in told {
        let event = match event {
            Event::LedgerSealed { purpose, checkpoint } => {
                let covers = checkpoint.covers.min(Version(anew.len() as u64));
                let checkpoint = Log::of(&anew).seal(covers);
                Event::LedgerSealed {
                    purpose: *purpose,
                    checkpoint,
                }
            }
            other => other.clone(),
        };
        anew.push((*at, event));
    }
    anew
}

#[track_caller]
pub fn assert_found(verdict: &Verdict, code: ProblemCode) {
    assert!(
        verdict.problems.iter().any(|p| p.code == code),
        "{code} is not among: {:#?}",
        verdict.problems
    );
}

#[track_caller]
pub fn assert_lawful(verdict: &Verdict) {
    assert!(
        verdict.is_lawful(),
        "{:#?} {:?}",
        verdict.problems,
        verdict.unjudged
    );
}

pub fn workflow_id() -> WorkflowId {
    canned::workflow_id()
}
