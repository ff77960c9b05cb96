//! Lists of positions, one for each subject and block of the log.
//!
//! A block is 4,096 positions wide, however many of them hold an event. So the rows are the same whether the log was projected
//! event by event or all at once, and a list grows by bytes put behind it, without being read.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use domain::recorded::Position;
use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::read_models::signed;

/// A block has two to the power of this many positions.
const BLOCK_BITS: u32 = 12;
/// Rows of one statement are a power of two, at most this: each number of rows is a statement of its own to SQLite.
const ROWS_AT_ONCE_MAX: usize = 512;
const SIZES: usize = ROWS_AT_ONCE_MAX.ilog2() as usize + 1;

/// Rows that are not bound are null and left out.
static INSERTS: LazyLock<[Arc<str>; SIZES]> = LazyLock::new(|| {
    std::array::from_fn(|exponent| {
        let values = vec!["(?,?,?)"; 1 << exponent].join(",");
        format!(
            "insert into history_mention (subject, block, offsets) \
             select * from (values {values}) where column1 is not null \
             on conflict do update set offsets = cast(offsets || excluded.offsets as blob)"
        )
        .into()
    })
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

/// What a batch speaks of. In the order of the table, so that rows that are neighbours are written together.
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
        let mut left = self.0.iter();
        while left.len() > 0 {
            let rows_now = left.len().min(ROWS_AT_ONCE_MAX);
            let size = rows_now.next_power_of_two();
            let mut query = sqlx::query(AssertSqlSafe(Arc::clone(&INSERTS[size.ilog2() as usize])));
            for ((subject, block), offsets) in left.by_ref().take(rows_now) {
                query = query.bind(subject).bind(signed(*block)).bind(offsets.as_slice());
            }
            for _ in rows_now..size {
                query = query.bind(None::<i64>).bind(None::<i64>).bind(None::<&[u8]>);
            }
            query.execute(&mut *rows).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_as_they_were_collected() {
        let all = [0, 7, 4_095, 4_096, 1 << 40].map(Position);
        let mut mentioned = Mentioned::default();
        for at in all {
            mentioned.add(3, at);
        }
        let rows = &mentioned.0;
        let read: Vec<_> = rows.iter().flat_map(|((_, block), offsets)| positions(*block, offsets)).collect();
        assert_eq!((read.as_slice(), rows.len()), (all.as_slice(), 3));
    }
}
