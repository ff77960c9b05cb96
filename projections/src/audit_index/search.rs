//! Finding positions: by subject, actor, event name, organisation and time.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use domain::{
    event::Subject,
    ids::{EventId, OrganisationId},
    recorded::{Actor, Position},
};
use sqlx::{Row as _, SqliteConnection};

use super::{
    AuditIndex,
    mentions::{block, positions},
    number,
    record::{Record, Span, short},
};
use crate::read_models::{signed, unsigned};

/// Rows that are read at a time.
const ROWS_AT_ONCE: i64 = 64;

/// What events are looked for. All that is set must fit; nothing set is every event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// They speak of this.
    pub subject: Option<Subject>,
    /// They followed from this event.
    pub caused_by: Option<EventId>,
    /// Their name is one of these; any if empty.
    pub names: Vec<String>,
    /// They are this organisation's.
    pub organisation: Option<OrganisationId>,
    /// Events caused by one of these actors; by any actor if empty.
    pub actors: Vec<Actor>,
    /// They were recorded at or after this time.
    pub from: Option<DateTime<Utc>>,
    /// They were recorded before this time.
    pub until: Option<DateTime<Utc>>,
}

/// Which part of the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Only results after this position in the direction of reading; if none, from the start.
    pub after: Option<Position>,
    /// The newest first.
    pub newest_first: bool,
    /// Most positions in the answer.
    pub limit: usize,
}

/// How many events there are, and from when to when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub events: u64,
    /// When the earliest was recorded.
    pub first_at: Option<DateTime<Utc>>,
    /// When the latest was recorded.
    pub last_at: Option<DateTime<Utc>>,
}

/// [`Wanted`] in numbers.
struct Filter {
    /// The subject to look up in the mentions. Only the first is used here; readers of the events check the others.
    mention: Option<i64>,
    names: Vec<u32>,
    organisation: Option<i64>,
    actors: HashSet<i64>,
    from: i64,
    until: i64,
}

impl Filter {
    fn of(wanted: &Wanted) -> Self {
        let cause = wanted.caused_by.map(number::of_cause);
        Self {
            mention: cause.or_else(|| wanted.subject.as_ref().map(number::of_subject)),
            names: wanted.names.iter().map(|name| short(number::of_name(name))).collect(),
            organisation: wanted.organisation.map(number::of_organisation),
            actors: wanted.actors.iter().map(number::of_actor).collect(),
            from: wanted.from.map_or(i64::MIN, |from| from.timestamp_micros()),
            until: wanted.until.map_or(i64::MAX, |until| until.timestamp_micros()),
        }
    }

    fn fits(&self, record: &Record) -> bool {
        (self.names.is_empty() || self.names.contains(&record.name))
            && self.organisation.is_none_or(|organisation| organisation == record.organisation)
            && (self.actors.is_empty() || self.actors.contains(&record.actor))
            && (self.from..self.until).contains(&record.at)
    }
}

impl AuditIndex {
    /// The positions of events that fit, in the order of reading. A number may stand for two texts: compare what the
    /// events say.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn positions(&self, wanted: &Wanted, page: Page) -> Result<Vec<Position>, sqlx::Error> {
        let mut found = Vec::new();
        self.each(wanted, page, |record| {
            found.push(record.position);
            found.len() < page.limit
        })
        .await?;
        Ok(found)
    }

    /// How many events fit. One in 10^19 may be another's.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn tally(&self, wanted: &Wanted) -> Result<Tally, sqlx::Error> {
        let (mut events, mut first, mut last) = (0, i64::MAX, i64::MIN);
        let all = Page { after: None, newest_first: false, limit: usize::MAX };
        self.each(wanted, all, |record| {
            events += 1;
            (first, last) = (first.min(record.at), last.max(record.at));
            true
        })
        .await?;
        let time = |micros| DateTime::from_timestamp_micros(micros).filter(|_| events > 0);
        Ok(Tally { events, first_at: time(first), last_at: time(last) })
    }

    /// Whether any event is about it.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn is_known(&self, subject: &Subject) -> Result<bool, sqlx::Error> {
        let wanted = Wanted { subject: Some(subject.clone()), ..Wanted::default() };
        let first = Page { after: None, newest_first: false, limit: 1 };
        Ok(!self.positions(&wanted, first).await?.is_empty())
    }

    /// Shows what fits to `take`, until it has enough.
    async fn each(&self, wanted: &Wanted, page: Page, take: impl FnMut(&Record) -> bool) -> Result<(), sqlx::Error> {
        if page.limit == 0 {
            return Ok(());
        }
        let mut rows = self.readers.acquire().await?;
        let filter = Filter::of(wanted);
        match filter.mention {
            Some(subject) => mentioned(&mut rows, subject, &filter, page, take).await,
            None => through_spans(&mut rows, &filter, page, take).await,
        }
    }
}

/// Reads span after span. Those of other times are left out by SQLite.
async fn through_spans(
    rows: &mut SqliteConnection,
    filter: &Filter,
    page: Page,
    mut take: impl FnMut(&Record) -> bool,
) -> Result<(), sqlx::Error> {
    let sql = match page.newest_first {
        true => {
            "select first, records from history_span where first < ? and max_at >= ? and min_at < ? \
             order by first desc limit ?"
        }
        false => {
            "select first, records from history_span where first >= ? and max_at >= ? and min_at < ? \
             order by first limit ?"
        }
    };
    let mut next = match (page.newest_first, page.after) {
        (true, after) => after.map_or(i64::MAX, |after| signed(after.0)),
        (false, None) => 0,
        // The span that it is in begins at or before it.
        (false, Some(after)) => {
            let row = sqlx::query("select max(first) from history_span where first <= ?").bind(signed(after.0));
            row.fetch_one(&mut *rows).await?.try_get::<Option<i64>, _>(0)?.unwrap_or(0)
        }
    };
    loop {
        let spans = sqlx::query(sql).bind(next).bind(filter.from).bind(filter.until).bind(ROWS_AT_ONCE);
        let spans = spans.fetch_all(&mut *rows).await?;
        let Some(last) = spans.last() else { return Ok(()) };
        let first: i64 = last.try_get("first")?;
        next = if page.newest_first { first } else { first + 1 };
        for row in &spans {
            let span = Span::from_row(row)?;
            let mut fitting =
                |record: Record| !(beyond(page, record.position) && filter.fits(&record)) || take(&record);
            let goes_on = match page.newest_first {
                true => span.records().rev().all(&mut fitting),
                false => span.records().all(&mut fitting),
            };
            if !goes_on {
                return Ok(());
            }
        }
    }
}

/// Reads the rows of one subject, and the record of each position in them.
async fn mentioned(
    rows: &mut SqliteConnection,
    subject: i64,
    filter: &Filter,
    page: Page,
    mut take: impl FnMut(&Record) -> bool,
) -> Result<(), sqlx::Error> {
    let sql = match page.newest_first {
        true => {
            "select block, offsets from history_mention where subject = ? and block <= ? order by block desc limit ?"
        }
        false => "select block, offsets from history_mention where subject = ? and block >= ? order by block limit ?",
    };
    let mut next = match (page.newest_first, page.after) {
        (true, after) => after.map_or(i64::MAX, |after| signed(block(after))),
        (false, after) => after.map_or(0, |after| signed(block(after))),
    };
    let mut span = Span::default();
    loop {
        let lists = sqlx::query(sql).bind(subject).bind(next).bind(ROWS_AT_ONCE).fetch_all(&mut *rows).await?;
        for row in &lists {
            let block: i64 = row.try_get("block")?;
            next = if page.newest_first { block - 1 } else { block + 1 };
            let mut found: Vec<_> = positions(unsigned(block), row.try_get("offsets")?).collect();
            if page.newest_first {
                found.reverse();
            }
            for at in found.into_iter().filter(|at| beyond(page, *at)) {
                let record = match span.get(at) {
                    Some(record) => Some(record),
                    None => {
                        span = Span::around(&mut *rows, at).await?.unwrap_or_default();
                        span.get(at)
                    }
                };
                if record.is_some_and(|record| filter.fits(&record) && !take(&record)) {
                    return Ok(());
                }
            }
        }
        if lists.len() < ROWS_AT_ONCE as usize {
            return Ok(());
        }
    }
}

fn beyond(page: Page, at: Position) -> bool {
    page.after.is_none_or(|after| if page.newest_first { at < after } else { at > after })
}
