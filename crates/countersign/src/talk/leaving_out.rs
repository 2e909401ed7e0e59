//! Leaving patches or hunks out at the terminal: a numbered list, and what comes of it.

use super::{Acts, Given, countersigned, say};
use crate::leaving_out::{act, read, request};
use crate::render::hunks::patches;
use crate::render::seen::Seen;
use crate::render::story::counted;
use crate::terminal::{Page, Person, Reply, Style};
use countersign_core::narrow::LeftOut;
use countersign_core::workflow::event::Request;

/// Asks which parts and why. What is left comes back as another revision, so no digits are asked for.
pub(super) async fn leave_out(person: &Person, seen: &Seen) -> Acts {
    let again = Some(Vec::new());
    person.tell(&listed(seen));
    let prompt = "Which? Numbers, with hunks behind a #, such as `2 3#1,4` (empty: none):";
    let Reply::Words(words) = person.ask(prompt).await else {
        return again;
    };
    let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
    if words.is_empty() {
        return again;
    }
    let left_out = match read(seen, &words, None, true) {
        Ok(left_out) => left_out,
        Err(error) => {
            say(person, Style::Bad, &error.message);
            return again;
        }
    };
    let Some(request) = request(seen, &left_out) else {
        say(person, Style::Bad, "No patch set waits for a decision.");
        return again;
    };
    person.tell(&meaning(seen, &left_out));
    match person.ask("Why? One line (empty: don't):").await {
        Reply::Words(reason) if !reason.trim().is_empty() => Some(vec![act(seen, request, left_out, reason)]),
        Reply::Words(_) | Reply::TooLong | Reply::End => again,
    }
}

/// Shows what goes and waits for the digits of what was looked at.
pub(crate) async fn agreed(
    person: &Person,
    seen: &Seen,
    (left_out, request): (&[LeftOut], &Request),
    given: &Given,
) -> bool {
    person.tell(&meaning(seen, left_out));
    let (subject, digest) = seen.subject(request);
    let whose = ("leave that out of", subject.as_str(), "its");
    countersigned(person, whose, &digest, &given.digests).await
}

fn listed(seen: &Seen) -> Page {
    let mut page = Page::new();
    page.heading("Patches");
    let all = patches(seen);
    let names = all.iter().map(|p| p.name.chars().count()).max().unwrap_or(0);
    let paths = all.iter().map(|p| p.path.to_text().chars().count()).max();
    for (number, patch) in (1..).zip(&all) {
        let parts = match patch.hunks {
            0 | 1 => patch.what.to_owned(),
            n => format!("hunks 1 to {n}"),
        };
        page.line(2)
            .column(Style::Bold, format!("{number}"), 4)
            .column(Style::Name, &patch.name, names + 2)
            .column(Style::Plain, patch.path.to_text(), paths.unwrap_or(0) + 2)
            .column(Style::Good, format!("+{}", patch.added), 6)
            .column(Style::Bad, format!("−{}", patch.removed), 6)
            .add(Style::Dim, parts);
    }
    page
}

fn meaning(seen: &Seen, left_out: &[LeftOut]) -> Page {
    let mut page = Page::new();
    page.heading("What is left out");
    for part in left_out {
        let hunks: Vec<String> = part.hunks.iter().map(u32::to_string).collect();
        let which = match part.is_whole() {
            true => "  the whole patch".to_owned(),
            false => format!(
                "  {} {}",
                counted(hunks.len(), "hunk").trim_start_matches(|c: char| c.is_ascii_digit() || c == ' '),
                hunks.join(", ")
            ),
        };
        page.line(2)
            .add(Style::Bad, "− ")
            .add(Style::Name, seen.workflow.repository_name(&part.repository))
            .add(Style::Plain, " ")
            .add(Style::Plain, part.path.to_text())
            .add(Style::Plain, which);
    }
    page.line(2).add(
        Style::Dim,
        "The rest becomes another revision: it is applied, reviewed and asked about again.",
    );
    page
}
