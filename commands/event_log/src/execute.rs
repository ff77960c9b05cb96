//! Executing commands: load the state, decide, append. All events are recorded this way.

#[cfg(test)]
mod tests;

use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use domain::{
    aggregate::Aggregate,
    event::{self, DecodeError},
    ids::{CommandId, EventId},
    personal::Personal,
    recorded::{Actor, Metadata, Position, Revision, StreamId},
};
use moka::sync::Cache;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::event_store::{AppendError, Appended, EventStore, Expected, NewEvent, PAGE_EVENTS_MAX, ReadError};

/// How often a decision is made again because another writer appended first. Against one busy writer, every second
/// attempt is lost: eight in a row were lost now and then, sixty-four never.
const ATTEMPTS_MAX: u32 = 64;
/// How often an append is repeated whose answer was lost.
const LOST_ANSWERS_MAX: u32 = 3;
/// How long to wait before repeating it.
const LOST_ANSWER_PAUSE: Duration = Duration::from_millis(50);
/// How many bytes of aggregates' states are cached in memory, so that a busy stream is not read again for each command.
/// A repository of a million packages takes about 450 MB, most others some hundred bytes.
const STATES_MAX_BYTES: u64 = 512 * 1024 * 1024;
/// What an entry of the cache takes beside the state: its stream's name, its lock, and the cache's own nodes.
const STATE_OVERHEAD_BYTES: usize = 512;

/// Returns the time. All timestamps of events come from this clock.
pub type Clock = fn() -> DateTime<Utc>;

/// An aggregate whose events the log takes: each is one of [`event::Event`], and can be distinguished from the others.
pub trait Recordable: Aggregate<Event: Into<event::Event> + TryFrom<event::Event>> {}

impl<A: Aggregate<Event: Into<event::Event> + TryFrom<event::Event>>> Recordable for A {}

/// Who sends a command, and why.
#[derive(Debug, Clone)]
pub struct Context {
    /// Who.
    pub actor: Actor,
    /// Which command. A retry carries the same id and records nothing twice.
    pub command_id: CommandId,
    /// The event that led to it, if one did.
    pub causation: Option<EventId>,
    /// The address that a person's request came from, sealed for this very `command_id`.
    pub origin: Option<Personal>,
}

impl Context {
    /// A new command of `actor`.
    #[must_use]
    pub fn of(actor: Actor) -> Self {
        Self { actor, command_id: CommandId(Uuid::now_v7()), causation: None, origin: None }
    }

    /// A new command of the worker called `name`, because of `event`.
    #[must_use]
    pub fn of_worker(name: &str, event: Option<EventId>) -> Self {
        Self { causation: event, ..Self::of(Actor::Worker { name: name.to_owned() }) }
    }
}

/// What a command led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed<E> {
    /// The new facts; none when they were so already.
    pub events: Vec<E>,
    /// Where the newest of them is in the log.
    pub position: Option<Position>,
    /// The stream's revision now.
    pub revision: Revision,
}

/// Why a command changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError<R: std::error::Error + 'static> {
    /// The rules say no.
    #[error(transparent)]
    Refused(R),
    /// The log cannot take or give events.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// The log did not do its part.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It cannot be written.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// It holds what this version cannot read.
    #[error("cannot read an event of the event stream {stream}")]
    Decode {
        /// The stream.
        stream: StreamId,
        /// The event in question.
        source: DecodeError,
    },
}

/// Runs commands against aggregates.
pub struct Executor {
    store: Arc<dyn EventStore>,
    clock: Clock,
    states: Cache<StreamId, Arc<CachedState>>,
}

/// An aggregate's state in the cache, and what it weighs there.
struct CachedState {
    weight_bytes: AtomicUsize,
    slot: Mutex<Slot>,
}

/// An aggregate's state in memory. Commands on one stream of this process take turns, so they never race each other.
struct Slot {
    revision: Revision,
    state: Box<dyn Any + Send>,
}

impl Slot {
    fn state<A: Aggregate>(&mut self) -> &mut A {
        self.state.downcast_mut().expect("a stream belongs to one kind of aggregate")
    }
}

impl Executor {
    /// Commands run against `store` and are stamped by `clock`.
    #[must_use]
    pub fn new(store: Arc<dyn EventStore>, clock: Clock) -> Self {
        Self::keeping(store, clock, STATES_MAX_BYTES)
    }

    fn keeping(store: Arc<dyn EventStore>, clock: Clock, states_max_bytes: u64) -> Self {
        // A state of half the cache or more counts as half: it stays in the cache whatever its size, because to read a
        // long stream again for each command would cost more than the memory.
        let weigh = move |_: &StreamId, cached: &Arc<CachedState>| {
            let bytes = cached.weight_bytes.load(Ordering::Relaxed) as u64;
            u32::try_from(bytes.min(states_max_bytes / 2)).unwrap_or(u32::MAX)
        };
        let states = Cache::builder().max_capacity(states_max_bytes).weigher(weigh).build();
        Self { store, clock, states }
    }

    /// The log that commands are run against.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn EventStore> {
        &self.store
    }

    /// The time that an event recorded now would bear.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        (self.clock)()
    }

    /// Runs `command` against the aggregate `id` and records what follows.
    ///
    /// # Errors
    /// `Refused` if the rules say no; `Log` if the log is down or too many appends in a row lost the race.
    pub async fn execute<A: Recordable>(
        &self,
        id: Uuid,
        command: A::Command,
        context: &Context,
    ) -> Result<Executed<A::Event>, ExecuteError<A::Refusal>> {
        let stream = StreamId::new(A::KIND, id);
        let cached = self.cached::<A>(&stream);
        let mut slot = cached.slot.lock().await;
        let executed = self.decide_and_append::<A>(&stream, &mut slot, command, context).await;
        self.weigh::<A>(&stream, &cached, &mut slot);
        executed
    }

    async fn decide_and_append<A: Recordable>(
        &self,
        stream: &StreamId,
        slot: &mut Slot,
        command: A::Command,
        context: &Context,
    ) -> Result<Executed<A::Event>, ExecuteError<A::Refusal>> {
        let mut attempt = 1;
        loop {
            let decision = slot.state::<A>().decide(command.clone());
            // What is in memory may be behind the log: only a decision that appends is checked by the log itself.
            if !matches!(&decision, Ok(events) if !events.is_empty()) && self.refresh::<A>(stream, slot).await? {
                continue;
            }
            let events = decision.map_err(ExecuteError::Refused)?;
            if events.is_empty() {
                return Ok(Executed { events, position: None, revision: slot.revision });
            }
            match self.append(stream, slot.revision, &events, context).await {
                Ok(appended) => {
                    for event in &events {
                        slot.state::<A>().evolve(event);
                    }
                    slot.revision = appended.revision;
                    return Ok(Executed { events, position: Some(appended.last), revision: slot.revision });
                }
                Err(AppendError::Conflict { .. }) if attempt < ATTEMPTS_MAX => {
                    attempt += 1;
                    self.refresh::<A>(stream, slot).await?;
                }
                Err(error) => return Err(LogError::from(error).into()),
            }
        }
    }

    /// Shows the newest state of the aggregate `id`, and its revision, to `look`.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn inspect<A: Recordable, T>(
        &self,
        id: Uuid,
        look: impl FnOnce(&A, Revision) -> T,
    ) -> Result<T, LogError> {
        let stream = StreamId::new(A::KIND, id);
        let cached = self.cached::<A>(&stream);
        let mut slot = cached.slot.lock().await;
        let refreshed = self.refresh::<A>(&stream, &mut slot).await;
        self.weigh::<A>(&stream, &cached, &mut slot);
        refreshed?;
        let revision = slot.revision;
        Ok(look(slot.state::<A>(), revision))
    }

    fn cached<A: Aggregate>(&self, stream: &StreamId) -> Arc<CachedState> {
        let empty = || {
            let slot = Slot { revision: Revision(0), state: Box::new(A::default()) };
            Arc::new(CachedState { weight_bytes: AtomicUsize::new(STATE_OVERHEAD_BYTES), slot: Mutex::new(slot) })
        };
        self.states.get_with_by_ref(stream, empty)
    }

    /// Updates the weight of the state in the cache, which weighs an entry only when it is inserted.
    fn weigh<A: Aggregate>(&self, stream: &StreamId, cached: &Arc<CachedState>, slot: &mut Slot) {
        let weight_bytes = STATE_OVERHEAD_BYTES + slot.state::<A>().weight_bytes();
        if cached.weight_bytes.swap(weight_bytes, Ordering::Relaxed) != weight_bytes {
            self.states.insert(stream.clone(), Arc::clone(cached));
        }
    }

    /// Folds in what the log holds beyond `slot`. True if there was something.
    async fn refresh<A: Recordable>(&self, stream: &StreamId, slot: &mut Slot) -> Result<bool, LogError> {
        let before = slot.revision;
        loop {
            let events = self.store.read_stream(stream, slot.revision, PAGE_EVENTS_MAX).await?;
            if events.is_empty() {
                return Ok(slot.revision > before);
            }
            for recorded in events {
                let event = event::decode(&recorded.event)
                    .map_err(|source| LogError::Decode { stream: stream.clone(), source })?;
                if let Ok(event) = A::Event::try_from(event) {
                    slot.state::<A>().evolve(&event);
                }
                slot.revision = recorded.revision;
            }
        }
    }

    async fn append<E: Clone + Into<event::Event>>(
        &self,
        stream: &StreamId,
        expected: Revision,
        events: &[E],
        context: &Context,
    ) -> Result<Appended, AppendError> {
        let metadata = Metadata {
            recorded_at: self.now(),
            actor: context.actor.clone(),
            command_id: context.command_id,
            causation: context.causation,
            origin: context.origin.clone(),
        };
        // An id holds the revision too: one command may lead to several appends, each of them idempotent.
        let new: Vec<NewEvent> = (expected.0..)
            .zip(events)
            .map(|(revision, event)| NewEvent {
                event_id: EventId::of_command(context.command_id, stream.as_str(), revision),
                event: event::encode(&event.clone().into()),
                metadata: metadata.clone(),
            })
            .collect();
        let mut lost = 0;
        loop {
            match self.store.append(stream, Expected::Revision(expected), new.clone()).await {
                Err(AppendError::Unavailable { ambiguous: true, .. }) if lost < LOST_ANSWERS_MAX => {
                    lost += 1;
                    tokio::time::sleep(LOST_ANSWER_PAUSE).await;
                }
                answer => return answer,
            }
        }
    }
}
