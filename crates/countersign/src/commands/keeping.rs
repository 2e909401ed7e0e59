//! `ledger consistency`, `ledger erase`, `ledger rotate-key`: keeping a ledger over the years.

use super::{files, which};
use crate::adapters::{HandOver, Signer};
use crate::cli::{ConsistencyArgs, EraseArgs, ErasePart};
use crate::desk::{Desk, Place, Server};
use crate::error::{CliError, Exit};
use crate::render::story::counted;
use crate::session::Session;
use crate::terminal::{Page, Style};
use crate::wire::{ConsistencyWire, ErasedWire, RotatedWire};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::epoch::Epoch;
use countersign_core::id::TenantId;
use countersign_core::member::Role;
use countersign_engine::erasing::{self, Part};
use countersign_ledger::tree::verify_consistency;
use countersign_ledger::{Checkpoint, CheckpointError, Continuity, VerifierKey, inspect, parse_and_verify};
use countersign_store::OwnerLock;
use std::collections::BTreeSet;

/// `ledger consistency`.
pub(super) async fn consistency(desk: &Desk, args: ConsistencyArgs) -> Result<Exit, CliError> {
    let note = files::read_note(&args.from)?;
    let (seen, head, proof) = match &desk.at {
        Place::Folder(session) => proven_here(session, &note).await?,
        Place::Server(server) => proven_there(server, &note).await?,
    };
    let terminal = &desk.app.terminal;
    if terminal.is_json() {
        terminal.print_json(&ConsistencyWire::of(&seen, &head, &proof));
        return Ok(Exit::Ok);
    }
    let mut page = Page::new();
    page.line(0).add(Style::Good, "✓ ").add(
        Style::Plain,
        format!(
            "the ledger of {} entries goes on from the {} entries of {}, by {} hashes",
            head.size(),
            seen.size(),
            args.from.display(),
            proof.len()
        ),
    );
    terminal.print(&page);
    Ok(Exit::Ok)
}

/// A checkpoint that was kept, the head, and the way from one to the other.
type Proven = (Checkpoint, Checkpoint, Vec<[u8; 32]>);

fn behind(have: u64, seen: u64) -> CliError {
    let text = format!("this ledger has {have} entries, and the checkpoint has {seen}: it is an older copy");
    CliError::refused("ledger-behind", text)
        .next("Put the newest copy back. Where there is none: countersign restore --resume")
}

fn forked(seen: u64) -> CliError {
    let text =
        format!("this ledger does not begin with the {seen} entries of the checkpoint: it was rewritten");
    CliError::refused("ledger-forked", text).next("Keep this folder for examination.")
}

/// What a server proves, checked here: by the roots of the two signed heads, whatever roots it tells. The checkpoint that was
/// kept is the anchor; that the server's keys are the right ones it can't say of itself.
async fn proven_there(server: &Server, note: &str) -> Result<Proven, CliError> {
    let refuse = |e: CheckpointError| CliError::refused(e.code(), e.to_string());
    let told = server.remote.ledger().await?;
    let keys: Result<Vec<VerifierKey>, _> = told.keys.iter().map(|k| VerifierKey::parse(k)).collect();
    let keys = keys.map_err(|e| CliError::refused(e.code(), e.to_string()))?;
    let seen = parse_and_verify(note, &keys).map_err(refuse)?;
    let newest = server.remote.checkpoint().await?;
    let head = parse_and_verify(&newest.note, &keys).map_err(refuse)?;
    if head.size() < seen.size() {
        return Err(behind(head.size(), seen.size()));
    }
    let heads = server.remote.consistency(seen.size(), head.size()).await?;
    let hash = |text: &String| STANDARD.decode(text).ok().and_then(|b| b.try_into().ok());
    let proof: Option<Vec<[u8; 32]>> = heads.proof.iter().map(hash).collect();
    let proof = proof.ok_or_else(|| forked(seen.size()))?;
    let (old, new) = (seen.root(), head.root());
    let same = seen.size() == head.size();
    let holds = match same {
        true => old == new,
        false => verify_consistency(seen.size(), &old, head.size(), &new, &proof).is_ok(),
    };
    match holds {
        true => Ok((seen, head, proof)),
        false => Err(forked(seen.size())),
    }
}

async fn proven_here(session: &Session, note: &str) -> Result<Proven, CliError> {
    let seen = ours(session, note)?;
    let refused = match session.store.continuity(note).await? {
        Continuity::GoesOn => None,
        Continuity::Behind { seen, have } => Some(behind(have, seen)),
        Continuity::Forked { seen } => Some(forked(seen)),
    };
    if let Some(refused) = refused {
        return Err(remembered(session, &seen, refused).await?);
    }
    let (head, proof) = proof(session, &seen).await?;
    Ok((seen, head, proof))
}

/// Keeps a checkpoint of ours that this ledger does not go on from, so that nothing is written from now on; unless an epoch of
/// the ledger says that a person gave it up.
async fn remembered(session: &Session, seen: &Checkpoint, refused: CliError) -> Result<CliError, CliError> {
    let epochs = session.database().epochs(&TenantId::local()).await?;
    let gave_up = |epoch: &&Epoch| {
        let last = epoch.given_up.as_ref().map_or(0, |gone| gone.size);
        epoch.entries < seen.size() && seen.size() <= last
    };
    if let Some(epoch) = epochs.iter().find(gave_up) {
        return Ok(refused.next(format!(
            "Epoch {} of this ledger, after {} entries, records that a person gave such a checkpoint up.",
            epoch.epoch, epoch.entries
        )));
    }
    let keys = session.keys();
    let goes_on = match keys.seen()? {
        Some(kept) => session.store.continuity(&kept).await? == Continuity::GoesOn,
        None => true,
    };
    match goes_on {
        true => keys.see_anew(seen.note())?,
        // What closes it already stays, unless this one says more.
        false => keys.see(seen.size(), seen.note())?,
    }
    let next = refused.next_step.clone().unwrap_or_default();
    Ok(refused.next(format!(
        "From now on nothing is written here (docs/backup.md).\n{next}"
    )))
}

/// A checkpoint that this ledger's key signed, or a former one while it was the key.
fn ours(session: &Session, note: &str) -> Result<Checkpoint, CliError> {
    let refuse = |e: CheckpointError| CliError::refused(e.code(), e.to_string());
    let size = inspect(note).map_err(refuse)?.size();
    let mut keys = session.ports.signer.verifiers(&TenantId::local());
    let retired = session.keys().retired()?;
    keys.extend(retired.into_iter().filter(|r| size <= r.size).map(|r| r.key));
    parse_and_verify(note, &keys).map_err(refuse)
}

/// The head as it is signed, and the proof, checked as a stranger would.
async fn proof(session: &Session, seen: &Checkpoint) -> Result<(Checkpoint, Vec<[u8; 32]>), CliError> {
    let broken = |e: &dyn std::fmt::Display| CliError::internal("proof-broken", e.to_string());
    let row = session.store.seal_head(session.ports.signer.as_ref()).await?;
    let head = inspect(&row.note).map_err(|e| broken(&e))?;
    let earlier = session.store.earlier(&[seen.size()], head.size()).await?;
    // Nothing is to be proven of the same size; the roots were compared.
    let proof = earlier.into_iter().next().map(|e| e.proof).unwrap_or_default();
    verify_consistency(seen.size(), &seen.root(), head.size(), &head.root(), &proof)
        .map_err(|e| broken(&e))?;
    Ok((head, proof))
}

/// `ledger erase`.
pub(super) async fn erase(session: &Session, args: EraseArgs) -> Result<Exit, CliError> {
    let id = which::find_here(session, &args.which).await?;
    let (member, _) = session.member().await?;
    let roster = session.store.roster().await?;
    roster
        .entitled(&member, Role::Owner)
        .map_err(|e| CliError::refused("not-eligible", e.to_string()))?;
    let reason = args.reason.trim();
    if reason.is_empty() {
        return Err(CliError::refused(
            "bad-text",
            "the reason is empty; say it in a sentence",
        ));
    }
    let wanted: BTreeSet<Part> = match args.parts.as_slice() {
        [] => BTreeSet::from([Part::Feedback, Part::Artifacts, Part::Diffs]),
        parts => parts.iter().map(|part| of_part(*part)).collect(),
    };
    let plan = erasing::plan(session.store.as_ref(), &id, &wanted, (&member, reason)).await?;
    let done = session.store.erase(&plan).await?;
    session.store.seal_head(session.ports.signer.as_ref()).await?;
    let kept = plan.evidence.len() - done.evidence.len();
    let terminal = &session.app.terminal;
    if terminal.is_json() {
        terminal.print_json(&ErasedWire {
            workflow: id.to_string(),
            entries: done.entries.len(),
            evidence: done.evidence.len(),
            kept,
        });
        return Ok(Exit::Ok);
    }
    let mut page = Page::new();
    page.line(0).add(Style::Good, "✓ ").add(
        Style::Plain,
        format!(
            "erased {} and {} of {id}; their leaves stay, and the ledger says so",
            counted(done.entries.len(), "body").replace("bodys", "bodies"),
            counted(done.evidence.len(), "file")
        ),
    );
    if kept > 0 {
        let text = format!(
            "{} stayed: other workflows name them as well, or they were gone",
            counted(kept, "file")
        );
        page.line(2).add(Style::Dim, text);
    }
    page.line(2).add(
        Style::Dim,
        "What is in a repository, in an export or in a backup stays there.",
    );
    terminal.print(&page);
    Ok(Exit::Ok)
}

fn of_part(part: ErasePart) -> Part {
    match part {
        ErasePart::Feedback => Part::Feedback,
        ErasePart::Artifacts => Part::Artifacts,
        ErasePart::Diffs => Part::Diffs,
    }
}

/// `ledger rotate-key`.
pub(super) async fn rotate_key(session: &Session) -> Result<Exit, CliError> {
    let Some(_lock) = OwnerLock::try_acquire(session.app.folder.root())? else {
        let text = "another process works on this data folder, and it would go on with the old key";
        return Err(CliError::refused("data-folder-busy", text).next("Wait for it to end, then run again."));
    };
    let keys = session.keys();
    let (old, new) = (Signer(keys.ledger()?), keys.next_ledger()?);
    let rotation = session
        .store
        .rotate(&HandOver {
            old,
            new: new.clone(),
        })
        .await?;
    // From here on the ledger knows the new key: what follows is also done at the next start, should this end here.
    keys.hand_over(&rotation)?;
    let head = session.store.seal_head(&Signer(new)).await?;
    let terminal = &session.app.terminal;
    if terminal.is_json() {
        terminal.print_json(&RotatedWire {
            from: rotation.from.to_string(),
            to: rotation.to.to_string(),
            last_size: rotation.size,
            note: head.note,
        });
        return Ok(Exit::Ok);
    }
    let mut page = Page::new();
    page.line(0).add(Style::Good, "✓ ").add(
        Style::Plain,
        format!("the ledger goes on under {}", rotation.to.name()),
    );
    page.line(2)
        .column(Style::Dim, "new key", 9)
        .add(Style::Plain, rotation.to.to_string());
    page.line(2).column(Style::Dim, "old key", 9).add(
        Style::Plain,
        format!(
            "{}, good for checkpoints up to {} entries",
            rotation.from.name(),
            rotation.size
        ),
    );
    page.line(2).add(
        Style::Dim,
        "Back up the keys folder, and tell those who trust the old key.",
    );
    terminal.print(&page);
    Ok(Exit::Ok)
}
