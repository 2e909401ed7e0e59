//! `member`: who may do what, and the codes with which they come in. Only an owner changes that.

use crate::cli::{MemberAddArgs, MemberArgs, MemberChangeArgs, MemberLinkArgs};
use crate::error::{CliError, Exit};
use crate::session::Session;
use crate::terminal::{Page, Style};
use countersign_core::id::TenantId;
use countersign_core::member::{Member, Role};
use countersign_ports::access::Access;
use countersign_ports::identity::AccountLink;
use countersign_server::{
    CODE_MS, Invited, MemberWire, change_member, invite, member_named, new_code, parse_role,
};
use serde::Serialize;
use std::sync::Arc;

fn access(session: &Session) -> Arc<dyn Access> {
    session.database().access(&TenantId::local())
}

/// Members are an owner's business, at the terminal as well.
async fn owner(session: &Session) -> Result<(), CliError> {
    let (me, _) = session.member().await?;
    let roster = session.store.roster().await?;
    let entitled = roster.entitled(&me, Role::Owner).map(drop);
    entitled.map_err(|e| CliError::refused("role-too-weak", e.to_string()).next("Ask an owner."))
}

/// `member add`.
pub(super) async fn add(session: &Session, args: MemberAddArgs) -> Result<Exit, CliError> {
    owner(session).await?;
    let now = session.ports.store.now().await?;
    let who = (args.name.as_str(), parse_role(&args.role)?);
    let (member, code) = invite(session.store.as_ref(), access(session).as_ref(), who, now).await?;
    invited(session, &member, code);
    Ok(Exit::Ok)
}

/// `member code`.
pub(super) async fn code(session: &Session, args: MemberArgs) -> Result<Exit, CliError> {
    owner(session).await?;
    let member = member_named(session.store.as_ref(), &args.name).await?;
    if !member.active {
        let text = format!("{} is no member any more", member.name);
        return Err(CliError::refused("not-a-member", text));
    }
    let now = session.ports.store.now().await?;
    let code = new_code(access(session).as_ref(), &member.id, now).await?;
    invited(session, &member, code);
    Ok(Exit::Ok)
}

/// The code alone goes to standard output.
fn invited(session: &Session, member: &Member, code: String) {
    let terminal = &session.app.terminal;
    if terminal.is_json() {
        terminal.print_json(&Invited {
            member: MemberWire::of(member),
            code,
        });
        return;
    }
    terminal.pipe(format!("{code}\n").as_bytes());
    let mut page = Page::new();
    let minutes = CODE_MS / 60_000;
    page.line(0).add(
        Style::Dim,
        format!(
            "{} signs in with it, once, within {minutes} minutes. Another: countersign member code",
            member.name
        ),
    );
    terminal.note(&page);
}

/// `member list`.
pub(super) async fn list(session: &Session) -> Result<Exit, CliError> {
    let members = session.store.roster().await?.members;
    let terminal = &session.app.terminal;
    if terminal.is_json() {
        terminal.print_json(&members.iter().map(MemberWire::of).collect::<Vec<_>>());
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

fn one(page: &mut Page, member: &Member) {
    let role = match (member.active, member.role) {
        (false, _) => "–",
        (true, Role::Viewer) => "viewer",
        (true, Role::Reviewer) => "reviewer",
        (true, Role::Maintainer) => "maintainer",
        (true, Role::Owner) => "owner",
    };
    let line = page
        .line(0)
        .column(Style::Bold, &member.name, 28)
        .column(Style::Plain, role, 12);
    let line = line.add(Style::Dim, member.id.as_str());
    if !member.active {
        line.add(Style::Dim, "  no member any more");
    }
}

/// `member change`.
pub(super) async fn change(session: &Session, args: MemberChangeArgs) -> Result<Exit, CliError> {
    owner(session).await?;
    let mut member = member_named(session.store.as_ref(), &args.name).await?;
    member.role = parse_role(&args.role)?;
    changed(session, &member).await
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
        access(session).end_sessions(former).await?;
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
pub(super) async fn remove(session: &Session, args: MemberArgs) -> Result<Exit, CliError> {
    owner(session).await?;
    let mut member = member_named(session.store.as_ref(), &args.name).await?;
    member.active = false;
    changed(session, &member).await
}

async fn changed(session: &Session, member: &Member) -> Result<Exit, CliError> {
    change_member(session.store.as_ref(), access(session).as_ref(), member).await?;
    let terminal = &session.app.terminal;
    if terminal.is_json() {
        terminal.print_json(&MemberWire::of(member));
        return Ok(Exit::Ok);
    }
    let mut page = Page::new();
    one(&mut page, member);
    terminal.print(&page);
    Ok(Exit::Ok)
}
