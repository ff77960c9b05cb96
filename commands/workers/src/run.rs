//! One worker at work: reads on, folds, acts, and writes down where it is.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use domain::{
    error_chain::ErrorChain,
    event,
    recorded::{Position, RawEvent, Recorded, Revision},
};
use event_log::event_store::{EventStore, Filter, Follower, Page, ReadError};
use futures::{StreamExt as _, stream, stream::BoxStream};
use tokio::{
    sync::watch,
    task::{Id, JoinError, JoinSet},
    time::Instant,
};
use tracing::{debug, error, warn};

use super::{
    ActionError, Backoff, Items, Next, Spec, Status, Worker,
    items::News,
    meter::Meter,
    schedule::{Ended, Schedule},
    states::{Changes, Checkpoint, Folded, Loaded, States},
};

/// How long to wait before writing again what could not be written.
const SAVE_RETRY: Duration = Duration::from_secs(30);

type Pages = BoxStream<'static, Result<Page, ReadError>>;
type Outcome = Result<(Id, Result<Next, ActionError>), JoinError>;

pub(super) struct Run<W: Worker> {
    worker: Arc<W>,
    spec: Spec,
    log: Arc<dyn EventStore>,
    states: States,
    items: Items<W::Key, W::Item>,
    schedule: Schedule<W::Key>,
    actions: JoinSet<Result<Next, ActionError>>,
    checkpoint: Checkpoint,
    /// The position on disk; `None` if nothing is there that can be used: then all rows are replaced.
    saved: Option<Position>,
    save_every: Duration,
    save_at: Option<Instant>,
    head: Position,
    hint: watch::Receiver<Position>,
    now: Status,
    status: watch::Sender<Status>,
    meter: Meter,
}

impl<W: Worker> Run<W> {
    pub(super) fn new(
        worker: Arc<W>,
        log: Arc<dyn EventStore>,
        states: States,
        save_every: Duration,
        status: watch::Sender<Status>,
    ) -> Self {
        let spec = worker.spec();
        Self {
            meter: Meter(spec.name),
            hint: log.hint(),
            worker,
            spec,
            log,
            states,
            items: Items::default(),
            schedule: Schedule::new(),
            actions: JoinSet::new(),
            checkpoint: Checkpoint::default(),
            saved: None,
            save_every,
            save_at: None,
            head: Position(0),
            now: Status::default(),
            status,
        }
    }

    /// Ends only when nothing will wake the worker any more. Dropping it drops the actions.
    pub(super) async fn run(mut self) {
        let mut pages = self.open().await;
        let mut wakes = self.worker.wake();
        self.reached_the_end_at_last();
        loop {
            self.start_due();
            self.report();
            self.plan_to_save();
            let (start_at, save_at) = (self.next_start(), self.save_at);
            tokio::select! {
                Some(page) = pages.next() => self.read(page),
                Some(ended) = self.actions.join_next_with_id() => self.ended(ended),
                woken = wakes.next(), if self.now.is_live => match woken {
                    Some(()) => self.look(),
                    None => return,
                },
                () = at(start_at) => {}
                () = at(save_at) => self.save().await,
            }
        }
    }

    /// Takes up what is on disk, and follows the log from there.
    async fn open(&mut self) -> Pages {
        let Some(filter) = self.spec.follows.clone() else { return stream::pending().boxed() };
        let mut failures = 0;
        while let Err(cause) = self.load().await {
            failures += 1;
            self.meter.failed();
            error!(worker = self.spec.name, error = %ErrorChain(&cause), "the worker {} cannot read the event log", self.spec.name);
            tokio::time::sleep(self.spec.retry.random(failures)).await;
        }
        pages(&self.log, self.checkpoint.position, filter, self.spec.retry)
    }

    async fn load(&mut self) -> Result<(), ReadError> {
        self.head = self.log.head().await?;
        let loaded = match self.states.load(self.spec.name, self.spec.fold_version).await {
            Ok(loaded) => loaded,
            Err(cause) => {
                warn!(worker = self.spec.name, error = %ErrorChain(&cause), "cannot read the state of the worker {}", self.spec.name);
                None
            }
        };
        let Some(Loaded { checkpoint, items }) = loaded else { return Ok(()) };
        // What could not be decoded then may be decoded now, by a newer version of this program.
        if checkpoint.unreadable > 0 || !is_of(&*self.log, &checkpoint, self.head).await? {
            return Ok(());
        }
        if let Ok(rows) = parsed(&items) {
            self.saved = Some(checkpoint.position);
            (self.now.position, self.now.saved) = (checkpoint.position, checkpoint.position);
            (self.checkpoint, self.items) = (checkpoint, Items::of(rows));
        }
        Ok(())
    }

    fn read(&mut self, page: Result<Page, ReadError>) {
        let page = match page {
            Ok(page) => page,
            Err(cause) => {
                self.meter.failed();
                error!(worker = self.spec.name, error = %ErrorChain(&cause), "the worker {} cannot read the event log", self.spec.name);
                return;
            }
        };
        for stored in page.events {
            self.fold(stored);
        }
        (self.checkpoint.position, self.head) = (page.next, page.head);
        self.now.position = page.next;
        self.meter.progressed();
        self.take_news(None);
        self.reached_the_end_at_last();
    }

    fn fold(&mut self, stored: Recorded<RawEvent>) {
        self.now.folded += 1;
        self.checkpoint.folded =
            Some(Folded { stream: stored.stream.clone(), revision: stored.revision, event: stored.event_id });
        match event::decode(&stored.event) {
            Ok(event) => self.worker.fold(&stored.map(|_| event), &mut self.items),
            // It was written by a newer version.
            Err(cause) => {
                self.checkpoint.unreadable += 1;
                let (worker, position) = (self.spec.name, stored.position);
                warn!(worker, %position, error = %ErrorChain(&cause), "the worker {worker} skips the event at position {position}, which cannot be read");
            }
        }
    }

    /// Before the end of the log, what looks undone may well be done.
    fn is_at_end(&self) -> bool {
        self.spec.follows.is_none() || self.checkpoint.position >= self.head
    }

    /// From now on the worker acts, first on every row that there is.
    fn reached_the_end_at_last(&mut self) {
        if self.now.is_live || !self.is_at_end() {
            return;
        }
        self.now.is_live = true;
        let (worker, Status { position, folded, .. }) = (self.spec.name, self.now);
        debug!(worker, %position, folded, items = self.items.len(), "{worker} acts, after {folded} events");
        self.items.touch_all();
        self.look();
        // So that a crash right after it does not cost the same again.
        self.save_at = self.spec.follows.is_some().then(Instant::now);
    }

    fn look(&mut self) {
        self.worker.look(&mut self.items);
        self.take_news(None);
    }

    /// Plans what follows from changed rows; `but` is the one whose action is being started.
    fn take_news(&mut self, but: Option<&W::Key>) {
        let News { touched, repeated } = self.items.take_news();
        if !self.now.is_live {
            return;
        }
        let now = Instant::now();
        for key in touched.iter().filter(|key| Some(*key) != but && self.items.contains(key)) {
            self.schedule.touch(key, now);
            if self.spec.stops_when_changed {
                self.schedule.stop(key);
            }
        }
        for key in repeated.iter().filter(|key| Some(*key) != but) {
            self.schedule.repeat(key);
        }
    }

    fn may_start(&self) -> bool {
        self.now.is_live && self.is_at_end() && self.actions.len() < self.spec.at_once_max
    }

    fn next_start(&self) -> Option<Instant> {
        self.schedule.earliest().filter(|_| self.may_start())
    }

    fn start_due(&mut self) {
        let now = Instant::now();
        while self.may_start()
            && let Some(key) = self.schedule.take_due(now)
        {
            let action = match self.items.contains(&key) {
                true => self.worker.clone().act(&key, &mut self.items),
                false => None,
            };
            match action {
                Some(action) => self.schedule.started(key.clone(), self.actions.spawn(action)),
                None => self.schedule.forget(&key),
            }
            self.take_news(Some(&key));
        }
    }

    fn ended(&mut self, outcome: Outcome) {
        let (id, outcome) = match outcome {
            Ok((id, outcome)) => (id, outcome),
            Err(stopped) if stopped.is_cancelled() => return self.settle(stopped.id(), Ended::Stopped),
            Err(panicked) => {
                let what = "an action of the worker crashed or was cancelled";
                (panicked.id(), Err(ActionError::new(what, panicked)))
            }
        };
        let how = match outcome {
            Ok(Next::At(time)) => Ended::Until(time),
            Ok(Next::Idle) => Ended::Well,
            Ok(Next::Done) => Ended::Done,
            Err(cause) => {
                self.now.failures += 1;
                self.meter.failed();
                error!(worker = self.spec.name, error = %ErrorChain(&cause), "the worker {} failed and tries again", self.spec.name);
                Ended::Failed
            }
        };
        if how != Ended::Failed {
            self.meter.progressed();
        }
        self.settle(id, how);
    }

    fn settle(&mut self, action: Id, how: Ended) {
        let Some((key, again)) = self.schedule.owner(action) else { return };
        if how == Ended::Done && !again {
            self.items.remove(&key);
        }
        match self.items.contains(&key) {
            true => self.schedule.ended(&key, how, again, Instant::now(), |failures| self.spec.retry.random(failures)),
            false => self.schedule.forget(&key),
        }
    }

    fn report(&mut self) {
        let now = Instant::now();
        self.now.is_idle = self.actions.is_empty() && self.schedule.earliest().is_none_or(|due| due > now);
        let head = self.head.max(*self.hint.borrow());
        let lag = match self.spec.follows {
            Some(_) => head.0.saturating_sub(self.checkpoint.position.0),
            None => 0,
        };
        self.meter.shows(lag, self.items.len(), self.schedule.failing());
        self.status.send_if_modified(|status| std::mem::replace(status, self.now) != self.now);
    }

    fn plan_to_save(&mut self) {
        if self.spec.follows.is_none() {
            drop(self.items.take_unsaved());
        } else if self.saved != Some(self.checkpoint.position) || !self.items.is_saved() {
            self.save_at.get_or_insert_with(|| Instant::now() + self.save_every);
        }
    }

    async fn save(&mut self) {
        self.save_at = None;
        let (replaces_all, keys) = (self.saved.is_none(), self.items.take_unsaved());
        let changes = Changes { checkpoint: self.checkpoint.clone(), items: self.rows(&keys), replaces_all };
        match self.states.save(self.spec.name, self.spec.fold_version, &changes).await {
            Ok(()) => {
                self.saved = Some(self.checkpoint.position);
                self.now.saved = self.checkpoint.position;
            }
            Err(cause) => {
                let worker = self.spec.name;
                warn!(worker, error = %ErrorChain(&cause), "cannot write the state of the worker {worker} now: it is written later");
                self.items.are_unsaved(keys);
                self.save_at = Some(Instant::now() + SAVE_RETRY);
            }
        }
    }

    fn rows(&self, keys: &BTreeSet<W::Key>) -> Vec<(String, Option<String>)> {
        let json = "a worker's keys and items can be JSON";
        let row = |key: &W::Key| {
            let item = self.items.get(key).map(|item| serde_json::to_string(item).expect(json));
            (serde_json::to_string(key).expect(json), item)
        };
        keys.iter().map(row).collect()
    }
}

/// Whether `checkpoint` was made of this log: its last event is where it was.
async fn is_of(log: &dyn EventStore, checkpoint: &Checkpoint, head: Position) -> Result<bool, ReadError> {
    if checkpoint.position > head {
        return Ok(false);
    }
    let Some(folded) = &checkpoint.folded else { return Ok(true) };
    let found = log.read_stream(&folded.stream, Revision(folded.revision.0.saturating_sub(1)), 1).await?;
    Ok(found.first().is_some_and(|found| found.event_id == folded.event && found.position <= checkpoint.position))
}

fn parsed<K: super::Key, V: super::Item>(items: &[(String, String)]) -> Result<BTreeMap<K, V>, serde_json::Error> {
    items.iter().map(|(key, item)| Ok((serde_json::from_str(key)?, serde_json::from_str(item)?))).collect()
}

/// The log from `after` on. What cannot be read is read again after a while.
fn pages(log: &Arc<dyn EventStore>, after: Position, filter: Filter, retry: Backoff) -> Pages {
    let follower = Follower::new(log.clone(), after, filter);
    let next = move |(mut follower, failures): (Follower, u32)| async move {
        if failures > 0 {
            tokio::time::sleep(retry.random(failures)).await;
        }
        let page = follower.next_page().await;
        let failures = if page.is_ok() { 0 } else { failures.saturating_add(1) };
        Some((page, (follower, failures)))
    };
    stream::unfold((follower, 0), next).boxed()
}

async fn at(time: Option<Instant>) {
    match time {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
