//! Finds and reads events.

use async_graphql::SimpleObject;
use domain::{
    event::{self, subjects},
    ids::EventId,
    recorded::{Actor, Position, RawEvent, Recorded, Revision, StreamId},
};
use event_log::event_store::{Filter, ReadError};
use projections::audit_index::{Page, Wanted};
use serde::Serialize;

use super::{AuditError, Auditor, Entry, Question, Who, who};

/// The maximum number of events on a page.
pub const FIRST_MAX: u32 = 1_000;

/// A page of matching events.
#[derive(Debug, Clone, Serialize, SimpleObject)]
#[graphql(name = "AuditEventPage")]
pub struct EventPage {
    /// The events, in the requested order.
    pub events: Vec<Entry>,
    /// The cursor of the next page. `None` on the last page.
    pub next: Option<u64>,
}

impl Auditor {
    /// Parses the filters of a question.
    ///
    /// # Errors
    /// `Invalid` with the invalid filter and its expected form; `Unknown` if there never was such an operator or organisation; or the
    /// read models cannot be read.
    pub async fn wanted(&self, question: &Question) -> Result<Wanted, AuditError> {
        if let Some(organisation) = question.organisation()?
            && self.dashboard.organisation(&organisation).await?.is_none()
        {
            return Err(AuditError::Unknown(format!("organisation {organisation}")));
        }
        let actors = match question.actor.as_deref().map(who).transpose()? {
            None => Vec::new(),
            Some(Who::Actor(actor)) => vec![actor],
            Some(Who::Person(person)) => {
                let tokens = self.credentials.tokens_of(person).await?;
                if tokens.is_empty() {
                    return Err(AuditError::Unknown(format!("operator with the id {person}")));
                }
                tokens.into_iter().map(|token| Actor::Operator { token }).collect()
            }
        };
        Ok(question.wanted(actors)?)
    }

    /// A page of matching events; at most [`FIRST_MAX`].
    ///
    /// # Errors
    /// The log or the read models cannot be read.
    pub async fn page(&self, wanted: &Wanted, page: Page) -> Result<EventPage, AuditError> {
        let limit = page.limit.min(FIRST_MAX as usize);
        let mut positions = self.audit_index.positions(wanted, Page { limit: limit + 1, ..page }).await?;
        let has_more = positions.len() > limit;
        positions.truncate(limit);
        let next = positions.last().filter(|_| has_more).map(|last| last.0);
        let found = self.read(&positions).await?;
        Ok(EventPage { events: self.entries(found.iter().filter(|event| speaks_of(event, wanted))).await?, next })
    }

    /// The first matching events as recorded, oldest first.
    pub(super) async fn first(&self, wanted: &Wanted, limit: usize) -> Result<Vec<Recorded<RawEvent>>, AuditError> {
        self.some(wanted, Page { after: None, newest_first: false, limit }).await
    }

    pub(super) async fn some(&self, wanted: &Wanted, page: Page) -> Result<Vec<Recorded<RawEvent>>, AuditError> {
        let positions = self.audit_index.positions(wanted, page).await?;
        let mut found = self.read(&positions).await?;
        found.retain(|event| speaks_of(event, wanted));
        Ok(found)
    }

    /// The events at `positions`, in this order. Adjacent events are read together.
    pub(super) async fn read(&self, positions: &[Position]) -> Result<Vec<Recorded<RawEvent>>, ReadError> {
        let mut ascending = positions.to_vec();
        ascending.sort_unstable();
        let mut found = Vec::with_capacity(positions.len());
        for run in ascending.chunk_by(|one, next| one.0 + 1 == next.0) {
            let [first, ..] = run else { continue };
            let (mut after, mut missing) = (Position(first.0.saturating_sub(1)), run.len());
            while missing > 0 {
                let limit = u32::try_from(missing).unwrap_or(u32::MAX);
                let page = self.log.read_all(after, &Filter::all(), limit).await?;
                if page.events.is_empty() {
                    break;
                }
                missing -= page.events.len().min(missing);
                after = page.next;
                found.extend(page.events);
            }
        }
        if positions.first() > positions.last() {
            found.reverse();
        }
        Ok(found)
    }

    /// The event with this id. `None` if it does not exist or is not projected yet.
    ///
    /// # Errors
    /// The log or the read models cannot be read.
    pub async fn event(&self, id: EventId) -> Result<Option<Recorded<RawEvent>>, AuditError> {
        let Some(position) = self.transparency.position(id).await? else { return Ok(None) };
        Ok(self.read(&[position]).await?.into_iter().find(|event| event.event_id == id))
    }

    /// Reads a stream page by page, until `take` returns false.
    pub(super) async fn each_of(
        &self,
        stream: &StreamId,
        mut after: Revision,
        mut take: impl FnMut(Recorded<RawEvent>) -> bool,
    ) -> Result<(), ReadError> {
        loop {
            let events = self.log.read_stream(stream, after, event_log::event_store::PAGE_EVENTS_MAX).await?;
            let Some(last) = events.last() else { return Ok(()) };
            after = last.revision;
            if !events.into_iter().all(&mut take) {
                return Ok(());
            }
        }
    }
}

/// The history compares numbers made of texts; here the texts themselves are compared.
fn speaks_of(recorded: &Recorded<RawEvent>, wanted: &Wanted) -> bool {
    let is_about = |subject| {
        let event = event::decode(&recorded.event).ok();
        subjects(&recorded.stream, event.as_ref()).contains(subject)
    };
    (wanted.actors.is_empty() || wanted.actors.contains(&recorded.metadata.actor))
        && wanted.caused_by.is_none_or(|cause| recorded.metadata.causation == Some(cause))
        && (wanted.names.is_empty() || wanted.names.contains(&recorded.event.name))
        && wanted.subject.as_ref().is_none_or(is_about)
}
