//! The record of each event in its span: position, time, event name, organisation and actor.

use std::sync::LazyLock;

use domain::recorded::Position;
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use crate::{bulk::Insert, read_models::signed};

/// Events in a span. A span that is not full is written again with each batch, so that it stays small.
pub(super) const SPAN_EVENTS_MAX: usize = 256;
/// Bytes of a record.
const RECORD_BYTES: usize = 36;
/// For events that belong to the operator alone.
pub(super) const NO_ORGANISATION: i64 = 0;

static SPANS: LazyLock<Insert> =
    LazyLock::new(|| Insert::or_replace("history_span", &["first", "min_at", "max_at", "records"]));

/// One event. Numbers are of `number.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) position: Position,
    /// Microseconds since 1970.
    pub(super) at: i64,
    /// The low half of the name's number.
    pub(super) name: u32,
    pub(super) organisation: i64,
    pub(super) actor: i64,
}

/// Events that follow each other, oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Span(Vec<u8>);

/// The half of a name's number that a record has room for.
pub(super) fn short(name: i64) -> u32 {
    (name & 0xffff_ffff) as u32
}

impl Record {
    fn bytes(&self) -> [u8; RECORD_BYTES] {
        let Self { position, at, name, organisation, actor } = self;
        let mut bytes = [0; RECORD_BYTES];
        bytes[..8].copy_from_slice(&position.0.to_le_bytes());
        bytes[8..16].copy_from_slice(&at.to_le_bytes());
        bytes[16..24].copy_from_slice(&organisation.to_le_bytes());
        bytes[24..32].copy_from_slice(&actor.to_le_bytes());
        bytes[32..].copy_from_slice(&name.to_le_bytes());
        bytes
    }

    fn read(bytes: &[u8; RECORD_BYTES]) -> Self {
        let eight = |start: usize| {
            let mut eight = [0; 8];
            eight.copy_from_slice(&bytes[start..start + 8]);
            eight
        };
        let mut name = [0; 4];
        name.copy_from_slice(&bytes[32..]);
        Self {
            position: Position(u64::from_le_bytes(eight(0))),
            at: i64::from_le_bytes(eight(8)),
            organisation: i64::from_le_bytes(eight(16)),
            actor: i64::from_le_bytes(eight(24)),
            name: u32::from_le_bytes(name),
        }
    }
}

impl Span {
    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= SPAN_EVENTS_MAX * RECORD_BYTES
    }

    pub(super) fn push(&mut self, record: Record) {
        self.0.extend(record.bytes());
    }

    pub(super) fn records(&self) -> impl DoubleEndedIterator<Item = Record> {
        self.0.as_chunks().0.iter().map(Record::read)
    }

    /// The event at `position`.
    pub(super) fn get(&self, position: Position) -> Option<Record> {
        let records = self.0.as_chunks().0;
        let place = records.binary_search_by_key(&position, |bytes| Record::read(bytes).position).ok()?;
        records.get(place).map(Record::read)
    }

    pub(super) fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self(row.try_get("records")?))
    }

    /// The span that `position` is in, if it is in one.
    pub(super) async fn around(rows: &mut SqliteConnection, position: Position) -> Result<Option<Self>, sqlx::Error> {
        let row = sqlx::query("select records from history_span where first <= ? order by first desc limit 1")
            .bind(signed(position.0))
            .fetch_optional(rows);
        row.await?.as_ref().map(Self::from_row).transpose()
    }
}

/// Writes spans, in place of shorter ones.
pub(super) async fn write(rows: &mut SqliteConnection, spans: &[Span]) -> Result<(), sqlx::Error> {
    let begun = spans.iter().filter_map(|span| Some((span.records().next()?, span)));
    let begun: Vec<(Record, &Span)> = begun.collect();
    SPANS
        .write(rows, begun.into_iter(), |statement, (first, span)| {
            let (mut min_at, mut max_at) = (first.at, first.at);
            for record in span.records() {
                (min_at, max_at) = (min_at.min(record.at), max_at.max(record.at));
            }
            statement.bind(signed(first.position.0)).bind(min_at).bind(max_at).bind(span.0.as_slice())
        })
        .await
}
