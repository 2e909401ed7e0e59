//! Drives one workflow until it waits or ends, under the data folder's owner lock; and sends acts of a human to it.
//!
//! The lock is held only while there is something to do, never while a person thinks, so that several terminals can
//! work on one data folder.

use crate::adapters::SystemClock;
use crate::error::CliError;
use crate::render::story::Names;
use crate::session::{App, Session};
use crate::terminal::{Page, Style};
use countersign_core::act::{Act, ActRecord, Attendance, AuthenticatedBy, SignedAct};
use countersign_core::id::{InputId, TenantId, WorkflowId};
use countersign_core::workflow::{State, Workflow};
use countersign_engine::intake::take_in;
use countersign_engine::{Ports, Step, Worker};
use countersign_ports::store::{Clock as _, InputStatus, NewInput};
use countersign_server::client::FreezeWire;
use countersign_server::frozen;
use countersign_store::OwnerLock;
use std::time::{Duration, Instant};

/// How long another process may hold the data folder before we stop waiting for it.
const BUSY_MAX: Duration = Duration::from_secs(60);
/// How often a held lock is tried again.
const BUSY_POLL: Duration = Duration::from_millis(100);

/// How long a look of another process is waited for.
const LOOK_MAX: Duration = Duration::from_secs(3);

/// Code of an input that is still in the inbox.
pub(crate) const NOT_JUDGED_YET: &str = "not-judged-yet";

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// Until it waits for a human or has ended.
    Rest,
    /// Until its first input is judged, without a word.
    Judged,
}

/// Drives a workflow. With `input`, it is enough that another process does.
///
/// # Errors
/// When the store fails, or another process holds the data folder for too long.
pub(crate) async fn drive(
    session: &Session,
    id: &WorkflowId,
    until: Until,
    input: Option<&InputId>,
) -> Result<(), CliError> {
    session.app.set_current(id);
    let began = Instant::now();
    let mut told = false;
    loop {
        if let Some(_lock) = OwnerLock::try_acquire(session.app.folder.root())? {
            return work(session, id, until).await;
        }
        if until == Until::Judged {
            return Ok(());
        }
        if done_by_another(session, id, input).await? && !looks_now(session, id, began).await? {
            return Ok(());
        }
        if let Some(workflow) = session.load(id).await?
            && wants_to_write(&workflow)
            && said_frozen(&session.app, &workflow, &frozen(session.store.as_ref()).await?)
        {
            return Ok(());
        }
        if !told {
            told = true;
            say_busy(session);
        }
        if began.elapsed() > BUSY_MAX {
            return Err(busy(session, id));
        }
        tokio::time::sleep(BUSY_POLL).await;
    }
}

/// Whether whoever holds the lock may still be looking whether it was merged, because it was asked to look now.
async fn looks_now(session: &Session, id: &WorkflowId, began: Instant) -> Result<bool, CliError> {
    let loaded = session.load(id).await?;
    if began.elapsed() > LOOK_MAX || loaded.is_none_or(|w| w.state != State::AwaitingMerge) {
        return Ok(false);
    }
    session.store.look_now(id).await?;
    Ok(true)
}

/// Whoever holds the lock may have judged the input and gone on to where the workflow rests.
async fn done_by_another(
    session: &Session,
    id: &WorkflowId,
    input: Option<&InputId>,
) -> Result<bool, CliError> {
    if let Some(input) = input
        && session.store.input_status(input).await? == InputStatus::Pending
    {
        return Ok(false);
    }
    Ok(session.load(id).await?.is_some_and(|w| rests(&w)))
}

/// How far this machine's clock may be behind the ledger, in milliseconds.
const CLOCK_SKEW_MAX_MS: u64 = 5_000;

/// With a clock behind the ledger nothing would come due and nothing may be written: better said than waited for.
///
/// # Errors
/// When that is so, or the store can't be read.
pub(crate) async fn refuse_old_clock(session: &Session) -> Result<(), CliError> {
    let (clock, ledger) = (SystemClock.now(), session.ports.store.now().await?);
    if clock.plus_ms(CLOCK_SKEW_MAX_MS) >= ledger {
        return Ok(());
    }
    let text = format!("this machine's clock says {clock}, but the ledger is at {ledger} already");
    Err(CliError::refused("clock-behind", text)
        .next("Set the clock right and run it again; nothing is lost."))
}

async fn work(session: &Session, id: &WorkflowId, until: Until) -> Result<(), CliError> {
    refuse_old_clock(session).await?;
    let worker = Worker::start(
        ports(session, id, until).await?,
        format!("cli-{}", std::process::id()),
    )
    .await?;
    session.store.look_now(id).await?;
    loop {
        match worker.run_once(Some(id)).await? {
            Step::Worked | Step::Idle if until == Until::Judged => return Ok(()),
            Step::Worked => {}
            Step::Idle => {
                let Some(workflow) = session.load(id).await? else {
                    return Ok(());
                };
                if rests(&workflow) {
                    return Ok(());
                }
                if session.ports.store.next_run_at(Some(id)).await?.is_none() {
                    let text = format!("the workflow {id} is held: an input of it can't be judged");
                    return Err(CliError::refused("workflow-held", text).next(format!(
                        "countersign cancel {id} --reason … ends it; the log says what is wrong."
                    )));
                }
                if wants_to_write(&workflow)
                    && said_frozen(&session.app, &workflow, &frozen(session.store.as_ref()).await?)
                {
                    return Ok(());
                }
                worker.wait(Some(id)).await?;
            }
        }
    }
}

/// Whether a freeze would hold it; taking our own out of play is never held.
pub(crate) fn wants_to_write(workflow: &Workflow) -> bool {
    let writes = workflow.state == State::Applying || workflow.state == State::PrOpen;
    writes && !workflow.is_retracting()
}

/// Says why an approved write waits, where somebody froze it: until then nobody has to sit here.
pub(crate) fn said_frozen(app: &App, workflow: &Workflow, frozen: &[FreezeWire]) -> bool {
    let covers = |freeze: &FreezeWire| {
        freeze.repository.is_none()
            || workflow
                .repositories
                .iter()
                .any(|r| r.repository.to_string() == freeze.id)
    };
    let Some(freeze) = frozen.iter().find(|freeze| covers(freeze)) else {
        return false;
    };
    let place = match &freeze.repository {
        Some(name) => format!(" --repo {name}"),
        None => String::new(),
    };
    let why = format!(
        "writing is frozen since {}: {}. An owner lifts it: `countersign unfreeze{place} --reason WHY`. Then it goes on: \
         countersign resume {}",
        freeze.since, freeze.reason, workflow.id
    );
    let mut page = Page::new();
    page.line(0).add(Style::Warn, "! ").add(Style::Plain, why);
    app.terminal.note(&page);
    true
}

/// Whether nothing happens to it before a human does something, here or at the forge.
pub(crate) fn rests(workflow: &Workflow) -> bool {
    workflow.state.is_final()
        || workflow.state == State::AwaitingMerge
        || (workflow.state.waits_for_human() && workflow.outstanding.is_none())
}

async fn ports(session: &Session, id: &WorkflowId, until: Until) -> Result<Ports, CliError> {
    if until == Until::Judged {
        return Ok(session.ports.clone());
    }
    let mut names = Names::of(&session.store.roster().await?);
    for record in session.store.events(id).await? {
        names.learn(&record.event);
    }
    Ok(session.observed(names).await)
}

fn holder(session: &Session) -> String {
    match OwnerLock::last_holder(session.app.folder.root()) {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    }
}

fn say_busy(session: &Session) {
    let mut page = Page::new();
    page.line(0).add(
        Style::Dim,
        format!(
            "· {} is working in this data folder; waiting for it …",
            holder(session)
        ),
    );
    session.app.terminal.note(&page);
}

fn busy(session: &Session, id: &WorkflowId) -> CliError {
    let text = format!(
        "{} has been working in this data folder for more than {} s",
        holder(session),
        BUSY_MAX.as_secs()
    );
    CliError::internal("data-folder-busy", text).next(format!(
        "Nothing is lost. When it has finished: countersign resume {id}"
    ))
}

/// Signs an act as the operating system's user, puts it into the inbox, and drives the workflow until it is judged.
///
/// # Errors
/// When the act is refused, or the store fails.
pub(crate) async fn send(
    session: &Session,
    id: &WorkflowId,
    act: Act,
    attendance: Attendance,
) -> Result<(), CliError> {
    if let Some(refused) = held(session, id).await? {
        return Err(refused);
    }
    let (member, key) = session.member().await?;
    let record = ActRecord {
        tenant: TenantId::local(),
        workflow: id.clone(),
        member,
        authenticated_by: AuthenticatedBy::OsUser,
        attendance,
        at: session.ports.store.now().await?,
        act,
    };
    let input = session.new_input_id().await?;
    let signed = NewInput::Act(SignedAct::sign(record, &key));
    take_in(session.store.as_ref(), &input, id, &signed).await?;
    drive(session, id, Until::Rest, Some(&input)).await?;
    settled(session, id, &input).await
}

/// What holds a workflow closed comes before anything new: nothing else is judged until somebody has seen to it.
async fn held(session: &Session, id: &WorkflowId) -> Result<Option<CliError>, CliError> {
    let first = session.store.held_inputs(id).await?.into_iter().next();
    Ok(first.map(|(_, why)| {
        let text = format!("an input that can't be judged holds this workflow closed: {why}");
        CliError::refused("input-held", text).next(drop_held(id))
    }))
}

/// How an input that can't be judged is got rid of.
pub(crate) fn drop_held(id: &WorkflowId) -> String {
    format!("Find out how it came there. To drop it and end the workflow: countersign cancel {id} --reason …")
}

/// How an input came out.
///
/// # Errors
/// When it was refused, is held, or nobody has judged it yet.
pub(crate) async fn settled(session: &Session, id: &WorkflowId, input: &InputId) -> Result<(), CliError> {
    match session.store.input_status(input).await? {
        InputStatus::Accepted => Ok(()),
        InputStatus::Refused { code, message } => {
            let next = next_for(&code, id);
            Err(CliError::refused(code, message).next(next))
        }
        InputStatus::Held { code, message } => Err(CliError::refused(code, message).next(drop_held(id))),
        InputStatus::Pending => {
            if let Some(refused) = held(session, id).await? {
                // It must not count after all when somebody drops what holds it.
                let (code, message) = (refused.code.clone(), refused.message.clone());
                let status = InputStatus::Refused { code, message };
                session.store.settle_input(input, &status).await?;
                return Err(refused);
            }
            let text = "it is in the inbox, and nobody has judged it yet";
            Err(CliError::internal(NOT_JUDGED_YET, text).next(format!("countersign resume {id}")))
        }
    }
}

/// What to do about a refusal.
pub(crate) fn next_for(code: &str, id: &WorkflowId) -> String {
    match code {
        "warnings-not-acknowledged" => {
            format!(
                "Read them (countersign show {id}), then add --acknowledge RULE@PATH or --acknowledge-warnings."
            )
        }
        "unattended-forbidden" => format!("Decide at a terminal: countersign resume {id}"),
        "digest-mismatch" | "request-not-open" => format!("Look at what waits now: countersign show {id}"),
        "frozen" => "An owner lifts it: countersign unfreeze --repo NAME --reason WHY; where everything is frozen, without --repo".to_owned(),
        "workflow-ended" => format!("See how it came out: countersign show {id} --story"),
        "not-a-choice" => format!("The choices are listed by: countersign show {id}"),
        "not-waivable" => format!("Rules, paths and what they are bound to: countersign show {id}"),
        "not-deselectable" => format!("The patches and their hunks: countersign diff {id}"),
        "bad-submission" => "Correct the command line and run it again.".to_owned(),
        _ => format!("See where it is: countersign show {id}"),
    }
}
