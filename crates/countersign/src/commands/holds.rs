//! `freeze`, `unfreeze` and `alarm`: what stops writing, and what somebody has to see to.

use crate::cli::{AlarmClearArgs, AlarmListArgs, FreezeArgs};
use crate::desk::Desk;
use crate::error::{CliError, Exit};
use crate::terminal::{Page, Style};
use crate::wire::AlarmWire;
use countersign_server::client::{FreezeWire, NewFreeze};
use serde::Serialize;

/// `freeze --json` and `unfreeze --json`.
#[derive(Debug, Serialize)]
struct FrozenWire {
    /// What is frozen now, oldest first.
    frozen: Vec<FreezeWire>,
}

/// `alarm list --json`.
#[derive(Debug, Serialize)]
struct AlarmsWire {
    /// Oldest first.
    alarms: Vec<AlarmWire>,
}

/// `freeze`.
pub(super) async fn freeze(desk: &Desk, args: FreezeArgs, end: bool) -> Result<Exit, CliError> {
    let new = NewFreeze {
        repository: args.repo,
        reason: args.reason,
    };
    let frozen = desk.set_frozen(new, end).await?;
    let terminal = &desk.app.terminal;
    if terminal.is_json() {
        terminal.print_json(&FrozenWire { frozen });
        return Ok(Exit::Ok);
    }
    let mut page = Page::new();
    if frozen.is_empty() {
        page.line(0)
            .add(Style::Good, "✓ ")
            .add(Style::Plain, "nothing is frozen; approved writes go on");
    }
    put_frozen(&mut page, &frozen);
    terminal.print(&page);
    Ok(Exit::Ok)
}

/// Says what is frozen.
pub(super) fn put_frozen(page: &mut Page, frozen: &[FreezeWire]) {
    for freeze in frozen {
        let what = freeze.repository.as_deref().unwrap_or("every repository");
        page.line(0)
            .add(Style::Warn, "! FROZEN ")
            .add(Style::Dim, format!("{}  ", minute(&freeze.since)))
            .add(Style::Name, what)
            .add(Style::Plain, format!(": {}", freeze.reason));
    }
}

/// `alarm list`.
pub(super) async fn alarms(desk: &Desk, args: AlarmListArgs) -> Result<Exit, CliError> {
    let mut alarms = desk.alarms().await?;
    alarms.retain(|alarm| args.all || alarm.cleared.is_none());
    let terminal = &desk.app.terminal;
    if terminal.is_json() {
        terminal.print_json(&AlarmsWire { alarms });
        return Ok(Exit::Ok);
    }
    let mut page = Page::new();
    if alarms.is_empty() {
        page.line(0).add(Style::Dim, "No alarm.");
    }
    for alarm in &alarms {
        put_alarm(&mut page, alarm);
    }
    terminal.print(&page);
    Ok(Exit::Ok)
}

/// One alarm, and who has seen to it.
pub(super) fn put_alarm(page: &mut Page, alarm: &AlarmWire) {
    let style = match alarm.cleared {
        None => Style::Bad,
        Some(_) => Style::Dim,
    };
    page.line(0)
        .add(style, format!("! ALARM {} ", alarm.id))
        .add(Style::Dim, format!("{}  ", minute(&alarm.at)))
        .add(Style::Plain, format!("{}: {}", alarm.workflow, alarm.message))
        .add(Style::Dim, format!("  [{}]", alarm.code));
    if let Some(cleared) = &alarm.cleared {
        page.line(2)
            .add(Style::Good, "✓ ")
            .add(Style::Dim, format!("{}  {}: ", minute(&cleared.at), cleared.by))
            .add(Style::Plain, &cleared.note);
    }
}

/// `alarm clear`.
pub(super) async fn clear(desk: &Desk, args: AlarmClearArgs) -> Result<Exit, CliError> {
    let alarms = desk.clear_alarm(args.number, args.note).await?;
    let terminal = &desk.app.terminal;
    if terminal.is_json() {
        terminal.print_json(&AlarmsWire { alarms });
        return Ok(Exit::Ok);
    }
    let mut page = Page::new();
    for alarm in alarms.iter().filter(|alarm| alarm.id == args.number) {
        put_alarm(&mut page, alarm);
    }
    terminal.print(&page);
    Ok(Exit::Ok)
}

/// `2026-11-21 16:20`.
fn minute(rfc3339: &str) -> String {
    let text: String = rfc3339.chars().take(16).collect();
    text.replace('T', " ")
}
