//! "What changed since revision N" on the page of a request: for whoever looks for the second time.

use super::diff::diff_lines;
use crate::api::interdiff::{InterdiffWire, between};
use crate::api::viewed::last_viewed;
use crate::house::House;
use crate::problem::Problem;
use crate::shown::{Seen, counted, visible};
use countersign_core::act::SignedAct;
use countersign_core::id::{MemberId, Revision};
use countersign_core::workflow::Event;
use countersign_core::workflow::event::{Request, Subject};
use maud::{Markup, html};

/// Paths that only the base changed, listed at most.
const BASE_ONLY_SHOWN: usize = 20;

/// The section, where there is an earlier revision. `asked`: the one that the address names.
pub(super) async fn section(
    house: &House,
    seen: &Seen,
    (request, member): (&Request, &MemberId),
    asked: Option<Revision>,
) -> Result<Markup, Problem> {
    let Subject::PatchSet { repository, .. } = &request.subject else {
        return Ok(html! {});
    };
    let all: Vec<Revision> = seen.proposals_by_revision().into_keys().collect();
    let Some((newest, earlier)) = all.split_last() else {
        return Ok(html! {});
    };
    if earlier.is_empty() && asked.is_none() {
        return Ok(html! {});
    }
    let looked = last_decided(seen, member).max(last_viewed(house, seen, member).await?);
    let since = asked.or(looked.filter(|r| earlier.contains(r)));
    let name = seen.workflow.repository_name(repository);
    let changed = match since {
        None => html! {},
        Some(from) => match between(
            &house.ports.trees,
            house.store.as_ref(),
            seen,
            (from, Some(*newest)),
        )
        .await
        {
            Ok(found) => html! {
                @for one in found.repositories.iter().filter(|r| r.repository == name) { (changed(one)) }
            },
            Err(problem) => {
                html! { p.bad { "✗ " (visible(problem.detail())) " " span.dim { "[" (problem.code) "]" } } }
            }
        },
    };
    Ok(html! {
        section #since {
            h2 {
                "What changed since "
                @match since { Some(from) => { "revision " (from) }, None => { "an earlier revision" } }
            }
            @if asked.is_none() && since.is_some() { p.dim { "That is the one that you looked at last." } }
            p { "Since revision: " @for revision in earlier {
                a href={ "/requests/" (request.id) "?since=" (revision) "#since" } { (revision) } " "
            } }
            (changed)
        }
    })
}

fn changed(one: &InterdiffWire) -> Markup {
    html! {
        @if one.base_moved {
            p.warn { "The base moved from " code { (one.from_base) } " to " code { (one.to_base) } "." }
        }
        @if one.base_only_files > 0 {
            p.dim {
                (counted(usize::try_from(one.base_only_files).unwrap_or(usize::MAX), "file"))
                " differ by the base alone and are not shown: "
                @for path in one.base_only.iter().take(BASE_ONLY_SHOWN) { code { (visible(path)) } " " }
                @if one.base_only_files > BASE_ONLY_SHOWN as u64 { "…" }
            }
        }
        @if one.masked_lines > 0 {
            p.warn { (one.masked_lines) " lines hold what looks like a secret; it is masked." }
        }
        @if one.diff.is_empty() { p { "Nothing else: it would write the same." } }
        @else { (diff_lines(one.diff.as_bytes())) }
    }
}

/// The revision that a member decided on last.
fn last_decided(seen: &Seen, member: &MemberId) -> Option<Revision> {
    let (mut revision, mut found) = (Revision(1), None);
    for record in &seen.records {
        if let Event::RevisionStarted { revision: new, .. } = &record.event {
            revision = *new;
        }
        if decision(&record.event).is_some_and(|act| act.record.member == *member) {
            found = Some(revision);
        }
    }
    found
}

/// The signed act of a decision on content.
fn decision(event: &Event) -> Option<&SignedAct> {
    if let Event::ApprovalGiven { approval } = event {
        return Some(&approval.act);
    }
    if let Event::ChangesRequested { act }
    | Event::PatchesDeselected { act, .. }
    | Event::WaiverGiven { act, .. } = event
    {
        return Some(act);
    }
    None
}
