//! One attempt to record an append: a request and its answer on the open call that all appends share.

use domain::recorded::{Position, StreamId};
use event_log::event_store::{BoxError, EncodedEvent};
use eventstore::{Error, ExpectedRevision};
use tokio::time::timeout;

use super::{
    event::{NO_POSITION, data},
    link::{Broken, words},
    store::Inner,
};

/// What the client says when the open call has ended because of another append.
const CALL_ENDED: &str = "Batch-append stream has been closed";

/// What the server made of it.
pub(super) enum Sent {
    /// Recorded, now or before; with the last event's position, if the server gives one.
    Recorded(Option<Position>),
    /// The stream has another revision.
    Conflict,
    TooLarge,
    /// Certainly not recorded.
    Refused(BoxError),
    /// Perhaps recorded.
    Lost(BoxError),
}

impl Inner {
    /// Asks the server to record `events` after so many events of `stream`.
    pub(super) async fn send(&self, stream: &StreamId, after: u64, events: &[EncodedEvent]) -> Sent {
        let connection = match self.link.connection().await {
            Ok(connection) => connection,
            Err(unreachable) => return Sent::Refused(unreachable.into()),
        };
        let expected = after.checked_sub(1).map_or(ExpectedRevision::NoStream, ExpectedRevision::Exact);
        let events = events.iter().map(data).collect();
        let answer = connection.appends.append_to_stream(stream.as_str(), expected, events);
        let (sent, broken) = match timeout(self.limit, answer).await {
            Ok(Ok(written)) => {
                let position = written.current_position().filter(|position| position.commit != NO_POSITION);
                return Sent::Recorded(position.map(|position| Position(position.commit)));
            }
            Ok(Err(error)) => meaning(&error),
            // The client waits for ever when the open call has ended without an error.
            Err(_) => (Sent::Lost(format!("no answer within {:?}", self.limit).into()), Broken::Client),
        };
        // The client ends the open call after whatever was refused: appends that wait for an answer send again.
        self.link.discard(&connection, broken).await;
        sent
    }
}

/// The result of the append, and the state of the connection.
fn meaning(error: &Error) -> (Sent, Broken) {
    match error {
        // The refusals of one append reach us as a message without its details.
        Error::Grpc { message, .. } => {
            let sent = match message.as_str() {
                "WrongExpectedVersion" => Sent::Conflict,
                "MaximumAppendSizeExceeded" => Sent::TooLarge,
                "StreamDeleted" => {
                    Sent::Refused("the event stream was deleted in EventStoreDB, which pkgdeploy never does".into())
                }
                "AccessDenied" => {
                    Sent::Refused("the EventStoreDB user is not allowed to write to the event stream".into())
                }
                _ => Sent::Lost(words(error).into()),
            };
            (sent, Broken::Appends)
        }
        Error::ServerError(status) if status.contains(CALL_ENDED) => {
            (Sent::Lost("another append's refusal ended the call".into()), Broken::Appends)
        }
        Error::AccessDenied => {
            (Sent::Refused("the EventStoreDB user is not allowed to write to the event stream".into()), Broken::Client)
        }
        error => (Sent::Lost(words(error).into()), Broken::Client),
    }
}
