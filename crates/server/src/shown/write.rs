//! What an approval will write, what that starts, and what nobody has looked at.

use super::counted;
use super::lines::{Page, Style};
use super::{Seen, first8};
use countersign_core::confinement::NetworkHost;
use countersign_core::patch_set::PatchSet;
use countersign_core::workflow::State;
use countersign_inspect::masked;

/// The last thing before the question.
pub fn page(seen: &Seen) -> Page {
    let mut page = Page::new();
    page.heading("What your approval will write");
    for patch_set in &seen.workflow.patch_sets {
        let name = seen.workflow.repository_name(&patch_set.repository);
        let digest = seen.digest(patch_set).map(|d| first8(&d)).unwrap_or_default();
        let line = page
            .line(2)
            .add(Style::Name, &name)
            .add(Style::Plain, "  digest ")
            .add(Style::Warn, &digest)
            .add(
                Style::Dim,
                format!("  from {} at {}", patch_set.base_branch, patch_set.base.short()),
            );
        let open = seen
            .approvals_wanted()
            .iter()
            .any(|r| seen.subject(r).1.to_hex().starts_with(&digest));
        if !open && seen.workflow.state == State::AwaitingApproval {
            line.add(Style::Good, "  ✓ approved already");
        }
        page.line(4)
            .column(Style::Dim, "new branch", 12)
            .add(Style::Plain, patch_set.manifest.branch.as_str());
        page.line(4)
            .column(Style::Dim, "commit", 12)
            .add(Style::Plain, patch_set.manifest.commit.as_str());
        if let Some(signature) = &patch_set.manifest.signature {
            page.line(4).column(Style::Dim, "signed by", 12).add(
                Style::Plain,
                format!("{}, as {}", signature.key, signature.committer),
            );
        }
        page.line(4)
            .column(Style::Dim, "in", 12)
            .add(Style::Plain, seen.place(&patch_set.repository));
        let bytes = &patch_set.manifest.commit_bytes;
        let message = bytes.split_once("\n\n").map_or("", |(_, message)| message);
        for (index, line) in message.lines().enumerate() {
            let label = if index == 0 { "message" } else { "" };
            page.line(4).column(Style::Dim, label, 12).add(Style::Plain, line);
        }
        if let Some(text) = &patch_set.manifest.pull_request {
            page.line(4).column(Style::Dim, "opens", 12).add(
                Style::Plain,
                format!("a pull request into {}", patch_set.base_branch),
            );
            for line in [text.title.as_str(), ""].into_iter().chain(text.body.lines()) {
                page.line(4).column(Style::Dim, "", 12).add(Style::Plain, line);
            }
            page.line(4)
                .column(Style::Dim, "runs", 12)
                .add(Style::Warn, seen.runs(patch_set));
        }
    }
    for untouched in untouched(seen) {
        page.line(2)
            .add(Style::Name, untouched)
            .add(Style::Plain, "  nothing: this revision does not change it");
    }
    let local = |p: &PatchSet| !p.repository.forge.is_remote();
    if seen.workflow.patch_sets.iter().all(local) {
        page.line(2).add(
            Style::Dim,
            "nothing runs: a local repository has no CI, and no hook is called",
        );
        page.line(2).add(
            Style::Dim,
            "work tree, index, HEAD and every other branch stay as they are",
        );
    }
    page
}

/// Repositories of the workflow that the proposal leaves as they are.
fn untouched(seen: &Seen) -> Vec<String> {
    let workflow = &seen.workflow;
    let changed = |id| workflow.patch_set(id).is_some();
    let rest = workflow.repositories.iter().filter(|r| !changed(&r.repository));
    rest.map(|r| workflow.repository_name(&r.repository)).collect()
}

/// Hosts that the agent could reach.
fn reaches(seen: &Seen) -> &[NetworkHost] {
    let reach = seen.workflow.submission.as_ref().and_then(|s| s.agent.reach());
    reach.map_or(&[], |(_, hosts)| hosts)
}

/// What nobody has looked at.
pub fn unseen(seen: &Seen) -> Page {
    let mut page = Page::new();
    page.heading("What nobody has looked at");
    let mut say = |text: String| {
        page.line(2).add(Style::Dim, "– ").add(Style::Plain, text);
    };
    say("Nothing was built or run; no test has seen this change.".to_owned());
    say(
        "Whether dependencies have known holes is not looked up; secrets are known by their form only."
            .to_owned(),
    );
    let hidden: u32 = seen
        .drafts()
        .iter()
        .map(|draft| masked(seen.diff(draft), &draft.findings).lines)
        .sum();
    if hidden > 0 {
        let lines = counted(usize::try_from(hidden).unwrap_or(usize::MAX), "line");
        say(format!(
            "What looks like a secret is not shown, in {lines} of the diffs."
        ));
    }
    if seen
        .workflow
        .submission
        .as_ref()
        .is_some_and(|s| s.agent.unconfined())
    {
        say("The agent ran without confinement on this machine, with your rights.".to_owned());
    }
    for host in reaches(seen) {
        say(format!(
            "The agent could reach {host}: what it sent and fetched there is not recorded."
        ));
    }
    for (name, files) in &seen.uncommitted {
        let text = format!(
            "{name} has uncommitted work in {}: it is not part of this and stays untouched.",
            counted(usize::try_from(*files).unwrap_or(usize::MAX), "tracked file")
        );
        say(text);
    }
    page
}
