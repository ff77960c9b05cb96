"""What Kurrent's own client makes of the double. usage: second_opinion.py URL"""

import sys
import uuid

from kurrentdbclient import KurrentDBClient, NewEvent, StreamState
from kurrentdbclient.exceptions import (
    MaximumAppendSizeExceededError,
    NotFoundError,
    StreamIsDeletedError,
    WrongCurrentVersionError,
)


def event(data=b"{}"):
    return NewEvent(type="release.received", data=data, metadata=b'{"by":"a test"}')


def refused(error, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except error as raised:
        return raised
    raise AssertionError(f"{error.__name__} was not raised")


def ids(events):
    return [found.id for found in events]


def appends(client, stream, as_batch):
    """Both calls: a single event goes through Append, several through BatchAppend."""

    def append(expected, events):
        return client.append_to_stream(stream, current_version=expected, events=events if as_batch else events[0])

    first, second, third = event(b'{"n":1}'), event(b'{"n":2}'), event(b"\xff\x00 no text")
    one = append(StreamState.NO_STREAM, [first])
    two = append(0, [second])
    three = append(StreamState.ANY, [third])
    assert one < two < three

    wrong = refused(WrongCurrentVersionError, append, 0, [event()])
    assert wrong.actual_version == 2, wrong.actual_version
    refused(WrongCurrentVersionError, append, 7, [event()])
    refused(WrongCurrentVersionError, append, StreamState.NO_STREAM, [event()])

    # A repetition gets the first answer.
    assert append(StreamState.NO_STREAM, [first]) == one
    assert append(0, [second]) == two
    assert append(StreamState.ANY, [third]) == three

    forwards = client.get_stream(stream)
    assert ids(forwards) == [first.id, second.id, third.id]
    assert [found.stream_position for found in forwards] == [0, 1, 2]
    assert [found.commit_position for found in forwards] == [one, two, three]
    assert [found.data for found in forwards] == [first.data, second.data, third.data]
    assert {found.metadata for found in forwards} == {first.metadata}
    assert {found.type for found in forwards} == {first.type}
    assert all(found.recorded_at is not None for found in forwards)
    assert ids(client.get_stream(stream, backwards=True)) == [third.id, second.id, first.id]
    assert ids(client.get_stream(stream, stream_position=1, limit=1)) == [second.id]
    assert ids(client.get_stream(stream, stream_position=1, backwards=True)) == [second.id, first.id]
    return forwards


def reads_all(client, expected):
    everything = list(client.read_all(filter_exclude=()))
    positions = [found.commit_position for found in everything]
    assert positions == sorted(set(positions)), "a total order"
    assert any(found.type.startswith("$") for found in everything), "the system's events are there"
    assert ids(found for found in everything if not found.type.startswith("$")) == ids(expected)
    backwards = list(client.read_all(filter_exclude=(), backwards=True))
    assert ids(backwards) == ids(everything)[::-1]
    begin = expected[1].commit_position
    after = list(client.read_all(filter_exclude=(), commit_position=begin, limit=2))
    assert ids(after)[0] == expected[1].id and len(after) == 2, "the position is included"
    before = list(client.read_all(filter_exclude=(), commit_position=begin, backwards=True))
    assert expected[1].id not in ids(before), "backwards it is not"


def refuses(client):
    missing = f"release-{uuid.uuid4()}"
    refused(NotFoundError, client.get_stream, missing)
    large = event(b"x" * (1024 * 1024))
    refused(MaximumAppendSizeExceededError, client.append_to_stream, missing, current_version=StreamState.ANY, events=[large])
    refused(NotFoundError, client.get_stream, missing)


def deletes(client):
    deleted, ended = f"release-{uuid.uuid4()}", f"release-{uuid.uuid4()}"
    for stream in (deleted, ended):
        client.append_to_stream(stream, current_version=StreamState.NO_STREAM, events=[event(), event()])
    client.delete_stream(deleted, current_version=1)
    refused(NotFoundError, client.get_stream, deleted)
    client.append_to_stream(deleted, current_version=StreamState.NO_STREAM, events=[event()])
    assert [found.stream_position for found in client.get_stream(deleted)] == [2]
    client.tombstone_stream(ended, current_version=StreamState.ANY)
    refused(StreamIsDeletedError, client.get_stream, ended)
    refused(StreamIsDeletedError, client.append_to_stream, ended, current_version=StreamState.ANY, events=[event()])


def main():
    client = KurrentDBClient(sys.argv[1])
    expected = []
    for as_batch in (True, False):
        expected.extend(appends(client, f"release-{uuid.uuid4()}", as_batch))
    several = [event() for _ in range(500)]
    stream = f"project-{uuid.uuid4()}"
    last = client.append_to_stream(stream, current_version=StreamState.NO_STREAM, events=several)
    found = client.get_stream(stream)
    assert ids(found) == [one.id for one in several] and found[-1].commit_position == last
    expected.extend(found)
    reads_all(client, expected)
    refuses(client)
    deletes(client)
    client.close()


main()
