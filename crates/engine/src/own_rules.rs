//! The rules that a repository brings itself: read from the commits that count, asked about a change. Decides nothing.
//!
//! Rules come from the default branch and from the base, and both are asked; never from the proposed tree (INV-9).
//! Whatever keeps them from an answer is a finding that blocks.

use countersign_core::diff::FileMode;
use countersign_core::digest::BodyHash;
use countersign_core::facts::Facts;
use countersign_core::id::CommitSha;
use countersign_core::path::RepoPath;
use countersign_core::policy::{
    Finding, NoAnswer, OWN_RULE_FILES_MAX, OWN_RULE_MAX_BYTES, OwnRuleFile, RuleText, Severity,
    is_own_rule_file, is_secret_rule_file,
};
use countersign_inspect::SecretRules;
use countersign_ports::trees::{RepoSource, Trees, TreesError};
use std::collections::BTreeMap;

/// Runs the rules that repositories bring themselves.
pub trait OwnRules: Send + Sync {
    /// What the files of one commit find in a change. Blocks, for some seconds at most.
    ///
    /// # Errors
    /// Why they come to no answer; whoever asks has to let nothing pass then.
    fn judge(&self, rules: &[RuleText], facts: &Facts) -> Result<Vec<Finding>, NoAnswer>;

    /// Whether it can run them at all; where it can't, they block everything.
    fn runs(&self) -> bool {
        true
    }
}

/// One file of rules as it lies in a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFile {
    /// Where it lies.
    pub path: RepoPath,
    /// Its content; none where it is no regular file.
    pub content: Option<Vec<u8>>,
}

impl RuleFile {
    /// As the effective policy names it.
    pub fn named(&self) -> OwnRuleFile {
        OwnRuleFile {
            path: self.path.clone(),
            digest: self.content.as_deref().map(BodyHash::of_bytes),
        }
    }
}

/// The files of rules of a pinned commit, sorted by path.
///
/// # Errors
/// When git can't answer.
pub fn rule_files(
    trees: &dyn Trees,
    source: &RepoSource,
    commit: &CommitSha,
) -> Result<Vec<RuleFile>, TreesError> {
    let entries = trees.snapshot(source, commit)?.into_iter();
    let read = |entry: countersign_ports::trees::SnapshotEntry| {
        let content = match entry.mode {
            FileMode::Regular | FileMode::Executable => trees.file(source, commit, &entry.path)?,
            FileMode::Symlink | FileMode::Submodule => None,
        };
        let path = entry.path;
        Ok(RuleFile { path, content })
    };
    entries
        .filter(|e| is_own_rule_file(&e.path) || is_secret_rule_file(&e.path))
        .map(read)
        .collect()
}

/// What the rules of every layer find; with several findings of one rule at one path the heaviest weight counts.
pub(crate) fn found(
    own_rules: &dyn OwnRules,
    layers: &[Vec<RuleFile>],
    facts: impl FnOnce() -> Result<Facts, NoAnswer>,
) -> Vec<Finding> {
    let are_run = |files: &Vec<RuleFile>| files.iter().any(|file| is_own_rule_file(&file.path));
    let layers: Vec<&Vec<RuleFile>> = layers.iter().filter(|files| are_run(files)).collect();
    if layers.is_empty() {
        return Vec::new();
    }
    let facts = match facts() {
        Ok(facts) => facts,
        Err(refused) => return vec![refused.finding()],
    };
    let mut all = Vec::new();
    for files in layers {
        match texts(files).and_then(|texts| own_rules.judge(&texts, &facts)) {
            Ok(found) => all.extend(found),
            Err(refused) => all.push(refused.finding()),
        }
    }
    heaviest(all)
}

fn texts(files: &[RuleFile]) -> Result<Vec<RuleText>, NoAnswer> {
    if files.len() > OWN_RULE_FILES_MAX {
        let why = format!(
            "there are {} files of rules; at most {OWN_RULE_FILES_MAX} are read",
            files.len()
        );
        return Err(NoAnswer::of_all("own-rules-too-many", why));
    }
    let run = files.iter().filter(|file| is_own_rule_file(&file.path));
    run.map(text).collect()
}

/// What else looks like a secret, by the files of every layer; and what keeps one of them from saying so.
pub(crate) fn secret_rules(layers: &[Vec<RuleFile>]) -> (Vec<SecretRules>, Vec<Finding>) {
    let (mut rules, mut refused) = (Vec::new(), Vec::new());
    let files = layers.iter().flatten();
    for file in files.filter(|file| is_secret_rule_file(&file.path)) {
        let read = text(file).and_then(|one| {
            SecretRules::read(&one.text)
                .map_err(|why| NoAnswer::at("secret-rules-unread", &file.path, None, why))
        });
        match read {
            Ok(one) => rules.push(one),
            Err(why) => refused.push(why.finding()),
        }
    }
    (rules, refused)
}

fn text(file: &RuleFile) -> Result<RuleText, NoAnswer> {
    let refuse = |code, why: String| Err(NoAnswer::at(code, &file.path, None, why));
    let Some(content) = &file.content else {
        return refuse(
            "own-rules-no-file",
            "it is a link or a submodule, not a file".to_owned(),
        );
    };
    if content.len() > OWN_RULE_MAX_BYTES {
        let why = format!(
            "it has {} bytes; at most {OWN_RULE_MAX_BYTES} are read",
            content.len()
        );
        return refuse("own-rules-too-large", why);
    }
    match std::str::from_utf8(content) {
        Ok(text) => Ok(RuleText {
            path: file.path.clone(),
            text: text.to_owned(),
        }),
        Err(error) => {
            let why = format!(
                "it is not UTF-8 (first bad byte at offset {})",
                error.valid_up_to()
            );
            refuse("own-rules-not-utf8", why)
        }
    }
}

fn heaviest(mut findings: Vec<Finding>) -> Vec<Finding> {
    let mut weights: BTreeMap<(Option<String>, Option<RepoPath>), Option<Severity>> = BTreeMap::new();
    let key = |f: &Finding| (f.custom.clone(), f.path.clone());
    for finding in &findings {
        let weight = weights.entry(key(finding)).or_default();
        *weight = (*weight).max(finding.severity);
    }
    for finding in &mut findings {
        finding.severity = weights.get(&key(finding)).copied().flatten();
    }
    findings.sort();
    findings.dedup();
    findings
}
