//! The engines of the repositories in use, each filled from rows when it is first needed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use domain::{ids::RepositoryId, recorded::Revision};
use futures::TryStreamExt as _;
use sqlx::SqliteConnection;
use tokio::sync::OwnedMutexGuard;

use super::{
    changes::{Fresh, NewFile},
    engine::{Engine, Entry},
    rows::{self, Era},
};

/// How much rendered text all engines together may keep in memory: 100,000 packages have about 100 MB of it.
/// The engines that were not used for longest are dropped beyond it, and filled from rows when they are needed again.
pub const TEXT_IN_MEMORY_MAX_BYTES: usize = 192 * 1024 * 1024;

pub(super) type Locked = OwnedMutexGuard<Option<Engine>>;

/// An engine is `None` until it was filled.
pub(super) struct Engines {
    slots: Mutex<Slots>,
    text_max_bytes: usize,
}

#[derive(Default)]
struct Slots {
    engines: HashMap<RepositoryId, Slot>,
    clock: u64,
}

#[derive(Default)]
struct Slot {
    engine: Arc<tokio::sync::Mutex<Option<Engine>>>,
    used: u64,
    text_bytes: usize,
}

impl Engines {
    pub(super) fn new(text_max_bytes: usize) -> Self {
        Self { slots: Mutex::default(), text_max_bytes }
    }

    /// The engine of `repository` for the state at `covers`, with every package of its era in `rows`; none if there is no
    /// such repository. A package that took another's place begins an era: the engine is filled anew then.
    ///
    /// An engine may know packages of a transaction that is not committed yet: states are asked for by revision.
    pub(super) async fn caught_up(
        &self,
        rows: &mut SqliteConnection,
        repository: RepositoryId,
        covers: Revision,
    ) -> Result<Option<Locked>, sqlx::Error> {
        let locked = self.slot(repository).lock_owned().await;
        let era = rows::era(&mut *rows, repository, covers).await?;
        let Some(mut locked) = self.of_era(&mut *rows, repository, era, locked).await? else { return Ok(None) };
        let Some(engine) = locked.as_mut() else { return Ok(None) };
        read_on(rows, repository, era, engine).await?;
        let text_bytes = engine.text_bytes();
        self.make_room(repository, text_bytes);
        Ok(Some(locked))
    }

    /// The same for the one who writes the rows, and knows what is `fresh` in them: most of the time nothing is read.
    pub(super) async fn caught_up_with(
        &self,
        rows: &mut SqliteConnection,
        repository: RepositoryId,
        covers: Revision,
        fresh: &Fresh<'_>,
    ) -> Result<Option<Locked>, sqlx::Error> {
        let locked = self.slot(repository).lock_owned().await;
        let era = match covers >= fresh.newest_end {
            true => Era { start: fresh.newest_end, end: None },
            false => rows::era(&mut *rows, repository, covers).await?,
        };
        let Some(mut locked) = self.of_era(&mut *rows, repository, era, locked).await? else { return Ok(None) };
        let Some(engine) = locked.as_mut() else { return Ok(None) };
        if engine.known() < fresh.newest_written {
            read_on(rows, repository, era, engine).await?;
        }
        let of_era = |new: &&NewFile| era.end.is_none_or(|end| new.file.revision < end);
        for new in fresh.unwritten.iter().filter(of_era) {
            if new.file.revision > engine.known() {
                let (revision, architecture) = (new.file.revision, new.architecture.clone());
                engine.push(Entry { revision, architecture, fragments: new.fragments.clone() });
            }
        }
        let text_bytes = engine.text_bytes();
        self.make_room(repository, text_bytes);
        Ok(Some(locked))
    }

    /// The engine, made anew if it is of another era; none if there is no such repository.
    async fn of_era(
        &self,
        rows: &mut SqliteConnection,
        repository: RepositoryId,
        era: Era,
        mut locked: Locked,
    ) -> Result<Option<Locked>, sqlx::Error> {
        if locked.as_ref().is_none_or(|engine| engine.era() != era.start) {
            let Some(identity) = rows::identity(&mut *rows, repository).await? else { return Ok(None) };
            let seen = rows::architectures_before(&mut *rows, repository, era).await?;
            *locked = Some(Engine::new(identity, era.start, seen));
        }
        Ok(Some(locked))
    }

    /// The engine of `repository` as it is, if it is in memory.
    pub(super) async fn loaded(&self, repository: RepositoryId) -> Option<Locked> {
        let slot = self.slots().engines.get(&repository).map(|slot| Arc::clone(&slot.engine))?;
        Some(slot.lock_owned().await)
    }

    /// Forgets everything: some of it may have been read from a transaction that was rolled back.
    pub(super) fn clear(&self) {
        self.slots().engines.clear();
    }

    fn slot(&self, repository: RepositoryId) -> Arc<tokio::sync::Mutex<Option<Engine>>> {
        let mut slots = self.slots();
        slots.clock += 1;
        let used = slots.clock;
        let slot = slots.engines.entry(repository).or_default();
        slot.used = used;
        Arc::clone(&slot.engine)
    }

    fn make_room(&self, repository: RepositoryId, text_bytes: usize) {
        let mut slots = self.slots();
        if let Some(slot) = slots.engines.get_mut(&repository) {
            slot.text_bytes = text_bytes;
        }
        while slots.engines.values().map(|slot| slot.text_bytes).sum::<usize>() > self.text_max_bytes {
            let others = slots.engines.iter().filter(|(id, slot)| **id != repository && slot.text_bytes > 0);
            let Some(oldest) = others.min_by_key(|(_, slot)| slot.used).map(|(id, _)| *id) else { return };
            slots.engines.remove(&oldest);
        }
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives `engine` every package of its era that it does not know and that is in `rows`.
async fn read_on(
    rows: &mut SqliteConnection,
    repository: RepositoryId,
    era: Era,
    engine: &mut Engine,
) -> Result<(), sqlx::Error> {
    let mut entries = rows::entries_after(rows, repository, era, engine.known());
    while let Some(entry) = entries.try_next().await? {
        engine.push(entry);
    }
    Ok(())
}

#[cfg(test)]
impl Engines {
    /// How many are in memory.
    pub(super) fn len(&self) -> usize {
        self.slots().engines.len()
    }
}
