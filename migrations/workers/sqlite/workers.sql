-- How far each worker has read the log, and the last event that it folded: a log without that event is another log.
-- `unreadable` counts the events that were passed over because this program could not decode them.
create table worker_checkpoint (
    worker          text    not null primary key,
    fold_version    integer not null,
    position        integer not null,
    folded_stream   text,
    folded_revision integer,
    folded_event    blob,
    unreadable      integer not null
) strict, without rowid;

-- What each worker still has to do, as JSON. Written in the transaction that moves the worker's checkpoint.
create table worker_item (
    worker text not null,
    key    text not null,
    item   text not null,
    primary key (worker, key)
) strict, without rowid;

pragma user_version = 1;
