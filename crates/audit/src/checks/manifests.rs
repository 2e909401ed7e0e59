//! What is to be written, byte by byte: commit, branch and digests are computed again from their parts.

use super::Scene;
use crate::problem::{Problem, ProblemCode};
use countersign_core::commit_signature::{insert, take, verify};
use countersign_core::digest::PatchSetDigest;
use countersign_core::patch_set::{PatchSet, branch_name, commit_id};

pub(super) fn look(scene: &Scene<'_>, patch_sets: &[PatchSet], problems: &mut Vec<Problem>) {
    for patch_set in patch_sets {
        one(scene, patch_set, problems);
    }
}

fn one(scene: &Scene<'_>, patch_set: &PatchSet, problems: &mut Vec<Problem>) {
    let PatchSet {
        repository,
        revision,
        base_branch,
        base,
        draft,
        manifest,
        digest,
        ..
    } = patch_set;
    let name = scene.books.name(repository);
    if commit_id(manifest.commit_bytes.as_bytes()) != manifest.commit {
        let message = format!("{name}: the commit's id is not that of its bytes");
        problems.push(scene.problem(ProblemCode::ManifestCommit, message));
    }
    if branch_name(&scene.story.workflow, *revision, draft) != manifest.branch {
        let message = format!("{name}: the branch is not named after workflow, revision and diff");
        problems.push(scene.problem(ProblemCode::ManifestBranch, message));
    }
    let parts = (
        (&scene.story.tenant, &scene.story.workflow, repository, revision),
        (base_branch, base, draft),
        manifest,
    );
    if PatchSetDigest::of(&parts) != *digest || draft.repository != *repository {
        let message = format!("{name}: the patch set's digest is not that of its parts");
        problems.push(scene.problem(ProblemCode::PatchSetDigest, message));
    }
    for missing in missing_lines(scene, patch_set) {
        let message = format!("{name}: the commit does not say `{missing}`");
        problems.push(scene.problem(ProblemCode::ManifestContent, message));
    }
    if let Some(why) = signature_wrong(patch_set) {
        problems.push(scene.problem(ProblemCode::ManifestSignature, format!("{name}: {why}")));
    }
    if let Some(why) = words_missing(scene, patch_set) {
        problems.push(scene.problem(ProblemCode::ManifestContent, format!("{name}: {why}")));
    }
    if *revision != scene.books.revision {
        let message = format!("{name}: the patch set is of revision {revision}, which is not at hand");
        problems.push(scene.problem(ProblemCode::ManifestContent, message));
    }
}

/// The commit is signed exactly where its key is recorded, by that key, over all the rest of its bytes.
fn signature_wrong(patch_set: &PatchSet) -> Option<String> {
    let manifest = &patch_set.manifest;
    let Some(recorded) = &manifest.signature else {
        let header = manifest.commit_bytes.split("\n\n").next().unwrap_or_default();
        let is_signed = header.lines().any(|line| line.starts_with("gpgsig"));
        return is_signed.then(|| "the commit is signed, and no key is recorded for it".to_owned());
    };
    let Some((unsigned, armour)) = take(&manifest.commit_bytes) else {
        return Some(format!(
            "the commit is not signed, and {} is recorded for it",
            recorded.key
        ));
    };
    if insert(&unsigned, &armour) != manifest.commit_bytes {
        return Some("the commit's signature does not stand where git puts it".to_owned());
    }
    match verify(unsigned.as_bytes(), &armour) {
        Err(error) => Some(format!("the commit's signature is refused: {error}")),
        Ok(key) if key != recorded.key => Some(format!(
            "the commit is signed by {key}, and {} is recorded for it",
            recorded.key
        )),
        Ok(_) => None,
    }
}

/// The words of a pull request are there exactly where its forge has such, and say which workflow it is of.
fn words_missing(scene: &Scene<'_>, patch_set: &PatchSet) -> Option<&'static str> {
    let words = patch_set.manifest.pull_request.as_ref();
    match (patch_set.repository.forge.has_pull_requests(), words) {
        (false, None) => None,
        (false, Some(_)) => Some("there are words for a pull request, and its forge has none"),
        (true, None) => Some("there are no words for its pull request"),
        (true, Some(words)) => {
            let says = words.body.contains(scene.story.workflow.as_str()) && !words.title.is_empty();
            (!says).then_some("the pull request does not say of which workflow it is")
        }
    }
}

/// Lines that the commit has to hold and does not: in its header exactly these, in its message these trailers.
fn missing_lines(scene: &Scene<'_>, patch_set: &PatchSet) -> Vec<String> {
    // The header of a signed commit is looked at without the signature, which is judged by itself.
    let unsigned = patch_set.manifest.signature.as_ref();
    let unsigned = unsigned.and_then(|_| take(&patch_set.manifest.commit_bytes));
    let bytes = unsigned
        .as_ref()
        .map_or(&patch_set.manifest.commit_bytes, |(unsigned, _)| unsigned);
    let (header, message) = bytes.split_once("\n\n").unwrap_or((bytes, ""));
    let header: Vec<&str> = header.lines().collect();
    let mut missing = Vec::new();
    let first = [
        format!("tree {}", patch_set.draft.diff.result_tree),
        format!("parent {}", patch_set.base),
    ];
    for (at, wanted) in first.into_iter().enumerate() {
        if header.get(at) != Some(&wanted.as_str()) {
            missing.push(wanted);
        }
    }
    if header.len() != 4 {
        missing.push("one tree, one parent, one author and one committer".to_owned());
    }
    if let Some(signature) = &patch_set.manifest.signature {
        let date = format!("{} {} +0000", signature.committer, signature.at.unix_seconds());
        for (at, wanted) in [format!("author {date}"), format!("committer {date}")]
            .into_iter()
            .enumerate()
        {
            if header.get(at + 2) != Some(&wanted.as_str()) {
                missing.push(wanted);
            }
        }
    }
    let pinned = scene.books.pinned(&patch_set.repository);
    if pinned.is_none_or(|p| p.base != patch_set.base || p.base_branch != patch_set.base_branch) {
        missing.push(format!("the pinned base, which {} is not", patch_set.base));
    }
    let checkpoint = scene.books.asked_under.map(|seal| seal.what);
    let trailers = [
        format!("Countersign-Workflow: {}", scene.story.workflow),
        format!("Countersign-Revision: {}", patch_set.revision),
        match checkpoint {
            Some(seal) => format!("Countersign-Checkpoint: {} {}", seal.size, seal.root),
            None => "Countersign-Checkpoint, of a signed checkpoint from before".to_owned(),
        },
    ];
    for wanted in trailers {
        let key = wanted.split_once(": ").map_or(wanted.as_str(), |(key, _)| key);
        let named: Vec<&str> = message.lines().filter(|l| l.starts_with(key)).collect();
        if named != [wanted.as_str()] {
            missing.push(wanted);
        }
    }
    missing
}
