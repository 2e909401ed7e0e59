//! What is to be written, byte by byte: commit, branch and digests are computed again from their parts.

use super::Scene;
use crate::problem::{Problem, ProblemCode};
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
    if let Some(why) = words_missing(scene, patch_set) {
        problems.push(scene.problem(ProblemCode::ManifestContent, format!("{name}: {why}")));
    }
    if *revision != scene.books.revision {
        let message = format!("{name}: the patch set is of revision {revision}, which is not at hand");
        problems.push(scene.problem(ProblemCode::ManifestContent, message));
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
    let bytes = &patch_set.manifest.commit_bytes;
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
