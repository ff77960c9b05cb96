//! Adds up uses in memory and writes them in batches.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{digest::Sha256, error_chain::ErrorChain, ids::AccessKeyId};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};
use tracing::warn;

use super::{Message, Use, store::Store};

/// Most uses that wait to be added up. A second of the busiest server; beyond it they are dropped.
pub const WAITING_MAX: usize = 65_536;
/// How late a use may show.
pub(crate) const FLUSH_EVERY: Duration = Duration::from_secs(3);
/// Most keys, and most pairs of package and key, that are added up before they are written. About 10 MB.
const ADDED_UP_MAX: usize = 50_000;
/// How often old uses are forgotten.
const FORGET_EVERY: TimeDelta = TimeDelta::hours(1);

/// When something was used, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) first: DateTime<Utc>,
    pub(super) last: DateTime<Utc>,
    pub(super) times: u32,
}

/// What is not written yet.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) seen: HashMap<AccessKeyId, Count>,
    pub(super) fetched: HashMap<(Sha256, AccessKeyId), Count>,
}

impl Count {
    fn add(&mut self, at: DateTime<Utc>) {
        *self = Self { first: self.first.min(at), last: self.last.max(at), times: self.times.saturating_add(1) };
    }
}

impl Batch {
    fn add(&mut self, used: Use) {
        let Use { key, package, at } = used;
        let new = Count { first: at, last: at, times: 1 };
        self.seen.entry(key).and_modify(|count| count.add(at)).or_insert(new);
        if let Some(sha256) = package {
            self.fetched.entry((sha256, key)).and_modify(|count| count.add(at)).or_insert(new);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    fn is_full(&self) -> bool {
        self.seen.len().max(self.fetched.len()) >= ADDED_UP_MAX
    }
}

/// Works until every sender is dropped.
pub(super) async fn run(mut store: Store, mut receiver: mpsc::Receiver<Message>, clock: fn() -> DateTime<Utc>) {
    let mut batch = Batch::default();
    let mut forgotten_at = DateTime::<Utc>::MIN_UTC;
    loop {
        let due = Instant::now() + FLUSH_EVERY;
        let asked = collect(&mut batch, &mut receiver, due).await;
        write(&mut store, &mut batch).await;
        if clock() - forgotten_at >= FORGET_EVERY {
            forgotten_at = clock();
            if let Err(error) = store.forget(clock()).await {
                warn!("cannot delete old uses of access keys: {}", ErrorChain(&error));
            }
        }
        match asked {
            Asked::Nothing => {}
            Asked::Flush(done) => drop(done.send(())),
            Asked::End => return,
        }
    }
}

enum Asked {
    Nothing,
    Flush(tokio::sync::oneshot::Sender<()>),
    End,
}

/// Adds up until the batch is due or full. Sleeps as long as there is nothing.
async fn collect(batch: &mut Batch, receiver: &mut mpsc::Receiver<Message>, due: Instant) -> Asked {
    loop {
        let next = if batch.is_empty() { Ok(receiver.recv().await) } else { timeout_at(due, receiver.recv()).await };
        match next {
            Ok(Some(Message::Used(used))) => batch.add(used),
            Ok(Some(Message::Flush(done))) => return Asked::Flush(done),
            Ok(None) => return Asked::End,
            Err(_) => return Asked::Nothing,
        }
        if batch.is_full() {
            return Asked::Nothing;
        }
    }
}

/// What cannot be written is dropped: the disk may be full for a long time, and memory is not.
async fn write(store: &mut Store, batch: &mut Batch) {
    let written = std::mem::take(batch);
    if written.is_empty() {
        return;
    }
    if let Err(error) = store.write(&written).await {
        let dropped: u64 = written.seen.values().map(|count| u64::from(count.times)).sum();
        metrics::counter!(super::DROPPED_TOTAL).increment(dropped);
        warn!("cannot store {dropped} uses of access keys: {}", ErrorChain(&error));
    }
}
