-- The streams, numbered in the order in which they began. Names compare as bytes.
create table stream (
    stream_id bigint primary key,
    name      text collate "C" not null unique
);

-- The log: one row an event, never changed, never deleted. Positions have no gaps and grow in the order of the commits.
--
-- `metadata` and `payload` are text and not jsonb: their bytes are what is hashed, and jsonb forgets spaces, order and
-- spelling. `stream_id` is not declared as a foreign key: whoever writes adds the stream in the same transaction, under the
-- same lock.
create table event (
    position       bigint primary key,
    stream_id      bigint not null,
    revision       bigint not null,
    event_id       uuid   not null,
    name           text collate "C" not null,
    schema_version bigint not null,
    metadata       text   not null,
    payload        text   not null
);

-- Finds a stream's events and its newest revision; the last defence against two writers with the same revision.
create unique index event_by_stream on event (stream_id, revision);

-- Makes a repeated append find its first one.
create unique index event_by_id on event (event_id);

-- The last numbers that are in use: one row. A sequence would number transactions that are rolled back, too, and in the
-- order of their beginnings.
create table log_head (
    is_only   boolean primary key default true check (is_only),
    position  bigint not null,
    stream_id bigint not null
);
insert into log_head (position, stream_id) values (0, 0);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'events are immutable: % of the table % refused', tg_op, tg_table_name;
end
$$;

create trigger event_is_never_changed before update or delete or truncate on event
    for each statement execute function refuse_change();

create trigger stream_is_never_changed before update or delete or truncate on stream
    for each statement execute function refuse_change();

create trigger log_head_is_never_lost before delete or truncate on log_head
    for each statement execute function refuse_change();
