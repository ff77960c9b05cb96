-- Which events are about what: an index over the log, which has the events themselves.

-- Up to 256 events that follow each other.
create table history_span (
    first   integer not null primary key,    -- position of its first event
    min_at  integer not null,                -- microseconds since 1970
    max_at  integer not null,
    records blob    not null                 -- 36 bytes an event, see projections/src/audit_index/record.rs
) strict;

-- Positions of the events that are about a subject, or that an event caused. Subjects are 64-bit numbers computed from
-- their texts.
create table history_mention (
    subject integer not null,
    block   integer not null,                -- positions divided by 4096
    offsets blob    not null,                -- the rest of each position, 2 bytes, ascending
    primary key (subject, block)
) strict, without rowid;
