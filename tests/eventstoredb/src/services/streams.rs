//! Reading, appending and deleting.

use std::sync::atomic::Ordering;

use futures::{StreamExt as _, stream::BoxStream};
use tonic::{Request, Response, Status, Streaming};

use super::batch;
use crate::{
    append::{Outcome, proposed},
    log::{Expected, Refusal},
    node::Service,
    proto::{
        shared,
        streams::{
            AppendReq, AppendResp, BatchAppendReq, BatchAppendResp, DeleteReq, DeleteResp, ReadReq, ReadResp,
            TombstoneReq, TombstoneResp, append_req, append_resp, delete_req, delete_resp, streams_server::Streams,
            tombstone_req, tombstone_resp,
        },
    },
    read, refusal,
};

#[tonic::async_trait]
impl Streams for Service {
    type ReadStream = BoxStream<'static, Result<ReadResp, Status>>;
    type BatchAppendStream = BoxStream<'static, Result<BatchAppendResp, Status>>;

    async fn read(&self, request: Request<ReadReq>) -> Result<Response<Self::ReadStream>, Status> {
        self.check_leader(&request)?;
        self.shared.reads.fetch_add(1, Ordering::Relaxed);
        let log = self.shared.log.lock().await;
        let answers = read::read(&log, request.into_inner())?;
        drop(log);
        Ok(Response::new(futures::stream::iter(answers.into_iter().map(Ok)).boxed()))
    }

    async fn append(&self, request: Request<Streaming<AppendReq>>) -> Result<Response<AppendResp>, Status> {
        self.check_leader(&request)?;
        let mut parts = request.into_inner();
        let (mut options, mut events) = (None, Vec::new());
        while let Some(part) = parts.message().await? {
            match part.content {
                Some(append_req::Content::Options(given)) => options = Some(given),
                Some(append_req::Content::ProposedMessage(event)) => {
                    events.push(proposed(event.id, event.metadata, event.custom_metadata, event.data)?);
                }
                None => {}
            }
        }
        let options = options.ok_or_else(|| Status::invalid_argument("an append begins with its options"))?;
        let stream = read::stream_name(&options.stream_identifier.unwrap_or_default())?;
        let expected = expected_by_append(options.expected_stream_revision);
        let result = match Service::append(self, &stream, expected, &events).await {
            Outcome::Written(written) => append_resp::Result::Success(append_resp::Success {
                current_revision_option: Some(append_resp::success::CurrentRevisionOption::CurrentRevision(
                    written.revision,
                )),
                position_option: Some(append_resp::success::PositionOption::Position(append_resp::Position {
                    commit_position: written.position,
                    prepare_position: written.position,
                })),
            }),
            Outcome::Refused(Refusal::WrongExpectedVersion { current }) => {
                append_resp::Result::WrongExpectedVersion(wrong_expected_version(current, expected))
            }
            Outcome::Refused(refused) => return Err(refusal::status(&stream, expected, refused)),
            Outcome::Failed(status) => return Err(status),
        };
        Ok(Response::new(AppendResp { result: Some(result) }))
    }

    async fn delete(&self, request: Request<DeleteReq>) -> Result<Response<DeleteResp>, Status> {
        use delete_req::options::ExpectedStreamRevision as Wire;
        self.check_leader(&request)?;
        let options = request.into_inner().options.unwrap_or_default();
        let stream = read::stream_name(&options.stream_identifier.unwrap_or_default())?;
        let expected = match options.expected_stream_revision {
            Some(Wire::Revision(revision)) => Expected::Revision(revision),
            Some(Wire::NoStream(_)) => Expected::NoStream,
            Some(Wire::StreamExists(_)) => Expected::StreamExists,
            Some(Wire::Any(_)) | None => Expected::Any,
        };
        let deleted = self.shared.log.lock().await.delete(&stream, expected);
        let position = deleted.map_err(|refused| refusal::status(&stream, expected, refused))?;
        let position = delete_resp::Position { commit_position: position, prepare_position: position };
        Ok(Response::new(DeleteResp { position_option: Some(delete_resp::PositionOption::Position(position)) }))
    }

    async fn tombstone(&self, request: Request<TombstoneReq>) -> Result<Response<TombstoneResp>, Status> {
        use tombstone_req::options::ExpectedStreamRevision as Wire;
        self.check_leader(&request)?;
        let options = request.into_inner().options.unwrap_or_default();
        let stream = read::stream_name(&options.stream_identifier.unwrap_or_default())?;
        let expected = match options.expected_stream_revision {
            Some(Wire::Revision(revision)) => Expected::Revision(revision),
            Some(Wire::NoStream(_)) => Expected::NoStream,
            Some(Wire::StreamExists(_)) => Expected::StreamExists,
            Some(Wire::Any(_)) | None => Expected::Any,
        };
        let ended = self.shared.log.lock().await.tombstone(&stream, expected);
        let position = ended.map_err(|refused| refusal::status(&stream, expected, refused))?;
        let position = tombstone_resp::Position { commit_position: position, prepare_position: position };
        Ok(Response::new(TombstoneResp { position_option: Some(tombstone_resp::PositionOption::Position(position)) }))
    }

    async fn batch_append(
        &self,
        request: Request<Streaming<BatchAppendReq>>,
    ) -> Result<Response<Self::BatchAppendStream>, Status> {
        self.check_leader(&request)?;
        Ok(Response::new(batch::answers(self.clone(), request.into_inner())))
    }
}

fn expected_by_append(wire: Option<append_req::options::ExpectedStreamRevision>) -> Expected {
    use append_req::options::ExpectedStreamRevision as Wire;
    match wire {
        Some(Wire::Revision(revision)) => Expected::Revision(revision),
        Some(Wire::NoStream(_)) => Expected::NoStream,
        Some(Wire::StreamExists(_)) => Expected::StreamExists,
        Some(Wire::Any(_)) | None => Expected::Any,
    }
}

fn wrong_expected_version(current: Option<u64>, expected: Expected) -> append_resp::WrongExpectedVersion {
    use append_resp::wrong_expected_version as wire;
    let empty = || shared::Empty {};
    append_resp::WrongExpectedVersion {
        current_revision_option: Some(current.map_or_else(
            || wire::CurrentRevisionOption::CurrentNoStream(empty()),
            wire::CurrentRevisionOption::CurrentRevision,
        )),
        expected_revision_option: Some(match expected {
            Expected::Any => wire::ExpectedRevisionOption::ExpectedAny(empty()),
            Expected::NoStream => wire::ExpectedRevisionOption::ExpectedNoStream(empty()),
            Expected::StreamExists => wire::ExpectedRevisionOption::ExpectedStreamExists(empty()),
            Expected::Revision(revision) => wire::ExpectedRevisionOption::ExpectedRevision(revision),
        }),
        // For clients of 2020.
        current_revision_option_20_6_0: None,
        expected_revision_option_20_6_0: None,
    }
}
