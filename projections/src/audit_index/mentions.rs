//! Lists of positions, one for each subject and block of the log.
//!
//! A block is 4,096 positions wide, however many of them hold an event. So the rows are the same whether the log was
//! projected event by event or all at once, and a list grows by bytes put behind it, without being read.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::LazyLock};

use domain::recorded::Position;
use sqlx::SqliteConnection;

use crate::{bulk::Insert, read_models::signed};

/// A block has two to the power of this many positions.
const BLOCK_BITS: u32 = 12;
/// Continues a list that was begun.
static EXTEND: LazyLock<Insert> = LazyLock::new(|| {
    let on_conflict = "on conflict do update set offsets = cast(offsets || excluded.offsets as blob)";
    Insert::or("history_mention", &["subject", "block", "offsets"], on_conflict)
});

/// The block that `position` is in.
pub(super) fn block(position: Position) -> u64 {
    position.0 >> BLOCK_BITS
}

/// The positions in a row, oldest first.
pub(super) fn positions(block: u64, offsets: &[u8]) -> impl DoubleEndedIterator<Item = Position> {
    let start = block << BLOCK_BITS;
    offsets.as_chunks().0.iter().map(move |offset| Position(start + u64::from(u16::from_le_bytes(*offset))))
}

/// The subjects of a batch's events. In the order of the table, so that neighbouring rows are written together.
#[derive(Debug, Default)]
pub(super) struct Mentioned(BTreeMap<(i64, u64), Vec<u8>>);

impl Mentioned {
    /// Positions come in the log's order, and a subject once for each.
    pub(super) fn add(&mut self, subject: i64, at: Position) {
        let offset = (at.0 & ((1 << BLOCK_BITS) - 1)) as u16;
        self.0.entry((subject, block(at))).or_default().extend(offset.to_le_bytes());
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) async fn write(&self, rows: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        EXTEND
            .write(rows, self.0.iter(), |statement, ((subject, block), offsets)| {
                statement.bind(*subject).bind(signed(*block)).bind(offsets.as_slice())
            })
            .await
    }
}
