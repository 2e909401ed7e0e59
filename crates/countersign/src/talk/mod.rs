//! What is asked of a person at the terminal, and what their replies become.

mod leaving_out;
mod waiving;

pub(crate) use leaving_out::agreed as agreed_to_leave_out;
pub(crate) use waiving::agreed as agreed_to_waive;

use crate::cli::ApproveArgs;
use crate::desk::Desk;
use crate::error::CliError;
use crate::render::seen::{Seen, first8};
use crate::terminal::{Page, Person, Reply, Style};
use countersign_core::act::{Act, Attendance, SeenDigest};
use countersign_core::policy::Violation;
use countersign_core::question::{Choice, Question};
use countersign_core::workflow::State;
use countersign_core::workflow::event::{Request, Subject};

/// How often a digest may be mistyped before it is asked what to do again.
const TRIES: u32 = 3;

/// What was said on the command line already.
#[derive(Debug, Default)]
pub(crate) struct Given {
    /// Digits of digests.
    digests: Vec<String>,
    /// Warnings that were read.
    acknowledged: Vec<String>,
    /// Every warning was read.
    all_acknowledged: bool,
}

impl Given {
    /// Nothing but digits.
    pub(crate) fn of_digests(digests: &[String]) -> Self {
        Self {
            digests: digests.to_vec(),
            ..Self::default()
        }
    }
}

impl From<&ApproveArgs> for Given {
    fn from(args: &ApproveArgs) -> Self {
        Self {
            digests: args.digests.clone(),
            acknowledged: args.acknowledge.clone(),
            all_acknowledged: args.acknowledge_warnings,
        }
    }
}

/// One round of deciding. `false`: the person quits.
///
/// # Errors
/// When the store fails. A refused decision is shown, and it is asked again.
pub(crate) async fn decide(desk: &Desk, person: &Person, seen: &Seen) -> Result<bool, CliError> {
    loop {
        let acts = if seen.workflow.state == State::Deferred {
            deferred(person).await
        } else if seen.question().is_some() {
            match answer(person, seen).await {
                Answered::Acts(acts) => acts,
                Answered::Waive => match waiving::waive(desk, person, seen).await {
                    Ok(false) => continue,
                    Err(error) if error.exit == crate::error::Exit::Refused => {
                        person.show(&desk.app.terminal, &error.to_page());
                        return Ok(true);
                    }
                    waived => return waived,
                },
            }
        } else {
            approval(person, seen).await
        };
        let Some(acts) = acts else { return Ok(false) };
        if acts.is_empty() {
            continue;
        }
        for act in acts {
            match desk.send(&seen.workflow.id, act, Attendance::Attended).await {
                Ok(()) => {}
                Err(error) if error.exit == crate::error::Exit::Refused => {
                    person.show(&desk.app.terminal, &error.to_page());
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        return Ok(true);
    }
}

fn say(person: &Person, style: Style, text: &str) {
    let mut page = Page::new();
    page.line(0).add(style, text);
    person.tell(&page);
}

/// `None`: quit. Nothing in the list: ask again.
type Acts = Option<Vec<Act>>;

async fn deferred(person: &Person) -> Acts {
    match person.ask("\n[w]ake it up, or [q]uit?").await {
        Reply::Words(word) if matches!(word.trim(), "w" | "wake") => Some(vec![Act::Wake]),
        Reply::Words(word) if matches!(word.trim(), "q" | "quit") => None,
        Reply::Words(_) | Reply::TooLong => Some(Vec::new()),
        Reply::End => None,
    }
}

async fn approval(person: &Person, seen: &Seen) -> Acts {
    let Reply::Words(word) = person.ask(menu(seen)).await else {
        return None;
    };
    match word.trim() {
        "a" | "approve" => Some(approve(person, seen).await.unwrap_or_default()),
        "r" | "reject" => reject(person, seen).await,
        "c" | "changes" => changes(person, seen).await,
        "l" | "leave" if has_patches(seen) => leaving_out::leave_out(person, seen).await,
        "q" | "quit" => None,
        _ => {
            let words = if has_patches(seen) {
                "Type a, r, c, l or q."
            } else {
                "Type a, r, c or q."
            };
            say(person, Style::Plain, words);
            Some(Vec::new())
        }
    }
}

fn menu(seen: &Seen) -> &'static str {
    if has_patches(seen) {
        "\n[a]pprove, [r]eject, request [c]hanges, [l]eave parts out, or [q]uit?"
    } else {
        "\n[a]pprove, [r]eject, request [c]hanges, or [q]uit?"
    }
}

/// Whether patches wait, and not a plan.
fn has_patches(seen: &Seen) -> bool {
    seen.workflow.state == State::AwaitingApproval
}

/// Asks for every digest; all or none.
async fn approve(person: &Person, seen: &Seen) -> Option<Vec<Act>> {
    let mut acts = Vec::new();
    for request in seen.approvals_wanted() {
        acts.push(approve_one(person, seen, request, &Given::default()).await?);
    }
    Some(acts)
}

/// Asks for one digest, and for its warnings. What was given beforehand is not asked again, but for a last `yes`.
pub(crate) async fn approve_one(
    person: &Person,
    seen: &Seen,
    request: &Request,
    given: &Given,
) -> Option<Act> {
    let warnings = seen.warnings(request);
    let unread = |v: &&&Violation| !given.all_acknowledged && !given.acknowledged.contains(&v.id());
    let unread: Vec<&Violation> = warnings.iter().filter(unread).copied().collect();
    if !unread.is_empty() && !acknowledge(person, &unread).await {
        say(person, Style::Plain, "Not acknowledged; nothing was approved.");
        return None;
    }
    let (subject, digest) = seen.subject(request);
    if !countersigned(person, ("approve", &subject, "its"), &digest, &given.digests).await {
        say(person, Style::Plain, "Nothing was approved.");
        return None;
    }
    let acknowledged = warnings.iter().map(|v| v.id()).collect();
    Some(Act::Approve {
        request: request.id.clone(),
        seen: digest,
        acknowledged,
    })
}

/// Lists the warnings and waits for the word.
async fn acknowledge(person: &Person, warnings: &[&Violation]) -> bool {
    let mut page = Page::new();
    for warning in warnings {
        page.line(2)
            .add(Style::Warn, "! ")
            .add(Style::Bold, warning.id())
            .add(Style::Plain, format!("  {}", warning.message));
    }
    person.tell(&page);
    let reply = person.ask("Type `ack` to acknowledge these warnings:").await;
    reply == Reply::Words("ack".to_owned())
}

/// Waits for the digits of what is decided on, or for a last `yes` where they were given beforehand.
async fn countersigned(
    person: &Person,
    (verb, subject, whose): (&str, &str, &str),
    digest: &SeenDigest,
    given: &[String],
) -> bool {
    let wanted = digest.to_hex();
    if given
        .iter()
        .any(|g| g.len() >= 8 && wanted.starts_with(&g.to_ascii_lowercase()))
    {
        let (first, rest) = verb.split_at(1);
        let verb = format!("{}{rest}", first.to_uppercase());
        let prompt = format!("{verb} {subject}, digest {}? Type `yes`:", first8(digest));
        return person.ask(&prompt).await == Reply::Words("yes".to_owned());
    }
    let prompt = format!("To {verb} {subject}, type the first 8 digits of {whose} digest (empty: don't):");
    for _ in 0..TRIES {
        let Reply::Words(typed) = person.ask(&prompt).await else {
            return false;
        };
        let typed = typed.trim().to_ascii_lowercase();
        if typed.is_empty() {
            return false;
        }
        if typed.len() >= 8 && wanted.starts_with(&typed) {
            return true;
        }
        say(
            person,
            Style::Bad,
            "Those are not its digits. They are shown above, next to `digest`.",
        );
    }
    false
}

async fn reject(person: &Person, seen: &Seen) -> Acts {
    let Some(request) = seen.approvals_wanted().into_iter().next() else {
        return Some(Vec::new());
    };
    match person
        .ask("Why? One line; it ends the workflow (empty: don't):")
        .await
    {
        Reply::Words(reason) if !reason.trim().is_empty() => {
            let (_, seen) = seen.subject(request);
            Some(vec![Act::Reject {
                request: request.id.clone(),
                seen,
                reason,
            }])
        }
        Reply::Words(_) | Reply::TooLong | Reply::End => Some(Vec::new()),
    }
}

async fn changes(person: &Person, seen: &Seen) -> Acts {
    let Some(request) = seen.approvals_wanted().into_iter().next() else {
        return Some(Vec::new());
    };
    match text(person, "What should be different?").await {
        Some(comment) => {
            let (_, seen) = seen.subject(request);
            Some(vec![Act::RequestChanges {
                request: request.id.clone(),
                seen,
                comment,
                comments: Vec::new(),
            }])
        }
        None => Some(Vec::new()),
    }
}

/// What came of a question.
enum Answered {
    /// Acts, as everywhere.
    Acts(Acts),
    /// A broken rule is to be let pass.
    Waive,
}

async fn answer(person: &Person, seen: &Seen) -> Answered {
    let Some(request) = seen.question() else {
        return Answered::Acts(None);
    };
    let Subject::Question { question, .. } = &request.subject else {
        return Answered::Acts(None);
    };
    let mut words: Vec<&str> = question.kind.choices().iter().map(|c| c.as_str()).collect();
    let offers_waiver = crate::waiving::offered(seen);
    words.extend(offers_waiver.then_some("waive"));
    let Reply::Words(word) = person.ask(&format!("\n{}, or quit?", words.join(", "))).await else {
        return Answered::Acts(None);
    };
    let word = word.trim();
    if matches!(word, "q" | "quit") {
        return Answered::Acts(None);
    }
    if offers_waiver && matches!(word, "w" | "waive") {
        return Answered::Waive;
    }
    let again = Answered::Acts(Some(Vec::new()));
    let Some(choice) = chosen(question, word) else {
        let text = format!("Type one of: {}, quit.", words.join(", "));
        say(person, Style::Plain, &text);
        return again;
    };
    let text = match choice {
        Choice::Provide => match text(person, "Your words:").await {
            Some(text) => text,
            None => return again,
        },
        Choice::Retry | Choice::AskAgain | Choice::Cancel | Choice::GrantMore => String::new(),
    };
    let (_, seen) = seen.subject(request);
    Answered::Acts(Some(vec![Act::Answer {
        request: request.id.clone(),
        seen,
        choice,
        text,
    }]))
}

/// A choice by its word, or by its beginning where that is clear.
fn chosen(question: &Question, word: &str) -> Option<Choice> {
    let fits = |c: &&Choice| !word.is_empty() && c.as_str().starts_with(word);
    let mut found = question.kind.choices().iter().filter(fits);
    match (found.next(), found.next()) {
        (Some(only), None) => Some(*only),
        (Some(_) | None, _) => None,
    }
}

/// Several lines; `None`: nothing usable.
async fn text(person: &Person, prompt: &str) -> Option<String> {
    let prompt = format!("{prompt} End with a line that holds a single dot, or with Ctrl-D.");
    match person.ask_lines(&prompt).await {
        Reply::Words(text) if !text.trim().is_empty() => Some(text),
        Reply::Words(_) | Reply::End => {
            say(person, Style::Plain, "No words; nothing was sent.");
            None
        }
        Reply::TooLong => {
            say(
                person,
                Style::Bad,
                "A terminal line holds at most 4095 bytes. Put the text into a file and use",
            );
            say(
                person,
                Style::Bad,
                "`countersign request-changes ID --file FILE` or `countersign answer ID provide --file FILE`.",
            );
            None
        }
    }
}
