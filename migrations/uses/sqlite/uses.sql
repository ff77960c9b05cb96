-- Key usage, counted outside the log. If this file is lost, nothing else is.
-- Times are microseconds since 1970; keys and digests are their bytes.
create table if not exists seen (
    key      blob    not null primary key,
    first_at integer not null,
    last_at  integer not null,
    times    integer not null
) strict, without rowid;
create index if not exists seen_by_age on seen (last_at);

create table if not exists fetched (
    sha256   blob    not null,
    key      blob    not null,
    first_at integer not null,
    last_at  integer not null,
    times    integer not null,
    primary key (sha256, key)
) strict, without rowid;
create index if not exists fetched_by_key on fetched (key, last_at);
create index if not exists fetched_by_age on fetched (last_at);
