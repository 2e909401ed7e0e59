//! `member`: who may do what, and the codes with which they come in. Only an owner changes that.

use crate::cli::{MemberAddArgs, MemberArgs, MemberChangeArgs, MemberLinkArgs};
use crate::desk::{Desk, owner};
use crate::error::{CliError, Exit};
use crate::session::Session;
use crate::terminal::{Page, Style};
use countersign_core::id::TenantId;
use countersign_ports::identity::AccountLink;
use countersign_server::client::{MemberChange, MemberWire, NewMember};
use countersign_server::{CODE_MS, Invited, member_named};
use serde::Serialize;

/// `member add`.
pub(super) async fn add(desk: &Desk, args: MemberAddArgs) -> Result<Exit, CliError> {
    let MemberAddArgs { name, role, .. } = args;
    let invited = desk.add_member(NewMember { name, role }).await?;
    say(desk, invited);
    Ok(Exit::Ok)
}

/// `member code`.
pub(super) async fn code(desk: &Desk, args: MemberArgs) -> Result<Exit, CliError> {
    let invited = desk.member_code(&args.name).await?;
    say(desk, invited);
    Ok(Exit::Ok)
}

/// The code alone goes to standard output.
fn say(desk: &Desk, invited: Invited) {
    let terminal = &desk.app.terminal;
    if terminal.is_json() {
        terminal.print_json(&invited);
        return;
    }
    terminal.pipe(format!("{}\n", invited.code).as_bytes());
    let mut page = Page::new();
    let minutes = CODE_MS / 60_000;
    page.line(0).add(
        Style::Dim,
        format!(
            "{} signs in with it, once, within {minutes} minutes. Another: countersign member code",
            invited.member.name
        ),
    );
    terminal.note(&page);
}

/// `member list`.
pub(super) async fn list(desk: &Desk) -> Result<Exit, CliError> {
    let members = desk.members().await?;
    let terminal = &desk.app.terminal;
    if terminal.is_json() {
        terminal.print_json(&members);
        return Ok(Exit::Ok);
    }
    let mut page = Page::new();
    if members.is_empty() {
        page.line(0).add(
            Style::Dim,
            "No member yet; whoever runs the first workflow here becomes the first one.",
        );
    }
    for member in &members {
        one(&mut page, member);
    }
    terminal.print(&page);
    Ok(Exit::Ok)
}

fn one(page: &mut Page, member: &MemberWire) {
    let role = if member.active {
        member.role.as_str()
    } else {
        "–"
    };
    let line = page
        .line(0)
        .column(Style::Bold, &member.name, 28)
        .column(Style::Plain, role, 12);
    let line = line.add(Style::Dim, &member.id);
    if !member.active {
        line.add(Style::Dim, "  no member any more");
    }
}

/// `member change`.
pub(super) async fn change(desk: &Desk, args: MemberChangeArgs) -> Result<Exit, CliError> {
    let change = MemberChange {
        role: Some(args.role),
        active: None,
    };
    changed(desk, &args.name, change).await
}

/// `member link --json`.
#[derive(Debug, Serialize)]
struct LinkedWire {
    /// Whose account it is.
    member: String,
    /// Its number at GitHub.
    account: u64,
}

/// `member link`.
pub(super) async fn link(session: &Session, args: MemberLinkArgs) -> Result<Exit, CliError> {
    owner(session).await?;
    let member = member_named(session.store.as_ref(), &args.name).await?;
    let link = AccountLink {
        v: AccountLink::VERSION,
        member: member.id.clone(),
        account: args.account,
        login: None,
    };
    let before = session.store.account_links().await?;
    session.store.link_account(&link, None).await?;
    if let Some(former) = before.member_of(args.account).filter(|m| **m != member.id) {
        let access = session.database().access(&TenantId::local());
        access.end_sessions(former).await?;
    }
    let terminal = &session.app.terminal;
    if terminal.is_json() {
        terminal.print_json(&LinkedWire {
            member: member.id.to_string(),
            account: args.account,
        });
        return Ok(Exit::Ok);
    }
    let mut page = Page::new();
    page.line(0).add(Style::Good, "✓ ").add(
        Style::Plain,
        format!("the GitHub account {} is {}'s", args.account, member.name),
    );
    terminal.print(&page);
    Ok(Exit::Ok)
}

/// `member remove`.
pub(super) async fn remove(desk: &Desk, args: MemberArgs) -> Result<Exit, CliError> {
    let change = MemberChange {
        role: None,
        active: Some(false),
    };
    changed(desk, &args.name, change).await
}

async fn changed(desk: &Desk, name: &str, change: MemberChange) -> Result<Exit, CliError> {
    let member = desk.change_member(name, change).await?;
    let terminal = &desk.app.terminal;
    if terminal.is_json() {
        terminal.print_json(&member);
        return Ok(Exit::Ok);
    }
    let mut page = Page::new();
    one(&mut page, &member);
    terminal.print(&page);
    Ok(Exit::Ok)
}
