//! A page of an organisation's log: lines as in a bundle, and a checkpoint that ends exactly with the page's last entry.

use std::sync::Arc;

use api_http::problem::Problem;
use commands::signing_keys::SigningKeys;
use domain::{checkpoint::LogName, error_chain::ErrorChain, feed, merkle::TILE_HASHES_MAX, recorded::Position};
use event_log::event_store::EventStore;
use projections::transparency::Transparency;
use serving::transparency::first_of;
use signing::log_signer::LogSigner;

use super::{
    followed::Followed,
    wire::{self, PAGE_BYTES_MAX, PAGE_ENTRIES_MAX, PageHead},
};

/// The time to retry when the log cannot be signed: an operator has to fix that first.
const UNSIGNED_RETRY_SECONDS: u32 = 60;

/// The logs that replicas follow.
#[derive(Clone)]
pub struct FeedLogs {
    /// The event log.
    pub store: Arc<dyn EventStore>,
    /// Maps events to the entries of each log.
    pub transparency: Transparency,
    /// Signs the logs.
    pub signer: LogSigner,
    /// The events of the signing keys.
    pub signing_keys: SigningKeys,
}

impl FeedLogs {
    /// The current number of entries.
    pub(super) fn size(&self, log: LogName) -> u64 {
        self.transparency.state(log).map_or(0, |state| state.size)
    }

    /// The page after the first `from` entries. It may have no lines.
    pub(super) async fn page_after(&self, followed: &Followed, from: u64) -> Result<String, Problem> {
        let size = self.size(followed.log);
        if from > size {
            return Err(Problem::Conflict {
                code: "log_is_shorter",
                detail: format!(
                    "the transparency log has {size} entries, and the replica already has {from}: this is another log, or an older state of it"
                ),
            });
        }
        let mut lines = String::new();
        let mut end = from;
        while end < size && end - from < PAGE_ENTRIES_MAX && lines.len() < PAGE_BYTES_MAX {
            let most = PAGE_ENTRIES_MAX.min(size - from) - (end - from);
            let positions = self.positions(followed, end, most).await?;
            for event in first_of(self.store.as_ref(), &positions).await? {
                lines.push_str(&feed::line(&event));
                lines.push('\n');
                end += 1;
                if lines.len() >= PAGE_BYTES_MAX {
                    break;
                }
            }
        }
        let checkpoint = self.signer.checkpoint_at(followed.log, &followed.origin, end).await;
        let checkpoint = checkpoint.map_err(|error| unsigned(&error))?.ok_or(Problem::Unavailable {
            what: "the transparency log has no entry yet",
            retry_after_seconds: UNSIGNED_RETRY_SECONDS,
        })?;
        // Read last, so that it includes every key that signed something in these entries.
        let signing_keys = self.signing_keys.now().revision.0;
        Ok(wire::text(&PageHead { from, size, signing_keys, checkpoint }, &lines))
    }

    /// The position in the event log of the entry number `entry`, counted from 0. `None` if there is no such entry.
    pub(super) async fn position(&self, followed: &Followed, entry: u64) -> Result<Option<Position>, Problem> {
        match entry < self.size(followed.log) {
            true => Ok(self.positions(followed, entry, 1).await?.first().copied()),
            false => Ok(None),
        }
    }

    /// The positions in the event log of the entries from number `first` on: at least one, at most `most`, all of one tile.
    async fn positions(&self, followed: &Followed, first: u64, most: u64) -> Result<Vec<Position>, Problem> {
        let (tile, place) = (first / TILE_HASHES_MAX, first % TILE_HASHES_MAX);
        let tile = self.transparency.entries(followed.log, tile).await?.unwrap_or_default();
        let skipped = usize::try_from(place).unwrap_or(usize::MAX);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let positions: Vec<Position> = tile.into_iter().skip(skipped).take(most).collect();
        match positions.is_empty() {
            true => {
                tracing::error!("the transparency log {} has no tile for entry {first}", followed.origin);
                Err(Problem::Unavailable {
                    what: "the Merkle tree of the transparency log is damaged: the operator must rebuild the read models (tables built from the event log)",
                    retry_after_seconds: UNSIGNED_RETRY_SECONDS,
                })
            }
            false => Ok(positions),
        }
    }
}

/// The log cannot be signed at the moment.
fn unsigned(error: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::error!(error = %ErrorChain(error), "cannot sign the transparency log for a replica");
    Problem::Unavailable {
        what: "the transparency log cannot be signed at the moment: the server's log says why",
        retry_after_seconds: UNSIGNED_RETRY_SECONDS,
    }
}
