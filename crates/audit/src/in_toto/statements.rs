//! The files, links and layout themselves.
//!
//! propose → policy → one approval per repository → apply; then an inspection looks whether the files that lie in the
//! folder are the ones that were spoken of. Every step has to name every file of the steps before it, by hash.

use super::{Chain, InTotoError};
use crate::checks::{Written, Yes};
use countersign_core::act::Attendance;
use countersign_core::digest::canonical_json;
use countersign_core::id::MemberId;
use countersign_ledger::dsse::envelope;
use countersign_ledger::{ContentHash, StatementKey, StatementVerifier, content_hash};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const PROPOSE: &str = "propose";
const POLICY: &str = "policy";
const APPLY: &str = "apply";
/// What the verifier runs before it looks at the folder: nothing, but in-toto wants a command that succeeds.
const INSPECTION_COMMAND: [&str; 1] = ["true"];
const VERDICT_FILE: &str = "verdict.json";
/// How many digits of a key's id stand in a link's name (in-toto specification, "Link").
const KEY_ID_PREFIX: usize = 8;

type Files = BTreeMap<String, Vec<u8>>;

fn patch_file(write: &Written) -> String {
    format!("patch/{}.diff", write.name)
}

fn commit_file(write: &Written) -> String {
    format!("commit/{}.commit", write.name)
}

fn approve(write: &Written) -> String {
    format!("approve-{}", write.name)
}

/// What the steps make: the exact diff that was shown, the exact bytes of the commit, and the verdict in between.
pub(super) fn artifacts(chain: &Chain) -> Result<Files, InTotoError> {
    let mut files = Files::new();
    for write in &chain.outcome.written {
        let hash = ContentHash::from_hex(&write.patch_set.draft.canonical.to_hex());
        let diff = hash.ok().and_then(|hash| chain.diffs.get(&hash));
        files.insert(patch_file(write), diff.ok_or(InTotoError::Erased)?.clone());
        let commit = write.patch_set.manifest.commit_bytes.as_bytes();
        files.insert(commit_file(write), commit.to_vec());
    }
    let mut verdict = chain.outcome.verdict.clone();
    verdict["workflow"] = json!(chain.workflow);
    files.insert(VERDICT_FILE.to_owned(), canonical_json(&verdict));
    Ok(files)
}

/// One link per step, and one per person for approvals.
pub(super) fn links(
    chain: &Chain,
    artifacts: &Files,
    owner: &StatementKey,
    members: &BTreeMap<MemberId, StatementKey>,
) -> Result<Files, InTotoError> {
    let only = |wanted: &dyn Fn(&str) -> bool| -> Value {
        let named = artifacts.iter().filter(|(name, _)| wanted(name));
        let hashed =
            named.map(|(name, bytes)| (name.clone(), json!({ "sha256": content_hash(bytes).to_string() })));
        Value::Object(hashed.collect())
    };
    let nothing = only(&|_| false);
    let all = only(&|_| true);
    let patches = only(&|name| name.starts_with("patch/"));
    let commits = only(&|name| name.starts_with("commit/"));
    let decided = only(&|name| !name.starts_with("patch/"));
    let mut files = Files::new();
    let mut put = |name: &str, materials: &Value, products: &Value, byproducts: Value, key: &StatementKey| {
        let link = json!({
            "_type": "link",
            "name": name,
            "command": [],
            "materials": materials,
            "products": products,
            "byproducts": byproducts,
            "environment": {},
        });
        files.insert(link_file(name, &key.verifier()), envelope(&link, key));
    };
    let story = json!({ "workflow": chain.workflow });
    put(
        PROPOSE,
        &nothing,
        &patches,
        merged(&story, &chain.outcome.started),
        owner,
    );
    put(POLICY, &patches, &decided, story.clone(), owner);
    for write in &chain.outcome.written {
        for yes in &write.yeses {
            let key = members.get(&yes.member).ok_or_else(|| InTotoError::KeyMissing {
                member: yes.member.clone(),
            })?;
            put(
                &approve(write),
                &all,
                &nothing,
                merged(&story, &evidence(yes)),
                key,
            );
        }
    }
    put(
        APPLY,
        &all,
        &commits,
        merged(&story, &json!({ "branches": branches(chain) })),
        owner,
    );
    Ok(files)
}

fn link_file(step: &str, key: &StatementVerifier) -> String {
    let id: String = key.id().chars().take(KEY_ID_PREFIX).collect();
    format!("{step}.{id}.link")
}

/// The act itself, signed when the person decided, and where the ledger has it.
fn evidence(yes: &Yes) -> Value {
    json!({ "entry": yes.seq, "act": yes.act, "act_key": yes.key })
}

fn branches(chain: &Chain) -> Value {
    let one = |write: &Written| {
        let manifest = &write.patch_set.manifest;
        let what = json!({ "branch": manifest.branch, "commit": manifest.commit });
        (write.name.clone(), what)
    };
    Value::Object(chain.outcome.written.iter().map(one).collect())
}

fn merged(one: &Value, other: &Value) -> Value {
    let parts = [one, other].into_iter().filter_map(Value::as_object);
    let all: Map<String, Value> = parts.flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
    Value::Object(all)
}

/// Who may do which step, how many it takes, and what each may have used and made.
pub(super) fn layout(
    chain: &Chain,
    owner: &StatementVerifier,
    members: &BTreeMap<&MemberId, StatementVerifier>,
) -> Result<Value, InTotoError> {
    let rules = Rules::of(chain);
    let mut keys = BTreeMap::from([(owner.id(), owner.to_json())]);
    let server = [owner.id()];
    let mut steps = vec![
        step(
            PROPOSE,
            &server,
            1,
            rules.nothing(),
            rules.created(&rules.patches),
        ),
        step(
            POLICY,
            &server,
            1,
            rules.matched(&rules.patches, PROPOSE),
            rules.created(&rules.decided()),
        ),
    ];
    for write in &chain.outcome.written {
        let mut who = Vec::new();
        for yes in &write.yeses {
            let key = members.get(&yes.member).ok_or_else(|| InTotoError::KeyMissing {
                member: yes.member.clone(),
            })?;
            keys.insert(key.id(), key.to_json());
            who.push(key.id());
        }
        let (name, needed) = (approve(write), write.needed);
        steps.push(step(&name, &who, needed, rules.everything(), rules.nothing()));
    }
    let written = rules.matched(&rules.commits, POLICY);
    steps.push(step(APPLY, &server, 1, rules.everything(), written));
    Ok(json!({
        "_type": "layout",
        "readme": readme(chain),
        "expires": to_the_second(&chain.expires().to_rfc3339()),
        "keys": keys,
        "steps": steps,
        "inspect": [{
            "_type": "inspection",
            "name": "files",
            "run": INSPECTION_COMMAND,
            "expected_materials": [],
            "expected_products": rules.in_the_folder(),
        }],
    }))
}

fn readme(chain: &Chain) -> String {
    let names: Vec<&str> = chain.outcome.written.iter().map(|w| w.name.as_str()).collect();
    let mut text = format!("Countersign workflow {}: {}.", chain.workflow, names.join(", "));
    let mut yeses = chain.outcome.written.iter().flat_map(|write| &write.yeses);
    if yeses.any(|yes| yes.act.record.attendance == Attendance::Unattended) {
        text.push_str(" No human reviewed this: it was approved unattended.");
    }
    text
}

fn step(name: &str, keys: &[String], threshold: usize, materials: Vec<Value>, products: Vec<Value>) -> Value {
    json!({
        "_type": "step",
        "name": name,
        "pubkeys": keys,
        "threshold": threshold,
        "expected_command": [],
        "expected_materials": materials,
        "expected_products": products,
    })
}

/// in-toto's times have no fractions.
fn to_the_second(time: &str) -> String {
    let seconds = time.split('.').next().unwrap_or(time);
    format!("{seconds}Z")
}

/// Artifact rules (in-toto specification, "Artifact rules"). A rule consumes the files that it fits; `REQUIRE` comes first
/// because it looks at what is left, and `DISALLOW *` last.
struct Rules {
    patches: Vec<String>,
    commits: Vec<String>,
}

impl Rules {
    fn of(chain: &Chain) -> Self {
        let written = &chain.outcome.written;
        Self {
            patches: written.iter().map(patch_file).collect(),
            commits: written.iter().map(commit_file).collect(),
        }
    }

    /// What the policy step makes.
    fn decided(&self) -> Vec<String> {
        let verdict = [VERDICT_FILE.to_owned()];
        self.commits.iter().cloned().chain(verdict).collect()
    }

    fn nothing(&self) -> Vec<Value> {
        vec![json!(["DISALLOW", "*"])]
    }

    fn created(&self, files: &[String]) -> Vec<Value> {
        let mut rules = required(files);
        rules.extend(files.iter().map(|file| json!(["CREATE", file])));
        rules.extend(self.nothing());
        rules
    }

    /// All of these as that step made them, and nothing else.
    fn matched(&self, files: &[String], from: &str) -> Vec<Value> {
        let mut rules = required(files);
        rules.extend(matching(files, from));
        rules.extend(self.nothing());
        rules
    }

    /// Patches as proposed, verdict and commits as decided, and nothing else.
    fn everything(&self) -> Vec<Value> {
        let mut rules = required(&self.patches);
        rules.extend(required(&self.decided()));
        rules.extend(matching(&self.patches, PROPOSE));
        rules.extend(matching(&self.decided(), POLICY));
        rules.extend(self.nothing());
        rules
    }

    /// The same of the files that lie there, with the commits as they were written; other files don't matter.
    fn in_the_folder(&self) -> Vec<Value> {
        let verdict = [VERDICT_FILE.to_owned()];
        let mut rules = required(&self.patches);
        rules.extend(required(&self.decided()));
        rules.extend(matching(&self.patches, PROPOSE));
        rules.extend(matching(&verdict, POLICY));
        rules.extend(matching(&self.commits, APPLY));
        let closed = ["patch/*", "commit/*", VERDICT_FILE];
        rules.extend(closed.iter().map(|pattern| json!(["DISALLOW", pattern])));
        rules
    }
}

fn required(files: &[String]) -> Vec<Value> {
    files.iter().map(|file| json!(["REQUIRE", file])).collect()
}

fn matching(files: &[String], from: &str) -> Vec<Value> {
    let rule = |file: &String| json!(["MATCH", file, "WITH", "PRODUCTS", "FROM", from]);
    files.iter().map(rule).collect()
}
