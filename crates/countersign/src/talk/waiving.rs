//! Waiving at the terminal: what is let pass and what that means, in plain words, before the digits.

use super::{Given, countersigned, say};
use crate::desk::Desk;
use crate::error::CliError;
use crate::render::seen::Seen;
use crate::render::waivers::{asked_at, bound_to, minute, waivable, weight, who_may};
use crate::terminal::{Page, Person, Reply, Style};
use crate::waiving::{DAYS_DEFAULT, days_max, in_days, send};
use countersign_core::policy::{Violation, WaivedContent};
use countersign_core::time::Timestamp;

/// Asks what, why and for how long, then for the digits. `false`: nothing was waived.
///
/// # Errors
/// When it is refused, or the store fails.
pub(super) async fn waive(desk: &Desk, person: &Person, seen: &Seen) -> Result<bool, CliError> {
    let all = waivable(seen);
    person.tell(&listed(seen, &all));
    let Some(chosen) = chosen(person, &all).await else {
        return Ok(false);
    };
    let Reply::Words(reason) = person.ask("Why? One line, kept for good (empty: don't):").await else {
        return Ok(false);
    };
    if reason.trim().is_empty() {
        return Ok(false);
    }
    let most = days_max(seen, &chosen);
    let Some(days) = days(person, most).await else {
        return Ok(false);
    };
    let until = in_days(desk.now().await?, days);
    if !agreed(person, seen, (&chosen, until), &Given::default()).await {
        return Ok(false);
    }
    send(desk, seen, &chosen, (&reason, until)).await?;
    Ok(true)
}

/// What it means, then the digits of what waits.
pub(crate) async fn agreed(
    person: &Person,
    seen: &Seen,
    (chosen, until): (&[&Violation], Timestamp),
    given: &Given,
) -> bool {
    let Some(request) = chosen.first().and_then(|v| asked_at(seen, v)) else {
        say(person, Style::Bad, "Nothing that could be waived waits any more.");
        return false;
    };
    person.tell(&meaning(chosen, until));
    let (subject, digest) = seen.subject(request);
    let what: Vec<String> = chosen.iter().map(|v| v.id()).collect();
    let (what, whose) = (what.join(" and "), format!("{subject}'s"));
    let agreed = countersigned(person, ("waive", &what, &whose), &digest, &given.digests).await;
    if !agreed {
        say(person, Style::Plain, "Nothing was waived.");
    }
    agreed
}

/// What can be waived, numbered.
pub(crate) fn listed(seen: &Seen, violations: &[&Violation]) -> Page {
    let mut page = Page::new();
    page.heading("What can be waived");
    for (number, violation) in (1..).zip(violations) {
        let name = seen.workflow.repository_name(&violation.repository);
        page.line(2)
            .column(Style::Plain, format!("{number}"), 4)
            .add(Style::Plain, format!("{} ", weight(violation.severity)))
            .add(Style::Bold, violation.id())
            .add(Style::Plain, "  ")
            .add(Style::Name, name)
            .add(Style::Plain, crate::render::policy::lines(&violation.lines));
        page.block(6, Style::Plain, &violation.message);
        let content = violation.content.as_ref().map(bound_to).unwrap_or_default();
        let who = who_may(violation.severity);
        page.line(6).add(Style::Dim, format!("for {content}; by {who}"));
    }
    page
}

fn meaning(chosen: &[&Violation], until: Timestamp) -> Page {
    let mut page = Page::new();
    page.heading("What your waiver does");
    let mut line = |text: String| {
        page.line(2).add(Style::Dim, "– ").add(Style::Plain, text);
    };
    for violation in chosen {
        let content = violation.content.as_ref().map(bound_to).unwrap_or_default();
        line(format!("{} passes, for {content}.", violation.id()));
    }
    line(format!(
        "It lives until {}, and dies as soon as the content is another one.",
        minute(until)
    ));
    if chosen
        .iter()
        .any(|v| matches!(v.content, Some(WaivedContent::Plan { .. })))
    {
        line("It is only a plan yet: the content is judged again when it is there.".to_owned());
    }
    line("The risk becomes high, and policy may then ask for more people.".to_owned());
    line("Your name and reason are recorded and shown to whoever approves. It approves nothing.".to_owned());
    page
}

/// Numbers or names; `None`: nothing.
async fn chosen<'a>(person: &Person, all: &[&'a Violation]) -> Option<Vec<&'a Violation>> {
    let prompt = "Which? Numbers, with blanks between them (empty: none):";
    let Reply::Words(words) = person.ask(prompt).await else {
        return None;
    };
    let mut chosen: Vec<&Violation> = Vec::new();
    for word in words.split_whitespace() {
        let by_number = word.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
        let found = by_number.and_then(|n| all.get(n).copied());
        let Some(found) = found.or_else(|| all.iter().find(|v| v.id() == word).copied()) else {
            say(person, Style::Bad, &format!("`{word}` is none of these."));
            return None;
        };
        if !chosen.contains(&found) {
            chosen.push(found);
        }
    }
    (!chosen.is_empty()).then_some(chosen)
}

async fn days(person: &Person, most: u32) -> Option<u32> {
    let usual = DAYS_DEFAULT.min(most);
    let prompt = format!("For how many days, 1 to {most}? [{usual}]");
    let Reply::Words(word) = person.ask(&prompt).await else {
        return None;
    };
    let word = word.trim();
    if word.is_empty() {
        return Some(usual);
    }
    let days = word.parse().ok().filter(|n| (1..=most).contains(n));
    if days.is_none() {
        say(
            person,
            Style::Bad,
            &format!("`{word}` is not a number from 1 to {most}."),
        );
    }
    days
}
