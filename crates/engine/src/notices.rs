//! Notices: reads what was recorded, queues what follows from it, and has places told, each at most as often as it may be.
//!
//! What follows, whether it may leave and what becomes of a try is decided in [`countersign_core::notice`]; the outbox is
//! the truth about what was tried. Nothing here is part of a transition: a notice that can't be sent holds nothing up.

use crate::{EngineError, Step};
use countersign_core::id::WorkflowId;
use countersign_core::notice::ending::{Follows, Tried, TryEnded, follows};
use countersign_core::notice::permit::{NoticeFacts, NoticeGate, NoticeRefusal};
use countersign_core::notice::{Notice, NoticeStanding, Status, Summary, Template, following};
use countersign_core::record::EventRecord;
use countersign_core::time::Timestamp;
use countersign_core::workflow::Workflow;
use countersign_ledger::Leaf;
use countersign_ports::notice::{Cursor, Delivery, NewNotice, Notifier, Outbox, Settled, Wrong};
use countersign_ports::store::{Alarm, EntryRow, Store, StoreError, TenantStore};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Entries that are read at a time.
const BATCH: u32 = 200;
/// How often the ledger and the outbox are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long nothing is tried after the store failed.
const AFTER_FAILURE: Duration = Duration::from_secs(30);
/// How long a notice waits where too many went to its place within the hour, in milliseconds.
const TOO_MANY_WAIT_MS: u64 = 300_000;
/// Kind of the entries of workflows.
const KIND_EVENT: &str = "workflow.event";
/// Kind of the entries of alarms.
const KIND_ALARM: &str = "alarm.raised";

/// One tenant's notices. Exactly one per data folder serves them, beside the worker.
pub struct Notices {
    /// The database's time.
    pub clock: Arc<dyn Store>,
    /// What was recorded.
    pub store: Arc<dyn TenantStore>,
    /// Where notices wait.
    pub outbox: Arc<dyn Outbox>,
    /// Where they go.
    pub notifiers: Vec<Arc<dyn Notifier>>,
    /// Workflows that were looked at for requests that run out, so that they are not read every time.
    pub looked: Looked,
}

/// When workflows have to be looked at again, as long as their first request runs out at that moment.
#[derive(Default)]
pub struct Looked(Mutex<BTreeMap<WorkflowId, (Timestamp, Timestamp)>>);

impl Looked {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<WorkflowId, (Timestamp, Timestamp)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notices {
    /// Serves notices until `stop` says so. A failure is logged and tried again: it never ends the worker.
    pub async fn serve(self: Arc<Self>, stop: watch::Receiver<bool>) {
        let mut loops = JoinSet::new();
        let started = Arc::clone(&self);
        until_well(stop.clone(), || started.start()).await;
        if self.notifiers.is_empty() {
            return;
        }
        let looking = Arc::clone(&self);
        loops.spawn(repeatedly(stop.clone(), move || {
            let all = Arc::clone(&looking);
            async move { all.look().await }
        }));
        for notifier in &self.notifiers {
            let (all, notifier) = (Arc::clone(&self), Arc::clone(notifier));
            loops.spawn(repeatedly(stop.clone(), move || {
                let (all, notifier) = (Arc::clone(&all), Arc::clone(&notifier));
                async move { all.deliver_next(&notifier).await }
            }));
        }
        while let Some(ended) = loops.join_next().await {
            if let Err(died) = ended {
                tracing::error!(error = %died, "notices rest until the next start: an internal error");
            }
        }
    }

    /// Takes over: tries of processes that died have an unknown outcome, and where nobody is told nothing waits.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn start(&self) -> Result<(), EngineError> {
        for facts in self.outbox.lost().await? {
            let wrong = Wrong {
                code: "notice-try-lost".to_owned(),
                message: "the process ended while it was being sent, so it may have arrived".to_owned(),
            };
            self.settle(&facts, TryEnded::Unknown, Some(wrong)).await?;
        }
        if self.notifiers.is_empty() {
            if self.outbox.cursor().await?.is_some() {
                self.outbox.rest().await?;
            }
            return Ok(());
        }
        let places: Vec<_> = self.notifiers.iter().map(|n| n.place().id.clone()).collect();
        self.outbox.give_up_elsewhere(&places).await?;
        self.outbox.begin().await?;
        Ok(())
    }

    /// Queues what follows from the next entries of the ledger, or else from time going by.
    ///
    /// # Errors
    /// When the store fails; nothing is half-queued then.
    pub async fn look(&self) -> Result<Step, EngineError> {
        let cursor = match self.outbox.cursor().await? {
            Some(cursor) => cursor,
            None => self.outbox.begin().await?,
        };
        let rows = self.store.entries(None, cursor.next_entry, BATCH).await?;
        let Some(last) = rows.last() else {
            return self.tick(cursor).await;
        };
        let to = Cursor {
            next_entry: last.index + 1,
            ..cursor
        };
        let (mut told, mut changed) = (Vec::new(), BTreeSet::new());
        for row in &rows {
            if let Some(notice) = of_entry(row)
                && self.is_news(&notice).await?
            {
                told.extend(self.for_places(&notice));
            }
            changed.extend(changed_status(row));
        }
        let of_status = [Template::Status, Template::GateSummary, Template::Labelled];
        if of_status.into_iter().any(|template| self.tells(template)) {
            for workflow in &changed {
                let statuses = self.statuses(workflow).await?;
                told.extend(statuses.iter().flat_map(|notice| self.for_places(notice)));
            }
        }
        self.outbox.queue(cursor, to, &told).await?;
        Ok(Step::Worked)
    }

    /// What time alone brings.
    async fn tick(&self, cursor: Cursor) -> Result<Step, EngineError> {
        let now = self.clock.now().await?;
        let mut told = Vec::new();
        for notice in self.warnings(now).await? {
            told.extend(self.for_places(&notice));
        }
        let mut to = cursor;
        if let Some(until) = following::digest_due(cursor.digest_until, now) {
            let (ended, waiting) = self.outbox.ended(cursor.digest_until, until).await?;
            let digest = following::digest(cursor.digest_until, until, ended, waiting);
            told.extend(digest.iter().flat_map(|notice| self.for_places(notice)));
            to.digest_until = until;
        }
        if told.is_empty() && to == cursor {
            return Ok(Step::Idle);
        }
        self.outbox.queue(cursor, to, &told).await?;
        Ok(Step::Idle)
    }

    /// Warnings that are due.
    async fn warnings(&self, now: Timestamp) -> Result<Vec<Notice>, EngineError> {
        let soon = self
            .outbox
            .running_out(now.plus_ms(following::WARN_BEFORE_MS))
            .await?;
        let mut due = Vec::new();
        for (workflow, expiry) in &soon {
            let known = self.looked.lock().get(workflow).copied();
            if known.is_some_and(|(of, again)| of == *expiry && now < again) {
                continue;
            }
            let Some(replayed) = self.replayed(workflow).await? else {
                continue;
            };
            let (warnings, next) = following::warnings(&replayed, now);
            due.extend(warnings);
            let again = next.unwrap_or(Timestamp(u64::MAX));
            self.looked.lock().insert(workflow.clone(), (*expiry, again));
        }
        self.looked
            .lock()
            .retain(|id, _| soon.iter().any(|(other, _)| other == id));
        Ok(due)
    }

    /// A request that is closed already is no news; whoever catches up with a ledger meets many.
    async fn is_news(&self, notice: &Notice) -> Result<bool, EngineError> {
        let Notice::RequestOpened { about } = notice else {
            return Ok(true);
        };
        let workflow = self.replayed(&about.workflow).await?;
        Ok(workflow.is_some_and(|w| w.open_requests().any(|r| r.id == about.request)))
    }

    /// Whether some place wants such notices.
    fn tells(&self, template: Template) -> bool {
        self.notifiers.iter().any(|n| n.place().wants.contains(&template))
    }

    /// How a workflow stands now, where that is said at all, and which pull requests are its.
    async fn statuses(&self, id: &WorkflowId) -> Result<Vec<Notice>, EngineError> {
        let records = self.records(id).await?.unwrap_or_default();
        let (tenant, events) = (self.store.tenant(), || records.iter().map(|r| &r.event));
        let statuses = Status::everywhere(tenant, id, events()).into_iter();
        let mut all: Vec<Notice> = statuses
            .map(|(on, status)| Notice::Status { on, status })
            .collect();
        for (on, summary) in Summary::everywhere(tenant, id, events()) {
            let labelled = summary.in_play.then(|| Notice::Labelled {
                on: on.pull_request(),
                workflow: id.clone(),
            });
            all.extend(labelled);
            let summary = Box::new(summary);
            all.push(Notice::GateSummary { on, summary });
        }
        Ok(all)
    }

    /// Whether something newer is to be said instead: a comment or a check run shows one state, and never an older one again.
    async fn is_outdated(&self, notice: &Notice) -> Result<bool, EngineError> {
        let workflow = match notice {
            Notice::Status { status, .. } => &status.workflow,
            Notice::GateSummary { summary, .. } => &summary.status.workflow,
            Notice::Labelled { workflow, .. } => workflow,
            Notice::Test { .. }
            | Notice::RequestOpened { .. }
            | Notice::RequestExpiresSoon { .. }
            | Notice::AlarmRaised { .. }
            | Notice::WorkflowEnded { .. }
            | Notice::Digest { .. }
            | Notice::CommandAnswered { .. }
            | Notice::LabelAnswered { .. } => return Ok(false),
        };
        Ok(!self.statuses(workflow).await?.contains(notice))
    }

    /// A workflow as it is now; `None` where it can't be read (its words may be erased), which the log says.
    async fn replayed(&self, id: &WorkflowId) -> Result<Option<Workflow>, EngineError> {
        let replay = |records: Vec<EventRecord>| {
            let events = records.iter().map(|r| &r.event);
            Workflow::replay(self.store.tenant().clone(), id.clone(), events)
        };
        Ok(self.records(id).await?.map(replay))
    }

    async fn records(&self, id: &WorkflowId) -> Result<Option<Vec<EventRecord>>, EngineError> {
        match self.store.events(id).await {
            Ok(records) => Ok(Some(records)),
            Err(error @ (StoreError::Refused { .. } | StoreError::Corrupt { .. })) => {
                tracing::warn!(workflow = %id, code = error.code(), "no notice: the workflow can't be read");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A notice for each place that wants such.
    fn for_places(&self, notice: &Notice) -> Vec<NewNotice> {
        let places = self.notifiers.iter().map(|n| n.place());
        let wanting = places.filter(|place| place.wants.contains(&notice.template()));
        let new = wanting.map(|place| NewNotice {
            notice: notice.clone(),
            place: place.id.clone(),
            shown: place.shown.clone(),
        });
        new.collect()
    }

    /// Sends the next notice of a place that is due.
    ///
    /// # Errors
    /// When the store fails; the try is recorded then, and its outcome counts as unknown.
    pub async fn deliver_next(&self, notifier: &Arc<dyn Notifier>) -> Result<Step, EngineError> {
        match self.outbox.claim(&notifier.place().id).await? {
            None => Ok(Step::Idle),
            Some(facts) => self.deliver_unless_outdated(notifier, &facts).await,
        }
    }

    async fn deliver_unless_outdated(
        &self,
        notifier: &Arc<dyn Notifier>,
        facts: &NoticeFacts,
    ) -> Result<Step, EngineError> {
        match self.is_outdated(facts.notice()).await {
            Ok(false) => self.deliver(notifier, facts).await.map(|_| Step::Worked),
            Ok(true) => {
                let wrong = Wrong {
                    code: "notice-outdated".to_owned(),
                    message: "something newer is said instead".to_owned(),
                };
                self.give_up(facts, wrong).await.map(|()| Step::Worked)
            }
            Err(error) => {
                let held = facts.held();
                ignore_lost(self.outbox.put_back(held, held.now).await)?;
                Err(error)
            }
        }
    }

    /// Sends a test to each place, once, and gives what came of it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn try_out(&self) -> Result<Vec<(Arc<dyn Notifier>, Delivery)>, EngineError> {
        let at = self.clock.now().await?;
        let mut tried = Vec::new();
        for notifier in &self.notifiers {
            let place = notifier.place();
            let facts = self
                .outbox
                .begin_one(&NewNotice {
                    notice: Notice::Test { at },
                    place: place.id.clone(),
                    shown: place.shown.clone(),
                })
                .await?;
            tried.push((Arc::clone(notifier), self.deliver(notifier, &facts).await?));
        }
        Ok(tried)
    }

    async fn deliver(
        &self,
        notifier: &Arc<dyn Notifier>,
        facts: &NoticeFacts,
    ) -> Result<Delivery, EngineError> {
        let (place, held) = (notifier.place(), facts.held());
        let (template, id) = (facts.notice().template(), &held.id);
        let permit = match NoticeGate::open(facts, place) {
            Ok(permit) => permit,
            Err(refusal) => return self.not_permitted(facts, refusal).await,
        };
        let sender = Arc::clone(notifier);
        let sent = tokio::spawn(async move { sender.deliver(permit).await }).await;
        let delivery = sent.unwrap_or_else(|died| {
            tracing::error!(error = %died, "sending a notice panicked");
            Delivery::Unknown(Wrong {
                code: "notice-panicked".to_owned(),
                message: "sending it ended in an internal error; the log has the details".to_owned(),
            })
        });
        let (ended, wrong) = match delivery.clone() {
            Delivery::Delivered => (TryEnded::Delivered, None),
            Delivery::Failed(wrong) => (TryEnded::Failed, Some(wrong)),
            Delivery::Refused(wrong) => (TryEnded::Refused, Some(wrong)),
            Delivery::Unknown(wrong) => (TryEnded::Unknown, Some(wrong)),
        };
        match &wrong {
            None => tracing::info!(notice = %id, %template, place = place.shown, "a notice was delivered"),
            Some(Wrong { code, message }) => {
                tracing::warn!(notice = %id, %template, place = place.shown, code, message, "a notice was not delivered");
            }
        }
        self.settle(facts, ended, wrong).await?;
        Ok(delivery)
    }

    async fn not_permitted(
        &self,
        facts: &NoticeFacts,
        refusal: NoticeRefusal,
    ) -> Result<Delivery, EngineError> {
        let held = facts.held();
        let wrong = Wrong {
            code: refusal.code().to_owned(),
            message: refusal.to_string(),
        };
        if refusal.passes() && facts.notice().template() != Template::Test {
            let put_back = self
                .outbox
                .put_back(held, held.now.plus_ms(TOO_MANY_WAIT_MS))
                .await;
            ignore_lost(put_back)?;
            return Ok(Delivery::Failed(wrong));
        }
        self.give_up(facts, wrong.clone()).await?;
        Ok(Delivery::Refused(wrong))
    }

    /// Nothing was sent, and nothing will be.
    async fn give_up(&self, facts: &NoticeFacts, wrong: Wrong) -> Result<(), EngineError> {
        let settled = Settled {
            ended: TryEnded::Failed,
            follows: Follows::Ends(NoticeStanding::GivenUp),
            wrong: Some(wrong),
        };
        ignore_lost(self.outbox.settle(facts.held(), &settled).await)
    }

    async fn settle(
        &self,
        facts: &NoticeFacts,
        ended: TryEnded,
        wrong: Option<Wrong>,
    ) -> Result<(), EngineError> {
        let held = facts.held();
        let tried = Tried {
            template: facts.notice().template(),
            form: held.place.form(),
            attempt: held.attempt,
            queued_at: held.queued_at,
        };
        let follows = follows(tried, self.clock.now().await?, ended);
        let settled = Settled {
            ended,
            follows,
            wrong,
        };
        ignore_lost(self.outbox.settle(held, &settled).await)
    }
}

/// The workflow of an entry after which something else may be said of it.
fn changed_status(row: &EntryRow) -> Option<WorkflowId> {
    let leaf = Leaf::parse(&row.leaf).ok().filter(|leaf| leaf.kind == KIND_EVENT);
    let record = EventRecord::from_bytes(leaf.and(row.body.as_ref())?).ok()?;
    following::changes_status(&record.event).then_some(record.workflow)
}

/// The notice that follows from an entry of the ledger. What can't be read is nobody's news; reading it elsewhere says why.
fn of_entry(row: &EntryRow) -> Option<Notice> {
    let (leaf, body) = (Leaf::parse(&row.leaf).ok()?, row.body.as_ref()?);
    match leaf.kind.as_str() {
        KIND_EVENT => {
            let record = EventRecord::from_bytes(body).ok()?;
            following::of_event(&record.workflow, &record.event)
        }
        KIND_ALARM => {
            let alarm: Alarm = serde_json::from_slice(body).ok()?;
            let (workflow, entry) = (alarm.workflow, row.index);
            Some(Notice::AlarmRaised { workflow, entry })
        }
        _other => None,
    }
}

/// Another process has recorded how it ended.
fn ignore_lost(result: Result<(), StoreError>) -> Result<(), EngineError> {
    match result {
        Err(StoreError::ClaimLost) => Ok(()),
        other => other.map_err(EngineError::from),
    }
}

/// Does something again and again until `stop` says so.
async fn repeatedly<F>(mut stop: watch::Receiver<bool>, step: impl Fn() -> F)
where
    F: Future<Output = Result<Step, EngineError>>,
{
    while !*stop.borrow() {
        let pause = match step().await {
            Ok(Step::Worked) => continue,
            Ok(Step::Idle) => LOOK_EVERY,
            Err(error) => {
                tracing::warn!(code = error.code(), %error, "notices wait: the store failed");
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Does something until it succeeds, or `stop` says so.
async fn until_well<F>(mut stop: watch::Receiver<bool>, step: impl Fn() -> F)
where
    F: Future<Output = Result<(), EngineError>>,
{
    while !*stop.borrow() {
        let Err(error) = step().await else { return };
        tracing::warn!(code = error.code(), %error, "notices wait: the store failed");
        tokio::select! {
            () = tokio::time::sleep(AFTER_FAILURE) => {}
            _ = stop.changed() => {}
        }
    }
}
