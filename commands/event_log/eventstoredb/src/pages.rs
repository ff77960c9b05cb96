//! Raw pages of the server, asked for again when a connection broke: reading may be repeated.

use std::time::Duration;

use domain::recorded::StreamId;
use event_log::event_store::{BoxError, PAGE_BYTES_MAX, ReadError};
use eventstore::{Position as Place, ReadAllOptions, ReadStreamOptions, RecordedEvent, StreamPosition};
use tokio::time::timeout;

use super::link::{Broken, Connection, Link, words};

/// How often a page is asked for before the reader gets the error.
const ATTEMPTS: usize = 3;

/// What to read.
#[derive(Debug, Clone, Copy)]
pub(super) enum From<'s> {
    /// Everything, from its beginning.
    Beginning,
    /// Everything, from the event at that position, which is included.
    Position(u64),
    /// Everything, backwards from the end.
    End,
    /// Everything, backwards from the event at that position, which is not included.
    Before(u64),
    /// A stream, from so many events after its beginning.
    Stream(&'s StreamId, u64),
}

/// A page as the server has it.
pub(super) struct RawPage {
    pub(super) events: Vec<RecordedEvent>,
    /// There was nothing more.
    pub(super) is_end: bool,
}

/// Reads up to `count` events, or so many that they fill a page's bytes.
pub(super) async fn read(link: &Link, from: From<'_>, count: usize, limit: Duration) -> Result<RawPage, ReadError> {
    let mut failure: BoxError = "it was not tried".into();
    for _ in 0..ATTEMPTS {
        let connection = link.connection().await.map_err(unavailable)?;
        failure = match timeout(limit, read_once(&connection, from, count)).await {
            Ok(Ok(page)) => return Ok(page),
            // No stream of that name is a stream without events.
            Ok(Err(eventstore::Error::ResourceNotFound)) => return Ok(RawPage { events: Vec::new(), is_end: true }),
            Ok(Err(eventstore::Error::ResourceDeleted)) => {
                return Err(unavailable("the event stream was deleted in EventStoreDB, which pkgdeploy never does"));
            }
            Ok(Err(eventstore::Error::AccessDenied)) => {
                return Err(unavailable("the EventStoreDB user is not allowed to read the event stream"));
            }
            Ok(Err(error)) => words(&error).into(),
            Err(_) => format!("no answer within {limit:?}").into(),
        };
        link.discard(&connection, Broken::Client).await;
    }
    Err(unavailable(failure))
}

async fn read_once(connection: &Connection, from: From<'_>, count: usize) -> eventstore::Result<RawPage> {
    let all = ReadAllOptions::default().max_count(count);
    let place = |commit| StreamPosition::Position(Place { commit, prepare: commit });
    let client = &connection.client;
    let mut answers = match from {
        From::Beginning => client.read_all(&all.position(StreamPosition::Start)).await?,
        From::Position(commit) => client.read_all(&all.position(place(commit))).await?,
        From::End => client.read_all(&all.position(StreamPosition::End)).await?,
        From::Before(commit) => client.read_all(&all.position(place(commit)).backwards()).await?,
        From::Stream(stream, revision) => {
            let options = ReadStreamOptions::default().max_count(count).position(StreamPosition::Position(revision));
            client.read_stream(stream.as_str(), &options).await?
        }
    };
    let mut events = Vec::new();
    let mut bytes = 0;
    while let Some(answer) = answers.next().await? {
        let Some(event) = answer.event else { continue };
        bytes += event.data.len();
        events.push(event);
        if bytes >= PAGE_BYTES_MAX {
            return Ok(RawPage { events, is_end: false });
        }
    }
    let is_end = events.len() < count;
    Ok(RawPage { events, is_end })
}

fn unavailable(source: impl Into<BoxError>) -> ReadError {
    ReadError::Unavailable { source: source.into() }
}
