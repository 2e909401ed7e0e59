//! `notices`: what left, to where, and how it ended; and a test of every place.

use super::serving::named_origin;
use crate::cli::{NoticesArgs, NoticesCommand};
use crate::error::{CliError, Exit};
use crate::noticing::{NoticeSettings, notices, outbox, page_origin};
use crate::session::Session;
use crate::terminal::{Page, Style};
use countersign_core::notice::NoticeStanding;
use countersign_ports::notice::{Delivery, NoticeRow};
use countersign_server::wire::NoticeWire;
use serde::Serialize;

/// `notices`.
pub(super) async fn run(session: &Session, args: NoticesArgs) -> Result<Exit, CliError> {
    match args.what {
        Some(NoticesCommand::Test) => try_out(session).await,
        None => list(session, args.limit).await,
    }
}

async fn list(session: &Session, limit: u32) -> Result<Exit, CliError> {
    let rows = outbox(session).list(limit).await?;
    let terminal = &session.app.terminal;
    if terminal.is_json() {
        terminal.print_json(&rows.iter().map(NoticeWire::of).collect::<Vec<_>>());
        return Ok(Exit::Ok);
    }
    let mut page = Page::new();
    if rows.is_empty() {
        page.line(0).add(
            Style::Dim,
            "Nothing has left. Where notices go is set by the operator; try it: countersign notices test",
        );
    }
    for row in &rows {
        told(&mut page, row);
    }
    terminal.print(&page);
    Ok(Exit::Ok)
}

fn told(page: &mut Page, row: &NoticeRow) {
    let style = match row.standing {
        NoticeStanding::Delivered => Style::Good,
        NoticeStanding::Waiting | NoticeStanding::Sending => Style::Plain,
        NoticeStanding::Unknown | NoticeStanding::Void => Style::Warn,
        NoticeStanding::Refused | NoticeStanding::GivenUp => Style::Bad,
    };
    let at = row.tried_at.unwrap_or(row.queued_at).to_rfc3339();
    let about = row.notice.workflow().map_or("", |w| w.as_str());
    page.line(0)
        .column(Style::Dim, at[..16].replace('T', " "), 18)
        .column(style, row.standing.as_str(), 11)
        .column(Style::Plain, row.notice.template().as_str(), 22)
        .column(Style::Plain, &row.shown, 30)
        .add(Style::Dim, about);
    if let Some(message) = &row.message {
        page.line(18).add(Style::Plain, message);
    }
}

/// What came of a test at one place.
#[derive(Debug, Serialize)]
struct TriedWire {
    /// The address, masked.
    place: String,
    /// `delivered`, `failed`, `refused` or `unknown`.
    ended: &'static str,
    /// Stable kebab-case code of what went wrong.
    code: Option<String>,
    /// The same as a plain sentence.
    message: Option<String>,
}

async fn try_out(session: &Session) -> Result<Exit, CliError> {
    let config = session.app.settings.config()?;
    let origin = named_origin(session, &config.serve, config.serve.listen)?;
    let notifiers = NoticeSettings::of(&config).notifiers(&page_origin(&origin.url())?)?;
    if notifiers.is_empty() {
        let text = "no mail server and no webhook is set, so there is nowhere to send a test to";
        return Err(CliError::refused("no-places", text).next("docs/notices.md has the settings."));
    }
    let tried = notices(session, notifiers).try_out().await?;
    let tried: Vec<TriedWire> = tried
        .into_iter()
        .map(|(notifier, delivery)| tried_wire(notifier.place().shown.clone(), delivery))
        .collect();
    let all_well = tried.iter().all(|t| t.code.is_none());
    let terminal = &session.app.terminal;
    if terminal.is_json() {
        terminal.print_json(&tried);
    } else {
        let mut page = Page::new();
        for one in &tried {
            let (style, mark) = if one.code.is_none() {
                (Style::Good, "✓ ")
            } else {
                (Style::Bad, "✗ ")
            };
            page.line(0)
                .add(style, mark)
                .column(Style::Bold, &one.place, 30)
                .add(Style::Plain, one.ended);
            if let Some(message) = &one.message {
                page.line(2).add(Style::Plain, message);
            }
        }
        terminal.print(&page);
    }
    Ok(if all_well { Exit::Ok } else { Exit::Refused })
}

fn tried_wire(place: String, delivery: Delivery) -> TriedWire {
    let (ended, wrong) = match delivery {
        Delivery::Delivered => ("delivered", None),
        Delivery::Failed(wrong) => ("failed", Some(wrong)),
        Delivery::Refused(wrong) => ("refused", Some(wrong)),
        Delivery::Unknown(wrong) => ("unknown", Some(wrong)),
    };
    let (code, message) = wrong.map(|w| (w.code, w.message)).unzip();
    TriedWire {
        place,
        ended,
        code,
        message,
    }
}
