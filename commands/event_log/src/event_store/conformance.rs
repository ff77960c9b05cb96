//! What every event store must do: contract tests that each adapter runs against itself.
//!
//! An adapter's test module calls [`event_store_conformance!`](crate::event_store_conformance) with a [`Backend`]; each
//! case becomes one test. A case starts from an empty log and gets it from [`Backend::start`].

mod appending;
mod concurrency;
mod faults;
mod reading;

use std::{sync::Arc, time::Duration};

use chrono::DateTime;
use domain::{
    ids::{CommandId, EventId},
    recorded::{Actor, Metadata, Position, RawEvent, Recorded, Revision, StreamId},
};
use futures::future::BoxFuture;
use uuid::Uuid;

use super::{EventStore, Filter, NewEvent};

pub use appending::*;
pub use concurrency::*;
pub use faults::*;
pub use reading::*;

/// A test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A fault between a caller and the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The next append is recorded, and its answer is lost on the way.
    LostAcknowledgement,
    /// The node that callers talk to dies, or is cut off from the log, in the middle of whatever it does.
    DeadNode,
    /// The store ends as in a power cut, in the middle of whatever it does, and starts again.
    Restart,
    /// From now on some commits take their time between being written and being seen.
    SlowCommits,
}

/// A separate log that can be stopped and started.
pub trait Backend: Send {
    /// Starts the store; if it runs already, stops it before, as a restart of the server would.
    fn start(&mut self) -> BoxFuture<'_, Arc<dyn EventStore>>;

    /// Another node that writes to the same log, beside the one that was started; none if a log has only one writer.
    fn another_node(&mut self) -> BoxFuture<'_, Option<Arc<dyn EventStore>>> {
        Box::pin(async { None })
    }

    /// Makes `fault` happen. Returns the store to continue with, the same or another one; with none if this backend
    /// cannot fail like that.
    fn inject(&mut self, fault: Fault) -> BoxFuture<'_, Option<Arc<dyn EventStore>>> {
        let _none = fault;
        Box::pin(async { None })
    }
}

/// Makes one test of each case of the suite, against the backend that the expression gives.
#[macro_export]
macro_rules! event_store_conformance {
    ($backend:expr) => {
        $crate::event_store_conformance! { @cases $backend;
            an_append_answers_where_its_events_are
            an_append_to_a_moved_stream_conflicts
            a_stream_that_must_be_new_must_not_exist
            any_revision_appends_at_the_end
            the_same_ids_again_get_the_first_answer
            a_repetition_may_be_made_later_than_the_first_try
            an_id_cannot_name_two_events
            an_id_cannot_appear_twice_in_one_append
            an_empty_append_is_refused
            an_append_of_the_most_events_fits_and_one_more_does_not
            an_append_of_the_most_bytes_fits_and_one_more_does_not
            a_refused_append_leaves_nothing_behind
            what_is_read_is_what_was_appended
            a_sealed_origin_is_kept_and_none_is_made_up
            a_stream_is_read_in_pages
            the_log_is_read_in_pages
            a_filtered_page_moves_past_what_it_held_back
            a_filter_selects_by_kind_and_by_name
            the_end_of_the_log_is_known
            a_restart_keeps_everything
            a_tailing_reader_sees_every_event_once_and_in_order
            of_many_appends_after_the_same_revision_one_wins
            a_conflict_does_not_harm_its_neighbours
            an_append_repeated_at_the_same_time_is_recorded_once
            an_abandoned_append_can_be_repeated
            a_hint_wakes_a_waiter
            a_follower_waits_for_the_next_event
            a_lost_acknowledgement_loses_and_doubles_nothing
            a_dead_node_loses_and_doubles_nothing
            a_restart_of_the_store_under_load_loses_and_doubles_nothing
            a_tailing_reader_beside_a_delayed_writer_loses_nothing
        }
    };
    (@cases $backend:expr; $($case:ident)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            $crate::event_store::conformance::$case(&mut $backend).await;
        }
    )+};
}

/// A new stream.
pub fn stream(kind: &str) -> StreamId {
    StreamId::new(kind.parse().expect("a kind of stream"), Uuid::now_v7())
}

/// An event with a new id.
pub fn event(name: &str) -> NewEvent {
    NewEvent {
        event_id: EventId(Uuid::now_v7()),
        event: RawEvent {
            name: name.to_owned(),
            schema_version: 1,
            payload: r#"{"tag":"v1.2.3","note":"ümlaut \"quoted\" \u0000"}"#.to_owned(),
        },
        metadata: Metadata {
            recorded_at: DateTime::from_timestamp_micros(1_795_000_000_123_456).expect("a time of this century"),
            actor: Actor::Worker { name: "conformance".to_owned() },
            command_id: CommandId(Uuid::now_v7()),
            causation: None,
            origin: None,
        },
    }
}

pub fn events(count: usize) -> Vec<NewEvent> {
    (0..count).map(|_| event("release.received")).collect()
}

/// Everything in the log after `after`, in small pages.
pub async fn everything(store: &dyn EventStore, after: Position, filter: &Filter) -> Vec<Recorded<RawEvent>> {
    let mut events = Vec::new();
    let mut after = after;
    loop {
        let page = store.read_all(after, filter, 7).await.expect("the log can be read");
        assert!(page.events.iter().all(|event| event.position > after && event.position <= page.next));
        assert!(page.next >= after && page.next <= page.head);
        assert!(page.events.len() <= 7);
        events.extend(page.events);
        if page.next == page.head {
            return events;
        }
        assert!(page.next > after, "a page before the end of the log moves on");
        after = page.next;
    }
}

/// All of a stream, in small pages.
async fn whole(store: &dyn EventStore, stream: &StreamId) -> Vec<Recorded<RawEvent>> {
    let mut events: Vec<Recorded<RawEvent>> = Vec::new();
    loop {
        let after = events.last().map_or(Revision(0), |event| event.revision);
        let page = store.read_stream(stream, after, 7).await.expect("the stream can be read");
        if page.is_empty() {
            return events;
        }
        events.extend(page);
    }
}

pub fn ids(events: &[Recorded<RawEvent>]) -> Vec<EventId> {
    events.iter().map(|event| event.event_id).collect()
}
