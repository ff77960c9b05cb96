-- Which keys open a repository, and the progress of its newest roll. A roll changes one row, however many keys it ends:
-- the keys of a generation end with it.
create table keyring (
    repository  text    not null primary key,
    generation  integer not null,
    rolled_at   integer,                    -- microseconds since 1970; null before the first roll
    grace_until integer,                    -- null unless a grace window is open
    machines    integer not null default 0, -- with an older key when the newest window opened, and not revoked since
    moved       integer not null default 0, -- those of them that use their new key
    closed_at   integer,                    -- when the newest window closed
    closed_by   text                        -- everyone_moved, time_over or cut
) strict, without rowid;

-- Keys stay after their end, because their downloads may be asked for later.
create table access_key (
    id            text    not null primary key,
    repository    text    not null,
    generation    integer not null,
    kind          text    not null,           -- shared, machine or enrolment
    name          text    not null,
    secret_sha256 text    not null,
    issued_at     integer not null,
    expires_at    integer,
    enrols_max    integer,
    enrolled      integer not null default 0, -- machines that enrolled with it
    follows       text,                       -- the key whose holder has this one now
    moved_at      integer,                    -- of an older key: when its machine first used the one that follows
    ended_by      text                        -- revoked or replaced; null if it ends with its generation
) strict, without rowid;
create index access_key_by_repository on access_key (repository, issued_at);
create index access_key_alive on access_key (repository, kind, generation, name) where ended_by is null;
create index access_key_by_what_it_follows on access_key (follows) where follows is not null;

-- Closed grace windows whose sealed keys are still in the secret store.
create table sealed_keys (
    repository text    not null,
    generation integer not null,
    primary key (repository, generation)
) strict, without rowid;
