//! Which events a read answers with, and how they look on the wire.

use std::collections::HashMap;

use tonic::Status;

use crate::{
    log::{Expected, Log, Record},
    proto::{
        shared::{self, Uuid as WireUuid, uuid},
        streams::{
            ReadReq, ReadResp,
            read_req::{
                Options,
                options::{
                    AllOptions, CountOption, FilterOption, ReadDirection, StreamOption, StreamOptions,
                    all_options::AllOption, stream_options::RevisionOption, uuid_option,
                },
            },
            read_resp::{Content, ReadEvent, StreamNotFound, read_event},
        },
    },
    refusal,
};

/// Answers to a read, in their order.
pub(crate) fn read(log: &Log, request: ReadReq) -> Result<Vec<ReadResp>, Status> {
    let options = request.options.ok_or_else(|| Status::invalid_argument("a read has options"))?;
    if matches!(options.filter_option, Some(FilterOption::Filter(_))) {
        return Err(Status::unimplemented("the double cannot filter"));
    }
    let Some(CountOption::Count(count)) = options.count_option else {
        return Err(Status::unimplemented("the double knows no subscriptions"));
    };
    let is_backwards = options.read_direction() == ReadDirection::Backwards;
    let ids = id_form(&options);
    let records = match options.stream_option {
        Some(StreamOption::All(all)) => of_all(log, all, is_backwards)?,
        Some(StreamOption::Stream(stream)) => match of_stream(log, stream, is_backwards)? {
            Ok(records) => records,
            Err(not_found) => return Ok(vec![answer(Content::StreamNotFound(not_found))]),
        },
        None => return Err(Status::invalid_argument("a read is of a stream or of all")),
    };
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let events = records.take(count).map(|record| answer(Content::Event(event(record, ids))));
    Ok(events.collect())
}

/// Events in the order in which they are read.
type Records<'l> = Box<dyn Iterator<Item = &'l Record> + 'l>;

fn of_all(log: &Log, options: AllOptions, is_backwards: bool) -> Result<Records<'_>, Status> {
    let all = log.all();
    let begin = match options.all_option {
        Some(AllOption::Start(_)) | None => 0,
        Some(AllOption::End(_)) => all.len(),
        // Where no record begins, there is nothing to read.
        Some(AllOption::Position(position)) => all
            .binary_search_by_key(&position.commit_position, |record| record.position)
            .map_err(|_| Status::unknown("Unexpected ReadAllResult: InvalidPosition"))?,
    };
    // What is read forwards includes the event at the position, what is read backwards comes before it.
    Ok(if is_backwards { Box::new(all[..begin].iter().rev()) } else { Box::new(all[begin..].iter()) })
}

fn of_stream(
    log: &Log,
    options: StreamOptions,
    is_backwards: bool,
) -> Result<Result<Records<'_>, StreamNotFound>, Status> {
    let identifier = options.stream_identifier.unwrap_or_default();
    let name = stream_name(&identifier)?;
    let Some(stream) = log.stream(&name).map_err(|refused| refusal::status(&name, Expected::Any, refused))? else {
        return Ok(Err(StreamNotFound { stream_identifier: Some(identifier) }));
    };
    let revision = match options.revision_option {
        Some(RevisionOption::Revision(revision)) => revision,
        Some(RevisionOption::Start(_)) | None => 0,
        Some(RevisionOption::End(_)) => u64::MAX,
    };
    Ok(Ok(if is_backwards { Box::new(stream.until(revision).rev()) } else { Box::new(stream.from(revision)) }))
}

/// A stream's name as text.
pub(crate) fn stream_name(identifier: &shared::StreamIdentifier) -> Result<String, Status> {
    let name = String::from_utf8(identifier.stream_name.to_vec());
    name.ok().filter(|name| !name.is_empty()).ok_or_else(|| Status::invalid_argument("a stream has a name"))
}

#[derive(Clone, Copy)]
enum IdForm {
    Text,
    Structured,
}

fn id_form(options: &Options) -> IdForm {
    match options.uuid_option.as_ref().and_then(|option| option.content.as_ref()) {
        Some(uuid_option::Content::String(_)) => IdForm::Text,
        Some(uuid_option::Content::Structured(_)) | None => IdForm::Structured,
    }
}

fn answer(content: Content) -> ReadResp {
    ReadResp { content: Some(content) }
}

fn event(record: &Record, ids: IdForm) -> ReadEvent {
    let id = match ids {
        IdForm::Text => uuid::Value::String(record.event.id.to_string()),
        IdForm::Structured => {
            let (most, least) = record.event.id.as_u64_pair();
            uuid::Value::Structured(uuid::Structured {
                most_significant_bits: most.cast_signed(),
                least_significant_bits: least.cast_signed(),
            })
        }
    };
    let metadata = HashMap::from([
        ("type".to_owned(), record.event.event_type.clone()),
        ("content-type".to_owned(), record.event.content_type.clone()),
        ("created".to_owned(), record.created_ticks.to_string()),
    ]);
    let recorded = read_event::RecordedEvent {
        id: Some(WireUuid { value: Some(id) }),
        stream_identifier: Some(refusal::identifier(&record.stream)),
        stream_revision: record.revision,
        prepare_position: record.position,
        commit_position: record.position,
        metadata,
        custom_metadata: record.event.custom_metadata.clone(),
        data: record.event.data.clone(),
    };
    ReadEvent {
        event: Some(recorded),
        link: None,
        position: Some(read_event::Position::CommitPosition(record.position)),
    }
}
