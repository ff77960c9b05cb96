//! Many appends in one call: each is answered by itself, in the order in which they came.

use std::collections::HashMap;

use futures::{StreamExt as _, stream, stream::BoxStream};
use tonic::{Status, Streaming};
use uuid::Uuid;

use crate::{
    append::{Outcome, proposed, uuid_of},
    log::{Expected, Proposed},
    node::Service,
    proto::{
        shared,
        streams::{
            BatchAppendReq, BatchAppendResp,
            batch_append_req::{Options, options::ExpectedStreamPosition},
            batch_append_resp::{
                self, Success,
                success::{CurrentRevisionOption, PositionOption},
            },
        },
    },
    read, refusal,
};

/// Appends that are still on their way: an append may come in parts.
type Parts = HashMap<Uuid, (Options, Vec<Proposed>)>;

/// The answers to `requests`. The first failure of the whole call ends it.
pub(super) fn answers(
    service: Service,
    requests: Streaming<BatchAppendReq>,
) -> BoxStream<'static, Result<BatchAppendResp, Status>> {
    let state = Some((service, requests, Parts::new()));
    stream::unfold(state, |state| async move {
        let (service, mut requests, mut parts) = state?;
        match next(&service, &mut requests, &mut parts).await {
            Ok(answer) => answer.map(|answer| (Ok(answer), Some((service, requests, parts)))),
            Err(status) => Some((Err(status), None)),
        }
    })
    .boxed()
}

async fn next(
    service: &Service,
    requests: &mut Streaming<BatchAppendReq>,
    parts: &mut Parts,
) -> Result<Option<BatchAppendResp>, Status> {
    while let Some(request) = requests.message().await? {
        let correlation = uuid_of(request.correlation_id.clone())?;
        if let Some(options) = request.options {
            parts.insert(correlation, (options, Vec::new()));
        }
        let (_, events) = parts.get_mut(&correlation).ok_or_else(|| Status::invalid_argument("no options"))?;
        for event in request.proposed_messages {
            events.push(proposed(event.id, event.metadata, event.custom_metadata, event.data)?);
        }
        if request.is_final {
            let (options, events) = parts.remove(&correlation).expect("it was just there");
            return answer(service, request.correlation_id, options, &events).await.map(Some);
        }
    }
    Ok(None)
}

async fn answer(
    service: &Service,
    correlation_id: Option<shared::Uuid>,
    options: Options,
    events: &[Proposed],
) -> Result<BatchAppendResp, Status> {
    use batch_append_resp::ExpectedStreamPosition as Answered;
    let identifier = options.stream_identifier.unwrap_or_default();
    let stream = read::stream_name(&identifier)?;
    let (expected, answered) = match options.expected_stream_position {
        Some(ExpectedStreamPosition::StreamPosition(revision)) => {
            (Expected::Revision(revision), Answered::StreamPosition(revision))
        }
        Some(ExpectedStreamPosition::NoStream(())) => (Expected::NoStream, Answered::NoStream(())),
        Some(ExpectedStreamPosition::StreamExists(())) => (Expected::StreamExists, Answered::StreamExists(())),
        Some(ExpectedStreamPosition::Any(())) | None => (Expected::Any, Answered::Any(())),
    };
    let result = match service.append(&stream, expected, events).await {
        Outcome::Written(written) => batch_append_resp::Result::Success(Success {
            current_revision_option: Some(CurrentRevisionOption::CurrentRevision(written.revision)),
            position_option: Some(PositionOption::Position(shared::AllStreamPosition {
                commit_position: written.position,
                prepare_position: written.position,
            })),
        }),
        Outcome::Refused(refused) => batch_append_resp::Result::Error(refusal::in_batch(&stream, expected, refused)),
        Outcome::Failed(status) => return Err(status),
    };
    Ok(BatchAppendResp {
        correlation_id,
        result: Some(result),
        stream_identifier: Some(identifier),
        expected_stream_position: Some(answered),
    })
}
