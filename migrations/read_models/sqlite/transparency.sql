-- The transparency logs: one of the whole server, and one for each organisation.
create table transparency_log (
    id           integer not null primary key,
    organisation text    unique,               -- null for the server's, which has every event
    size         integer not null              -- entries
) strict;

-- Their trees in pieces of up to 256 hashes; see C2SP tlog-tiles. Only the last tile of a level changes.
create table transparency_tile (
    log       integer not null,
    level     integer not null,
    tile      integer not null,
    hashes    blob    not null,                -- 32 bytes each
    positions blob,                            -- of the entries, 8 bytes each, big-endian; of level 0 only
    primary key (log, level, tile)
) strict, without rowid;

-- Where an event is in the server's log, and in its organisation's.
create table transparency_entry (
    event_id     blob    not null primary key,
    server_entry integer not null,
    log          integer,                      -- null for events that only operators may see
    entry        integer
) strict, without rowid;

-- The organisation of each stream, if its first event says so.
create table transparency_stream (
    stream text    not null primary key,
    log    integer not null
) strict, without rowid;
