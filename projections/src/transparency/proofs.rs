//! Answers from the logs: tiles, roots of earlier sizes, and proofs.

use std::collections::{BTreeSet, HashMap};

use domain::{
    digest::Sha256,
    ids::EventId,
    merkle::{self, MissingNode, Node, Subtree, Tile, hash_in_tile},
    recorded::Position,
};

use super::{LogName, Transparency, rows};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The read models cannot be read.
    #[error("cannot read the read models (tables built from the event log)")]
    Rows(#[from] sqlx::Error),
    /// The rows are damaged: the tree's own tile is not there.
    #[error("the stored Merkle tree of the transparency log is damaged")]
    Damaged(#[from] MissingNode),
}

/// That an event is in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventProof {
    /// Its place in the log, from 0.
    pub entry: u64,
    /// The size of the tree that the proof is for.
    pub size: u64,
    /// That tree's root.
    pub root: Sha256,
    /// From the leaf up.
    pub path: Vec<Sha256>,
}

impl Transparency {
    /// Proves that `event` is in the log's tree of `size` entries, or in the newest tree without `size`. `None` if the event is
    /// not in it, or if the log never had so many entries.
    ///
    /// # Errors
    /// See [`ProofError`].
    pub async fn inclusion(
        &self,
        log: LogName,
        event: EventId,
        size: Option<u64>,
    ) -> Result<Option<EventProof>, ProofError> {
        let Some((id, state)) = self.find(log) else { return Ok(None) };
        let Some(found) = rows::entry(&self.readers, event.0).await? else { return Ok(None) };
        let entry = match log {
            LogName::Server => found.server,
            LogName::Organisation(_) => match found.organisation {
                Some((of, entry)) if of == id => entry,
                _ => return Ok(None),
            },
        };
        let size = size.unwrap_or(state.size);
        if size > state.size {
            return Ok(None);
        }
        let Some(path) = merkle::inclusion(entry, size) else { return Ok(None) };
        let mut roots = self.roots(id, path.into_iter().chain([Subtree::whole(size)]).collect()).await?;
        let root = roots.pop().unwrap_or_else(|| Sha256::of(&[]));
        Ok(Some(EventProof { entry, size, root, path: roots }))
    }

    /// The position of `event` in the event log. `None` if there is no such event, or if it is not projected yet.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn position(&self, event: EventId) -> Result<Option<Position>, sqlx::Error> {
        rows::position(&self.readers, event.0).await
    }

    /// That the log of `new` entries continues the one of `old` entries; none if it never had so many, or `old` is
    /// more.
    ///
    /// # Errors
    /// See [`ProofError`].
    pub async fn consistency(&self, log: LogName, old: u64, new: u64) -> Result<Option<Vec<Sha256>>, ProofError> {
        let Some((id, state)) = self.find(log) else { return Ok(None) };
        match merkle::consistency(old, new) {
            Some(path) if new <= state.size => Ok(Some(self.roots(id, path).await?)),
            _ => Ok(None),
        }
    }

    /// The root of the log's tree of `size` entries. `None` if it never had so many.
    ///
    /// # Errors
    /// See [`ProofError`].
    pub async fn root_at(&self, log: LogName, size: u64) -> Result<Option<Sha256>, ProofError> {
        let Some((id, state)) = self.find(log) else { return Ok(None) };
        if size > state.size {
            return Ok(None);
        }
        Ok(self.roots(id, vec![Subtree::whole(size)]).await?.pop())
    }

    /// The hashes of a tile, as many as there are so far. `None` if the tile has no hash yet.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn tile(&self, log: LogName, tile: Tile) -> Result<Option<Vec<Sha256>>, sqlx::Error> {
        let Some((id, _)) = self.find(log) else { return Ok(None) };
        Ok(rows::tile(&self.readers, id, tile).await?.map(|tile| tile.hashes))
    }

    /// The positions in the event log of the entries below a tile of leaves. `None` if the tile has no hash yet.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn entries(&self, log: LogName, index: u64) -> Result<Option<Vec<Position>>, sqlx::Error> {
        let Some((id, _)) = self.find(log) else { return Ok(None) };
        let tile = rows::tile(&self.readers, id, Tile { level: 0, index }).await?;
        Ok(tile.map(|tile| tile.positions))
    }

    /// Reads each tile once, whatever is needed of it.
    async fn roots(&self, log: i64, subtrees: Vec<Subtree>) -> Result<Vec<Sha256>, ProofError> {
        let needed: BTreeSet<Tile> = subtrees.iter().flat_map(|subtree| subtree.nodes()).map(Tile::of).collect();
        let mut tiles = HashMap::new();
        for tile in needed {
            if let Some(written) = rows::tile(&self.readers, log, tile).await? {
                tiles.insert(tile, written.hashes);
            }
        }
        let hash_of = |node: Node| hash_in_tile(node, tiles.get(&Tile::of(node))?);
        let roots = subtrees.into_iter().map(|subtree| subtree.root(hash_of));
        Ok(roots.collect::<Result<_, _>>()?)
    }
}
