//! `key`: API keys, for programs that look and start and never decide. A key is shown once.

use crate::cli::{KeyAddArgs, KeyRevokeArgs};
use crate::desk::Desk;
use crate::error::{CliError, Exit};
use crate::terminal::{Page, Style};
use countersign_core::time::Timestamp;
use countersign_server::{KeyWire, NewKey};

/// `key add`.
pub(super) async fn add(desk: &Desk, args: KeyAddArgs) -> Result<Exit, CliError> {
    let scopes = args.scopes.iter().map(|s| s.as_str().to_owned()).collect();
    let wanted = NewKey {
        name: args.name,
        scopes,
        days: args.days,
    };
    let made = desk.make_key(wanted).await?;
    let terminal = &desk.app.terminal;
    if terminal.is_json() {
        terminal.print_json(&made);
        return Ok(Exit::Ok);
    }
    terminal.pipe(format!("{}\n", made.secret).as_bytes());
    let mut page = Page::new();
    page.line(0).add(
        Style::Dim,
        format!(
            "It is shown this once. It ends on {}; countersign key revoke {}",
            day(&made.key.expires_at),
            made.key.id
        ),
    );
    terminal.note(&page);
    Ok(Exit::Ok)
}

/// `key list`.
pub(super) async fn list(desk: &Desk) -> Result<Exit, CliError> {
    let keys = desk.keys().await?;
    let terminal = &desk.app.terminal;
    if terminal.is_json() {
        terminal.print_json(&keys);
        return Ok(Exit::Ok);
    }
    let now = desk.now().await?;
    let mut page = Page::new();
    if keys.is_empty() {
        page.line(0).add(
            Style::Dim,
            "No API key yet. Make one: countersign key add NAME --scope read",
        );
    }
    for key in &keys {
        one(&mut page, key, now);
    }
    terminal.print(&page);
    Ok(Exit::Ok)
}

fn one(page: &mut Page, key: &KeyWire, now: Timestamp) {
    let lives = Timestamp::from_rfc3339(&key.expires_at).is_some_and(|end| end > now);
    let (state, style) = match (&key.revoked_at, lives) {
        (Some(_), _) => ("revoked".to_owned(), Style::Bad),
        (None, false) => ("ended".to_owned(), Style::Dim),
        (None, true) => (format!("until {}", day(&key.expires_at)), Style::Good),
    };
    let used = key.used_at.as_ref().map_or_else(
        || "never used".to_owned(),
        |at| {
            let minute: String = at.chars().take(16).collect();
            format!("used {}", minute.replace('T', " "))
        },
    );
    page.line(0)
        .column(Style::Bold, &key.id, 14)
        .column(Style::Plain, &key.name, 24)
        .column(Style::Plain, key.scopes.join(" "), 14)
        .column(style, state, 18)
        .add(Style::Dim, used);
}

/// The day of an RFC 3339 time.
fn day(rfc3339: &str) -> String {
    rfc3339.chars().take(10).collect()
}

/// `key revoke`.
pub(super) async fn revoke(desk: &Desk, args: KeyRevokeArgs) -> Result<Exit, CliError> {
    desk.revoke_key(&args.id).await?;
    let terminal = &desk.app.terminal;
    if terminal.is_json() {
        terminal.print_json(&serde_json::json!({"revoked": args.id}));
        return Ok(Exit::Ok);
    }
    let mut page = Page::new();
    page.line(0).add(Style::Good, "✓ ").add(
        Style::Plain,
        format!("the key {} is not in force any more", args.id),
    );
    terminal.print(&page);
    Ok(Exit::Ok)
}
