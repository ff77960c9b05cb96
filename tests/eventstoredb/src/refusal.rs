//! Refusals in the server's words: what a call ends with, and what a batch of appends answers.

use std::net::SocketAddr;

use prost_types::Any;
use tonic::{Code, Status, metadata::MetadataMap};

use crate::{
    log::{Expected, Refusal},
    proto::{google::rpc, shared},
};

/// What a call ends with.
pub(crate) fn status(stream: &str, expected: Expected, refusal: Refusal) -> Status {
    match refusal {
        Refusal::Deleted => exception(
            Code::FailedPrecondition,
            &format!("Event stream '{stream}' is deleted."),
            &[("exception", "stream-deleted"), ("stream-name", stream)],
        ),
        Refusal::TooLarge { most_bytes } => exception(
            Code::InvalidArgument,
            &format!("Maximum Append Size of {most_bytes} Exceeded."),
            &[("exception", "maximum-append-size-exceeded"), ("maximum-append-size", &most_bytes.to_string())],
        ),
        Refusal::WrongExpectedVersion { current } => {
            let expected = match expected {
                Expected::NoStream => "-1".to_owned(),
                Expected::Any => "-2".to_owned(),
                Expected::StreamExists => "-4".to_owned(),
                Expected::Revision(revision) => revision.to_string(),
            };
            let actual = current.map_or_else(|| "-1".to_owned(), |revision| revision.to_string());
            exception(
                Code::FailedPrecondition,
                &format!(
                    "Append failed due to WrongExpectedVersion. Stream: {stream}, Expected version: {expected}, \
                     Actual version: {actual}"
                ),
                &[
                    ("exception", "wrong-expected-version"),
                    ("stream-name", stream),
                    ("expected-version", &expected),
                    ("actual-version", &actual),
                ],
            )
        }
    }
}

/// What a follower answers to a call that wants the leader.
pub(crate) fn not_leader(leader: SocketAddr) -> Status {
    exception(
        Code::NotFound,
        "Leader info available",
        &[
            ("exception", "not-leader"),
            ("leader-endpoint-host", &leader.ip().to_string()),
            ("leader-endpoint-port", &leader.port().to_string()),
        ],
    )
}

fn exception(code: Code, message: &str, details: &[(&'static str, &str)]) -> Status {
    let mut metadata = MetadataMap::new();
    for (key, value) in details {
        metadata.insert(*key, value.parse().expect("tests use plain names"));
    }
    Status::with_metadata(code, message, metadata)
}

/// What a batch of appends answers to one of them.
pub(crate) fn in_batch(stream: &str, expected: Expected, refusal: Refusal) -> rpc::Status {
    match refusal {
        Refusal::WrongExpectedVersion { current } => {
            let details = shared::WrongExpectedVersion {
                current_stream_revision_option: Some(current_revision(current)),
                expected_stream_position_option: Some(expected_position(expected)),
            };
            answer(rpc::Code::AlreadyExists, "WrongExpectedVersion", &details)
        }
        Refusal::Deleted => {
            let details = shared::StreamDeleted { stream_identifier: Some(identifier(stream)) };
            answer(rpc::Code::NotFound, "StreamDeleted", &details)
        }
        Refusal::TooLarge { most_bytes } => {
            let max_append_size = u32::try_from(most_bytes).unwrap_or(u32::MAX);
            let details = shared::MaximumAppendSizeExceeded { max_append_size };
            answer(rpc::Code::InvalidArgument, "MaximumAppendSizeExceeded", &details)
        }
    }
}

fn answer<D: prost::Message>(code: rpc::Code, message: &str, details: &D) -> rpc::Status {
    let type_url = format!("type.googleapis.com/event_store.client.{message}");
    let details = Any { type_url, value: details.encode_to_vec() };
    rpc::Status { code: code.into(), message: message.to_owned(), details: Some(details) }
}

fn current_revision(current: Option<u64>) -> shared::wrong_expected_version::CurrentStreamRevisionOption {
    use shared::wrong_expected_version::CurrentStreamRevisionOption as Current;
    current.map_or(Current::CurrentNoStream(()), Current::CurrentStreamRevision)
}

fn expected_position(expected: Expected) -> shared::wrong_expected_version::ExpectedStreamPositionOption {
    use shared::wrong_expected_version::ExpectedStreamPositionOption as Position;
    match expected {
        Expected::Any => Position::ExpectedAny(()),
        Expected::NoStream => Position::ExpectedNoStream(()),
        Expected::StreamExists => Position::ExpectedStreamExists(()),
        Expected::Revision(revision) => Position::ExpectedStreamPosition(revision),
    }
}

pub(crate) fn identifier(stream: &str) -> shared::StreamIdentifier {
    shared::StreamIdentifier { stream_name: stream.as_bytes().to_vec().into() }
}
