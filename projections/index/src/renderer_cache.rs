//! The renderers of the repositories in use, each filled from rows when it is first needed.

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
    index_renderer::{Entry, IndexRenderer},
    rows::{self, Era},
};

/// How much rendered text all renderers together may keep in memory: 100,000 packages have about 100 MB of it.
/// The renderers that were not used for longest are dropped beyond it, and filled from rows when they are needed again.
pub(crate) const TEXT_IN_MEMORY_MAX_BYTES: usize = 192 * 1024 * 1024;

pub(super) type Locked = OwnedMutexGuard<Option<IndexRenderer>>;

/// A renderer that was not filled yet is kept as `None`.
pub(super) struct RendererCache {
    slots: Mutex<Slots>,
    text_max_bytes: usize,
}

#[derive(Default)]
struct Slots {
    renderers: HashMap<RepositoryId, Slot>,
    clock: u64,
}

#[derive(Default)]
struct Slot {
    renderer: Arc<tokio::sync::Mutex<Option<IndexRenderer>>>,
    used: u64,
    text_bytes: usize,
}

impl RendererCache {
    pub(super) fn new(text_max_bytes: usize) -> Self {
        Self { slots: Mutex::default(), text_max_bytes }
    }

    /// The renderer of `repository` for the state at `covers`, with every package of its era in `rows`; none if there
    /// is no such repository. A package that replaced another begins an era: the renderer is then filled again.
    ///
    /// A renderer may know packages of a transaction that is not committed yet: states are asked for by revision.
    pub(super) async fn caught_up(
        &self,
        rows: &mut SqliteConnection,
        repository: RepositoryId,
        covers: Revision,
    ) -> Result<Option<Locked>, sqlx::Error> {
        let locked = self.slot(repository).lock_owned().await;
        let era = rows::era(&mut *rows, repository, covers).await?;
        let Some(mut locked) = self.of_era(&mut *rows, repository, era, locked).await? else { return Ok(None) };
        let Some(renderer) = locked.as_mut() else { return Ok(None) };
        read_on(rows, repository, era, renderer).await?;
        let text_bytes = renderer.text_bytes();
        self.make_room(repository, text_bytes);
        Ok(Some(locked))
    }

    /// The same for the writer of the rows, which knows what is `fresh` in them: most of the time nothing is read.
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
        let Some(renderer) = locked.as_mut() else { return Ok(None) };
        if renderer.known() < fresh.newest_written {
            read_on(rows, repository, era, renderer).await?;
        }
        let of_era = |new: &&NewFile| era.end.is_none_or(|end| new.file.revision < end);
        for new in fresh.unwritten.iter().filter(of_era) {
            if new.file.revision > renderer.known() {
                let (revision, architecture) = (new.file.revision, new.architecture.clone());
                renderer.push(Entry { revision, architecture, fragments: new.fragments.clone() });
            }
        }
        let text_bytes = renderer.text_bytes();
        self.make_room(repository, text_bytes);
        Ok(Some(locked))
    }

    /// The renderer, created again if it is of another era; none if there is no such repository.
    async fn of_era(
        &self,
        rows: &mut SqliteConnection,
        repository: RepositoryId,
        era: Era,
        mut locked: Locked,
    ) -> Result<Option<Locked>, sqlx::Error> {
        if locked.as_ref().is_none_or(|renderer| renderer.era() != era.start) {
            let Some(identity) = rows::identity(&mut *rows, repository).await? else { return Ok(None) };
            let seen = rows::architectures_before(&mut *rows, repository, era).await?;
            *locked = Some(IndexRenderer::new(identity, era.start, seen));
        }
        Ok(Some(locked))
    }

    /// The renderer of `repository` as it is, if it is in memory.
    pub(super) async fn loaded(&self, repository: RepositoryId) -> Option<Locked> {
        let slot = self.slots().renderers.get(&repository).map(|slot| Arc::clone(&slot.renderer))?;
        Some(slot.lock_owned().await)
    }

    /// Forgets everything: some of it may have been read from a transaction that was rolled back.
    pub(super) fn clear(&self) {
        self.slots().renderers.clear();
    }

    fn slot(&self, repository: RepositoryId) -> Arc<tokio::sync::Mutex<Option<IndexRenderer>>> {
        let mut slots = self.slots();
        slots.clock += 1;
        let used = slots.clock;
        let slot = slots.renderers.entry(repository).or_default();
        slot.used = used;
        Arc::clone(&slot.renderer)
    }

    fn make_room(&self, repository: RepositoryId, text_bytes: usize) {
        let mut slots = self.slots();
        if let Some(slot) = slots.renderers.get_mut(&repository) {
            slot.text_bytes = text_bytes;
        }
        while slots.renderers.values().map(|slot| slot.text_bytes).sum::<usize>() > self.text_max_bytes {
            let others = slots.renderers.iter().filter(|(id, slot)| **id != repository && slot.text_bytes > 0);
            let Some(oldest) = others.min_by_key(|(_, slot)| slot.used).map(|(id, _)| *id) else { return };
            slots.renderers.remove(&oldest);
        }
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds to `renderer` every package of its era that is in `rows` and new to it.
async fn read_on(
    rows: &mut SqliteConnection,
    repository: RepositoryId,
    era: Era,
    renderer: &mut IndexRenderer,
) -> Result<(), sqlx::Error> {
    let mut entries = rows::entries_after(rows, repository, era, renderer.known());
    while let Some(entry) = entries.try_next().await? {
        renderer.push(entry);
    }
    Ok(())
}

#[cfg(test)]
impl RendererCache {
    /// How many are in memory.
    pub(super) fn len(&self) -> usize {
        self.slots().renderers.len()
    }
}
