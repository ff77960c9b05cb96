-- The streams, numbered in the order in which they began.
--
-- Their events name them by number: the entries of streams that are written at the same time then lie beside each other in
-- `event_by_stream`, so that a commit of many appends changes a few pages of it instead of one for each stream.
create table stream (
    stream_id integer primary key,
    name      text not null unique
) strict;

-- The log: one row an event, never changed, never deleted. `position` has no gaps here, though the port promises none of that.
-- `stream_id` is not declared as a foreign key: the only writer adds the stream in the same transaction.
create table event (
    position       integer primary key,
    stream_id      integer not null,
    revision       integer not null,
    event_id       blob    not null,
    name           text    not null,
    schema_version integer not null,
    metadata       text    not null,
    payload        text    not null
) strict;

-- Finds a stream's events and its newest revision; the last defence against two writers with the same revision.
create unique index event_by_stream on event (stream_id, revision);

-- Makes a repeated append find its first one.
create unique index event_by_id on event (event_id);

create trigger event_is_never_updated before update on event
begin
    select raise(abort, 'events are immutable: UPDATE of the event log refused');
end;

create trigger event_is_never_deleted before delete on event
begin
    select raise(abort, 'events are immutable: DELETE from the event log refused');
end;

create trigger stream_is_never_updated before update on stream
begin
    select raise(abort, 'events are immutable: UPDATE of a stream refused');
end;

create trigger stream_is_never_deleted before delete on stream
begin
    select raise(abort, 'events are immutable: DELETE of a stream refused');
end;
